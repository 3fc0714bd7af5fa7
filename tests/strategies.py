"""Hypothesis strategies: rows of feedback of every kind, records that no reader may accept, tasks, and scores."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Feedback,
    Interval,
    Levels,
    Ranking,
    Rating,
    Scale,
    Scores,
    StepRatings,
    Task,
    Utility,
)

# What text may hold: everything but lone surrogates, with some characters that formats trip over drawn more often.
_CHARACTERS = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('"\\,\n\r\t \u2028\x00{}[]é😀'))
texts = st.text(_CHARACTERS, max_size=12)
seen_texts = texts.filter(lambda text: text.strip(" \t\n\r\x00\u2028\xa0") != "" and any(c.isalnum() for c in text))
names = st.sampled_from(["sums", "qa/short", "qa/long", "é/ü"])
finite = st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e6, max_value=1e6)
weights = st.one_of(st.just(1.0), st.floats(0, 10))
shares = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))


@st.composite
def candidates(draw: st.DrawFn, *, steps: bool = True, empty: bool = True) -> Candidate:
    """Any candidate; with steps at times, where they are allowed."""
    cut = draw(st.lists(texts, max_size=3)) if steps else []
    response = "".join(cut) if cut else draw(texts if empty else seen_texts)
    optional = {
        name: draw(st.one_of(st.just(""), texts)) for name in ("instruction", "rubric", "reference", "context", "model")
    }
    return Candidate(draw(texts), response, tuple(cut), **optional)


def _about(draw: st.DrawFn) -> dict[str, object]:
    return {
        "task": draw(names),
        "weight": draw(weights),
        "source": draw(st.one_of(st.just(""), texts)),
        "group": draw(st.one_of(st.just(""), texts)),
    }


@st.composite
def ratings(draw: st.DrawFn, *, steps: bool = True) -> Rating:
    """Any rating."""
    return Rating(candidate=draw(candidates(steps=steps)), value=draw(finite), **_about(draw))


@st.composite
def comparisons(draw: st.DrawFn, *, steps: bool = True) -> Comparison:
    """Any comparison, of texts for the same prompt or not."""
    first, second = draw(candidates(steps=steps)), draw(candidates(steps=steps))
    margin = draw(st.one_of(st.just(0.0), st.floats(0, 3)))
    return Comparison(first=first, second=second, preference=draw(shares), margin=margin, **_about(draw))


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    """Any ranking; its candidates often share all but the response."""
    several = draw(st.lists(candidates(), min_size=2, max_size=4))
    if draw(st.booleans()):
        several = [Candidate(several[0].prompt, c.response, model=c.model) for c in several]
    ranks = draw(st.lists(st.integers(1, 4), min_size=len(several), max_size=len(several)))
    return Ranking(candidates=tuple(several), ranks=tuple(ranks), **_about(draw))


@st.composite
def step_ratings(draw: st.DrawFn) -> StepRatings:
    """Step ratings; some steps without a label."""
    candidate = draw(candidates().filter(lambda c: c.steps))
    labels = st.one_of(finite.filter(lambda v: v != -100.0), st.just(math.nan))
    values = draw(st.lists(labels, min_size=len(candidate.steps), max_size=len(candidate.steps)))
    return StepRatings(candidate=candidate, values=tuple(values), **_about(draw))


@st.composite
def bag_ratings(draw: st.DrawFn) -> BagRating:
    """A bag of one to four candidates."""
    several = draw(st.lists(candidates(), min_size=1, max_size=4))
    return BagRating(candidates=tuple(several), value=draw(finite), **_about(draw))


flat_rows: st.SearchStrategy[Feedback] = st.one_of(ratings(steps=False), comparisons(steps=False))
rows: st.SearchStrategy[Feedback] = st.one_of(ratings(), comparisons(), rankings(), step_ratings(), bag_ratings())

scales: st.SearchStrategy[Scale] = st.one_of(
    st.just(Binary()),
    st.just(Utility()),
    st.tuples(st.integers(-5, 0), st.integers(1, 9)).map(lambda b: Levels(tuple(map(str, range(b[0], b[1] + 1))))),
    st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=6), min_size=2, max_size=4, unique=True)
    .filter(lambda names: not any(_is_number(name) for name in names))
    .map(lambda names: Levels(tuple(names))),
    st.tuples(st.floats(-1e6, 0), st.floats(0.5, 1e6)).map(lambda b: Interval(*b)),
)
tasks: st.SearchStrategy[Task] = st.builds(Task, texts.filter(lambda text: text.strip() != ""), texts, scales)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


@st.composite
def scores(draw: st.DrawFn, *, most: int = 6) -> Scores:
    """Scores of up to ``most`` candidates on one to three tasks, some abstained, with a spread at times."""
    n, t = draw(st.integers(0, most)), draw(st.integers(1, 3))
    cells = st.lists(st.one_of(finite, st.just(math.nan)), min_size=n * t, max_size=n * t)
    values = np.array(draw(cells), dtype=np.float64).reshape(n, t)
    spread = np.full((n, t), draw(st.floats(0, 3))) if draw(st.booleans()) else None
    return Scores(tuple(Task(f"task {i}") for i in range(t)), values, spread)


# Records that must be refused, each with the column that is to blame ("" for the whole row) and a word of the message.
_GOOD = {"prompt": "p", "completion": "c"}
_PAIR = {"prompt": "p", "completion_a": "a", "completion_b": "b"}
_LIST = {"prompt": "p", "completions": ["a", "b", "c"]}
INVALID: list[tuple[dict[str, object], str, str]] = [
    ({"prompt": "p"}, "", "completion"),
    (_GOOD, "", "label"),
    ({"completion": "c", "label": True}, "", "prompt"),
    ({}, "", "no known column"),
    ({"prompt": "p", "chosen": "a"}, "", "rejected"),
    ({**_GOOD, "label": "yes"}, "label", "a number or true or false"),
    ({**_GOOD, "rating": "good"}, "rating", "a number"),
    ({**_GOOD, "rating": math.nan}, "rating", "finite"),
    ({**_GOOD, "rating": math.inf}, "rating", "finite"),
    ({**_GOOD, "rating": True}, "rating", "a number"),
    ({**_GOOD, "rating": 1.0, "weight": -1.0}, "weight", "0 or more"),
    ({**_GOOD, "rating": 1.0, "weight": math.inf}, "weight", "finite"),
    ({**_GOOD, "ratings": {}}, "ratings", "one rating"),
    ({**_GOOD, "ratings": {"clear": "yes"}}, "ratings", "a number"),
    ({**_GOOD, "ratings": {"clear": [1.0, math.nan]}}, "ratings", "finite"),
    ({"prompt": 3, "completion": "c", "label": True}, "prompt", "text or messages"),
    ({"prompt": "p", "completion": {"a": 1}, "label": True}, "completion", "text"),
    ({"prompt": "p", "completion": "  ", "label": True}, "completion", "not empty"),
    ({"prompt": "p", "chosen": "", "rejected": "b"}, "chosen", "not empty"),
    ({"prompt": "p", "chosen": "a", "rejected": " \n"}, "rejected", "not empty"),
    ({"prompt": "p", "chosen": "a", "rejected": "a"}, "rejected", "another text"),
    (_PAIR, "", "preference_a"),
    ({**_PAIR, "preference_b": -0.1}, "preference_b", "0 to 1"),
    ({**_PAIR, "preference_a": 1.5}, "preference_a", "0 to 1"),
    ({**_PAIR, "preference": 0.5}, "preference", "1 (first)"),
    ({**_PAIR, "preference_strength": 4}, "preference_strength", "-3"),
    ({**_PAIR, "votes": [1, 3]}, "votes", "votes of 0"),
    ({**_PAIR, "votes": []}, "votes", "votes of 0"),
    ({**_PAIR, "votes": 1}, "votes", "a list of votes"),
    ({**_PAIR, "winner": "model_c"}, "winner", "model_a"),
    ({**_LIST, "ranks": [1, 2]}, "ranks", "one whole number"),
    ({**_LIST, "ranks": [1, 2, 1.5]}, "ranks", "one whole number"),
    ({**_LIST, "ranks": [1, 2, None]}, "ranks", "one whole number"),
    ({"prompt": "p", "completions": ["a"], "ranks": [1]}, "completions", "2 or more"),
    ({"prompt": "p", "completions": ["a", None], "ranks": [1, 2]}, "completions", "2 or more"),
    ({**_LIST, "pair_preferences": [1, 2]}, "pair_preferences", "each pair"),
    ({**_LIST, "pair_preferences": [1, 2, 3]}, "pair_preferences", "each pair"),
    ({**_LIST, "ranks": [1, 2, 3], "weight": -1}, "weight", "0 or more"),
    ({"prompt": "p", "chosen": ["a"], "rejected": [" "]}, "rejected", "not empty"),
    ({"prompt": "p", "chosen": ["a"], "rejected": []}, "rejected", "1 or more"),
    ({"prompt": "p", "completions": [{"rank": 1, "completion": "a"}]}, "completions", "two or more objects"),
    ({**_LIST, "labels": [True, False, True], "weight": -1}, "weight", "0 or more"),
    ({**_LIST, "labels": [True]}, "labels", "each step"),
    ({**_LIST, "labels": ["a", "b", "c"]}, "labels", "each step"),
    ({"prompt": "p", "answers": ["a", "b"], "labels": [1]}, "labels", "one for each"),
    ({"prompt": "p", "answers": ["a", "b"], "labels": [1, 0], "models": ["x"]}, "models", "one name for each"),
    ({"prompt": "p", "answers": ["a", "b"], "labels": [1, 0], "weight": -1}, "weight", "0 or more"),
    ({"prompt": 3, "answers": ["a", "b"], "labels": [1, 0]}, "prompt", "text or messages"),
    ({"prompt": "p", "answers": [1, 2], "labels": [1, 0]}, "answers", "a list of texts"),
    ({"prompt": "p", "completions": [{"response": "a", "rating": "?"}]}, "completions", "annotations"),
    ({"prompt": "p", "completions": [{"response": None, "rating": 1}, {"response": "a"}]}, "completions", "in each"),
    ({"prompt": "p", "completions": [{"response": "a", "rating": 1}], "weight": -1}, "weight", "0 or more"),
    ({"prompt": "p", "docs": ["a"], "scores": [math.nan]}, "scores", "finite"),
    ({"prompt": "p", "completions": ["a", "b"], "ranks": [1, 2], "models": ["x"]}, "models", "one name for each"),
    ({"bag": "x", **_GOOD}, "bag_rating", "one rating for the bag"),
    ({"bag": "x", **_GOOD, "bag_rating": 1.0, "weight": -1}, "weight", "0 or more"),
    ({"candidates": [{"response": "a"}], "bag_rating": math.inf}, "bag_rating", "finite"),
    ({"candidates": [{"response": "a"}, {"prompt": "p"}], "ranks": [1, 2]}, "candidates", "'response'"),
    ({"candidates": [{"response": "a"}], "ranks": [1]}, "candidates", "two or more"),
    ({"candidates": ["a", "b"], "ranks": [1, 2]}, "candidates", "objects"),
]
