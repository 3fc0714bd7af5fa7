"""The numeric world against its closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from polycritic.core import Comparison, Rating
from polycritic.worlds import NumericWorld, equal_relation, numeric_world

RELATION = np.array([[1.0, 0.8, -0.5, 0.0], [0.8, 1.0, -0.3, 0.1], [-0.5, -0.3, 1.0, 0.2], [0.0, 0.1, 0.2, 1.0]])
NOISE = (0.0, 0.2, 0.5, 1.0)
SCALES = (1.0, 10.0, 0.1, -2.0)
N = 4000


@pytest.fixture(scope="module")
def world() -> NumericWorld:
    return numeric_world(RELATION, N, noise=NOISE, scales=SCALES, comparisons=1.0, seed=11)


def ratings(world: NumericWorld) -> np.ndarray:
    row_of = {candidate: row for row, candidate in enumerate(world.candidates)}
    column_of = {task.name: column for column, task in enumerate(world.tasks)}
    values = np.full((len(row_of), len(column_of)), np.nan)
    for row in world.rows:
        if isinstance(row, Rating):
            values[row_of[row.candidate], column_of[row.task]] = row.value
    return values


def test_weights_have_the_stated_relation_exactly(world: NumericWorld) -> None:
    np.testing.assert_allclose(world.weights @ world.weights.T, RELATION, atol=1e-12)


def test_utilities_are_correlated_as_stated(world: NumericWorld) -> None:
    found = np.corrcoef((world.features @ world.weights.T).T)
    np.testing.assert_allclose(found, RELATION, atol=4 / np.sqrt(2 * N))


def test_least_squares_finds_weights_and_noise(world: NumericWorld) -> None:
    values = ratings(world) / SCALES
    fitted, *_ = np.linalg.lstsq(world.features, values, rcond=None)
    std = (values - world.features @ fitted).std(axis=0, ddof=world.features.shape[1])
    np.testing.assert_allclose(std, NOISE, rtol=4 / np.sqrt(4 * N), atol=1e-12)
    np.testing.assert_allclose(fitted.T, world.weights, atol=5 / np.sqrt(2 * N))
    np.testing.assert_allclose(fitted[:, 0], world.weights[0], atol=1e-12, err_msg="nothing hides a task without noise")


def test_the_truth_is_what_ratings_are_on_average(world: NumericWorld) -> None:
    error = ratings(world) - world.truth.values
    expected = np.abs(SCALES) * NOISE
    np.testing.assert_allclose(error.mean(0), 0.0, atol=4 * expected.max() / np.sqrt(2 * N))
    np.testing.assert_allclose(np.sqrt((error**2).mean(0)), expected, rtol=4 / np.sqrt(4 * N), atol=1e-12)


def test_comparisons_follow_thurstone(world: NumericWorld) -> None:
    row_of = {candidate: row for row, candidate in enumerate(world.candidates)}
    utilities = world.features @ world.weights.T
    for column, task in enumerate(world.tasks):
        rows = [row for row in world.rows if isinstance(row, Comparison) and row.task == task.name]
        gap = np.array([utilities[row_of[row.first], column] - utilities[row_of[row.second], column] for row in rows])
        won = np.array([row.preference for row in rows])
        if NOISE[column] == 0:
            np.testing.assert_array_equal(won, gap > 0)
            continue
        p = norm.cdf(gap / (NOISE[column] * np.sqrt(2)))
        z = (won - p).sum() / np.sqrt((p * (1 - p)).sum())
        slope = ((won - p) * gap).sum() / np.sqrt((p * (1 - p) * gap**2).sum())
        assert abs(z) < 4
        assert abs(slope) < 4


def test_outliers_have_nothing_to_do_with_the_others() -> None:
    relation = equal_relation(5, 0.7, outliers=2)
    np.testing.assert_array_equal(relation[3:], np.eye(5)[3:])
    assert set(relation[:3, :3][~np.eye(3, dtype=bool)]) == {0.7}
    weights = numeric_world(relation, 2, seed=0).weights
    np.testing.assert_allclose(weights[:3] @ weights[3:].T, 0.0, atol=1e-12)


def test_a_singular_relation_is_fine() -> None:
    world = numeric_world(equal_relation(3, 1.0), 5, noise=0.0, comparisons=0.0, seed=0)
    np.testing.assert_allclose(world.truth.values, world.truth.values[:, :1].repeat(3, axis=1), atol=1e-7)
