"""What is written is read back, and a table is the rows it was made of."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import strategies

from polycritic.core import Candidate, PolycriticError, Rating, StepRatings, candidates_of, group_of
from polycritic.feedback import Kind, concatenate, read, table, write


def comparable(row: object) -> str:
    """A row as text, in which one NaN is like another and no number is rounded."""
    return "\n".join(
        f"{name} {getattr(row, name)!r}" for cls in type(row).__mro__ for name in getattr(cls, "__slots__", ())
    ) + (
        "".join(
            f"{c.prompt!r}{c.response!r}{c.steps!r}{c.instruction!r}{c.rubric!r}{c.reference!r}{c.context!r}{c.model!r}"
            for c in candidates_of(row)
        )
    )


def same(first: object, second: object) -> None:
    assert [comparable(row) for row in first] == [comparable(row) for row in second]


many = st.lists(strategies.rows, min_size=0, max_size=6)


@given(many)
def test_a_table_is_its_rows(rows):
    made = table(rows)
    assert len(made) == len(rows)
    same(made, rows)
    assert [made.tasks[i].name for i in made.task_index] == [row.task for row in rows]
    np.testing.assert_array_equal(made.weight, [row.weight for row in rows])


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet", "arrow", "feather"])
@settings(max_examples=20)
@given(rows=many)
def test_files_hold_all_kinds(tmp_path_factory, ending, rows):
    path = tmp_path_factory.mktemp("rows") / f"rows.{ending}"
    write(rows, path)
    same(read(path), rows)


@settings(max_examples=40)
@given(rows=st.lists(strategies.flat_rows, min_size=0, max_size=6))
def test_csv_holds_flat_rows(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    write(rows, path)
    same(read(path), rows)


def test_csv_refuses_lists(tmp_path):
    row = StepRatings(task="t", candidate=Candidate("p", "ab", ("a", "b")), values=(1.0, math.nan))
    with pytest.raises(PolycriticError, match=r"CSV holds no lists: found steps, labels"):
        write([row], tmp_path / "rows.csv")
    with pytest.raises(PolycriticError, match="unknown kind of file"):
        write([row], tmp_path / "rows.txt")


def test_converting_keeps_rows_and_scales(tmp_path):
    records = [{"task": "t", "prompt": f"p{i}", "completion": "c", "label": i % 2 == 0} for i in range(4)]
    records += [{"task": "u", "prompt": f"p{i}", "completion": "c", "rating": i} for i in range(5)]
    first = read(records)
    write(first, tmp_path / "rows.parquet")
    second = read(tmp_path / "rows.parquet")
    same(second, first)
    assert second.tasks == first.tasks


@settings(max_examples=25)
@given(many, st.data())
def test_views_are_rows(rows, data):
    made = table(rows)
    at = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5)) if rows else []
    view = made.select(at)
    same(view, [rows[i] for i in at])
    assert {task.name for task in view.tasks} == {rows[i].task for i in at}
    same(made[1:4], rows[1:4])
    same(made[::-2], rows[::-2])
    mask = np.array([row.weight == 1.0 for row in rows], dtype=bool)
    same(made.select(mask), [row for row in rows if row.weight == 1.0])
    same(concatenate([view, made]), [*(rows[i] for i in at), *rows]) if _stated_once(view, made) else None


def _stated_once(*tables: object) -> bool:
    tasks = {task for one in tables for task in one.tasks}
    return len(tasks) == len({task.name for task in tasks})


@settings(max_examples=25)
@given(many)
def test_columns_agree_with_rows(rows):
    made = table(rows)
    groups = made.groups()
    expected = [group_of(row) for row in rows]
    assert [[a == b for b in groups] for a in groups] == [[a == b for b in expected] for a in expected]
    prompts, asked = made.prompts(), [candidates_of(row)[0].prompt for row in rows]
    assert [[a == b for b in prompts] for a in prompts] == [[a == b for b in asked] for a in asked]
    for i, row in enumerate(rows):
        if made.kind[i] in (Kind.RATING, Kind.COMPARISON, Kind.STEPS):
            several = candidates_of(row)
            for name in ("prompt", "response", "model", "context"):
                assert (made.texts(name)[i].as_py() or "") == getattr(several[0], name)
                assert (made.texts(name, second=True)[i].as_py() or "") == getattr(several[-1], name)
    kinds = {"Rating": 0, "Comparison": 1, "Ranking": 2, "StepRatings": 3, "BagRating": 4}
    assert made.kind.tolist() == [kinds[type(row).__name__] for row in rows]
    values = [getattr(row, "value", getattr(row, "preference", math.nan)) for row in rows]
    np.testing.assert_array_equal(made.value, values)


@settings(max_examples=15)
@given(many)
def test_tables_pickle(rows):
    made = table(rows)
    back = pickle.loads(pickle.dumps(made))
    same(back, made)
    assert back.tasks == made.tasks


def test_of_task_and_indices_out_of_range():
    made = table([Rating(task=t, candidate=Candidate("p", "r"), value=0.0) for t in ("a", "b", "a")])
    assert len(made.of_task("a")) == len(made.of_task(made.tasks[0])) == 2
    assert made[-1].task == "a"
    assert made[np.int64(1)].task == "b"
    with pytest.raises(IndexError, match="row 3 of 3"):
        made[3]
    with pytest.raises(IndexError):
        made.select([3])
    with pytest.raises(PolycriticError, match="unknown task 'c'"):
        made.of_task("c")


def test_no_text_is_copied_by_views():
    made = read([{"prompt": "p" * 1000, "completion": "c" * 1000, "label": True}] * 100)
    view = made.select(np.arange(0, 100, 3))
    assert view.parts[0].columns["prompt"].values is made.parts[0].columns["prompt"].values
