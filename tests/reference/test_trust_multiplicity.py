"""Viable ranges, Rashomon capacity, split points, discontinuity, P(IK) and spreads against independent computations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit
from scipy.stats import norm

from polycritic.trust import (
    SplitPoint,
    check_spread,
    distribution_discontinuity,
    fit_annotation_routing,
    fit_p_i_know,
    fit_split_point,
    linear_viable_range,
    logistic_viable_range,
    rashomon_capacity,
    risk_coverage,
)


@pytest.fixture(scope="module")
def logistic() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    return x, (rng.random(120) < expit(x @ [1, -0.5, 0])).astype(float), rng.normal(size=(3, 3))


@pytest.mark.parametrize(("slack", "ridge"), [(0.01, 0.0), (0.05, 1.0), (0.5, 0.0)])
def test_logistic_viable_range_equals_constrained_optimisation(logistic, slack: float, ridge: float) -> None:
    x, y, items = logistic
    design = np.column_stack([x, np.ones(len(x))])
    penalty = np.array([ridge] * 3 + [0.0])

    def loss(w: np.ndarray) -> float:
        z = design @ w
        return float((np.logaddexp(0, z) - y * z).mean() + 0.5 * penalty @ w**2 / len(y))

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    limit = (1 + slack) * best.fun
    found = logistic_viable_range(x, y, items, slack=slack, ridge=ridge)
    for i, row in enumerate(items):
        at = np.append(row, 1.0)
        for sign, end in ((1, found.high[i]), (-1, found.low[i])):
            constraint = [{"type": "ineq", "fun": lambda w: limit - loss(w)}]
            peer = minimize(lambda w, s=sign, a=at: -s * a @ w, best.x, constraints=constraint, tol=1e-12)
            assert_allclose(end, expit(at @ peer.x), atol=2e-6)
        assert_allclose(found.best[i], expit(at @ best.x), atol=1e-5)


def test_quadratic_range_is_the_limit_of_the_exact_one(logistic) -> None:
    x, y, items = logistic
    for slack, close in ((1e-2, 5e-3), (1e-4, 5e-5)):
        exact, quadratic = (logistic_viable_range(x, y, items, slack=slack, exact=e) for e in (True, False))
        assert_allclose(quadratic.width, exact.width, atol=close * 2)
        assert_allclose(quadratic.high, exact.high, atol=close)


def test_linear_viable_range_is_exact(logistic) -> None:
    x, _, items = logistic
    rng = np.random.default_rng(1)
    y = x @ [1, 2, 3] + rng.normal(size=len(x))
    found = linear_viable_range(x, y, items, slack=0.1)
    design = np.column_stack([x, np.ones(len(x))])
    best = np.linalg.lstsq(design, y)[0]
    limit = 1.1 * ((y - design @ best) ** 2).mean()
    at = np.append(items[0], 1.0)
    constraint = [{"type": "ineq", "fun": lambda w: limit - ((y - design @ w) ** 2).mean()}]
    peer = minimize(lambda w: -at @ w, best, constraints=constraint, tol=1e-12)
    assert_allclose(found.high[0], at @ peer.x, atol=1e-5)
    assert_allclose(found.best, np.column_stack([items, np.ones(3)]) @ best, atol=1e-9)


def entropy(p: float) -> float:
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


def test_rashomon_capacity_of_known_channels() -> None:
    symmetric = rashomon_capacity(np.array([[0.1], [0.9]]))
    assert_allclose(symmetric, 1 - entropy(0.1), atol=1e-8)
    z_channel = rashomon_capacity(np.array([[0.0], [0.5]]))
    assert_allclose(z_channel, np.log2(5 / 4), atol=1e-8)
    agreed = rashomon_capacity(np.array([[0.3], [0.3]]))
    assert_allclose(agreed, 0, atol=1e-12)
    three = rashomon_capacity(np.eye(3)[:, None, :])
    assert_allclose(three, np.log2(3), atol=1e-8)


def test_rashomon_capacity_by_brute_force_and_its_laws() -> None:
    low, high = 0.35, 0.62
    gain = lambda w: -(entropy(w * low + (1 - w) * high) - w * entropy(low) - (1 - w) * entropy(high))  # noqa: E731
    brute = -minimize_scalar(gain, bounds=(0, 1), method="bounded", options={"xatol": 1e-10}).fun
    two = rashomon_capacity(np.array([[low], [high]]))
    assert_allclose(two, brute, atol=1e-8)
    assert_allclose(
        rashomon_capacity(np.array([[low], [0.5], [high]])), two, atol=1e-7
    )  # between the ends: nothing new
    assert_allclose(rashomon_capacity(np.array([[low], [low], [high]])), two, atol=1e-7)


def test_split_point_identities() -> None:
    p = np.linspace(0.05, 0.95, 19)
    binary = SplitPoint(2 * p * (1 - p), 1 - p, p)
    assert_allclose(binary.discrepancy, 0, atol=1e-15)
    low, high = binary.bounds(p, 1 - p, p)
    assert_allclose(low, 0, atol=1e-12)
    assert_allclose(high, 1, atol=1e-12)
    # Normal outcomes about v: all three are sigma sqrt(2 / pi).
    side = np.full(1, np.sqrt(2 / np.pi))
    assert_allclose(SplitPoint(side, side, side).discrepancy, 0, atol=1e-15)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_split_point_finds_how_far_the_mean_is(shift: float) -> None:
    y = np.random.default_rng(2).exponential(size=4000)
    v = y.mean() + shift
    parts = SplitPoint(
        np.array([np.abs(y - v).mean()]), np.array([(y - v)[y > v].mean()]), np.array([(v - y)[y < v].mean()])
    )
    assert_allclose(parts.mean_shift, -shift, atol=1e-9)
    assert (parts.discrepancy[0] > 0.05) == (shift > 0)


def test_split_point_after_the_fact_learns_spread_that_varies() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 1))
    scale = np.exp(0.5 * x[:, 0])
    y = scale * rng.normal(size=4000)
    parts = fit_split_point(x, np.zeros(4000), y)(x)
    for part in (parts.both, parts.above, parts.below):
        assert_allclose(part / (scale * np.sqrt(2 / np.pi)), 1, atol=0.15)


def test_discontinuity_in_location_and_spread() -> None:
    """Units are normal with mean 1 + x + 2 D and deviation 1 + 0.5 D: the effect at level t is 2 + 0.5 z(t)."""
    rng = np.random.default_rng(4)
    levels = np.linspace(0.1, 0.9, 9)
    z = norm.ppf(levels)
    x = rng.uniform(-1, 1, 400)
    treated = (x >= 0).astype(float)
    exact = (1 + x + 2 * treated)[:, None] + (1 + 0.5 * treated)[:, None] * z
    found = distribution_discontinuity(x, exact, levels, cutoff=0.0, bandwidth=0.5)
    assert_allclose(found.effect, 2 + 0.5 * z, atol=1e-9)
    assert_allclose(found.mean, 2, atol=1e-9)


def test_discontinuity_band_covers() -> None:
    rng = np.random.default_rng(5)
    levels = np.array([0.25, 0.5, 0.75])
    held = 0
    for r in range(600):
        x = rng.uniform(-1, 1, 200)
        q = np.sort(rng.normal(size=(200, 3)) * 0.3 + x[:, None] + np.array([-0.7, 0.0, 0.7]), axis=1)
        found = distribution_discontinuity(x, q, levels, cutoff=0.0, bandwidth=0.6, draws=199, seed=r)
        held += bool((found.low <= 0).all() and (found.high >= 0).all())
    assert_allclose(held / 600, 0.95, atol=0.02)


def test_p_i_know_is_smallest_at_the_fraction() -> None:
    rng = np.random.default_rng(6)
    kinds = rng.integers(0, 4, 300)
    fraction = rng.integers(0, 11, 300) / 10
    known = fit_p_i_know(np.eye(4)[kinds][:, 1:], fraction, ridge=0.0)
    means = np.array([fraction[kinds == k].mean() for k in range(4)])
    assert_allclose(known(np.eye(4)[:, 1:]), means, atol=1e-9)


def test_p_i_know_weighs_questions_by_answers() -> None:
    known = fit_p_i_know(np.zeros((2, 0)), np.array([0.0, 1.0]), np.array([30.0, 10.0]))
    assert_allclose(known(np.zeros((1, 0))), 0.25, atol=1e-9)


def test_spread_check_on_known_spreads() -> None:
    rng = np.random.default_rng(7)
    n = 4000
    sigma = np.exp(0.5 * rng.normal(size=n))
    y = sigma * rng.normal(size=n)
    zero = np.zeros(n)
    honest, sure, blind = (
        check_spread(zero, sigma, y),
        check_spread(zero, sigma / 2, y),
        check_spread(zero, rng.permutation(sigma), y),
    )
    assert honest.z_variance.low < 1 < honest.z_variance.high
    assert honest.uniformity > 0.01
    assert_allclose(sure.z_variance.value, 4 * honest.z_variance.value)
    assert sure.uniformity < 1e-6
    assert_allclose(sure.tracking.value, honest.tracking.value)
    assert abs(blind.tracking.value) < 0.05 < honest.tracking.low
    # The gain over a constant is the entropy saved: mean log sigma against the log of the root mean square.
    assert_allclose(honest.gain.value, np.log(np.sqrt((y**2).mean())) - np.log(sigma).mean(), atol=0.03)
    assert blind.gain.high < 0


def test_risk_coverage_by_brute_force_over_orders_of_ties() -> None:
    rng = np.random.default_rng(8)
    confidence, errors = rng.integers(0, 4, 30) / 4, rng.random(30)
    curves = []
    for _ in range(4000):
        order = np.lexsort((rng.random(30), -confidence))
        curves.append(np.cumsum(errors[order]) / np.arange(1, 31))
    assert_allclose(risk_coverage(confidence, errors).risk, np.mean(curves, axis=0), atol=0.02)


def test_routing_recovers_what_it_was_made_from() -> None:
    rng = np.random.default_rng(9)
    items = (rng.random((200, 4)) < 0.3).astype(float)
    routings = rng.random((300, 200)) < rng.uniform(0.05, 0.9, (300, 1))
    counts = routings @ items
    truth = 0.5 + counts @ [0.003, 0.0, -0.001, 0.002] + counts**2 @ [-2e-5, 0, 0, 0]
    found = fit_annotation_routing(items, routings, truth, ridge=0.0)
    assert_allclose(found.linear, [0.003, 0.0, -0.001, 0.002], atol=1e-8)
    assert_allclose(found.quadratic, [-2e-5, 0, 0, 0], atol=1e-9)
    assert_allclose(found.performance(items, routings), truth, atol=1e-9)
