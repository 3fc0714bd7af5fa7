"""Losses of comparisons and rankings against values worked out elsewhere, closed forms and brute force."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import logistic
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from polycritic.core import PolycriticError
from polycritic.critic.losses import (
    bradley_terry_loss,
    centring_loss,
    cumulative_logit_log_probabilities,
    davidson_log_probabilities,
    davidson_loss,
    general_preference_loss,
    general_preference_scores,
    hinge_loss,
    lambdarank_loss,
    listnet_loss,
    margin_bradley_terry_loss,
    outcome_shares,
    plackett_luce_loss,
    rao_kupper_log_probabilities,
    rao_kupper_loss,
    scaled_bradley_terry_loss,
    smoothed_bradley_terry_loss,
    unbiased_bradley_terry_loss,
)

ONE = torch.ones(1, dtype=torch.float64)


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_known_answers_at_a_difference_of_0_8() -> None:
    u, zero = t(0.8), t(0.0)
    assert_close(margin_bradley_terry_loss(u, zero, ONE, 0.5), t(0.554355), rtol=0, atol=5e-7)
    assert_close(scaled_bradley_terry_loss(u, zero, ONE, t(3.0)), t(1.113302), rtol=0, atol=1e-6)
    assert_close(smoothed_bradley_terry_loss(u, zero, ONE, 0.1), t(0.451101), rtol=0, atol=5e-7)
    assert_close(unbiased_bradley_terry_loss(u, zero, ONE, 0.1), t(0.271101), rtol=0, atol=5e-7)
    assert_close(hinge_loss(u, zero, ONE), t(0.2))
    assert_close(hinge_loss(u, zero, 0 * ONE), t(1.8))
    assert_close(centring_loss(u, t(0.3)), t(1.21))


def test_without_margin_strength_or_flips_they_are_bradley_terry() -> None:
    a, b, p = normal(20), normal(20, seed=1), normal(20, seed=2).sigmoid()
    plain = bradley_terry_loss(a, b, p)
    assert_close(margin_bradley_terry_loss(a, b, p, 0.0), plain)
    assert_close(scaled_bradley_terry_loss(a, b, p, torch.ones_like(p)), plain)
    assert_close(smoothed_bradley_terry_loss(a, b, p, 0.0), plain)
    assert_close(unbiased_bradley_terry_loss(a, b, p, 0.0), plain)


def test_a_tie_without_strength_teaches_nothing() -> None:
    assert scaled_bradley_terry_loss(t(5.0), t(0.0), t(0.5), t(0.0)).item() == 0.0


def test_unbiased_loss_is_right_on_average_over_flips() -> None:
    a, b, p, flip = normal(20), normal(20, seed=1), normal(20, seed=2).sigmoid(), 0.3
    mean = (1 - flip) * unbiased_bradley_terry_loss(a, b, p, flip) + flip * unbiased_bradley_terry_loss(
        a, b, 1 - p, flip
    )
    assert_close(mean, bradley_terry_loss(a, b, p))


def test_smoothed_loss_is_the_mean_over_flips_and_is_least_at_finite_certainty() -> None:
    a, b, p, flip = normal(20), normal(20, seed=1), normal(20, seed=2).sigmoid(), 0.2
    mean = (1 - flip) * bradley_terry_loss(a, b, p) + flip * bradley_terry_loss(a, b, 1 - p)
    assert_close(smoothed_bradley_terry_loss(a, b, p, flip), mean)
    best = minimize_scalar(
        lambda d: float(smoothed_bradley_terry_loss(t(d), t(0.0), ONE, flip)), bounds=(-5, 5), method="bounded"
    )
    assert best.x == pytest.approx(math.log(0.8 / 0.2), abs=1e-4)


def test_outcome_shares_of_every_tenth() -> None:
    p = torch.linspace(0, 1, 11, dtype=torch.float64)
    shares = outcome_shares(p)
    assert_close(shares.sum(-1), torch.ones_like(p))
    assert_close(shares[:, 0] + 0.5 * shares[:, 1], p)
    assert_close(shares.flip(1), outcome_shares(1 - p))
    assert bool((shares >= 0).all())


def test_davidson_known_answer_and_formula() -> None:
    p = davidson_log_probabilities(t(0.8), t(0.0), t(0.5).log()[0]).exp()
    assert_close(p, t(0.560385, 0.187818, 0.251797)[None], rtol=0, atol=5e-7)
    a, b, v = normal(9), normal(9, seed=1), 0.7
    weights = torch.stack([a.exp(), v * (a.exp() * b.exp()).sqrt(), b.exp()], -1)
    expected = weights / weights.sum(-1, keepdim=True)
    assert_close(davidson_log_probabilities(a, b, torch.tensor(v).double().log()).exp(), expected)
    outcome = torch.eye(3, dtype=torch.float64).repeat(3, 1)
    assert_close(davidson_loss(a, b, outcome, torch.tensor(v).double().log()), -(outcome * expected.log()).sum(-1))


def test_davidson_without_ties_is_bradley_terry() -> None:
    a, b, p = normal(9), normal(9, seed=1), normal(9, seed=2).sigmoid()
    log_tie = torch.tensor(-math.inf, dtype=torch.float64, requires_grad=True)
    a.requires_grad_()
    loss = davidson_loss(a, b, torch.stack([p, 0 * p, 1 - p], -1), log_tie)
    assert_close(loss, bradley_terry_loss(a, b, p))
    loss.sum().backward()
    assert a.grad is not None
    assert bool(a.grad.isfinite().all())


def test_rao_kupper_is_the_cumulative_logit_model_of_the_difference() -> None:
    a, b, eta = normal(9), normal(9, seed=1), 0.4
    log_p = rao_kupper_log_probabilities(a, b, torch.tensor(eta).double())
    levels = cumulative_logit_log_probabilities(a - b, t(-eta, eta))
    assert_close(log_p, levels.flip(-1))
    d = (a - b).numpy()
    first, second = logistic.cdf(d - eta), logistic.cdf(-d - eta)
    assert_close(log_p.exp(), torch.from_numpy(np.stack([first, 1 - first - second, second], -1)))


def test_rao_kupper_with_a_small_threshold_is_bradley_terry_and_keeps_its_ties() -> None:
    a, b, p = normal(9), normal(9, seed=1), normal(9, seed=2).sigmoid()
    loss = rao_kupper_loss(a, b, torch.stack([p, 0 * p, 1 - p], -1), torch.tensor(1e-9).double())
    assert_close(loss, bradley_terry_loss(a, b, p))
    far = rao_kupper_log_probabilities(t(200.0), t(0.0), torch.tensor(0.5).double())[0]
    # P(tie) = s(d + t) s(t - d) (1 - e^{-2 t}), far below what 1 - P - P could tell
    assert far[1].item() == pytest.approx(-199.5 + math.log(1 - math.exp(-1)), abs=1e-9)


def test_general_preference_known_answer_and_matrix_form() -> None:
    assert_close(general_preference_scores(t(1.0, 0.5), t(0.2, 0.9)), torch.tensor(0.8).double())
    v, w, c = normal(5, 6), normal(5, 6, seed=1), normal(5, 3, seed=2).exp()
    turn = torch.block_diag(*[torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)] * 3)
    expected = ((v @ turn.T) * c.repeat_interleave(2, -1) * w).sum(-1)
    assert_close(general_preference_scores(v, w, c), expected)
    p = normal(5, seed=3).sigmoid()
    assert_close(general_preference_loss(v, w, p, 0.1, c), bradley_terry_loss(expected / 0.1, 0 * p, p))


@pytest.mark.parametrize("sizes", [(3, 3), (4, 2)])
def test_general_preference_refuses_what_would_be_broadcast(sizes: tuple[int, int]) -> None:
    with pytest.raises(PolycriticError, match="the same even number"):
        general_preference_scores(torch.ones(2, sizes[0]), torch.ones(2, sizes[1]))


def test_general_preference_can_run_in_circles() -> None:
    angles = t(0.0, 2 * math.pi / 3, 4 * math.pi / 3)
    v = torch.stack([angles.cos(), angles.sin()], -1)
    ahead = general_preference_scores(v, v.roll(-1, 0))
    assert_close(ahead, torch.full_like(ahead, math.sin(2 * math.pi / 3)))


def test_general_preference_scores_every_pair_from_one_embedding_each() -> None:
    v = normal(7, 4)
    table = general_preference_scores(v[:, None], v)
    assert_close(table, -table.T)
    assert_close(table[2, 5], general_preference_scores(v[2], v[5]))
    assert_close(general_preference_scores(v, v.mean(0)), table.mean(1))


def test_general_preference_holds_bradley_terry() -> None:
    u = normal(6)
    v = torch.stack([u, torch.ones_like(u)], -1)
    assert_close(general_preference_scores(v[:3], v[3:]), u[:3] - u[3:])


def test_listnet_known_answer_and_torch() -> None:
    u, y = t(0.8, 0.3, 0.0)[None], t(1.0, 3.0, 0.0)[None]
    assert_close(listnet_loss(u, y), t(1.176199), rtol=0, atol=5e-7)
    u, y = normal(5, 4), normal(5, 4, seed=1)
    assert_close(listnet_loss(u, y), cross_entropy(u, y.softmax(-1), reduction="none"))
    padded = listnet_loss(torch.cat([u, 99 * u], 1), torch.cat([y, torch.full_like(y, torch.nan)], 1))
    assert_close(padded, listnet_loss(u, y))
    assert_close(listnet_loss(u[:, :2], y[:, :2]), bradley_terry_loss(*u[:, :2].T, (y[:, 0] - y[:, 1]).sigmoid()))


def ndcg(relevance: list[float], places: list[int]) -> float:
    gains = [2**y - 1 for y in relevance]
    best = sum(g / math.log2(2 + i) for i, g in enumerate(sorted(gains, reverse=True)))
    return sum(g / math.log2(1 + r) for g, r in zip(gains, places, strict=True)) / best


def test_lambdarank_known_answer_and_swaps() -> None:
    u, y = [0.8, 0.3, 0.0], [1.0, 3.0, 0.0]
    assert_close(lambdarank_loss(t(*u)[None], t(*y)[None]), t(0.373564), rtol=0, atol=5e-7)
    rng = np.random.default_rng(3)
    for _ in range(5):
        u = rng.normal(size=6).tolist()
        y = rng.integers(0, 4, size=6).astype(float).tolist()
        places = [1 + sum(v > x for v in u) for x in u]
        expected = 0.0
        for i, j in itertools.permutations(range(6), 2):
            if y[i] > y[j]:
                swapped = list(places)
                swapped[i], swapped[j] = swapped[j], swapped[i]
                change = abs(ndcg(y, places) - ndcg(y, swapped))
                expected += change * math.log1p(math.exp(u[j] - u[i]))
        assert_close(lambdarank_loss(t(*u)[None], t(*y)[None]), t(expected))


def test_lambdarank_of_equal_relevances_costs_nothing() -> None:
    for level in (0.0, 2.0):
        u = normal(1, 4).requires_grad_()
        loss = lambdarank_loss(u, torch.full((1, 4), level, dtype=torch.float64))
        loss.sum().backward()
        assert loss.item() == 0.0
        assert u.grad is not None
        assert not u.grad.any()


def test_lambdarank_learns_from_equal_utilities() -> None:
    u = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    lambdarank_loss(u, t(0.0, 1.0, 2.0)[None]).sum().backward()
    assert u.grad is not None
    assert u.grad[0, 2] < 0 < u.grad[0, 0]


def test_plackett_luce_ties_cost_more_than_either_order_and_less_than_both() -> None:
    u = t(0.5, -0.5, 1.0)[None]
    orders = [plackett_luce_loss(u, t(*r)[None]).item() for r in ((1, 2, 3), (2, 1, 3))]
    assert max(orders) < plackett_luce_loss(u, t(1, 1, 3)[None]).item() < sum(orders)


@pytest.mark.parametrize("d", [-1e4, -200.0, 0.0, 200.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_log_probabilities_of_ties_stay_finite(d: float, dtype: torch.dtype) -> None:
    a, b, extra = torch.tensor([d], dtype=dtype), torch.zeros(1, dtype=dtype), torch.tensor(0.5, dtype=dtype)
    for log_p in (davidson_log_probabilities(a, b, extra), rao_kupper_log_probabilities(a, b, extra)):
        assert bool(log_p.isfinite().all())
        assert_close(log_p.double().exp().sum(-1), t(1.0), rtol=0, atol=2e-2 if dtype == torch.bfloat16 else 1e-6)
