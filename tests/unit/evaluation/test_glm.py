"""The solver behind strengths, styles and severities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from polycritic.core import PolycriticError
from polycritic.evaluation._glm import (
    FALLBACK_RIDGE,
    Design,
    Logistic,
    cluster_covariance,
    fit,
    model,
    refit,
    row_covariance,
)


def data(n: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = rng.random(n).round(2)
    return x, y, rng.uniform(0.5, 2, n)


@pytest.mark.parametrize("split", [0, 1, 3])
def test_dense_and_sparse_columns_are_the_same_columns(split: int) -> None:
    x, y, w = data()
    design = Design(sparse.csr_array(x[:, :split]), x[:, split:] if split < 3 else None)
    whole = fit(model([Design(sparse.csr_array(x))], Logistic(), y, weight=w, ridge=0.3))
    found = fit(model([design], Logistic(), y, weight=w, ridge=0.3))
    assert_allclose(found.parameters, whole.parameters, atol=1e-12)
    assert_allclose(found.inverse(), whole.inverse(), atol=1e-12)


def test_ridge_is_in_units_of_the_total_loss() -> None:
    x, y, w = data()
    found = fit(model([Design(sparse.csr_array(x))], Logistic(), y, weight=w, ridge=2.0))
    # scikit-learn's C is the inverse of a ridge on the total loss; soft outcomes are rows written twice.
    reference = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=10_000)
    reference.fit(np.vstack([x, x]), np.repeat([1, 0], 200), sample_weight=np.concatenate([w * y, w * (1 - y)]))
    assert_allclose(found.parameters, reference.coef_[0], atol=1e-5)
    p = expit(x @ found.parameters)
    assert_allclose(np.linalg.inv(found.inverse()), (x * (w * p * (1 - p))[:, None]).T @ x + 2 * np.eye(3), rtol=1e-8)


def test_both_ways_to_add_cells_agree() -> None:
    rng = np.random.default_rng(1)
    n = 500
    index = np.column_stack([rng.integers(0, 5, n), 5 + rng.integers(0, 5, n)])
    regular = sparse.csr_array((rng.normal(size=2 * n), index.ravel(), np.arange(0, 2 * n + 1, 2)), shape=(n, 10))
    w = rng.random(n)
    expected = regular.toarray().T @ np.diag(w) @ regular.toarray()
    assert_allclose(Design(regular).gram(Design(regular.copy()), w), expected, atol=1e-12)
    one = Design(regular)
    assert_allclose(one.gram(one, w), expected, atol=1e-12)


def test_separated_outcomes_are_held_and_said_to_be() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    found = fit(model([Design(sparse.csr_array(x))], Logistic(), np.array([0.0, 0, 1, 1])))
    assert found.shrunk
    assert np.isfinite(found.parameters).all()
    held = fit(model([Design(sparse.csr_array(x))], Logistic(), np.array([0.0, 0, 1, 1]), ridge=FALLBACK_RIDGE))
    assert_allclose(found.parameters, held.parameters)
    assert not held.shrunk


def test_columns_that_follow_from_others_are_refused() -> None:
    x, y, _ = data()
    with pytest.raises(PolycriticError, match="cannot be told apart"):
        fit(model([Design(sparse.csr_array(np.column_stack([x, x[:, 0] + x[:, 1]])))], Logistic(), y))
    fit(model([Design(sparse.csr_array(np.column_stack([x, x[:, 0]])))], Logistic(), y, ridge=0.1))


def test_no_rows_are_refused() -> None:
    x, y, _ = data()
    with pytest.raises(PolycriticError, match="nothing to fit"):
        fit(model([Design(sparse.csr_array(x))], Logistic(), y, weight=np.zeros(200)))


def test_free_directions_have_no_part() -> None:
    x, y, _ = data()
    wide = np.column_stack([x, -x.sum(1)])  # adding one number to all four parameters changes nothing
    found = fit(model([Design(sparse.csr_array(wide))], Logistic(), y, free=np.ones((1, 4)), start=np.ones(4)))
    assert_allclose(found.parameters.sum(), 0, atol=1e-12)
    assert_allclose(found.inverse().sum(0), 0, atol=1e-12)
    narrow = fit(model([Design(sparse.csr_array(x))], Logistic(), y))
    assert_allclose(found.parameters[:3] - found.parameters[3], narrow.parameters, atol=1e-10)


def test_clusters_of_one_row_are_rows() -> None:
    x, y, w = data()
    problem = model([Design(sparse.csr_array(x[:, :1]), x[:, 1:])], Logistic(), y, weight=w)
    found = fit(problem)
    by_row = row_covariance(problem, found, w**2)
    by_cluster = cluster_covariance(problem, found, sparse.diags_array(w).tocsr())
    assert_allclose(by_cluster, by_row * 200 / 199, rtol=1e-10)
    one = sparse.csr_array(w[None])
    assert np.isnan(cluster_covariance(problem, found, one)).all()


def test_refitting_to_other_weights() -> None:
    x, y, w = data()
    problem = model([Design(sparse.csr_array(x))], Logistic(), y, weight=w)
    found = fit(problem)
    weights = np.random.default_rng(2).poisson(1.0, (200, 6)).astype(float)
    weights[:, 5] = np.arange(200) < 4  # far from the known fit: solved on its own
    together = refit(problem, found, weights)
    for b in range(5):
        alone = fit(model([Design(sparse.csr_array(x))], Logistic(), y, weight=weights[:, b]))
        assert_allclose(together[:, b], alone.parameters, atol=1e-4)
    alone = fit(model([Design(sparse.csr_array(x))], Logistic(), y, weight=weights[:, 5], ridge=1e-8))
    assert_allclose(together[:, 5], alone.parameters, atol=1e-4)
