"""Do two groups of judges agree on who is best?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.leaderboard._board import Leaderboard, board_of
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._names import Names, encode
from polycritic.leaderboard._paired import PairedComparison, two_sided
from polycritic.leaderboard._strengths import Strengths

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, eq=False)
class JudgeGroups:
    """Two groups of judges, compared.

    Args:
        groups: Their names.
        boards: A board of each.
        tau: Kendall's tau-b of the two orders, over systems that both judged.
        statistic: Wald's chi-square that all systems are equally strong to both.
        degrees: Its degrees of freedom.
        p: Its p-value.
        systems: For each system, its strength to the first group minus to the second; ``first`` and ``second`` name
            the system.

    >>> from polycritic.leaderboard import BradleyTerry, matches
    >>> played = matches(["a"] * 4, ["b"] * 4, [1, 0, 1, 0])
    >>> round(compare_judge_groups(played, list("xxyy"), BradleyTerry()).p, 6)
    1.0
    """

    groups: tuple[str, str]
    boards: tuple[Leaderboard, Leaderboard]
    tau: float
    statistic: float
    degrees: int
    p: float
    systems: tuple[PairedComparison, ...]


def compare_judge_groups(data: Matches, judge: Names, method: Callable[[Matches], Strengths]) -> JudgeGroups:
    """Rank by each group of judges, and test whether they disagree.

    Both boards are fitted in one model, so that items that both groups judged are paired.

    Args:
        data: Comparisons without abstentions.
        judge: (n,) the group of judges behind each row, one of two.
        method: :class:`BradleyTerry`, or another method that says a covariance.

    Raises:
        PolycriticError: There are not two groups, they share fewer than two systems, or the method says no errors.

    >>> from polycritic.leaderboard import BradleyTerry, matches
    >>> played = matches(["a"] * 8, ["b"] * 8, [1, 1, 1, 0, 1, 0, 0, 0])
    >>> found = compare_judge_groups(played, ["people"] * 4 + ["model"] * 4, BradleyTerry())
    >>> found.groups, round(found.tau, 1), found.degrees
    (('model', 'people'), -1.0, 1)
    """
    from scipy import stats

    (code,), groups = encode([judge], "judges")
    if len(groups) != 2 or len(code) != len(data):
        raise PolycriticError(
            "cannot compare judges", found=f"{len(groups)} groups, {len(code)} rows", expected=f"2 and {len(data)}"
        )
    k = len(data.names)
    names = tuple(f"{name} ({group})" for group in groups for name in data.names)
    both = method(replace(data, names=names, first=data.first + k * code, second=data.second + k * code))
    if both.covariance is None:
        raise PolycriticError("cannot compare judges", found="a method without errors", mend="Use BradleyTerry.")
    boards = tuple(board_of(_half(both, data.names, half)) for half in (0, 1))
    judged = (both.n[:k] > 0) & (both.n[k:] > 0)
    if judged.sum() < 2:
        raise PolycriticError(
            "cannot compare judges", found=f"{judged.sum()} systems that both judged", expected="2 or more"
        )
    own = np.flatnonzero(judged)
    contrast = np.zeros((len(own), 2 * k))
    contrast[np.arange(len(own)), own] = 1.0
    contrast[np.arange(len(own)), own + k] = -1.0
    gap, covariance = contrast @ both.estimate, contrast @ both.covariance @ contrast.T
    centred = np.eye(len(own)) - 1.0 / len(own)
    gap, covariance = centred @ gap, centred @ covariance @ centred
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-9 * max(float(values.max()), 1e-300)
    statistic = float((((vectors.T @ gap)[kept]) ** 2 / values[kept]).sum())
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    p = two_sided(gap, error)
    return JudgeGroups(
        (groups[0], groups[1]),
        (boards[0], boards[1]),
        float(stats.kendalltau(both.estimate[own], both.estimate[own + k]).statistic),
        statistic,
        int(kept.sum()),
        float(stats.chi2.sf(statistic, int(kept.sum()))),
        tuple(
            PairedComparison(
                f"{data.names[i]} ({groups[0]})",
                f"{data.names[i]} ({groups[1]})",
                float(gap[j]),
                float(error[j]),
                float(p[j]),
                int(both.shared[i, i + k]),
            )
            for j, i in enumerate(own)
        ),
    )


def _half(both: Strengths, names: tuple[str, ...], half: int) -> Strengths:
    k = len(names)
    own = slice(half * k, (half + 1) * k)
    assert both.covariance is not None
    label = {old: new for new, old in enumerate(dict.fromkeys(both.component[own].tolist()))}
    return replace(
        both,
        names=names,
        estimate=both.estimate[own],
        covariance=both.covariance[own, own],
        n=both.n[own],
        component=np.array([label[old] for old in both.component[own].tolist()], dtype=np.int64),
        shared=both.shared[own, own],
    )
