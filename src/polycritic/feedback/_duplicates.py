"""Rows that say what an earlier row said, comparisons of a text with itself, and what two sets share."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.core import BoolArray, IntArray
from polycritic.feedback._part import FIELDS, Kind, Part
from polycritic.feedback._table import FeedbackTable

_TEXTS = tuple(name for name in FIELDS if name != "steps")


def repeats(whole: FeedbackTable) -> BoolArray:
    """(n,) which rows are equal to an earlier one, who judged included.

    >>> from polycritic.feedback import read
    >>> repeats(read([{"prompt": "p", "completion": "c", "label": True}] * 2)).tolist()
    [False, True]
    """
    code = whole.task_index * len(Kind) + whole.kind
    for numbers in (whole.value, whole.weight):
        code = _both(code, np.unique(numbers, return_inverse=True)[1])
    for name in (*_TEXTS, "source", "group"):
        for second in (False, True):
            if name in ("source", "group") and second:
                continue
            code = _both(code, _codes(whole.texts(name, second=second)))
    code = _both(code, _lists(whole))
    _, first = np.unique(code, return_index=True)
    repeated: BoolArray = np.ones(len(whole), dtype=np.bool_)
    repeated[first] = False
    return repeated


def _both(first: IntArray, second: IntArray) -> IntArray:
    """One code for two."""
    if not len(second) or not second.any():
        return first
    code: IntArray = np.unique(first * (int(second.max()) + 1) + second, return_inverse=True)[1].astype(np.int64)
    return code


def _codes(texts: pa.ChunkedArray) -> IntArray:
    if texts.null_count == len(texts):
        return np.zeros(len(texts), dtype=np.int64)
    coded = texts.fill_null("").dictionary_encode().unify_dictionaries()
    return np.concatenate([np.asarray(chunk.indices, dtype=np.int64) for chunk in coded.chunks])


def _lists(whole: FeedbackTable) -> IntArray:
    """A code for what stands in lists: rows with steps or several candidates are compared as objects."""
    codes = np.zeros(len(whole), dtype=np.int64)
    index: dict[str, int] = {}
    for part, at, rows in whole.pieces():
        if _has_lists(part):
            for place, row in zip(at, rows, strict=True):
                made = part.row(int(row))
                said = repr(
                    [(name, getattr(made, name)) for name in ("ranks", "values", "margin") if hasattr(made, name)]
                )
                texts = [[part.columns[name][int(row)] for name in sorted(part.columns)]]
                codes[place] = index.setdefault(said + repr(texts), len(index) + 1)
    return codes


def _has_lists(part: Part) -> bool:
    return bool(part.listed or {"steps", "steps_b", "values"} & part.columns.keys())


def identical(whole: FeedbackTable) -> BoolArray:
    """(n,) which rows compare a text with itself."""
    same = np.asarray(whole.kind == Kind.COMPARISON)
    for name in ("response", "prompt"):
        pair = [whole.texts(name, second=second).fill_null("") for second in (False, True)]
        same &= np.asarray(pc.equal(*pair), dtype=np.bool_)
    return same


def normalised(texts: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Texts in lower case, with one space for all that is no letter and no digit."""
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_lower(texts), r"[^\p{L}\p{N}]+", " "))
