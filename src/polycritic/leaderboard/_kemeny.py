"""Kemeny: the order that contradicts the votes least, exactly."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from polycritic.core import FloatArray, PolycriticError
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._pairwise import pairwise_wins
from polycritic.leaderboard._strengths import Coefficient, Strengths, evidence
from polycritic.leaderboard._table import ScoreTable


@dataclass(frozen=True, slots=True)
class KemenyOrder:
    """The order of least cost.

    Args:
        order: Codes of the systems, best first.
        cost: The weight of the votes that it contradicts.
        unique: Whether no other order costs as little.

    >>> kemeny(np.array([[0.0, 1.0], [1.0, 0.0]])).unique
    False
    """

    order: tuple[int, ...]
    cost: float
    unique: bool


def kemeny(wins: FloatArray) -> KemenyOrder:
    r"""The order that contradicts the least weight of votes, exactly.

    .. math:: \min_\pi \sum_{a \text{ before } b} m_{ba}

    Systems are split into strongly connected parts of the majority relation, which any best order keeps apart; within a
    part it is a 0/1 program whose 3-cycle cuts are added as they are violated.

    Args:
        wins: (k, k) weight of the wins of the row over the column.

    Raises:
        PolycriticError: The matrix is not square, or has negative or missing cells.

    References:
        Kemeny (1959), Mathematics without numbers; Conitzer, Davenport and Kalagnanam (2006), Improved bounds for
        computing Kemeny rankings.

    >>> kemeny(np.array([[0, 2, 2], [1, 0, 2], [1, 1, 0.0]]))
    KemenyOrder(order=(0, 1, 2), cost=3.0, unique=True)
    """
    m = np.asarray(wins, dtype=np.float64)
    if m.ndim != 2 or m.shape[0] != m.shape[1] or not (m >= 0).all():
        raise PolycriticError("bad wins", found=str(m.shape), expected="a square matrix of numbers >= 0")
    total = m + m.T
    even = np.isclose(m, m.T, rtol=1e-12, atol=1e-12 * float(total.max(initial=0.0)))
    label = connected_components(sparse.csr_array((m > m.T) | even), directed=True, connection="strong")[1]
    parts = [np.flatnonzero(label == part) for part in dict.fromkeys(label.tolist())]
    # Between parts all majorities point one way: a part that beats more systems comes earlier.
    parts.sort(key=lambda part: -int((m[part[0]] >= m[:, part[0]])[label != label[part[0]]].sum()))
    order: list[int] = []
    unique = True
    for part in parts:
        inner, alone = _part(m[np.ix_(part, part)])
        order += part[inner].tolist()
        unique &= alone
    place = np.array(order, dtype=np.int64)
    cost = float(np.triu(m[np.ix_(place, place)].T, 1).sum())
    return KemenyOrder(tuple(order), cost, unique)


def _part(m: FloatArray) -> tuple[list[int], bool]:
    """The best order within a strongly connected part, and whether it is the only one."""
    k = len(m)
    if k == 1:
        return [0], True
    if k == 2:  # strongly connected, so even
        return [0, 1], False
    pairs = np.array(list(itertools.combinations(range(k), 2)))
    one, two = pairs.T
    gain = m[two, one] - m[one, two]  # what it costs to put `one` before `two` rather than after
    cuts: list[tuple[int, int, int]] = []
    best = _solve(gain, k, cuts, None)
    assert best is not None
    order = np.argsort(-best.sum(1), kind="stable")
    value, scale = float(gain @ best[one, two]), float(np.abs(gain).max())
    if _free_move(m[np.ix_(order, order)], 1e-9 * scale):
        return order.tolist(), False
    other = _solve(gain, k, cuts, best[one, two])
    alone = other is None or float(gain @ other[one, two]) > value + 1e-7 * scale
    return order.tolist(), alone


def _free_move(m: FloatArray, little: float) -> bool:
    """Whether one system can move to another place of a best order at no cost."""
    lead = m - m.T
    down = np.cumsum(np.triu(lead, 1), axis=1)  # what it costs to move a system behind each later one
    up = np.cumsum(np.triu(lead, 1)[::-1], axis=0)[::-1]  # and a system before each earlier one
    later = np.triu_indices(len(m), 1)
    return bool((np.abs(down[later]) <= little).any() or (np.abs(up[later]) <= little).any())


def _solve(gain: FloatArray, k: int, cuts: list[tuple[int, int, int]], other_than: Any) -> Any:
    """The cheapest order as a (k, k) matrix of who comes before whom; not the one given. Grows ``cuts``."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    one, two = np.triu_indices(k, 1)
    column = np.zeros((k, k), dtype=np.int64)
    column[one, two] = np.arange(len(one))
    scale = float(np.abs(gain).max()) or 1.0
    while True:
        limits = []
        if cuts:
            a, b, c = np.array(cuts).T  # a < b < c: x_ab + x_bc - x_ac is 0 or 1
            rows = np.repeat(np.arange(len(a)), 3)
            places = np.column_stack([column[a, b], column[b, c], column[a, c]]).ravel()
            matrix = sparse.csr_array((np.tile([1.0, 1.0, -1.0], len(a)), (rows, places)), shape=(len(a), len(one)))
            limits.append(LinearConstraint(matrix, 0.0, 1.0))
        if other_than is not None:
            flip = np.where(other_than > 0.5, -1.0, 1.0)
            limits.append(LinearConstraint(flip[None], 1.0 - float((other_than > 0.5).sum()), np.inf))
        answer = milp(
            gain / scale,
            integrality=np.ones(len(one)),
            bounds=Bounds(0, 1),
            constraints=limits,
            options={"mip_rel_gap": 0},
        )
        if answer.x is None:
            return None
        before = np.zeros((k, k))
        before[one, two] = answer.x.round()
        before[two, one] = 1.0 - before[one, two]
        found = _cycles(before)
        if not len(found):
            return before
        cuts += [tuple(cycle) for cycle in found.tolist()]


def _cycles(before: FloatArray) -> Any:
    """(c, 3) the 3-cycles a -> b -> c -> a of a tournament, as sorted triples."""
    k = len(before)
    found = []
    for a in range(k):
        b, c = np.nonzero(before[a][:, None] * before * before[:, a][None])
        found.append(np.column_stack([np.full(len(b), a), b, c]))
    triples = np.sort(np.concatenate(found), axis=1)
    return np.unique(triples, axis=0)


@dataclass(frozen=True, slots=True)
class Kemeny:
    """The order that contradicts the votes least; a system's estimate is how many come after it.

    Its cost is the coefficient ``cost``; a note says where the order is not the only best one. It says no errors:
    resample for them.

    References:
        Kemeny (1959), Mathematics without numbers.

    >>> from polycritic.leaderboard import matches
    >>> Kemeny()(matches(["a", "b", "a"], ["b", "c", "c"], [1, 1, 1])).estimate
    array([2., 1., 0.])
    """

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The places in the best order, counted from the end."""
        found = kemeny(pairwise_wins(data))
        k = len(data.names)
        estimate = np.empty(k)
        estimate[list(found.order)] = np.arange(k - 1, -1, -1, dtype=np.float64)
        notes = () if found.unique else ("other orders contradict the votes as little",)
        cost = (Coefficient("cost", found.cost, float("nan")),)
        return Strengths(data.names, estimate, None, *evidence(data), cost, notes)
