from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from polycritic import __version__
from polycritic.cli._output import JsonFlag, say, say_json, table
from polycritic.core import Binary, Candidate, Estimate, Feedback, FloatArray, Judge, Progress, Scores, Task

if TYPE_CHECKING:
    from polycritic.critic import Critic
    from polycritic.decision import BestOfN
    from polycritic.evaluation import Evaluation, Judged
    from polycritic.training import Recipe
    from polycritic.worlds import World

UNSEEN = ("facts/grounded_summary", "format/json_objects", "logic/ordering", "text/anagrams")
"""Worlds that no contender trains on, one of each of four families, whose mistakes can be seen by reading.

To learn to calculate takes more than minutes.
"""
_TRAIN_PROBLEMS, _TEST_PROBLEMS = 120, 6
_POOLED = Task("pooled", "Is it right?", Binary())


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a quickstart does.

    Args:
        steps: Updates of the one critic; the others read as many rows.
        rows: Rows an update.
        best_of: Different answers to choose among.
        choices: Problems of each seen task on which to choose.
        new_choices: Problems of each unseen task on which to choose.
    """

    steps: int = 20
    rows: int = 24
    best_of: int = 4
    choices: int = 8
    new_choices: int = 60


def quickstart(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the critic and the report go.")] = Path(
        "runs/quickstart"
    ),
    steps: Annotated[
        int, typer.Option(min=1, help="Updates of the one critic; the contenders read as many rows.")
    ] = 20,
    seed: Annotated[int, typer.Option(help="Another seed is another run.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Train one critic on built-in tasks, judge tasks it never saw, pick answers, write a report."""
    start = time.monotonic()
    effort = replace(Effort(), steps=steps)
    result = run(output, effort, seed)
    result["seconds"] = round(time.monotonic() - start, 1)
    if as_json:
        say_json(result)
        return
    say(table(["", "seen tasks", "unseen tasks"], result["rows"]))
    say(["(share of pairs of answers in the right order, mean over tasks; chance is 0.5;"])
    say([" an unseen task is judged by the specialist of the task most like it)", ""])
    say(
        table(
            [f"right when 1 of {effort.best_of} answers is picked", "seen tasks", "unseen tasks"], result["best_of_n"]
        )
    )
    say(["", f"critic: {result['critic']}", f"report: {result['report']}", f"{result['seconds']:.0f} seconds"])


def run(output: Path, effort: Effort, seed: int, kept_back: Sequence[str] = UNSEEN) -> dict[str, Any]:
    """Train, compare, choose and write; the result is what :func:`quickstart` prints.

    Args:
        output: Where the critic and the report go.
        effort: How much is done.
        seed: Of problems, training and choices.
        kept_back: The worlds that nobody trains on.
    """
    from polycritic.cli._reports import reliability_of
    from polycritic.evaluation import judge_all, measure_judged, mistakes
    from polycritic.judges import Length
    from polycritic.report import ReportData, read_log, write_report
    from polycritic.worlds import WORLDS, make

    seen = [world for name, world in WORLDS.items() if name not in kept_back]
    unseen = [WORLDS[name] for name in kept_back]
    tasks, new = [w.task for w in seen], [w.task for w in unseen]
    rows = make(seen, _TRAIN_PROBLEMS, seed=2 * seed)
    tests = {
        "seen": _answers(seen, _TEST_PROBLEMS, 2 * seed + 1),
        "unseen": _answers(unseen, 2 * _TEST_PROBLEMS, 2 * seed + 1),
    }
    recipe = recipe_of(effort, seed)
    with Progress("training one critic, one specialist a task, one pooled scorer", 3 * effort.steps) as progress:
        critic = _train(_critic(tasks), rows, recipe, progress, output / "training")
        specialists = _specialists(tasks, rows, recipe, progress)
        pooled = _Pooled(
            _train(_critic([_POOLED]), [replace(row, task=_POOLED.name) for row in rows], recipe, progress)
        )
    judges: dict[str, Judge] = {
        "one critic": critic,
        "specialists": specialists,
        "pooled scorer": pooled,
        "longer wins": Length(),
    }
    judged: dict[tuple[str, str], Judged] = {}
    evaluations: dict[tuple[str, str], Evaluation] = {}
    with Progress("judging", len(judges) * 2) as progress:
        for name, judge in judges.items():
            for part, which in (("seen", tasks), ("unseen", new)):
                judged[name, part] = judge_all(judge, tests[part], which, name=name)
                evaluations[name, part] = measure_judged(judged[name, part], resamples=300)
                progress.advance()
    choosers = {name: judge for name, judge in judges.items() if judge is not judges["pooled scorer"]}
    with Progress("choosing", len(WORLDS)) as progress:
        chosen = {
            "seen": _choose(choosers, seen, effort.choices, effort.best_of, seed, progress),
            "unseen": _choose(choosers, unseen, effort.new_choices, effort.best_of, seed, progress),
        }
    curves = chosen["unseen"].curves
    critic.save(output / "critic")
    main = {part: evaluations["one critic", part].macro["concordance"].value for part in tests}
    write_report(
        output / "report.html",
        ReportData(
            title="Quickstart: one critic, many tasks",
            summary=(
                f"One critic learnt {len(tasks)} tasks at once and puts {main['seen']:.1%} of pairs of answers to new problems "
                "in the right order.",
                f"On {len(new)} tasks it never saw, judged by their description alone, {main['unseen']:.1%}.",
                f"Picking one of {effort.best_of} different answers with it takes the share of right ones from "
                f"{curves[0].outcomes[0].value:.1%} to {curves[0].outcomes[-1].value:.1%} on those tasks.",
            ),
            seen=tuple(evaluations[name, "seen"] for name in judges),
            unseen=tuple(evaluations[name, "unseen"] for name in judges),
            training=read_log(output / "training" / "log.jsonl"),
            reliability=reliability_of(judged["one critic", "seen"]),
            best_of_n=tuple(curves),
            mistakes=tuple(mistakes(judged["one critic", "seen"], tests["seen"])),
            provenance={
                "polycritic": __version__,
                "tasks": f"{len(tasks)} trained, {len(new)} unseen",
                "rows": f"{len(rows):,} to draw from; {effort.steps} steps of {effort.rows}, as many rows for every contender",
                "backbone": "all-MiniLM-L6-v2, upper three layers trained",
                "seed": str(seed),
            },
        ),
    )
    numbers = [[name, *(str_of(evaluations[name, part]) for part in tests)] for name in judges]
    return {
        "rows": numbers,
        "best_of_n": [
            ["at random", *(str(found.curves[0].outcomes[0]) for found in chosen.values())],
            *(
                [name, *(str(found.curves[k].outcomes[-1]) for found in chosen.values())]
                for k, name in enumerate(choosers)
            ),
            ["one critic less specialists", *(_signed(found.gain) for found in chosen.values())],
        ],
        "picked": {
            f"{name}, {part}": curve.outcomes[0 if name == "at random" else -1].value
            for part, found in chosen.items()
            for name, curve in [("at random", found.curves[0]), *((curve.judge, curve) for curve in found.curves)]
        },
        "gain": {part: [found.gain.value, found.gain.low, found.gain.high] for part, found in chosen.items()},
        "concordance": {
            f"{name}, {part}": evaluations[name, part].macro["concordance"].value for name in judges for part in tests
        },
        "critic": str(output / "critic"),
        "report": str(output / "report.html"),
    }


def _answers(worlds: Sequence[World[Any]], count: int, seed: int) -> list[Feedback]:
    """Judged answers to new problems. Steps are left out: not every contender judges them, and all are asked the same."""
    from polycritic.worlds import Mix, make

    return make(worlds, count, seed=seed, mix=Mix(steps=0))


def recipe_of(effort: Effort, seed: int) -> Recipe:
    """How the one critic is trained.

    With so few texts the heads go slowly: what was counted in all rows should not be drowned by what was read in some.
    """
    from polycritic.training import AdamW, Recipe

    return Recipe(steps=effort.steps, rows=effort.rows, seed=seed, optimizer=AdamW(head_rate=2e-4))


def str_of(evaluation: Evaluation) -> str:
    """The mean concordance with its interval."""
    estimate = evaluation.macro["concordance"]
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _signed(gain: Estimate) -> str:
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] (n={gain.n})"


def _critic(tasks: Sequence[Task]) -> Critic:
    from polycritic.critic import Critic
    from polycritic.critic.backbones import Full, Transformer

    return Critic(tasks, Transformer(tuning=Full(frozen_layers=3), max_length=96))


def _train(
    critic: Critic, rows: Sequence[Feedback], recipe: Recipe, progress: Progress, folder: Path | None = None
) -> Critic:
    from polycritic.training import train

    if folder is not None:
        (folder / "checkpoint.pt").unlink(missing_ok=True)
        (folder / "log.jsonl").unlink(missing_ok=True)
    for step in train(critic, rows, recipe, folder=folder):
        progress.advance(1.0, f"loss {step.loss:.3f}")
    if folder is not None:
        (folder / "checkpoint.pt").unlink(missing_ok=True)
    return critic


def _specialists(tasks: Sequence[Task], rows: Sequence[Feedback], recipe: Recipe, progress: Progress) -> Judge:
    """One critic a task; together they read as many rows as the one critic."""
    total = recipe.steps * recipe.rows
    each = max(round(total / len(tasks) / 8), 1)
    own = replace(recipe, steps=each, rows=8)
    critics = {}
    for task in tasks:
        quiet = Progress("", shown=False)
        critics[task.name] = _train(_critic([task]), [row for row in rows if row.task == task.name], own, quiet)
        progress.advance(recipe.steps / len(tasks), task.name)
    return _Specialists(critics)


@dataclass(frozen=True, slots=True)
class _Specialists:
    """Asks each task's own critic; for a task without one, that of the task whose description is most like it."""

    critics: dict[str, Critic]

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        columns = []
        for task in tasks:
            critic = self.critics.get(task.name) or max(
                self.critics.values(), key=lambda c: _likeness(c.tasks[0], task)
            )
            columns.append(critic.score(candidates, critic.tasks).values[:, 0])
        return Scores(tuple(tasks), np.stack(columns, axis=1) if columns else np.zeros((len(candidates), 0)))


def _likeness(first: Task, second: Task) -> tuple[bool, float]:
    """The same family first, then the share of words that two descriptions have in common."""
    one, other = set(first.description.lower().split()), set(second.description.lower().split())
    return first.family == second.family, len(one & other) / max(len(one | other), 1)


@dataclass(frozen=True, slots=True)
class _Pooled:
    """One scorer for everything, which is never told the task."""

    critic: Critic

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        values = self.critic.score(candidates, [_POOLED]).values
        return Scores(tuple(tasks), np.repeat(values, len(tasks), axis=1))


@dataclass(frozen=True, slots=True)
class _Choice:
    """What each judge's choice is worth, and how much more the first one's is than the second's."""

    curves: list[BestOfN]
    gain: Estimate


def _choose(
    judges: dict[str, Judge], worlds: Sequence[World[Any]], choices: int, best_of: int, seed: int, progress: Progress
) -> _Choice:
    """How often the answer that each judge picks among several different ones is right."""
    from polycritic.decision import best_of_n_curve, best_of_n_difference
    from polycritic.worlds import NoisySolver, problems

    sizes = [n for n in (1, 2, 4, 8, 16, 32) if n < best_of] + [best_of]
    said: dict[str, list[FloatArray]] = {name: [] for name in judges}
    outcomes: list[float] = []
    groups: list[str] = []
    for world in worlds:
        asked = list({p.prompt: p for p in problems([world], choices, seed=10_000 + seed)}.values())
        solver = NoisySolver(asked, right=0.3)
        proposals = solver.generate([Candidate(p.prompt, "") for p in asked], 4 * best_of, seed=seed)
        different = [_different(proposed)[:best_of] for proposed in proposals]
        flat = [candidate for group in different if len(group) == best_of for candidate in group]
        outcomes += [float(solver.verify(candidate)) for candidate in flat]
        groups += [f"{world.task.name} {candidate.prompt}" for candidate in flat]
        for name, judge in judges.items():
            said[name].append(judge.score(flat, [world.task]).values[:, 0])
        progress.advance(1.0, world.task.name)
    right = np.array(outcomes)
    values = {name: np.concatenate(parts) for name, parts in said.items()}
    first, second, *_ = values.values()
    return _Choice(
        [best_of_n_curve(each, right, groups, sizes, judge=name, resamples=300) for name, each in values.items()],
        best_of_n_difference(first, second, right, groups, best_of),
    )


def _different(proposed: Sequence[Candidate]) -> list[Candidate]:
    """Proposals whose answers differ, each where its answer came first.

    Those that differ only in the needless words before them are one: a right answer can often be put in one way alone but for
    these words, which would tell it from the wrong ones.
    """
    from polycritic.worlds import answer_of

    first: dict[str, Candidate] = {}
    for candidate in proposed:
        first.setdefault(answer_of(candidate.response), candidate)
    return list(first.values())
