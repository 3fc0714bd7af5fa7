"""Looking at files, splitting them, and what is said where a file cannot be written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from polycritic import cli
from polycritic.feedback import read
from polycritic.tasks import read_tasks
from polycritic.worlds import WORLDS


def call(*words: object) -> str:
    result = CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    said = [
        {"task": task, "prompt": f"prompt {n}", "completion": "c" if n else "", "label": n % 2 == 1}
        for n in range(30)
        for task in ("a", "b")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in said))
    return path


def test_check_says_each_thing_once(rows: Path) -> None:
    lines = call("data", "check", rows).splitlines()
    assert len(lines) == len(set(lines))
    assert "2 tasks ('a', 'b'): right (1) or wrong (0), from 30 values of 0 to 1" in lines
    assert f"{rows}: 2 empty responses, judged and kept" in lines
    assert "prompt tokens: 4 to 4, median 4, mean 4.0, 95% within 4" in lines


def test_check_compares_with_other_files(rows: Path) -> None:
    assert json.loads(call("data", "check", rows, "--json"))["leaks"]["prompts"] == 0
    assert json.loads(call("data", "check", rows, "--against", rows, "--json"))["leaks"]["prompts"] == 30


def test_check_needs_no_torch(rows: Path) -> None:
    code = (
        f"import sys; sys.argv = ['polycritic', 'data', 'check', {str(rows)!r}]\n"
        "import polycritic.cli\npolycritic.cli.app(standalone_mode=False)\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)


def test_a_split_keeps_tasks_and_scales(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text('[tasks.a]\ndescription = "Is it so?"\n')
    call("data", "split", rows, "-o", tmp_path / "out", "--tasks", tmp_path / "tasks.toml")
    tasks = read_tasks(tmp_path / "out" / "tasks.toml")
    assert tasks == read(rows, tasks=tmp_path / "tasks.toml").tasks
    assert tasks[0].description == "Is it so?"


def test_worlds_come_with_their_descriptions(tmp_path: Path) -> None:
    call("worlds", "make", "dates", "-n", 5, "-o", tmp_path / "w.jsonl.gz")
    assert read_tasks(tmp_path / "w.tasks.toml") == (WORLDS["math/dates"].task,)


def test_files_that_cannot_be_written_are_a_wrong_call(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["convert", rows, "-o", tmp_path / "none" / "out.jsonl"], ["split", rows, "-o", rows]):
        monkeypatch.setattr(sys, "argv", ["polycritic", "data", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith("error: ")
        assert str(words[-1]) in said
