"""Scales that nobody stated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycritic.core import Binary, Interval, Levels, PolycriticError, Utility, bounds
from polycritic.feedback import infer_scale, read


def levels(low, high):
    return Levels(tuple(map(str, range(low, high + 1))))


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([], Utility()),
        ([0, 1, 1], Binary()),
        ([1], Binary()),
        ([1, 5, 3], levels(1, 5)),
        ([0, 4], levels(0, 4)),
        ([-1, 0, 1], levels(-1, 1)),
        ([0, 10], levels(0, 10)),
        ([3], levels(1, 5)),
        ([7], levels(0, 10)),
        ([4.67, 5, 4, 3], levels(3, 5)),
        ([1.5, 6, 5, 2], levels(1, 6)),
        ([1.5, 2.5, 3], Interval(1, 5)),
        ([0.0, 0.5, 1.0], Interval(0, 1)),
        ([0.31, 0.72], Interval(0, 1)),
        ([1.234, 4.1], Interval(1, 5)),
        ([0.1234, 4.1], Interval(0, 5)),
        ([1.15, 9.2], Interval(1, 10)),
        ([-0.3, 0.3], Interval(-1, 1)),
        ([0, 50, 100], Interval(0, 100)),
        ([12.3, 88.8], Interval(0, 100)),
        ([-1234.5, 20.1], Interval(-1300, 100)),
    ],
)
def test_scales(values, scale):
    assert infer_scale(np.array(values, dtype=np.float64)) == scale


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_every_value_is_on_its_scale(values):
    low, high = bounds(infer_scale(np.array(values)))
    assert low <= min(values)
    assert max(values) <= high


def test_true_and_false_are_binary():
    assert infer_scale(np.array([1.0]), truth=True) == Binary()


def rated(task, values, column="rating"):
    return [{"task": task, "prompt": f"p{i}", "completion": "c", column: v} for i, v in enumerate(values)]


def test_one_task_in_two_sources_is_inferred_from_both():
    table = read(rated("t", [1, 2]), rated("t", [4, 5, 3.5]))
    assert table.tasks[0].scale == levels(1, 5)
    assert table.inferred == ("task 't': one of the levels 1 < 2 < 3 < 4 < 5, from 5 values of 1 to 5",)
    assert read(rated("t", [0, 1]), rated("t", [0, 3, 2])).tasks[0].scale == levels(0, 3)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rated("t", [1, 2, 5]), rated("t", [12.5, 80.3])),
        (rated("t", [True, False], "label"), rated("t", [1, 5, 3])),
        (rated("t", [0.25, 0.75]), rated("t", [12.5, 80.3])),
        (rated("t", [0.25, 0.75]), rated("t", [1, 2, 5])),
        (rated("t", [1, 3, 5]), rated("t", [2, 10])),
        (rated("t", [1, 3, 5]), rated("t", [2.2, 9.7])),
    ],
)
def test_two_sources_that_disagree_are_refused(first, second):
    from polycritic.core import Task

    with pytest.raises(PolycriticError, match=r"task 't' has two scales.*State the task's scale"):
        read(first, second)
    with pytest.raises(PolycriticError, match="task 't' has two scales"):
        read(second, first)
    assert len(read(first, second, tasks=[Task("t", scale=Interval(0, 100))])) == len(first) + len(second)


def test_comparisons_do_not_state_a_scale():
    pair = {"task": "t", "prompt": "p", "chosen": "a", "rejected": "b"}
    assert read([pair], rated("t", [1, 3])).tasks[0].scale == levels(1, 3)


def test_levels_of_a_family_share_their_range():
    table = read(rated("f/a", [2, 4]) + rated("f/b", [1, 5]) + rated("g", [2, 3]))
    assert [task.scale for task in table.tasks] == [levels(1, 5), levels(1, 5), levels(2, 3)]


def test_an_instruction_that_all_rows_share_describes_the_task():
    records = [{**row, "instruction": "Be brief."} for row in rated("a", [1, 2])]
    records += [{**row, "instruction": f"Be {i}."} for i, row in enumerate(rated("b", [1, 2]))]
    records += rated("c", [1, 2])
    table = read(records)
    assert [task.description for task in table.tasks] == ["Be brief.", "", ""]
    assert table[0].candidate.instruction == "Be brief."
    mixed = read([*records[:2], *rated("a", [3])])
    assert mixed.tasks[0].description == ""
    attributes = [{"prompt": "p", "completion": "c", "instruction": "i", "ratings": {"clear": 1, "true": 3}}]
    assert [task.description for task in read(attributes).tasks] == ["", ""]
