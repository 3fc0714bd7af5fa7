"""The scales of tasks that nobody stated: inferred from all of a task's values, and said aloud."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from polycritic.core import (
    Binary,
    FloatArray,
    Interval,
    Levels,
    PolycriticError,
    Scale,
    Task,
    Utility,
    bounds,
    scale_text,
)
from polycritic.feedback._part import Kind, Part
from polycritic.feedback._source import Source

_RANGES = ((0.0, 1.0), (1.0, 5.0), (0.0, 5.0), (1.0, 10.0), (0.0, 10.0), (-1.0, 1.0), (0.0, 100.0))
_MOST_LEVELS = 11


def infer_scale(values: FloatArray, *, truth: bool = False) -> Scale:
    """The scale of some values.

    True and false, and zeros and ones, are :class:`Binary`. Whole numbers of a small range are :class:`Levels`, from
    the lowest to the highest, and stay so where some are means of a few of them (4.67, 3.5). Other numbers are an
    :class:`Interval`: the first of 0..1, 1..5, 0..5, 1..10, 0..10, -1..1 and 0..100 that holds them all, else their
    own range rounded outward. No values give :class:`Utility`.

    Args:
        values: (n,) finite numbers.
        truth: Whether all were written as true or false.

    >>> infer_scale(np.array([1.0, 4.67, 5.0, 3.0]))
    Levels(names=('1', '2', '3', '4', '5'))
    >>> infer_scale(np.array([0.31, 0.72])), infer_scale(np.array([1.0, 0.0])), infer_scale(np.array([]))
    (Interval(low=0.0, high=1.0), Binary(), Utility())
    """
    return _scale_of(_summary(values), truth=truth)


@dataclass(frozen=True, slots=True)
class _Summary:
    """What decides the scale of some values, in a few numbers: a file's values need not be in memory together."""

    count: int
    whole: int
    low: float
    high: float
    zeros_and_ones: bool
    means: bool
    """Whether those that are not whole are means of two to five whole numbers."""


def _summary(values: FloatArray) -> _Summary:
    whole = values == np.round(values)
    rest = values[~whole, None] * np.arange(2, 6)
    means = (np.abs(rest - np.round(rest)) <= 0.005 * np.arange(2, 6) + 1e-9).any(axis=1).all()
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    return _Summary(len(values), int(whole.sum()), low, high, bool(np.isin(values, (0.0, 1.0)).all()), bool(means))


def _joined(first: _Summary, second: _Summary) -> _Summary:
    return _Summary(
        first.count + second.count,
        first.whole + second.whole,
        min(first.low, second.low),
        max(first.high, second.high),
        first.zeros_and_ones and second.zeros_and_ones,
        first.means and second.means,
    )


def _scale_of(values: _Summary, *, truth: bool) -> Scale:
    if not values.count:
        return Utility()
    if truth or values.zeros_and_ones:
        return Binary()
    low, high = values.low, values.high
    bottom, top = math.floor(low), math.ceil(high)
    if top - bottom < _MOST_LEVELS and max(-bottom, top) <= 10 and (low, high) != (0.0, 1.0) and _levels(values):
        if top == bottom:  # one value tells little: 1..5 or 0..10 where it fits
            bottom, top = (1, 5) if 1 <= top <= 5 else (min(bottom, 0), max(top, 10 if top > 5 else 1))
        return Levels(tuple(str(level) for level in range(bottom, top + 1)))
    for least, most in _RANGES:
        if least <= low and high <= most:
            return Interval(least, most)
    return Interval(*_outward(low, high))


def _levels(values: _Summary) -> bool:
    """Whether values are whole numbers, or mostly so with means of two to five among them."""
    if values.whole == values.count:
        return True
    return values.high > 1.0 and 2 * values.whole >= values.count and values.means


def _outward(low: float, high: float) -> tuple[float, float]:
    """A range rounded outward to two digits of its width."""
    width = high - low or abs(high) or 1.0
    unit = 10.0 ** (math.floor(math.log10(width)) - 1)
    bottom, top = math.floor(low / unit) * unit, math.ceil(high / unit) * unit
    return (min(bottom, low), max(top, high)) if bottom < top else (low - width, high + width)


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of one source."""

    source: Source
    bag: bool
    truth: bool
    written: str
    attribute: str


Values = dict[str, dict[_Column, _Summary]]
"""What each task's values tell, column by column; nothing for a task whose rows only compare."""


def add_values(parts: Sequence[Part], found: Values) -> None:
    """Count the values of some parts."""
    for part in parts:
        own = _Column(part.source, part.kind is Kind.BAG, part.truth, part.written, part.attribute)
        for name, values in _by_task(part):
            columns = found.setdefault(name, {})
            if values is not None:
                summary = _summary(values)
                columns[own] = _joined(columns[own], summary) if own in columns else summary


def stated_or_inferred(
    found: Values, stated: Mapping[str, Task], described: Collection[str] = ()
) -> tuple[dict[str, Task], tuple[str, ...]]:
    """Every task's statement, and one sentence for each scale that was inferred: of tasks that nobody stated or only described.

    Tasks of one family whose values stand in one column share its range of levels: where one task's lowest rating is
    2 and another's is 1, both have levels from 1.

    Raises:
        PolycriticError: Two sources use different scales for one task, and nobody stated which holds.
    """
    scales = {name: _agreed(name, seen) for name, seen in found.items() if name not in stated or name in described}
    widest: dict[object, tuple[float, float]] = {}
    for name, scale in scales.items():
        if isinstance(scale, Levels):
            low, high = widest.get(_shared(name, found), bounds(scale))
            widest[_shared(name, found)] = min(low, bounds(scale)[0]), max(high, bounds(scale)[1])
    for name, scale in scales.items():
        if isinstance(scale, Levels):
            low, high = widest[_shared(name, found)]
            scales[name] = Levels(tuple(str(level) for level in range(int(low), int(high) + 1)))
    tasks = {name: stated.get(name) or Task(name) for name in found}
    tasks |= {name: replace(tasks[name], scale=scale) for name, scale in scales.items()}
    return tasks, tuple(_sentence(name, scale, found[name]) for name, scale in scales.items())


def _by_task(part: Part) -> Iterator[tuple[str, FloatArray | None]]:
    """The values of each task that a part has rows of; None where its rows have none."""
    rows, values = part.values_of()
    order = np.argsort(part.task[rows], kind="stable")
    tasks, values = part.task[rows][order], values[order]
    for code in np.unique(part.task):
        start, stop = np.searchsorted(tasks, [code, code + 1])
        yield part.names[code], values[start:stop] if stop > start else None


def _shared(name: str, found: Values) -> object:
    first = next(iter(found[name]))
    return Task(name).family, first.source, first.written, first.attribute


def _agreed(name: str, seen: Mapping[_Column, _Summary]) -> Scale:
    """One task's scale, from all its sources."""
    used = [own for own in seen if not own.bag] or list(seen)
    if not used:
        return Utility()
    together = _scale_of(reduce(_joined, (seen[own] for own in used)), truth=all(own.truth for own in used))
    if len({(own.source, own.truth) for own in used}) < 2:
        return together
    for one in used:
        same = [own for own in used if (own.source, own.truth) == (one.source, one.truth)]
        values = reduce(_joined, (seen[own] for own in same))
        scale = _scale_of(values, truth=one.truth)
        if not _fits(scale, together, truth=one.truth) or _five_of_ten(values, together):
            others = [own.source.name for own in used if own not in same]
            raise PolycriticError(
                f"task {name!r} has two scales",
                where=one.source.name,
                found=scale_text(scale),
                expected=f"{scale_text(together)}, to go with {others[0]}",
                mend="State the task's scale in a tasks file, or give one of the two another task name",
            )
    return together


def _fits(scale: Scale, together: Scale, *, truth: bool) -> bool:
    """Whether a source that seems to use one scale may use the other: it may lack some values, no more."""
    match scale, together:
        case Binary(), Levels(names):
            return not truth and float(names[0]) in (0.0, 1.0)
        case Binary(), Interval(low, high):
            return not truth and (low, high) == (0.0, 1.0)
        case Levels(), Levels():
            return True
        case Levels(), Interval(low, high):
            return (low, high) in ((1.0, 5.0), (0.0, 5.0), (1.0, 10.0), (0.0, 10.0))
        case _:
            return scale == together


def _five_of_ten(values: _Summary, together: Scale) -> bool:
    """Whether a source uses a scale that ends at 5, from end to end, where others go to 8, 9 or 10."""
    return values.low <= 1.0 and values.high == 5.0 and 8.0 <= bounds(together)[1] <= 10.0


def _sentence(name: str, scale: Scale, seen: Mapping[_Column, _Summary]) -> str:
    if isinstance(scale, Utility):
        return f"task {name!r}: {scale_text(scale)}, as its rows only compare"
    all_ = reduce(_joined, seen.values())
    return f"task {name!r}: {scale_text(scale)}, from {all_.count:,} values of {all_.low:g} to {all_.high:g}"
