"""The quickstart, with a tiny backbone in place of the embedded one: everything it promises is there."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from polycritic.cli import _quickstart, app
from polycritic.core import Candidate, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Words
from polycritic.evaluation import judge_all
from polycritic.judges import Length
from polycritic.worlds import WORLDS, NoisySolver, problems


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    def critic(tasks: Sequence[Task]) -> Critic:
        return Critic(tasks, Words(dim=4, buckets=64))

    monkeypatch.setattr(_quickstart, "_critic", critic)
    monkeypatch.setattr(_quickstart, "_TRAIN_PROBLEMS", 6)
    monkeypatch.setattr(_quickstart, "_TEST_PROBLEMS", 2)


def test_it_trains_compares_chooses_and_reports(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["quickstart", "--steps", "2", "-o", str(tmp_path / "run"), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row[0] for row in found["rows"]] == ["one critic", "specialists", "pooled scorer", "longer wins"]
    assert found["best_of_n"][0][0] == "at random"
    assert [row[0] for row in found["best_of_n"][1:-1]] == ["one critic", "specialists", "longer wins"]
    picked, (gain, low, high) = found["picked"], found["gain"]["unseen"]
    assert gain == pytest.approx(picked["one critic, unseen"] - picked["specialists, unseen"])
    assert low <= gain <= high
    assert 0 <= found["picked"]["one critic, unseen"] <= 1
    assert len(Critic.load(tmp_path / "run" / "critic").tasks) == len(WORLDS) - len(_quickstart.UNSEEN)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "one critic, many tasks" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_it_says_what_it_found(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["quickstart", "--steps", "1", "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    for said in ("seen tasks", "unseen tasks", "right when 1 of 4 answers is picked", "report:", "seconds"):
        assert said in result.stdout


def test_what_is_unseen_is_not_trained_on() -> None:
    assert set(_quickstart.UNSEEN) < set(WORLDS)
    assert len({name.split("/")[0] for name in _quickstart.UNSEEN}) == len(_quickstart.UNSEEN)


def test_every_contender_is_asked_the_same() -> None:
    """A macro mean of one judge over tasks on which another abstains would compare different tasks."""
    worlds = list(WORLDS.values())
    rows = _quickstart._answers(worlds, 2, 1)
    assert {row.task for row in rows} == set(WORLDS)
    for judge in (Critic([w.task for w in worlds], Words(dim=4)), Length()):
        judged = judge_all(judge, rows, [w.task for w in worlds])
        assert all(kind.judged.all() for task in judged.tasks for kind in task.kinds)


def test_an_unseen_task_goes_to_the_specialist_of_the_task_most_like_it() -> None:
    tasks = [Task("a/x", "Add two numbers."), Task("a/y", "Sort the words."), Task("b/z", "Sort the numbers.")]
    specialists = _quickstart._Specialists({task.name: Critic([task], Words(seed=k)) for k, task in enumerate(tasks)})
    candidate = Candidate("3 1 2", "1 2 3")
    unseen = specialists.score([candidate], [Task("a/new", "Sort the letters of the words.")])
    assert unseen.values[0, 0] == specialists.score([candidate], [tasks[1]]).values[0, 0]


def test_needless_words_do_not_tell_the_right_answer() -> None:
    """Among different answers, padded ones are as often right as others: judges that look at the length alone get nothing."""
    said = [Candidate("p", text) for text in ("Well. Answer: 3", "3", "Hm. Answer: 4", "5", "4", "Oh. Answer: 3")]
    assert [c.response for c in _quickstart._different(said)] == ["Well. Answer: 3", "Hm. Answer: 4", "5"]
    asked = problems([WORLDS["math/arithmetic"]], 200, seed=0)
    solver = NoisySolver(asked, right=0.3, padding=0.5)
    proposed = solver.generate([Candidate(p.prompt, "") for p in asked], 32, seed=0)
    kept = [c for each in proposed for c in _quickstart._different(each)[:8]]
    share = [
        np.mean([solver.verify(c) for c in kept if ("Answer:" in c.response) is padded]) for padded in (False, True)
    ]
    assert share[0] == pytest.approx(share[1], abs=0.04)
