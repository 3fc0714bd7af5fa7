"""Bradley-Terry against other algorithms, optimisers and simulated truth."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from polycritic.leaderboard import (
    Bootstrap,
    BradleyTerry,
    Davidson,
    HalfWin,
    Matches,
    RaoKupper,
    even_pairs,
    leaderboard,
    matches,
    resampled,
    style_feature,
)


def played(k: int, n: int, seed: int, tie: float = 0.0, items: int = 0) -> Matches:
    rng = np.random.default_rng(seed)
    strength = np.linspace(-1, 1, k)
    first = rng.integers(0, k, n)
    second = (first + rng.integers(1, k, n)) % k
    outcome = (rng.random(n) < expit(strength[first] - strength[second])).astype(float)
    outcome[rng.random(n) < tie] = 0.5
    return matches(first, second, outcome, item=rng.integers(0, items, n) if items else None)


def minorise_maximise(m: Matches) -> np.ndarray:
    """Hunter's algorithm, in plain loops."""
    k = len(m.names)
    won, met = np.zeros(k), np.zeros((k, k))
    for a, b, y in zip(m.first, m.second, m.outcome, strict=True):
        won[a] += y
        won[b] += 1 - y
        met[a, b] += 1
        met[b, a] += 1
    p = np.ones(k)
    for _ in range(20_000):
        p = won / (met / (p[:, None] + p[None])).sum(1)
        p /= np.exp(np.log(p).mean())
    return np.log(p)


def test_newton_and_mm_agree() -> None:
    m = played(6, 400, seed=0, tie=0.1)
    assert_allclose(BradleyTerry(ties=HalfWin())(m).estimate, minorise_maximise(m), rtol=0, atol=1e-12)


def test_many_systems_reach_the_maximum() -> None:
    # Stopping early is what loses most others some hundredths of a log-odds here.
    m = played(40, 4000, seed=1)
    found = BradleyTerry()(m).estimate
    p = expit(found[m.first] - found[m.second])
    slope = np.bincount(m.first, m.outcome - p, 40) - np.bincount(m.second, m.outcome - p, 40)
    assert np.abs(slope).max() < 1e-10


def davidson_loss(v: np.ndarray, m: Matches) -> float:
    d, nu = v[m.first] - v[m.second], v[-1]
    logits = np.stack([d / 2, np.full(len(d), nu), -d / 2])
    kind = np.where(m.outcome == 1, 0, np.where(m.outcome == 0.5, 1, 2))
    return float((logsumexp(logits, axis=0) - logits[kind, np.arange(len(d))]).sum())


def rao_kupper_loss(v: np.ndarray, m: Matches) -> float:
    d, theta = v[m.first] - v[m.second], 1 + math.exp(v[-1])
    p, q = np.exp(d), np.ones(len(d))
    win, lose = p / (p + theta * q), q / (q + theta * p)
    chance = np.where(m.outcome == 1, win, np.where(m.outcome == 0.5, 1 - win - lose, lose))
    return float(-np.log(chance).sum())


def test_davidson_is_the_maximum_of_its_likelihood() -> None:
    m = played(4, 300, seed=2, tie=0.3)
    found = BradleyTerry(ties=Davidson())(m)
    best = minimize(davidson_loss, np.zeros(5), args=(m,), method="BFGS", options={"gtol": 1e-8})
    assert_allclose(found.estimate, best.x[:4] - best.x[:4].mean(), atol=1e-5)
    assert found.coefficients[0].name == "nu"
    assert_allclose(found.coefficients[0].value, math.exp(best.x[4]), rtol=1e-5)


def test_rao_kupper_is_the_maximum_of_its_likelihood() -> None:
    m = played(4, 300, seed=3, tie=0.3)
    found = BradleyTerry(ties=RaoKupper())(m)
    best = minimize(rao_kupper_loss, np.zeros(5), args=(m,), method="BFGS", options={"gtol": 1e-8})
    assert_allclose(found.estimate, best.x[:4] - best.x[:4].mean(), atol=1e-5)
    assert found.coefficients[0].name == "theta"
    assert_allclose(found.coefficients[0].value, 1 + math.exp(best.x[4]), rtol=1e-5)


def test_two_systems_with_ties_in_closed_form() -> None:
    # 6 wins, 3 ties, 2 losses: log-odds log(6 / 2), nu = 3 / sqrt(6 * 2).
    m = matches(["a"] * 11, ["b"] * 11, [1] * 6 + [0.5] * 3 + [0] * 2)
    found = BradleyTerry()(m)
    assert_allclose(found.estimate[0] - found.estimate[1], math.log(3), rtol=1e-10)
    assert_allclose(found.coefficients[0].value, 3 / math.sqrt(12), rtol=1e-10)
    # The model is saturated, so errors are those of logarithms of counts.
    error = 3 / math.sqrt(12) * math.sqrt(1 / 3 + 1 / 24 + 1 / 8)
    assert_allclose(found.coefficients[0].error, error, rtol=1e-8)
    # Rao-Kupper: theta p / (1 + theta p) for "not a loss", and the same turned round for "not a win".
    kept = BradleyTerry(ties=RaoKupper())(m)
    assert_allclose(kept.estimate[0] - kept.estimate[1], (math.log(9 / 2) - math.log(5 / 6)) / 2, rtol=1e-10)
    assert_allclose(kept.coefficients[0].value, math.exp((math.log(9 / 2) + math.log(5 / 6)) / 2), rtol=1e-10)


def dense_sandwich(m: Matches, estimate: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    k = len(m.names)
    x = np.zeros((len(m), k))
    x[np.arange(len(m)), m.first] = 1
    x[np.arange(len(m)), m.second] = -1
    p = expit(x @ estimate)
    bread = np.linalg.pinv((x * (m.weight * p * (1 - p))[:, None]).T @ x)
    scores = np.zeros((cluster.max() + 1, k))
    np.add.at(scores, cluster, x * (m.weight * (m.outcome - p))[:, None])
    return bread @ scores.T @ scores @ bread


def test_sandwich_errors_by_row() -> None:
    m = played(5, 200, seed=4)
    found = BradleyTerry()(m)
    assert_allclose(found.covariance, dense_sandwich(m, found.estimate, np.arange(200)), atol=1e-10)


def test_sandwich_errors_by_item() -> None:
    m = played(5, 200, seed=5, items=30)
    assert m.item is not None
    found = BradleyTerry()(m)
    assert_allclose(found.covariance, dense_sandwich(m, found.estimate, m.item) * 30 / 29, atol=1e-10)


def test_sandwich_errors_of_soft_weighted_outcomes() -> None:
    rng = np.random.default_rng(6)
    first = rng.integers(0, 4, 150)
    second = (first + rng.integers(1, 4, 150)) % 4
    m = matches(first, second, rng.random(150), weight=rng.uniform(0.5, 2, 150))
    found = BradleyTerry()(m)
    assert_allclose(found.covariance, dense_sandwich(m, found.estimate, np.arange(150)), atol=1e-10)


def test_sandwich_errors_of_weighted_wins_and_losses() -> None:
    m = played(4, 150, seed=15)
    weighted = matches(m.first, m.second, m.outcome, weight=np.random.default_rng(16).uniform(0.5, 2, 150))
    found = BradleyTerry()(weighted)
    assert_allclose(found.covariance, dense_sandwich(weighted, found.estimate, np.arange(150)), atol=1e-10)


def test_repeated_rows_of_one_item_do_not_shrink_errors() -> None:
    m = played(4, 100, seed=7, items=25)
    twice = matches(*(np.tile(c, 2) for c in (m.first, m.second, m.outcome)), item=np.tile(m.item, 2))
    assert_allclose(BradleyTerry()(twice).covariance, BradleyTerry()(m).covariance, rtol=1e-8)


def test_bootstrap_and_sandwich_agree() -> None:
    m = played(5, 2000, seed=8, tie=0.2, items=400)
    found = BradleyTerry()(m)
    drawn = resampled(BradleyTerry(), m, Bootstrap(400, seed=1))
    assert_allclose(drawn.std(0, ddof=1), np.sqrt(np.diag(found.covariance)), rtol=0.12)


def test_bootstrap_is_a_refit() -> None:
    # Every resampled set, fitted from nothing, gives what the batch gives.
    m = played(4, 60, seed=9, items=12)
    drawn = BradleyTerry().resample(m, 5, 3)
    rng = np.random.default_rng([3, 0])
    for row in drawn:
        times = np.bincount(rng.integers(12, size=12), minlength=12)
        again = Matches(m.names, m.first, m.second, m.outcome, times[m.item].astype(float), m.item, {})
        assert_allclose(row, BradleyTerry()(again).estimate, atol=2e-4)


def test_estimates_do_not_depend_on_the_bootstrap() -> None:
    m = played(5, 300, seed=10)
    plain, boot = leaderboard(m), leaderboard(m, bootstrap=Bootstrap(50))
    assert [row.estimate for row in plain.rows] == [row.estimate for row in boot.rows]


def test_intervals_cover() -> None:
    hits = []
    for seed in range(300):
        m = played(4, 150, seed=1000 + seed)
        found = BradleyTerry()(m)
        error = np.sqrt(np.diag(found.covariance))
        truth = np.linspace(-1, 1, 4)
        hits.append(np.abs(found.estimate - truth) < 1.96 * error)
    assert abs(np.mean(hits) - 0.95) < 0.02


def styled(seed: int, n: int = 20_000) -> tuple[Matches, np.ndarray]:
    """Weak systems write longer; one standard deviation of length is worth 0.5 log-odds."""
    rng = np.random.default_rng(seed)
    strength = np.linspace(-1, 1, 6)
    first = rng.integers(0, 6, n)
    second = (first + rng.integers(1, 6, n)) % 6
    one, two = (rng.poisson(200 - 60 * strength[who] + rng.normal(0, 40, n).clip(-80, 80)) for who in (first, second))
    x = style_feature(one, two)
    outcome = (rng.random(n) < expit(strength[first] - strength[second] + 0.5 * x)).astype(float)
    return matches(first, second, outcome, covariates={"length": x}), strength


def test_style_control_finds_the_true_coefficient() -> None:
    m, strength = styled(11)
    found = BradleyTerry()(m)
    assert abs(found.coefficients[0].value - 0.5) < 3 * found.coefficients[0].error < 0.15
    assert np.abs(found.estimate - strength).max() < 0.12


def test_covariate_ridge_is_in_total_loss_units_and_in_the_errors() -> None:
    m, _ = styled(12)
    plain, held = BradleyTerry()(m), BradleyTerry(covariate_ridge=1.0)(m)
    assert_allclose(held.coefficients[0].value, plain.coefficients[0].value, rtol=0.01)
    tight = BradleyTerry(covariate_ridge=1e6)(m)
    assert abs(tight.coefficients[0].value) < 0.01
    assert tight.coefficients[0].error < 0.01 * plain.coefficients[0].error


def test_covariates_against_a_general_optimiser() -> None:
    rng = np.random.default_rng(13)
    first = rng.integers(0, 4, 300)
    second = (first + rng.integers(1, 4, 300)) % 4
    x, z = rng.normal(size=300), rng.normal(size=300)
    y = rng.choice([0, 0.5, 1], 300)

    def loss(v: np.ndarray) -> float:
        d = v[first] - v[second] + v[4] * x + v[5] * z
        logits = np.stack([d / 2, np.full(300, v[6]), -d / 2])
        kind = np.where(y == 1, 0, np.where(y == 0.5, 1, 2))
        return float((logsumexp(logits, axis=0) - logits[kind, np.arange(300)]).sum())

    best = minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-8})
    found = BradleyTerry()(matches(first, second, y, covariates={"x": x, "z": z}))
    assert [c.name for c in found.coefficients] == ["nu", "x", "z"]
    assert_allclose(found.estimate, best.x[:4] - best.x[:4].mean(), atol=1e-5)
    assert_allclose([c.value for c in found.coefficients], [math.exp(best.x[6]), best.x[4], best.x[5]], atol=1e-5)


def test_half_wins_pull_strengths_together_and_davidson_does_not() -> None:
    rng = np.random.default_rng(14)
    strength, nu, n = np.linspace(-1.5, 1.5, 8), 0.25, 200_000
    first = rng.integers(0, 8, n)
    second = (first + rng.integers(1, 8, n)) % 8
    d = strength[first] - strength[second]
    p = np.exp(np.stack([d / 2, np.full(n, math.log(nu)), -d / 2]))
    draw = (rng.random(n) > np.cumsum(p / p.sum(0), axis=0)).sum(0)
    m = matches(first, second, 1 - draw / 2)
    slope = [
        float(BradleyTerry(ties=t)(m).estimate @ strength / (strength @ strength)) for t in (Davidson(), HalfWin())
    ]
    assert abs(slope[0] - 1) < 0.015
    assert slope[1] < 0.92


def test_even_pairs_makes_rare_pairs_count() -> None:
    m = matches(["a"] * 300 + ["b"] * 60, ["b"] * 300 + ["c"] * 60, [1, 0] * 150 + [1, 0] * 30)
    even = even_pairs(m, least=50)
    assert_allclose(even.weight[0] * 300, even.weight[-1] * 60)
    assert_allclose(even.weight.mean(), 1)
    rare = even_pairs(matches(["a"] * 10 + ["b"] * 50, ["b"] * 10 + ["c"] * 50, [1, 0] * 30), least=50)
    assert_allclose(rare.weight, 1)


@pytest.mark.parametrize("ties", [Davidson(), RaoKupper(), HalfWin()])
def test_tie_families_have_the_derivatives_they_state(ties: Davidson | RaoKupper | HalfWin) -> None:
    family, outcome = ties.family, np.array([1.0, 0.5, 0.0, 0.7])
    eta = np.array([[0.3, -0.4, 1.2, 0.1], [0.6, 0.2, 0.9, 0.4]])[: family.predictors]
    step = 1e-5
    for a in range(family.predictors):
        up, down = eta.copy(), eta.copy()
        up[a] += step
        down[a] -= step
        slope = (family.loss(up, outcome) - family.loss(down, outcome)) / (2 * step)
        assert_allclose(family.gradient(eta, outcome)[a], slope, atol=1e-8)
        bend = (family.gradient(up, outcome) - family.gradient(down, outcome)) / (2 * step)
        assert_allclose(family.curvature(eta, outcome)[a], bend, atol=1e-8)
