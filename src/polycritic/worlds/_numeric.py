from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polycritic.core import Candidate, Comparison, Feedback, FloatArray, PolycriticError, Rating, Scores, Task, Utility

_DIGITS = 4  # decimals of a feature; the truth is computed from what is written


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NumericWorld:
    r"""Tasks on rows of numbers, whose truth is known.

    Args:
        tasks: The t tasks, on the scale ``Utility``.
        candidates: 2n candidates, two to a prompt; the response is the features, separated by spaces.
        rows: Ratings of every candidate on every task, and comparisons of candidates of one prompt.
        features: (2n, d), independent and standard normal, rounded as they are written.
        weights: (t, d) true weight vectors of unit length; ``weights @ weights.T`` is the stated relation.
        noise: (t,) standard deviation of the noise in a rating or in each side of a comparison, in units of the
            utility's own standard deviation.
        scales: (t,) what a utility is multiplied by to become a rating.
        truth: The expected ratings, (2n, t): no judge has a smaller mean squared error than :math:`\sigma^2 s^2` there.
    """

    tasks: tuple[Task, ...]
    candidates: tuple[Candidate, ...]
    rows: tuple[Feedback, ...]
    features: FloatArray
    weights: FloatArray
    noise: FloatArray
    scales: FloatArray
    truth: Scores

    def __repr__(self) -> str:
        return f"NumericWorld({len(self.tasks)} tasks, {len(self.candidates)} candidates, {len(self.rows)} rows)"


def equal_relation(tasks: int, correlation: float, *, outliers: int = 0) -> FloatArray:
    """The relation of tasks that are all alike: one correlation between any two, and none with the outliers.

    Args:
        tasks: t, how many tasks, outliers included.
        correlation: Between any two that are not outliers.
        outliers: How many of the last tasks have nothing to do with any other.

    Returns:
        (t, t) correlation matrix.

    >>> equal_relation(3, 0.5, outliers=1)
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    relation = np.eye(tasks)
    alike = tasks - outliers
    relation[:alike, :alike] = correlation
    np.fill_diagonal(relation, 1.0)
    return relation


def numeric_world(
    relation: FloatArray,
    n: int,
    *,
    features: int = 0,
    noise: float | Sequence[float] = 0.1,
    scales: Sequence[float] | None = None,
    comparisons: float = 0.5,
    seed: int,
) -> NumericWorld:
    r"""Make a world of tasks whose relations, noise and scales are known.

    Task t gives a candidate with features :math:`x \sim N(0, I)` the utility :math:`u_t = w_t \cdot x`, where the
    weights are drawn so that :math:`w_s \cdot w_t` is exactly the stated correlation of the two tasks' utilities. A
    rating is :math:`s_t (u_t + \sigma_t \varepsilon)`; a comparison prefers the larger of two such noisy utilities, so
    :math:`P(\text{first}) = \Phi((u_1 - u_2) / (\sigma_t \sqrt 2))`.

    Args:
        relation: (t, t) correlations between the tasks' utilities; see :func:`equal_relation`. A negative one makes two
            tasks disagree.
        n: How many prompts; each has two candidates.
        features: d, at least t; the larger of 8 and t unless given.
        noise: One standard deviation, or one for each task.
        scales: One factor for each task; 1 unless given.
        comparisons: The probability that the two candidates of a prompt are compared on a task.
        seed: Same seed, same world.

    Raises:
        PolycriticError: The relation is not a correlation matrix, or a shape or number does not fit it.

    >>> world = numeric_world(equal_relation(3, 0.8), 100, seed=0)
    >>> world
    NumericWorld(3 tasks, 200 candidates, 760 rows)
    >>> np.round(world.weights @ world.weights.T, 6)[0]
    array([1. , 0.8, 0.8])
    """
    relation = np.asarray(relation, dtype=np.float64)
    roots = _roots(relation)
    tasks = len(relation)
    d = features or max(8, tasks)
    stds = np.broadcast_to(np.asarray(noise, dtype=np.float64), (tasks,)) if np.ndim(noise) == 0 else np.asarray(noise)
    factors = np.ones(tasks) if scales is None else np.asarray(scales, dtype=np.float64)
    fits = d >= tasks and stds.shape == factors.shape == (tasks,) and (stds >= 0).all() and 0 <= comparisons <= 1
    if not fits or n < 1 or not np.isfinite([*stds, *factors]).all():
        raise PolycriticError(
            "bad numeric world",
            found=f"n={n}, {d} features, noise {noise}, scales {scales}, comparisons {comparisons}",
            expected=f"n >= 1, {tasks} or more features, one finite noise >= 0 and scale a task, comparisons 0 to 1",
        )
    rng = np.random.default_rng(seed)
    weights = roots @ np.linalg.qr(rng.standard_normal((d, tasks)))[0].T
    x = np.round(rng.standard_normal((2 * n, d)), _DIGITS)
    utilities = x @ weights.T
    ratings = factors * (utilities + stds * rng.standard_normal((2 * n, tasks)))
    felt = utilities + stds * rng.standard_normal((2 * n, tasks))
    compared = rng.random((n, tasks)) < comparisons

    made = tuple(
        Task(f"numeric/{t}", f"Synthetic task {t}: a weighted sum of the numbers.", Utility()) for t in range(tasks)
    )
    candidates = tuple(
        Candidate(f"point {row // 2}", " ".join(f"{number:.{_DIGITS}f}" for number in x[row])) for row in range(2 * n)
    )
    rows: list[Feedback] = []
    for prompt in range(n):
        first, second = 2 * prompt, 2 * prompt + 1
        for t, task in enumerate(made):
            rows += [
                Rating(task=task.name, source="numeric", candidate=candidates[row], value=float(ratings[row, t]))
                for row in (first, second)
            ]
            if compared[prompt, t]:
                preference = 0.5 + 0.5 * math.copysign(1.0, felt[first, t] - felt[second, t])
                rows.append(
                    Comparison(
                        task=task.name,
                        source="numeric",
                        first=candidates[first],
                        second=candidates[second],
                        preference=preference,
                    )
                )
    truth = Scores(made, factors * utilities)
    return NumericWorld(made, candidates, tuple(rows), x, weights, np.array(stds), factors, truth)


def _roots(relation: FloatArray) -> FloatArray:
    """(t, t) matrix R with R Rᵀ = relation."""
    square = relation.ndim == 2 and relation.shape[0] == relation.shape[1] > 0
    if square and np.allclose(relation, relation.T) and np.allclose(np.diag(relation), 1.0):
        values, vectors = np.linalg.eigh(relation)
        if values[0] > -1e-9:
            return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))
    raise PolycriticError(
        "bad relation between tasks",
        found=f"a matrix of shape {relation.shape}",
        expected="a correlation matrix: symmetric, ones on the diagonal, no negative eigenvalue",
    )
