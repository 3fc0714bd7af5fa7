"""Metrics against scikit-learn, SciPy and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import kendalltau, spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, mean_squared_error, roc_auc_score

from polycritic import evaluation
from polycritic.core import FloatArray

SEEDS = range(5)


def outcomes(seed: int, n: int = 150) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores with ties, labels of both kinds, weights."""
    rng = np.random.default_rng(seed)
    return (
        np.round(rng.random(n), 1 + seed % 2),
        np.append(rng.integers(2, size=n - 2), [0, 1]).astype(float),
        rng.random(n),
    )


def graded(seed: int, n: int = 150) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    label = rng.integers(6, size=n).astype(float) if seed % 2 else rng.normal(size=n)
    return np.round(label + 2 * rng.normal(size=n), seed % 3), label, rng.random(n)


@pytest.mark.parametrize("seed", SEEDS)
def test_auc_is_scikit_learns(seed: int) -> None:
    score, label, weight = outcomes(seed)
    assert_allclose(evaluation.auc(score, label), roc_auc_score(label, score), rtol=1e-12)
    assert_allclose(evaluation.auc(score, label, weight), roc_auc_score(label, score, sample_weight=weight), rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_errors_are_scikit_learns(seed: int) -> None:
    score, label, weight = outcomes(seed)
    assert_allclose(
        evaluation.brier_error(score, label, weight), brier_score_loss(label, score, sample_weight=weight), rtol=1e-12
    )
    score, label, weight = graded(seed)
    expected = np.sqrt(mean_squared_error(label, score, sample_weight=weight))
    assert_allclose(evaluation.root_mean_squared_error(score, label, weight), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_rank_correlations_are_scipys(seed: int) -> None:
    score, label, _ = graded(seed)
    assert_allclose(evaluation.spearman(score, label), spearmanr(score, label).statistic, rtol=1e-12)
    assert_allclose(evaluation.kendall(score, label), kendalltau(score, label).statistic, rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_weighted_kendall_and_concordance_by_brute_force(seed: int) -> None:
    score, label, weight = (x[:40] for x in graded(seed))
    net = differ_s = differ_y = right = 0.0
    for i, j in itertools.combinations(range(len(score)), 2):
        w, s, y = weight[i] * weight[j], np.sign(score[i] - score[j]), np.sign(label[i] - label[j])
        net += w * s * y
        differ_s, differ_y = differ_s + w * abs(s), differ_y + w * abs(y)
        right += w * (0.5 if s == 0 else float(s == y)) if y else 0.0
    assert_allclose(evaluation.kendall(score, label, weight), net / np.sqrt(differ_s * differ_y), rtol=1e-12)
    assert_allclose(evaluation.concordance(score, label, weight), right / differ_y, rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_concordance_is_the_auc_of_two_classes_and_the_accuracy_of_pairs(seed: int) -> None:
    score, label, weight = outcomes(seed)
    assert_allclose(evaluation.concordance(score, label, weight), evaluation.auc(score, label, weight), rtol=1e-12)
    i, j = np.triu_indices(len(score), 1)
    pairs = evaluation.pairwise_accuracy_fractional(
        score[i], score[j], 0.5 + 0.5 * (label[i] - label[j]), weight[i] * weight[j]
    )
    assert_allclose(evaluation.concordance(score, label, weight), pairs, rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_best_accuracy_and_its_threshold_by_brute_force(seed: int) -> None:
    score, label, weight = outcomes(seed, 60)
    cuts = [-np.inf, *np.unique(score), np.inf]
    expected = max(evaluation.accuracy(score, label, weight, threshold=c) for c in cuts)
    threshold = evaluation.best_threshold(score, label, weight)
    assert_allclose(evaluation.best_accuracy(score, label, weight), expected, rtol=1e-12)
    assert_allclose(evaluation.accuracy(score, label, weight, threshold=threshold), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_reliability_is_scikit_learns(seed: int) -> None:
    score, label, _ = outcomes(seed, 400)
    score = 0.001 + 0.998 * score**1.1  # off the edges, where the two put scores into different bins
    table = evaluation.reliability(score, label, bins=7)
    found, stated = calibration_curve(label, score, n_bins=7)
    full = table.weight > 0
    assert_allclose(table.found[full], found, rtol=1e-12)
    assert_allclose(table.stated[full], stated, rtol=1e-12)
    expected = np.sum(table.weight[full] * np.abs(found - stated)) / len(score)
    assert_allclose(evaluation.expected_calibration_error(score, label, bins=7), expected, rtol=1e-12)


def test_one_against_many_from_published_definitions() -> None:
    # One right answer against nine: decided if the right one is above all (strict), or not below any (inclusive).
    chosen, rejected = np.array([3.0, 3.0, 1.0]), np.array([2.0, 3.0, 3.0])
    preference = np.ones(3)
    found = [
        metric(chosen, rejected, preference)
        for metric in (
            evaluation.pairwise_accuracy,
            evaluation.pairwise_accuracy_fractional,
            evaluation.pairwise_accuracy_inclusive,
        )
    ]
    assert_allclose(found, [1 / 3, 1 / 2, 2 / 3])


NUMBERS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=2, max_size=60)


@given(NUMBERS)
def test_kendall_and_spearman_agree_with_scipy_on_any_ties(rows: list[tuple[int, int]]) -> None:
    score, label = np.array(rows, dtype=float).T
    if len(set(score)) < 2 or len(set(label)) < 2:
        assert np.isnan(evaluation.kendall(score, label))
        assert np.isnan(evaluation.spearman(score, label))
        return
    assert_allclose(evaluation.kendall(score, label), kendalltau(score, label).statistic, atol=1e-12)
    assert_allclose(evaluation.spearman(score, label), spearmanr(score, label).statistic, atol=1e-12)
