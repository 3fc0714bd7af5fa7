"""Which head, which loss, on real feedback: the parts ``real-...`` of ``benchmarks/heads.py``.

All models stand on frozen features of the embedded MiniLM, computed once for each text and kept; a critic's head and its surface
term are what is trained, on all rows at once. Test rows are those of all benchmarks, a fifth of the prompts. A seed draws four
fifths of the other prompts to train on, starts the weights, and leaves the rest to say when to stop.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Feedback,
    FloatArray,
    Interval,
    Levels,
    Rating,
    Task,
    candidates_of,
    group_of,
)
from polycritic.critic import Batch, Critic, compile_batch, heads, losses
from polycritic.critic.backbones import Cached, Frozen, Transformer
from polycritic.critic.heads import Head
from polycritic.critic.probes import Person, Reasoner, fit_population, logistic_probe, naive_bayes_probe
from polycritic.training import AdamW, Recipe, train

Record = dict[str, Any]
LENGTH = 96
STEPS = 150
TAUS = [(i + 0.5) / 20 for i in range(20)]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows for training, for stopping and for testing."""

    train: list[Feedback]
    held: list[Feedback]
    test: list[Feedback]


def split(rows: Sequence[Feedback], seed: int) -> Rows:
    """By prompt: test rows are the same for all seeds."""

    def share(text: str) -> int:
        return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100

    parts: dict[str, list[Feedback]] = {"train": [], "held": [], "test": []}
    for row in rows:
        prompt = group_of(row)
        where = "test" if share(prompt) < 20 else "held" if share(f"{seed} {prompt}") < 20 else "train"
        parts[where].append(row)
    return Rows(**parts)


class Shelf:
    """Files, read once, and a backbone whose features are kept."""

    def __init__(self, data: Path, features: Path) -> None:
        self.data = data
        self.backbone = Cached(Transformer(tuning=Frozen(), max_length=LENGTH), features)
        self.known: dict[str, list[dict[str, Any]]] = {}

    def read(self, name: str, most: int = 10**9) -> list[dict[str, Any]]:
        """The records of a file, at most so many, evenly spread."""
        if name not in self.known:
            with gzip.open(self.data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
                self.known[name] = [json.loads(line) for line in file]
        records = self.known[name]
        return records[:: max(-(-len(records) // most), 1)]

    def stand(self, task: Task, rows: Rows) -> Stand:
        """Read rows once, for any number of heads."""
        critic = Critic([task], self.backbone)
        start = Recipe(steps=1, rows=1, optimizer=AdamW(learning_rate=0.0, head_rate=0.0))
        list(train(critic, rows.train, start))  # fits the surface term, and moves nothing else
        known = {task.name: task}
        batches = [compile_batch(part, known, self.backbone) for part in (rows.train, rows.held)]
        with torch.no_grad():
            features = [critic(batch) for batch in batches]
        labels = [row.value for row in rows.train if isinstance(row, Rating | BagRating)]
        return Stand(self.backbone, task, batches, features, critic.surface.state_dict(), labels)

    def features(self, candidates: Sequence[Candidate], task: Task) -> Tensor:
        """Features and surface of candidates, standardised, of length about one, (n, d): for models without a head."""
        critic = Critic([task], self.backbone)
        surface = [self.backbone.surface(self.backbone.render(task, c)) for c in candidates]
        x = np.concatenate([critic.features(candidates, task), np.array(surface)], axis=1)
        scaled: Tensor = torch.from_numpy((x - x.mean(0)) / np.maximum(x.std(0), 1e-6) / x.shape[1] ** 0.5).float()
        return scaled


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """Rows of one task that were read: their features, and the surface term that was fitted to them."""

    backbone: Cached
    task: Task
    batches: list[Batch]
    features: list[Tensor]
    surface: dict[str, Tensor]
    labels: list[float]

    def fitted(
        self, head: type[Head], seed: int, *, task: Task | None = None, annotators: tuple[str, ...] = ()
    ) -> Critic:
        """A critic whose head and described head are trained on all rows at once."""
        own = task or self.task
        critic = Critic([own], self.backbone, head=head, annotators=annotators, seed=seed)
        critic.surface.load_state_dict(self.surface)
        if self.labels:
            critic.head(own).reset(float(np.mean(self.labels)))
        batches = [replace(batch, tasks=(own,)) for batch in self.batches]

        def cost(k: int) -> Tensor:
            return critic.losses(batches[k], self.features[k]).sum()

        optimise([p for p in critic.parameters() if p.requires_grad], lambda: cost(0), lambda: cost(1), rate=0.005)
        return critic.eval()


def optimise(
    parameters: list[nn.Parameter], loss: Callable[[], Tensor], held: Callable[[], Tensor], rate: float = 0.02
) -> None:
    """Adam with a rate that falls to zero; the state of the least held-out loss is kept."""
    best, least = [p.detach().clone() for p in parameters], float("inf")
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS + 1):
        if step % 5 == 0:
            with torch.no_grad():
                seen = float(held())
            if seen < least:
                least, best = seen, [p.detach().clone() for p in parameters]
        if step < STEPS:
            optimizer.zero_grad()
            torch.autograd.backward(loss())
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        for p, value in zip(parameters, best, strict=True):
            p.copy_(value)


# --------------------------------------------------------------------------------------------------------------- ratings


def rated(shelf: Shelf) -> dict[str, tuple[Interval, list[tuple[Candidate, float]]]]:
    """Every rating set: its scale, and what was rated."""
    sets: dict[str, tuple[Interval, list[tuple[Candidate, float]]]] = {}
    for r in shelf.read("sfres_ratings"):
        sentence = Candidate(r["prompt"], r["completion"], reference=r["reference"])
        for name in ("naturalness", "overall"):
            sets.setdefault(f"SFRES {name}, 1 to 6", (Interval(1, 6), []))[1].append((sentence, r["ratings"][name]))
    for r in shelf.read("qags_cnndm_ratings"):
        found = sets.setdefault("QAGS consistency, 0 to 1", (Interval(0, 1), []))
        found[1].append((Candidate(r["prompt"], r["completion"]), r["ratings"]["consistency"]))
    for r in shelf.read("vicuna_ratings"):
        found = sets.setdefault("Vicuna by GPT-4, 1 to 5", (Interval(1, 5), []))
        found[1].append((Candidate(r["prompt"], r["completion"], rubric=r["rubric"]), np.mean(r["ratings"]["gpt4"])))
    return sets


def ratings(shelf: Shelf, seed: int) -> dict[str, Record]:
    """Heads for numbers: how far off, in what order, and how good the distribution is that they state."""
    found: dict[str, Record] = {}
    for name, (scale, said) in rated(shelf).items():
        task = Task("rating", "Judge the response.", scale)
        rows = split([Rating(task="rating", candidate=c, value=float(v)) for c, v in said], seed)
        value = np.array([row.value for row in rows.test])  # type: ignore[attr-defined]
        candidates = [candidates_of(row)[0] for row in rows.test]
        stand = shelf.stand(task, rows)
        step = (scale.high - scale.low) / (4 if scale.low == 0 else scale.high - scale.low)
        names = tuple(f"{v:g}" for v in np.arange(scale.low, scale.high + step / 2, step))
        for kind in ("Interval", "Gaussian", "HLGauss", "TwoHot", "Quantiles", "Levels"):
            own = replace(task, scale=Levels(names)) if kind == "Levels" else task
            critic = stand.fitted(getattr(heads, kind), seed, task=own)
            stated = critic.score(candidates, [own]).of(own)
            found.setdefault(name, {})["cumulative logits" if kind == "Levels" else kind] = measures(
                stated, critic.quantiles(candidates, own, TAUS), value
            )
        labels = np.array([row.value for row in rows.train])  # type: ignore[attr-defined]
        same = np.repeat(np.quantile(labels, TAUS)[None], len(value), axis=0)
        found[name]["no head: the labels' own"] = measures(np.full(len(value), labels.mean()), same, value)
    return found


def measures(stated: FloatArray, quantiles: FloatArray, value: FloatArray) -> Record:
    """Of means and quantiles: how far off, in what order, how good a distribution, how often the outer quantiles hold."""
    inside = (value >= quantiles[:, 0] - 1e-5) & (value <= quantiles[:, -1] + 1e-5)
    return {
        "RMSE": np.sqrt(np.mean((stated - value) ** 2)),
        "Spearman": stats.spearmanr(stated, value).statistic if stated.std() > 1e-9 else 0.0,
        "CRPS": crps(quantiles, value),
        "coverage of 95 % intervals": np.mean(inside),
    }


def crps(quantiles: FloatArray, value: FloatArray) -> float:
    """The continuous ranked probability score, as twice the mean pinball loss of evenly spread quantiles."""
    error = value[:, None] - quantiles
    return float(2 * np.mean(np.maximum(np.array(TAUS) * error, (np.array(TAUS) - 1) * error)))


# ----------------------------------------------------------------------------------------------------------- preferences


class Scaled(heads.Utility):
    """A utility whose comparisons count by how strong the preference was."""

    def preference_nll(self, log_odds: Tensor, preference: Tensor, margin: Tensor) -> Tensor:
        """Bradley and Terry's loss, times the strength."""
        return losses.scaled_bradley_terry_loss(log_odds, torch.zeros_like(log_odds), preference, margin)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two responses, the share of votes for the first, and one vote alone."""

    first: Candidate
    second: Candidate
    share: float
    one: float

    def row(self, preference: float, source: str = "") -> Comparison:
        """As feedback; the margin is 1 for a tie and 3 where all agree."""
        margin = 1.0 + 2.0 * abs(2 * self.share - 1)
        return Comparison(
            task="t", first=self.first, second=self.second, preference=preference, margin=margin, source=source
        )


def pairs(shelf: Shelf) -> dict[str, list[Pair]]:
    """Preferences with a strength: three people's votes, or one model's probability."""
    people = [
        Pair(
            Candidate(r["prompt"], str(r["completion_a"])),
            Candidate(r["prompt"], str(r["completion_b"])),
            float(np.mean([VOTE[v] for v in r["votes"]])),
            VOTE[r["votes"][0]],
        )
        for r in shelf.read("pandalm_annotations")
    ]
    model = [
        Pair(
            Candidate(r["prompt"], str(r["completion_a"])),
            Candidate(r["prompt"], str(r["completion_b"])),
            1.0 - r["preference_b"],
            float(r["preference_b"] < 0.5),
        )
        for r in shelf.read("alpaca_eval_pairs", 900)
    ]
    return {"PandaLM, three votes": people, "AlpacaEval, one model's probability": model}


VOTE = {0: 0.5, 1: 1.0, 2: 0.0}
WAYS: dict[str, tuple[type[Head], Callable[[Pair], float]]] = {
    "one vote": (heads.Utility, lambda pair: pair.one),
    "majority": (heads.Utility, lambda pair: float(np.sign(pair.share - 0.5) / 2 + 0.5)),
    "majority, scaled by strength": (Scaled, lambda pair: float(np.sign(pair.share - 0.5) / 2 + 0.5)),
    "share of votes": (heads.Utility, lambda pair: pair.share),
    "share of votes, general preference": (heads.GeneralPreference, lambda pair: pair.share),
}


def preferences(shelf: Shelf, seed: int) -> dict[str, Record]:
    """What is made of votes; the first and the second of a pair change places by lot."""
    found: dict[str, Record] = {}
    for name, given in pairs(shelf).items():
        turned = np.random.default_rng(0).random(len(given)) < 0.5
        given = [
            Pair(p.second, p.first, 1 - p.share, 1 - p.one) if t else p for p, t in zip(given, turned, strict=True)
        ]
        task = Task("t", "Which response is better?")
        for way, (head, said) in WAYS.items():
            rows = split([p.row(said(p)) for p in given], seed)
            critic = shelf.stand(task, rows).fitted(head, seed)
            asked = [(row.first, row.second) for row in rows.test if isinstance(row, Comparison)]
            truth = {(p.first, p.second): p.share for p in given}
            q = np.array([truth[pair] for pair in asked])
            p = np.clip(critic.compare(asked, task), 1e-6, 1 - 1e-6)
            decided = q != 0.5
            found.setdefault(name, {})[way] = {
                "right side": np.mean((p > 0.5)[decided] == (q > 0.5)[decided]),
                "nats a vote": -np.mean(q * np.log(p) + (1 - q) * np.log(1 - p)),
            }
    return found


# ------------------------------------------------------------------------------------------------------------------ bags


def bags(shelf: Shelf, seed: int) -> dict[str, Record]:
    """The same ratings, known only as means of bags; a line on standardised features."""
    said = rated(shelf)["SFRES overall, 1 to 6"][1]
    task = Task("rating", "Judge the response.", Interval(1, 6))
    rows = split([Rating(task="rating", candidate=c, value=float(v)) for c, v in said], seed)
    parts = (rows.train, rows.held, rows.test)
    everything = [candidates_of(row)[0] for part in parts for row in part]
    x = shelf.features(everything, task).split([len(part) for part in parts])
    y = [torch.tensor([row.value for row in part]) for part in parts]  # type: ignore[attr-defined]
    ways: dict[str, Callable[..., Tensor]] = {
        "bag": losses.bag_loss,
        "instance": losses.bag_instance_loss,
        "half of each": lambda f, there, value: losses.bag_interpolated_loss(f, there, value, 0.5),
    }
    found: dict[str, Record] = {}
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(y[0])))
    for size in (1, 2, 4, 8, 16, 32, 64):
        members = order[: len(order) // size * size].view(-1, size)
        held = (
            torch.arange(len(y[1]) // size * size).view(-1, size)
            if len(y[1]) >= size
            else torch.arange(len(y[1]))[None]
        )
        for way, loss in ways.items():
            model = nn.Linear(x[0].shape[1], 1)
            nn.init.zeros_(model.weight)
            nn.init.constant_(model.bias, float(y[0].mean()))

            def cost(k: int, index: Tensor, model: nn.Linear = model, loss: Callable[..., Tensor] = loss) -> Tensor:
                there = torch.ones_like(index, dtype=torch.bool)
                return loss(model(x[k][index]).squeeze(-1), there, y[k][index].mean(1)).mean()

            optimise(
                list(model.parameters()),
                lambda cost=cost, members=members: cost(0, members),  # type: ignore[misc]
                lambda cost=cost, held=held: cost(1, held),  # type: ignore[misc]
            )
            with torch.inference_mode():
                stated = model(x[2]).squeeze(-1).numpy()
            found.setdefault(f"bags of {size}", {})[way] = {
                "RMSE": np.sqrt(np.mean((stated - y[2].numpy()) ** 2)),
                "Spearman": stats.spearmanr(stated, y[2]).statistic if stated.std() > 1e-9 else 0.0,
            }
    return found


# ----------------------------------------------------------------------------------------------------------------- flips


Robust = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def flips(shelf: Shelf, seed: int, robust: dict[str, Robust]) -> dict[str, Record]:
    """Comparisons of Auto-J, ties left out, of which some in training are flipped; a line and a network."""
    said = [r for r in shelf.read("autoj_preferences") if not r["tie"]]
    task = Task("t", "Which response is better?")
    rows = split(
        [
            Comparison(
                task="t", first=Candidate(r["prompt"], r["chosen"]), second=Candidate(r["prompt"], r["rejected"])
            )
            for r in said
        ],
        seed,
    )
    parts = (rows.train, rows.held, rows.test)
    x = shelf.features([c for part in parts for row in part for c in candidates_of(row)], task)
    x_train, x_held, x_test = x.split([2 * len(part) for part in parts])
    rng = np.random.default_rng(seed)
    place, place_held = rng.random(len(rows.train)), rng.random(len(rows.held))
    found: dict[str, Record] = {}
    for share in (0.0, 0.1, 0.2, 0.3, 0.4):
        y, y_held = (torch.from_numpy(at >= share).float() for at in (place, place_held))
        for (way, loss), kind in itertools.product(robust.items(), ("a line", "a network")):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                bent = nn.Sequential(nn.Linear(x.shape[1], 32), nn.GELU(), nn.Linear(32, 1))
                model: nn.Module = nn.Linear(x.shape[1], 1) if kind == "a line" else bent

            def cost(
                x: Tensor, y: Tensor, model: nn.Module = model, loss: Robust = loss, share: float = share
            ) -> Tensor:
                u = model(x).squeeze(-1)
                return loss(u[0::2], u[1::2], y, share).mean()

            optimise(
                list(model.parameters()),
                lambda cost=cost, y=y: cost(x_train, y),  # type: ignore[misc]
                lambda cost=cost, y=y_held: cost(x_held, y),  # type: ignore[misc]
            )
            with torch.inference_mode():
                u = model(x_test).squeeze(-1)
            found.setdefault(f"{share:.0%} flipped, {kind}", {})[way] = {
                "right side": float((u[0::2] > u[1::2]).float().mean())
            }
    return found


# --------------------------------------------------------------------------------------------------------------- classes


def classes(shelf: Shelf, seed: int) -> dict[str, Record]:
    """SFRES overall in three classes (up to 3, 4 to 5, above), alone or with which of two of one class is more natural."""
    said = shelf.read("sfres_ratings")
    task = Task("rating", "Judge the response.", Interval(1, 6))
    by = {Candidate(r["prompt"], r["completion"], reference=r["reference"]): r["ratings"] for r in said}
    rows = split([Rating(task="rating", candidate=c, value=float(r["overall"])) for c, r in by.items()], seed)
    parts = (rows.train, rows.held, rows.test)
    everything = [[candidates_of(row)[0] for row in part] for part in parts]
    x = shelf.features([c for part in everything for c in part], task).split([len(part) for part in parts])
    y = [torch.tensor([int(np.digitize(by[c]["overall"], [3.5, 5.5])) for c in part]) for part in everything]
    natural = np.array([by[c]["naturalness"] for c in everything[0]])
    rng = np.random.default_rng(seed)
    found: dict[str, Record] = {}
    for n in (30, 100, 300):
        chosen = rng.permutation(len(y[0]))[:n]
        label = y[0][torch.from_numpy(chosen)]
        own = [
            (i, j)
            for i, j in itertools.permutations(range(n), 2)
            if label[i] == label[j] and natural[chosen[i]] > natural[chosen[j]]
        ]
        own = [own[i] for i in rng.permutation(len(own))[: 4 * n]]
        first, second = torch.tensor(own).T
        low = torch.tensor([int(label[i] < 2) for i, _ in own]).bool()  # in a bad class the less natural one shows it
        preference = torch.where(low, 0.0, 1.0)
        seen = x[0][torch.from_numpy(chosen)]
        for way, m in (("labels alone", 0), ("with as many preferences", n), ("with four times as many", 4 * n)):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                trunk = nn.Sequential(nn.Linear(x[0].shape[1], 32), nn.GELU())
                head, votes = nn.Linear(32, 3), nn.Linear(32, 9)

            def cost(trunk: nn.Module = trunk, head: nn.Module = head, votes: nn.Module = votes, m: int = m) -> Tensor:
                z = trunk(seen)  # noqa: B023
                logits = head(z)
                loss = losses.cross_entropy_loss(logits, label).mean()  # noqa: B023
                if not m:
                    return loss
                a, b, p = first[:m], second[:m], preference[:m]  # noqa: B023
                which = label[a][:, None, None].expand(-1, 3, 1)  # noqa: B023
                score = votes(z).unflatten(-1, (3, 3))
                gap = (score[a] - score[b]).gather(-1, which).squeeze(-1)
                told = losses.bradley_terry_loss(gap, torch.zeros_like(gap), p[:, None]).mean()
                consistent = losses.class_consistency_loss(logits[a], logits[b], label[a], p).mean()  # noqa: B023
                return loss + told + consistent + 0.1 * losses.head_diversity_loss(gap).mean()

            def held(trunk: nn.Module = trunk, head: nn.Module = head) -> Tensor:
                return losses.cross_entropy_loss(head(trunk(x[1])), y[1]).mean()

            optimise([*trunk.parameters(), *head.parameters(), *votes.parameters()], cost, held)
            with torch.inference_mode():
                p = head(trunk(x[2])).log_softmax(-1)
            found.setdefault(f"{n} labels", {})[way] = {
                "right class": float((p.argmax(-1) == y[2]).float().mean()),
                "nats": float(-p.gather(-1, y[2][:, None]).mean()),
            }
    return found


# -------------------------------------------------------------------------------------------------------------- examples


def examples(shelf: Shelf, seed: int) -> dict[str, Record]:
    """A few answers to BIG-Bench-Hard tasks, right or wrong: who tells about the others?"""
    readers = {
        "reasoner": Reasoner.pretrained(),
        "logistic probe": logistic_probe,
        "naive Bayes": naive_bayes_probe,
    }
    by: dict[str, list[dict[str, Any]]] = {}
    for r in shelf.read("bbh_outcomes"):
        by.setdefault(r["task"], []).append(r)
    rng = np.random.default_rng(seed)
    critic = Critic([], shelf.backbone)
    nats: dict[tuple[int, str], list[float]] = {}
    right: dict[tuple[int, str], list[float]] = {}
    for name in sorted(by)[:10]:
        records = by[name][:: max(len(by[name]) // 160, 1)][:160]
        x = critic.features([Candidate(r["prompt"], r["completion"]) for r in records], Task(name, scale=Binary()))
        y = np.array([float(r["label"]) for r in records])
        for n in (4, 8, 16, 32, 64):
            order = rng.permutation(len(y))
            known, asked = order[:n], order[64:]
            for way, reader in readers.items():
                p = np.clip(reader(x[known], y[known])(x[asked]), 1e-6, 1 - 1e-6)
                nats.setdefault((n, way), []).append(-float(np.mean(np.where(y[asked] > 0, np.log(p), np.log(1 - p)))))
                right.setdefault((n, way), []).append(float(np.mean((p > 0.5) == (y[asked] > 0.5))))
    return {
        f"{n} examples": {w: {"nats": np.mean(nats[n, w]), "right side": np.mean(right[n, w])} for w in readers}
        for n in (4, 8, 16, 32, 64)
    }


# ---------------------------------------------------------------------------------------------------------------- people


def people(shelf: Shelf, seed: int) -> dict[str, Record]:
    """Who said it: PandaLM's three people, and GPT-4 asked three times about Vicuna's answers."""
    found: dict[str, Record] = {}
    task = Task("t", "Which response is better?")
    rows = split(
        [
            Comparison(task="t", first=a, second=b, preference=VOTE[v], source=f"person {i}")
            for r in shelf.read("pandalm_annotations")
            for a, b in [
                (Candidate(r["prompt"], str(r["completion_a"])), Candidate(r["prompt"], str(r["completion_b"])))
            ]
            for i, v in enumerate(r["votes"])
        ],
        seed,
    )
    pooled = shelf.stand(task, rows).fitted(heads.Utility, seed)
    known = [row for row in rows.train if isinstance(row, Comparison)]
    plain = Critic([task], shelf.backbone)
    population = fit_population(plain, known, task, rank=1, steps=200, seed=seed)
    said: dict[str, list[FloatArray]] = {}
    for person in sorted({row.source for row in known}):
        asked = [row for row in rows.test if isinstance(row, Comparison) and row.source == person]
        both, q = [(row.first, row.second) for row in asked], np.array([row.preference for row in asked])
        mine = [row for row in known if row.source == person][:64]
        for way, judge in (("one pooled critic", pooled), ("a population", Person(plain, population, task, mine))):
            p = np.clip(judge.compare(both, task), 1e-6, 1 - 1e-6)
            said.setdefault(way, []).append(np.stack([p, q]))
    for way, parts in said.items():
        p, q = np.concatenate(parts, axis=1)
        found.setdefault("PandaLM, each person's votes", {})[way] = {
            "right side": np.mean((p > 0.5)[q != 0.5] == (q > 0.5)[q != 0.5]),
            "nats a vote": -np.mean(q * np.log(p) + (1 - q) * np.log(1 - p)),
        }
    scale = Task("rating", "Judge the response.", Interval(1, 5))
    runs = tuple(f"run {i}" for i in range(3))
    asked_thrice = [
        Rating(
            task="rating",
            candidate=Candidate(r["prompt"], r["completion"], rubric=r["rubric"]),
            value=v,
            source=runs[i],
        )
        for r in shelf.read("vicuna_ratings")
        for i, v in enumerate(map(float, r["ratings"]["gpt4"]))
    ]
    shift = np.linspace(
        -1.0, 1.0, 3
    )  # the same runs, made severe and mild by half a point each way, where the scale allows
    moved = [replace(r, value=float(np.clip(r.value + shift[runs.index(r.source)], 1, 5))) for r in asked_thrice]
    rng = np.random.default_rng(seed)
    for name, given in (("Vicuna, three runs of GPT-4", asked_thrice), ("the same, one severe and one mild", moved)):
        parts = split(asked_thrice, seed), split(given, seed)
        kept = set(
            rng.permutation(len(parts[1].train))[: len(parts[1].train) // 3].tolist()
        )  # not each run rates each answer
        rows = Rows([r for i, r in enumerate(parts[1].train) if i in kept], parts[1].held, parts[0].test)
        value = np.array([row.value for row in rows.test])  # type: ignore[attr-defined]
        for way, annotators in (("without annotators", ()), ("severities learnt", runs)):
            critic = shelf.stand(scale, rows).fitted(heads.Interval, seed, annotators=annotators)
            stated = critic.score([candidates_of(row)[0] for row in rows.test], [scale]).of(scale)
            severity = critic.annotators.shift(runs, torch.zeros(1)).detach().numpy()
            found.setdefault(name, {})[way] = {
                "RMSE": np.sqrt(np.mean((stated - value) ** 2)),
                "Spearman": stats.spearmanr(stated, value).statistic,
                "spread of severities": severity.max() - severity.min(),
            }
    return found


def parts(data: Path, features: Path, robust: dict[str, Robust]) -> dict[str, Callable[[int], dict[str, Record]]]:
    """Everything that is asked of real feedback, as functions of the seed."""
    shelf = Shelf(data, features)
    asked: list[Callable[[Shelf, int], dict[str, Record]]] = [ratings, preferences, bags, classes, examples, people]
    found = {measure.__name__: partial(measure, shelf) for measure in asked}
    return {**found, "flips": lambda seed: flips(shelf, seed, robust)}
