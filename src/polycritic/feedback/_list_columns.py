"""Columns of lists: their entries, lengths and faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from polycritic.core import BoolArray, FloatArray, IntArray
from polycritic.feedback._messages import is_messages, render
from polycritic.feedback._part import Column, column
from polycritic.feedback._rows import EMPTY, Rows, as_floats, is_number, valid


def list_numbers(
    rows: Rows, name: str, counts: IntArray, expected: str, allowed: tuple[float, ...] | None, *, gaps: bool = False
) -> FloatArray:
    """A list column's numbers, flat: whole or allowed ones, or (``gaps``) any with NaN for null; else faults."""
    everything = np.ones(len(rows), dtype=np.bool_)
    kind = rows.table.column(name).type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not is_number(kind.value_type, truth=gaps):
        rows.fault(everything, name, expected)
        return np.zeros(0)
    lists = rows.list(name)
    flat = lists.flatten()
    values = as_floats(flat)
    parent = parents(lists)
    if gaps:
        bad = ~np.isfinite(values) & valid(flat)
    else:
        bad = ~(np.isin(values, allowed) if allowed else np.isfinite(values) & (values == np.round(values)))
    wrong = np.bincount(parent, bad, minlength=len(rows)) > 0
    rows.fault(wrong | (lengths(lists) != counts), name, expected)
    return values


def checked_texts(rows: Rows, name: str, *, least: int) -> Rows:
    """The rows whose list of texts is sound; messages become text."""
    if not len(rows):
        return rows
    kind = rows.table.column(name).type
    if pa.types.is_list(kind) and is_messages(kind.value_type):
        rendered = [[render(m) for m in row] for row in rows.table.column(name).to_pylist()]
        place = rows.table.column_names.index(name)
        rows = replace(rows, table=rows.table.set_column(place, name, pa.array(rendered, pa.list_(pa.string()))))
    lists = rows.list(name)
    flat = lists.flatten()
    if not (pa.types.is_string(flat.type) or pa.types.is_large_string(flat.type) or pa.types.is_null(flat.type)):
        rows.fault(np.ones(len(rows), dtype=np.bool_), name, "a list of texts")
    parent = parents(lists)
    gaps: BoolArray = np.bincount(parent, ~valid(flat), minlength=len(rows)) > 0
    rows.fault(gaps | (lengths(lists) < least), name, f"a list of {least} or more texts")
    return rows.take(rows.sound())


def remark_empty(rows: Rows, texts: pa.ListArray) -> None:
    """Count the empty responses of lists."""
    rows.remarks.add(rows.source, EMPTY, int(rows.blank(column(texts.flatten())).sum()))


def models_of(rows: Rows, counts: IntArray) -> Column | None:
    """Who wrote each entry, flat, from a list ``models`` that names one for each, or from ``model`` for all."""
    if rows.has("models") and pa.types.is_list(rows.table.column("models").type):
        lists = rows.table.column("models").to_pylist()
        fits = [models is None or len(models) == count for models, count in zip(lists, counts, strict=True)]
        rows.fault(~np.array(fits, dtype=np.bool_), "models", "one name for each response")
        each = [
            models if models and fit else [None] * count for models, count, fit in zip(lists, counts, fits, strict=True)
        ]
        return column(pa.array([None if m is None else str(m) for models in each for m in models], pa.string()))
    one = rows.text("model")
    return one.take(np.repeat(np.arange(len(rows)), counts)) if one is not None else None


def lengths(lists: pa.ListArray) -> IntArray:
    """(n,) how many entries each list has."""
    return np.asarray(lists.value_lengths().fill_null(0), dtype=np.int64)


def parents(lists: pa.ListArray) -> IntArray:
    """Which list each entry of ``lists.flatten()`` belongs to."""
    return np.repeat(np.arange(len(lists)), lengths(lists))


def offsets(lists: pa.ListArray) -> pa.Array:
    """Where each list starts in ``lists.flatten()``, and where the last ends."""
    return pa.array(np.concatenate([[0], np.cumsum(lengths(lists))]).astype(np.int32))


def list_of(starts: pa.Array, values: pa.Array) -> pa.ListArray:
    """Lists cut from ``values`` at ``starts``."""
    return pa.ListArray.from_arrays(starts, values)
