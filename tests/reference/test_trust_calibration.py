"""Calibration, conformal intervals and quantiles against closed forms, SciPy, scikit-learn and published values."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linprog, minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from polycritic.core import Binary, Interval, Scores, Task
from polycritic.evaluation import brier_error
from polycritic.trust import (
    brier_parts,
    conformal_quantile,
    fit_beta,
    fit_conformal,
    fit_conformal_quantiles,
    fit_isotonic,
    fit_platt,
    fit_quantile_aggregate,
    fit_quantile_shift,
    fit_temperature,
    isotonic_quantiles,
    pinball_error,
    sorted_quantiles,
    weighted_interval_error,
)

# Eight log-odds and outcomes: the data behind T = 1.15350 (found again from its three published numbers).
LOGITS = np.array([2.0, 1.0, 0.5, -0.5, -1.0, -2.0, 3.0, -3.0])
OUTCOMES = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])


def table(p: np.ndarray) -> Scores:
    return Scores((Task("a", scale=Binary()),), p[:, None])


def nll(z: np.ndarray, y: np.ndarray) -> float:
    return float((np.logaddexp(0, z) - y * z).mean())


def test_temperature_known_answer() -> None:
    found = fit_temperature(table(expit(LOGITS)), OUTCOMES)
    assert_allclose(found.pooled, 1.15350, atol=5e-6)
    assert_allclose(nll(LOGITS, OUTCOMES), 0.490714, atol=5e-7)
    assert_allclose(nll(LOGITS / found.pooled, OUTCOMES), 0.487924, atol=5e-7)


def test_isotonic_known_answer() -> None:
    scores = table(expit(LOGITS))
    assert_allclose(fit_isotonic(scores, OUTCOMES)(scores).values[:, 0], [1, 0.5, 0.5, 0.5, 0.5, 0, 1, 0], atol=1e-12)


def test_beta_known_answer() -> None:
    a, b, c = fit_beta(table(expit(LOGITS)), OUTCOMES).pooled
    assert_allclose([a, b, c], [0.86693, 0.86693, 0], atol=2e-5)


def test_platt_is_unpenalised_logistic_regression_on_platts_targets() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=200)
    y = (rng.random(200) < expit(2 * z - 0.5)).astype(float)
    up, down = (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2)
    target = np.where(y == 1, up, down)
    rows = np.concatenate([z, z])[:, None]
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    peer.fit(rows, np.repeat([1, 0], 200), sample_weight=np.concatenate([target, 1 - target]))
    line = fit_platt(table(expit(z)), y).pooled
    assert_allclose(line, [peer.coef_[0, 0], peer.intercept_[0]], atol=1e-5)


def test_isotonic_equals_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    p = rng.integers(1, 20, 300) / 20
    y = (rng.random(300) < p**2).astype(float)
    peer = IsotonicRegression(out_of_bounds="clip").fit(p, y)
    grid = np.linspace(0, 1, 101)
    assert_allclose(fit_isotonic(table(p), y)(table(grid)).values[:, 0], peer.predict(grid), atol=1e-12)


def test_beta_equals_a_direct_minimisation() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(2, 1, 400)
    y = (rng.random(400) < expit(1.5 * np.log(p) - 0.4 * np.log1p(-p) - 0.2)).astype(float)

    def loss(e: np.ndarray) -> float:
        return nll(np.log(p) * e[0] - np.log1p(-p) * e[1] + e[2], y)

    peer = minimize(loss, [1, 1, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 5000})
    assert_allclose(fit_beta(table(p), y).pooled, peer.x, atol=1e-4)


def test_murphys_parts_by_hand_and_against_the_brier_score() -> None:
    # 0.2 said four times with one right, 0.6 said four times with three right.
    p, y = np.repeat([0.2, 0.6], 4), np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    parts = brier_parts(p, y)
    by_hand = [(0.05**2 + 0.15**2) / 2, 0.25**2, 0.25]
    assert_allclose([parts.reliability, parts.resolution, parts.uncertainty], by_hand, atol=1e-12)
    assert_allclose(parts.brier, brier_error(p, y), atol=1e-12)
    assert_allclose(0.04375 - 0.015625 + 0.234375, 0.2625)


@pytest.mark.parametrize(("coverage", "expected"), [(0.9, 1.8), (0.8, 1.6), (0.95, 1.9), (0.96, np.inf)])
def test_conformal_quantile_of_nineteen(coverage: float, expected: float) -> None:
    assert_allclose(conformal_quantile(np.arange(1, 20) / 10, coverage), expected)


@pytest.mark.parametrize(("n", "finite"), [(18, False), (19, True)])
def test_nineteen_labels_are_enough_for_95_percent_and_eighteen_are_not(n: int, finite: bool) -> None:
    scores = Scores((Task("a"),), np.zeros((n, 1)))
    interval = fit_conformal(scores, np.arange(1.0, n + 1)[:, None], coverage=0.95)(scores).interval
    assert interval is not None
    assert np.isfinite(interval).all() == finite


def test_every_whole_number_of_ranks_is_met_exactly() -> None:
    for n, k in itertools.product(range(1, 60), range(1, 60)):
        if k <= n:
            assert conformal_quantile(np.arange(1.0, n + 1), k / (n + 1)) == k


@pytest.mark.parametrize("n", [5, 9, 19, 40])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_split_conformal_covers_as_promised_at_any_n(n: int, coverage: float) -> None:
    rng = np.random.default_rng(n)
    rank = np.ceil((n + 1) * coverage - 1e-9)
    promised = 1.0 if rank > n else rank / (n + 1)  # exact for continuous errors
    errors = np.abs(rng.standard_t(3, (20_000, n + 1)))
    held = np.mean([row[-1] <= conformal_quantile(row[:-1], coverage) for row in errors[:4000]])
    assert promised >= coverage
    assert abs(held - promised) < 4 * np.sqrt(0.25 / 4000)


def test_conformal_per_task_where_pooled_fails_a_task() -> None:
    rng = np.random.default_rng(3)
    tasks = (Task("calm", scale=Interval(-100, 100)), Task("wild", scale=Interval(-100, 100)))

    def draw(n: int) -> tuple[Scores, np.ndarray]:
        return Scores(tasks, np.zeros((n, 2))), rng.normal(size=(n, 2)) * [1, 10]

    scores, labels = draw(500)
    test, truth = draw(20_000)
    interval = fit_conformal(scores, labels)(test).interval
    assert interval is not None
    held = ((interval[..., 0] <= truth) & (truth <= interval[..., 1])).mean(axis=0)
    assert_allclose(held, 0.9, atol=0.03)


def test_conformal_quantiles_known_answer() -> None:
    scores = Scores((Task("a"),), np.zeros((19, 1)), interval=np.tile([-1.0, 1.0], (19, 1, 1)))
    labels = np.array([0.0] * 16 + [1.25, 1.5, 9.0])[:, None]  # the 18th smallest excess is 0.5
    assert fit_conformal_quantiles(scores, labels).tasks["a"] == 0.5


LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])


def test_crossing_quantiles_known_answer() -> None:
    crossing, y = np.array([[1.0, 3.0, 2.0, 5.0, 4.0]]), np.array([4.0])
    found = [
        weighted_interval_error(q, y, LEVELS)
        for q in (crossing, sorted_quantiles(crossing), isotonic_quantiles(crossing))
    ]
    assert_allclose(found, [0.72, 0.56, 0.64], atol=1e-12)


def test_weighted_interval_error_is_the_interval_form() -> None:
    rng = np.random.default_rng(4)
    q, y = np.sort(rng.normal(size=(50, 5)), axis=1), rng.normal(size=50)
    total = np.abs(y - q[:, 2]) / 2
    for low, alpha in ((0, 0.2), (1, 0.5)):
        lower, upper = q[:, low], q[:, 4 - low]
        score = upper - lower + 2 / alpha * (np.maximum(lower - y, 0) + np.maximum(y - upper, 0))
        total += alpha / 2 * score
    assert_allclose(weighted_interval_error(q, y, LEVELS), total.mean() / 2.5, atol=1e-12)


def test_isotonic_quantiles_equal_scikit_learn() -> None:
    q = np.random.default_rng(5).normal(size=(40, 7))
    peer = np.stack([IsotonicRegression().fit_transform(np.arange(7), row) for row in q])
    assert_allclose(isotonic_quantiles(q), peer, atol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_quantile_weights_reach_the_linear_programs_optimum(shared: bool) -> None:
    rng = np.random.default_rng(6)
    n, levels = 150, np.array([0.1, 0.5, 0.9])
    y = rng.normal(size=n)
    centre = np.stack([y + rng.normal(size=n), y + 0.7 * rng.normal(size=n) + 0.5, rng.normal(size=n)])
    g = centre[:, :, None] + np.array([-1.0, 0.0, 1.0]) * np.array([0.5, 1.5, 3.0])[:, None, None]

    def optimum(columns: list[int]) -> float:
        """min over simplex weights of the summed pinball error, as a linear program."""
        m, rows = len(g), n * len(columns)
        forecasts = np.concatenate([g[:, :, c].T for c in columns])
        tau = np.repeat(levels[columns], n)
        cost = np.concatenate([np.zeros(m), tau, 1 - tau])
        equal = np.block([[forecasts, np.eye(rows), -np.eye(rows)], [np.ones((1, m)), np.zeros((1, 2 * rows))]])
        return float(linprog(cost, A_eq=equal, b_eq=np.concatenate([np.tile(y, len(columns)), [1]])).fun)

    best = optimum([0, 1, 2]) if shared else sum(optimum([c]) for c in range(3))
    found = fit_quantile_aggregate(g, y, levels, shared=shared, ridge=1e-7)
    w = np.broadcast_to(found.weights(n=n), (n, 3, 3))
    reached = pinball_error(np.einsum("nmk,mnk->nk", w, g), y, levels).sum()
    assert best - 1e-9 <= reached <= best * 1.0001


def test_weights_by_input_beat_weights_by_level_where_expertise_differs() -> None:
    rng = np.random.default_rng(7)
    n, levels = 400, np.array([0.1, 0.5, 0.9])
    x = rng.normal(size=(n, 1))
    y = rng.normal(size=n)
    noise = rng.normal(size=(2, n)) * np.where(np.stack([x[:, 0] > 0, x[:, 0] <= 0]), 0.1, 3.0)
    g = (y + noise)[:, :, None] + np.array([-0.3, 0.0, 0.3])
    by_level, by_input = (fit_quantile_aggregate(g, y, levels, features=f) for f in (None, x))
    error = [pinball_error(q, y, levels).mean() for q in (by_level(g), by_input(g, x))]
    assert error[1] < 0.5 * error[0]


def test_quantile_shift_covers_after_conformalising() -> None:
    rng = np.random.default_rng(8)
    levels = np.array([0.1, 0.5, 0.9])
    q = np.tile([-0.2, 0.0, 0.2], (4000, 1))  # far too narrow
    shift = fit_quantile_shift(q[:2000], rng.normal(size=2000), levels)
    fresh, mended = rng.normal(size=2000), shift(q[2000:])
    assert_allclose(((mended[:, 0] <= fresh) & (fresh <= mended[:, 2])).mean(), 0.8, atol=0.03)
    assert shift.shift[1] == 0
