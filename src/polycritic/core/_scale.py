"""The scales on which tasks are judged."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polycritic.core._errors import PolycriticError


@dataclass(frozen=True, slots=True)
class Interval:
    """Real numbers between two bounds, such as 0 to 100.

    >>> Interval(0, 100)
    Interval(low=0, high=100)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise PolycriticError(
                "bad Interval", found=f"low={self.low}, high={self.high}", expected="finite low < high"
            )


@dataclass(frozen=True, slots=True)
class Levels:
    """Ordered levels, worst first.

    Where all names are numbers (``("1", "2", "3")``) a value is that number; else it is the level's index, from 0. See
    :func:`level_values`.

    >>> Levels(("poor", "fair", "good"))
    Levels(names=('poor', 'fair', 'good'))
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise PolycriticError(
                "bad Levels", found=repr(self.names), expected="two or more different names, worst first"
            )
        values = level_values(self)
        if any(a >= b for a, b in itertools.pairwise(values)):
            raise PolycriticError("bad Levels", found=repr(self.names), expected="numbers in increasing order")


@dataclass(frozen=True, slots=True)
class Binary:
    """Right or wrong: 1 or 0; a score is the probability of right.

    >>> Binary()
    Binary()
    """


@dataclass(frozen=True, slots=True)
class Utility:
    """A number without unit or bounds, of which only differences within one task mean something.

    >>> Utility()
    Utility()
    """


Scale = Interval | Levels | Binary | Utility


def level_values(scale: Levels) -> tuple[float, ...]:
    """The number that stands for each level: its name if all names are numbers, else its index.

    >>> level_values(Levels(("1", "2", "5"))), level_values(Levels(("poor", "good")))
    ((1.0, 2.0, 5.0), (0.0, 1.0))
    """
    try:
        values = tuple(float(name) for name in scale.names)
    except ValueError:
        return tuple(float(i) for i in range(len(scale.names)))
    return values if all(map(math.isfinite, values)) else tuple(float(i) for i in range(len(scale.names)))


def bounds(scale: Scale) -> tuple[float, float]:
    """The lowest and highest value on a scale; infinite for :class:`Utility`.

    >>> bounds(Binary()), bounds(Levels(("1", "2", "5"))), bounds(Utility())
    ((0.0, 1.0), (1.0, 5.0), (-inf, inf))
    """
    match scale:
        case Interval(low, high):
            return float(low), float(high)
        case Levels():
            values = level_values(scale)
            return values[0], values[-1]
        case Binary():
            return 0.0, 1.0
        case Utility():
            return -math.inf, math.inf


def on_scale(scale: Scale, value: float) -> bool:
    """Whether a label may have this value. Levels allow what lies between them, as means of several people do.

    >>> on_scale(Interval(0, 1), 0.5), on_scale(Binary(), 2.0), on_scale(Utility(), float("nan"))
    (True, False, False)
    """
    low, high = bounds(scale)
    return math.isfinite(value) and low <= value <= high


def scale_text(scale: Scale) -> str:
    """A scale in words, for messages and prompts.

    >>> scale_text(Interval(0, 1)), scale_text(Levels(("1", "2"))), scale_text(Binary())
    ('a number from 0 to 1', 'one of the levels 1 < 2', 'right (1) or wrong (0)')
    """
    match scale:
        case Interval(low, high):
            return f"a number from {low:g} to {high:g}"
        case Levels(names):
            return "one of the levels " + " < ".join(names)
        case Binary():
            return "right (1) or wrong (0)"
        case Utility():
            return "a utility (any number, higher is better)"


def scale_to_dict(scale: Scale) -> dict[str, object]:
    """A scale as JSON.

    >>> scale_to_dict(Interval(0, 1))
    {'kind': 'interval', 'low': 0, 'high': 1}
    """
    match scale:
        case Interval(low, high):
            return {"kind": "interval", "low": low, "high": high}
        case Levels(names):
            return {"kind": "levels", "names": list(names)}
        case Binary():
            return {"kind": "binary"}
        case Utility():
            return {"kind": "utility"}


def scale_from_dict(data: Mapping[str, Any]) -> Scale:
    """A scale from JSON.

    Raises:
        PolycriticError: It is none.

    >>> scale_from_dict({"kind": "levels", "names": ["1", "2"]})
    Levels(names=('1', '2'))
    """
    try:
        match data["kind"]:
            case "interval":
                return Interval(data["low"], data["high"])
            case "levels":
                return Levels(tuple(data["names"]))
            case "binary":
                return Binary()
            case "utility":
                return Utility()
    except (KeyError, TypeError) as error:
        raise PolycriticError("not a scale", found=repr(data), expected="what scale_to_dict writes") from error
    raise PolycriticError("unknown scale", found=repr(data["kind"]), expected="interval, levels, binary or utility")
