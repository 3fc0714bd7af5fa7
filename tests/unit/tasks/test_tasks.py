"""Sets of tasks: files, families, choosing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import strategies

from polycritic.core import Binary, Interval, Levels, PolycriticError, Task, UnknownNameError, Utility
from polycritic.tasks import families, read_tasks, select, write_tasks

FILE = """
# judged by people
[tasks."bbh/navigate"]
description = "Does the path return to its start?"
scale = "binary"

[tasks.quality]
scale = {kind = "interval", low = 0, high = 100}

[tasks."style"]
scale = {kind = "levels", names = ["poor", "good"]}
[tasks.free]
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "tasks.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_scale_is_read(write):
    assert read_tasks(write(FILE)) == (
        Task("bbh/navigate", "Does the path return to its start?", Binary()),
        Task("quality", "", Interval(0, 100)),
        Task("style", "", Levels(("poor", "good"))),
        Task("free", "", Utility()),
    )


@given(st.lists(strategies.tasks, unique_by=lambda task: task.name, max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory, tasks):
    path = tmp_path_factory.mktemp("tasks") / "tasks.toml"
    write_tasks(path, tasks)
    assert read_tasks(path) == tuple(tasks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tasks.a\n", r"tasks.toml:1: not TOML"),
        ("[task.a]\n", r"unknown table 'task'. Did you mean 'tasks'\?"),
        ('[tasks.a]\n\ndescripton = "x"\n', r"tasks.toml:3: unknown key of task 'a': 'descripton'. Did you mean 'desc"),
        ('[tasks.a]\nscale = "binery"\n', r"tasks.toml:2: unknown scale 'binery'. Did you mean 'binary'"),
        ('[tasks.a]\nscale = {kind = "levels", name = ["1"]}\n', r":2: unknown key of scale 'levels': 'name'.*'names'"),
        ('[tasks.a]\nscale = {kind = "interval", low = 0}\n', r":2: bad scale 'interval': expected the key 'high'"),
        ('[tasks.a]\nscale = {kind = "interval", low = "0", high = 1}\n', r":2: bad low: expected a number, found '0'"),
        ('[tasks.a]\nscale = {kind = "levels", names = ["1"]}\n', r":2: bad Levels"),
        ("[tasks.a]\nscale = 3\n", r"bad scale"),
        ("[tasks.a]\ndescription = 3\n", r":2: bad description: expected text, found 3"),
        ("[tasks]\na = 3\n", r"bad task: expected a table, found 3"),
        ("tasks = 3\n", r"bad tasks"),
    ],
)
def test_errors_say_where_and_what(write, text, message):
    with pytest.raises(PolycriticError, match=message):
        read_tasks(write(text))


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(PolycriticError, match="no such file"):
        read_tasks(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(PolycriticError, match="byte 5: not UTF-8"):
        read_tasks(tmp_path / "latin.toml")


def test_every_character_is_written(tmp_path):
    task = Task("a", "".join(map(chr, range(1, 0x100))))
    write_tasks(tmp_path / "t.toml", [task])
    assert read_tasks(tmp_path / "t.toml") == (task,)


def test_a_name_twice_is_not_written(tmp_path):
    with pytest.raises(PolycriticError, match="'a' twice"):
        write_tasks(tmp_path / "t.toml", [Task("a"), Task("a")])


def test_families_keep_order():
    tasks = [Task("b/x"), Task("a"), Task("b/y")]
    assert list(families(tasks)) == ["b", "a"]
    assert families(tasks)["b"] == (Task("b/x"), Task("b/y"))


def test_select_by_name_family_and_pattern():
    tasks = [Task("b/x"), Task("a"), Task("b/y"), Task("c/z")]
    assert select(tasks, "b") == (tasks[0], tasks[2])
    assert select(tasks, ["c/*", "b/x", "*/x"]) == (tasks[0], tasks[3])
    assert select(tasks, []) == ()
    with pytest.raises(UnknownNameError, match=r"unknown task 'b/z'. Did you mean"):
        select(tasks, ["a", "b/z"])


def test_a_name_with_brackets_is_taken_as_it_is():
    assert select([Task("a[1]"), Task("a1")], "a[1]") == (Task("a[1]"),)
