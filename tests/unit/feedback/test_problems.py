"""Bad rows are named, all at once, with file, line, task, column, what was found and what was expected."""

from __future__ import annotations

import gzip
import json
import pickle

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tests import strategies

from polycritic.core import Interval, Levels, PolycriticError, Task
from polycritic.feedback import FeedbackError, Problem, read, stream

GOOD = {"task": "t", "prompt": "p", "completion": "c", "rating": 1.0}


@pytest.mark.parametrize(("record", "column", "message"), strategies.INVALID)
def test_invalid_records_are_refused(record, column, message):
    with pytest.raises(FeedbackError) as caught:
        read([GOOD, record])
    (problem,) = caught.value.problems
    assert problem.where == "rows: row 2"
    assert problem.column == column
    assert message in problem.expected or message in problem.found
    assert len(read([GOOD, record], skip_bad_rows=True)) == 1


@given(st.lists(st.sampled_from([GOOD, *(record for record, _, _ in strategies.INVALID)]), min_size=1, max_size=8))
def test_any_mixture_is_counted(records):
    records = [{**record, "bag": f"{i}"} if "bag" in record else record for i, record in enumerate(records)]
    bad = [i for i, record in enumerate(records) if record is not GOOD]
    table = read(records, skip_bad_rows=True)
    assert len(table) == len(records) - len(bad)
    assert sorted({p.where for p in table.skipped}) == sorted(f"rows: row {i + 1}" for i in bad)
    if bad:
        with pytest.raises(FeedbackError) as caught:
            read(records)
        assert caught.value.count == len(bad)


def jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_first_twenty_are_shown_and_all_counted(tmp_path):
    records = [GOOD, *({**GOOD, "rating": "bad"} for _ in range(30))]
    with pytest.raises(FeedbackError) as caught:
        read(jsonl(tmp_path / "a.jsonl", records))
    text = str(caught.value)
    assert text.startswith("30 bad rows\n")
    assert f"{tmp_path / 'a.jsonl'}:2: task 't', column 'rating': expected a number, found 'bad'" in text
    assert text.count("\n  ") == 21
    assert "... and 10 more" in text
    assert text.endswith("skip them with skip_bad_rows (--skip-bad-rows)")
    assert len(caught.value.problems) == 30


def test_errors_pickle():
    error = FeedbackError([Problem("a:1", "t", "c", "f", "e")], 1, "Mend it")
    back = pickle.loads(pickle.dumps(error))
    assert (str(back), back.problems, back.count) == (str(error), error.problems, 1)


def test_lines_are_those_of_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\n{"prompt": "p", "completion": "c", "label": true}\n\n  \n{"prompt": "p"}\n')
    with pytest.raises(FeedbackError, match=r"a\.jsonl:5: task 'a': expected the column completion"):
        read(path)
    assert read(path, skip_bad_rows=True).where(0) == f"{path}:2"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"prompt": "p", "completion": "c", "label": true', r"a.jsonl:2: expected one JSON object"),
        (b"[1, 2]", r"a.jsonl:2: expected a row: an object with columns, found \[1, 2\]"),
        (b'{"prompt": "p", "prompt": "q"}', r"a.jsonl:2: column 'prompt': expected each column once"),
        (b'{"prompt": "\\ud800", "completion": "c", "label": true}', r"a.jsonl:2: column 'prompt'.*found broken text"),
        (
            b'{"prompt": "caf\xe9", "completion": "c", "label": true}',
            r"2: expected text in UTF-8, found byte 0xe9 at byte 65",
        ),
        (
            b'{"prompt": "p", "completion": "c", "rating": NaN}',
            r"a.jsonl:2: task 'a', column 'rating': expected a finite",
        ),
        (b'{"prompt": "p", "completion": "c", "rating": 1e999}', r"a.jsonl:2: task 'a', column 'rating'"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_unreadable_lines_are_found(tmp_path, line, message, compressed):
    good = b'{"prompt": "p", "completion": "c", "rating": 0.5}'
    text = b"\n".join([good, line, good]) + b"\n"
    path = tmp_path / ("a.jsonl.gz" if compressed else "a.jsonl")
    path.write_bytes(gzip.compress(text) if compressed else text)
    with pytest.raises(FeedbackError, match=message.replace("a.jsonl", r"a\.jsonl(\.gz)?")):
        read(path)
    table = read(path, skip_bad_rows=True)
    assert len(table) == 2
    assert [table.where(i).rsplit(":")[-1] for i in range(2)] == ["1", "3"]


def test_texts_that_look_like_dates_stay_texts(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", [{"prompt": "When?", "chosen": "2020-01-01", "rejected": "2020-01-02 10:00:00"}])
    assert read(path)[0].first.response == "2020-01-01"
    records = [{"prompt": "When?", "completions": ["2020-01-01", "2021-01-01"], "ranks": [1, 2]}]
    assert read(jsonl(path, records))[0].candidates[1].response == "2021-01-01"


def test_a_row_larger_than_a_block(tmp_path):
    long = "x" * 10_000_000
    path = jsonl(tmp_path / "a.jsonl", [{"prompt": long, "completion": "c", "label": True}] * 2)
    assert len(read(path)[1].candidate.prompt) == 10_000_000


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "parquet", "arrow"])
def test_damaged_files(tmp_path, ending):
    from polycritic.feedback import write

    whole = tmp_path / f"whole.{ending}"
    write(read([{"prompt": f"{i} {i * i}", "completion": "c", "label": True} for i in range(3000)]), whole)
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(FeedbackError, match=rf"cut\.{ending}: expected a whole, undamaged file"):
        read(path, skip_bad_rows=True)


def test_missing_and_unknown_files(tmp_path):
    with pytest.raises(PolycriticError, match=r"none\.jsonl: no such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(PolycriticError, match=r"no such file\. It is a folder"):
        read(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(PolycriticError, match=r"a\.txt: unknown kind of file: expected a name ending in \.jsonl"):
        read(tmp_path / "a.txt")


def test_json_arrays(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([GOOD, {"prompt": "p"}]))
    with pytest.raises(FeedbackError, match=r"a\.json: row 2"):
        read(path)
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps(GOOD))
    assert len(read(path)) == 2
    path.write_text('[{"a": 1},\n{]')
    with pytest.raises(FeedbackError, match=r"a\.json:2: expected a JSON array"):
        read(path)
    path.write_bytes(b'["\xff"]')
    with pytest.raises(FeedbackError, match="byte 0xff at byte 2"):
        read(path)


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "a.jsonl"
    text = b'\xef\xbb\xbf{"prompt": "p", "completion": true, "label": true}\n{"prompt": "p", "completion": "c", "label": true}'
    path.write_bytes(text)
    assert [row.candidate.response for row in read(path)] == ["True", "c"]


def test_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('prompt,completion,label\n"1\n+1",2,true\n3,4,5,6\n5,007,false\n')
    with pytest.raises(FeedbackError, match=r"a\.csv:4: expected 3 columns, found 4"):
        read(path)
    table = read(path, skip_bad_rows=True)
    assert [(row.candidate.prompt, row.candidate.response, row.value) for row in table] == [
        ("1\n+1", "2", 1.0),
        ("5", "007", 0.0),
    ]
    assert [table.where(i) for i in range(2)] == [f"{path}:2", f"{path}:5"]
    path.write_bytes(b"prompt,completion,label\nx,caf\xe9,true\n")
    with pytest.raises(FeedbackError, match=r"a\.csv:2: expected text in UTF-8, found byte 0xe9 at byte 29"):
        read(path)


def test_texts_of_csv_are_what_is_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('prompt,completion,reference,label\nNA,null,nan,true\nN/A,None,"",false\n')
    first, second = (row.candidate for row in read(path))
    assert (first.prompt, first.response, first.reference) == ("NA", "null", "nan")
    assert (second.prompt, second.response, second.reference) == ("N/A", "None", "")


def test_one_bad_cell_of_csv_spoils_its_own_row_alone(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("prompt,completion,label\np,a,True\np,b,maybe\np,c,false\np,d,NA\n")
    with pytest.raises(FeedbackError, match="number or true or false, found 'maybe'") as caught:
        read(path)
    assert [problem.where for problem in caught.value.problems] == [f"{path}:3", f"{path}:5"]
    assert [row.value for row in read(path, skip_bad_rows=True)] == [1.0, 0.0]
    path.write_text("prompt,completion,rating\np,a,nan\np,b,3\np,c,inf\np,d,x\n")
    with pytest.raises(FeedbackError) as caught:
        read(path)
    assert [(problem.where, problem.found) for problem in caught.value.problems] == [
        (f"{path}:2", "nan"),
        (f"{path}:4", "inf"),
        (f"{path}:5", "'x'"),
    ]


def test_lists_and_objects_in_csv_are_json(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('prompt,completion_a,completion_b,votes\np,a,b,"[1, 2, 1]"\n')
    assert read(path)[0].preference == 2 / 3
    path.write_text('prompt,completion,ratings\np,a,"{""clear"": 3, ""true"": [1, 2]}"\n')
    assert [row.value for row in read(path)] == [3.0, 1.5]


def test_a_column_that_stands_there_twice(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("prompt,completion,completion,label\np,a,b,true\n")
    with pytest.raises(FeedbackError, match=r"a\.csv: column 'completion': expected each column once"):
        read(path)
    twice = pa.table([pa.array(["p"])] * 2, names=["prompt", "prompt"])
    with pytest.raises(FeedbackError, match="table: column 'prompt': expected each column once"):
        read(twice)
    parquet.write_table(twice, tmp_path / "a.parquet")
    for reads in (read, stream):
        with pytest.raises(FeedbackError, match=r"a\.parquet: column 'prompt': expected each column once"):
            reads(tmp_path / "a.parquet")


def test_invalid_text_in_parquet_is_found(tmp_path):
    texts = pa.array([b"good", b"caf\xe9"]).view(pa.binary()).cast(pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, texts.buffers())
    parquet.write_table(
        pa.table({"prompt": broken, "completion": ["c", "c"], "label": [True, False]}), tmp_path / "a.parquet"
    )
    with pytest.raises(FeedbackError, match=r"a\.parquet: row 2: column 'prompt'.*byte 0xe9 at byte 3"):
        read(tmp_path / "a.parquet")
    assert len(read(tmp_path / "a.parquet", skip_bad_rows=True)) == 1


def test_judged_oddities_are_kept_and_remarked():
    table = read(
        [
            {"prompt": "p", "completion": "", "label": False},
            {"prompt": "p", "completion_a": "", "completion_b": "b", "votes": [2]},
            {"prompt": "p", "chosen": "a", "rejected": "a", "tie": True},
        ]
    )
    assert len(table) == 3
    assert set(table.remarks) == {
        "rows: 2 empty responses, judged and kept",
        "rows: 1 comparisons of a text with itself, judged and kept",
    }


def test_a_second_judgement_in_a_row_is_remarked():
    table = read([{"prompt": "p", "completion": "c", "label": True, "rating": 4}])
    assert table[0].value == 1.0
    assert table.remarks == ("rows: 1 rows with 'rating', which is not read beside other judgements",)


def test_values_off_a_stated_scale():
    stated = [Task("t", scale=Interval(0, 5))]
    records = [GOOD, {**GOOD, "rating": 6.0}]
    with pytest.raises(
        FeedbackError, match=r"row 2: task 't', column 'rating': expected a number from 0 to 5, found 6"
    ):
        read(records, tasks=stated)
    assert len(read(records, tasks=stated, skip_bad_rows=True)) == 1
    with pytest.raises(FeedbackError, match="expected a number from 0 to 5, found 6"):
        read(records).with_tasks(stated)


def test_tasks_from_a_file(tmp_path):
    (tmp_path / "tasks.toml").write_text(
        '[tasks.t]\ndescription = "How good?"\nscale = {kind="interval", low=0, high=5}\n'
    )
    table = read([GOOD], tasks=tmp_path / "tasks.toml")
    assert table.tasks == (Task("t", "How good?", Interval(0, 5)),)
    assert table.inferred == ()
    (tmp_path / "tasks.toml").write_text('[tasks.t]\ndescription = "How good?"\n')
    for found in (read([GOOD, {**GOOD, "rating": 5}], tasks=tmp_path / "tasks.toml"),):
        assert found.tasks == (Task("t", "How good?", Levels(("1", "2", "3", "4", "5"))),)
        assert found.inferred == ("task 't': one of the levels 1 < 2 < 3 < 4 < 5, from 2 values of 1 to 5",)
    rows = jsonl(tmp_path / "t.jsonl", [GOOD, {**GOOD, "rating": 5}])
    assert stream(rows, tasks=tmp_path / "tasks.toml").tasks == found.tasks
