"""Laws of the balancers, one table for all of them."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from polycritic.core import Binary, Interval, Levels, Task, Utility
from polycritic.training import balancing

TASKS = (
    Task("a", scale=Binary()),
    Task("b", scale=Levels(("1", "2", "3", "4"))),
    Task("c", scale=Interval(0, 10)),
    Task("d", scale=Utility()),
)
LOSSES = torch.tensor([0.7, 1.4, torch.nan, 0.2])  # c is absent
LOSS_BASED = [
    "CoBa",
    "DWA",
    "FAMO",
    "GeometricMean",
    "IMTLL",
    "LogOutcomes",
    "RMTL",
    "RandomWeighting",
    "STCH",
    "Sum",
    "UncertaintyWeighting",
    "Uniform",
]
GRAMIAN = [
    "AlignedMTL",
    "CAGrad",
    "ConFIG",
    "DualProj",
    "FairGrad",
    "GradNorm",
    "GradVac",
    "IMTLG",
    "MGDA",
    "NashMTL",
    "PCGrad",
    "UPGrad",
]
WRAPPERS = ["CRMOGM", "Clipped", "Every", "Lagged", "Normalised", "Preferred", "Watched"]  # made of a balancer's maker
COMBINERS = ["DBMTL", "ExcessMTL", "FlatRegion", "GradDrop", "MoCo", "MoDo", "SDMGrad"]
UNITLESS = ["CoBa", "DWA", "FAMO", "GeometricMean", "LogOutcomes", "RandomWeighting", "Sum", "Uniform"]  # of LOSS_BASED
PRIORITY = ["PCD"]  # the one balancer to which tasks are not alike; its laws are in tests/reference
NOT_BALANCERS = {
    "Balancer",
    "BalancerMaker",
    "Combiner",
    "CombinerMaker",
    "LooksAhead",
    "LooksAround",
    "LooksBack",
    "Scaling",
    "Size",
    "Validated",
    "chance_losses",
}
ROWS = torch.tensor([[3.0, -1.0, 0.5, 0.0], [-2.0, 4.0, 1.0, 0.1], [0.0] * 4, [0.5, 0.2, -6.0, 0.0]])


def no_gramian() -> Tensor:
    raise AssertionError("a balancer of losses asked for gradients")


def made(name: str) -> balancing.Balancer:
    maker: Callable[..., balancing.Balancer] = getattr(balancing, name)
    return maker(TASKS)


def test_every_balancer_is_in_the_table() -> None:
    assert {*LOSS_BASED, *GRAMIAN, *WRAPPERS, *COMBINERS, *PRIORITY} | NOT_BALANCERS == set(balancing.__all__)


def test_every_balancer_stands_on_the_docs_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "balancing.md").read_text(encoding="utf-8")
    shown = [*LOSS_BASED, *GRAMIAN, *WRAPPERS, *COMBINERS, *PRIORITY]
    assert [name for name in shown if f"| `{name}`" not in page and f"| `{name}(" not in page] == []


@pytest.mark.parametrize("name", UNITLESS)
def test_the_unit_of_losses_changes_no_weight(name: str) -> None:
    """Where all losses are given in another unit; what learns the sizes of losses needs time to see it."""
    first, second = made(name), made(name)
    for step in range(4):
        losses = LOSSES / (1 + step) ** torch.tensor([1.0, 0.5, 1.0, 0.1])
        if isinstance(first, balancing.Validated) and isinstance(second, balancing.Validated):
            first.validated(losses)
            second.validated(1000.0 * losses)
        assert_close(second(1000.0 * losses, no_gramian), first(losses, no_gramian), equal_nan=True)


@pytest.mark.parametrize("name", LOSS_BASED)
def test_weights_of_present_tasks_are_finite_and_not_negative(name: str) -> None:
    weights = made(name)(LOSSES, no_gramian)
    there = weights[~LOSSES.isnan()]
    assert weights.shape == (4,)
    assert bool(there.isfinite().all() & (there > 0).all())


@pytest.mark.parametrize("name", LOSS_BASED)
def test_absent_tasks_change_nothing_for_the_others(name: str) -> None:
    among_all = made(name)(LOSSES, no_gramian)
    alone = getattr(balancing, name)(TASKS[:2] + TASKS[3:])(LOSSES[[0, 1, 3]], no_gramian)
    assert_close(among_all[[0, 1, 3]], alone)


@pytest.mark.parametrize("name", LOSS_BASED)
def test_permuting_tasks_permutes_weights(name: str) -> None:
    order = [3, 1, 0, 2]
    maker = getattr(balancing, name)
    weights = made(name)(LOSSES, no_gramian)
    turned = maker([TASKS[i] for i in order])(LOSSES[order], no_gramian)
    assert_close(turned, weights[order], equal_nan=True)


@pytest.mark.parametrize("name", LOSS_BASED)
def test_state_goes_on_where_it_was(name: str) -> None:
    first = made(name)
    for step in range(3):
        first(LOSSES / (1 + step), no_gramian)
        if isinstance(first, balancing.Validated):
            first.validated(LOSSES / (1 + step) ** torch.arange(4))
    second = made(name)
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    second.load_state_dict(torch.load(buffer, weights_only=True))
    for scale in (0.5, 0.4, 0.9):
        assert_close(second(LOSSES * scale, no_gramian), first(LOSSES * scale, no_gramian), equal_nan=True)


def combiner(name: str, order: list[int] | None = None) -> balancing.Combiner:
    maker: Callable[..., balancing.Combiner] = getattr(balancing, name)
    if name == "FlatRegion":
        maker = balancing.FlatRegion(balancing.MGDA)
    return maker([TASKS[i] for i in order or range(4)])


def step(made: balancing.Combiner, losses: Tensor, rows: Tensor) -> Tensor:
    """A combiner's direction; what looks around sees no curvature."""
    if isinstance(made, balancing.LooksAround):
        made.around(rows)
    return made(losses, rows)


def directions(made: balancing.Combiner, order: list[int] | None = None, steps: int = 4) -> Tensor:
    """Several steps, each with other gradients and one in which a task is missing."""
    order = order or list(range(4))
    found = []
    for k in range(steps):
        losses, rows = LOSSES.clone() / (k + 1), ROWS.roll(k, dims=1) * (1 + k)
        if k == 2:
            losses[1], rows[1] = torch.nan, 0.0
        found.append(step(made, losses[order], rows[order]))
    return torch.stack(found)


@pytest.mark.parametrize("name", LOSS_BASED)
def test_loss_based_balancers_say_so(name: str) -> None:
    assert not made(name).needs_gramian


@pytest.mark.parametrize("name", COMBINERS)
def test_directions_are_finite_and_say_what_they_need(name: str) -> None:
    made = combiner(name)
    assert made.needs_rows
    assert bool(directions(made).isfinite().all())


@pytest.mark.parametrize("name", COMBINERS)
def test_absent_tasks_change_no_direction(name: str) -> None:
    assert_close(directions(combiner(name)), directions(combiner(name, [0, 1, 3]), [0, 1, 3]))


@pytest.mark.parametrize("name", COMBINERS)
def test_the_order_of_tasks_changes_no_direction(name: str) -> None:
    order = [3, 1, 0, 2]
    assert_close(directions(combiner(name, order), order), directions(combiner(name)))


@pytest.mark.parametrize("name", COMBINERS)
def test_the_unit_of_gradients_is_that_of_the_direction(name: str) -> None:
    first, second = combiner(name), combiner(name)
    for k in range(4):
        rows = ROWS.roll(k, dims=1) * (1 + k)
        assert_close(step(second, LOSSES, 1000.0 * rows), 1000.0 * step(first, LOSSES, rows), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", COMBINERS)
def test_a_task_alone_goes_its_own_way(name: str) -> None:
    alone = combiner(name, [0])
    for _ in range(3):
        direction = step(alone, torch.ones(1), ROWS[:1])
    assert_close(direction, ROWS[0])


@pytest.mark.parametrize("name", COMBINERS)
def test_a_combiner_goes_on_where_it_was(name: str) -> None:
    first, second = combiner(name), combiner(name)
    directions(first, steps=3)
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    second.load_state_dict(torch.load(buffer, weights_only=True))
    for _ in range(2):
        assert_close(step(second, LOSSES, ROWS), step(first, LOSSES, ROWS), rtol=0, atol=0)


@pytest.mark.parametrize("name", COMBINERS)
def test_a_task_at_rest_does_not_stop_the_others(name: str) -> None:
    rows = ROWS.clone()
    rows[1] = 0.0  # present, with a gradient of zero
    made = combiner(name)
    for _ in range(3):
        direction = step(made, LOSSES, rows)
    assert bool(direction.isfinite().all())


def test_uncertainty_settles_where_every_weighted_loss_is_one_half() -> None:
    balancer = balancing.UncertaintyWeighting(TASKS[:2], rate=0.2)
    losses = torch.tensor([3.0, 0.25])
    for _ in range(400):
        weights = balancer(losses, no_gramian)
    # Weights are 1 / (2 L), over the number of tasks.
    assert_close(weights * losses * 2, torch.tensor([0.5, 0.5]))
    assert_close(balancer.log_variance, losses.log())


def test_log_outcomes_makes_ignorance_cost_one() -> None:
    chance = torch.tensor([2.0, 4.0]).log()
    weights = balancing.LogOutcomes(TASKS[:2])(chance, no_gramian)
    assert_close(weights * chance * 2, torch.ones(2))
