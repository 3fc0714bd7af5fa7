"""Scoring with Ray Data, in a process of its own: tests keep their sockets closed."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from polycritic.core import Candidate, PolycriticError, Scores, Task
from polycritic.feedback import stream
from polycritic.judges import Length
from polycritic.serving import Ray
from polycritic.serving._chunks import Chunk, Chunks, score_chunk
from polycritic.serving._ray import _Actor

_RUN = """
import os, socket, sys
from functools import partial
from pathlib import Path

seen, connect = [], socket.socket.connect
def noted(self, address):
    seen.append(address)
    return connect(self, address)
socket.socket.connect = noted

from polycritic.feedback import stream
from polycritic.judges import Length
from polycritic.serving import Ray, score_files
from tests.unit.serving.test_score_files import dies

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    rows = stream(folder / "rows.jsonl")
    score_files(Length, rows, folder / "one.jsonl", chunk=5)
    score_files(partial(dies, folder / "died"), rows, folder / "ray.jsonl", chunk=5, workers=Ray(2))
    import ray
    assert not ray.is_initialized()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    own = {"127.0.0.1", "localhost", *socket.gethostbyname_ex(socket.gethostname())[2]}
    print([a for a in seen if isinstance(a, tuple) and a[0] not in own])
"""


@pytest.mark.slow
def test_ray_writes_the_same_file_though_a_worker_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    made = [{"task": "ab"[n % 2], "prompt": f"p {n}", "completion": f"answer {n}", "label": True} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    (tmp_path / "run.py").write_text(_RUN)
    # Ray's workers stand back for everything else on a machine, and would never come to work on a busy one.
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "RAY_worker_niceness": "0"}
    words = [sys.executable, str(tmp_path / "run.py"), str(tmp_path)]
    done = subprocess.run(words, env=here, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "died").exists()
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert done.stdout.splitlines()[-1] == "[]"  # nobody was called but this machine


class Refuses:
    """Knows no such task."""

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        raise PolycriticError("no such task", where="here", found=tasks[0].name)


def test_what_a_judge_refuses_in_an_actor_is_said_here_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, chunk = (Task("t"),), Chunk(0, 1, ((0, (Candidate("p", "four"),)),))
    batch = pa.table({"chunk": pa.array([pickle.dumps(chunk)], pa.large_binary())})
    (tmp_path / "rows.jsonl").write_text('{"task": "t", "prompt": "p", "completion": "four", "label": true}\n')
    chunks = Chunks(stream(tmp_path / "rows.jsonl"), (), 5)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "ray.data", SimpleNamespace())
    for judge in (Length, Refuses):
        rows = _Actor(judge, tasks)(batch).to_pylist()
        monkeypatch.setattr(Ray, "_dataset", lambda *_, rows=rows: SimpleNamespace(iter_rows=lambda: iter(rows)))
        if judge is Length:
            assert list(Ray(1)(judge, chunks)) == [score_chunk(Length(), tasks, chunk)]
        else:
            with pytest.raises(PolycriticError, match=r"^here: no such task: found t$"):
                list(Ray(1)(judge, chunks))
