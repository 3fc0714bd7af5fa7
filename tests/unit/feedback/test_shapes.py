"""Every form in which feedback is found is read as what it says."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Interval,
    Levels,
    Ranking,
    Rating,
    StepRatings,
    Utility,
)
from polycritic.feedback import read


def rows(*records, name="file"):
    return list(read(list(records)))


def one(record):
    (row,) = rows(record)
    return row


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


PAIR = {"prompt": "p", "completion_a": "a", "completion_b": "b"}


@pytest.mark.parametrize(
    ("record", "preference", "margin"),
    [
        ({"prompt": "p", "chosen": "a", "rejected": "b"}, 1.0, 0.0),
        ({"prompt": "p", "chosen": "a", "rejected": "b", "margin": 2.5}, 1.0, 2.5),
        ({"prompt": "p", "chosen": "a", "rejected": "b", "tie": True}, 0.5, 0.0),
        ({"prompt": "p", "chosen": "a", "rejected": "b", "tie": False}, 1.0, 0.0),
        ({"question": "p", "response_1": "a", "response_2": "b", "preference_strength": -3}, 1.0, 3.0),
        ({"prompt": "p", "response_1": "a", "response_2": "b", "preference_strength": 2}, 0.0, 2.0),
        ({"prompt": "p", "response_1": "a", "response_2": "b", "preference_strength": 0}, 0.5, 0.0),
        ({"prompt": "p", "response1": "a", "response2": "b", "overall_preference": -1}, 1.0, 1.0),
        ({**PAIR, "preference_a": 0.3}, 0.3, 0.0),
        ({**PAIR, "preference_b": 0.25}, 0.75, 0.0),
        ({**PAIR, "preference_b": 1}, 0.0, 0.0),
        ({**PAIR, "preference_b": 1.25}, 0.75, 0.0),
        ({**PAIR, "votes": [0, 1, 1]}, 2.5 / 3, 0.0),
        ({**PAIR, "votes": [2]}, 0.0, 0.0),
        ({"instruction": "p", "output_1": "a", "output_2": "b", "preference": 1.0}, 1.0, 0.0),
        ({"instruction": "p", "output_1": "a", "output_2": "b", "preference": 1.75}, 0.25, 0.0),
        ({"instruction": "p", "output_1": "a", "output_2": "b", "preference": 0}, 0.5, 0.0),
        ({**PAIR, "winner": "model_a"}, 1.0, 0.0),
        ({**PAIR, "winner": "model_b"}, 0.0, 0.0),
        ({**PAIR, "winner": "tie (bothbad)"}, 0.5, 0.0),
        ({**PAIR, "winner_model_a": 0, "winner_model_b": 0, "winner_tie": 1}, 0.5, 0.0),
        ({**PAIR, "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0}, 0.0, 0.0),
        ({"anchor": "p", "positive": "a", "negative": "b"}, 1.0, 0.0),
        ({"prompt": [user("p")], "chosen": [assistant("a")], "rejected": [assistant("b")]}, 1.0, 0.0),
        ({"chosen": [user("p"), assistant("a")], "rejected": [user("p"), assistant("b")]}, 1.0, 0.0),
        ({"prompt": "p", "chosen": [user("p"), assistant("a")], "rejected": [user("p"), assistant("b")]}, 1.0, 0.0),
        (
            {
                "conversation_a": [user("p"), assistant("a")],
                "conversation_b": [user("p"), assistant("b")],
                "winner": "tie",
            },
            0.5,
            0.0,
        ),
        ({"context": [user("p")], "response1": "a", "response2": "b", "overall_preference": 1}, 0.0, 1.0),
    ],
)
def test_comparisons(record, preference, margin):
    row = one(record)
    assert isinstance(row, Comparison)
    assert (row.first.prompt, row.first.response, row.second.prompt, row.second.response) == ("p", "a", "p", "b")
    assert row.preference == pytest.approx(preference, abs=1e-12)
    assert row.margin == margin


def test_one_value_above_one_makes_the_whole_column_a_code():
    first, second = rows({**PAIR, "preference_b": 1.0}, {**PAIR, "preference_b": 2.0})
    assert (first.preference, second.preference) == (1.0, 0.0)
    first, second = rows({**PAIR, "preference_b": 1.0}, {**PAIR, "preference_b": 0.0})
    assert (first.preference, second.preference) == (0.0, 1.0)


def test_models_of_comparisons():
    row = one({**PAIR, "preference_a": 1, "model_a": "x", "model_b": "y"})
    assert (row.first.model, row.second.model) == ("x", "y")
    row = one({**PAIR, "votes": [1], "models": "bloom-7b_llama-7b"})
    assert (row.first.model, row.second.model) == ("bloom-7b", "llama-7b")
    row = one({**PAIR, "votes": [1], "models": ["x_1", "y"]})
    assert (row.first.model, row.second.model) == ("x_1", "y")
    row = one({**PAIR, "preference_a": 1, "model": "x"})
    assert (row.first.model, row.second.model) == ("", "")


def test_several_turns_are_named_by_their_roles():
    row = one({"prompt": [user("a"), assistant("b"), user("c")], "completion": [assistant("d")], "label": True})
    assert row.candidate == Candidate("user: a\n\nassistant: b\n\nuser: c", "d")
    parts = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    assert one({"prompt": parts, "completion": "d", "label": True}).candidate.prompt == "a\nb"
    whole = [user("p"), assistant("d")]  # the answer is what follows the last question
    assert one({"prompt": "p", "completion": whole, "label": True}).candidate == Candidate("p", "d")
    shared = [user("a"), assistant("b")]
    row = one({"chosen": [*shared, user("c"), assistant("d")], "rejected": [*shared, user("c"), assistant("e")]})
    assert row.first == Candidate("user: a\n\nassistant: b\n\nuser: c", "d")


def test_outcomes_and_ratings():
    table = read(
        [
            {"task": "o", "prompt": "p", "completion": "c", "label": True},
            {"task": "n", "prompt": "p", "completion": "c", "label": 0},
            {"task": "r", "query": "p", "answer": "c", "score": 0.25},
            {"task": "l", "prompt": "p", "response": "c", "rating": 4},
            {"task": "l", "prompt": "p", "response": "c", "rating": 2},
        ]
    )
    assert [row.value for row in table] == [1.0, 0.0, 0.25, 4.0, 2.0]
    assert all(row.candidate == Candidate("p", "c") for row in table)
    assert [task.scale for task in table.tasks] == [Binary(), Binary(), Interval(0.0, 1.0), Levels(("2", "3", "4"))]


def test_attributes_are_tasks():
    table = read(
        [{"task": "t", "prompt": "p", "completion": "c", "ratings": {"clear": 4, "true": [1, 2, 2], "late": None}}]
    )
    assert [(row.task, row.value) for row in table] == [("t/clear", 4.0), ("t/true", pytest.approx(5 / 3))]
    record = {"prompt": "p", "response": "c", "helpfulness": 4, "correctness": 3, "verbosity": -100}
    assert [(r.task, r.value) for r in rows(record)] == [("feedback/helpfulness", 4.0), ("feedback/correctness", 3.0)]
    table = read([{"prompt": "p", "completion": "c", "ratings.clear": 3, "ratings.true": 2}])
    assert [row.task for row in table] == ["feedback/clear", "feedback/true"]
    assert one({"prompt": "p", "completion": "c", "ratings": [1, 3]}).value == 2.0


def test_attributes_of_different_rows_and_forms_share_a_file():
    table = read(
        [
            {"prompt": "p", "completion": "c", "ratings": {"clear": 4}},
            {"prompt": "q", "completion": "c", "ratings": {"clear": [1, 2], "true": 3}},
            {"prompt": "r", "completion": "c", "ratings": {"true": 5}},
        ]
    )
    assert [(row.candidate.prompt, row.task, row.value) for row in table] == [
        ("p", "feedback/clear", 4.0),
        ("q", "feedback/clear", 1.5),
        ("q", "feedback/true", 3.0),
        ("r", "feedback/true", 5.0),
    ]


def test_lists_of_answers_with_values():
    several = rows({"prompt": "p", "answers": ["a", "b"], "labels": [True, False], "models": ["x", "y"]})
    assert [(row.candidate, row.value) for row in several] == [
        (Candidate("p", "a", model="x"), 1.0),
        (Candidate("p", "b", model="y"), 0.0),
    ]
    with pytest.raises(ValueError, match="column 'models': expected one name for each response"):
        rows({"prompt": "p", "answers": ["a", "b"], "labels": [1, 0], "models": ["x"]})
    several = rows({"query": "p", "docs": ["a", "b", "c"], "scores": [0.5, 0.25, 1], "weight": 2.0})
    assert [(row.candidate.response, row.value, row.weight) for row in several] == [
        ("a", 0.5, 2.0),
        ("b", 0.25, 2.0),
        ("c", 1.0, 2.0),
    ]


def test_ultrafeedback():
    completions = [
        {"response": "a", "model": "x", "annotations": {"honesty": {"Rating": "4"}, "truth": {"Rating": "N/A"}}},
        {"response": "b", "model": "y", "annotations": {"honesty": {"Rating": "2"}, "truth": {"Rating": "5"}}},
    ]
    table = read([{"instruction": "p", "completions": completions}])
    assert sorted((row.task, row.candidate.response, row.candidate.model, row.value) for row in table) == [
        ("feedback/honesty", "a", "x", 4.0),
        ("feedback/honesty", "b", "y", 2.0),
        ("feedback/truth", "b", "y", 5.0),
    ]
    assert all(row.candidate.prompt == "p" and not row.candidate.instruction for row in table)


def test_rankings():
    row = one({"prompt": "p", "completions": ["a", "b", "c"], "ranks": [2, 1, 2], "models": ["x", "y", "z"]})
    assert isinstance(row, Ranking)
    assert row.ranks == (2, 1, 2)
    assert row.candidates[1] == Candidate("p", "b", model="y")
    row = one({"prompt": "p", "chosen": ["a"], "rejected": ["b", "c"], "subset": "Ties"})
    assert (row.task, row.ranks, [c.response for c in row.candidates]) == ("feedback/Ties", (1, 2, 2), ["a", "b", "c"])
    completions = [{"rank": 1, "completion": [assistant("a")]}, {"rank": 0, "completion": [assistant("b")]}]
    row = one({"context": [user("p")], "completions": completions, "task_name": "t"})
    assert (row.task, row.ranks, row.candidates[0]) == ("t", (1, 0), Candidate("p", "a"))


@pytest.mark.parametrize(
    ("pairs", "ranks"),
    [
        ([1, 1, 1, 1, 1, 1], (1, 2, 3, 4)),
        ([2, 2, 2, 2, 2, 2], (4, 3, 2, 1)),
        ([0, 0, 0, 0, 0, 0], (1, 1, 1, 1)),
        ([0, 1, 2, 1, 0, 2], None),
        ([2, 1, 0, 1, 1, 2], (2, 1, 4, 2)),
        ([1, 2, 1, 1, 1, 1], (1, 1, 1, 4)),
    ],
)
def test_pairs_become_ranks_by_wins_minus_losses(pairs, ranks):
    table = read([{"prompt": "p", "completions": ["a", "b", "c", "d"], "pair_preferences": pairs}])
    order = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    made = table[0].ranks
    if ranks is not None:
        assert made == ranks
    agreed = all(
        (made[j] > made[i]) - (made[j] < made[i]) == (0, 1, -1)[p] for (i, j), p in zip(order, pairs, strict=True)
    )
    assert agreed is not any("contradict" in said for said in table.remarks)


def test_steps():
    row = one({"prompt": "p", "completions": ["a", "b\n", "c"], "labels": [True, None, False]})
    assert isinstance(row, StepRatings)
    assert row.candidate.steps == ("a\n", "b\n", "c")
    assert row.candidate.response == "a\nb\nc"
    assert row.values[0] == 1.0
    assert math.isnan(row.values[1])
    row = one({"prompt": "p", "steps": ["a", "b"], "labels": [0.5, -100]})
    assert (row.candidate.response, row.candidate.steps, row.values[0]) == ("ab", ("a", "b"), 0.5)
    assert math.isnan(row.values[1])
    assert read([{"prompt": "p", "steps": ["a"], "labels": [True]}]).tasks[0].scale == Binary()


def test_bags():
    members = [{"bag": "x", "prompt": f"p{i}", "completion": f"c{i}"} for i in range(3)]
    members[1]["bag_rating"] = 0.5
    (row,) = rows(*members)
    assert isinstance(row, BagRating)
    assert (row.value, row.group, len(row.candidates)) == (0.5, "x", 3)
    assert row.candidates[2] == Candidate("p2", "c2")
    with pytest.raises(ValueError, match=r"bag_rating.*one rating for the bag 'x', found 0 and 1"):
        rows({**members[0], "bag_rating": 0.0}, {**members[1], "bag_rating": 1.0})


def test_optional_columns():
    record = {"prompt": "p", "completion": "c", "label": True, "instruction": "i", "rubric": "r", "reference": "f"}
    row = one({**record, "context": "x", "annotator": 7, "model": "m", "weight": 2, "group": "g", "unknown": object()})
    assert row.candidate == Candidate("p", "c", (), "i", "r", "f", "x", "m")
    assert (row.source, row.weight, row.group, row.task) == ("7", 2.0, "g", "feedback")


def test_kinds_mix_within_one_source_and_keep_their_order():
    table = read(
        [
            {"prompt": "1", "chosen": "a", "rejected": "b"},
            {"prompt": "2", "completion": "c", "label": True},
            {"prompt": "3", "completions": ["a", "b"], "ranks": [1, 2]},
            {"prompt": "4", "completion": True, "label": False},
            {"prompt": "5", "completions": ["a", "b"], "labels": [True, False]},
            {"prompt": "6", "chosen": "a", "rejected": "b"},
        ]
    )
    assert [next(iter(c)).prompt for c in map(_candidates, table)] == list("123456")
    assert table[3].candidate.response == "True"
    assert "1 values of 'completion' that are no text" in table.remarks[0]


def _candidates(row):
    from polycritic.core import candidates_of

    return candidates_of(row)


def test_arrow_tables_of_other_types():
    made = pa.table(
        {
            "prompt": pa.array(["p", "p"], pa.large_string()),
            "completion": pa.array(["c", "d"]).dictionary_encode(),
            "rating": pa.array([1, 2], pa.uint8()),
            "task": pa.array(["t", None]),
        }
    )
    assert [(row.task, row.candidate.response, row.value) for row in read(made)] == [
        ("t", "c", 1.0),
        ("feedback", "d", 2.0),
    ]
    chunks = pa.chunked_array([[["a", "b"]], [["c", "d", "e"]]])
    sliced = pa.table({"prompt": ["x", "y"], "completions": chunks, "ranks": [[1, 2], [3, 2, 1]]}).slice(1)
    (row,) = read(sliced)
    assert [c.response for c in row.candidates] == ["c", "d", "e"]
    assert row.ranks == (3, 2, 1)


def test_a_dataset_is_read_with_its_selection():
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list([{"prompt": str(i), "chosen": "a", "rejected": "b"} for i in range(5)])
    assert [row.first.prompt for row in read(whole)] == list("01234")
    assert [row.first.prompt for row in read(whole.select([3, 1]))] == ["3", "1"]
    assert [row.first.prompt for row in read(whole.to_iterable_dataset())] == list("01234")
    with pytest.raises(ValueError, match="Choose one of its splits"):
        read(datasets.DatasetDict({"train": whole}))


def test_other_things_are_no_sources():
    with pytest.raises(ValueError, match=r"not a source of rows.*found int"):
        read(3)
    with pytest.raises(ValueError, match="nothing to read"):
        read()
    with pytest.raises(ValueError, match="expected a row: an object with columns, found 3"):
        read([3])


def test_only_compared_tasks_have_a_utility():
    assert read([{"prompt": "p", "chosen": "a", "rejected": "b"}]).tasks[0].scale == Utility()
    assert isinstance(one({"prompt": "p", "completion": "c", "label": True}), Rating)
