"""Glicko-2: ratings with a deviation that shrinks with evidence and a volatility that lets them move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from polycritic.core import FloatArray, IntArray, PolycriticError
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._strengths import Coefficient, Strengths, evidence
from polycritic.leaderboard._table import ScoreTable, as_matches

GLICKO_SCALE = 173.7178
"""Glicko points in one unit of natural log-odds."""


def volatility(sigma: float, phi: float, v: float, delta: float, tau: float) -> float:
    """The new volatility of one player: the root that Glickman's fifth step looks for, by the Illinois method.

    Args:
        sigma: The old volatility.
        phi: The deviation, natural.
        v: Variance of the rating by this period's matches alone.
        delta: The improvement that they suggest.
        tau: How much volatility may change.

    >>> round(volatility(0.06, 1.1513, 1.7785, -0.4834, 0.5), 5)
    0.06
    """
    a = math.log(sigma**2)
    d2, p2 = delta**2, phi**2

    def slope(x: float) -> float:
        e = math.exp(x)
        return e * (d2 - p2 - v - e) / (2.0 * (p2 + v + e) ** 2) - (x - a) / tau**2

    low = a
    if d2 > p2 + v:
        high = math.log(d2 - p2 - v)
    else:
        k = 1
        while slope(a - k * tau) < 0:
            k += 1
        high = a - k * tau
    f_low, f_high = slope(low), slope(high)
    while abs(high - low) > 1e-9:
        middle = low + (low - high) * f_low / (f_high - f_low)
        f_middle = slope(middle)
        if f_middle * f_high <= 0:
            low, f_low = high, f_high
        else:
            f_low /= 2.0
        high, f_high = middle, f_middle
    return math.exp(low / 2.0)


@dataclass(frozen=True, slots=True)
class Glicko2:
    r"""Ratings in periods: all matches of a period count at once, against the ratings before it.

    .. math:: \mu' = \mu + \phi'^2 \sum_j g(\phi_j) (y_j - E_j), \qquad g(\phi) = 1/\sqrt{1 + 3\phi^2/\pi^2}

    Rows are cut, in their order, into equal periods; within a period order does not matter. Estimates are in natural
    log-odds (points less 1500, divided by 173.7178) and errors are the deviations.

    Args:
        periods: How many rating periods.
        tau: How much volatility may change.
        deviation: The deviation before the first match, in points.
        sigma: The volatility before the first match.

    References:
        Glickman (2012), Example of the Glicko-2 system.

    >>> from polycritic.leaderboard import matches
    >>> board = Glicko2(periods=1)(matches(["a", "a"], ["b", "b"], [1, 1]))
    >>> bool(board.estimate[0] > 0 > board.estimate[1])
    True
    """

    periods: int = 10
    tau: float = 0.5
    deviation: float = 350.0
    sigma: float = 0.06

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The ratings after the last period, in natural log-odds."""
        rows = as_matches(data)
        if self.periods < 1 or self.deviation <= 0 or self.sigma <= 0:
            raise PolycriticError("bad Glicko2", found=repr(self), expected="periods, deviation and sigma above 0")
        k = len(rows.names)
        rating, deviation = np.zeros(k), np.full(k, self.deviation / GLICKO_SCALE)
        sigma = np.full(k, self.sigma)
        for part in np.array_split(np.arange(len(rows)), min(self.periods, max(len(rows), 1))):
            rating, deviation, sigma = glicko2_period(
                (rating, deviation, sigma),
                (rows.first[part], rows.second[part]),
                rows.outcome[part],
                rows.weight[part],
                tau=self.tau,
            )
        coefficients = tuple(
            Coefficient(f"volatility of {name}", float(s), float("nan"))
            for name, s in zip(rows.names, sigma, strict=True)
        )
        return Strengths(rows.names, rating, np.diag(deviation**2), *evidence(rows), coefficients)


def glicko2_period(
    state: tuple[FloatArray, FloatArray, FloatArray],
    players: tuple[IntArray, IntArray],
    outcome: FloatArray,
    weight: FloatArray,
    *,
    tau: float = 0.5,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One rating period.

    Args:
        state: (k,) ratings and (k,) deviations in natural log-odds, and (k,) volatilities.
        players: (n,) codes of the first and of the second player of each match.
        outcome: (n,) what the first won.
        weight: (n,) how many matches a row stands for.
        tau: How much volatility may change.

    Returns:
        The state after the period.

    >>> from polycritic.leaderboard._glicko import GLICKO_SCALE as s
    >>> rating = (np.array([1500.0, 1400, 1550, 1700]) - 1500) / s
    >>> deviation = np.array([200.0, 30, 100, 300]) / s
    >>> me, others = np.zeros(3, int), np.array([1, 2, 3])
    >>> new = glicko2_period((rating, deviation, np.full(4, 0.06)), (me, others), np.array([1.0, 0, 0]), np.ones(3))
    >>> round(float(1500 + s * new[0][0]), 2), round(float(s * new[1][0]), 2), round(float(new[2][0]), 6)
    (1464.05, 151.52, 0.059996)
    """
    rating, deviation, sigma = state
    k = len(rating)
    who = np.concatenate(players)
    other = np.concatenate(players[::-1])
    won = np.concatenate([outcome, 1.0 - outcome])
    times = np.concatenate([weight, weight])
    g = 1.0 / np.sqrt(1.0 + 3.0 * deviation**2 / np.pi**2)
    chance = 1.0 / (1.0 + np.exp(-g[other] * (rating[who] - rating[other])))
    information = np.bincount(who, times * g[other] ** 2 * chance * (1.0 - chance), k)
    pull = np.bincount(who, times * g[other] * (won - chance), k)
    new_rating, new_deviation, new_sigma = rating.copy(), np.hypot(deviation, sigma), sigma.copy()
    for i in np.flatnonzero(information > 0):
        v = 1.0 / information[i]
        new_sigma[i] = volatility(float(sigma[i]), float(deviation[i]), float(v), float(v * pull[i]), tau)
        before = deviation[i] ** 2 + new_sigma[i] ** 2
        after = 1.0 / (1.0 / before + information[i])
        new_deviation[i] = math.sqrt(after)
        new_rating[i] = rating[i] + after * pull[i]
    return new_rating, new_deviation, new_sigma
