"""Does the quickstart's one critic choose better than specialists? Every world is kept back once.

    OMP_NUM_THREADS=1 python benchmarks/quickstart.py --runs 7 --output benchmarks/results/quickstart.json

Each run is the quickstart itself, on another seed and with another seventh of the built-in worlds kept back (spread over
families), choosing among 8 answers, where by itself it has 4, and on more problems. An unseen task is judged by the specialist
of the task most like it. Figures are means over runs with 95 % t-intervals; differences are paired within runs. With
``--choices-only`` the pooled scorer is not trained and pairs are not judged, which takes a half of the time; ``regressions`` are
then the one critic and the specialists before their first step, when they know what was counted in all rows and have read none.
``--regressions-only`` compares these alone, in seconds a run. Both say too how often the right one is picked among fewer answers:

    OMP_NUM_THREADS=1 python benchmarks/quickstart.py --regressions-only --runs 28 --choices 24 --new-choices 48
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from polycritic.cli import _quickstart as quick
from polycritic.cli._quickstart import Effort, run
from polycritic.core import Judge, Progress, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Counted
from polycritic.judges import Length
from polycritic.worlds import WORLDS, make

FOLDS = 7


def kept_back(fold: int) -> list[str]:
    """A seventh of the worlds, spread over families."""
    return sorted(WORLDS)[fold % FOLDS :: FOLDS]


def interval(values: Sequence[float]) -> str:
    """The mean with its 95 % t-interval over runs."""
    n = len(values)
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5) if n > 1 else float("nan")
    return f"{np.mean(values):+.3f} ± {half:.3f}"


def main() -> None:
    """Run, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=FOLDS)
    parser.add_argument("--first", type=int, default=0, help="the first run's number")
    parser.add_argument("--steps", type=int, default=Effort().steps)
    parser.add_argument("--choices", type=int, default=8, help="problems of each seen task on which to choose")
    parser.add_argument("--new-choices", type=int, default=50, help="problems of each unseen task on which to choose")
    parser.add_argument("--best-of", type=int, default=8, help="how many different answers there are to choose among")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/quickstart.json"))
    parser.add_argument("--choices-only", action="store_true", help="the one critic and the specialists, choosing")
    parser.add_argument("--regressions-only", action="store_true", help="the same without any network")
    options = parser.parse_args()
    effort = Effort(
        steps=options.steps, best_of=options.best_of, choices=options.choices, new_choices=options.new_choices
    )
    runs: list[dict[str, Any]] = []
    for k in range(options.first, options.first + options.runs):
        start = time.process_time()
        if options.choices_only or options.regressions_only:
            result = {"picked": choices(effort, k, kept_back(k), network=not options.regressions_only)}
        else:
            with tempfile.TemporaryDirectory() as folder:
                done = run(Path(folder), effort, k, kept_back(k))
            result = {name: done[name] for name in ("picked", "concordance", "gain")}
        seconds = round(time.process_time() - start, 1)
        runs.append({"run": k, "kept back": kept_back(k), "cpu seconds": seconds, **result})
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps({"provenance": provenance(options), "runs": runs}, indent=1) + "\n")
        print(f"run {k}: picked {result['picked']}", flush=True)
    for what in sorted({"picked", "concordance"} & set(runs[0]), reverse=True):
        for name in runs[0][what]:
            values = [each[what][name] for each in runs]
            part = name.rsplit(", ", 1)[1]
            few = re.findall(r" of \d+(?=, )", name)
            other = f"one {'regression' if options.regressions_only else 'critic'}{''.join(few)}, {part}"
            gain = interval([each[what][other] - each[what][name] for each in runs])
            against = "" if other == name else f"   {other.rsplit(', ', 1)[0]} less it {gain}"
            print(f"{what:12} {name:32} {interval(values)}{against}")


def choices(effort: Effort, seed: int, aside: Sequence[str], *, network: bool) -> dict[str, float]:
    """How often the answer that is picked is right: the quickstart's one critic and specialists, and what they start from."""
    seen, unseen = [w for name, w in WORLDS.items() if name not in aside], [WORLDS[name] for name in aside]
    tasks = [world.task for world in seen]
    rows = make(seen, quick._TRAIN_PROBLEMS, seed=2 * seed)
    recipe = quick.recipe_of(effort, seed)
    quiet = Progress("", shown=False)
    once = replace(recipe, steps=1, rows=1)

    def started(tasks: Sequence[Task]) -> Critic:
        return quick._train(
            Critic(tasks, Counted()), [row for row in rows if row.task in {t.name for t in tasks}], once, quiet
        )

    regressions = {
        "one regression": started(tasks),
        "specialists' regressions": quick._Specialists({task.name: started([task]) for task in tasks}),
    }
    judges: dict[str, Judge] = {**regressions, "longer wins": Length()}
    if network:
        judges = {
            "one critic": quick._train(quick._critic(tasks), rows, recipe, quiet),
            "specialists": quick._specialists(tasks, rows, recipe, quiet),
            **judges,
        }
    picked = {}
    for part, worlds, count in (("seen", seen, effort.choices), ("unseen", unseen, effort.new_choices)):
        curves = quick._choose(judges, worlds, count, effort.best_of, seed, quiet).curves
        picked[f"at random, {part}"] = curves[0].outcomes[0].value
        for curve in curves:
            for size, outcome in zip(curve.sizes[1:], curve.outcomes[1:], strict=True):
                few = "" if size == effort.best_of else f" of {size}"
                picked[f"{curve.judge}{few}, {part}"] = outcome.value
    return picked


def provenance(options: argparse.Namespace) -> dict[str, Any]:
    """What was run, on what."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "commit": commit,
        "options": {name: str(value) for name, value in vars(options).items()},
        "versions": {name: version(name) for name in ("numpy", "torch", "transformers")},
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    main()
