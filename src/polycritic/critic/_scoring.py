"""Scoring: any number of candidates, each distinct text once, in batches of like length."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from polycritic.core import Candidate, FloatArray, Progress, Scores, Task, bounds
from polycritic.critic._batch import describe_text, token_buckets
from polycritic.critic._packed import Packed, batches, can_pack
from polycritic.critic._prefix import Group, shared_prefixes
from polycritic.critic.backbones import Backbone, Tokens, Transformer
from polycritic.tasks import Text

if TYPE_CHECKING:
    from polycritic.critic._critic import Critic

_BUDGETS = {"cpu": 1024}
"""Tokens in one forward pass: on a processor more costs cache misses, less costs calls."""
_DEVICE_BUDGET = 8192
"""The same on other devices, which need more to be busy."""
_CHUNK = 8192
"""Texts tokenised and sorted at a time, so that memory does not grow with the number of candidates."""


@torch.inference_mode()
def score(critic: Critic, candidates: Sequence[Candidate], tasks: Sequence[Task]) -> Scores:
    """Score candidates on tasks; see :meth:`Critic.score`."""
    values = np.full((len(candidates), len(tasks)), np.nan)
    spread = np.full((len(candidates), len(tasks)), np.nan)
    cells = ((row, column) for row in range(len(candidates)) for column in range(len(tasks)))
    training = critic.training
    critic.eval()
    try:
        shapers = Shapers(critic, tasks)
        with Progress("scoring", len(candidates) * len(tasks)) as progress:
            for chunk in _chunks(cells, _CHUNK):
                readers: dict[Text, list[tuple[int, int]]] = {}
                for row, column in chunk:
                    text = critic.backbone.render(tasks[column], candidates[row])
                    readers.setdefault(text, []).append((row, column))
                who = list(readers.values())
                tokens = critic.backbone.tokenize(list(readers))
                surface = surface_of(critic, list(readers))
                for index, pooled, _ in encode(critic, tokens):
                    at = [(k, row, column) for k, i in enumerate(index) for row, column in who[i]]
                    for column in {c for _, _, c in at}:
                        own = [(k, row) for k, row, c in at if c == column]
                        here = [k for k, _ in own]
                        mean, std = shapers.decode(column, pooled[here], surface[[index[k] for k in here]])
                        rows = [row for _, row in own]
                        values[rows, column] = mean.double().cpu().numpy()
                        spread[rows, column] = std.double().cpu().numpy()
                    progress.advance(len(at))
    finally:
        critic.train(training)
    return Scores(tuple(tasks), values, spread)


@torch.inference_mode()
def score_steps(critic: Critic, candidates: Sequence[Candidate], task: Task) -> list[FloatArray]:
    """Score the steps of candidates; see :meth:`Critic.score_steps`."""
    result: list[FloatArray] = [np.full(max(len(c.steps), 1), np.nan) for c in candidates]
    training = critic.training
    critic.eval()
    try:
        shapers = Shapers(critic, [task])
        texts = [critic.backbone.render(task, c) for c in candidates]
        tokens, surface = critic.backbone.tokenize(texts), surface_of(critic, texts)
        for index, _, states in encode(critic, tokens, every=True):
            for k, i in enumerate(index):
                kept = [(j, end) for j, end in enumerate(tokens[i].ends) if end >= 0]
                if kept:
                    at = states[k, [end for _, end in kept]].float()
                    mean, _ = shapers.decode(0, at, surface[i].expand(len(kept), -1))
                    result[i][[j for j, _ in kept]] = mean.double().cpu().numpy()
    finally:
        critic.train(training)
    return result


def surface_of(critic: Critic, texts: Sequence[Text]) -> Tensor:
    """What can be counted in texts, (n, k)."""
    return torch.tensor([critic.backbone.surface(text) for text in texts], device=critic.device)


@torch.inference_mode()
def utilities(critic: Critic, texts: Sequence[Text], task: Task) -> Tensor:
    """The latent utilities of texts on one task, without the surface term, (n,): what an exported classifier reproduces."""
    training = critic.training
    critic.eval()
    shapers = Shapers(critic, [task])
    result = torch.empty(len(texts))
    for index, pooled, _ in encode(critic, critic.backbone.tokenize(texts)):
        result[index] = shapers.utility(0, pooled).cpu()
    critic.train(training)
    return result


class Shapers:
    """Tasks' heads, and their descriptions, encoded once: what turns pooled features into utilities and values."""

    def __init__(self, critic: Critic, tasks: Sequence[Task]) -> None:
        self.critic, self.tasks = critic, tasks
        self.heads = [critic.head(task) for task in tasks]
        self.columns = [critic.column(task) for task in tasks]
        self.descriptions: Tensor | None = None
        if critic.sharing.reads_description:
            tokens = critic.backbone.tokenize([describe_text(task) for task in tasks])
            rows = torch.empty(len(tasks), critic.backbone.dim, device=critic.device)
            for index, pooled, _ in encode(critic, tokens):
                rows[index] = pooled
            self.descriptions = rows

    def shape(self, column: int, pooled: Tensor) -> Tensor:
        columns = torch.full((len(pooled),), self.columns[column], device=pooled.device)
        description = pooled if self.descriptions is None else self.descriptions[column].expand_as(pooled)
        shaped: Tensor = self.critic.sharing(pooled, columns, description)
        return shaped

    def utility(self, column: int, pooled: Tensor) -> Tensor:
        """Without the surface term."""
        features = self.shape(column, pooled)
        return self.heads[column].utility(features, self.critic.described(features))

    def read(self, column: int, pooled: Tensor, surface: Tensor) -> tuple[Tensor, Tensor]:
        """Features (r, d), and the utility (r,) that all tasks share."""
        features = self.shape(column, pooled)
        same = torch.zeros(len(features), dtype=torch.long, device=features.device)
        return features, self.critic.prior(features, surface, [self.tasks[column]], same)

    def decode(self, column: int, pooled: Tensor, surface: Tensor) -> tuple[Tensor, Tensor]:
        """Means (r,) on the scale, to the last of double precision's bits, and standard deviations (r,)."""
        mean, spread = self.heads[column].decode(*self.read(column, pooled, surface))
        return mean.double().clamp(*bounds(self.tasks[column].scale)), spread


def encode(
    critic: Critic, tokens: Sequence[Tokens], *, every: bool = False
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Encode texts in batches of like length: which texts, their pooled features (s, d), their states (s, l, d).

    Where the backbone can be packed, no padding is computed, and a decoder reads a beginning that texts share once; elsewhere
    each batch is padded to its longest text. Unless ``every`` token's state is wanted, there may be those alone that are pooled.
    """
    backbone, device = critic.backbone, critic.device
    budget = _BUDGETS.get(device.type, _DEVICE_BUDGET)
    rest = list(range(len(tokens)))
    if can_pack(backbone):
        packed, groups = Packed(backbone, every), _groups(backbone, tokens, device)
        for batch in batches(tokens, groups, budget):
            with _precision(backbone, device):
                states, mask = packed(tokens, batch, device)
            yield [row.index for row in batch.rows], backbone.pool(states, mask), states
        rest = sorted(set(rest).difference(*(group.members for group in groups)))
    rest.sort(key=lambda i: len(tokens[i].ids))
    for bucket in token_buckets(tokens, rest, budget):
        ids, mask = backbone.collate([tokens[i] for i in bucket])
        ids, mask = ids.to(device), mask.to(device)
        with _precision(backbone, device):
            states = backbone(ids, mask)
        yield bucket, backbone.pool(states, mask), states


def _precision(backbone: Backbone, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """What the backbone's matrices are multiplied in."""
    wanted = backbone.precision if isinstance(backbone, Transformer) else torch.float32
    return contextlib.nullcontext() if wanted == torch.float32 else torch.autocast(device.type, wanted)


def _groups(backbone: Transformer, tokens: Sequence[Tokens], device: torch.device) -> list[Group]:
    """What is packed: on a processor everything, on other devices what shares its beginning; no encoder can share any."""
    if backbone.causal:
        return [group for group in shared_prefixes(tokens) if group.shared or device.type == "cpu"]
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i].ids))
    return [Group((i,), 0) for i in order] if device.type == "cpu" else []


def _chunks(cells: Iterator[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    chunk: list[tuple[int, int]] = []
    for cell in cells:
        chunk.append(cell)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
