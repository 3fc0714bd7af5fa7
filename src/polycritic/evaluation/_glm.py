"""One solver for the room's regressions: sparse generalised linear models with several linear predictors a row.

Bradley-Terry, ties, style and length control, Rasch and many-facet Rasch differ in two things only: which parameters a
row adds up to its linear predictors (the designs), and what the row costs at those predictors (the family). The solver
is Newton's method on the total loss; rows carry weights, outcomes may be fractions, and the ridge is in units of the
total loss, so it stands in the Hessian and in the errors too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import linalg, sparse
from scipy.special import expit

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polycritic.core import FloatArray

FALLBACK_RIDGE = 0.1
"""What holds the parameters where the likelihood has no finite maximum: a prior of standard deviation 3.2."""

_STEPS = 100
_DECREMENT = 1e-14
_SATURATED = 20.0
_SLOT_CELLS = 4_000_000


class Family(Protocol):
    """A convex loss of the q linear predictors of a row; arrays of predictors are (q, n) or (q, n, b)."""

    @property
    def predictors(self) -> int:
        """How many linear predictors a row has."""
        ...

    def loss(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """Each row's loss, (n,); huge where the predictors are not allowed."""
        ...

    def gradient(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """Its gradient, of the shape of ``eta``."""
        ...

    def curvature(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """Its second derivatives, (q, q, n)."""
        ...


@dataclass(frozen=True, slots=True)
class Logistic:
    """One predictor, the log-odds of an outcome in [0, 1]; the loss is the cross-entropy."""

    predictors: int = 1

    def loss(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """Cross-entropy."""
        return np.asarray(np.logaddexp(0.0, eta[0]) - outcome * eta[0], dtype=np.float64)

    def gradient(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """Probability minus outcome."""
        return np.asarray(expit(eta) - outcome, dtype=np.float64)

    def curvature(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:  # noqa: ARG002
        """``p (1 - p)``."""
        p = expit(eta)
        return np.asarray((p * (1.0 - p))[None], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Which parameters a row adds up to one linear predictor.

    The parameters are the columns of ``sparse`` followed by the columns of ``dense``; all designs of a model have the
    same columns.

    Args:
        sparse: (n, p) matrix in CSR form.
        dense: (n, f) columns without zeros to speak of, such as covariates, or None.
    """

    sparse: Any
    dense: FloatArray | None = None

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return int(self.sparse.shape[1]) + (0 if self.dense is None else self.dense.shape[1])

    def predict(self, parameters: FloatArray) -> FloatArray:
        """The predictor of every row; ``parameters`` is (p + f,) or (p + f, b)."""
        width = self.sparse.shape[1]
        eta: FloatArray = self.sparse @ parameters[:width]
        return eta if self.dense is None else eta + self.dense @ parameters[width:]

    def gather(self, residual: FloatArray) -> FloatArray:
        """The transpose of :meth:`predict`: sums of what rows say, by parameter."""
        part: FloatArray = self.sparse.T @ residual
        return part if self.dense is None else np.concatenate([part, self.dense.T @ residual])

    def gram(self, other: Design, weight: FloatArray) -> FloatArray:
        """``X' diag(weight) Y`` as a dense matrix."""
        if self.dense is not None and other.dense is not None and not self.sparse.shape[1]:
            return np.asarray((self.dense * weight[:, None]).T @ other.dense, dtype=np.float64)
        corner = _sparse_gram(self.sparse, other.sparse, weight)
        if self.dense is None or other.dense is None:
            return corner
        right = self.sparse.T @ (weight[:, None] * other.dense)
        weighted = weight[:, None] * self.dense
        below = right.T if other is self else (other.sparse.T @ weighted).T
        return np.block([[corner, right], [below, weighted.T @ other.dense]])


def _sparse_gram(left: Any, right: Any, weight: FloatArray) -> FloatArray:
    """Rows with few entries each are added cell by cell, which is several times faster than a sparse product."""
    n, p = left.shape
    m = left.nnz // n if n else 0
    same = right is left
    if same and m and m <= 3 and p * p <= min(_SLOT_CELLS, 4 * n) and (np.diff(left.indptr) == m).all():
        index, value = left.indices.reshape(n, m).astype(np.int64), left.data.reshape(n, m)
        total = np.zeros(p * p)
        for s in range(m):
            for t in range(s, m):
                cells = np.bincount(index[:, s] * p + index[:, t], weight * value[:, s] * value[:, t], minlength=p * p)
                total += cells
                if t > s:
                    total += cells.reshape(p, p).T.ravel()
        return total.reshape(p, p)
    return np.asarray((left.T @ _scaled(right, weight)).toarray(), dtype=np.float64)


def _scaled(matrix: Any, weight: FloatArray) -> Any:
    """``diag(weight) @ matrix`` for a matrix in CSR form."""
    data = matrix.data * np.repeat(weight, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where the total loss is least.

    Args:
        parameters: (p,) the minimiser.
        factor: (p, p) lower Cholesky factor of the Hessian of the total loss, made definite along free directions.
        free: (c, p) those directions.
        eta: (q, n) linear predictors.
        loss: The total loss, ridge included.
        steps: How many Newton steps it took.
        shrunk: Whether the loss had no finite minimum, so that :data:`FALLBACK_RIDGE` holds the parameters.
    """

    parameters: FloatArray
    factor: FloatArray
    free: FloatArray
    eta: FloatArray
    loss: float
    steps: int
    shrunk: bool

    def inverse(self) -> FloatArray:
        """(p, p) inverse Hessian, zero along the directions that rows say nothing about."""
        full: FloatArray = linalg.cho_solve((self.factor, True), np.eye(len(self.factor)))
        full = full - self.free.T @ (self.free @ full)
        full = full - (full @ self.free.T) @ self.free
        return np.asarray((full + full.T) / 2.0, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A regression to solve.

    Args:
        designs: One design for each linear predictor of the family.
        family: What rows cost.
        outcome: (n, ...) as the family reads it.
        weight: (n,) weights, not negative.
        ridge: (p,) penalty: ``ridge / 2 * parameter ** 2`` is added to the total loss.
        free: (c, p) directions along which the loss does not change; parameters have no part along them.
        start: (p,) where Newton starts, inside what the family allows.
    """

    designs: tuple[Design, ...]
    family: Family
    outcome: FloatArray
    weight: FloatArray
    ridge: FloatArray
    free: FloatArray
    start: FloatArray


def model(
    designs: Sequence[Design],
    family: Family,
    outcome: FloatArray,
    *,
    weight: FloatArray | None = None,
    ridge: float | FloatArray = 0.0,
    free: FloatArray | None = None,
    start: FloatArray | None = None,
) -> Model:
    """Fill in a :class:`Model`: weights of 1, no ridge, no free direction, a start at 0."""
    n, size = designs[0].sparse.shape[0], designs[0].size
    basis = np.zeros((0, size)) if free is None else np.linalg.qr(np.asarray(free, dtype=np.float64).T)[0].T
    return Model(
        tuple(designs),
        family,
        np.asarray(outcome, dtype=np.float64),
        np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64),
        np.broadcast_to(np.asarray(ridge, dtype=np.float64), (size,)),
        basis,
        np.zeros(size) if start is None else np.asarray(start, dtype=np.float64),
    )


def fit(problem: Model) -> Fit:
    r"""Minimise the total loss by Newton's method with step halving.

    .. math:: \min_\beta \sum_i w_i\,\ell(x_{i1}\beta, \dots, x_{iq}\beta;\, y_i) + \tfrac12 \sum_j \lambda_j \beta_j^2

    Where there is no finite minimum (only wins, all ties, separated covariates) the fit is repeated with a ridge of
    :data:`FALLBACK_RIDGE` on every parameter and marked ``shrunk``.

    Raises:
        PolycriticError: Parameters cannot be told apart, or there is no row with weight.

    >>> one = Design(sparse.csr_array(np.ones((4, 1))))
    >>> found = fit(model([one], Logistic(), np.array([1.0, 1.0, 1.0, 0.0])))
    >>> round(float(found.parameters[0]), 6), found.shrunk
    (1.098612, False)
    """
    if not (problem.weight > 0).any():
        raise PolycriticError("nothing to fit", found="no row with a weight above 0", expected="one or more")
    found = _newton(problem)
    if found is not None:
        return found
    held = replace(problem, ridge=np.maximum(problem.ridge, FALLBACK_RIDGE))
    shrunk = _newton(held, final=True)
    if shrunk is None:
        raise PolycriticError("no minimum found", mend="Set a ridge above 0.")
    return replace(shrunk, shrunk=True)


def _newton(problem: Model, *, final: bool = False) -> Fit | None:
    scale = problem.weight[problem.weight > 0].mean()
    live = problem.weight > 0
    beta = problem.start - problem.free.T @ (problem.free @ problem.start)
    eta, loss = _loss(problem, beta)
    for step in range(_STEPS):
        gradient = _gradient(problem, eta, problem.outcome, problem.weight) + problem.ridge * beta
        curvature = problem.family.curvature(eta, problem.outcome) * problem.weight
        hessian = _assemble(problem.designs, curvature) + np.diag(problem.ridge)
        factor = _factor(hessian, problem.free, saturated=bool(np.abs(eta[:, live]).max(initial=0.0) > _SATURATED))
        if factor is None:
            return None
        move = -linalg.cho_solve((factor, True), gradient)
        decrement = float(-gradient @ move)
        if decrement < _DECREMENT * scale:  # the last step squares what error is left
            eta, loss = _loss(problem, beta + move)
            return Fit(beta + move, factor, problem.free, eta, loss, step + 1, shrunk=False)
        share = 1.0
        while True:
            trial = beta + share * move
            trial_eta, trial_loss = _loss(problem, trial)
            if trial_loss <= loss + 1e-12 * abs(loss) or share < 1e-9:
                break
            share /= 2.0
        if share < 1e-9:  # as low as rounding lets it go
            return Fit(beta, factor, problem.free, eta, loss, step, shrunk=False)
        beta, eta, loss = trial, trial_eta, trial_loss
        if not final and np.abs(eta[:, live]).max(initial=0.0) > _SATURATED:
            return None
    return None


def _loss(problem: Model, beta: FloatArray) -> tuple[FloatArray, float]:
    eta = np.stack([design.predict(beta) for design in problem.designs])
    loss = float(problem.weight @ problem.family.loss(eta, problem.outcome))
    return eta, loss + 0.5 * float(problem.ridge @ beta**2)


def _gradient(problem: Model, eta: FloatArray, outcome: FloatArray, weight: FloatArray) -> FloatArray:
    """Of the loss without its ridge, for one set of weights or (n, b) of them."""
    slope = problem.family.gradient(eta, outcome) * weight
    return np.asarray(sum(design.gather(part) for design, part in zip(problem.designs, slope, strict=True)))


def _assemble(designs: tuple[Design, ...], weight: FloatArray) -> FloatArray:
    """The sum over predictors a and b of ``X_a' diag(weight[a, b]) X_b``."""
    size = designs[0].size
    total = np.zeros((size, size))
    for a, left in enumerate(designs):
        total += left.gram(left, weight[a, a])
        for b in range(a + 1, len(designs)):
            mixed = left.gram(designs[b], weight[a, b])
            total += mixed + mixed.T
    return total


def _factor(hessian: FloatArray, free: FloatArray, *, saturated: bool) -> FloatArray | None:
    """Cholesky's factor; None where saturated rows have flattened the loss."""
    scale = float(np.diag(hessian).mean()) or 1.0
    try:
        lower: FloatArray = linalg.cholesky(hessian + scale * free.T @ free, lower=True)
    except linalg.LinAlgError:
        lower = np.zeros_like(hessian)
    least = np.sqrt(np.maximum(np.diag(hessian), 1e-24 * scale))
    if (np.diag(lower) / least).min() >= 1e-7:
        return lower
    if saturated:
        return None
    raise PolycriticError(
        "parameters cannot be told apart",
        found="columns that are constant or follow from the others",
        mend="Drop such covariates, or set a ridge above 0.",
    )


def row_covariance(problem: Model, found: Fit, squared_weight: FloatArray) -> FloatArray:
    r"""The sandwich with every row on its own.

    .. math:: H^{-1} \Big(\sum_i w_i^2\, s_i s_i^\top\Big) H^{-1}

    Args:
        problem: What was fitted, and ``found`` its fit.
        found: The fit.
        squared_weight: (n,) sum of the squared weights of the rows that a row stands for.
    """
    slope, inverse = problem.family.gradient(found.eta, problem.outcome), found.inverse()
    return inverse @ _assemble(problem.designs, slope[:, None] * slope[None] * squared_weight) @ inverse


def cluster_covariance(problem: Model, found: Fit, clusters: Any) -> FloatArray:
    r"""The sandwich with the scores of a cluster's rows summed first.

    .. math:: \frac{G}{G-1} H^{-1} \Big(\sum_g s_g s_g^\top\Big) H^{-1}

    Args:
        problem: What was fitted.
        found: The fit.
        clusters: (g, n) sparse matrix: the weight of each row in each cluster.

    Returns:
        (p, p) covariance; NaN where there are fewer than two clusters.
    """
    slope = problem.family.gradient(found.eta, problem.outcome)
    total = dense = None
    for design, part in zip(problem.designs, slope, strict=True):
        own = clusters @ _scaled(design.sparse, part)
        total = own if total is None else total + own
        if design.dense is not None:
            columns = clusters @ (part[:, None] * design.dense)
            dense = columns if dense is None else dense + columns
    assert total is not None
    if dense is not None:
        total = sparse.csr_array(sparse.hstack([total, sparse.csr_array(dense)]))
    groups, inverse = total.shape[0], found.inverse()
    if groups < 2:
        return np.full_like(inverse, np.nan)
    meat = (total.T @ total).toarray() * (groups / (groups - 1))
    return np.asarray(inverse @ meat @ inverse, dtype=np.float64)


def refit(problem: Model, found: Fit, weights: FloatArray) -> FloatArray:
    """The minimiser under each of b other sets of weights, near a known fit.

    All sets move together, each by the Hessian of the known fit; the few that do not settle are solved one by one.

    Args:
        problem: What was fitted.
        found: The fit.
        weights: (n, b) weights.

    Returns:
        (p, b) parameters.
    """
    ridge = problem.ridge if not found.shrunk else np.maximum(problem.ridge, FALLBACK_RIDGE)
    beta = np.repeat(found.parameters[:, None], weights.shape[1], axis=1)
    scale = problem.weight[problem.weight > 0].mean()
    outcome = problem.outcome[..., None]
    open_sets = np.arange(weights.shape[1])
    for _ in range(12):
        eta = np.stack([design.predict(beta[:, open_sets]) for design in problem.designs])
        gradient = _gradient(problem, eta, outcome, weights[:, open_sets]) + ridge[:, None] * beta[:, open_sets]
        move = linalg.cho_solve((found.factor, True), gradient)
        beta[:, open_sets] -= move
        decrement = (gradient * move).sum(0)
        keep = ~(decrement < 1e-9 * scale)
        open_sets = open_sets[keep]
        if not len(open_sets):
            break
    held = np.maximum(ridge, 1e-8)  # a resampled set may leave a parameter, or a bridge between parts, without rows
    for b in open_sets:
        beta[:, b] = fit(replace(problem, weight=weights[:, b], ridge=held)).parameters
    return beta
