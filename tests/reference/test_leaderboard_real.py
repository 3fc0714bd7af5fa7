"""Boards of real systems, where the data are at hand."""

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from polycritic.leaderboard import (
    AlpacaEval2,
    Bootstrap,
    Borda,
    BradleyTerry,
    Davidson,
    Glicko2,
    HalfWin,
    RaoKupper,
    benjamini_hochberg,
    holm,
    item_responses,
    kemeny,
    leaderboard,
    length_controlled_of_columns,
    matches,
    matches_of_columns,
    paired,
    paired_scores,
    pairwise_wins,
    score_table,
    solving_matches,
)

pytestmark = pytest.mark.realdata


def columns(folder: Path, name: str) -> dict[str, list]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {key: [row[key] for row in rows] for key in rows[0]}


def test_alpaca_eval_systems(real_data: Path) -> None:
    table = columns(real_data, "alpaca_eval_pairs")
    board = leaderboard(matches_of_columns(table))
    assert board.rows[0].name == "gpt4_1106_preview"
    assert [row.rank for row in board.rows] == [1, 2, 3, 4, 5, 6]
    assert board.rows[0].group == 1
    assert board.rows[1].group == 2  # the baseline is far ahead of all that were compared with it
    boot = leaderboard(matches_of_columns(table), bootstrap=Bootstrap(200))
    for row in board.rows:
        assert boot[row.name].estimate == row.estimate
        assert_allclose(boot[row.name].error, row.error, rtol=0.2)


def test_alpaca_eval_length_control(real_data: Path) -> None:
    table = columns(real_data, "alpaca_eval_pairs")
    plain = length_controlled_of_columns(table)
    exact = length_controlled_of_columns(table, form=AlpacaEval2())
    raw = dict(zip(plain.names, plain.raw, strict=True))
    assert (plain.weights[:-1, 0] < 0).all()  # longer answers win
    # What AlpacaEval publishes for them without length control.
    published = {
        "claude-2.1": 15.73,
        "gpt-3.5-turbo-1106": 9.18,
        "OpenHermes-2.5-Mistral-7B": 10.34,
        "gemma-7b-it": 6.94,
    }
    for name, rate in published.items():
        assert_allclose(raw[name], rate, atol=0.006)
    for found in (plain, exact):
        assert found.board["gpt4_1106_preview"].estimate == 50
        for row in found.board.rows:
            if row.name == "gpt4_1106_preview":
                continue
            assert row.n == 805
            assert row.estimate > raw[row.name]  # all of them write less than the baseline, and lose by it
            own = np.array(table["preference_b"])[np.array(table["model_b"]) == row.name]
            assert row.error > 100 * own.std() / np.sqrt(805)  # taking length off costs certainty
    for row in plain.board.rows:
        assert abs(row.estimate - exact.board[row.name].estimate) < 1.5


def test_pandalm_systems(real_data: Path) -> None:
    table = columns(real_data, "pandalm_annotations")
    first, second = zip(*(pair.split("_") for pair in table["models"]), strict=True)
    votes = np.array(table["votes"])  # 0 tie, 1 the first, 2 the second, by three people
    outcome = np.array([0.5, 1.0, 0.0])[votes]
    m = matches(np.repeat(first, 3), np.repeat(second, 3), outcome.ravel(), item=np.repeat(np.arange(999), 3))
    boards = {ties: leaderboard(m, BradleyTerry(ties=ties)) for ties in (Davidson(), RaoKupper(), HalfWin())}
    orders = {tuple(row.name for row in board.rows) for board in boards.values()}
    assert len(orders) == 1
    board = boards[Davidson()]
    assert {row.component for row in board.rows} == {0}
    assert board.coefficients[0].value > 0
    spread = {ties: board.rows[0].estimate - board.rows[-1].estimate for ties, board in boards.items()}
    assert spread[HalfWin()] < spread[Davidson()]  # half wins pull together
    # Three people on one item are not three items.
    lone = leaderboard(matches(np.repeat(first, 3), np.repeat(second, 3), outcome.ravel()))
    assert np.mean([board[r.name].error / r.error for r in lone.rows]) > 1.2
    best = kemeny(pairwise_wins(m))
    assert [m.names[i] for i in best.order] == list(next(iter(orders)))
    assert len(paired(board)) == 10
    assert sum(c.p < 0.05 for c in paired(board, adjust=holm)) <= sum(
        c.p < 0.05 for c in paired(board, adjust=benjamini_hochberg)
    )


def test_gsm8k_systems_and_difficulties(real_data: Path) -> None:
    data = columns(real_data, "gsm8k_outcomes")
    table = score_table(data["model"], data["prompt"], np.array(data["label"], dtype=float))
    board = leaderboard(table)
    assert board.rows[0].name == "175b_verification"
    assert board.rows[-1].name == "6b_finetuning"
    pairs = paired_scores(table, adjust=holm)
    assert len(pairs) == 6
    assert all(c.shared == len(table.items) for c in pairs)
    by_name = {frozenset((c.first, c.second)): c for c in pairs}
    for one, two in itertools.combinations(board.rows, 2):
        unpaired = np.hypot(one.error, two.error)
        assert by_name[frozenset((one.name, two.name))].error < unpaired
    found = item_responses(table)
    solved = np.nanmean(table.values, axis=0)
    assert (np.diff([found.difficulty[solved == level].mean() for level in np.unique(solved)]) < 0).all()
    order = np.argsort(found.ability)
    assert [found.names[i] for i in order[::-1]] == [row.name for row in board.rows]
    duel = Glicko2(periods=1)(solving_matches(table))
    glicko = np.array([duel.estimate[duel.names.index(f"item: {item}")] for item in table.items])
    assert np.corrcoef(glicko, found.difficulty)[0, 1] > 0.9


def test_big_bench_hard_difficulties(real_data: Path) -> None:
    data = columns(real_data, "bbh_outcomes")
    table = score_table(data["model"], data["prompt"], np.array(data["label"], dtype=float), task=data["task"])
    board = leaderboard(table)
    assert board.rows[0].name == "code-davinci-002-cot"
    assert [row.group for row in board.rows] == [1, 2]
    assert len(table.tasks) == 20
    found = item_responses(table)
    task = np.array([found.difficulty[table.task == t].mean() for t in range(20)])
    share = np.array([np.nanmean(table.values[:, table.task == t]) for t in range(20)])
    assert np.corrcoef(task, share)[0, 1] < -0.97
    assert leaderboard(table, Borda()).rows[0].name == "code-davinci-002-cot"
