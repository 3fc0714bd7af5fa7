"""Tokens whose gradient is zero, and layers in which few are left."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from polycritic.training._gramian import Gram, Lagged, Passes, Rows, Strategy, TaskBatch, TaskGradients, _products
from polycritic.training._gramian._ledger import _Use
from polycritic.training._gramian._live import live
from polycritic.training._gramian._rules import inner_products, rules
from polycritic.training._gramian._segments import Segments

T = 3
ALIVE = {
    "padding": torch.arange(8) < torch.tensor([8, 3, 5, 2, 7, 4])[:, None],
    "first": torch.arange(8).expand(6, 8) == 0,
    "one task's alone": torch.tensor([[True]] * 2 + [[False]] * 4).expand(6, 8),
    "none": torch.zeros(6, 8, dtype=torch.bool),
    "all": torch.ones(6, 8, dtype=torch.bool),
    "nearly all": torch.arange(8) < torch.tensor([8, 8, 7, 8, 8, 8])[:, None],
}
OWNERS = {"sorted": [0, 0, 1, 1, 2, 2], "uneven": [0, 0, 0, 0, 1, 2], "absent": [0, 0, 0, 2, 2, 2]}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("alive", ALIVE)
@pytest.mark.parametrize("layer", [nn.Linear(5, 12), nn.LayerNorm(12), nn.RMSNorm(12)], ids=["linear", "layer", "rms"])
def test_nothing_is_lost(layer: nn.Module, alive: str, owner: str) -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(6, 8, 5 if isinstance(layer, nn.Linear) else 12, generator=generator)
    d = torch.randn(6, 8, 12, generator=generator) * ALIVE[alive][..., None]
    d[0, 0, :9] = 0.0  # not seen in what is looked at first
    segments = Segments.of(torch.tensor(OWNERS[owner]), T)
    fewer, left, among = live(a, d, segments)
    ruled = rules(layer)
    assert ruled is not None
    for rule in ruled.values():
        assert_close(rule(layer, fewer, left, among, 0, 12), rule(layer, a, d, segments, 0, 12))
    assert among.tasks == segments.tasks
    if alive in ("padding", "first"):
        assert left.numel() < d.numel()
    if alive in ("all", "nearly all"):
        assert left is d


class Silenced(nn.Module):
    """A layer of whose channels, or tokens, only the first two are read."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[:, :2].flatten(1).tanh()


@pytest.mark.parametrize(
    "layer", [nn.Conv1d(8, 8, 3, padding=1), nn.LayerNorm((8, 4))], ids=["convolution", "layer norm"]
)
def test_layers_whose_tokens_stand_together_keep_them_all(layer: nn.Module) -> None:
    torch.manual_seed(4)
    model, x, tasks = Silenced(layer), torch.randn(6, 8, 4), torch.tensor([0, 0, 1, 1, 2, 2])
    batch = TaskBatch(
        lambda rows: model(x[rows]),
        lambda z, rows: torch.zeros(T).index_add(0, tasks[rows], z.sum(1)),
        tasks,
        T,
    )
    found = TaskGradients(model, strategy=Rows())(batch)
    assert_close(found.rows(), TaskGradients(model, strategy=Passes())(batch).rows(), rtol=1e-4, atol=1e-5)


def test_what_is_not_a_number_is_kept() -> None:
    d = torch.zeros(2, 4, 3)
    d[1, 2] = torch.nan
    _, left, _ = live(torch.ones(2, 4, 3), d, Segments.of(torch.tensor([0, 1]), 2))
    assert left.isnan().any()


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("shape", [(6, 4), (6,)])
def test_inner_products(shape: tuple[int, ...], owner: str) -> None:
    generator = torch.Generator().manual_seed(1)
    a, d = torch.randn(*shape, 7, generator=generator), torch.randn(*shape, 5, generator=generator)
    segments = Segments.of(torch.tensor(OWNERS[owner]), T)
    rows = torch.zeros(T, 35, dtype=torch.float64)
    for task, mine in segments:
        rows[task] = torch.einsum("...p,...q->pq", d[mine].double(), a[mine].double()).ravel()
    assert_close(inner_products(a, d, segments), rows @ rows.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [3, 70])
def test_products(count: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_products, "_LARGE", 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    rows = torch.randn(count, 50, generator=torch.Generator().manual_seed(2))
    found = _products.products(rows[:, 5:45])
    assert_close(found, rows[:, 5:45].double() @ rows[:, 5:45].double().T, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "strategy", [Gram(), Rows(), Lagged(lambda gramian: torch.ones(T))], ids=["gram", "rows", "lagged"]
)
def test_padded_texts_pooled_at_their_first_token(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the last layer one token a text is left: fewer than its rows are worth."""
    seen: list[bool] = []
    few = _Use.few.fget
    assert few is not None
    monkeypatch.setattr(_Use, "few", property(lambda use: seen.append(few(use)) or seen[-1]))
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.LayerNorm(24), nn.Linear(24, 16))
    x, weights = torch.randn(6, 8, 16), torch.tensor([0.5, 2.0, 1.0])
    tasks = torch.tensor([0, 1, 2, 0, 1, 0])

    def encode(rows: Tensor) -> Tensor:
        return model(x[rows])[:, 0]

    def losses(z: Tensor, rows: Tensor) -> Tensor:
        return torch.zeros(T).index_add(0, tasks[rows], z.square().sum(1))

    batch = TaskBatch(encode, losses, tasks, T)
    theirs = TaskGradients(model, strategy=Passes())(batch)
    if isinstance(strategy, Lagged):
        strategy.weights = weights
    found = TaskGradients(model, strategy=strategy)(batch)
    assert_close(found.gramian(), theirs.gramian(), rtol=1e-4, atol=1e-6)
    found.combine(None if isinstance(strategy, Lagged) else weights)
    plain = torch.autograd.grad((weights * losses(encode(batch.all), batch.all)).sum(), list(model.parameters()))
    for p, g in zip(model.parameters(), plain, strict=True):
        assert_close(p.grad, g, rtol=1e-4, atol=1e-5)
    if not isinstance(strategy, Lagged):
        assert_close(found.rows(), theirs.rows(), rtol=1e-4, atol=1e-5)
    assert any(seen)


@pytest.mark.parametrize("chosen", ["everything", "weights"])
def test_no_gradient_is_passed_on_where_there_is_none(chosen: str) -> None:
    """Of texts read at their first token, seven of eight tokens are left out of every product of the backward pass."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16), nn.Linear(16, 8))
    x, tasks = torch.randn(6, 8, 16), torch.tensor([0, 0, 1, 1, 2, 2])

    def batch(mask: Tensor) -> TaskBatch:
        return TaskBatch(
            lambda rows: (model(x[rows]) * mask[:, None]).sum(1),
            lambda z, rows: torch.zeros(T).index_add(0, tasks[rows], z.square().sum(1)),
            tasks,
            T,
        )

    def parameters(model: nn.Module) -> dict[str, nn.Parameter]:
        return {name: p for name, p in model.named_parameters() if chosen == "everything" or "weight" in name}

    multiplied = {}
    for name, mask in {"first": (torch.arange(8) == 0).float(), "all": torch.ones(8)}.items():
        found = TaskGradients(model, parameters, strategy=Rows())
        found(batch(mask))  # the first step looks whether rows are kept apart
        with FlopCounterMode(display=False) as counter:
            rows = found(batch(mask)).rows()
        theirs = TaskGradients(model, parameters, strategy=Passes())(batch(mask)).rows()
        assert_close(rows, theirs, rtol=1e-4, atol=1e-5)
        multiplied[name] = counter.get_total_flops()
    weights = sum(p.numel() for name, p in model.named_parameters() if "weight" in name)
    passed_on = 2 * 6 * 8 * (weights - 16 * 24)  # nothing asks for the first layer's
    forward, own = 2 * 6 * 8 * weights, 2 * 6 * 8 * weights
    assert multiplied["all"] == forward + own + passed_on
    assert multiplied["first"] == forward + own / 8 + (passed_on / 8 if chosen == "everything" else passed_on)
