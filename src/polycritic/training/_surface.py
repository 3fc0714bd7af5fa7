"""The surface term's start: a hierarchical logistic regression on all rows, before the first step.

A step reads some tens of texts through a network; what can be counted in thousands of them costs a second and no network. So
the surface term is fitted first, and the network learns what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
import torch

from polycritic.core import (
    BagRating,
    Candidate,
    Comparison,
    Feedback,
    FloatArray,
    Ranking,
    Rating,
    StepRatings,
    Task,
    bounds,
    candidates_of,
)
from polycritic.critic import Critic
from polycritic.training._hierarchical import HierarchicalWeights, Shares, best_penalties, hierarchical_logistic

_MOST_ROWS = 20_000


def fit_surface(critic: Critic, rows: Sequence[Feedback]) -> None:
    """Start a critic's surface term, and its heads, from a regression on rows' surfaces.

    Comparisons and rankings count by the differences of their candidates, ratings and bags by their place on the task's scale
    (on tasks without bounds, among the other ratings). How much tasks borrow from their families is what predicts tasks best
    that are left out, and how much from all what predicts prompts best that are left out. Of very many rows an evenly spread
    sample is read. A critic that was trained before keeps its heads, and its surface term is drawn towards what it was.

    Args:
        critic: Its surface term is set in place; one that reads nothing of the surface only gets its heads' starts.
        rows: Feedback of the critic's tasks.
    """
    step = max(math.ceil(len(rows) / _MOST_ROWS), 1)
    evidence = list(_evidence(critic, [rows[i] for i in range(0, len(rows), step)]))
    if not evidence:
        return
    shares = Shares(
        x=np.stack([e.surface for e in evidence]) * critic.reading.cpu().numpy(),
        y=np.array([e.share for e in evidence]),
        weight=np.array([e.weight for e in evidence]),
        task=np.array([e.column for e in evidence]),
        own=np.array([float(e.own) for e in evidence]),
    )
    prompts = {prompt: i for i, prompt in enumerate(sorted({e.prompt for e in evidence}))}
    group = np.array([prompts[e.prompt] for e in evidence])
    family = np.array([critic.surface.families[task.family] for task in critic.tasks])
    term = critic.surface
    shared, by_family, by_task = (p.detach().cpu().double().numpy() for p in (term.shared, term.family, term.task))
    prior = HierarchicalWeights(shared, by_family, by_task, np.zeros(len(critic.tasks)))
    fit = hierarchical_logistic(shares, family, prior, *best_penalties(shares, family, prior, group))
    with torch.no_grad():
        for parameter, value in ((term.shared, fit.shared), (term.family, fit.family), (term.task, fit.task)):
            parameter.copy_(torch.from_numpy(value))
    for i in np.unique(shares.task[shares.own > 0]):
        task = critic.tasks[i]
        low, high = bounds(task.scale)
        if math.isfinite(high - low) and not bool(critic.head(task).residual.weight.any()):
            critic.head(task).reset(low + (high - low) / (1.0 + math.exp(-fit.intercept[i])))


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    """One observation: a surface or a difference of two, the share it should get, and whether it has a place of its own."""

    prompt: str
    surface: FloatArray
    share: float
    weight: float
    column: int
    own: bool


def _evidence(critic: Critic, rows: Sequence[Feedback]) -> Iterator[_Evidence]:
    column = {task.name: i for i, task in enumerate(critic.tasks)}
    shares = {i: _place(task, rows) for i, task in enumerate(critic.tasks)}
    for row in rows:
        here = column[row.task]
        task = critic.tasks[here]

        def count(candidate: Candidate, task: Task = task) -> FloatArray:
            return np.array(critic.backbone.surface(critic.backbone.render(task, candidate)))

        prompt = candidates_of(row)[0].prompt
        match row:
            case Rating(candidate=candidate, value=value):
                yield _Evidence(prompt, count(candidate), shares[here](value), row.weight, here, own=True)
            case Comparison(first=first, second=second, preference=preference):
                yield _Evidence(prompt, count(first) - count(second), preference, row.weight, here, own=False)
            case Ranking(candidates=candidates, ranks=ranks):
                counted = [count(c) for c in candidates]
                pairs = list(combinations(range(len(ranks)), 2))
                for i, j in pairs:
                    preference = 0.5 + 0.5 * float(np.sign(ranks[j] - ranks[i]))
                    yield _Evidence(
                        prompt, counted[i] - counted[j], preference, row.weight / len(pairs), here, own=False
                    )
            case BagRating(candidates=candidates, value=value):
                counted = [count(c) for c in candidates]
                yield _Evidence(prompt, np.mean(counted, axis=0), shares[here](value), row.weight, here, own=True)
            case StepRatings(candidate=candidate, values=values) if not np.isnan(values).any():
                yield _Evidence(prompt, count(candidate), shares[here](min(values)), row.weight, here, own=True)


def _place(task: Task, rows: Sequence[Feedback]) -> Callable[[float], float]:
    """Where on its scale a task's value lies, between 0 and 1."""
    low, high = bounds(task.scale)
    if math.isfinite(high - low):
        return lambda value: (value - low) / (high - low)
    values = [row.value for row in rows if isinstance(row, Rating | BagRating) and row.task == task.name]
    if len(values) < 2 or (spread := float(np.std(values))) == 0.0:
        return lambda value: 0.5 + 0.0 * value
    return NormalDist(float(np.mean(values)), spread).cdf
