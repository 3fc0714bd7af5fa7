from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from polycritic.core import Candidate, Comparison, FloatArray, PolycriticError, Progress, Scores, Task
from polycritic.critic._critic import Critic
from polycritic.critic.losses import bradley_terry_loss
from polycritic.critic.probes import _folder
from polycritic.critic.probes._probed import only

if TYPE_CHECKING:
    from collections.abc import Iterable


class Population(nn.Module):
    r"""People who disagree: one taste for all, and directions in which persons differ from it, each by a few hidden numbers.

    .. math:: u_a(x) = w \cdot x + z_a \cdot B x, \quad z_a \sim N(0, I), \quad P(1 \succ 2) = \sigma(u_a(x_1) - u_a(x_2))

    A person's z is inferred from judgements as a Gaussian, by a network that reads each judgement and adds up what they say:

    .. math::

        q(z) \propto N(0, I) \prod_i N(m_i, \lambda_i^{-1}), \quad (m_i, \lambda_i) = f\bigl((2 p_i - 1)(x_{i1} - x_{i2})\bigr)

    **Laws**: the order of judgements changes nothing; swapping a pair with its preference changes nothing; each further judgement
    makes z surer; someone who said nothing is everybody.

    Args:
        dim: d, the number of features.
        rank: How many numbers tell persons apart.
        width: The network's width.
        seed: Seeds the weights.

    >>> population = Population(3, rank=2)
    >>> mean, variance = population.posterior(torch.zeros(1, 0, 3), torch.zeros(1, 0))
    >>> mean.tolist(), variance.tolist()
    ([[0.0, 0.0]], [[1.0, 1.0]])

    References:
        Poddar et al. (2024), Personalizing Reinforcement Learning from Human Feedback with Variational Preference Learning.
    """

    size: Tensor

    def __init__(self, dim: int, rank: int = 4, width: int = 64, *, seed: int = 0) -> None:
        super().__init__()
        self.rank = rank
        self.shape = {"dim": dim, "rank": rank, "width": width}
        self.register_buffer("size", torch.ones(()))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.taste = nn.Parameter(torch.zeros(dim))
            self.directions = nn.Parameter(0.3 * torch.randn(rank, dim) / dim**0.5)
            self.reading = nn.Sequential(nn.Linear(dim, width), nn.GELU(), nn.Linear(width, 2 * rank))

    def posterior(self, judgements: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of z, (a, k) each, from signed differences (a, m, d), of which some are present (a, m)."""
        said: Tensor = self.reading(judgements)
        mean, precision = said.chunk(2, dim=-1)
        precision = softplus(precision - 2.0) * present.unsqueeze(-1)
        total = 1.0 + precision.sum(1)
        return (precision * mean).sum(1) / total, 1.0 / total

    def bound(self, difference: Tensor, preference: Tensor, present: Tensor, noise: Tensor) -> Tensor:
        """The negative evidence lower bound of each person's judgements, (a,), in nats.

        Args:
            difference: (a, m, d) features of the first less those of the second.
            preference: (a, m) probability that the first is better.
            present: (a, m) 1 or 0.
            noise: (a, k) standard normal.
        """
        mean, variance = self.posterior(difference * (2.0 * preference - 1.0).unsqueeze(-1), present)
        z = mean + variance.sqrt() * noise
        log_odds = (difference @ (self.taste + z @ self.directions).unsqueeze(-1)).squeeze(-1)
        nll = bradley_terry_loss(log_odds, torch.zeros_like(log_odds), preference)
        divergence = 0.5 * (variance + mean.square() - 1.0 - variance.log()).sum(-1)
        return (nll * present).sum(1) + divergence

    def save(self, folder: Path | str) -> None:
        """Write the weights and the shape into a folder."""
        _folder.write(folder, "population", self, self.shape)

    @classmethod
    def load(cls, folder: Path | str) -> Population:
        """Read what :meth:`save` wrote.

        Raises:
            PolycriticError: There is no population.
        """
        shape, weights = _folder.read(folder, "population")
        made = cls(**shape)
        made.load_state_dict(weights)
        return made.eval()


class Person:
    """What a critic's features are worth to one person: a :class:`~polycritic.core.Judge` and a comparer of one task.

    Args:
        critic: Whose features are read.
        population: Fitted on them.
        task: What is judged.
        judgements: The person's, few or none.

    >>> from polycritic.critic.backbones import Words
    >>> critic, task = Critic([Task("t")], Words(dim=4)), Task("t")
    >>> person = Person(critic, Population(4), task, [])
    >>> person.score([Candidate("p", "a")], [task]).spread.shape
    (1, 1)
    """

    def __init__(self, critic: Critic, population: Population, task: Task, judgements: Sequence[Comparison]) -> None:
        self.critic, self.population, self.task = critic, population, task
        difference, preference = _differences(critic, population, task, judgements)
        signed = difference * (2.0 * preference - 1.0).unsqueeze(-1)
        with torch.inference_mode():
            mean, variance = population.posterior(signed.unsqueeze(0), torch.ones(1, len(signed)))
        self.mean, self.variance = mean[0], variance[0]

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the utilities of features (n, d)."""
        own = x @ self.population.directions.T
        return x @ self.population.taste + own @ self.mean, own.square() @ self.variance

    @torch.inference_mode()
    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """The person's utility, and how unsure it is because little is known of the person."""
        only(self.task, tasks)
        if not tasks or not candidates:
            return Scores(tuple(tasks), np.empty((len(candidates), len(tasks))))
        mean, variance = self._read(_scaled(self.population, self.critic.features(candidates, self.task)))
        return Scores((self.task,), mean.double().numpy()[:, None], variance.double().sqrt().numpy()[:, None])

    @torch.inference_mode()
    def compare(self, pairs: Sequence[tuple[Candidate, Candidate]], task: Task, /) -> FloatArray:
        """The probability that the person prefers the first of each pair, (n,), over all that z may be."""
        only(self.task, [task])
        x = _scaled(self.population, self.critic.features([c for pair in pairs for c in pair], self.task))
        mean, variance = self._read(x[0::2] - x[1::2])
        log_odds = mean / (1.0 + torch.pi * variance / 8.0).sqrt()  # a logistic of a Gaussian, nearly
        return np.asarray(log_odds.double().sigmoid().numpy(), dtype=np.float64)


def fit_population(
    critic: Critic, rows: Iterable[Comparison], task: Task, rank: int = 4, steps: int = 600, *, seed: int = 0
) -> Population:
    """Learn a population from comparisons by several people, told apart by ``source``.

    Each step reads some of each person's judgements, as many as chance gives, so that it learns to know people by few. The
    critic's features are read once and stay as they are.

    Args:
        critic: Whose features are read.
        rows: Comparisons of the task.
        task: What is judged.
        rank: How many numbers tell persons apart.
        steps: Updates, each over all people.
        seed: Same seed, same population.

    Raises:
        PolycriticError: Fewer than two people judged the task.

    >>> from polycritic.critic.backbones import Words
    >>> a, b, task = Candidate("p", "long"), Candidate("p", "short"), Task("t")
    >>> rows = [Comparison(task="t", first=a, second=b, preference=p, source=s) for s, p in 8 * (("ann", 1.0), ("bob", 0.0))]
    >>> critic = Critic([task], Words(dim=4))
    >>> population = fit_population(critic, rows, task, rank=1, steps=100)
    >>> ann, bob = (Person(critic, population, task, rows[i : i + 1]) for i in (0, 1))
    >>> bool(ann.compare([(a, b)], task)[0] > bob.compare([(a, b)], task)[0])
    True
    """
    by_person: dict[str, list[Comparison]] = {}
    for row in rows:
        if row.task == task.name:
            by_person.setdefault(row.source, []).append(row)
    if len(by_person) < 2:
        raise PolycriticError(
            "a population is of two people or more",
            found=", ".join(map(repr, by_person)) or "no rows of the task",
            mend="Say in each row's source who judged",
        )
    people = list(by_person.values())
    population = Population(critic.backbone.dim, rank, seed=seed)
    difference, preference = _differences(critic, population, task, [row for own in people for row in own])
    population.size.copy_(difference.square().mean().sqrt().clamp_min(1e-6))
    difference = difference / population.size
    longest, ends = max(map(len, people)), np.cumsum([0, *map(len, people)])
    x, p = torch.zeros(len(people), longest, difference.shape[1]), torch.full((len(people), longest), 0.5)
    there = torch.zeros(len(people), longest)
    for a, (start, stop) in enumerate(itertools.pairwise(ends)):
        x[a, : stop - start], p[a, : stop - start] = difference[start:stop], preference[start:stop]
        there[a, : stop - start] = 1.0
    optimizer = torch.optim.AdamW(population.parameters(), 0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    with Progress("fitting a population", steps) as progress:
        for _ in range(steps):
            order = torch.rand(there.shape, generator=generator).masked_fill(there == 0, 2.0).argsort(1).argsort(1)
            kept = (1 + (torch.rand(len(people), generator=generator) * there.sum(1)).floor()).unsqueeze(1)
            seen = there * (order < kept)
            loss = population.bound(x, p, seen, torch.randn(len(people), rank, generator=generator)).sum() / seen.sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            progress.advance(1)
    return population.eval()


def _differences(
    critic: Critic, population: Population, task: Task, rows: Sequence[Comparison]
) -> tuple[Tensor, Tensor]:
    """Differences of features (n, d), and preferences (n,)."""
    if not rows:
        return torch.zeros(0, critic.backbone.dim), torch.zeros(0)
    x = _scaled(population, critic.features([c for row in rows for c in (row.first, row.second)], task))
    return x[0::2] - x[1::2], torch.tensor([row.preference for row in rows])


def _scaled(population: Population, features: FloatArray) -> Tensor:
    return torch.from_numpy(features).float() / population.size
