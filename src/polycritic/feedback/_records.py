"""Rows as plain records, in the form in which they are written; and tables made from rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Feedback,
    PolycriticError,
    Ranking,
    Rating,
    StepRatings,
    Task,
)

_TEXTS = ("instruction", "rubric", "reference", "context")
_SHARED = ("prompt", "steps", *_TEXTS)


def record_of(row: Feedback, task: Task | None = None) -> dict[str, Any]:
    """A row as a record that :func:`~polycritic.feedback.read` reads back equal.

    Args:
        row: Any kind of row.
        task: Its task; right and wrong are written as true and false where its scale is binary.

    Raises:
        PolycriticError: The row is of no known kind.

    >>> record_of(Rating(task="sums", candidate=Candidate("1 + 1", "2"), value=1.0), Task("sums", scale=Binary()))
    {'task': 'sums', 'prompt': '1 + 1', 'completion': '2', 'label': True}
    """
    match row:
        case Rating(candidate=candidate, value=value):
            own = {**_candidate(candidate), **_model(candidate), **_rating(candidate, value, task)}
        case StepRatings(candidate=candidate, values=values):
            labels = [None if math.isnan(v) else v for v in values]
            own = {**_candidate(candidate), **_model(candidate), "labels": labels}
        case Comparison():
            own = _comparison(row)
        case Ranking(candidates=candidates, ranks=ranks):
            own = {**_several(candidates), "ranks": list(ranks)}
        case BagRating(candidates=candidates, value=value):
            own = {"candidates": [_nested(c) for c in candidates], "bag_rating": value}
        case _:
            raise PolycriticError("unknown kind of row", found=type(row).__name__, expected="a row of feedback")
    about = {"annotator": row.source, "group": row.group}
    weight = {} if row.weight == 1.0 else {"weight": row.weight}
    return {"task": row.task, **own, **{name: text for name, text in about.items() if text}, **weight}


def _rating(candidate: Candidate, value: float, task: Task | None) -> dict[str, Any]:
    if task is not None and task.scale == Binary() and value in (0.0, 1.0) and candidate.response.strip():
        return {"label": bool(value)}
    return {"rating": value}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    found: dict[str, Any] = {"prompt": candidate.prompt, "completion": candidate.response}
    if candidate.steps:
        found["steps"] = list(candidate.steps)
    return {**found, **{name: getattr(candidate, name) for name in _TEXTS if getattr(candidate, name)}}


def _model(candidate: Candidate) -> dict[str, str]:
    return {"model": candidate.model} if candidate.model else {}


def _comparison(row: Comparison) -> dict[str, Any]:
    shared = _candidate(row.first)
    first = shared.pop("completion")
    found = {
        "prompt": shared.pop("prompt"),
        "completion_a": first,
        "completion_b": row.second.response,
        "preference_a": row.preference,
        **shared,
    }
    for name in _SHARED:
        if getattr(row.second, name) != getattr(row.first, name):
            found[f"{name}_b"] = list(row.second.steps) if name == "steps" else getattr(row.second, name)
    models = {"model_a": row.first.model, "model_b": row.second.model}
    found |= {name: model for name, model in models.items() if model}
    return {**found, "margin": row.margin} if row.margin else found


def _several(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Several candidates: a list of texts where they share all else, else a list of objects."""
    head = candidates[0]
    if any(c.steps or any(getattr(c, name) != getattr(head, name) for name in _SHARED) for c in candidates):
        return {"candidates": [_nested(c) for c in candidates]}
    found = _candidate(head)
    del found["completion"]
    found["completions"] = [c.response for c in candidates]
    return {**found, "models": [c.model for c in candidates]} if any(c.model for c in candidates) else found


def _nested(candidate: Candidate) -> dict[str, Any]:
    found = _candidate(candidate)
    return {"prompt": found.pop("prompt"), "response": found.pop("completion"), **found, **_model(candidate)}


def records_of(rows: Iterable[Feedback], tasks: Sequence[Task]) -> Iterable[dict[str, Any]]:
    """Rows as records, one after the other."""
    stated = {task.name: task for task in tasks}
    return (record_of(row, stated.get(row.task)) for row in rows)
