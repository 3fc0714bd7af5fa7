"""Which head, which loss? Worlds whose truth is known answer, three seeds each, with 95 % intervals over them.

    OMP_NUM_THREADS=1 python benchmarks/heads.py [--only numbers bags ...] [--seeds 3] [--json benchmarks/results/heads.json]
    OMP_NUM_THREADS=1 python benchmarks/heads.py --only real --data ../shared/data --json benchmarks/results/heads_real.json

- ``numbers``: squared error, beta-NLL, HL-Gauss, two-hot, quantiles and cumulative logits (nine levels) on ratings from 0 to 100
  with noise that is the same everywhere, or four times as wide for some: distance from the true mean, rank correlation with it,
  and how often and how tightly intervals of 90 % hold.
- ``preferences``: one vote, the majority of five votes, the same scaled by its strength, the share of votes, and the general
  preference model, on preferences that a utility explains, and on preferences that run in circles.
- ``bags``: the bag loss, the instance loss and half of each, on 1024 candidates in bags of 1 to 64.
- ``flips``: Bradley-Terry and its robust kin on comparisons of which 0 to 40 % are flipped, by a line and by a network.
- ``classes``: class labels alone, and with preferences between examples of one class.
- ``examples``: the reasoner that comes with the package, which saw synthetic tasks alone, a fitted logistic probe and naive
  Bayes, on 4 to 64 examples.
- ``people``: a population and one pooled critic, on people who disagree, after 0 to 16 judgements of each new person.
- ``raters``: the facets of many-facet Rasch measurement and the mean rating, on candidates that few of the raters saw, some of
  them severe; and the same severities learnt in a critic, judged on candidates that nobody rated.
- ``real``, or a part of it such as ``real-ratings``, only where it is asked for: the same questions to real feedback, on frozen
  features; see ``heads_real.py``.

All models are small and trained on whole data with Adam, the same number of steps each, so that only what is asked differs; for
``numbers`` the state that costs least on 100 held-out ratings is kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from scipy.special import expit, log_softmax
from torch import Tensor, nn

from polycritic.core import BagRating, Candidate, Comparison, Feedback, FloatArray, Interval, Levels, Rating, Task
from polycritic.critic import Critic, compile_batch, heads, losses
from polycritic.critic.backbones import Numbers
from polycritic.critic.heads import Head
from polycritic.critic.probes import (
    Person,
    Reasoner,
    fit_population,
    logistic_probe,
    naive_bayes_probe,
    synthetic_tasks,
)
from polycritic.worlds import bags as into_bags
from polycritic.worlds import cyclic_world, equal_relation, numeric_world

Record = dict[str, Any]
D = 8


def optimise(
    parameters: list[nn.Parameter], loss: Callable[[], Tensor], steps: int, held: Callable[[], Tensor] | None = None
) -> None:
    """Adam with a rate that falls to zero; with held-out rows, the state of their least loss is kept."""
    rate, least, best = 0.02, float("inf"), [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        optimizer.zero_grad()
        torch.autograd.backward(loss())
        optimizer.step()
        schedule.step()
        if held is not None and step % 5 == 4:
            with torch.inference_mode():
                seen = float(held())
            if seen < least:
                least, best = seen, [p.detach().clone() for p in parameters]
    if held is not None:
        with torch.no_grad():
            for p, value in zip(parameters, best, strict=True):
                p.copy_(value)


def fitted(
    task: Task,
    rows: list[Feedback],
    head: Callable[..., Head],
    inputs: int,
    seed: int,
    *,
    hidden: int = 0,
    held: list[Feedback] | None = None,
    annotators: tuple[str, ...] = (),
) -> Critic:
    """A critic on numbers, trained on all rows at once."""
    critic = Critic(
        [task], Numbers(inputs, hidden, seed=seed), head=head, surface=False, annotators=annotators, seed=seed
    )
    if all(isinstance(row, Rating) for row in rows):
        critic.head(task).reset(float(np.mean([row.value for row in rows if isinstance(row, Rating)])))
    batch = compile_batch(rows, {task.name: task}, critic.backbone)
    look = None if held is None else compile_batch(held, {task.name: task}, critic.backbone)
    optimise(
        list(critic.parameters()),
        lambda: critic.losses(batch).sum(),
        300,
        None if look is None else lambda: critic.losses(look).sum(),
    )
    return critic.eval()


def summary(values: list[float]) -> Record:
    """A mean over seeds, a t-interval, and the values: what is compared within a seed can be subtracted within it."""
    mean, n = float(np.mean(values)), len(values)
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return {"mean": mean, "low": mean - half, "high": mean + half, "each": values}


def over_seeds(measure: Callable[[int], dict[str, Record]], seeds: int) -> Record:
    """Every number of a nested record, summarised over seeds."""

    def join(parts: list[Any]) -> Any:
        if isinstance(parts[0], dict):
            return {key: join([part[key] for part in parts]) for key in parts[0]}
        return summary([float(part) for part in parts])

    joined: Record = join([measure(seed) for seed in range(seeds)])
    return joined


def written(x: FloatArray) -> list[Candidate]:
    """Rows of numbers as candidates."""
    return [Candidate("", " ".join(f"{v:.4f}" for v in row)) for row in x]


# --------------------------------------------------------------------------------------------------------------- numbers


def numbers(seed: int) -> dict[str, Record]:
    """Ratings from 0 to 100: the logistic of a utility and of noise that is even, or wide for some."""
    found: dict[str, Record] = {}
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    for name, uneven in (("even noise", False), ("uneven noise", True)):
        world = numeric_world(equal_relation(2, 0.0), 750, features=D, comparisons=0.0, seed=seed)
        utility, other = world.truth.values.T
        noise = np.where(uneven & (other > 0.5), 2.0, 0.5)
        mean = 100 * (expit(1.5 * utility[:, None] + noise[:, None] * nodes) @ weights) / weights.sum()
        value = 100 * expit(1.5 * utility + noise * np.random.default_rng(seed).standard_normal(len(utility)))
        candidates = list(world.candidates)
        train, look, test = slice(0, 400), slice(400, 500), slice(500, None)
        for kind in ("Interval", "Gaussian", "HLGauss", "TwoHot", "Quantiles", "Levels"):
            levels = kind == "Levels"
            scale = Levels(tuple(str(12.5 * k) for k in range(9))) if levels else Interval(0, 100)
            task = Task("rating", scale=scale)
            said = np.round(value / 12.5) * 12.5 if levels else value
            rows, held = (
                [
                    Rating(task="rating", candidate=c, value=float(v))
                    for c, v in zip(candidates[part], said[part], strict=True)
                ]
                for part in (train, look)
            )
            critic = fitted(task, list(rows), getattr(heads, kind), D, seed, hidden=32, held=list(held))
            stated = critic.score(candidates[test], [task]).of(task)
            low, high = critic.quantiles(candidates[test], task, [0.05, 0.95]).T
            found.setdefault(name, {})["cumulative logits, 9 levels" if levels else kind] = {
                "distance from the true mean (RMSE)": np.sqrt(np.mean((stated - mean[test]) ** 2)),
                "rank correlation": stats.spearmanr(stated, mean[test]).statistic,
                "coverage of 90 % intervals": np.mean((said[test] >= low) & (said[test] <= high)),
                "their width": np.mean(high - low),
            }
    return found


# ----------------------------------------------------------------------------------------------------------- preferences


class Scaled(heads.Utility):
    """A utility whose comparisons count by how strong the preference was."""

    def preference_nll(self, log_odds: Tensor, preference: Tensor, margin: Tensor) -> Tensor:
        """Bradley and Terry's loss, times the strength."""
        return losses.scaled_bradley_terry_loss(log_odds, torch.zeros_like(log_odds), preference, margin)


WAYS: dict[str, tuple[type[Head], Callable[[FloatArray], FloatArray]]] = {
    "one vote": (heads.Utility, lambda votes: votes[:, 0]),
    "majority of five": (heads.Utility, lambda votes: (votes.mean(1) > 0.5).astype(float)),
    "majority, scaled by strength": (Scaled, lambda votes: (votes.mean(1) > 0.5).astype(float)),
    "share of votes": (heads.Utility, lambda votes: votes.mean(1)),
    "share of votes, general preference": (heads.GeneralPreference, lambda votes: votes.mean(1)),
}


def preferences(seed: int) -> dict[str, Record]:
    """Five votes a pair, used in five ways; what is foretold is the true probability."""
    rng = np.random.default_rng(seed)
    world = numeric_world(equal_relation(1, 0.0), 800, features=D, comparisons=0.0, seed=seed)
    circle = cyclic_world(400, contestants=5, strength=0.8, seed=seed)
    utility = 1.5 * world.truth.values[:, 0]
    names = list(circle.candidates)
    worlds = {
        "a utility": (
            list(zip(world.candidates[0::2], world.candidates[1::2], strict=True)),
            expit(utility[0::2] - utility[1::2]),
            200,
        ),
        "circles of five": (
            [(row.first, row.second) for row in circle.rows],
            np.array([circle.preferences[names.index(r.first), names.index(r.second)] for r in circle.rows]),
            200,
        ),
    }
    found: dict[str, Record] = {}
    for name, (pairs, truth, n) in worlds.items():
        votes = (rng.random((len(pairs), 5)) < truth[:, None]).astype(float)
        for way, (head, said) in WAYS.items():
            strength = 1 + np.abs(votes.sum(1) - 2.5) // 1  # 3, 2 or 1: unanimous, four to one, three to two
            rows: list[Feedback] = [
                Comparison(task="t", first=a, second=b, preference=float(p), margin=float(m))
                for (a, b), p, m in zip(pairs[:n], said(votes)[:n], strength[:n], strict=True)
            ]
            critic = fitted(Task("t"), rows, head, len(pairs[0][0].response.split()), seed)
            p = np.clip(critic.compare(pairs[n:], Task("t")), 1e-6, 1 - 1e-6)
            q = truth[n:]
            excess = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
            found.setdefault(name, {})[way] = {
                "right side": np.mean((p > 0.5) == (q > 0.5)),
                "excess nats": np.mean(excess),
            }
    return found


# ------------------------------------------------------------------------------------------------------------------ bags


def bags(seed: int) -> dict[str, Record]:
    """The same 1024 candidates in bags of any size; a linear model, told only the bags' means."""
    world = numeric_world(equal_relation(1, 0.0), 800, features=D, noise=0.5, comparisons=0.0, seed=seed)
    rated = [row for row in world.rows if isinstance(row, Rating)]
    x, truth = torch.tensor(world.features).float(), world.truth.values[:, 0]
    place = {candidate: i for i, candidate in enumerate(world.candidates)}
    ways: dict[str, Callable[..., Tensor]] = {
        "bag": losses.bag_loss,
        "instance": losses.bag_instance_loss,
        "half of each": lambda f, there, value: losses.bag_interpolated_loss(f, there, value, 0.5),
    }
    found: dict[str, Record] = {}
    for size in (1, 2, 4, 8, 16, 32, 64):
        rows: list[BagRating] = into_bags(rated[:1024], size, seed=seed)
        members = torch.tensor([[place[c] for c in row.candidates] for row in rows])
        value, there = torch.tensor([row.value for row in rows]).float(), torch.ones_like(members, dtype=torch.bool)
        for way, loss in ways.items():
            model = nn.Linear(D, 1)
            nn.init.zeros_(model.weight)

            def cost(model: nn.Linear = model, loss: Callable[..., Tensor] = loss, members: Tensor = members) -> Tensor:
                return loss(model(x[members]).squeeze(-1), there, value).mean()  # noqa: B023

            optimise(list(model.parameters()), cost, 300)
            with torch.inference_mode():
                stated = model(x[1024:]).squeeze(-1).numpy()
            found.setdefault(f"bags of {size}", {})[way] = {
                "RMSE": np.sqrt(np.mean((stated - truth[1024:]) ** 2)),
                "correlation": np.corrcoef(stated, truth[1024:])[0, 1] if stated.std() > 1e-9 else 0.0,
            }
    return found


# ----------------------------------------------------------------------------------------------------------------- flips


Robust = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def both_classes(a: Tensor, b: Tensor) -> Tensor:
    """Utilities as logits of two classes, the second better and the first better."""
    return torch.stack([(b - a) / 2, (a - b) / 2], dim=-1)


ROBUST: dict[str, Robust] = {
    "Bradley-Terry": lambda a, b, said, _: losses.bradley_terry_loss(a, b, said),
    "smoothed": losses.smoothed_bradley_terry_loss,
    "unbiased": losses.unbiased_bradley_terry_loss,
    "generalised cross-entropy": lambda a, b, said, _: losses.generalized_cross_entropy_loss(
        both_classes(a, b), said.long(), 0.7
    ),
    "ALDR-KL": lambda a, b, said, _: losses.aldr_kl_loss(both_classes(a, b), said.long(), rounds=5),
    "hinge": lambda a, b, said, _: losses.hinge_loss(a, b, said, 1.0),
}


def flips(seed: int) -> dict[str, Record]:
    """400 comparisons, some flipped; two models; robust losses are told the true rate where they ask for one."""
    world = numeric_world(equal_relation(1, 0.0), 1400, features=D, comparisons=0.0, seed=seed)
    x, utility = torch.tensor(world.features).float(), 3.0 * world.truth.values[:, 0]
    better = utility[0::2] > utility[1::2]
    rng = np.random.default_rng(seed)
    place = rng.random(400)
    found: dict[str, Record] = {}
    for share in (0.0, 0.1, 0.2, 0.3, 0.4):
        said = torch.tensor(np.where(place < share, ~better[:400], better[:400])).float()
        for (way, loss), kind in itertools.product(ROBUST.items(), ("a line", "a network")):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                bent = nn.Sequential(nn.Linear(D, 32), nn.GELU(), nn.Linear(32, 1))
                model: nn.Module = nn.Linear(D, 1) if kind == "a line" else bent

            def cost(
                model: nn.Module = model, loss: Robust = loss, said: Tensor = said, share: float = share
            ) -> Tensor:
                u = model(x[:800]).squeeze(-1)
                return loss(u[0::2], u[1::2], said, share).mean()

            optimise(list(model.parameters()), cost, 200)
            with torch.inference_mode():
                u = model(x[800:]).squeeze(-1).numpy()
            found.setdefault(f"{share:.0%} flipped, {kind}", {})[way] = {
                "right side": np.mean((u[0::2] > u[1::2]) == better[400:]),
            }
    return found


# --------------------------------------------------------------------------------------------------------------- classes


def classes(seed: int) -> dict[str, Record]:
    """Three classes, drawn from known probabilities; and which of two examples of one class shows it more plainly."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((D, 3)) * 1.0
    held = rng.standard_normal((2000, D))
    best = (held @ weights).argmax(1)
    found: dict[str, Record] = {}
    for n in (30, 100, 300):
        x = rng.standard_normal((n, D))
        log_p = log_softmax(x @ weights, axis=1)
        label = np.array([rng.choice(3, p=np.exp(row)) for row in log_p])
        pairs = np.array([(i, j) for i in range(n) for j in range(n) if i != j and label[i] == label[j]])
        pairs = pairs[rng.permutation(len(pairs))[: 4 * n]]
        lead = np.array([log_p[i, label[i]] - log_p[j, label[i]] for i, j in pairs])
        preference = torch.tensor((rng.random(len(pairs)) < expit(2 * lead)).astype(float)).float()
        features, y = torch.tensor(x).float(), torch.tensor(label)
        first, second = torch.tensor(pairs).T
        for way in ("labels alone", "with as many preferences", "with four times as many"):
            m = {"labels alone": 0, "with as many preferences": min(n, len(pairs))}.get(way, len(pairs))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                trunk, head, votes = nn.Sequential(nn.Linear(D, 32), nn.GELU()), nn.Linear(32, 3), nn.Linear(32, 9)

            def cost(trunk: nn.Module = trunk, head: nn.Module = head, votes: nn.Module = votes, m: int = m) -> Tensor:
                z = trunk(features)  # noqa: B023
                logits = head(z)
                loss = losses.cross_entropy_loss(logits, y).mean()  # noqa: B023
                if not m:
                    return loss
                a, b, p = first[:m], second[:m], preference[:m]  # noqa: B023
                own = y[a][:, None, None].expand(-1, 3, 1)  # noqa: B023
                score = votes(z).unflatten(-1, (3, 3))  # three heads, each with a score for each label
                gap = (score[a] - score[b]).gather(-1, own).squeeze(-1)
                said = losses.bradley_terry_loss(gap, torch.zeros_like(gap), p[:, None]).mean()
                consistent = losses.class_consistency_loss(logits[a], logits[b], y[a], p).mean()  # noqa: B023
                return loss + said + consistent + 0.1 * losses.head_diversity_loss(gap).mean()

            optimise([*trunk.parameters(), *head.parameters(), *votes.parameters()], cost, 200)
            with torch.inference_mode():
                stated = head(trunk(torch.tensor(held).float())).argmax(1).numpy()
            found.setdefault(f"{n} labels", {})[way] = {"the likeliest class": np.mean(stated == best)}
    return found


# -------------------------------------------------------------------------------------------------------------- examples


def examples(seed: int) -> dict[str, Record]:
    """New tasks, of the kind that a reasoner was trained on, and of another: 32 features bent by a random network."""
    readers = {
        "reasoner": Reasoner.pretrained(),
        "logistic probe": logistic_probe,
        "naive Bayes": naive_bayes_probe,
    }
    found: dict[str, Record] = {}
    rng = np.random.default_rng(seed)
    for kind in ("tasks of the kind trained on", "bent features"):
        for n in (4, 8, 16, 32, 64):
            nats: dict[str, list[float]] = {way: [] for way in readers}
            right: dict[str, list[float]] = {way: [] for way in readers}
            x, y, log_odds = synthetic_tasks(40, n + 100, D, seed=10**9 + 1000 * seed + n)
            if kind == "bent features":
                x = np.tanh(x @ (rng.standard_normal((D, 32)) * 0.5) + 0.5 * rng.standard_normal(32))
            for k in range(len(x)):
                truth = expit(log_odds[k, n:])
                for way, reader in readers.items():
                    p = np.clip(reader(x[k, :n], y[k, :n])(x[k, n:]), 1e-6, 1 - 1e-6)
                    nats[way].append(float(-np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p))))
                    right[way].append(float(np.mean((p > 0.5) == (truth > 0.5))))
            found[f"{kind}, {n} examples"] = {
                way: {"nats": np.mean(nats[way]), "right side": np.mean(right[way])} for way in readers
            }
    return found


# ---------------------------------------------------------------------------------------------------------------- people


def camps(count: int, judgements: int, rng: np.random.Generator) -> tuple[list[Comparison], FloatArray]:
    """Two camps, opposed along one feature and of one mind along another; one taste a person, (p, D)."""
    camp = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    taste = np.zeros((count, D))
    taste[:, 0], taste[:, 1] = 2.5 * camp, 1.0
    taste += 0.3 * rng.standard_normal(taste.shape)
    rows = []
    for a in range(count):
        x = rng.standard_normal((judgements, 2, D)).round(4)
        said = rng.random(judgements) < expit((x[:, 0] - x[:, 1]) @ taste[a])
        pairs = zip(written(x[:, 0]), written(x[:, 1]), said, strict=True)
        rows += [
            Comparison(task="t", first=f, second=s, preference=float(w), source=f"person {a}") for f, s, w in pairs
        ]
    return rows, taste


def people(seed: int) -> dict[str, Record]:
    """Strangers: a population that reads a few judgements of each, one critic for all, and a probe on those few alone."""
    rng, task = np.random.default_rng(seed), Task("t")
    known, _ = camps(40, 20, rng)
    strangers, taste = camps(20, 56, rng)
    pooled = fitted(task, list(known), heads.Utility, D, seed)
    plain = Critic([task], Numbers(D))
    population = fit_population(plain, known, task, rank=3, seed=seed)
    found: dict[str, Record] = {}
    for n in (0, 1, 2, 4, 8, 16):
        right: dict[str, list[float]] = {}
        for a in range(20):
            own = strangers[56 * a : 56 * (a + 1)]
            x = np.array([[[float(v) for v in c.response.split()] for c in (r.first, r.second)] for r in own])
            lead = x[:, 0] - x[:, 1]
            better = lead[16:] @ taste[a] > 0
            pairs = [(row.first, row.second) for row in own[16:]]
            said = np.array([row.preference for row in own[:n]])
            stated = {
                "population": Person(plain, population, task, own[:n]).compare(pairs, task),
                "one pooled critic": pooled.compare(pairs, task),
            }
            if n:
                both, sides = np.concatenate([lead[:n], -lead[:n]]), np.concatenate([said, 1 - said])
                stated["a probe on those judgements alone"] = logistic_probe(both, sides)(lead[16:])
            for way, p in stated.items():
                right.setdefault(way, []).append(float(np.mean((p > 0.5) == better)))
        found[f"{n} judgements known"] = {way: {"right side": np.mean(values)} for way, values in right.items()}
    return found


# ---------------------------------------------------------------------------------------------------------------- raters


THRESHOLDS = torch.tensor([-1.5, -0.5, 0.5, 1.5])


def draw(utility: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Levels from 0 to 4, drawn by Rasch's model of utilities from which difficulty and severity were taken off."""
    at = torch.from_numpy(utility).float()
    p = losses.rasch_log_probabilities(at, torch.zeros_like(at), torch.zeros_like(at), THRESHOLDS).exp().numpy()
    return np.asarray((rng.random((len(p), 1)) > p.cumsum(1)).sum(1).clip(0, 4), dtype=np.float64)


def facets(candidate: FloatArray, item: FloatArray, rater: FloatArray, level: FloatArray) -> list[FloatArray]:
    """Utilities, difficulties and severities, fitted together; pulled to zero as by a standard normal prior."""
    at = [torch.from_numpy(index).long() for index in (candidate, item, rater)]
    parts = [nn.Parameter(torch.zeros(int(index.max()) + 1)) for index in at]
    thresholds, said = nn.Parameter(THRESHOLDS * 0), torch.from_numpy(level).float()

    def cost() -> Tensor:
        u, b, c = (part[index] for part, index in zip(parts, at, strict=True))
        nll = losses.rasch_loss(u, b, c, thresholds, said).sum()
        return (nll + 0.5 * torch.stack([part.square().sum() for part in parts]).sum()) / len(said)

    optimise([*parts, thresholds], cost, 400)
    return [part.detach().double().numpy() for part in parts]


def raters(seed: int) -> dict[str, Record]:
    """Eight raters, each severe or mild; every candidate was seen by three who sit side by side."""
    rng, found = np.random.default_rng(seed), dict[str, Record]()
    severity = np.sort(rng.standard_normal(8))
    for each in (6, 12, 24):
        truth, difficulty = rng.standard_normal(40), 0.7 * rng.standard_normal(30)
        candidate = np.repeat(np.arange(40), each)
        rater = (candidate + rng.integers(0, 3, len(candidate))) % 8
        item = rng.integers(0, 30, len(candidate))
        level = draw(truth[candidate] - difficulty[item] - severity[rater], rng)
        utility, _, harsh = facets(candidate, item, rater, level)
        found[f"{each} ratings of each of 40 candidates"] = {
            "facets": {
                "correlation of severities": np.corrcoef(harsh, severity)[0, 1],
                "rank correlation of candidates": stats.spearmanr(utility, truth).statistic,
            },
            "mean rating": {
                "correlation of severities": np.corrcoef(-np.bincount(rater, level) / np.bincount(rater), severity)[
                    0, 1
                ],
                "rank correlation of candidates": stats.spearmanr(np.bincount(candidate, level), truth).statistic,
            },
        }
    x = rng.standard_normal((800, D))
    who = rng.integers(0, 8, 400)
    x[:400, 1] += severity[who]  # the severe ones rate work of their own kind
    utility = x[:, 0] + 0.5 * x[:, 2]
    level = draw(utility[:400] - severity[who], rng)
    task, names = Task("rating", scale=Levels(("0", "1", "2", "3", "4"))), tuple(f"rater {k}" for k in range(8))
    points = written(x)
    rows = [
        Rating(task="rating", candidate=c, value=v, source=names[w])
        for c, v, w in zip(points[:400], level.tolist(), who.tolist(), strict=True)
    ]
    world = found.setdefault("a critic, 400 ratings, others judged", {})
    for way, known in (("severities learnt", names), ("without annotators", ())):
        critic = fitted(task, list(rows), heads.Levels, D, seed, annotators=known)
        stated = critic.score(points[400:], [task]).of(task)
        harsh = critic.annotators.shift(names, torch.zeros(1)).detach().numpy()
        world[way] = {
            "correlation of severities": np.corrcoef(harsh, severity)[0, 1] if known else 0.0,
            "rank correlation of candidates": stats.spearmanr(stated, utility[400:]).statistic,
        }
    return found


REAL = ("ratings", "preferences", "bags", "flips", "classes", "examples", "people")


def real_part(name: str, data: Path, features: Path) -> Callable[[int], dict[str, Record]]:
    """A part on real feedback."""
    from heads_real import parts

    return parts(data, features, ROBUST)[name]


PARTS: dict[str, Callable[[int], dict[str, Record]]] = {
    "numbers": numbers,
    "preferences": preferences,
    "bags": bags,
    "flips": flips,
    "classes": classes,
    "examples": examples,
    "people": people,
    "raters": raters,
}


def show(part: Record) -> None:
    """One line a world and a way, and how much more than the first way, seed by seed."""
    for name, ways in part.items():
        print(f"  {name}")
        first = next(iter(ways.values()))
        for way, measures in ways.items():
            said = "  ".join(f"{key} {interval(m)}" for key, m in measures.items())
            more = {key: summary(np.subtract(m["each"], first[key]["each"]).tolist()) for key, m in measures.items()}
            beside = "" if measures is first else "  more than the first: " + ", ".join(map(interval, more.values()))
            print(f"    {way:38} {said}{beside}")


def interval(m: Record) -> str:
    """A mean and its interval."""
    return f"{m['mean']:.3f} [{m['low']:.3f}, {m['high']:.3f}]"


def commit() -> str:
    """The commit, and whether anything was changed since."""
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    real = [f"real-{name}" for name in REAL]
    parser.add_argument("--only", nargs="*", choices=[*PARTS, "real", *real], default=list(PARTS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real feedback")
    parser.add_argument("--features", type=Path, default=Path(".features"), help="where frozen features are kept")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    record: Record = {
        "question": "Which head and which loss, on real feedback and on worlds whose truth is known",
        "commit": commit(),
        "versions": {name: version(name) for name in ("polycritic", "torch", "numpy", "scipy")}
        | {"python": platform.python_version()},
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "seeds": list(range(asked.seeds)),
        "interval": "95 %, Student's t over seeds",
        "CPU seconds": {},
    }
    wanted = [name for part in asked.only for name in (real if part == "real" else [part])]
    for name in dict.fromkeys(wanted):
        start = time.process_time()
        measure = PARTS[name] if name in PARTS else real_part(name.removeprefix("real-"), asked.data, asked.features)
        record[name] = over_seeds(measure, asked.seeds)
        record["CPU seconds"][name] = time.process_time() - start
        print(f"{name} ({record['CPU seconds'][name]:.0f} CPU s)", flush=True)
        show(record[name])
        if asked.json:
            asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
