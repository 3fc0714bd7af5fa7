"""Splits: never a prompt on both sides."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import strategies

from polycritic.core import BagRating, Candidate, Comparison, PolycriticError, Rating, UnknownNameError, candidates_of
from polycritic.feedback import hash_percent, split_by_family, split_by_prompt, split_by_task, table


def rating(task, prompt, group="", response="r"):
    return Rating(task=task, candidate=Candidate(prompt, response), value=1.0, group=group)


def shared(rows):
    """The prompts and groups of rows."""
    return {c.prompt for row in rows for c in candidates_of(row)} - {""} | {row.group for row in rows} - {""}


# Few prompts and groups, so that rows often share some.
few = st.sampled_from(["", "p", "q", "r", "s", "t", "u"])
linked = st.one_of(
    st.builds(lambda p, g: rating("t", p, g), few, few),
    st.builds(
        lambda p, q: Comparison(task="t", first=Candidate(p, "a"), second=Candidate(q, "b"), preference=1.0), few, few
    ),
    st.builds(
        lambda ps, g: BagRating(task="u", candidates=tuple(Candidate(p, "a") for p in ps), value=0.5, group=g),
        st.lists(few, min_size=1, max_size=3),
        few,
    ),
)


@given(st.lists(st.one_of(linked, strategies.rows), max_size=12), st.integers(0, 100))
def test_no_prompt_and_no_group_is_on_both_sides(rows, percent):
    split = split_by_prompt(rows, percent)
    assert not shared(split.train) & shared(split.test)
    assert len(split.train) + len(split.test) == len(rows)
    assert len(split.left_out) == 0


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=10))
def test_the_formula(prompts):
    split = split_by_prompt([rating("t", prompt) for prompt in prompts])
    expected = [p for p in prompts if int(hashlib.sha256(p.encode()).hexdigest()[:8], 16) % 100 < 20]
    assert [row.candidate.prompt for row in split.test] == expected


def test_groups_go_by_their_name():
    names = [f"g{i}" for i in range(50)]
    split = split_by_prompt([rating("t", f"{i} {name}", name) for name in names for i in range(2)])
    assert {row.group for row in split.test} == {name for name in names if hash_percent(name) < 20}


def test_rows_without_prompt_go_by_their_response():
    split = split_by_prompt([rating("t", "", response=str(i)) for i in range(100)])
    assert {row.candidate.response for row in split.test} == {str(i) for i in range(100) if hash_percent(str(i)) < 20}


def test_percent_must_be_one():
    with pytest.raises(PolycriticError, match="bad test_percent: expected 0 to 100, found 101"):
        split_by_prompt([rating("t", "p")], 101)


@given(st.lists(st.builds(rating, st.sampled_from(["a/x", "a/y", "b"]), few, few), min_size=1, max_size=12))
def test_unseen_tasks_share_nothing_with_seen_ones(rows):
    name = rows[0].task
    split = split_by_task(rows, name)
    assert {task.name for task in split.test.tasks} == {name}
    assert name not in {task.name for task in [*split.train.tasks, *split.left_out.tasks]}
    assert not shared(split.train) & shared(split.test)
    assert len(split.train) + len(split.test) + len(split.left_out) == len(rows)
    kept = split_by_task(rows, name, keep_shared=True)
    assert len(kept.train) == sum(row.task != name for row in rows)
    assert len(kept.left_out) == 0


def test_left_out_rows_are_those_that_share_a_prompt():
    rows = [rating("a", "p"), rating("b", "p"), rating("b", "q")]
    split = split_by_task(rows, ["a"])
    assert [row.candidate.prompt for row in split.train] == ["q"]
    assert [row.task for row in split.left_out] == ["b"]


def test_families():
    rows = [rating(task, task) for task in ("a/x", "a/y", "b", "c/z")]
    split = split_by_family(table(rows), ["a", "b"])
    assert [task.name for task in split.test.tasks] == ["a/x", "a/y", "b"]
    with pytest.raises(UnknownNameError, match="unknown family 'd'"):
        split_by_family(rows, "d")
    with pytest.raises(UnknownNameError, match=r"unknown task 'a/w'. Did you mean 'a/"):
        split_by_task(rows, "a/w")


def test_a_row_stays_where_it_is_when_others_come():
    rows = [rating("t", f"p{i}") for i in range(30)]
    few_test = {row.candidate.prompt for row in split_by_prompt(rows[:10]).test}
    all_test = {row.candidate.prompt for row in split_by_prompt(rows).test}
    assert few_test == all_test & {row.candidate.prompt for row in rows[:10]}
    assert np.isclose(len(all_test), 6, atol=5)
