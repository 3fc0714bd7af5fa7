"""The training loop: what it learns, refuses and writes down."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.models import TASKS, mixed_rows
from torch.testing import assert_close

from polycritic.core import Binary, Candidate, PolycriticError, Rating, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Words
from polycritic.training import AdamW, Recipe, quality, train
from polycritic.training.sampling import SingleTask

QUICK = Recipe(steps=4, rows=8, optimizer=AdamW(learning_rate=0.01, head_rate=0.01))


def test_it_learns_every_kind_of_row() -> None:
    critic = Critic(TASKS, Words(dim=16))
    before = quality(critic, mixed_rows(16), TASKS)
    losses = [step.losses for step in train(critic, mixed_rows(16), replace(QUICK, steps=400, rows=32))]
    assert quality(critic, mixed_rows(16), TASKS) > max(before, 0.9)
    for task in TASKS:
        own = [step[task.name] for step in losses if task.name in step]
        assert sum(own[-20:]) < 0.7 * sum(own[:20]), task


def test_the_best_state_seen_is_the_result() -> None:
    critic = Critic(TASKS, Words(dim=8))
    recipe = replace(QUICK, steps=12, validate_every=2, patience=3)
    steps = list(train(critic, mixed_rows(), recipe, validation=mixed_rows(6)))
    seen = [s.validation for s in steps if s.validation is not None]
    start = Critic(TASKS, Words(dim=8))
    list(train(start, mixed_rows(), replace(recipe, steps=1, optimizer=AdamW(0.0, 0.0))))
    best = max(quality(start, mixed_rows(6), TASKS), *seen)
    assert quality(critic, mixed_rows(6), TASKS) == pytest.approx(best)


def test_steps_that_only_do_harm_leave_the_critic_as_it_started() -> None:
    critic = Critic(TASKS, Words(dim=8), surface=False)
    list(train(critic, mixed_rows(16), replace(QUICK, steps=200, rows=32)))
    started = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
    before = quality(critic, mixed_rows(16), TASKS)
    harmful = replace(QUICK, steps=3, validate_every=1, optimizer=AdamW(1.0, 1.0))
    steps = list(train(critic, mixed_rows(16), harmful, validation=mixed_rows(16)))
    assert max(s.validation for s in steps if s.validation is not None) < before
    assert_close(critic.state_dict(), started)


def test_training_stops_when_nothing_gets_better() -> None:
    critic = Critic(TASKS, Words(dim=8))
    recipe = replace(QUICK, steps=50, validate_every=1, patience=3, optimizer=AdamW(learning_rate=0.0, head_rate=0.0))
    assert len(list(train(critic, mixed_rows(), recipe, validation=mixed_rows(4)))) == 3


def test_the_log_has_every_step(tmp_path: Path) -> None:
    steps = list(train(Critic(TASKS, Words(dim=8)), mixed_rows(), QUICK, folder=tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert [line["losses"] for line in lines] == [s.losses for s in steps]
    assert set(lines[0]["weights"]) == set(lines[0]["losses"])


def test_another_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    list(train(Critic(TASKS, Words(dim=8)), mixed_rows(), QUICK, folder=tmp_path))
    with pytest.raises(PolycriticError, match="belongs to another run"):
        list(train(Critic(TASKS, Words(dim=8)), mixed_rows(), replace(QUICK, seed=1), folder=tmp_path))
    rows = mixed_rows()
    edited = [*rows[:-1], replace(rows[-1], weight=2.0)]
    for feedback, validation in ((edited, []), (rows, rows[:1])):
        with pytest.raises(PolycriticError, match="belongs to another run"):
            list(train(Critic(TASKS, Words(dim=8)), feedback, QUICK, folder=tmp_path, validation=validation))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(PolycriticError, match=r"damaged checkpoint|another version"):
        list(train(Critic(TASKS, Words(dim=8)), mixed_rows(), QUICK, folder=tmp_path))


def test_rows_of_unknown_tasks_are_refused() -> None:
    with pytest.raises(PolycriticError, match=r"no task for: found 'larger'"):
        list(train(Critic(TASKS[:3], Words(dim=8)), mixed_rows(), QUICK))
    with pytest.raises(PolycriticError, match="no rows"):
        list(train(Critic(TASKS, Words(dim=8)), [], QUICK))


def test_a_loss_that_is_not_finite_stops_with_a_word() -> None:
    critic = Critic(TASKS[:1], Words(dim=8))
    torch.nn.init.constant_(critic.described.content.weight, torch.nan)
    rows = [row for row in mixed_rows() if row.task == "even"]
    with pytest.raises(PolycriticError, match=r"step 1: the gradient is not finite"):
        list(train(critic, rows, QUICK))


def test_single_task_batches() -> None:
    steps = list(train(Critic(TASKS, Words(dim=8)), mixed_rows(), replace(QUICK, sampler=SingleTask())))
    assert all(len(step.losses) == 1 for step in steps)


def test_the_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    list(train(Critic(TASKS, Words(dim=8)), mixed_rows(), QUICK))
    assert torch.equal(torch.rand(3), expected)


def test_interval_heads_start_from_the_mean() -> None:
    critic = Critic([Task("even", scale=Binary()), TASKS[1]], Words(dim=8), surface=False)
    rows = [row for row in mixed_rows() if isinstance(row, Rating) and row.task == "size"]
    list(train(critic, rows, replace(QUICK, steps=1, optimizer=AdamW(learning_rate=0.0, head_rate=0.0))))
    mean, _ = critic.head(TASKS[1]).decode(torch.zeros(1, 8), torch.zeros(1))
    assert float(mean.detach()) == pytest.approx(sum(row.value for row in rows) / len(rows), abs=1e-2)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"rows": 0}, {"micro_rows": 0}, {"patience": 0}])
def test_impossible_recipes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PolycriticError, match="expected 1 or more"):
        replace(QUICK, **wrong)


def test_rows_with_weight_zero_do_not_divide_by_zero() -> None:
    critic = Critic(TASKS[:1], Words(dim=8))
    rows = [Rating(task="even", candidate=Candidate("p", str(n)), value=1.0, weight=0.0) for n in range(4)]
    assert [step.loss for step in train(critic, rows, QUICK)] == [0.0] * 4
