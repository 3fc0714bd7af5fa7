"""The types that everybody speaks: frozen, picklable, shown in short, and wrong ones refused."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from tests import strategies

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Interval,
    Levels,
    PolycriticError,
    Ranking,
    Rating,
    Scores,
    StepRatings,
    Task,
    UnknownNameError,
    Utility,
    candidates_of,
    concatenate,
    group_of,
    lookup,
    on_scale,
    scale_from_dict,
    scale_to_dict,
)

LONG = Candidate("p" * 5000, "r" * 5000, context="c" * 5000)
SCALES = (Interval(-1, 2.5), Levels(("poor", "good")), Levels(("1", "2", "5")), Binary(), Utility())
ROWS = (
    Rating(task="t", candidate=LONG, value=1.0),
    Comparison(task="t", first=LONG, second=LONG),
    Ranking(task="t", candidates=(LONG,) * 50, ranks=tuple(range(50))),
    StepRatings(task="t", candidate=Candidate("p", "x" * 500, steps=("x",) * 500), values=(0.5,) * 500),
    BagRating(task="t", candidates=(LONG,) * 50, value=0.5),
)


@pytest.mark.parametrize("thing", [*ROWS, *SCALES, LONG, Task("a", "b" * 40, Binary())])
def test_frozen_hashable_picklable_and_short(thing):
    name = thing.__slots__[0] if thing.__slots__ else "task"
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        setattr(thing, name, None)
    for again in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):
        assert again == thing
        assert hash(again) == hash(thing)
    assert len(repr(thing)) < 500


def test_what_is_as_usual_is_not_shown():
    assert repr(ROWS[2]) == "Ranking(task='t', candidates=<50 candidates>, ranks=<50 numbers>)"
    row = Rating(task="t", weight=2.0, candidate=Candidate("p", "r"), value=1.0)
    assert repr(row) == "Rating(task='t', weight=2.0, candidate=Candidate(prompt='p', response='r'), value=1.0)"


@given(row=strategies.rows)
def test_every_row_pickles_and_has_candidates_and_a_group(row):
    assert repr(pickle.loads(pickle.dumps(row))) == repr(row)
    assert candidates_of(row)
    assert group_of(row) == (row.group or candidates_of(row)[0].prompt)


@pytest.mark.parametrize("scale", SCALES)
def test_scales_as_json(scale):
    assert scale_from_dict(scale_to_dict(scale)) == scale


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "interval"},
        {"kind": "interval", "low": "a", "high": 1},
        {"kind": "levels", "names": 3},
        {"kind": "x"},
    ],
)
def test_what_is_no_scale(data):
    with pytest.raises(PolycriticError, match=r"not a scale|unknown scale"):
        scale_from_dict(data)


def test_on_scale():
    assert [on_scale(scale, 2.0) for scale in SCALES] == [True, False, True, False, True]
    assert not any(on_scale(scale, float("nan")) for scale in SCALES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rating(task="t", weight=-1.0, candidate=LONG, value=1.0), "bad weight"),
        (lambda: Rating(task="t", weight=float("nan"), candidate=LONG, value=1.0), "bad weight"),
        (lambda: Comparison(task="t", first=LONG, second=LONG, preference=1.5), "bad preference"),
        (lambda: Comparison(task="t", first=LONG, second=LONG, preference=float("nan")), "bad preference"),
        (lambda: Ranking(task="t", candidates=(LONG,), ranks=(1,)), "two or more candidates"),
        (lambda: Ranking(task="t", candidates=(LONG, LONG), ranks=(1,)), "one rank for each"),
        (lambda: StepRatings(task="t", candidate=LONG, values=(1.0,)), "one value for each step"),
        (lambda: BagRating(task="t", candidates=(), value=1.0), "empty bag"),
        (lambda: Task(" "), "a task needs a name"),
        (lambda: Interval(1, 1), "finite low < high"),
        (lambda: Levels(("a",)), "two or more different names"),
    ],
)
def test_wrong_ones_are_refused(make, message):
    with pytest.raises(PolycriticError, match=message):
        make()


def scores(n=3, offset=0.0):
    values = np.arange(2.0 * n).reshape(n, 2) + offset
    return Scores((Task("a"), Task("b")), values, values / 10, np.stack([values - 1, values + 1], axis=-1))


def test_scores_are_selected_and_joined():
    whole = scores()
    part = whole.select([2, 0], ["b"])
    np.testing.assert_array_equal(part.values, [[5.0], [1.0]])
    np.testing.assert_array_equal(part.spread, [[0.5], [0.1]])
    np.testing.assert_array_equal(part.interval, [[[4.0, 6.0]], [[0.0, 2.0]]])
    both = concatenate([whole, scores(1, offset=10.0)])
    np.testing.assert_array_equal(both.of("a"), [0.0, 2.0, 4.0, 10.0])
    assert both.interval.shape == (4, 2, 2)
    assert concatenate([whole, Scores(whole.tasks, whole.values)]).spread is None
    with pytest.raises(PolycriticError, match="cannot concatenate"):
        concatenate([whole, part])
    with pytest.raises(UnknownNameError, match="unknown task"):
        whole.of("c")


def test_scores_are_frozen_and_so_are_their_copies():
    values = np.zeros((1, 1))
    whole = Scores((Task("a"),), values, values)
    values[0, 0] = 9.0
    for each in (whole, pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole)):
        assert each.of("a")[0] == 0.0
        for array in (each.values, each.spread):
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1.0


@pytest.mark.parametrize(
    ("tasks", "values", "spread"),
    [
        ([Task("a"), Task("a")], np.zeros((1, 2)), None),
        ([Task("a")], np.zeros((1, 2)), None),
        ([Task("a")], np.zeros(1), None),
        ([Task("a")], np.zeros((1, 1)), np.zeros((2, 1))),
    ],
)
def test_wrong_shapes_are_refused(tasks, values, spread):
    with pytest.raises(PolycriticError, match="bad Scores"):
        Scores(tuple(tasks), values, spread)


def test_names_are_looked_up():
    assert lookup("a", ["a"], "task") == "a"
    with pytest.raises(UnknownNameError, match="None are known"):
        lookup("a", [], "task")
    with pytest.raises(UnknownNameError, match=r"Known: t0, t1, .*, \.\.\."):
        lookup("zzz", [f"t{n}" for n in range(30)], "task")
