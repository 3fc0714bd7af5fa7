"""Losses against values worked out elsewhere, closed forms and brute force."""

import itertools
import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import logistic
from torch.testing import assert_close

from polycritic.critic.losses import (
    bag_loss,
    binary_cross_entropy_loss,
    bradley_terry_loss,
    cumulative_logit_log_probabilities,
    ordinal_cross_entropy_loss,
    plackett_luce_loss,
    squared_error_loss,
)


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("preference", "expected"), [(1.0, 0.371101), (0.7, 0.611101), (0.9, 0.451101), (0.0, 1.171101)]
)
def test_bradley_terry_known_answers(preference: float, expected: float) -> None:
    assert_close(bradley_terry_loss(t(0.8), t(0.0), t(preference)), t(expected), rtol=0, atol=5e-7)


def test_bradley_terry_is_least_at_the_log_odds() -> None:
    best = minimize_scalar(lambda d: float(bradley_terry_loss(t(d), t(0.0), t(0.7))), bounds=(-5, 5), method="bounded")
    assert best.x == pytest.approx(math.log(0.7 / 0.3), abs=1e-4)


def test_binary_cross_entropy_is_the_logistic_log_likelihood() -> None:
    z = torch.linspace(-4, 4, 9, dtype=torch.float64)
    expected = -logistic.logcdf(z.numpy())
    assert_close(binary_cross_entropy_loss(z, torch.ones_like(z)), torch.from_numpy(expected))


def test_plackett_luce_known_answer() -> None:
    assert_close(plackett_luce_loss(t(2.0, 1.0, 0.0)[None], t(1, 2, 3)[None]), t(0.720868), rtol=0, atol=5e-7)


def test_plackett_luce_likelihoods_sum_to_one() -> None:
    utilities = t(0.3, -1.2, 0.9, 0.0)[None]
    orders = [t(*order)[None] for order in itertools.permutations((1.0, 2.0, 3.0, 4.0))]
    total = sum(float(torch.exp(-plackett_luce_loss(utilities, ranks))) for ranks in orders)
    assert total == pytest.approx(1.0, abs=1e-12)


def test_plackett_luce_of_two_is_bradley_terry() -> None:
    pair = plackett_luce_loss(t(0.8, 0.0)[None], t(1, 2)[None])
    assert_close(pair, bradley_terry_loss(t(0.8), t(0.0), t(1.0)))


def test_plackett_luce_ties_share_their_pool() -> None:
    # Breslow: the two of rank 1 are each drawn from all three, the last costs nothing.
    u = t(0.5, -0.5, 1.0)
    pool = u.logsumexp(0)
    assert_close(plackett_luce_loss(u[None], t(1, 1, 3)[None]), (2 * pool - u[0] - u[1])[None])


def test_cumulative_logit_is_differences_of_logistic_distributions() -> None:
    thresholds = t(-1.0, 0.5, 2.0)
    log_p = cumulative_logit_log_probabilities(t(0.3), thresholds)[0]
    cdf = [0.0, *(float(logistic.cdf(c - 0.3)) for c in thresholds.tolist()), 1.0]
    expected = torch.tensor([b - a for a, b in itertools.pairwise(cdf)], dtype=torch.float64)
    assert_close(log_p.exp(), expected)


def test_ordinal_of_two_levels_is_binary_cross_entropy() -> None:
    u, y = t(-2.0, 0.4, 3.0), t(0.0, 1.0, 0.25)
    assert_close(ordinal_cross_entropy_loss(u, t(0.7), y), binary_cross_entropy_loss(u - 0.7, y))


def test_ordinal_shares_a_level_between_two() -> None:
    thresholds = t(-1.0, 0.5, 2.0)
    whole = [ordinal_cross_entropy_loss(t(0.3), thresholds, t(k)) for k in (1.0, 2.0)]
    assert_close(ordinal_cross_entropy_loss(t(0.3), thresholds, t(1.25)), 0.75 * whole[0] + 0.25 * whole[1])


def test_bag_loss_known_answer() -> None:
    # (mean 2 - 5/3)^2 = 1/9; ours is half of it.
    value = bag_loss(t(1.0, 2.0, 3.0)[None], torch.ones(1, 3, dtype=torch.bool), t(5 / 3))
    assert_close(value, t(0.5 * 0.111111), rtol=0, atol=1e-6)
    padded = bag_loss(t(1.0, 2.0, 3.0, 99.0)[None], torch.tensor([[True, True, True, False]]), t(5 / 3))
    assert_close(padded, value)


def test_bag_of_one_is_the_squared_error() -> None:
    assert_close(bag_loss(t(2.0)[None], torch.ones(1, 1, dtype=torch.bool), t(5.0)), squared_error_loss(t(2.0), t(5.0)))
