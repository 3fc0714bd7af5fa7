"""Laws of the losses, one table for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from polycritic.critic import losses

N = 6


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator(), dtype=torch.float64)


def uniform(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=generator(), dtype=torch.float64)


@dataclass(frozen=True)
class Law:
    """How to call a loss, and which changes of its arguments leave it as it is."""

    arguments: Callable[[], tuple[Tensor, ...]]
    unchanged: tuple[Callable[..., tuple[Tensor, ...]], ...] = ()
    not_negative: bool = True


LAWS = {
    "bag_loss": Law(
        lambda: (normal(N, 3), torch.ones(N, 3, dtype=torch.bool), normal(N)),
        (lambda f, m, y: (f.flip(1), m, y), lambda f, m, y: (f + 2, m, y + 2), lambda f, m, y: (-f, m, -y)),
    ),
    "binary_cross_entropy_loss": Law(lambda: (normal(N), uniform(N)), (lambda z, y: (-z, 1 - y),)),
    "bradley_terry_loss": Law(
        lambda: (normal(N), uniform(N), uniform(N)),
        (lambda a, b, p: (a + 7, b + 7, p), lambda a, b, p: (b, a, 1 - p)),
    ),
    "ordinal_cross_entropy_loss": Law(
        lambda: (normal(N), torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64), 3 * uniform(N)),
        (lambda u, t, y: (u + 3, t + 3, y), lambda u, t, y: (-u, -t.flip(0), 3 - y)),
    ),
    "plackett_luce_loss": Law(
        lambda: (normal(N, 4), torch.tensor([[1.0, 2.0, 2.0, 4.0]], dtype=torch.float64).repeat(N, 1)),
        (
            lambda u, r: (u + 5, r),
            lambda u, r: (u.flip(1), r.flip(1)),
            lambda u, r: (u, 10 * r - 3),
            lambda u, r: (torch.cat([u, normal(N, 1)], 1), torch.cat([r, torch.full((N, 1), torch.nan)], 1)),
        ),
    ),
    "squared_error_loss": Law(lambda: (normal(N), uniform(N)), (lambda a, b: (a + 4, b + 4), lambda a, b: (b, a))),
}

# Not losses, but what losses are made of.
PARTS = {"cumulative_logit_log_probabilities"}


def test_every_loss_declares_its_laws() -> None:
    assert set(LAWS) | PARTS == set(losses.__all__)


@pytest.mark.parametrize("name", LAWS)
def test_unchanged(name: str) -> None:
    loss, law = getattr(losses, name), LAWS[name]
    for change in law.unchanged:
        assert_close(loss(*change(*law.arguments())), loss(*law.arguments()), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_one_loss_per_row_and_rows_do_not_meet(name: str) -> None:
    loss, law = getattr(losses, name), LAWS[name]
    whole = loss(*law.arguments())
    assert whole.shape == (N,)
    first = [a[:1] if len(a) == N else a for a in law.arguments()]
    assert_close(loss(*first), whole[:1])
    assert not law.not_negative or bool((whole >= 0).all())


@pytest.mark.parametrize("name", LAWS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    loss, arguments = getattr(losses, name), LAWS[name].arguments()
    prediction = arguments[0].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, *arguments[1:]).sum(), (prediction,))


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"bag_loss", "squared_error_loss"}))
def test_extreme_utilities_stay_finite(name: str) -> None:
    loss, arguments = getattr(losses, name), LAWS[name].arguments()
    prediction = (1e4 * arguments[0].float()).requires_grad_()
    value = loss(prediction, *(a.float() if a.is_floating_point() else a for a in arguments[1:]))
    value.sum().backward()
    assert bool(value.isfinite().all())
    assert prediction.grad is not None
    assert bool(prediction.grad.isfinite().all())
