"""Means with imperfect labels: formulas, and how often the intervals hold the truth (2,000 repetitions each)."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from polycritic.core import PolycriticError
from polycritic.trust import corrected_mean, dsl_mean, ppi_mean, ppi_power, rogan_gladen

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
REPETITIONS, ITEMS = 2000, 500
SIZES = [10, 20, 50, 200]


def normal(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = rng.normal(size=n)
    return y, 0.8 * y + 0.6 * rng.normal(size=n) + 0.3


def useless(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=n), rng.normal(size=n)


def skewed(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = rng.exponential(size=n)
    return y, 0.7 * y + 0.5 * rng.exponential(size=n)


def levels(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    z = rng.normal(size=n) + 0.8
    return np.clip(np.round(3 + z), 1, 5), np.clip(3.3 + 0.8 * z + 0.6 * rng.normal(size=n), 1, 5)


def binary(p: float, sensitivity: float, specificity: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        y, u = (rng.random(n) < p).astype(float), rng.random(n)
        return y, np.where(y == 1, u < sensitivity, u > specificity).astype(float)

    return draw


def soft(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    p = rng.beta(0.7, 0.5, size=n)
    return (rng.random(n) < p).astype(float), p**2


def held(draw: Draw, n: int, *, unequal: bool = False) -> float:
    truth = draw(np.random.default_rng(99), 2_000_000)[0].mean()
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(REPETITIONS):
        y, f = draw(rng, ITEMS)
        probability = None
        if unequal:
            weight = np.exp(-0.7 * np.abs(f - f.mean()) / f.std())
            probability = np.minimum(weight / weight.sum() * n, 1)
            known = rng.random(ITEMS) < probability
            if known.sum() < 2:
                known[:2] = True
        else:
            known = np.arange(ITEMS) < n
        e = corrected_mean(f, np.where(known, y, np.nan), probability).estimate
        hits += e.low <= truth <= e.high
    return hits / REPETITIONS


@pytest.mark.parametrize("n", SIZES)
def test_coverage_of_skewed_numbers(n: int) -> None:
    assert abs(held(skewed, n) - 0.95) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_coverage_of_normal_numbers(n: int) -> None:
    assert abs(held(normal, n) - 0.95) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("draw", [useless, levels], ids=["useless", "levels"])
def test_coverage_of_more_numbers(draw: Draw, n: int) -> None:
    assert 0.93 <= held(draw, n) <= 0.98


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("draw", [binary(0.6, 0.85, 0.85), soft], ids=["binary", "soft"])
def test_coverage_of_right_and_wrong(draw: Draw, n: int) -> None:
    """Counts are whole numbers, so with ten labels no interval is right to 2 %: it must then be right more often."""
    assert 0.93 <= held(draw, n) <= (0.97 if n >= 50 else 0.99)


@pytest.mark.parametrize("n", [10, 50])
def test_coverage_where_ten_labels_rarely_show_an_error(n: int) -> None:
    """Nine in ten errors of a sharp judge go unseen among ten labels; the usual interval then covers 65 %."""
    draw = binary(0.8, 0.98, 0.95)
    assert held(draw, n) >= 0.93
    truth, rng, hits = 0.8, np.random.default_rng(n), 0
    for _ in range(REPETITIONS):
        y, f = draw(rng, ITEMS)
        e = ppi_mean(y[:n], f[:n], f[n:]).estimate
        hits += e.low <= truth <= e.high
    assert hits / REPETITIONS < 0.94 - 0.2 * (n == 10)


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("p", [0.5, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("rates", [(0.98, 0.7), (0.9, 0.9), (0.75, 0.98), (0.75, 0.7)])
def test_coverage_over_a_grid_of_binary_judges(n: int, p: float, rates: tuple[float, float]) -> None:
    assert held(binary(p, *rates), n) >= 0.89 + 0.03 * (n >= 50)


@pytest.mark.parametrize("n", SIZES)
def test_coverage_of_numbers_with_unequal_sampling(n: int) -> None:
    assert abs(held(normal, n, unequal=True) - 0.95) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_coverage_of_right_and_wrong_with_unequal_sampling(n: int) -> None:
    assert 0.93 <= held(soft, n, unequal=True) <= (0.97 if n >= 50 else 0.99)


def test_the_common_recipe_undercovers_and_ours_does_not() -> None:
    """Power tuned on the same labels, population variance, normal quantile: the recipe of the usual package."""
    rng, n = np.random.default_rng(0), 10
    common = ours = 0
    for _ in range(REPETITIONS):
        y, f = normal(rng, ITEMS)
        lab, judged, rest = y[:n], f[:n], f[n:]
        power = np.clip(np.cov(lab, judged)[0, 1] / ((1 + n / len(rest)) * f.var()), 0, 1)
        value = power * rest.mean() + (lab - power * judged).mean()
        half = 1.96 * np.sqrt(power**2 * rest.var() / len(rest) + (lab - power * judged).var() / n)
        common += abs(value) <= half
        e = ppi_mean(lab, judged, rest).estimate
        ours += e.low <= 0 <= e.high
    assert common / REPETITIONS < 0.91
    assert abs(ours / REPETITIONS - 0.95) <= 0.02


def test_ppi_power_and_mean_by_formula() -> None:
    rng = np.random.default_rng(1)
    y, f = normal(rng, 40)
    u = normal(rng, 300)[1]
    everything = np.concatenate([f, u])
    power = np.cov(y, f)[0, 1] / ((1 + 40 / 300) * everything.var(ddof=1))
    assert_allclose(ppi_power(y, f, u), power)
    found = ppi_mean(y, f, u, power=power)
    value = power * u.mean() + (y - power * f).mean()
    variance = power**2 * everything.var(ddof=1) / 300 + (y - power * f).var(ddof=1) / 40
    half = stats.t.ppf(0.975, 39) * np.sqrt(variance)
    assert_allclose([found.estimate.value, found.error], [value, np.sqrt(variance)])
    assert_allclose([found.estimate.low, found.estimate.high], [value - half, value + half])


def test_cross_fitted_power_leaves_each_item_out() -> None:
    rng = np.random.default_rng(2)
    y, f = normal(rng, 8)
    u = normal(rng, 50)[1]
    spread = np.concatenate([f, u]).var(ddof=1)
    powers = []
    for i in range(8):
        rest = np.arange(8) != i
        powers.append(np.clip(np.cov(y[rest], f[rest])[0, 1] / ((1 + 8 / 50) * spread), 0, 1))
    value = np.mean(y - np.array(powers) * f) + np.mean(powers) * u.mean()
    assert_allclose(ppi_mean(y, f, u).estimate.value, value)


def test_without_a_judge_it_is_the_classical_mean() -> None:
    y = np.random.default_rng(3).normal(size=12)
    found = ppi_mean(y, np.zeros(12), np.zeros(5), power=0.0).estimate
    low, high = stats.t.interval(0.95, 11, y.mean(), stats.sem(y))
    assert_allclose([found.value, found.low, found.high], [y.mean(), low, high])


def test_dsl_by_formula_and_as_prediction_powered_inference() -> None:
    rng = np.random.default_rng(4)
    y, f = normal(rng, 60)
    p = rng.uniform(0.2, 0.9, 60)
    known = rng.random(60) < p
    labels = np.where(known, y, np.nan)
    pseudo = f + np.where(known, (y - f) / p, 0)
    found = dsl_mean(f, labels, p)
    assert_allclose([found.estimate.value, found.error], [pseudo.mean(), stats.sem(pseudo)])
    constant = np.full(60, known.mean())
    ppi = f.mean() + (y - f)[known].mean()
    assert_allclose(dsl_mean(f, labels, constant).estimate.value, ppi)
    assert_allclose(dsl_mean(f, labels, constant, normalised=True).estimate.value, ppi)


def test_dsl_has_no_bias_where_labels_are_chosen_on_purpose() -> None:
    rng = np.random.default_rng(5)
    values = {False: [], True: [], "naive": []}
    for _ in range(2000):
        y = rng.normal(size=300)
        f = y + 1 + (y > 0)  # wrong where y is high
        p = np.where(y > 0, 0.05, 0.3)
        known = rng.random(300) < p
        labels = np.where(known, y, np.nan)
        for normalised in (False, True):
            values[normalised].append(dsl_mean(f, labels, p, normalised=normalised).estimate.value)
        values["naive"].append(np.nanmean(labels))
    for normalised in (False, True):
        assert abs(np.mean(values[normalised])) < 0.02
    assert np.mean(values["naive"]) < -0.3


def test_normalised_dsl_does_not_care_about_a_constant() -> None:
    rng = np.random.default_rng(6)
    y, f = normal(rng, 60)
    p = rng.uniform(0.2, 0.9, 60)
    labels = np.where(rng.random(60) < p, y, np.nan)
    one, other = (dsl_mean(f + c, labels, p, normalised=True) for c in (0, 100))
    assert_allclose([one.estimate.value, one.error], [other.estimate.value, other.error])


def test_rogan_gladen_known_answer_and_delta_method() -> None:
    found = rogan_gladen((310, 1000), (80, 100), (90, 100))
    assert_allclose(found.estimate.value, 0.3)
    rng = np.random.default_rng(7)
    p, se, sp = rng.binomial(1000, 0.31, 200_000) / 1000, *(rng.binomial(100, q, 200_000) / 100 for q in (0.8, 0.9))
    assert_allclose(found.error, np.std((p + sp - 1) / (se + sp - 1)), rtol=0.08)


def test_rogan_gladen_refuses_a_judge_no_better_than_chance() -> None:
    with pytest.raises(PolycriticError, match=r"no better than chance.*a sum above 1.*= 1\. Use the labels"):
        rogan_gladen((5, 10), (5, 10), (5, 10))


def test_binary_judge_by_its_beta_distributions() -> None:
    rng = np.random.default_rng(8)
    judged = np.array([1.0] * 300 + [0.0] * 200)
    labels = np.full(500, np.nan)
    labels[:12], labels[300:308] = [1.0] * 10 + [0.0] * 2, [0.0] * 7 + [1.0]
    draws = 0.6 * rng.beta(10.5, 2.5, 400_000) + 0.4 * rng.beta(1.5, 7.5, 400_000)
    found = corrected_mean(judged, labels).estimate
    assert found.n == 20
    assert_allclose(
        [found.value, found.low, found.high], [draws.mean(), *np.quantile(draws, [0.025, 0.975])], atol=0.012
    )


@pytest.mark.realdata
@pytest.mark.parametrize("n", [20, 100])
def test_a_few_labels_correct_one_persons_votes(real_data: Path, n: int) -> None:
    """How often the first answer wins by majority, from one person's votes and the majority on a few pairs."""
    with gzip.open(real_data / "pandalm_annotations.jsonl.gz", "rt") as lines:
        votes = np.array([json.loads(line)["votes"] for line in lines])
    one, majority = (votes[:, 0] == 1).astype(float), ((votes == 1).sum(axis=1) > 1).astype(float)
    rng, hits, widths, plain = np.random.default_rng(0), 0, [], []
    for _ in range(1000):
        known = np.zeros(len(one), dtype=bool)
        known[rng.choice(len(one), n, replace=False)] = True
        e = corrected_mean(one, np.where(known, majority, np.nan)).estimate
        hits += e.low <= majority.mean() <= e.high
        widths.append(e.high - e.low)
        plain.append(2 * stats.t.ppf(0.975, n - 1) * stats.sem(majority[known]))
    assert hits / 1000 >= 0.93
    assert np.mean(widths) < 0.75 * np.mean(plain)
