"""Teaching a critic a new task by a few rows, and who a person is by their comparisons."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from polycritic.cli import app
from polycritic.cli._judges import find_judge
from polycritic.core import Binary, Candidate, Comparer, Interval, PolycriticError, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Numbers, Words

RUNNER = CliRunner()


def call(*words: object) -> Result:
    result = RUNNER.invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def wrong(*words: object) -> str:
    with pytest.raises(PolycriticError) as caught:
        call(*words)
    return str(caught.value)


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A critic of numbers; rows that are right where the first number is above zero; two people of opposite tastes."""
    folder = tmp_path_factory.mktemp("taught")
    Critic([Task("known")], Numbers(2)).save(folder / "critic")
    x = np.random.default_rng(0).standard_normal((240, 2)).round(3)
    said = [f"{a} {b}" for a, b in x]
    rows = [
        {"task": "positive", "prompt": "", "completion": s, "label": bool(a > 0)}
        for s, (a, _) in zip(said, x, strict=True)
    ]
    written(folder / "few.jsonl", rows[:24])
    written(folder / "many.jsonl", rows[24:])
    pairs = [
        {
            "task": "taste",
            "prompt": "",
            "completion_a": said[i],
            "completion_b": said[i + 1],
            "preference_a": float((x[i, 0] > x[i + 1, 0]) == (who == "ann")),
            "annotator": who,
        }
        for i in range(0, 120, 2)
        for who in ("ann", "bob")
    ]
    written(folder / "people.jsonl", pairs)
    return folder


def test_a_new_task_is_judged_by_a_few_examples(folder: Path) -> None:
    result = call("teach", folder / "critic", folder / "few.jsonl", "-o", folder / "positive.json")
    assert "positive, by 24 examples" in result.stdout
    told = json.loads(
        call("teach", folder / "critic", folder / "few.jsonl", "-o", folder / "positive.json", "--json").stdout
    )["tasks"]["positive"]
    assert told["examples"] == 24
    assert told["right"] > 0.8
    assert told["nats"] < 0.5
    scores = json.loads(call("score", folder / "positive.json", folder / "many.jsonl", "--json").stdout)
    right = [(row["score"] > 0.5) == (float(row["completion"].split()[0]) > 0) for row in scores]
    assert np.mean(right) > 0.85
    assert all(0 <= row["score"] <= 1 and row["spread"] <= 0.5 for row in scores)
    seen = json.loads(call("evaluate", folder / "positive.json", folder / "many.jsonl", "--json").stdout)
    assert not seen["unseen"]


@pytest.mark.parametrize("reader", ["logistic_probe", "naive_bayes_probe"])
def test_other_readers_and_descriptions(folder: Path, reader: str) -> None:
    path = folder / f"{reader}.json"
    call(
        "teach", folder / "critic", folder / "few.jsonl", "-o", path, "--reader", reader, "--description", "Above zero?"
    )
    found = find_judge(str(path))
    assert found.tasks == (Task("positive", "Above zero?", Binary()),)
    values = found.scorer().score([Candidate("", "2 0"), Candidate("", "-2 0")], found.tasks).values
    assert values[0, 0] > 0.5 > values[1, 0]
    with pytest.raises(PolycriticError, match="unknown task"):
        found.scorer().score([Candidate("", "2 0")], [Task("other", scale=Binary())])


def test_a_person_is_known_by_their_comparisons(folder: Path) -> None:
    judges = {}
    for who in ("ann", "bob"):
        result = call(
            "teach", folder / "critic", folder / "people.jsonl", "-o", folder / f"{who}.json", "--person", who
        )
        assert f"as {who} would, one of 2 people, by 60 comparisons" in result.stdout
        judges[who] = find_judge(str(folder / f"{who}.json")).judge
    pair = (Candidate("", "2 0"), Candidate("", "-2 0"))
    ann, bob = judges["ann"], judges["bob"]
    assert isinstance(ann, Comparer)
    assert isinstance(bob, Comparer)
    assert ann.compare([pair], Task("taste"))[0] > 0.9
    assert bob.compare([pair], Task("taste"))[0] < 0.1
    scores = json.loads(call("score", folder / "ann.json", folder / "people.jsonl", "--json").stdout)
    assert all(row["spread"] > 0 for row in scores)


def test_attributes_are_weighed_by_the_prompt(folder: Path) -> None:
    """Comparisons that follow the first attribute alone."""
    attributes = [Task(f"answers/{name}", scale=Interval(0, 1)) for name in ("first", "second")]
    critic = Critic(attributes, Words(dim=16))
    with torch.no_grad():
        for seed, head in enumerate(critic.heads):
            head.residual.weight.normal_(generator=torch.Generator().manual_seed(seed))
    critic.save(folder / "two")
    said = [f"word{i} word{7 * i % 50}" for i in range(80)]
    values = critic.score([Candidate("Why?", text) for text in said], attributes).values
    pairs = [
        {
            "task": "answers",
            "prompt": "Why?",
            "completion_a": said[i],
            "completion_b": said[i + 1],
            "preference_a": float(values[i, 0] > values[i + 1, 0]),
        }
        for i in range(0, 80, 2)
    ]
    rows = written(folder / "overall.jsonl", pairs)
    words = ("teach", folder / "two", rows, "-o", folder / "overall.json")
    told = json.loads(call(*words, "--attribute", "answers/first", "--attribute", "answers/second", "--json").stdout)
    assert told["weights"]["answers/first"] > 0.8
    judge = find_judge(str(folder / "overall.json")).scorer()
    overall = judge.score([Candidate("Why?", text) for text in said], [Task("answers")]).values[:, 0]
    assert np.corrcoef(overall, values[:, 0])[0, 1] > 0.9
    critic.save(folder / "two")  # the same again
    find_judge(str(folder / "overall.json"))
    with torch.no_grad():
        critic.described.content.weight.add_(1.0)
    critic.save(folder / "two")
    with pytest.raises(PolycriticError, match="a critic that changed since"):
        find_judge(str(folder / "overall.json"))
    assert "in the mean" in call(*words, "--attribute", "answers/first", "--attribute", "answers/second").stdout
    assert "Did you mean 'answers/first'" in wrong(*words, "--attribute", "answers/frst")


def test_what_cannot_be_taught_is_said(folder: Path) -> None:
    critic, few, people = folder / "critic", folder / "few.jsonl", folder / "people.jsonl"
    out = ("-o", folder / "x.json")
    assert "Did you mean 'ann'" in wrong("teach", critic, people, *out, "--person", "anne")
    assert "not comparisons of one task" in wrong("teach", critic, few, *out, "--person", "ann")
    assert "two lessons at once" in wrong("teach", critic, people, *out, "--person", "ann", "--attribute", "known")
    assert "Did you mean 'Reasoner'" in wrong("teach", critic, few, *out, "--reader", "Reasner")
    assert "*.json" in wrong("teach", critic, few, "-o", folder / "x")
    assert "probes judge right or wrong" in wrong("teach", critic, people, *out)
    damaged = {"kind": "polycritic taught judge", "judge": "critic"}
    (folder / "damaged.json").write_text(json.dumps(damaged))
    with pytest.raises(PolycriticError, match="a damaged judge"):
        find_judge(str(folder / "damaged.json"))
