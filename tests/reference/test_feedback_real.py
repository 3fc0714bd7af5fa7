"""Real judged outputs load as they are, with the counts that their makers state."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from polycritic.core import Binary, Interval, Levels, Utility, group_of
from polycritic.feedback import Kind, check, hash_percent, read, split_by_prompt

# file, rows by kind after reading (an attribute is a row of its own), tasks, scale of the first task
FILES = [
    ("alpaca_eval_pairs", {Kind.COMPARISON: 4025}, 5, Utility()),
    ("autoj_preferences", {Kind.COMPARISON: 960}, 40, Utility()),
    ("bbh_outcomes", {Kind.RATING: 9792}, 20, Binary()),
    ("gsm8k_outcomes", {Kind.RATING: 3524}, 1, Binary()),
    ("pandalm_annotations", {Kind.COMPARISON: 999}, 1, Utility()),
    ("qa_feedback_ranks", {Kind.RANKING: 500}, 1, Utility()),
    ("qags_cnndm_ratings", {Kind.RATING: 235}, 1, Interval(0, 1)),
    ("sfres_ratings", {Kind.RATING: 3 * 1181}, 3, Levels(tuple("123456"))),
    ("sni_negative_examples", {Kind.RATING: 354}, 156, Binary()),
    ("sni_preferences", {Kind.COMPARISON: 9360}, 156, Utility()),
    ("vicuna_ratings", {Kind.RATING: 320}, 9, Levels(tuple("12345"))),
]


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "kinds", "tasks", "scale"), FILES, ids=[name for name, *_ in FILES])
def test_each_file(real_data, name, kinds, tasks, scale):
    path = real_data / f"{name}.jsonl.gz"
    table = read(path)
    assert {Kind(k): int(c) for k, c in zip(*np.unique(table.kind, return_counts=True), strict=True)} == kinds
    assert len(table.tasks) == tasks
    assert table.tasks[0].scale == scale
    assert not table.skipped
    with gzip.open(path, "rt") as file:
        records = [json.loads(line) for line in file]
    per_row = len(table) // len(records)
    split = split_by_prompt(table)
    assert len(split.test) == per_row * sum(hash_percent(record["prompt"]) < 20 for record in records)
    for i in range(0, len(table), 97):
        record = records[i // per_row]
        assert group_of(table[i]) == record["prompt"]
        assert table.where(i) == f"{path}:{i // per_row + 1}"


@pytest.mark.realdata
def test_all_files_together(real_data):
    table = read(*sorted(real_data.glob("*.jsonl.gz")))
    assert len(table) == sum(sum(kinds.values()) for _, kinds, _, _ in FILES)
    assert len(table.tasks) == 237
    described = {task.name: task.description for task in table.tasks}
    assert all(text for name, text in described.items() if name.startswith("sni/"))
    split = split_by_prompt(table)
    report = check(split)
    assert report.leaks is not None
    assert report.leaks.prompts == 0
    assert report.rows == len(split.train)


@pytest.mark.realdata
def test_votes_and_ranks_say_what_the_files_say(real_data):
    votes = read(real_data / "pandalm_annotations.jsonl.gz")
    ranks = read(real_data / "qa_feedback_ranks.jsonl.gz")
    with gzip.open(real_data / "pandalm_annotations.jsonl.gz", "rt") as file:
        for row, line in zip(votes, file, strict=True):
            wanted = np.mean([{0: 0.5, 1: 1.0, 2: 0.0}[vote] for vote in json.loads(line)["votes"]])
            np.testing.assert_allclose(row.preference, wanted)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    agreed = 0
    with gzip.open(real_data / "qa_feedback_ranks.jsonl.gz", "rt") as file:
        for row, line in zip(ranks, file, strict=True):
            said = [{0: 0, 1: 1, 2: -1}[p] for p in json.loads(line)["pair_preferences"]]
            signs = [int(np.sign(row.ranks[j] - row.ranks[i])) for i, j in pairs]
            assert all(s * m >= 0 for s, m in zip(said, signs, strict=True))  # never against what people said
            agreed += signs == said
    assert agreed == 478
    assert ranks.remarks[0].endswith(": 22 rankings whose pairs contradict one order; ranked by wins minus losses")
