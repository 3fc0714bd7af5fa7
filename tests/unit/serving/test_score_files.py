"""Scoring files of any size: the same as in memory, and the same however often it was broken off."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import strategies

from polycritic.core import Candidate, Judge, PolycriticError, Scores, Task, candidates_of
from polycritic.feedback import FeedbackStream, _pieces, read, stream, write
from polycritic.judges import Length
from polycritic.serving import Processes, _chunks, score_files
from polycritic.serving._chunks import Chunks
from polycritic.serving._parts import Parts


class BrokenError(Exception):
    pass


@dataclass
class Tires:
    """A judge that breaks off after some calls."""

    calls: int

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        if not self.calls:
            raise BrokenError
        self.calls -= 1
        return Length().score(candidates, tasks)


@dataclass(frozen=True)
class Dies:
    """A judge whose process is killed over a certain response, until a file is there."""

    file: Path
    last: bool = True

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        if any(c.response.endswith(" 17") for c in candidates) and not self.file.exists():
            if self.last:
                self.file.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Length().score(candidates, tasks)


class Loses:
    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        return Length().score(candidates[1:], tasks)


@dataclass(frozen=True)
class Slow:
    """Says in a file that it began, and takes its time."""

    folder: Path

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        (self.folder / f"{os.getpid()}.pid").touch()
        time.sleep(0.05)
        return Length().score(candidates, tasks)


def dies(file: Path) -> Judge:
    return Dies(file)


def dies_always(file: Path) -> Judge:
    return Dies(file, last=False)


def tires() -> Judge:
    return Tires(1)


def slow(folder: Path) -> Judge:
    return Slow(folder)


@pytest.fixture
def rows(tmp_path: Path) -> FeedbackStream:
    """Fifty rows of two tasks, the last ten seen before."""
    path = tmp_path / "rows.jsonl"
    made = [{"task": "ab"[n % 2], "prompt": f"p {n}", "completion": f"answer {n}", "label": True} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*made, *made[:10]]))
    return stream(path)


def in_memory(path: Path, asked: Sequence[Task] = ()) -> list[dict]:
    """What the lines must be, task by task, each distinct candidate once."""
    table = read(path)
    found = []
    for task in asked or table.tasks:
        own = [row for row in table if asked or row.task == task.name]
        candidates = list(dict.fromkeys(c for row in own for c in candidates_of(row)))
        for candidate, value in zip(candidates, Length().score(candidates, [task]).values[:, 0], strict=True):
            said = {"task": task.name, "prompt": candidate.prompt, "completion": candidate.response}
            found.append({**said, "score": value, "spread": None})
    return found


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("asked", [(), (Task("new"), Task("a"))])
def test_the_same_as_in_memory(tmp_path: Path, rows: FeedbackStream, size: int, asked: tuple[Task, ...]) -> None:
    count = score_files(Length, rows, tmp_path / "out.jsonl", tasks=asked, chunk=size)
    expected = in_memory(tmp_path / "rows.jsonl", asked)
    assert lines(tmp_path / "out.jsonl") == expected
    assert count == len(expected) == (80 if asked else 40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "rows.jsonl"]


@settings(max_examples=15)
@given(made=st.lists(strategies.rows, max_size=8))
def test_rows_of_every_kind(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("rows")
    write(made, folder / "rows.jsonl")
    score_files(Length, stream(folder / "rows.jsonl"), folder / "out.jsonl", chunk=3)
    assert lines(folder / "out.jsonl") == in_memory(folder / "rows.jsonl")


def test_what_is_the_same_candidate() -> None:
    """Neither where one text ends and the next begins is forgotten, nor what no encoding can write."""
    different = [
        *(Candidate("ab", "c"), Candidate("a", "bc"), Candidate("a', 'b", "c"), Candidate("", "c", instruction="ab")),
        *(Candidate("ab", "c", steps=steps) for steps in (("c",), ("c", ""), ("('c',)",))),
        *(Candidate("\ud800", "c"), Candidate("\\ud800", "c"), Candidate("é", "c"), Candidate("e\u0301", "c")),
    ]
    with closing(_chunks._Seen()) as seen:
        for column in (-1, 0, 1):
            assert all(seen.add(column, candidate) for candidate in different)
        assert not any(seen.add(0, candidate) for candidate in different)
        assert not seen.add(0, Candidate("".join(["a", "b"]), "c"))


def test_many_seen_candidates_go_to_a_file(
    tmp_path: Path, rows: FeedbackStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chunks, "_CACHE", 1)
    monkeypatch.setattr(_pieces, "_PIECE", 300)
    assert score_files(Length, rows, tmp_path / "out.jsonl", chunk=3) == 40


@pytest.mark.parametrize("calls", [0, 1, 4, 7])
def test_broken_off_it_goes_on(tmp_path: Path, rows: FeedbackStream, calls: int) -> None:
    score_files(Length, rows, tmp_path / "whole.jsonl", chunk=5)
    output = tmp_path / "out.jsonl"
    for _ in range(2):
        with pytest.raises(BrokenError):
            score_files(partial(Tires, calls), rows, output, chunk=5)
        calls = min(calls, 1)
    assert not output.exists()
    score_files(Length, rows, output, chunk=5)
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def begun(folder: Path, rows: FeedbackStream, **more: object) -> Parts:
    """An unfinished run of six parts."""
    with pytest.raises(BrokenError):
        score_files(partial(Tires, 6), rows, folder / "out.jsonl", chunk=4, tasks=[Task("a")], **more)
    return Parts(folder / "out.jsonl")


def test_what_is_done_is_not_scored_again(tmp_path: Path, rows: FeedbackStream) -> None:
    begun(tmp_path, rows)
    count = score_files(partial(Tires, 4), rows, tmp_path / "out.jsonl", chunk=4, tasks=[Task("a")])
    assert count == 40  # in ten chunks, six of them before


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"\xff\xfe", b"no json\nat all"])
def test_a_damaged_part_is_made_again(tmp_path: Path, rows: FeedbackStream, damage: bytes) -> None:
    parts = begun(tmp_path, rows)
    part = parts.folder / "000000003.part"
    part.write_bytes(damage)
    (parts.folder / "000000004.part").write_bytes((parts.folder / "000000004.part").read_bytes()[:-3])
    (parts.folder / "000000006.fresh").write_bytes(b"{")  # killed while it was written
    score_files(Length, rows, tmp_path / "out.jsonl", chunk=4, tasks=[Task("a")])
    assert lines(tmp_path / "out.jsonl") == in_memory(tmp_path / "rows.jsonl", [Task("a")])


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"kind": "another"}', b"\xff"])
def test_a_damaged_journal_is_refused(tmp_path: Path, rows: FeedbackStream, damage: bytes) -> None:
    parts = begun(tmp_path, rows)
    parts.journal.write_bytes(damage)
    with pytest.raises(PolycriticError, match=r"journal\.json: the journal is damaged\. Delete .*out\.jsonl\.parts"):
        score_files(Length, rows, tmp_path / "out.jsonl", chunk=4, tasks=[Task("a")])
    parts.journal.unlink()
    with pytest.raises(PolycriticError, match="parts without their journal"):
        score_files(Length, rows, tmp_path / "out.jsonl", chunk=4, tasks=[Task("a")])


def test_what_changed_between_two_runs_is_refused(tmp_path: Path, rows: FeedbackStream) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "weights").write_text("1")
    made_of = ["mine", tmp_path / "judge", tmp_path / "rows.jsonl"]
    begun(tmp_path, rows, made_of=made_of)

    def again(rows: FeedbackStream = rows, tasks: Sequence[Task] = (Task("a"),), chunk: int = 4) -> int:
        return score_files(Length, rows, tmp_path / "out.jsonl", tasks=tasks, made_of=made_of, chunk=chunk)

    for changed, call in (
        ("the tasks", lambda: again(tasks=[Task("a", "Described.")])),
        ("the size of a chunk", lambda: again(chunk=5)),
        ("the tasks and what is scored on what", lambda: again(tasks=[])),
    ):
        with pytest.raises(PolycriticError, match=f"parts: {changed} changed since these scores were begun"):
            call()
    (tmp_path / "judge" / "weights").write_text("2")
    with pytest.raises(PolycriticError, match="the judge changed"):
        again()
    (tmp_path / "judge" / "weights").write_text("1")
    text = (tmp_path / "rows.jsonl").read_text()
    made_of.pop()
    (tmp_path / "rows.jsonl").write_text(text.replace("answer 39", "answer 93"))
    with pytest.raises(PolycriticError, match="the input and the judge changed"):
        again(stream(tmp_path / "rows.jsonl"))
    (tmp_path / "rows.jsonl").write_text(text)
    made_of.append(tmp_path / "rows.jsonl")
    assert again() == 40


def test_an_output_that_is_there_stays_unless_it_may_go(tmp_path: Path, rows: FeedbackStream) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("precious")
    with pytest.raises(PolycriticError, match=r"out\.jsonl: the output is there already\. Delete it"):
        score_files(Length, rows, output)
    assert output.read_text() == "precious"
    assert score_files(Length, rows, output, overwrite=True) == 40
    output.unlink()
    begun(tmp_path, rows)
    output.write_text("precious")
    with pytest.raises(PolycriticError, match="the output is there already"):
        score_files(Length, rows, output, chunk=4, tasks=[Task("a")])


@pytest.mark.parametrize("step", ["touch", "replace", "unlink", "rmdir"])
def test_killed_at_the_very_end_it_only_finishes(
    tmp_path: Path, rows: FeedbackStream, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    score_files(Length, rows, tmp_path / "whole.jsonl", chunk=5)
    output, before = tmp_path / "out.jsonl", getattr(Path, step)
    for nth in range(1, 20):
        left = nth

        def killed(path: Path, *words: object, **named: object) -> object:
            nonlocal left
            if output.with_name("out.jsonl.parts") in (path, path.parent) and path.suffix != ".fresh":
                left -= 1
                if not left:
                    raise BrokenError
            return before(path, *words, **named)

        with monkeypatch.context() as patched:
            patched.setattr(Path, step, killed)
            try:
                score_files(Length, rows, output, chunk=5)
            except BrokenError:
                pass
            else:
                break
        assert score_files(Length, rows, output, chunk=5) == 40
        assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
        assert not output.with_name("out.jsonl.parts").exists()
        output.unlink()
    assert nth > 1


def test_two_runs_do_not_meet(tmp_path: Path, rows: FeedbackStream) -> None:
    with Parts(tmp_path / "out.jsonl").locked(), pytest.raises(PolycriticError, match="another run is at work"):
        score_files(Length, rows, tmp_path / "out.jsonl")


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("")
    assert score_files(Length, stream(tmp_path / "rows.jsonl"), tmp_path / "out.jsonl") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_judge_must_not_lose_candidates(tmp_path: Path, rows: FeedbackStream) -> None:
    with pytest.raises(PolycriticError, match="the judge lost candidates: expected 20, found 19"):
        score_files(Loses, rows, tmp_path / "out.jsonl")


def test_files_that_grow_meanwhile_are_refused(tmp_path: Path, rows: FeedbackStream) -> None:
    text = (tmp_path / "rows.jsonl").read_text()
    (tmp_path / "rows.jsonl").write_text(text + text)
    with pytest.raises(PolycriticError, match="the files changed while they were read: found 100 rows"):
        score_files(Length, rows, tmp_path / "out.jsonl")


def test_chunks_may_be_left_to_another_thread(rows: FeedbackStream) -> None:
    left = iter(Chunks(rows, (), 5))
    next(left)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(left.close).result()  # type: ignore[attr-defined]


def test_abstentions_are_null(tmp_path: Path, rows: FeedbackStream) -> None:
    class Abstains:
        def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
            nothing = np.full((len(candidates), len(tasks)), np.nan)
            return Scores(tuple(tasks), nothing, nothing + 1)

    score_files(Abstains, rows, tmp_path / "out.jsonl")
    assert {(row["score"], row["spread"]) for row in lines(tmp_path / "out.jsonl")} == {(None, None)}


def test_two_processes_write_the_same_file(tmp_path: Path, rows: FeedbackStream) -> None:
    """Though one of them is killed in the middle of its work."""
    score_files(Length, rows, tmp_path / "one.jsonl", chunk=5)
    workers = Processes(2)
    assert score_files(partial(dies, tmp_path / "died"), rows, tmp_path / "two.jsonl", chunk=5, workers=workers) == 40
    assert (tmp_path / "died").exists()
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_processes_that_always_die_are_given_up(tmp_path: Path, rows: FeedbackStream) -> None:
    with pytest.raises(PolycriticError, match="died 3 times over one chunk"):
        score_files(partial(dies_always, tmp_path / "no"), rows, tmp_path / "out.jsonl", chunk=50, workers=Processes(1))


def test_what_a_judge_raises_in_a_process_is_raised_here(tmp_path: Path, rows: FeedbackStream) -> None:
    with pytest.raises(BrokenError):
        score_files(tires, rows, tmp_path / "out.jsonl", chunk=5, workers=Processes(1))


def test_processes_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert [Processes(count).threads for count in (1, 2, 3, 16)] == [8, 4, 2, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert [Processes(count).threads for count in (1, 2, 3, 16)] == [3, 3, 2, 1]


_RUN = """
import sys
from functools import partial
from pathlib import Path
from polycritic.feedback import stream
from polycritic.serving import Processes, score_files
from tests.unit.serving.test_score_files import slow

folder = Path(sys.argv[1])
workers = Processes(2) if sys.argv[2] == "2" else None
if __name__ == "__main__":
    score_files(partial(slow, folder), stream(folder / "rows.jsonl"), folder / "out.jsonl", chunk=1, workers=workers)
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_it_goes_on_and_leaves_nobody_behind(tmp_path: Path, rows: FeedbackStream, processes: int) -> None:
    (tmp_path / "run.py").write_text(_RUN)
    words = [sys.executable, str(tmp_path / "run.py"), str(tmp_path), str(processes)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    running = subprocess.Popen(words, env=here)
    parts = Parts(tmp_path / "out.jsonl").folder
    while running.poll() is None and len(list(parts.glob("*.part"))) < 5:
        time.sleep(0.01)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert 5 <= len(list(parts.glob("*.part"))) < 40
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert len(pids) >= 1
    until = time.monotonic() + 60
    while any(_alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(_alive(pid) for pid in pids)
    assert score_files(partial(slow, tmp_path), rows, tmp_path / "out.jsonl", chunk=1) == 40
    assert lines(tmp_path / "out.jsonl") == in_memory(tmp_path / "rows.jsonl")


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_batch_scoring_needs_no_server(tmp_path: Path) -> None:
    code = "import sys; sys.modules['fastapi'] = sys.modules['starlette'] = sys.modules['ray'] = None; "
    code += "import polycritic.serving; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
