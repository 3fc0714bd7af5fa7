from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from polycritic.core import (
    Candidate,
    Comparison,
    FloatArray,
    PolycriticError,
    Scores,
    Task,
    bounds,
    scale_from_dict,
    scale_to_dict,
)
from polycritic.critic._critic import Critic
from polycritic.critic.losses import bradley_terry_loss
from polycritic.critic.probes import _folder
from polycritic.critic.probes._probed import only

_TEMPERATURE = 10.0
_WIDTH = 32


class Gated:
    r"""An overall judge made of a critic's judges of attributes: what each attribute is worth depends on the prompt alone.

    .. math:: u(x, y) = s \sum_k \mathrm{softmax}\bigl(g(x) / 10\bigr)_k\, r_k(x, y)

    with :math:`r_k` the value of attribute k as a share of its scale. The gate does not see the response, so no
    response can choose the attribute it is good at; the weights are positive and sum to one, so no attribute ever counts against.

    Args:
        critic: Trained on the attributes.
        attributes: Its tasks, known or not.
        task: What is judged overall, on the scale ``Utility``.
        gate: Features of the prompt (n, d) to (n, k).

    >>> from polycritic.critic.backbones import Words
    >>> critic = Critic([Task("q/help"), Task("q/brief")], Words(dim=4))
    >>> judge = Gated(critic, critic.tasks, Task("q"), nn.Linear(4, 2))
    >>> judge.weights([Candidate("Why?", "Because.")]).sum().round(6)
    np.float64(1.0)

    References:
        Wang et al. (2024), Interpretable Preferences via Multi-Objective Reward Modeling and Mixture-of-Experts.
    """

    def __init__(
        self, critic: Critic, attributes: Sequence[Task], task: Task, gate: nn.Module, size: float = 1.0
    ) -> None:
        self.critic, self.attributes, self.task, self.gate, self.size = critic, tuple(attributes), task, gate, size
        if len(self.attributes) < 2 or math.isfinite(bounds(task.scale)[1]):
            raise PolycriticError(
                "a gate weighs two attributes or more, and gives a utility",
                found=f"{len(self.attributes)} attributes, and {task!r}",
            )

    @torch.inference_mode()
    def weights(self, candidates: Sequence[Candidate]) -> FloatArray:
        """What each attribute is worth for each candidate's prompt, (n, k)."""
        shares = (self.gate(prompt_features(self.critic, candidates, self.task)) / _TEMPERATURE).softmax(-1)
        return np.asarray(shares.double().numpy(), dtype=np.float64)

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """The utility, and its spread where every attribute states one, as if the attributes erred on their own."""
        only(self.task, tasks)
        if not tasks or not candidates:
            return Scores(tuple(tasks), np.empty((len(candidates), len(tasks))))
        values, spread = attribute_shares(self.critic.score(candidates, self.attributes))
        weights = self.size * self.weights(candidates)
        return Scores(
            (self.task,),
            (weights * values).sum(1, keepdims=True),
            np.sqrt(((weights * spread) ** 2).sum(1, keepdims=True)),
        )

    def save(self, folder: Path | str) -> None:
        """Write what :func:`fit_gate` learnt into a folder: the gate and its tasks, not the critic."""
        tasks = [
            {"name": t.name, "description": t.description, "scale": scale_to_dict(t.scale)}
            for t in (self.task, *self.attributes)
        ]
        _folder.write(folder, "gate", self.gate, {"size": self.size, "tasks": tasks})

    @classmethod
    def load(cls, critic: Critic, folder: Path | str) -> Gated:
        """Read what :meth:`save` wrote, for the same critic.

        Raises:
            PolycriticError: There is no gate.
        """
        about, weights = _folder.read(folder, "gate")
        task, *attributes = (Task(t["name"], t["description"], scale_from_dict(t["scale"])) for t in about["tasks"])
        gate = _gate(critic.backbone.dim, len(attributes))
        gate.load_state_dict(weights)
        return cls(critic, attributes, task, gate.eval().requires_grad_(False), float(about["size"]))


def fit_gate(
    critic: Critic,
    attributes: Sequence[Task],
    task: Task,
    rows: Sequence[Comparison],
    steps: int = 300,
    *,
    seed: int = 0,
) -> Gated:
    """Learn a gate from comparisons of the overall task; the critic stays as it is.

    The gate is a small network on the features of the prompt; it starts with equal weights for all attributes.

    Args:
        critic: Trained on the attributes, by ratings or comparisons; attributes that few rows speak of need no filling in.
        attributes: Two or more of its tasks.
        task: What the rows compare, on the scale ``Utility``.
        rows: Comparisons of the task.
        steps: Updates, each over all rows.
        seed: Seeds the gate.

    Raises:
        PolycriticError: No row speaks of the task.

    >>> from polycritic.critic.backbones import Words
    >>> critic = Critic([Task("q/help"), Task("q/brief")], Words(dim=4))
    >>> row = Comparison(task="q", first=Candidate("Why?", "Because."), second=Candidate("Why?", "No."))
    >>> fit_gate(critic, critic.tasks, Task("q"), [row], steps=2).score([row.first], [Task("q")])
    Scores(1 candidates x 1 tasks: q)
    """
    mine = [row for row in rows if row.task == task.name]
    if not mine:
        raise PolycriticError("no comparisons to fit a gate on", where=f"task {task.name!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        gate = _gate(critic.backbone.dim, len(attributes))
    prompts = prompt_features(critic, [row.first for row in mine], task)
    values, _ = attribute_shares(critic.score([c for row in mine for c in (row.first, row.second)], list(attributes)))
    lead = torch.from_numpy(values[0::2] - values[1::2]).float()
    preference, weight = (torch.tensor([getattr(row, name) for row in mine]) for name in ("preference", "weight"))
    log_size = nn.Parameter(
        torch.tensor(math.log(1.0 / max(float(lead.std()), 1e-3))) if lead.numel() > 1 else torch.zeros(())
    )
    optimizer = torch.optim.AdamW([*gate.parameters(), log_size], 0.02, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        shares = (gate(prompts) / _TEMPERATURE).softmax(-1)
        log_odds = log_size.exp() * (shares * lead).sum(-1)
        nll = bradley_terry_loss(log_odds, torch.zeros_like(log_odds), preference)
        optimizer.zero_grad()
        torch.autograd.backward((weight * nll).sum() / weight.sum().clamp_min(1e-12))
        optimizer.step()
        schedule.step()
    return Gated(critic, attributes, task, gate.eval().requires_grad_(False), float(log_size.exp().detach()))


def _gate(features: int, attributes: int) -> nn.Sequential:
    """A small network that starts with equal weights for all attributes."""
    said = nn.Linear(_WIDTH, attributes)
    gate = nn.Sequential(nn.Linear(features, _WIDTH), nn.GELU(), said)
    nn.init.zeros_(said.weight)
    nn.init.zeros_(said.bias)
    return gate


def prompt_features(critic: Critic, candidates: Sequence[Candidate], task: Task) -> Tensor:
    """The features (n, d) of the candidates' prompts, without any response."""
    asked = [Candidate(c.prompt, "", instruction=c.instruction, rubric=c.rubric, context=c.context) for c in candidates]
    features = critic.features(asked, task)
    size = np.sqrt((features**2).mean(1, keepdims=True))
    return torch.from_numpy(features / np.maximum(size, 1e-9)).float()


def attribute_shares(scores: Scores) -> tuple[FloatArray, FloatArray]:
    """Values and spreads, (n, k) each, as shares of their scales; of tasks without bounds as they are."""
    values, spread = scores.values.copy(), np.full_like(scores.values, np.nan)
    for column, task in enumerate(scores.tasks):
        low, high = bounds(task.scale)
        start, width = (low, high - low) if math.isfinite(high - low) else (0.0, 1.0)
        values[:, column] = (values[:, column] - start) / width
        if scores.spread is not None:
            spread[:, column] = scores.spread[:, column] / width
    return values, spread
