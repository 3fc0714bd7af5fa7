"""Every task's gradient from one backward pass, against one pass per task."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from polycritic.training._gramian import (
    Auto,
    Found,
    Gram,
    Lagged,
    Passes,
    Rows,
    Strategy,
    SubBatches,
    TaskBatch,
    TaskGradients,
    _ledger,
)

T = 3


def batch_of(
    model: nn.Module, x: Tensor, tasks: Tensor, heads: nn.ModuleList | None = None, texts: Tensor | None = None
) -> TaskBatch:
    """Features are means over tokens; losses are squared heads', of means over the whole batch."""
    sizes = torch.bincount(tasks, minlength=T).clamp_min(1)

    def encode(rows: Tensor) -> Tensor:
        if texts is None:
            out = model(x[rows])
        else:
            read, place = torch.unique(texts[rows], return_inverse=True)
            out = model(x[read])[place]
        return out.flatten(1, -2).mean(1) if out.ndim > 2 else out

    def losses(z: Tensor, rows: Tensor) -> Tensor:
        out = []
        for t in range(T):
            mine = z[tasks[rows] == t]
            value = mine if heads is None else heads[t](mine)
            out.append(((value - t) ** 2).sum() / sizes[t] / (1 + t))
        return torch.stack(out)

    return TaskBatch(encode, losses, tasks, T, texts)


def close(ours: Tensor, theirs: Tensor) -> None:
    assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6, padding_idx=0)
        self.out = nn.Linear(6, 11, bias=False)
        self.out.weight = self.embedding.weight
        self.again = nn.Linear(6, 6)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.again(self.again(self.embedding(ids)).tanh())
        return self.out(x)


class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(11, 6), nn.Embedding(5, 6)

    def forward(self, ids: Tensor) -> Tensor:
        return (self.words(ids) + self.places(torch.arange(ids.shape[1])[None])).tanh()


class Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(4, 6, 3, padding=1, groups=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.transpose(1, 2)).transpose(1, 2).tanh()


def transposed() -> nn.Module:
    from transformers.pytorch_utils import Conv1D

    return nn.Sequential(Conv1D(6, 4), nn.Tanh(), Conv1D(4, 6))


def llama_norm() -> nn.Module:
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    return nn.Sequential(nn.Linear(4, 6), LlamaRMSNorm(6), nn.Linear(6, 4))


NUMBERS: list[Callable[[], nn.Module]] = [
    lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 4, bias=False)),
    lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 4)),
    lambda: nn.Sequential(nn.Linear(4, 6), nn.RMSNorm(6), nn.Linear(6, 4)),
    llama_norm,
    transposed,
    Convolution,
]
TOKENS: list[Callable[[], nn.Module]] = [Tied, Positions]
OWNERS = {
    "sorted": torch.tensor([0, 0, 1, 1, 2, 2]),
    "mixed": torch.tensor([2, 0, 1, 1, 0, 0]),
    "absent": torch.tensor([2, 0, 0, 2, 0, 0]),
}


def made(make: Callable[[], nn.Module], seed: int = 0) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(seed)
    model = make()
    for p in model.parameters():
        p.data.normal_()
    if make in NUMBERS:
        return model, torch.randn(6, 5, 4)
    return model, torch.randint(0, 11, (6, 5))


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("strategy", [Rows(), Gram(), SubBatches(), Auto()], ids=repr)
@pytest.mark.parametrize("make", [*NUMBERS, *TOKENS])
def test_layers(make: Callable[[], nn.Module], strategy: Strategy, owner: str) -> None:
    with torch.random.fork_rng():
        model, x = made(make)
        tasks = OWNERS[owner]
        heads = nn.ModuleList(
            nn.Linear(11 if make is Tied else 6 if make in (Positions, Convolution) else 4, 1) for _ in range(T)
        )
        batch = batch_of(model, x, tasks, heads)
        ours, theirs = TaskGradients(model, strategy=strategy)(batch), TaskGradients(model, strategy=Passes())(batch)
        assert ours.fallback == ""
        assert ours.passes == (1 if not isinstance(strategy, SubBatches) else len(set(tasks.tolist())))
        close(ours.losses, theirs.losses)
        close(ours.rows(), theirs.rows())
        close(ours.gramian(), theirs.gramian())
        weights = torch.tensor([0.5, 2.0, 1.0])
        both = []
        for found in (ours, theirs):
            for p in [*model.parameters(), *heads.parameters()]:
                p.grad = None
            found.combine(weights)
            both.append([p.grad for p in [*model.parameters(), *heads.parameters()]])
        plain = (weights * batch.losses(batch.encode(batch.all), batch.all)).sum()
        reference = torch.autograd.grad(plain, [*model.parameters(), *heads.parameters()], allow_unused=True)
        for a, b, c in zip(*both, reference, strict=True):
            for found in (a, b):
                close(torch.zeros_like(c) if found is None else found, c)


@pytest.mark.parametrize("make", [NUMBERS[0], NUMBERS[1], *TOKENS])
def test_lagged(make: Callable[[], nn.Module]) -> None:
    with torch.random.fork_rng():
        model, x = made(make)
        batch = batch_of(model, x, OWNERS["mixed"])
        gradients = TaskGradients(model, strategy=Lagged(lambda gramian: gramian.diagonal().rsqrt()))
        theirs = TaskGradients(model, strategy=Passes())(batch)
        weights = torch.full((T,), 1 / T)
        for _ in range(2):
            for p in model.parameters():
                p.grad = None
            found = gradients(batch)
            close(found.gramian(), theirs.gramian())
            found.combine()
            plain = (weights * batch.losses(batch.encode(batch.all), batch.all)).sum()
            for p, g in zip(model.parameters(), torch.autograd.grad(plain, list(model.parameters())), strict=True):
                assert p.grad is not None
                close(p.grad, g)
            weights = theirs.gramian().diagonal().rsqrt().float()


@pytest.mark.parametrize("strategy", [Rows(), Gram(), Auto()], ids=["rows", "gram", "auto"])
def test_a_step_uses_the_memory_of_one_that_is_let_go(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ledger, "_LARGE", 1 << 13)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(160, 160, bias=False), nn.Tanh(), nn.Linear(160, 5))
    x, tasks = torch.randn(3, 7, 16, 160), torch.tensor([0, 0, 1, 1, 1, 2, 2])
    of = TaskGradients(model, strategy=strategy)
    expected = [TaskGradients(model, strategy=Passes())(batch_of(model, each, tasks)).rows() for each in x]

    def place(found: Found) -> int:
        entry = next(entry for entry in found.ledger._entries.values() if entry.parameter.numel() == 160 * 160)
        return (entry.uses[0].d if entry.rows is None else entry.rows).data_ptr()

    of(batch_of(model, x[0], tasks))  # says how much memory a step takes
    first = of(batch_of(model, x[0], tasks))
    second = of(batch_of(model, x[1], tasks))  # while the first is still in use
    known = place(first)
    for found, rows in ((first, expected[0]), (second, expected[1])):
        close(found.gramian(), rows.double() @ rows.double().T)
        close(found.rows(), rows)
    del first, found
    third = of(batch_of(model, x[2], tasks))
    assert place(third) == known
    close(third.gramian(), expected[2].double() @ expected[2].double().T)
    del third
    fourth = of(batch_of(model, x[0], torch.tensor([0, 0, 0, 0, 2, 2, 2])))  # a task without rows
    assert place(fourth) == known
    assert not fourth.rows()[1].any()


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("kept", [0.0, 100.0], ids=["uses", "rows"])
@pytest.mark.parametrize("make", [NUMBERS[0], transposed, Tied])
def test_large_layers_in_pieces(
    make: Callable[[], nn.Module], kept: float, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As layers of millions of numbers are: multiplied piece by piece, in memory that all pieces share."""
    for name, value in (("_SLICE", 32), ("_OWN", 8), ("_LARGE", 8), ("_ROOM", kept)):
        monkeypatch.setattr(_ledger, name, value)
    with torch.random.fork_rng():
        model, x = made(make)
        batch = batch_of(model, x, OWNERS[owner])
        theirs = TaskGradients(model, strategy=Passes())(batch)
        weights = torch.tensor([0.5, 2.0, 1.0])
        lagged = Lagged(lambda gramian: weights)
        lagged.weights = weights
        plain = (weights * batch.losses(batch.encode(batch.all), batch.all)).sum()
        reference = torch.autograd.grad(plain, list(model.parameters()))
        for strategy in (Gram(), Rows(), lagged):
            found = TaskGradients(model, strategy=strategy)(batch)
            close(found.gramian(), theirs.gramian())
            model.zero_grad()
            found.combine(None if strategy is lagged else weights)
            for p, g in zip(model.parameters(), reference, strict=True):
                assert p.grad is not None
                close(p.grad, g)
            if strategy is not lagged:
                close(found.rows(), theirs.rows())
                close(found.gramian(), theirs.gramian())
