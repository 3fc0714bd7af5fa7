"""Laws of the balancers, one table for all of them."""

from collections.abc import Callable

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
BALANCERS = ["LogOutcomes", "UncertaintyWeighting", "Uniform"]
PROTOCOLS = {"Balancer", "BalancerMaker"}


def no_gramian() -> Tensor:
    raise AssertionError("a balancer of losses asked for gradients")


def made(name: str) -> balancing.Balancer:
    maker: Callable[..., balancing.Balancer] = getattr(balancing, name)
    return maker(TASKS)


def test_every_balancer_is_in_the_table() -> None:
    assert set(BALANCERS) | PROTOCOLS == set(balancing.__all__)


@pytest.mark.parametrize("name", BALANCERS)
def test_weights_of_present_tasks_are_finite_and_not_negative(name: str) -> None:
    weights = made(name)(LOSSES, no_gramian)
    there = weights[~LOSSES.isnan()]
    assert weights.shape == (4,)
    assert bool(there.isfinite().all() & (there > 0).all())


@pytest.mark.parametrize("name", BALANCERS)
def test_absent_tasks_change_nothing_for_the_others(name: str) -> None:
    among_all = made(name)(LOSSES, no_gramian)
    alone = getattr(balancing, name)(TASKS[:2] + TASKS[3:])(LOSSES[[0, 1, 3]], no_gramian)
    assert_close(among_all[[0, 1, 3]], alone)


@pytest.mark.parametrize("name", BALANCERS)
def test_permuting_tasks_permutes_weights(name: str) -> None:
    order = [3, 1, 0, 2]
    maker = getattr(balancing, name)
    weights = made(name)(LOSSES, no_gramian)
    turned = maker([TASKS[i] for i in order])(LOSSES[order], no_gramian)
    assert_close(turned, weights[order], equal_nan=True)


@pytest.mark.parametrize("name", BALANCERS)
def test_state_goes_on_where_it_was(name: str) -> None:
    first = made(name)
    for _ in range(3):
        first(LOSSES, no_gramian)
    second = made(name)
    second.load_state_dict(first.state_dict())
    assert_close(second(LOSSES, no_gramian), first(LOSSES, no_gramian), equal_nan=True)


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
