"""Bags: several candidates and one number for all of them; and the nested form of rows about several candidates."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.feedback._list_columns import lengths, list_numbers, list_of, offsets, parents
from polycritic.feedback._part import FIELDS, Column, Kind, Part, column
from polycritic.feedback._rows import EMPTY, Rows, valid


def compile_bags(rows: Rows, response: str) -> list[Part]:
    """One row for each candidate of a ``bag``; one or more of a bag's rows carry its ``bag_rating``."""
    bags, texts = rows.text("bag"), rows.text(response)
    given = rows.number("bag_rating", truth=True)
    assert bags is not None  # the shape asks for it
    assert texts is not None
    members: dict[tuple[int, str], list[int]] = {}
    for i, name in enumerate(bags.arrow().to_pylist()):
        members.setdefault((int(rows.task[i]), name), []).append(i)
    values: list[float] = []
    kept: list[list[int]] = []
    for (_, name), inside in members.items():
        stated = {float(given[i]) for i in inside if not np.isnan(given[i])}
        if len(stated) != 1:
            found = [" and ".join(f"{v:g}" for v in sorted(stated)) or "none"]
            rows.fault(np.array(inside[:1]), "bag_rating", f"one rating for the bag {name!r}", found)
            continue
        values.append(stated.pop())
        kept.append(inside)
    if not kept:
        return []
    first = rows.take(np.array([inside[0] for inside in kept]))
    lists: dict[str, Column | None] = {}
    for field, own in (("prompt", rows.text(rows.prompt)), ("response", texts), ("model", rows.text("model"))):
        if own is not None:
            flat = own.arrow().to_pylist()
            lists[field] = column(pa.array([[flat[i] for i in inside] for inside in kept], pa.list_(pa.string())))
    if not rows.has("group"):
        lists["group"] = first.text("bag")
    rows.remarks.add(rows.source, EMPTY, int(rows.blank(texts).sum()))
    return [
        first.part(
            Kind.BAG, lists, {"value": np.array(values)}, [f for f in lists if f != "group"], written="bag_rating"
        )
    ]


def compile_candidates(rows: Rows, value: str) -> list[Part]:
    """Rows with ``candidates [{prompt, response, ...}]`` and ``ranks`` or ``bag_rating``: polycritic's own nested form."""
    kind = rows.table.column("candidates").type
    names = [f.name for f in kind.value_type] if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type) else []
    if "response" not in names:
        rows.fault(np.ones(len(rows), dtype=np.bool_), "candidates", "a list of objects with a 'response'")
        return []
    lists = rows.list("candidates")
    counts = lengths(lists)
    rows.fault(
        counts < (2 if value == "ranks" else 1), "candidates", "two or more" if value == "ranks" else "one or more"
    )
    flat = lists.flatten()
    fields = [name for name in names if name in FIELDS]
    nameless = np.bincount(parents(lists), ~valid(pc.struct_field(flat, "response")), minlength=len(rows)) > 0
    rows.fault(nameless, "candidates", "a 'response' in each")
    texts = {name: pc.struct_field(flat, name) for name in fields}
    for name, found in texts.items():
        kind = found.type
        fit = pa.types.is_list(kind) if name == "steps" else pa.types.is_string(kind)
        if not fit and not pa.types.is_null(kind):
            rows.fault(np.ones(len(rows), dtype=np.bool_), "candidates", f"texts as {name!r}")
    if value == "ranks":
        ranks = list_numbers(rows, "ranks", counts, "one whole number for each candidate", None)
    sound = rows.sound()
    if len(sound) < len(rows):
        return compile_candidates(rows.take(sound), value) if len(sound) else []
    columns: dict[str, Column | None] = {n: column(list_of(offsets(lists), found)) for n, found in texts.items()}
    if value == "ranks":
        columns["ranks"] = column(list_of(offsets(lists), pa.array(ranks.astype(np.int64))))
        return [rows.part(Kind.RANKING, columns, {}, fields)]
    return [rows.part(Kind.BAG, columns, {"value": rows.number("bag_rating")}, fields, written="bag_rating")]
