"""Comparisons: two responses, and who is better as one of nine columns says it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.core import FloatArray
from polycritic.feedback._columns import MODELS
from polycritic.feedback._messages import is_messages, parted
from polycritic.feedback._part import Column, Kind, Part, column
from polycritic.feedback._rows import EMPTY, Rows, as_floats, is_number, valid

Verdict = tuple[FloatArray, FloatArray | None]


def compile_comparisons(rows: Rows, pair: tuple[str, str], verdict: str | None) -> list[Part]:
    """Rows with two responses.

    An empty response, or a text compared with itself, stands where somebody judged it (a verdict's column, ``tie``);
    where the order of two columns is all there is, it is a fault.
    """
    asked, first, second = _texts(rows, pair)
    preference, margin = _VERDICTS[verdict](rows) if verdict else _chosen(rows)
    judged = rows.given(verdict or "tie")
    for name, texts in zip(pair, (first, second), strict=True):
        empty = rows.blank(texts)
        rows.remarks.add(rows.source, EMPTY, int((empty & judged).sum()))
        rows.fault(empty & ~judged, name, "a response that is not empty")
    same = np.asarray(pc.fill_null(pc.equal(first.arrow(), second.arrow()), False), dtype=np.bool_)
    same &= ~rows.blank(first)
    own = {f"{name}_b": rows.text(f"{name}_b") for name in ("prompt", "instruction", "rubric", "reference", "context")}
    for different in own.values():
        if different is not None:
            same &= ~valid(different.arrow())
    rows.remarks.add(rows.source, "comparisons of a text with itself, judged and kept", int((same & judged).sum()))
    rows.fault(same & ~judged, pair[1], f"another text than {pair[0]!r}")
    numbers = {"preference": preference, **({"margin": margin} if margin is not None else {})}
    steps = {name: column(rows.table.column(name)) for name in ("steps", "steps_b") if rows.has(name)}
    columns = {"prompt": asked, "response": first, "response_b": second, **own, **steps, **_models(rows)}
    return [rows.part(Kind.COMPARISON, columns, numbers)]


def _texts(rows: Rows, pair: tuple[str, str]) -> tuple[Column | None, Column, Column]:
    a, b = (rows.table.column(name) for name in pair)
    asked = rows.text(rows.prompt)
    if is_messages(a.type) and is_messages(b.type):
        cut = [parted(x, y) for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True)]
        common, one, other = (column(pa.array([texts[i] for texts in cut], pa.string())) for i in range(3))
        return asked or common, one, other
    nothing = column(pa.nulls(len(rows), pa.string()))
    return asked, rows.text(pair[0]) or nothing, rows.text(pair[1]) or nothing


def _models(rows: Rows) -> dict[str, Column | None]:
    for a, b in MODELS:
        if rows.has(a) or rows.has(b):
            return {"model": rows.text(a), "model_b": rows.text(b)}
    if rows.has("models"):
        pairs = [_two(models) for models in rows.table.column("models").to_pylist()]
        return {
            "model": column(pa.array([first for first, _ in pairs], pa.string())),
            "model_b": column(pa.array([second for _, second in pairs], pa.string())),
        }
    return {}


def _two(models: object) -> tuple[str | None, str | None]:
    """Two names, given as a list or joined by one ``_``."""
    names = models.split("_") if isinstance(models, str) else models
    if isinstance(names, list) and len(names) == 2:
        return str(names[0]), str(names[1])
    return None, None


def _chosen(rows: Rows) -> Verdict:
    """``chosen`` is better than ``rejected``, but for ties."""
    preference = np.ones(len(rows))
    if rows.has("tie"):
        preference[rows.number("tie", truth=True) == 1.0] = 0.5
    return preference, _margin(rows)


def _margin(rows: Rows) -> FloatArray | None:
    return np.nan_to_num(rows.number("margin"), posinf=0.0, neginf=0.0) if rows.has("margin") else None


def _share(name: str, *, second: bool) -> Callable[[Rows], Verdict]:
    def verdict(rows: Rows) -> Verdict:
        value = rows.number(name)
        if second and rows.highest.get(name, 0.0) > 1.0:
            rows.fault((value < 1.0) | (value > 2.0), name, "1 (first is better) to 2, as elsewhere in this column")
            return np.clip(2.0 - value, 0.0, 1.0), _margin(rows)
        rows.fault((value < 0.0) | (value > 1.0), name, "0 to 1")
        return np.clip(1.0 - value if second else value, 0.0, 1.0), _margin(rows)

    return verdict


def _code(rows: Rows) -> Verdict:
    """AlpacaEval's ``preference``: 1 first, 2 second, between for soft ones; 0 or 1.5 a tie."""
    value = rows.number("preference")
    bad = (value != 0.0) & ((value < 1.0) | (value > 2.0))
    rows.fault(bad, "preference", "1 (first) to 2 (second); shares belong in preference_a or preference_b")
    return np.where(value == 0.0, 0.5, np.clip(2.0 - value, 0.0, 1.0)), _margin(rows)


def _strength(name: str) -> Callable[[Rows], Verdict]:
    """HelpSteer's -3 to 3: negative means that the first is better, 0 a tie; the size is the margin."""

    def verdict(rows: Rows) -> Verdict:
        value = rows.number(name)
        rows.fault(np.abs(value) > 3.0, name, "-3 (first is much better) to 3 (second is)")
        return 0.5 - 0.5 * np.sign(value), np.abs(np.nan_to_num(value))

    return verdict


def _votes(rows: Rows) -> Verdict:
    """Each vote is 0 for a tie, 1 for the first, 2 for the second; the preference is their mean."""
    none = np.full(len(rows), np.nan)
    if not pa.types.is_list(rows.table.column("votes").type):
        rows.fault(np.ones(len(rows), dtype=bool), "votes", "a list of votes: 0 tie, 1 first, 2 second")
        return none, None
    votes = rows.list("votes")
    flat = votes.flatten()
    if not is_number(flat.type):
        rows.fault(np.ones(len(rows), dtype=bool), "votes", "votes of 0 (tie), 1 (first) or 2 (second)")
        return none, None
    cast = as_floats(flat)
    parent = pc.list_parent_indices(votes).to_numpy().astype(np.int64)
    bad = np.bincount(parent, ~np.isin(cast, (0.0, 1.0, 2.0)), minlength=len(rows)) > 0
    count = np.bincount(parent, minlength=len(rows))
    rows.fault(bad | (count == 0), "votes", "votes of 0 (tie), 1 (first) or 2 (second)")
    first = np.bincount(parent, np.where(cast == 0.0, 0.5, cast == 1.0), minlength=len(rows))
    return first / np.maximum(count, 1), _margin(rows)


_WINNERS = {"model_a": 1.0, "a": 1.0, "first": 1.0, "1": 1.0, "model_b": 0.0, "b": 0.0, "second": 0.0, "2": 0.0}
_WINNERS |= {"tie": 0.5, "tie (bothbad)": 0.5, "both_bad": 0.5, "both": 0.5}


def _winner(rows: Rows) -> Verdict:
    names = rows.text("winner")
    assert names is not None  # the shape asks for it
    coded = pc.dictionary_encode(names.arrow()).combine_chunks()
    coded = coded if isinstance(coded, pa.Array) else coded.chunk(0)
    meaning = np.array([_WINNERS.get(str(n).strip().lower(), np.nan) for n in coded.dictionary.to_pylist()] + [np.nan])
    index = pc.fill_null(coded.indices, len(meaning) - 1).to_numpy(zero_copy_only=False)
    preference = meaning[index]
    rows.fault(np.isnan(preference), "winner", "model_a, model_b or tie")
    return preference, _margin(rows)


def _winner_flags(rows: Rows) -> Verdict:
    flags = np.stack([rows.number(f"winner_{name}", truth=True) for name in ("model_a", "model_b", "tie")])
    flags = np.nan_to_num(flags)
    rows.fault(
        (flags == 1.0).sum(axis=0) != 1, "winner_model_a", "one of winner_model_a, winner_model_b, winner_tie to be 1"
    )
    return flags[0] + 0.5 * flags[2], _margin(rows)


_VERDICTS: dict[str, Callable[[Rows], Verdict]] = {
    "preference_a": _share("preference_a", second=False),
    "preference_b": _share("preference_b", second=True),
    "votes": _votes,
    "preference_strength": _strength("preference_strength"),
    "overall_preference": _strength("overall_preference"),
    "winner": _winner,
    "winner_model_a": _winner_flags,
    "preference": _code,
}
