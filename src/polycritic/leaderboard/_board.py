"""The leaderboard: who is best, and who is not told apart."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from polycritic.core import BoolArray, Comparison, FloatArray, IntArray, PolycriticError, lookup
from polycritic.leaderboard._bootstrap import Bootstrap, resampled
from polycritic.leaderboard._bradley_terry import BradleyTerry
from polycritic.leaderboard._matches import Matches, matches_of_rows
from polycritic.leaderboard._mean import Mean
from polycritic.leaderboard._paired import Adjustment, PairedComparison, two_sided
from polycritic.leaderboard._strengths import Coefficient, Method, Strengths
from polycritic.leaderboard._table import ScoreTable

_NORMAL = 1.959963984540054
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One system's place.

    Args:
        name: The system.
        estimate: Its strength; NaN where the method cannot say.
        error: Standard error, clustered by item; NaN where the method does not say.
        low: Lower end of the 95 % interval.
        high: Upper end.
        rank: 1 plus the number of better systems in its component; equal estimates share a rank.
        rank_low: The best rank it may have: 1 plus the systems that are significantly better.
        rank_high: The worst rank it may have.
        group: Tie group, from 1: systems not told apart from the best of their group.
        n: How many matches or values it rests on.
        component: Systems of different components were never compared, not even through others.

    >>> from polycritic.leaderboard import matches
    >>> leaderboard(matches(["a"], ["b"], [0.5]))["a"].rank
    1
    """

    name: str
    estimate: float
    error: float
    low: float
    high: float
    rank: int
    rank_low: int
    rank_high: int
    group: int
    n: int
    component: int


@dataclass(frozen=True, slots=True, eq=False)
class Leaderboard:
    """Systems in order, best first, component by component.

    Args:
        rows: One for each system.
        differences: (k, k) row's estimate minus column's, in the order of ``rows``; NaN across components.
        errors: (k, k) their standard errors.
        shared: (k, k) on how many items (or matches) two systems met.
        coefficients: What else the method estimated, such as the pull of length.
        notes: What the reader should know.

    >>> from polycritic.leaderboard import matches
    >>> board = leaderboard(matches(["a", "a"], ["b", "b"], [1, 0]))
    >>> len(board), board["b"].n
    (2, 2)
    """

    rows: tuple[Row, ...]
    differences: FloatArray
    errors: FloatArray
    shared: FloatArray
    coefficients: tuple[Coefficient, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        names = [row.name for row in self.rows]
        return self.rows[names.index(lookup(name, names, "system"))]

    def __str__(self) -> str:
        wide = max((len(row.name) for row in self.rows), default=6)
        lines = [f"{'rank':>9}  {'system':<{wide}}  {'estimate':>9}  {'95 % interval':>19}  {'n':>7}"]
        for row in self.rows:
            ranks = f"{row.rank} ({row.rank_low}-{row.rank_high})"
            interval = f"[{row.low:.3f}, {row.high:.3f}]"
            lines.append(f"{ranks:>9}  {row.name:<{wide}}  {row.estimate:>9.3f}  {interval:>19}  {row.n:>7}")
        return "\n".join([*lines, *self.notes])


def leaderboard(
    data: Matches | ScoreTable | Sequence[Comparison],
    method: Method | None = None,
    *,
    adjust: Adjustment | None = None,
    bootstrap: Bootstrap | None = None,
) -> Leaderboard:
    """Who is best, with errors, rank intervals and tie groups.

    The estimates are the method's and never depend on the bootstrap. Ranks count within connected components.

    Args:
        data: Comparisons (:func:`matches`, or rows of feedback), or a :func:`score_table`.
        method: How to rank; :class:`BradleyTerry` for comparisons, :class:`Mean` for tables if not given.
        adjust: Correction of the tests behind rank intervals and tie groups: :func:`holm`, :func:`benjamini_hochberg`.
        bootstrap: Errors and intervals from resampled items in place of the method's own.

    Raises:
        PolycriticError: There is nothing to rank.

    >>> from polycritic.leaderboard import matches
    >>> board = leaderboard(matches(["a", "a", "a", "b"], ["b", "b", "b", "a"], [1, 1, 1, 1]))
    >>> [(row.name, row.rank, round(row.estimate, 3)) for row in board.rows]
    [('a', 1, 0.549), ('b', 2, -0.549)]
    """
    source = data if isinstance(data, (Matches, ScoreTable)) else matches_of_rows(data)
    if not source.names:
        raise PolycriticError("nothing to rank", found="no systems", expected="one or more")
    chosen: Method = method or (Mean() if isinstance(source, ScoreTable) else BradleyTerry())
    found = chosen(source)
    interval = None
    if bootstrap is not None:
        drawn = resampled(chosen, source, bootstrap)
        found = replace(found, covariance=_covariance_of(drawn))
        interval = _percentiles(drawn, found.estimate)
    return board_of(found, adjust=adjust, interval=interval)


def board_of(found: Strengths, *, adjust: Adjustment | None = None, interval: FloatArray | None = None) -> Leaderboard:
    """Put strengths in order.

    Args:
        found: What a method said.
        adjust: Correction of the tests behind rank intervals and tie groups.
        interval: (k, 2) intervals to show in place of normal ones.

    >>> from polycritic.leaderboard import Copeland, matches
    >>> [row.name for row in board_of(Copeland()(matches(["a"], ["b"], [0]))).rows]
    ['b', 'a']
    """
    k = len(found.names)
    error = np.full(k, np.nan) if found.covariance is None else np.sqrt(np.maximum(np.diag(found.covariance), 0.0))
    error = np.where(np.isnan(found.estimate), np.nan, error)
    if interval is None:
        reach = np.where(np.isnan(error), np.nan, _NORMAL * error)
        interval = np.column_stack([found.estimate - reach, found.estimate + reach])
    # Equal estimates are ordered by name, so the order of the input decides nothing.
    rounded = np.where(np.isnan(found.estimate), -np.inf, found.estimate.round(10))
    order = sorted(range(k), key=lambda i: (found.component[i], -rounded[i], found.names[i]))
    place = np.array(order, dtype=np.int64)
    differences, errors = _differences(found)
    differences, errors = differences[np.ix_(place, place)], errors[np.ix_(place, place)]
    better = _better(differences, errors, adjust)
    component = found.component[place]
    same = component[:, None] == component[None]
    value = rounded[place]
    rank = 1 + (same & (value[None] > value[:, None])).sum(1)
    rank_low = 1 + (better & same).sum(0)
    rank_high = same.sum(1) - (better & same).sum(1)
    group = _groups(better, component)
    rows = tuple(
        Row(
            found.names[i],
            float(found.estimate[i]),
            float(error[i]),
            float(interval[i, 0]),
            float(interval[i, 1]),
            int(rank[j]),
            int(min(rank_low[j], rank[j])),
            int(max(rank_high[j], rank[j])),
            int(group[j]),
            int(found.n[i]),
            int(found.component[i]),
        )
        for j, i in enumerate(order)
    )
    shared = found.shared[np.ix_(place, place)].astype(np.float64)
    return Leaderboard(rows, differences, errors, shared, found.coefficients, found.notes)


def _differences(found: Strengths) -> tuple[FloatArray, FloatArray]:
    k = len(found.names)
    apart = found.component[:, None] != found.component[None]
    gap = found.estimate[:, None] - found.estimate[None]
    error = np.full((k, k), np.nan)
    if found.covariance is not None:
        own = np.diag(found.covariance)
        square = own[:, None] + own[None] - found.covariance - found.covariance.T
        tiny = 1e-14 * (own[:, None] + own[None])  # what rounding leaves of two equal systems
        error = np.sqrt(np.where(square > tiny, square, np.where(np.isnan(square), np.nan, 0.0)))
    return np.where(apart, np.nan, gap), np.where(apart, np.nan, error)


def _better(differences: FloatArray, errors: FloatArray, adjust: Adjustment | None) -> BoolArray:
    """(k, k) whether the row is significantly better than the column."""
    k = len(differences)
    one, two = np.triu_indices(k, 1)
    p = two_sided(differences[one, two], errors[one, two])
    p = p if adjust is None else adjust(p)
    told = np.zeros((k, k), dtype=bool)
    told[one, two] = told[two, one] = p < _LEVEL
    return np.asarray(told & (differences > 0), dtype=np.bool_)


def _groups(better: BoolArray, component: IntArray) -> list[int]:
    groups: list[int] = []
    leader, group = 0, 1
    for j in range(len(component)):
        if j and component[j] != component[j - 1]:
            leader, group = j, 1
        elif better[leader, j]:
            leader, group = j, group + 1
        groups.append(group)
    return groups


def _covariance_of(drawn: FloatArray) -> FloatArray:
    """(k, k) over the resampled sets in which both systems were drawn."""
    there = (~np.isnan(drawn)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        count = there.T @ there
        filled = np.where(there > 0, drawn, 0.0)
        filled = np.where(there > 0, filled - filled.sum(0) / np.maximum(there.sum(0), 1.0), 0.0)
        mean = filled.T @ there / count
        return np.asarray((filled.T @ filled / count - mean * mean.T) * count / (count - 1.0), dtype=np.float64)


def _percentiles(drawn: FloatArray, estimate: FloatArray) -> FloatArray:
    known = ~np.isnan(drawn).all(0)
    ends = np.full((len(estimate), 2), np.nan)
    ends[known] = np.nanquantile(drawn[:, known], [_LEVEL / 2.0, 1.0 - _LEVEL / 2.0], axis=0).T
    return ends


def paired(board: Leaderboard, *, adjust: Adjustment | None = None) -> tuple[PairedComparison, ...]:
    """Every two systems of a board that share items.

    Args:
        board: A leaderboard whose method says errors.
        adjust: :func:`holm`, :func:`benjamini_hochberg`, or nothing.

    Returns:
        One comparison for each pair that shares an item, better ones first.

    >>> from polycritic.leaderboard import matches
    >>> board = leaderboard(matches(["a"] * 4, ["b"] * 4, [1, 1, 1, 0]))
    >>> round(paired(board)[0].difference, 3), paired(board)[0].shared
    (1.099, 4)
    """
    one, two = np.nonzero(np.triu(board.shared > 0, 1) & ~np.isnan(board.differences))
    difference, error = board.differences[one, two], board.errors[one, two]
    p = two_sided(difference, error)
    p = p if adjust is None else adjust(p)
    return tuple(
        PairedComparison(board.rows[a].name, board.rows[b].name, float(d), float(e), float(q), int(board.shared[a, b]))
        for a, b, d, e, q in zip(one, two, difference, error, p, strict=True)
    )


def elo(board: Leaderboard, *, anchor: str = "", at: float = 1000.0, scale: float = 400.0) -> Leaderboard:
    """The same board in Elo points: ``scale`` points are odds of ten to one.

    Only for strengths in natural log-odds. Errors stay those of the system alone, not of its distance to the anchor.

    Args:
        board: A leaderboard.
        anchor: The system that gets ``at`` points; where none is named, the mean of each component gets them.
        at: Points.
        scale: Points for odds of ten to one.

    Raises:
        UnknownNameError: There is no such anchor.

    >>> from polycritic.leaderboard import matches
    >>> board = leaderboard(matches(["a"] * 11, ["b"] * 11, [1] * 10 + [0]))
    >>> [round(row.estimate, 6) for row in elo(board, anchor="b").rows]
    [1400.0, 1000.0]
    """
    unit = scale / math.log(10.0)
    zero = board[anchor] if anchor else None

    def points(row: Row) -> Row:
        shift = zero.estimate if zero is not None and zero.component == row.component else 0.0
        return replace(
            row,
            estimate=at + unit * (row.estimate - shift),
            error=unit * row.error,
            low=at + unit * (row.low - shift),
            high=at + unit * (row.high - shift),
        )

    return replace(
        board,
        rows=tuple(points(row) for row in board.rows),
        differences=board.differences * unit,
        errors=board.errors * unit,
    )


def board_json(board: Leaderboard) -> str:
    """A board as JSON; what the method cannot say is ``null``.

    >>> from polycritic.leaderboard import matches
    >>> json.loads(board_json(leaderboard(matches(["a"], ["b"], [0.5]))))["rows"][0]["name"]
    'a'
    """

    def plain(record: dict[str, object]) -> dict[str, object]:
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in record.items()
        }

    return json.dumps(
        {
            "rows": [plain(asdict(row)) for row in board.rows],
            "coefficients": [plain(asdict(coefficient)) for coefficient in board.coefficients],
            "notes": list(board.notes),
        }
    )
