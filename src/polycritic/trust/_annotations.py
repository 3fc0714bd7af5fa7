"""Who said what of which item, and what label models share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """Labels as one row for each time somebody labelled something; not everybody has to label everything.

    Args:
        item: (r,) which item, from 0.
        annotator: (r,) who, from 0.
        label: (r,) which class, from 0.
        classes: How many classes there are; None takes the largest label and one more.

    Raises:
        PolycriticError: Lengths differ, nothing is there, a number is negative, or an item has no label.

    >>> Annotations(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([1, 1, 0])).shape
    (2, 2, 2)
    """

    item: IntArray
    annotator: IntArray
    label: IntArray
    classes: int | None = None

    def __post_init__(self) -> None:
        arrays = [np.asarray(a, dtype=np.int64) for a in (self.item, self.annotator, self.label)]
        if not (arrays[0].ndim == 1 and arrays[0].shape == arrays[1].shape == arrays[2].shape and len(arrays[0])):
            raise PolycriticError(
                "bad annotations", found=str([a.shape for a in arrays]), expected="(r,) three times, r > 0"
            )
        if min(int(a.min()) for a in arrays) < 0:
            raise PolycriticError(
                "bad annotations", found="a negative number", expected="numbers from 0; leave out gaps"
            )
        if self.classes is not None and arrays[2].max() >= self.classes:
            raise PolycriticError("bad annotations", found=f"class {arrays[2].max()}", expected=f"below {self.classes}")
        for name, array in zip(("item", "annotator", "label"), arrays, strict=True):
            object.__setattr__(self, name, array)
        empty = np.flatnonzero(np.bincount(arrays[0]) == 0)
        if len(empty):
            raise PolycriticError(
                "items without a label",
                found=f"{len(empty)}, the first {empty[0]}",
                expected="items numbered without gaps",
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Items, annotators, classes."""
        top = int(self.label.max()) + 1
        return (
            int(self.item.max()) + 1,
            int(self.annotator.max()) + 1,
            max(top, 2) if self.classes is None else self.classes,
        )

    @property
    def votes(self) -> FloatArray:
        """(items, classes) how often each class was said."""
        n, _, k = self.shape
        return np.bincount(self.item * k + self.label, minlength=n * k).reshape(n, k).astype(np.float64)


def annotations_from_table(table: FloatArray, *, classes: int | None = None) -> Annotations:
    """Annotations out of an (items, annotators) table of classes, NaN where somebody did not label.

    >>> annotations_from_table(np.array([[0.0, 1.0], [1.0, np.nan]])).label
    array([0, 1, 1])
    """
    array = np.asarray(table, dtype=np.float64)
    if array.ndim != 2 or not np.equal(array[~np.isnan(array)], np.round(array[~np.isnan(array)])).all():
        raise PolycriticError(
            "bad table of annotations", found=str(array.shape), expected="(items, annotators) whole numbers"
        )
    item, annotator = np.nonzero(~np.isnan(array))
    return Annotations(item, annotator, array[item, annotator].astype(np.int64), classes)


def majority_vote(annotations: Annotations) -> FloatArray:
    """Each class's share of an item's labels, (items, classes): an even split stays even, it is not decided.

    >>> majority_vote(Annotations(np.array([0, 0]), np.array([0, 1]), np.array([0, 1])))
    array([[0.5, 0.5]])
    """
    votes = annotations.votes
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float64)


def posterior_of(log_joint: FloatArray) -> tuple[FloatArray, float]:
    """Class probabilities of each item, and the total log-likelihood, from (items, classes) log joint densities."""
    top = log_joint.max(axis=1, keepdims=True)
    weights = np.exp(log_joint - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, float((top + np.log(total)).sum())


def gather(values: FloatArray, item: IntArray, n: int) -> FloatArray:
    """Sum rows (r, k) by item: (n, k)."""
    return np.stack([np.bincount(item, column, n) for column in values.T], axis=1)
