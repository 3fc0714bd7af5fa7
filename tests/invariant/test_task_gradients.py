"""A critic's tasks' gradients must not depend on how a step is cut, spread, or shared between texts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.invariant.test_training import RECIPE, ROOT, fresh, settled, weights
from tests.models import TASKS, mixed_rows, number, tiny_encoder
from torch import Tensor, nn
from torch.testing import assert_close

from polycritic.core import Binary, Feedback, Interval, PolycriticError, Ranking, Rating, Task
from polycritic.critic import Critic, weight_totals
from polycritic.critic.backbones import Frozen, LoRA, Transformer, Words
from polycritic.critic.sharing import Hard
from polycritic.training import RepMTL, train
from polycritic.training import _loop as loop
from polycritic.training._forward import Forward
from polycritic.training._processes import Processes
from polycritic.training._task_rows import StepRows, TaskRows
from polycritic.training.balancing import (
    MGDA,
    FlatRegion,
    GradDrop,
    MoCo,
    PCGrad,
    Uniform,
)

SAME = (  # attributes of one text: what is read is the same, so each text is encoded once
    Task("help/true", "Judge the answer.", Binary()),
    Task("help/kind", "Judge the answer.", Interval(0, 20)),
    Task("help/best", "Judge the answer."),
)


def attributes() -> list[Feedback]:
    rows: list[Feedback] = []
    for n in range(5):
        rows.append(Rating(task="help/true", candidate=number(n), value=float(n % 2)))
        rows.append(Rating(task="help/kind", candidate=number(n + 1), value=float(n)))
    rows.append(Ranking(task="help/best", candidates=(number(0), number(3), number(9)), ranks=(2, 1, 3)))
    return rows


def randomised(critic: Critic) -> Critic:
    generator = torch.Generator().manual_seed(0)
    for p in critic.parameters():
        if p.requires_grad:
            p.data += 0.1 * torch.randn(p.shape, generator=generator)
    return critic


def found(critic: Critic, rows: list[Feedback], size: int, *, whole: bool = False) -> StepRows:
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    return TaskRows(Forward(critic, None), Processes(None), whole=whole)(parts, weight_totals(rows))


def reference(critic: Critic, rows: list[Feedback], names: list[str]) -> Tensor:
    """One backward pass for each task."""
    forward = Forward(critic, None)
    batch = forward.batch(rows, weight_totals(rows))
    losses = forward.losses(batch, forward.features(batch))
    parameters = dict(critic.named_parameters())
    return torch.stack(
        [
            torch.cat(
                [
                    g.ravel()
                    for g in torch.autograd.grad(
                        loss,
                        [parameters[n] for n in names],
                        retain_graph=True,
                        materialize_grads=True,
                        allow_unused=True,
                    )
                ]
            )
            for loss in losses
        ]
    )


def critic_of(kind: str, folder: Path) -> tuple[Critic, list[Feedback]]:
    if kind == "attributes":
        return Critic(SAME, Words(dim=8), Hard), attributes()
    if kind == "all kinds":
        return fresh(), mixed_rows()
    tuning = LoRA(rank=2) if kind == "adapters" else Frozen()
    return Critic(TASKS, Transformer(tiny_encoder(folder), tuning=tuning, max_length=32)), mixed_rows(4)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", [100, 4])
@pytest.mark.parametrize("kind", ["attributes", "all kinds", "adapters", "frozen"])
def test_gradients_are_those_of_separate_passes(kind: str, size: int, whole: bool, tmp_path: Path) -> None:
    critic, rows = critic_of(kind, tmp_path)
    randomised(critic)
    critic.train()
    step = found(critic, rows, size, whole=whole)
    assert step.fallback == ""
    names = list(step.looked_at.parameters)
    assert names == [n for n, p in critic.named_parameters() if p.requires_grad] or not whole
    theirs = reference(critic, rows, names)
    scale = float(theirs.norm(dim=1).max())
    gramian = step.gramian()
    lengths = theirs.norm(dim=1)
    assert_close(gramian.float(), theirs @ theirs.T, rtol=1e-4, atol=1e-4 * float(lengths.max()) ** 2)
    assert_close(step.rows(), theirs, rtol=1e-4, atol=1e-5 * scale)
    weigh = torch.linspace(0.5, 2.0, len(theirs))
    critic.zero_grad()
    step.combine(weigh)
    trainable = {n: p for n, p in critic.named_parameters() if p.requires_grad}
    ours = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).ravel() for p in trainable.values()])
    assert_close(ours, weigh @ reference(critic, rows, list(trainable)), rtol=1e-3, atol=1e-5 * scale)


def test_texts_are_shared(tmp_path: Path) -> None:
    critic, rows = critic_of("attributes", tmp_path)
    forward = Forward(critic, None)
    batch = forward.batch(rows, weight_totals(rows))
    assert len(batch.sequence) > len(set(batch.sequence.tolist()))


@pytest.mark.parametrize("balancer", [PCGrad, MGDA, GradDrop, MoCo, FlatRegion(Uniform)])
def test_accumulation_changes_nothing(balancer: object) -> None:
    recipe = replace(RECIPE, balancer=balancer)  # type: ignore[arg-type]
    whole, parts = fresh(), fresh()
    a = list(train(whole, mixed_rows(), recipe))
    b = list(train(parts, mixed_rows(), replace(recipe, micro_rows=3)))
    assert_close([s.loss for s in a], [s.loss for s in b], rtol=1e-5, atol=1e-6)
    assert_close(settled(whole), settled(parts), rtol=1e-3, atol=1e-4)


class Half:
    """Looks at the Gramian, and then weighs all the same."""

    needs_losses = False
    needs_gramian = True

    def __init__(self, tasks: object) -> None:
        del tasks

    def __call__(self, losses: Tensor, gramian: object, /) -> Tensor:
        assert callable(gramian)
        products = gramian()
        there = ~losses.isnan()
        assert products.shape == (int(there.sum()),) * 2
        return there / there.sum()

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state: object, /) -> None:
        del state


def test_looking_at_the_gramian_changes_nothing() -> None:
    plain, looked = fresh(), fresh()
    list(train(plain, mixed_rows(), replace(RECIPE, balancer=Uniform)))
    list(train(looked, mixed_rows(), replace(RECIPE, balancer=Half)))  # type: ignore[arg-type]
    assert_close(settled(plain), settled(looked), rtol=1e-3, atol=1e-4)


class Free(Words):
    """A backbone with a parameter that no rule knows."""

    def __init__(self) -> None:
        super().__init__(dim=8)
        self.gain = nn.Parameter(torch.ones(8))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return super().forward(ids, mask) * self.gain


class Mixing(Words):
    """A backbone in which texts depend on each other."""

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        states = super().forward(ids, mask)
        return states + 0.1 * self.mix(states.mean(0, keepdim=True).expand_as(states))


@pytest.mark.parametrize(("backbone", "said"), [(Free, "no rule"), (Mixing, "rows of the batch are mixed")])
def test_what_has_no_rule_falls_back_and_says_so(backbone: type[Words], said: str) -> None:
    def critic() -> Critic:
        return Critic(TASKS, Free() if backbone is Free else Mixing(dim=8), Hard)

    steps = list(train(critic(), mixed_rows(), replace(RECIPE, balancer=PCGrad)))
    assert all(said in step.fallback for step in steps)
    if backbone is Free:
        made = randomised(critic())
        step = found(made, mixed_rows(), 100)
        theirs = reference(made, mixed_rows(), list(step.looked_at.parameters))
        assert_close(step.rows(), theirs, rtol=1e-4, atol=1e-5)
    assert [s.fallback for s in train(fresh(), mixed_rows(), replace(RECIPE, balancer=PCGrad))] == [""] * 6


@pytest.mark.parametrize("balancer", [PCGrad, MoCo])
def test_resumed_is_uninterrupted_to_the_bit(tmp_path: Path, balancer: object) -> None:
    recipe = replace(RECIPE, balancer=balancer)  # type: ignore[arg-type]
    straight, broken, resumed = fresh(), fresh(), fresh()
    list(train(straight, mixed_rows(), recipe))
    for step in train(broken, mixed_rows(), recipe, folder=tmp_path):
        if step.number == 3:
            break
    assert [s.number for s in train(resumed, mixed_rows(), recipe, folder=tmp_path)] == [4, 5, 6]
    after = weights(resumed)
    assert all(torch.equal(tensor, after[name]) for name, tensor in weights(straight).items())


def test_a_thunk_that_was_not_announced_is_refused() -> None:
    class Liar(Half):
        needs_gramian = False

    with pytest.raises(PolycriticError, match="needs_gramian says so"):
        list(train(fresh(), mixed_rows(), replace(RECIPE, balancer=Liar)))  # type: ignore[arg-type]


class Watching(PCGrad):
    """Keeps the Gramians that it was given."""

    def __init__(self, tasks: tuple[Task, ...]) -> None:
        super().__init__(tasks)
        self.kept: list[list[list[float]]] = []
        WATCHED.append(self)

    def __call__(self, losses: Tensor, gramian: object, /) -> Tensor:
        assert callable(gramian)
        self.kept.append(gramian().tolist())
        return super().__call__(losses, gramian)


WATCHED: list[Watching] = []
SALIENT = RepMTL(entropy=0.1, alignment=0.1)

SHARED = """
import json, os, sys
from dataclasses import replace
import torch
from accelerate import Accelerator
from polycritic.training import train
from polycritic.training.balancing import MoCo
from tests.invariant.test_task_gradients import SALIENT, WATCHED, Watching, fresh, mixed_rows, settled, RECIPE
torch.set_num_threads(1)
accelerator = Accelerator(cpu=True)
kept, states = {}, {}
for name, balancer, micro, regularizer in (
    ("gram", Watching, None, None), ("parts", Watching, 2, None), ("rows", MoCo, None, None), ("salient", MoCo, None, SALIENT)
):
    critic = fresh()
    recipe = replace(RECIPE, balancer=balancer, micro_rows=micro, regularizer=regularizer)
    losses = [s.losses for s in train(critic, mixed_rows(), recipe, accelerator=accelerator)]
    kept[name], states[name] = losses, settled(critic)
kept["gramians"] = WATCHED[0].kept
with open(os.path.join(sys.argv[1], f"{accelerator.process_index}.json"), "w") as file:
    json.dump(kept, file)
torch.save(states, os.path.join(sys.argv[1], f"{accelerator.process_index}.pt"))
torch.distributed.destroy_process_group()
"""


def test_two_processes_do_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = 31500 + os.getpid() % 2000
    shared = {"PYTHONPATH": str(ROOT), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SHARED), str(tmp_path)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "ACCELERATE_USE_CPU": "true"},
            cwd=ROOT,
        )
        for rank in range(2)
    ]
    assert [p.wait(timeout=200) for p in processes] == [0, 0]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert first == second
    states, others = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert_close(states, others, rtol=0, atol=0)
    WATCHED.clear()
    for name, balancer in (("gram", Watching), ("parts", Watching), ("rows", MoCo)):
        alone = fresh()
        losses = [s.losses for s in train(alone, mixed_rows(), replace(RECIPE, balancer=balancer))]
        for ours, theirs in zip(losses, first[name], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4)
        assert_close(settled(alone), states[name], rtol=1e-3, atol=1e-4)
    # Rep-MTL holds texts against those they are read with: one process that cuts its step as two would.
    monkeypatch.setattr(loop._Run, "_parts", lambda self, rows, most=0: [list(rows[rank::2]) for rank in range(2)])
    alone = fresh()
    list(train(alone, mixed_rows(), replace(RECIPE, balancer=MoCo, regularizer=SALIENT)))
    assert_close(settled(alone), states["salient"], rtol=1e-3, atol=1e-4)
    assert (alone.described.content.weight - states["rows"]["described.content.weight"]).abs().max() > 1e-2
    for ours, theirs in zip(WATCHED[0].kept, first["gramians"], strict=True):
        assert_close(torch.tensor(ours), torch.tensor(theirs), rtol=1e-3, atol=1e-5)
