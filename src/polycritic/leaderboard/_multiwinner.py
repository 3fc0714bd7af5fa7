"""Choosing several at once: a panel of judges, a subset of tasks, with bounds on groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from polycritic.core import FloatArray, IntArray, PolycriticError, lookup
from polycritic.leaderboard._pairwise import borda_points


class CommitteeRule(Protocol):
    """How much voters like a set of candidates."""

    def points(self, values: FloatArray, /) -> FloatArray:
        """(v, c) what each candidate is worth to each voter."""
        ...

    @property
    def best_only(self) -> bool:
        """Whether a voter counts only the best member for it, rather than all of them."""
        ...


@dataclass(frozen=True, slots=True)
class SNTV:
    """Single non-transferable vote: every voter gives 1 to its first choice, shared among equals.

    >>> SNTV().points(np.array([[3.0, 1.0, 3.0]]))
    array([[0.5, 0. , 0.5]])
    """

    best_only: bool = False

    def points(self, values: FloatArray, /) -> FloatArray:
        """1 for first choices."""
        first = values == np.nanmax(values, axis=1, keepdims=True)
        return np.asarray(first / first.sum(1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class KBorda:
    """Every voter gives each member its Borda points.

    >>> KBorda().points(np.array([[3.0, 1.0, 2.0]]))
    array([[2., 0., 1.]])
    """

    best_only: bool = False

    def points(self, values: FloatArray, /) -> FloatArray:
        """Borda points."""
        return borda_points(values.T).T


@dataclass(frozen=True, slots=True)
class ChamberlinCourant:
    """Every voter counts the Borda points of the member it likes most: the set should speak for everybody.

    References:
        Chamberlin and Courant (1983), Representative deliberations and representative decisions.

    >>> ChamberlinCourant().best_only
    True
    """

    best_only: bool = True

    def points(self, values: FloatArray, /) -> FloatArray:
        """Borda points."""
        return borda_points(values.T).T


@dataclass(frozen=True, slots=True)
class Committee:
    """A chosen set.

    Args:
        members: Codes of the candidates, in increasing order.
        score: What it is worth to the voters.
        exact: Whether no allowed set is worth more.

    >>> Committee((0, 2), 4.0, exact=True).members
    (0, 2)
    """

    members: tuple[int, ...]
    score: float
    exact: bool


def committee_score(
    values: ArrayLike, members: Sequence[int], rule: CommitteeRule, weight: ArrayLike | None = None
) -> float:
    """What a set of candidates is worth to the voters.

    >>> committee_score([[2, 1, 0], [0, 1, 2]], [0, 2], ChamberlinCourant())
    4.0
    """
    points, load = _profile(values, rule, weight)
    if not len(members):
        return 0.0
    own = points[:, list(members)]
    return float(load @ (own.max(1) if rule.best_only else own.sum(1)))


def choose_committee(
    values: ArrayLike,
    size: int,
    rule: CommitteeRule,
    *,
    weight: ArrayLike | None = None,
    group: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[int, int]] | None = None,
    exact: bool = False,
) -> Committee:
    """Choose ``size`` candidates, with bounds on how many come from each group.

    Without ``exact``, greedily: the candidate that adds most and still lets all bounds be met, ties by position. For
    sums (:class:`SNTV`, :class:`KBorda`) greedy is best; for :class:`ChamberlinCourant` it reaches 1 - 1/e of the best
    without bounds and half of it with them. With ``exact`` a 0/1 program is solved.

    Args:
        values: (v, c) how much each voter likes each candidate, higher is better; NaN for no opinion.
        size: How many to choose.
        rule: :class:`SNTV`, :class:`KBorda` or :class:`ChamberlinCourant`.
        weight: (v,) how much each voter counts.
        group: (c,) the group of each candidate; groups do not overlap.
        bounds: Group -> fewest and most members; groups that are not named are free.
        exact: Whether to solve it exactly.

    Raises:
        PolycriticError: The bounds cannot be met, or a shape is wrong.

    References:
        Celis, Huang and Vishnoi (2018), Multiwinner voting with fairness constraints; Nemhauser, Wolsey and Fisher
        (1978), An analysis of approximations for maximizing submodular set functions.

    >>> choose_committee([[2, 1, 0], [0, 1, 2]], 2, ChamberlinCourant(), exact=True)
    Committee(members=(0, 2), score=4.0, exact=True)
    """
    points, load = _profile(values, rule, weight)
    c = points.shape[1]
    names = sorted(set(group or ()))
    code = np.zeros(c, dtype=np.int64) if group is None else np.array([names.index(g) for g in group], dtype=np.int64)
    low, high = _limits(names, bounds, code, size)
    weighted = load[:, None] * points
    if exact:
        members = _exact(weighted, size, rule.best_only, code, low, high)
    else:
        members = _greedy(weighted, size, rule.best_only, code, low, high)
    own = weighted[:, members]
    score = float(own.max(1, initial=0.0).sum() if rule.best_only else own.sum())
    return Committee(tuple(sorted(members)), score, exact or not rule.best_only)


def _profile(values: ArrayLike, rule: CommitteeRule, weight: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    profile = np.asarray(values, dtype=np.float64)
    if profile.ndim != 2 or not profile.size or np.isnan(profile).all(1).any():
        raise PolycriticError(
            "bad votes", found=str(profile.shape), expected="(voters, candidates), each with an opinion"
        )
    load = np.ones(len(profile)) if weight is None else np.asarray(weight, dtype=np.float64)
    if load.shape != (len(profile),) or not (load >= 0).all():
        raise PolycriticError("bad weights", found=str(load.shape), expected=f"({len(profile)},) numbers >= 0")
    return rule.points(profile), load


def _limits(
    names: list[str], bounds: Mapping[str, tuple[int, int]] | None, code: IntArray, size: int
) -> tuple[IntArray, IntArray]:
    there = np.bincount(code, minlength=max(len(names), 1))
    low, high = np.zeros_like(there), there.copy()
    for name, (fewest, most) in (bounds or {}).items():
        g = names.index(lookup(name, names, "group"))
        low[g], high[g] = fewest, min(most, there[g])
    if (low > high).any() or low.sum() > size or high.sum() < size or size < 1:
        raise PolycriticError(
            "bounds cannot be met",
            found=f"{size} of {len(code)} candidates, fewest {low.tolist()}, most {high.tolist()}",
            expected="fewest <= most in every group, and room for the size between their sums",
        )
    return low, high


def _greedy(
    weighted: FloatArray, size: int, best_only: bool, code: IntArray, low: IntArray, high: IntArray
) -> list[int]:
    members: list[int] = []
    count = np.zeros_like(low)
    covered = np.zeros(len(weighted))
    while len(members) < size:
        gain = (np.maximum(weighted, covered[:, None]) - covered[:, None]).sum(0) if best_only else weighted.sum(0)
        left = size - len(members) - 1
        owed = np.maximum(low - count, 0)
        spare = left - owed.sum()  # places that no group is owed, if the next member owes nothing
        allowed = (count < high)[code] & ((owed > 0)[code] | (spare >= 0))
        allowed[members] = False
        best = int(np.argmax(np.where(allowed, gain, -np.inf)))
        members.append(best)
        count[code[best]] += 1
        covered = np.maximum(covered, weighted[:, best])
    return members


def _exact(
    weighted: FloatArray, size: int, best_only: bool, code: IntArray, low: IntArray, high: IntArray
) -> list[int]:
    from scipy.optimize import Bounds, LinearConstraint, milp

    v, c = weighted.shape
    grouping = sparse.csr_array((np.ones(c), (code, np.arange(c))), shape=(len(low), c))
    if not best_only:
        cost, extra = -weighted.sum(0), 0
        limits = []
    else:
        # Columns: who is a member, then who stands for which voter.
        extra = v * c
        cost = np.concatenate([np.zeros(c), -weighted.ravel()])
        stands = sparse.eye_array(v * c)
        member = sparse.vstack([sparse.eye_array(c)] * v)
        limits = [
            LinearConstraint(sparse.hstack([-member, stands], format="csr"), -np.inf, 0.0),
            LinearConstraint(_padded(sparse.kron(sparse.eye_array(v), np.ones((1, c))), c), -np.inf, 1.0),
        ]
    chosen = sparse.csr_array((np.ones(c), (np.zeros(c, np.int64), np.arange(c))), shape=(1, c + extra))
    grouping.resize((len(low), c + extra))
    limits += [LinearConstraint(chosen, size, size), LinearConstraint(grouping, low, high)]
    whole = np.concatenate([np.ones(c), np.zeros(extra)])
    answer = milp(cost, integrality=whole, bounds=Bounds(0, 1), constraints=limits, options={"mip_rel_gap": 0})
    if answer.x is None:
        raise PolycriticError("no committee found", found=str(answer.message))
    return np.flatnonzero(answer.x[:c] > 0.5).tolist()


def _padded(right: Any, columns: int) -> Any:
    """The matrix behind so many columns of zeros."""
    return sparse.hstack([sparse.csr_array((right.shape[0], columns)), right], format="csr")
