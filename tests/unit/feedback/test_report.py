"""What is in a set of feedback."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import strategies

from polycritic.core import Candidate, Comparison, Rating
from polycritic.feedback import check, read, split_by_prompt, table
from polycritic.feedback._duplicates import identical, repeats

LONG = "one two three four five six seven eight"


def outcome(prompt, completion, label, task="t"):
    return {"task": task, "prompt": prompt, "completion": completion, "label": label}


def test_counts_balance_and_lengths():
    report = check(
        read(
            [
                outcome("p one", "a b c", True),
                outcome("p one", "", False),
                outcome("q", "a", True),
                {"task": "u", "prompt": "q", "completion_a": "x", "completion_b": "y", "preference_a": 0.2},
                {"task": "u", "prompt": "q", "completion_a": "x", "completion_b": "x", "preference_a": 0.5},
                {"task": "v", "prompt": "q", "completions": ["longer text", "y"], "ranks": [1, 2]},
                {"task": "w", "prompt": "q", "completion": "z", "rating": 3},
                {"task": "w", "prompt": "q", "completion": "z", "rating": 1},
            ]
        ),
        count_tokens=lambda texts: [len(text) for text in texts],
    )
    assert report.rows == 8
    assert report.kinds == {"rating": 5, "comparison": 2, "ranking": 1}
    t, u, v, w = report.tasks
    assert (t.rows, t.prompts, t.balance, t.scale) == ({"rating": 3}, 2, {"0": 1, "1": 2}, "right (1) or wrong (0)")
    assert t.mean == 2 / 3
    assert (u.balance, v.balance, w.balance) == ({"first": 0, "second": 1, "tie": 1}, {}, {"1": 1, "2": 0, "3": 1})
    words = report.lengths["response words"]
    assert (words.lowest, words.highest, words.median) == (0, 3, 1.0)
    assert report.lengths["response tokens"].highest == len("longer text")
    assert report.lengths["prompt words"].mean == 1.5
    assert (report.duplicates, report.empty, report.identical, report.leaks) == (0, 1, 1, None)
    text = "\n".join(report.lines())
    assert "8 rows of 4 tasks: 5 rating, 2 comparison, 1 ranking" in text
    assert "1 comparisons of a text with itself, kept" in text
    json.dumps(report.to_dict())


def test_leaks_are_found():
    train = read(
        [outcome("What is it?", LONG + ".", True), outcome("Other", "yes it is so", True), outcome("Same", "no", True)]
    )
    test = read(
        [outcome("what IS it", "no", True), outcome("Same", LONG.upper(), False), outcome("New", "yes it is so", True)]
    )
    leaks = check(train, test).leaks
    assert (leaks.prompts, leaks.similar_prompts, leaks.responses) == (1, 2, 1)
    assert LONG in leaks.examples
    assert "1 prompts, 2 similar prompts, 1 responses of 8 words" in "\n".join(check(train, test).lines())


def test_a_split_by_prompt_shares_no_prompt():
    report = check(split_by_prompt(read([outcome(f"prompt {i}", "yes", True) for i in range(50)])))
    assert report.leaks.prompts == 0


@settings(max_examples=30)
@given(st.lists(strategies.rows, min_size=1, max_size=4), st.data())
def test_repeated_rows_are_counted(rows, data):
    again = data.draw(st.lists(st.sampled_from(rows), max_size=4))
    keys = [repr(dataclasses.astuple(row)) for row in [*rows, *again]]
    expected = [key in keys[:i] for i, key in enumerate(keys)]
    assert repeats(table([*rows, *again])).tolist() == expected


def test_who_judged_makes_a_difference():
    row = Rating(task="t", candidate=Candidate("p", "r"), value=1.0)
    rows = [row, dataclasses.replace(row, source="x"), dataclasses.replace(row, value=0.0), row]
    assert repeats(table(rows)).tolist() == [False, False, False, True]


@settings(max_examples=25)
@given(st.lists(strategies.comparisons(), max_size=3))
def test_identical_comparisons(rows):
    alike = [Comparison(task="t", first=Candidate("p", "a"), second=Candidate("p", "a"), preference=0.5)]
    asked = [Comparison(task="t", first=Candidate("p", "a"), second=Candidate("q", "a"), preference=0.5)]
    rows = [*rows, *alike, *asked]
    expected = [(r.first.prompt, r.first.response) == (r.second.prompt, r.second.response) for r in rows]
    np.testing.assert_array_equal(identical(table(rows)), expected)


def test_no_rows_make_a_report():
    report = check([])
    assert (report.rows, report.kinds, report.tasks, report.lengths) == (0, {}, (), {})
    assert report.lines() == ["0 rows of 0 tasks"]
