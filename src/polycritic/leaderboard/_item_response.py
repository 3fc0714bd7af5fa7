"""Item response theory: how hard items are, and how able systems are, from who solved what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from polycritic.core import FloatArray, PolycriticError
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._table import ScoreTable

if TYPE_CHECKING:
    from collections.abc import Callable

_NODES = 41


@dataclass(frozen=True, slots=True)
class OnePL:
    r"""One parameter an item: ``P(solved) = s(ability - difficulty)``, abilities normal with mean 0.

    Args:
        spread: The abilities' standard deviation; estimated if not given.
        ridge: Penalty on difficulties; with 0 an item that all solved is infinitely easy, and so reported.

    References:
        Rasch (1960), Probabilistic models for some intelligence and attainment tests.

    >>> OnePL()
    OnePL(spread=None, ridge=0.1)
    """

    spread: float | None = None
    ridge: float = 0.1


@dataclass(frozen=True, slots=True)
class TwoPL:
    r"""Two parameters an item: ``P(solved) = s(a (ability - difficulty))``, abilities standard normal.

    Args:
        ridge: Penalty on difficulties, and on the logarithms of discriminations.

    References:
        Birnbaum (1968), Some latent trait models and their use in inferring an examinee's ability.

    >>> TwoPL()
    TwoPL(ridge=0.1)
    """

    ridge: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class ItemResponses:
    """Difficulties and abilities.

    Args:
        items: The n items.
        difficulty: (n,) the ability at which an item is solved half the time; infinite where all or none solved it and
            there is no ridge, NaN where nobody tried.
        error: (n,) standard error of the difficulty, other parameters held.
        discrimination: (n,) how sharply an item tells systems apart; all alike in :class:`OnePL`.
        names: The k systems.
        ability: (k,) posterior means.
        ability_error: (k,) posterior standard deviations.
        spread: Standard deviation of the abilities.
        loss: Negative marginal log-likelihood, without the ridge.

    >>> from polycritic.leaderboard import score_table
    >>> item_responses(score_table(["a", "b"], ["x", "x"], [1, 0])).difficulty.round(6) + 0.0
    array([0.])
    """

    items: tuple[str, ...]
    difficulty: FloatArray
    error: FloatArray
    discrimination: FloatArray
    names: tuple[str, ...]
    ability: FloatArray
    ability_error: FloatArray
    spread: float
    loss: float


def item_responses(table: ScoreTable, model: OnePL | TwoPL | None = None) -> ItemResponses:
    r"""Difficulties by marginal maximum likelihood, abilities by posterior means.

    .. math::
        \max \sum_k \log \int \prod_i P_i(\theta)^{y_{ki}} (1 - P_i(\theta))^{1 - y_{ki}}\, \phi(\theta)\, d\theta

    The integral is a Gauss-Hermite sum of 41 nodes. Missing cells are skipped; outcomes may be fractions.

    Args:
        table: Outcomes in [0, 1] of systems on items.
        model: :class:`OnePL` (if not given) or :class:`TwoPL`.

    Raises:
        PolycriticError: Outcomes leave [0, 1].

    References:
        Bock and Aitkin (1981), Marginal maximum likelihood estimation of item parameters; Ding et al. (2024),
        Easy2Hard-Bench: standardized difficulty labels for profiling LLM performance and generalization.

    >>> from polycritic.leaderboard import score_table
    >>> found = item_responses(score_table(["a", "b"] * 2, ["x", "x", "y", "y"], [1, 1, 0, 1]))
    >>> bool(found.difficulty[0] < found.difficulty[1]), bool(found.ability[1] > found.ability[0])
    (True, True)
    """
    from scipy.optimize import minimize

    chosen = model or OnePL()
    there = ~np.isnan(table.values)
    outcome = np.where(there, table.values, 0.0)
    if not ((outcome >= 0) & (outcome <= 1)).all():
        raise PolycriticError("bad outcomes", found=f"{outcome.min()} to {outcome.max()}", expected="0 to 1")
    load = there * table.weight
    tried = load.sum(0)
    solved = (load * outcome).sum(0)
    # Without a ridge an item that all (or none) solved is at infinity, where it says nothing about abilities.
    flat = (solved == 0) | (solved == tried)
    used = (tried > 0) & ~(flat & (chosen.ridge == 0))
    n = int(used.sum())
    free_spread = isinstance(chosen, OnePL) and chosen.spread is None
    nodes, logs = _quadrature()
    own_load, own_solved = load[:, used], (load * outcome)[:, used]
    start = np.zeros(2 * n) if isinstance(chosen, TwoPL) else np.zeros(n + int(free_spread))

    def unpack(v: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        b = v[:n]
        if isinstance(chosen, TwoPL):
            return b, np.exp(v[n:]), 1.0
        spread = float(np.exp(v[n])) if free_spread else float(chosen.spread or 1.0)
        return b, np.ones(n), spread

    def cost(v: FloatArray) -> tuple[float, FloatArray]:
        b, a, spread = unpack(v)
        theta = spread * nodes
        margin, posterior = _posterior(own_solved, own_load, theta, b, a, logs)
        right = posterior.T @ own_solved  # (q, n) expected solved and tried at each node
        total = posterior.T @ own_load
        gap = right - total * expit(a * (theta[:, None] - b))
        g_b = a * gap.sum(0) + chosen.ridge * b
        gradient = [g_b]
        penalty = 0.5 * chosen.ridge * float(b @ b)
        if isinstance(chosen, TwoPL):
            log_a = v[n:]
            penalty += 0.5 * chosen.ridge * float(log_a @ log_a)
            gradient.append(-a * (gap * (theta[:, None] - b)).sum(0) + chosen.ridge * log_a)
        elif free_spread:
            penalty += 0.5 * chosen.ridge * float(v[n] ** 2)
            gradient.append(np.array([-float((gap.sum(1) * theta).sum()) + chosen.ridge * v[n]]))
        return -float(margin.sum()) + penalty, np.concatenate(gradient)

    limits = [(-20.0, 20.0)] * n + [(-5.0, 3.0)] * (len(start) - n)
    solution = (
        minimize(cost, start, jac=True, method="L-BFGS-B", bounds=limits, options=_OPTIONS) if len(start) else None
    )
    b, a, spread = unpack(solution.x if solution is not None else start)
    margin, posterior = _posterior(own_solved, own_load, spread * nodes, b, a, logs)
    theta = spread * nodes
    ability = posterior @ theta
    difficulty = np.where(tried == 0, np.nan, np.where(solved == 0, np.inf, -np.inf))
    difficulty[used] = b
    discrimination, error = np.full(len(tried), np.nan), np.full(len(tried), np.nan)
    discrimination[used] = a
    error[used] = _difficulty_error(posterior, own_solved, own_load, (theta, b, a), chosen.ridge)
    return ItemResponses(
        table.items,
        difficulty,
        error,
        discrimination,
        table.names,
        ability,
        np.sqrt(np.maximum(posterior @ theta**2 - ability**2, 0.0)),
        spread,
        -float(margin.sum()),
    )


_OPTIONS = {"maxiter": 5000, "maxfun": 20000, "ftol": 1e-13, "gtol": 1e-7}


def _quadrature() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, np.log(weights / weights.sum())


def _posterior(
    solved: FloatArray, load: FloatArray, theta: FloatArray, b: FloatArray, a: FloatArray, logs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(k,) log marginal likelihoods and (k, q) posterior weights of the nodes."""
    eta = a * (theta[:, None] - b)
    joint = solved @ eta.T - load @ np.logaddexp(0.0, eta).T + logs
    margin = logsumexp(joint, axis=1)
    return margin, np.exp(joint - margin[:, None])


def _difficulty_error(
    posterior: FloatArray,
    solved: FloatArray,
    load: FloatArray,
    parameters: tuple[FloatArray, FloatArray, FloatArray],
    ridge: float,
) -> FloatArray:
    """By Louis' formula, item by item: complete information less what is missing."""
    theta, b, a = parameters
    p = expit(a * (theta[:, None] - b))
    complete = ((posterior.T @ load) * a**2 * p * (1.0 - p)).sum(0)
    first = -a * (solved - load * (posterior @ p))  # posterior mean of each system's score
    second = a**2 * (solved**2 - 2.0 * solved * load * (posterior @ p) + load**2 * (posterior @ p**2))
    information = complete - (second - first**2).sum(0) + ridge
    return np.asarray(1.0 / np.sqrt(np.where(information > 0, information, np.nan)), dtype=np.float64)


def ability(outcome: ArrayLike, difficulty: ArrayLike, discrimination: ArrayLike | None = None) -> float:
    """One system's most likely ability, given the items: infinite where it solved all or none.

    Args:
        outcome: (n,) in [0, 1]; NaN where it did not try.
        difficulty: (n,) difficulties.
        discrimination: (n,) discriminations; 1 if not given.

    >>> round(ability([1, 1, 0], [-1, 0, 1]), 5)
    0.80293
    """
    from scipy.optimize import brentq

    y, b = np.asarray(outcome, dtype=np.float64), np.asarray(difficulty, dtype=np.float64)
    a = np.ones(len(b)) if discrimination is None else np.asarray(discrimination, dtype=np.float64)
    if y.shape != b.shape or a.shape != b.shape or not (a > 0).all():
        raise PolycriticError("bad items", found=f"{y.shape}, {b.shape}", expected="one length, discriminations > 0")
    tried = ~np.isnan(y) & np.isfinite(b)
    y, b, a = y[tried], b[tried], a[tried]
    if not len(y):
        return float("nan")
    score = float(a @ y)
    if score <= 0.0 or score >= float(a.sum()):
        return float("-inf") if score <= 0.0 else float("inf")
    slope: Callable[[float], float] = lambda theta: float(a @ (y - expit(a * (theta - b))))  # noqa: E731
    reach = 1.0
    while slope(-reach) < 0 or slope(reach) > 0:
        reach *= 2.0
    return float(brentq(slope, -reach, reach, xtol=1e-13))


def solving_matches(table: ScoreTable) -> Matches:
    """Each system against each item it tried: the system wins where it solved it. For difficulties by :class:`Glicko2`.

    Systems are named ``system: ...`` and items ``item: ...``; an item's strength is its difficulty.

    Args:
        table: Outcomes in [0, 1].

    >>> from polycritic.leaderboard import score_table
    >>> solving_matches(score_table(["a"], ["x"], [1.0])).names
    ('item: x', 'system: a')
    """
    there = ~np.isnan(table.values)
    if not ((table.values >= 0) & (table.values <= 1))[there].all():
        raise PolycriticError("bad outcomes", expected="0 to 1, or NaN for not tried")
    keys = [
        f"{table.tasks[t]}/{name}" if table.tasks[t] else name for t, name in zip(table.task, table.items, strict=True)
    ]
    names = [f"system: {name}" for name in table.names] + [f"item: {key}" for key in keys]
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    code = np.empty(len(names), dtype=np.int64)
    code[order] = np.arange(len(names))
    item, system = np.nonzero(there.T)
    return Matches(
        tuple(names[i] for i in order),
        code[system],
        code[len(table.names) + item],
        table.values[system, item],
        table.weight[item],
        item,
        {},
        int((~there).sum()),
    )
