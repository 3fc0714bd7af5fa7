"""Does balancing matter? Every balancer and combiner against training each task alone.

    python benchmarks/balancing_quality.py [--part numeric real trees] [--seeds 0 1 2] [--data ../shared/data] [--output out.json]

- numeric: worlds of six tasks on rows of numbers, a narrow network. ``related``: alike tasks. ``conflict``: two camps whose tasks
  disagree. ``noise``: alike, from clean to far more noise than signal. ``scales``: alike, ratings from a tenth to ten times the
  unit. ``outlier``: alike but one, which has nothing to do with the others. ``everything``: two camps, an outlier, and all
  noises and scales at once. Quality is the share of pairs of unseen candidates put in the order of the true utilities.
- real: outcomes, preferences and ratings together; frozen features of the embedded MiniLM, a small trained network on
  them that all tasks share, no surface term. Quality is the concordance on held-out rows, split by prompt.
- trees: the numeric worlds' ratings, read by boosted trees: robustly (``RMTGB``), all tasks' rows together, and, what the
  others are set beside, each task alone.

``DSMTL`` and ``RepMTL`` are no balancers: with uniform weights, the first stands on the network and the second is added to
the loss.

Single-task training makes the same steps, each with the rows that the task has in the shared steps, on a network of its own of
the same size. A task's gain is its quality's relative change against that, in per cent; a run's result is the mean over its
tasks, and its worst task. Intervals are Student's t, over worlds and seeds (numeric) or over tasks averaged over seeds (real).
``less Uniform`` (or, of trees, ``together``) is the paired difference of the means; a star marks those that stay apart from zero
after Holm's correction for the number of methods. Conflicts are the share of pairs of tasks with a negative cosine, over steps
in which gradients were found; balancers of losses are watched every tenth step. Cost is the median CPU time of a step over
Uniform's: the watched steps are too few to move it.
"""

from __future__ import annotations

import argparse
import inspect
import json
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student
from torch import Tensor, nn

from polycritic.core import Candidate, Feedback, FloatArray, Judge, Task, candidates_of
from polycritic.critic import Critic
from polycritic.critic.backbones import Backbone, Frozen, Numbers, Tokens, Transformer
from polycritic.critic.probes import Boosted, fit_rmtgb
from polycritic.critic.sharing import DSMTL, Hard, Sharing
from polycritic.evaluation import evaluate
from polycritic.feedback import read, split_by_prompt
from polycritic.tasks import Text
from polycritic.training import AdamW, Recipe, Regularizer, RepMTL, balancing, train
from polycritic.training.sampling import UniformSampling
from polycritic.worlds import equal_relation, numeric_world

ROWS = 8
"""Rows of each task in a step."""
TRAIN, TEST = 150, 200
"""Rows of each real task, where it has so many."""
SINGLE = "single-task"
PARTS = ("numeric", "real", "trees")
WORLDS = ("everything", "conflict", "scales", "noise", "outlier", "related")


TREES = {SINGLE: (0, 0, 130), "together": (130, 0, 0), "RMTGB": (10, 60, 60)}
"""Rounds for all tasks, for the two functions and for each task."""


@dataclass(frozen=True)
class Method:
    """What makes the balancer or combiner, and what else is not as usual."""

    maker: Callable[..., Any]
    sharing: Callable[[int], Sharing] = Hard
    regularizer: Regularizer | None = None


def methods() -> dict[str, Method]:
    """Every maker of the room that needs nothing but the tasks, a few that go around another, and what is no balancer."""
    found: dict[str, Method] = {}
    for name in balancing.__all__:
        maker = getattr(balancing, name)
        if inspect.isclass(maker) and next(iter(inspect.signature(maker).parameters), "") == "tasks":
            found[name] = Method(maker)
    others = {
        "Every(UPGrad)": Method(balancing.Every(balancing.UPGrad)),
        "CRMOGM(UPGrad)": Method(balancing.CRMOGM(balancing.UPGrad)),
        "FlatRegion(Uniform)": Method(balancing.FlatRegion(balancing.Uniform)),
        "LogOutcomes(costs={})": Method(partial(balancing.LogOutcomes, costs={})),
        "DSMTL": Method(balancing.Uniform, sharing=DSMTL),
        "RepMTL": Method(balancing.Uniform, regularizer=RepMTL()),
        "RepMTL(0.1, 0.1)": Method(balancing.Uniform, regularizer=RepMTL(entropy=0.1, alignment=0.1)),
    }
    return {**found, **others}


@dataclass(frozen=True)
class Problem:
    """Tasks, rows to train on by task, how a critic is made, and how good one is."""

    name: str
    tasks: tuple[Task, ...]
    rows: dict[str, list[Feedback]]
    critic: Callable[[Sequence[Task], Callable[[int], Sharing]], Critic]
    quality: Callable[[Judge, Task], float]
    recipe: Recipe


def numeric_problems(seed: int, steps: int, wanted: Sequence[str]) -> list[Problem]:
    """The worlds, drawn anew for each seed."""
    tasks = 6
    camps = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    conflict = 0.4 * np.eye(tasks) + 0.6 * np.outer(camps, camps)
    make = partial(numeric_world, n=160, features=16, seed=seed)
    alike = equal_relation(tasks, 0.7)
    noise, scales = (0.1, 0.3, 0.5, 1.0, 2.0, 4.0), (0.1, 0.3, 1.0, 1.0, 3.0, 10.0)
    odd = conflict.copy()
    odd[5, :5] = odd[:5, 5] = 0.0
    worlds = {
        "everything": make(odd, noise=np.roll(noise, 2).tolist(), scales=scales),
        "conflict": make(conflict, noise=0.5),
        "noise": make(alike, noise=noise),
        "scales": make(alike, noise=0.5, scales=scales),
        "outlier": make(equal_relation(tasks, 0.7, outliers=1), noise=0.5),
        "related": make(alike, noise=0.5),
    }
    problems = []
    for name in wanted:
        world = worlds[name]
        prompts = {candidate.prompt for candidate in world.candidates[:60]}
        rows: dict[str, list[Feedback]] = {task.name: [] for task in world.tasks}
        for row in world.rows:
            if candidates_of(row)[0].prompt in prompts:
                rows[row.task].append(row)
        test = world.candidates[60:]
        truth = {task.name: world.truth.values[60:, column] for column, task in enumerate(world.tasks)}

        def quality(
            critic: Judge,
            task: Task,
            test: Sequence[Candidate] = test,
            truth: dict[str, FloatArray] = truth,
        ) -> float:
            return in_order(critic.score(test, [task]).values[:, 0], truth[task.name])

        def critic(own: Sequence[Task], sharing: Callable[[int], Sharing]) -> Critic:
            return Critic(own, Numbers(16, 8, seed=seed), sharing, surface=False, seed=seed)

        recipe = Recipe(steps=steps, seed=seed, optimizer=AdamW(learning_rate=2e-2, head_rate=2e-2))
        problems.append(Problem(name, world.tasks, rows, critic, quality, recipe))
    return problems


def in_order(said: FloatArray, true: FloatArray) -> float:
    """The share of pairs in the true order; half for a tie."""
    first, second = np.triu_indices(len(said), 1)
    return float(0.5 + 0.5 * np.mean(np.sign(said[first] - said[second]) * np.sign(true[first] - true[second])))


class OnFrozen(Backbone):
    """A small trained network on a frozen backbone's features, which are computed once a text and remembered."""

    def __init__(self, inner: Backbone, known: dict[bytes, Tensor], dim: int, seed: int) -> None:
        super().__init__()
        self.frozen, self.known, self.dim, self.pad = (
            [inner],
            known,
            dim,
            inner.pad,
        )  # in a list: not trained, not saved
        self.tokens: dict[Text, Tokens] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = nn.Sequential(nn.Linear(inner.dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def render(self, task: Task, candidate: Candidate) -> Text:
        """As the frozen backbone does."""
        return self.frozen[0].render(task, candidate)

    def tokenize(self, texts: Sequence[Text]) -> list[Tokens]:
        """As the frozen backbone does, once a text."""
        new = [text for text in dict.fromkeys(texts) if text not in self.tokens]
        self.tokens.update(zip(new, self.frozen[0].tokenize(new) if new else [], strict=True))
        return [self.tokens[text] for text in texts]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """One state a text."""
        (inner,) = self.frozen
        keys = [row[keep].numpy().tobytes() for row, keep in zip(ids, mask, strict=True)]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        with torch.no_grad():
            for start in range(0, len(new), 32):
                part = torch.tensor(new[start : start + 32])
                pooled = inner.pool(inner(ids[part], mask[part]), mask[part]).float()
                self.known.update((keys[i], row) for i, row in zip(part.tolist(), pooled, strict=True))
        features: Tensor = self.network(torch.stack([self.known[key] for key in keys]))
        return features[:, None]

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """That state."""
        del mask
        return states[:, 0]

    def spec(self) -> dict[str, object]:
        """Not for saving."""
        return {"dim": self.dim}

    def save(self, folder: Path) -> None:
        """Not for saving."""
        raise NotImplementedError

    @classmethod
    def restore(cls, spec: dict[str, object], folder: Path) -> OnFrozen:
        """Not for saving."""
        raise NotImplementedError


def real_problems(seed: int, steps: int, folder: Path, known: dict[bytes, Tensor]) -> list[Problem]:
    """Two tasks each of outcomes, preferences and ratings; the same rows for every seed."""
    tasks: list[Task] = []
    rows: dict[str, list[Feedback]] = {}
    tests: dict[str, list[Feedback]] = {}
    for file, most in (("bbh_outcomes", 2), ("alpaca_eval_pairs", 1), ("pandalm_annotations", 1), ("sfres_ratings", 2)):
        split = split_by_prompt(read(folder / f"{file}.jsonl.gz"))
        counts = np.bincount(split.train.task_index, minlength=len(split.train.tasks))
        for i in np.argsort(-counts, kind="stable")[:most]:
            task = split.train.tasks[int(i)]
            tasks.append(task)
            for part, kept, count in ((split.train, rows, TRAIN), (split.test, tests, TEST)):
                own = part.of_task(task.name)
                chosen = np.random.default_rng(0).permutation(len(own))[:count]
                kept[task.name] = [own[int(j)] for j in chosen]
    inner = Transformer(tuning=Frozen(), max_length=64).eval()

    def quality(critic: Judge, task: Task) -> float:
        found = evaluate(critic, tests[task.name], [task], resamples=0)
        return found.macro["concordance"].value

    def critic(own: Sequence[Task], sharing: Callable[[int], Sharing]) -> Critic:
        return Critic(own, OnFrozen(inner, known, 16, seed), sharing, surface=False, seed=seed)

    recipe = Recipe(steps=steps, seed=seed, optimizer=AdamW(learning_rate=5e-3, head_rate=5e-3))
    return [Problem("real", tuple(tasks), rows, critic, quality, recipe)]


def trained(problem: Problem, tasks: Sequence[Task], method: Method) -> dict[str, Any]:
    """One run: quality by task, median CPU seconds of a step, mean cosine and share of conflicts."""
    critic, maker = problem.critic(tasks, method.sharing), method.maker
    rows = [row for task in tasks for row in problem.rows[task.name]]
    made, held = maker(tasks), []
    if isinstance(made, balancing.Validated):  # a tenth of the rows, which it then does not train on
        held, rows = rows[::10], [row for i, row in enumerate(rows) if i % 10]
    watched = maker if isinstance(made, balancing.Combiner) else balancing.Watched(maker)
    recipe = replace(
        problem.recipe,
        rows=ROWS * len(tasks),
        sampler=UniformSampling(),
        balancer=watched,
        regularizer=method.regularizer,
        validate_every=20,
        patience=99,
    )
    steps, seconds = [], []
    start = time.process_time()
    for step in train(critic, rows, recipe, validation=held):
        seconds.append(time.process_time() - start)
        steps.append(step)
        start = time.process_time()
    found = [step for step in steps if step.cosine is not None]
    return {
        "quality": {task.name: problem.quality(critic, task) for task in tasks},
        "seconds": float(np.median(seconds)),
        "cosine": float(np.mean([step.cosine for step in found])) if found else None,
        "conflicts": float(np.mean([step.conflicts for step in found])) if found else None,
    }


def measure(
    problem: Problem, seed: int, wanted: Sequence[str], runs: list[dict[str, Any]], save: Callable[[], None]
) -> None:
    """Add the runs of a problem that are not yet there."""
    part = "real" if problem.name == "real" else "numeric"
    about = {"part": part, "world": problem.name, "seed": seed}
    done = {(run["world"], run["seed"], run["method"]) for run in runs if run["part"] == part}
    if (problem.name, seed, SINGLE) not in done:
        alone = [trained(problem, [task], Method(balancing.Sum)) for task in problem.tasks]
        quality = {name: value for run in alone for name, value in run["quality"].items()}
        runs.append({**about, "method": SINGLE, "quality": quality, "seconds": sum(run["seconds"] for run in alone)})
    for name, method in methods().items():
        if name in wanted and (problem.name, seed, name) not in done:
            runs.append({**about, "method": name, **trained(problem, problem.tasks, method)})
            save()
    print(f"{problem.name}, seed {seed}: done", flush=True)


def boosted(problem: Problem, seed: int, runs: list[dict[str, Any]]) -> None:
    """Add the runs of boosted trees that are not yet there."""
    about = {"part": "trees", "world": problem.name, "seed": seed, "cosine": None, "conflicts": None}
    done = {(run["world"], run["seed"], run["method"]) for run in runs if run["part"] == "trees"}
    rows = [row for task in problem.tasks for row in problem.rows[task.name]]
    for name, rounds in TREES.items():
        if (problem.name, seed, name) not in done:
            start = time.process_time()
            judge = Boosted(Critic([], Numbers(16)), problem.tasks, rows, partial(fit_rmtgb, rounds=rounds))
            seconds = time.process_time() - start
            quality = {task.name: problem.quality(judge, task) for task in problem.tasks}
            runs.append({**about, "method": name, "quality": quality, "seconds": seconds, "outliers": judge.outliers})


def gains(runs: Sequence[dict[str, Any]], part: str) -> dict[str, dict[tuple[str, int], dict[str, float]]]:
    """By method, by world and seed: each task's gain in per cent over its single-task critic; problems with all methods only."""
    mine = [run for run in runs if run["part"] == part]
    count = len({run["method"] for run in mine})
    places = [(run["world"], run["seed"]) for run in mine]
    alone = {(run["world"], run["seed"]): run["quality"] for run in mine if run["method"] == SINGLE}
    table: dict[str, dict[tuple[str, int], dict[str, float]]] = {}
    for run in mine:
        place = (run["world"], run["seed"])
        if run["method"] != SINGLE and places.count(place) == count:
            single = alone[place]
            table.setdefault(run["method"], {})[place] = {
                name: 100.0 * (value / single[name] - 1.0) for name, value in run["quality"].items()
            }
    return {
        name: dict(sorted(found.items())) for name, found in table.items()
    }  # in one order, so that methods can be paired


def units(table: dict[tuple[str, int], dict[str, float]], part: str) -> FloatArray:
    """What varies independently: runs (numeric), or tasks averaged over seeds (real)."""
    if part != "real":
        return np.array([np.mean(list(run.values())) for run in table.values()])
    return np.asarray(np.mean([list(run.values()) for run in table.values()], axis=0))


def half_width(values: FloatArray) -> float:
    """Of the 95 % interval of the mean."""
    if len(values) < 2:
        return float("nan")
    return float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def p_value(values: FloatArray) -> float:
    """Two-sided, that the mean is zero; 1 where nothing differs."""
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    if spread == 0.0:
        return 1.0
    return float(2.0 * student.sf(abs(values.mean()) / (spread / np.sqrt(len(values))), len(values) - 1))


def holm(p: Sequence[float]) -> FloatArray:
    """Holm's adjusted p-values."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(np.array(p)[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    result = np.empty(len(p))
    result[order] = adjusted
    return result


def summary(runs: Sequence[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    """One line a method, best mean first."""
    table = gains(runs, part)
    usual = "together" if part == "trees" else "Uniform"
    if usual not in table:
        return []
    base = units(table[usual], part)

    def mean_of(name: str, key: str) -> float:
        values = [r[key] for r in runs if r["part"] == part and r["method"] == name and r[key] is not None]
        return float(np.mean(values)) if values else float("nan")

    lines: list[dict[str, Any]] = []
    for name, found in table.items():
        own = units(found, part)
        worst = np.array([min(run.values()) for run in found.values()])
        less = own - base
        lines.append(
            {
                "method": name,
                "mean": float(own.mean()),
                "mean_half": half_width(own),
                "worst": float(worst.mean()),
                "worst_half": half_width(worst),
                "less_uniform": float(less.mean()),
                "less_uniform_half": half_width(less),
                "p": 1.0 if name == usual else p_value(less),
                "cost": mean_of(name, "seconds") / mean_of(usual, "seconds"),
                "cosine": mean_of(name, "cosine"),
                "conflicts": mean_of(name, "conflicts"),
                "by_world": {
                    world: float(np.mean([np.mean(list(r.values())) for (w, _), r in found.items() if w == world]))
                    for world in dict.fromkeys(w for w, _ in found)
                },
            }
        )
    others = [line for line in lines if line["method"] != usual]
    for line, p in zip(others, holm([line["p"] for line in others]), strict=True):
        line["p_holm"] = float(p)
    return sorted(lines, key=lambda line: -line["mean"])


def print_table(lines: Sequence[dict[str, Any]], part: str) -> None:
    """The table, and who stands out."""
    if not lines:
        return
    worlds = list(lines[0]["by_world"]) if part != "real" else []
    usual = "together" if part == "trees" else "Uniform"
    print(f"\n{part}: gain over single-task training, per cent, with 95 % intervals\n")
    print(f"| method | mean | worst task | less {usual} | conflicts | cost |" + "".join(f" {w} |" for w in worlds))
    print("|---|---|---|---|---|---|" + "---|" * len(worlds))
    for line in lines:
        star = " *" if line.get("p_holm", 1.0) < 0.05 else ""
        less = "" if line["method"] == usual else f"{line['less_uniform']:+.2f} ± {line['less_uniform_half']:.2f}{star}"
        print(
            f"| {line['method']} | {line['mean']:+.2f} ± {line['mean_half']:.2f}"
            f" | {line['worst']:+.1f} ± {line['worst_half']:.1f} | {less} | {line['conflicts']:.2f} | {line['cost']:.2f} |"
            + "".join(f" {line['by_world'][w]:+.1f} |" for w in worlds)
        )


def main() -> None:
    """Run what is not yet there, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--worlds", nargs="*", choices=WORLDS, default=WORLDS)
    parser.add_argument("--methods", nargs="*", choices=tuple(methods()), default=tuple(methods()))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="none: only report")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--merge", type=Path, nargs="*", default=[], help="files of other seeds, to report together")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/balancing_quality.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    files = [arguments.output, *arguments.merge]
    said_before = [run for f in files if f.is_file() for run in json.loads(f.read_text())["runs"]]
    runs = list({(run["part"], run["world"], run["seed"], run["method"]): run for run in said_before}.values())
    git = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    about = {
        "commit": git.stdout.strip(),
        "versions": {package: version(package) for package in ("polycritic", "torch", "transformers", "numpy")},
        "python": platform.python_version(),
        "threads": arguments.threads,
        "steps": arguments.steps,
        "rows_a_task_a_step": ROWS,
        "real": {"train_rows_a_task": TRAIN, "test_rows_a_task": TEST, "max_length": 64},
    }

    def save() -> None:
        said = {part: summary(runs, part) for part in PARTS}
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        partial_file = arguments.output.with_suffix(".partial")
        partial_file.write_text(json.dumps({**about, "summary": said, "runs": runs}, indent=1))
        partial_file.replace(arguments.output)

    known: dict[bytes, Tensor] = {}
    for seed in arguments.seeds:
        if "numeric" in arguments.part:
            for problem in numeric_problems(seed, arguments.steps, arguments.worlds):
                measure(problem, seed, arguments.methods, runs, save)
        if "trees" in arguments.part:
            for problem in numeric_problems(seed, arguments.steps, arguments.worlds):
                boosted(problem, seed, runs)
        if "real" in arguments.part:
            for problem in real_problems(seed, arguments.steps, arguments.data, known):
                measure(problem, seed, arguments.methods, runs, save)
    save()
    for part in PARTS:
        print_table(summary(runs, part), part)
    print(f"\nwritten: {arguments.output}")


if __name__ == "__main__":
    main()
