"""Reading candidates on one task: the features that heads and probes stand on, and what heads say beside a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from polycritic.core import Candidate, FloatArray, PolycriticError, Progress, Task, bounds
from polycritic.critic._scoring import Shapers, encode, surface_of
from polycritic.tasks import Text

if TYPE_CHECKING:
    from polycritic.critic._critic import Critic

_CHUNK = 8192


@torch.inference_mode()
def read(critic: Critic, candidates: Sequence[Candidate], task: Task) -> tuple[Tensor, Tensor]:
    """The features (n, d) of candidates, and the utility (n,) that all tasks share; each distinct text is encoded once."""
    training = critic.training
    critic.eval()
    try:
        shapers = Shapers(critic, [task])
        texts: dict[Text, int] = {}
        of = [texts.setdefault(critic.backbone.render(task, candidate), len(texts)) for candidate in candidates]
        distinct = list(texts)
        features = torch.empty(len(distinct), critic.backbone.dim, device=critic.device)
        prior = torch.empty(len(distinct), device=critic.device)
        with Progress("reading", len(distinct)) as progress:
            for start in range(0, len(distinct), _CHUNK):
                chunk = distinct[start : start + _CHUNK]
                surface = surface_of(critic, chunk)
                for index, pooled, _ in encode(critic, critic.backbone.tokenize(chunk)):
                    at = [start + i for i in index]
                    features[at], prior[at] = shapers.read(0, pooled.float(), surface[index])
                    progress.advance(len(index))
        return features[of], prior[of]
    finally:
        critic.train(training)


@torch.inference_mode()
def compare(critic: Critic, pairs: Sequence[tuple[Candidate, Candidate]], task: Task) -> FloatArray:
    """Compare candidates; see :meth:`Critic.compare`."""
    features, prior = read(critic, [candidate for pair in pairs for candidate in pair], task)
    log_odds = critic.head(task).log_odds(features[0::2], prior[0::2], features[1::2], prior[1::2])
    return np.asarray(log_odds.double().sigmoid().cpu().numpy(), dtype=np.float64)


@torch.inference_mode()
def quantiles(critic: Critic, candidates: Sequence[Candidate], task: Task, levels: Sequence[float]) -> FloatArray:
    """Quantiles of values; see :meth:`Critic.quantiles`."""
    if not all(0.0 < level < 1.0 for level in levels):
        raise PolycriticError("bad levels of quantiles", found=repr(list(levels)), expected="between 0 and 1")
    features, prior = read(critic, candidates, task)
    wanted = torch.tensor(list(levels), device=features.device)
    found = critic.head(task).quantiles(features, prior, wanted).double().clamp(*bounds(task.scale))
    return np.asarray(found.cpu().numpy(), dtype=np.float64)


@torch.inference_mode()
def features(critic: Critic, candidates: Sequence[Candidate], task: Task) -> FloatArray:
    """Features of candidates; see :meth:`Critic.features`."""
    return np.asarray(read(critic, candidates, task)[0].double().cpu().numpy(), dtype=np.float64)
