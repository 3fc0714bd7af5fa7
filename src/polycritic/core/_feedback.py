"""Rows of feedback: what somebody said about candidates."""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, fields

from polycritic.core._candidate import Candidate
from polycritic.core._errors import PolycriticError


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Feedback:
    """One judgement: the base of all kinds of rows.

    Args:
        task: The name of the task.
        weight: How much the row counts in training and evaluation; not negative.
        source: Who judged (an annotator, a model, a file).
        group: Rows of one group stay together when data are split or resampled; empty means the prompt.
    """

    task: str
    weight: float = 1.0
    source: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise PolycriticError(
                "bad weight", where=f"task {self.task!r}", found=repr(self.weight), expected="a finite number >= 0"
            )

    def __repr__(self) -> str:
        said = ((field.name, getattr(self, field.name)) for field in fields(self) if _differs(self, field))
        return f"{type(self).__name__}({', '.join(f'{name}={_short(value)}' for name, value in said)})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rating(Feedback):
    """One value for one candidate, on the task's scale; right/wrong outcomes are ratings of 1 and 0.

    >>> Rating(task="sums", candidate=Candidate("1 + 1", "2"), value=1.0).value
    1.0
    """

    candidate: Candidate
    value: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(Feedback):
    """Which of two candidates is better.

    Args:
        first: A candidate.
        second: Another.
        preference: The probability that the first is better: 1 first, 0 second, 0.5 a tie, soft between.
        margin: How much better, where people said so; 0 means not stated.

    >>> Comparison(task="t", first=Candidate("p", "a"), second=Candidate("p", "b")).preference
    1.0
    """

    first: Candidate
    second: Candidate
    preference: float = 1.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        Feedback.__post_init__(self)
        if not 0.0 <= self.preference <= 1.0:
            raise PolycriticError(
                "bad preference", where=f"task {self.task!r}", found=repr(self.preference), expected="0 to 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ranking(Feedback):
    """An order of several candidates.

    Args:
        candidates: Two or more.
        ranks: Each one's place, lowest is best; equal ranks are ties.

    >>> Ranking(task="t", candidates=(Candidate("p", "a"), Candidate("p", "b")), ranks=(2, 1)).ranks
    (2, 1)
    """

    candidates: tuple[Candidate, ...]
    ranks: tuple[int, ...]

    def __post_init__(self) -> None:
        Feedback.__post_init__(self)
        if len(self.candidates) < 2 or len(self.ranks) != len(self.candidates):
            raise PolycriticError(
                "bad ranking",
                where=f"task {self.task!r}",
                found=f"{len(self.candidates)} candidates, {len(self.ranks)} ranks",
                expected="two or more candidates and one rank for each",
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StepRatings(Feedback):
    """One value for each step of a candidate; NaN marks a step that nobody labelled.

    >>> StepRatings(task="t", candidate=Candidate("p", "a b", steps=("a ", "b")), values=(1.0, 0.0)).values
    (1.0, 0.0)
    """

    candidate: Candidate
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        Feedback.__post_init__(self)
        if not self.candidate.steps or len(self.values) != len(self.candidate.steps):
            raise PolycriticError(
                "bad step ratings",
                where=f"task {self.task!r}",
                found=f"{len(self.candidate.steps)} steps, {len(self.values)} values",
                expected="one value for each step",
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BagRating(Feedback):
    """One number for a bag of candidates: the mean of values that nobody wrote down one by one.

    >>> BagRating(task="t", candidates=(Candidate("p", "a"), Candidate("q", "b")), value=0.5).value
    0.5
    """

    candidates: tuple[Candidate, ...]
    value: float

    def __post_init__(self) -> None:
        Feedback.__post_init__(self)
        if not self.candidates:
            raise PolycriticError("empty bag", where=f"task {self.task!r}", expected="one or more candidates")


def _differs(row: Feedback, field: Field[object]) -> bool:
    return bool(getattr(row, field.name) != field.default)


def _short(value: object) -> str:
    if isinstance(value, tuple) and len(value) > 3:
        return f"<{len(value)} {'candidates' if isinstance(value[0], Candidate) else 'numbers'}>"
    return repr(value)


def candidates_of(row: Feedback) -> tuple[Candidate, ...]:
    """The candidates that a row speaks of, in order.

    >>> [c.response for c in candidates_of(Comparison(task="t", first=Candidate("p", "a"), second=Candidate("p", "b")))]
    ['a', 'b']
    """
    match row:
        case Rating(candidate=candidate) | StepRatings(candidate=candidate):
            return (candidate,)
        case Comparison(first=first, second=second):
            return first, second
        case Ranking(candidates=candidates) | BagRating(candidates=candidates):
            return candidates
    raise PolycriticError(
        "unknown kind of row", found=type(row).__name__, expected="one of polycritic's rows of feedback"
    )


def group_of(row: Feedback) -> str:
    """The group that a row belongs to: its own, else its first candidate's prompt.

    >>> group_of(Rating(task="t", candidate=Candidate("p", "a"), value=1.0))
    'p'
    """
    return row.group or candidates_of(row)[0].prompt
