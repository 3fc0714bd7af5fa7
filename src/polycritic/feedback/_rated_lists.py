"""Ratings of several responses to one prompt, written in one row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.core import FloatArray, IntArray
from polycritic.feedback._list_columns import lengths, models_of, parents
from polycritic.feedback._part import Column, Kind, Part, column
from polycritic.feedback._rows import EMPTY, Rows, as_floats, is_number, valid


def compile_rated_lists(rows: Rows, responses: str, values: str) -> list[Part]:
    """Rows with several responses and a value for each: ``answers`` and ``labels``, ``docs`` and ``scores``.

    Every response becomes a rating of its own.
    """
    texts, given = rows.list(responses), rows.list(values)
    rows.fault(lengths(texts) != lengths(given), values, f"one for each of {responses!r}")
    flat = texts.flatten()
    truth = pa.types.is_boolean(given.type.value_type)
    everything = np.ones(len(rows), dtype=np.bool_)
    if not is_number(given.type.value_type, truth=True):
        rows.fault(everything, values, "a list of numbers, or of true and false")
    if not any(holds(flat.type) for holds in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)):
        rows.fault(everything, responses, "a list of texts")
    sound = rows.sound()
    if len(sound) < len(rows):
        return compile_rated_lists(rows.take(sound), responses, values) if len(sound) else []
    parent = parents(texts)
    numbers = as_floats(given.flatten())
    unknown = np.bincount(parent, ~np.isfinite(numbers), minlength=len(rows)) > 0
    if unknown.any():
        rows.fault(unknown, values, "finite numbers")
        return compile_rated_lists(rows.take(rows.sound()), responses, values)
    columns: dict[str, Column | None] = {"response": column(flat), "model": models_of(rows, lengths(texts))}
    return [exploded(rows, parent, columns, numbers, truth=truth, written=values)]


def exploded(
    rows: Rows, parent: IntArray, columns: dict[str, Column | None], values: FloatArray, *, truth: bool, written: str
) -> Part:
    """Ratings of many responses a row: ``columns`` and ``values`` go by response, all else by row (``parent``)."""
    base = rows.part(Kind.RATING, {"prompt": rows.text(rows.prompt)}, {}, truth=truth, written=written)
    sound = rows.sound()
    place = np.full(len(rows), -1, dtype=np.int64)
    place[sound] = np.arange(len(sound))
    kept = np.flatnonzero(place[parent] >= 0)
    part = base.take(place[parent[kept]])
    given = {name: texts.take(kept) for name, texts in columns.items() if texts is not None}
    rows.remarks.add(rows.source, EMPTY, int(rows.blank(given["response"]).sum()))
    return replace(part, columns={**part.columns, **given}, numbers={**part.numbers, "value": values[kept]})


def compile_annotated(rows: Rows, completions: str) -> list[Part]:
    """Rows with several completions that carry their own ratings, as UltraFeedback writes them.

    ``completions`` is a list of objects with a text (``response``, ``completion`` or ``text``) and one or more of
    ``annotations {attribute: {Rating}}``, ``ratings {attribute: number}``, ``rating`` and ``score``; each attribute is a
    task of its own. What is no number (``"N/A"``) counts as not rated.
    """
    lists = rows.list(completions)
    flat = lists.flatten()
    parent = parents(lists)
    names = _fields(flat)
    text = next((name for name in ("response", "completion", "text") if name in names), None)
    if text is None or not pa.types.is_string(flat.type.field(text).type):
        rows.fault(np.ones(len(rows), dtype=np.bool_), completions, "objects with a text 'response'")
        return []
    silent = np.bincount(parent, ~valid(pc.struct_field(flat, text)), minlength=len(rows)) > 0
    rows.fault(silent, completions, f"a {text!r} in each")
    values: dict[str, FloatArray] = {}
    for holder in ("annotations", "ratings"):
        if holder in names and pa.types.is_struct(flat.type.field(holder).type):
            inner = pc.struct_field(flat, holder)
            for name in _fields(inner):
                values[f"/{name}"] = _looselist_numbers(pc.struct_field(inner, name))
    for name, suffix in (("rating", ""), ("score", ""), ("overall_score", "/overall_score")):
        if name in names:
            values.setdefault(suffix, _looselist_numbers(pc.struct_field(flat, name)))
    rated = np.zeros(len(rows), dtype=np.bool_)
    for found in values.values():
        rated[parent[np.isfinite(found)]] = True
    rows.fault(~rated, completions, "completions with 'annotations', 'ratings', 'rating' or 'score'")
    parts = []
    for suffix, found in values.items():
        here = np.flatnonzero(np.isfinite(found))
        if len(here):
            own = replace(rows, names=tuple(f"{task}{suffix}" for task in rows.names))
            columns: dict[str, Column | None] = {"response": column(pc.struct_field(flat, text)).take(here)}
            if "model" in names and pa.types.is_string(flat.type.field("model").type):
                columns["model"] = column(pc.struct_field(flat, "model")).take(here)
            parts.append(exploded(own, parent[here], columns, found[here], truth=False, written=completions))
    return parts


def _fields(values: pa.Array) -> list[str]:
    return [values.type.field(i).name for i in range(values.type.num_fields)] if pa.types.is_struct(values.type) else []


def _looselist_numbers(values: pa.Array) -> FloatArray:
    """Numbers, texts of numbers, or objects with a ``Rating``; NaN for all else."""
    if pa.types.is_struct(values.type):
        names = [name for name in _fields(values) if name.lower() == "rating"]
        return _looselist_numbers(pc.struct_field(values, names[0])) if names else np.full(len(values), np.nan)
    if pa.types.is_string(values.type):
        return np.array([_float(text) for text in values.to_pylist()])
    return as_floats(values) if is_number(values.type, truth=True) else np.full(len(values), np.nan)


def _float(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
