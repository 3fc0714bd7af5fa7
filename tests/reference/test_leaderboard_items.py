"""Difficulty and severity against closed forms, numerical integration and simulated truth."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import norm

from polycritic.leaderboard import (
    BradleyTerry,
    Glicko2,
    OnePL,
    TwoPL,
    ability,
    item_responses,
    many_facet_rasch,
    score_table,
    solving_matches,
)


def test_ability_known_answers() -> None:
    assert_allclose(ability([1, 1, 0], [-1, 0, 1]), 0.80293, atol=5e-6)
    assert_allclose(ability([1, 1, 0], [-1, 0, 1], [0.5, 1, 2]), 0.50006, atol=5e-6)
    assert ability([1, 1], [0, 1]) == np.inf
    assert ability([0, 0], [0, 1]) == -np.inf
    assert np.isnan(ability([np.nan], [0]))


def answers(k: int, n: int, seed: int, missing: float = 0.0):
    rng = np.random.default_rng(seed)
    theta, b = rng.normal(size=k), np.linspace(-2, 2, n)
    y = (rng.random((k, n)) < expit(theta[:, None] - b)).astype(float)
    y[rng.random((k, n)) < missing] = np.nan
    table = score_table(
        np.repeat([f"s{i:03d}" for i in range(k)], n), np.tile([f"i{i:02d}" for i in range(n)], k), y.ravel()
    )
    return table, theta, b, y


def test_rasch_by_marginal_likelihood() -> None:
    table, theta, b, _ = answers(500, 20, seed=0)
    found = item_responses(table, OnePL(spread=1.0, ridge=0.0))
    assert np.sqrt(np.mean((found.difficulty - b) ** 2)) < 0.13
    assert np.corrcoef(found.ability, theta)[0, 1] > 0.85
    z = (found.difficulty - b) / found.error
    assert 0.6 < z.std() < 1.5


def test_marginal_likelihood_against_numerical_integration() -> None:
    table, _, _, y = answers(12, 5, seed=1, missing=0.2)
    found = item_responses(table, OnePL(spread=1.0))
    total = 0.0
    for row in y:

        def joint(t: float, row: np.ndarray = row) -> float:
            p = expit(t - found.difficulty)
            return float(np.nanprod(np.where(row == 1, p, np.where(row == 0, 1 - p, np.nan))) * norm.pdf(t))

        total -= np.log(quad(joint, -10, 10)[0])
    assert_allclose(found.loss, total, rtol=1e-7)


@pytest.mark.parametrize("model", [OnePL(ridge=0.5), TwoPL(ridge=0.5)])
def test_the_fit_is_a_minimum(model: OnePL | TwoPL) -> None:
    table, _, _, y = answers(40, 6, seed=2, missing=0.1)
    found = item_responses(table, model)
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)

    def loss(v: np.ndarray) -> float:
        b = v[:6]
        a, spread, extra = (
            (np.exp(v[6:]), 1.0, v[6:]) if isinstance(model, TwoPL) else (np.ones(6), np.exp(v[6]), v[6:])
        )
        p = expit(a * (spread * nodes[:, None] - b))
        logs = np.stack([np.nansum(row * np.log(p) + (1 - row) * np.log1p(-p), axis=1) for row in y])
        return -logsumexp(logs + np.log(weights / weights.sum()), axis=1).sum() + 0.25 * (b @ b + extra @ extra)

    extra = np.log(found.discrimination) if isinstance(model, TwoPL) else [np.log(found.spread)]
    at = np.concatenate([found.difficulty, extra])
    best = minimize(loss, at, method="BFGS")
    assert loss(at) - best.fun < 1e-6
    assert_allclose(found.difficulty, best.x[:6], atol=2e-3)


def test_two_parameters_are_recovered() -> None:
    rng = np.random.default_rng(3)
    a, b, theta = np.tile([0.6, 1.8], 8), np.linspace(-1.5, 1.5, 16), rng.normal(size=1500)
    y = (rng.random((1500, 16)) < expit(a * (theta[:, None] - b))).astype(float)
    table = score_table(np.repeat(np.arange(1500), 16), np.tile(np.arange(16), 1500), y.ravel())
    found = item_responses(table, TwoPL(ridge=0.01))
    assert np.abs(found.discrimination - a).max() < 0.45
    assert np.abs(found.difficulty - b).max() < 0.4


def test_missing_cells_are_skipped_not_failed() -> None:
    table, _, b, _ = answers(600, 12, seed=4, missing=0.5)
    found = item_responses(table, OnePL(spread=1.0, ridge=0.0))
    assert np.sqrt(np.mean((found.difficulty - b) ** 2)) < 0.2


def test_glicko_and_bradley_terry_see_the_same_difficulties() -> None:
    table, _, b, _ = answers(60, 12, seed=5)
    duel = solving_matches(table)
    names = [f"item: i{i:02d}" for i in range(12)]
    for method in (Glicko2(periods=1), BradleyTerry()):
        found = method(duel)
        difficulty = [found.estimate[found.names.index(name)] for name in names]
        assert np.corrcoef(difficulty, b)[0, 1] > 0.95


def rated(seed: int, k: int = 60, items: int = 8, judges: int = 6):
    rng = np.random.default_rng(seed)
    theta, hard = rng.normal(0, 1, k), np.linspace(-0.5, 0.5, items)
    severity, tau = np.array([-0.8, -0.4, 0, 0, 0.4, 0.8]), np.array([-1.0, 0.0, 1.0])
    s, i = np.meshgrid(np.arange(k), np.arange(items), indexing="ij")
    # Every system meets two judges an item, not the same ones.
    s, i = np.repeat(s.ravel(), 2), np.repeat(i.ravel(), 2)
    j = np.where(rng.random(len(s)) < 0.5, s % judges, rng.integers(0, judges, len(s)))
    eta = (theta[s] - hard[i] - severity[j])[:, None] - tau
    logits = np.concatenate([np.zeros((len(s), 1)), np.cumsum(eta, axis=1)], axis=1)
    p = np.exp(logits - logsumexp(logits, axis=1)[:, None])
    category = (rng.random((len(s), 1)) > np.cumsum(p, axis=1)).sum(1)
    return category, {"system": s, "item": i, "judge": j}, theta, severity, tau


def test_many_facet_rasch_recovers_severities() -> None:
    category, facets, theta, severity, tau = rated(6)
    found = many_facet_rasch(category, facets)
    assert (np.abs(found.facets[2].measure - severity) / found.facets[2].error).max() < 3
    assert found.facets[2].error.max() < 0.15
    assert np.abs(found.thresholds - tau).max() < 0.25
    mean = np.bincount(facets["system"], category) / np.bincount(facets["system"])
    corrected = np.corrcoef(found.fair, theta)[0, 1]
    assert corrected > np.corrcoef(mean, theta)[0, 1]
    for facet in found.facets[1:]:
        assert_allclose(facet.measure.sum(), 0, atol=1e-9)


def test_many_facet_rasch_is_the_maximum_of_its_likelihood() -> None:
    category, facets, *_ = rated(7, k=5, items=2, judges=3)
    found = many_facet_rasch(category, facets, levels=4, ridge=0.05)

    def loss(v: np.ndarray) -> float:
        theta, hard, severe, tau = np.split(v, [5, 7, 10])
        eta = (theta[facets["system"]] - hard[facets["item"]] - severe[facets["judge"]])[:, None] - tau
        logits = np.concatenate([np.zeros((len(eta), 1)), np.cumsum(eta, axis=1)], axis=1)
        own = logits[np.arange(len(eta)), category]
        return float((logsumexp(logits, axis=1) - own).sum() + 0.025 * v @ v)

    best = minimize(loss, np.zeros(13), method="BFGS", options={"gtol": 1e-7}).x
    theta, hard, severe, tau = np.split(best, [5, 7, 10])
    assert_allclose(found.facets[1].measure, hard - hard.mean(), atol=1e-4)
    assert_allclose(found.facets[2].measure, severe - severe.mean(), atol=1e-4)
    assert_allclose(found.thresholds, tau - tau.mean(), atol=1e-4)
    assert_allclose(found.facets[0].measure, theta - hard.mean() - severe.mean() - tau.mean(), atol=1e-4)


def test_two_categories_and_two_facets_are_the_rasch_model() -> None:
    # Systems against items as matches is the same model, up to where zero is.
    _, _, _, y = answers(12, 8, seed=8)
    y[:, 0] = np.arange(12) % 2  # nobody solves all or nothing, nothing is solved by all or none
    y[:, 1] = 1 - y[:, 0]
    k, n = np.indices(y.shape)
    found = many_facet_rasch(y.ravel(), {"system": k.ravel(), "item": n.ravel()}, ridge=1e-9)
    table = score_table([f"s{i:02d}" for i in k.ravel()], [f"i{i}" for i in n.ravel()], y.ravel())
    duel = BradleyTerry(ridge=1e-9)(solving_matches(table))
    hard = np.array([duel.estimate[duel.names.index(f"item: i{i}")] for i in range(8)])
    assert_allclose(found.facets[1].measure, hard - hard.mean(), atol=1e-5)
