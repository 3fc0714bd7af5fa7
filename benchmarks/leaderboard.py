"""Leaderboards beside evalica, choix, arena-rank and FastChat: the same comparisons, in turn, in one run.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/leaderboard.py [--rows 1000000] [--systems 200] [--json out.json]

Every contender gets the comparisons in the form it likes best, made before the clock starts: we, evalica, arena-rank and
FastChat get names as strings; choix, which knows none, gets integers. Times are CPU seconds, those of child processes
included, the least of the repeats; a ratio is the peer's time divided by ours. Peers that are not installed are skipped
with a line. evalica's bootstrap is run for 3 resamples and scaled to 100. arena-rank's bootstrap forks after JAX has
started and does not return, so it is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from polycritic.leaderboard import (
    AlpacaEval2,
    Bootstrap,
    BradleyTerry,
    Elo,
    HalfWin,
    kemeny,
    leaderboard,
    length_controlled,
    matches,
)


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The least CPU seconds of some runs, and what the last one returned."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = cpu_seconds()
        result = function()
        best = min(best, cpu_seconds() - start)
    return best, result


def centred(values: np.ndarray) -> np.ndarray:
    """Less their mean."""
    return values - values.mean()


class Comparisons:
    """The comparisons in every form that a contender asks for."""

    def __init__(self, rows: int, systems: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.labels = [f"organisation/model-{i:03d}" for i in range(systems)]
        self.strength = rng.normal(0, 0.8, systems)
        self.one = rng.integers(0, systems, rows)
        self.two = (self.one + rng.integers(1, systems, rows)) % systems
        chance = expit(self.strength[self.one] - self.strength[self.two])
        self.outcome = (rng.random(rows) < chance).astype(float)
        self.tied = np.where(rng.random(rows) < 0.1, 0.5, self.outcome)
        label = np.array(self.labels, dtype=object)
        self.a, self.b = label[self.one], label[self.two]
        self.winner = np.where(self.outcome == 1, "model_a", "model_b")

    def frame(self) -> Any:
        """As the arena's table."""
        import pandas as pd

        return pd.DataFrame({"model_a": self.a, "model_b": self.b, "winner": self.winner})


def peers(data: Comparisons, repeats: int) -> dict[str, dict[str, Any]]:
    """Seconds and strengths of each peer that is installed."""
    found: dict[str, dict[str, Any]] = {}
    try:
        import evalica
        from evalica import Winner

        xs, ys = data.a.tolist(), data.b.tolist()
        winners = [Winner.X if y else Winner.Y for y in data.outcome]
        seconds, result = timed(lambda: evalica.bradley_terry(xs, ys, winners, tolerance=1e-8, limit=10_000), repeats)
        strength = np.log([result.scores[name] for name in data.labels])
        found["evalica"] = {"fit": seconds, "strengths": centred(strength)}
        boot, _ = timed(
            lambda: evalica.bootstrap(
                evalica.bradley_terry, xs, ys, winners, n_resamples=3, bootstrap_method="percentile"
            ),
            1,
        )
        found["evalica"]["bootstrap of 100"] = boot / 3 * 100
    except ImportError:
        print("evalica is not installed: skipped")
    except TypeError as error:
        print(f"evalica's bootstrap has another interface here ({error}): skipped")
    try:
        import choix

        win = np.where(data.outcome == 1, data.one, data.two)
        lose = np.where(data.outcome == 1, data.two, data.one)
        pairs = list(zip(win.tolist(), lose.tolist(), strict=True))
        seconds, strength = timed(lambda: choix.ilsr_pairwise(len(data.labels), pairs), 1)
        found["choix"] = {"fit": seconds, "strengths": centred(strength)}
    except ImportError:
        print("choix is not installed: skipped")
    try:
        from arena_rank.models.bradley_terry import BradleyTerry as ArenaRank
        from arena_rank.utils.data_utils import PairDataset

        frame = data.frame()

        def arena_rank() -> Any:
            rows = PairDataset.from_pandas(frame)
            return ArenaRank(n_competitors=len(rows.competitors)).compute_ratings_and_cis(rows)

        arena_rank()  # JAX compiles on the first call
        seconds, result = timed(arena_rank, repeats)
        points = dict(zip(result["competitors"], np.asarray(result["ratings"]), strict=True))
        strength = np.array([points[name] for name in data.labels]) * np.log(10) / 400
        found["arena-rank"] = {"fit with sandwich errors": seconds, "strengths": centred(strength)}
    except ImportError:
        print("arena-rank is not installed: skipped")
    try:
        from fastchat.serve.monitor.rating_systems import compute_bootstrap_bt, compute_bt

        frame = data.frame()
        seconds, points = timed(lambda: compute_bt(frame), repeats)
        strength = points[data.labels].to_numpy() * np.log(10) / 400
        boot, drawn = timed(lambda: compute_bootstrap_bt(frame, 100), 1)
        median = drawn[data.labels].median().to_numpy() * np.log(10) / 400
        found["FastChat"] = {
            "fit": seconds,
            "bootstrap of 100": boot,
            "strengths": centred(strength),
            "median of the bootstrap": centred(median),
        }
    except ImportError:
        print("FastChat's rating_systems is not installed: skipped")
    return found


def length_columns(systems: int, items: int, seed: int) -> tuple[Any, ...]:
    """Judgements of systems against one baseline, in which longer answers win more."""
    rng = np.random.default_rng(seed)
    quality, difficulty = np.linspace(-2, 2, systems), rng.normal(0, 0.7, items)
    base = rng.integers(300, 2000, items).astype(float)
    length = base + 400 * rng.normal(size=(systems, items))
    gap = base - length
    t = np.tanh(gap / gap.std(1, ddof=1)[:, None])
    wins = np.clip(expit(-0.5 * t + difficulty + quality[:, None]) + rng.normal(0, 0.1, t.shape), 0, 1)
    system = np.repeat([f"s{m:03d}" for m in range(systems)], items)
    item = np.tile([f"i{i:04d}" for i in range(items)], systems)
    return system, item, wins.ravel(), length.ravel(), np.tile(base, systems)


def kemeny_votes(systems: int, seed: int) -> np.ndarray:
    """Wins among systems that 15 voters order much as each other."""
    rng = np.random.default_rng(seed)
    place = np.argsort(np.argsort(np.arange(systems)[None] + rng.normal(0, systems / 3, (15, systems)), axis=1), axis=1)
    return (place[:, :, None] < place[:, None, :]).sum(0).astype(float)


def commit() -> str:
    """The commit, marked where the tree has changes."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def versions() -> dict[str, str]:
    """Of what is measured and of what it stands on."""
    known = {"python": platform.python_version()}
    for package in ("polycritic", "numpy", "scipy", "pyarrow", "evalica", "choix", "arena-rank", "jax", "fschat"):
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            continue
    return known


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--systems", type=int, default=200)
    parser.add_argument("--items", type=int, default=805)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", default="")
    arguments = parser.parse_args()
    data, repeats = Comparisons(arguments.rows, arguments.systems, arguments.seed), arguments.repeats
    arrow = pa.array(data.a), pa.array(data.b)
    fixed = data.a.astype(str), data.b.astype(str)
    half = BradleyTerry(ties=HalfWin())
    ours: dict[str, float] = {}

    def measure(what: str, function: Callable[[], Any], times: int = repeats) -> Any:
        ours[what], result = timed(function, times)
        print(f"polycritic, {what}: {ours[what]:.3f} CPU s")
        return result

    fitted = measure(
        "fit with sandwich errors, Arrow strings", lambda: leaderboard(matches(*arrow, data.outcome), half)
    )
    measure("fit with sandwich errors, NumPy objects", lambda: leaderboard(matches(data.a, data.b, data.outcome), half))
    measure("fit with sandwich errors, NumPy strings", lambda: leaderboard(matches(*fixed, data.outcome), half))
    measure("fit with Davidson ties", lambda: leaderboard(matches(*arrow, data.tied)))
    rows = matches(*arrow, data.outcome)
    measure("bootstrap of 100", lambda: leaderboard(rows, half, bootstrap=Bootstrap(100, seed=1)))
    tied = matches(*arrow, data.tied)
    measure("bootstrap of 100, Davidson ties", lambda: leaderboard(tied, bootstrap=Bootstrap(100, seed=1)), 1)
    item = np.random.default_rng(1).integers(0, max(arguments.rows // 10, 1), arguments.rows)
    clustered = matches(*arrow, data.outcome, item=item)
    measure("fit with errors clustered by item", lambda: leaderboard(clustered, half))
    rng = np.random.default_rng(2)
    style = {f"feature {j}": rng.normal(size=arguments.rows) for j in range(4)}
    styled = matches(*arrow, data.outcome, covariates=style)
    measure("fit with four covariates", lambda: leaderboard(styled, half), 1)
    measure("Elo in order", lambda: leaderboard(rows, Elo()), 1)
    columns = length_columns(arguments.systems, arguments.items, 3)
    measure("length control, difficulty estimated", lambda: length_controlled(*columns))
    hard = {f"i{i:04d}": 0.1 * (i % 7) for i in range(arguments.items)}
    measure("length control, difficulty given", lambda: length_controlled(*columns, difficulty=hard))
    measure(
        "length control as AlpacaEval 2", lambda: length_controlled(*columns, difficulty=hard, form=AlpacaEval2()), 1
    )
    votes = kemeny_votes(100, 4)
    measure("exact Kemeny of 100 systems", lambda: kemeny(votes), 1)

    strength = {row.name: row.estimate for row in fitted.rows}
    mine = centred(np.array([strength[name] for name in data.labels]))
    fit_time, boot_time = ours["fit with sandwich errors, NumPy objects"], ours["bootstrap of 100"]
    ratios: dict[str, float] = {}
    others: dict[str, dict[str, float]] = {}
    for name, measured in peers(data, repeats).items():
        others[name] = {key: value for key, value in measured.items() if isinstance(value, float)}
        for key, value in others[name].items():
            ratios[f"{name}, {key}"] = value / (boot_time if "bootstrap" in key else fit_time)
            print(f"{name}, {key}: {value:.3f} CPU s, {ratios[f'{name}, {key}']:.1f} times ours")
        for key in ("strengths", "median of the bootstrap"):
            if key in measured:
                others[name][f"furthest {key} from ours"] = float(np.abs(measured[key] - mine).max())
                print(f"{name}: furthest {key} from ours {others[name][f'furthest {key} from ours']:.1e} log-odds")
    record = {
        "question": "Bradley-Terry leaderboards: CPU seconds beside peers",
        "commit": commit(),
        "versions": versions(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "machine": platform.processor() or platform.machine(),
        "settings": {key: value for key, value in vars(arguments).items() if key != "json"},
        "polycritic": ours,
        "peers": others,
        "ratios": ratios,
    }
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(record, file, indent=2)
    else:
        json.dump(record, sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
