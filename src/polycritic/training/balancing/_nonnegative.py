"""Quadratic programmes over the nonnegative orthant, many at once."""

from __future__ import annotations

import numpy as np

from polycritic.core import BoolArray, FloatArray

RIDGE = 1e-13
"""Added to the unit diagonal, so that duplicates have one solution."""
ROUNDS = 12
"""Of pivoting; regular problems of 64 take half as many."""
WRONG = 1e-12
"""A sign counts as wrong from here on, as a share of the largest number of its kind."""


def nonnegative(A: FloatArray, B: FloatArray, free: BoolArray | None = None) -> FloatArray:
    r"""Solve :math:`\min_{x \ge 0} \tfrac12 x^\top A x - b^\top x` for every row b of B.

    All rows go together through block principal pivoting: guess which entries are free, solve for them, exchange those whose
    sign is wrong. It takes a handful of rounds where A is regular. Rows that go round in circles, as they may where A is
    singular, are solved one by one by Lawson and Hanson's active set, which always ends.

    Args:
        A: Symmetric, positive semi-definite, with a positive diagonal, (p, p); every b is in its range.
        B: (m, p).
        free: (m, p) which entries to take for free at first, for example those of a problem nearby; by default none.

    Returns:
        The solutions, (m, p).

    References:
        Portugal, Júdice and Vicente (1994), A Comparison of Block Pivoting and Interior-Point Algorithms for Linear Least
        Squares Problems with Nonnegative Variables. Lawson and Hanson (1974), Solving Least Squares Problems.
    """
    scale = 1.0 / np.sqrt(A.diagonal())
    A = A * scale[:, None] * scale + RIDGE * np.eye(len(A))
    B = B * scale
    X, done = _pivot(A, B, np.zeros(B.shape, dtype=bool) if free is None else free.copy())
    for row in np.flatnonzero(~done):
        X[row] = _one(A, B[row])
    return X * scale


def _pivot(A: FloatArray, B: FloatArray, free: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Block principal pivoting from a first guess; which rows were solved."""
    rows, size = B.shape
    x, slope = _guessed(A, B, free) if free.any() else (np.zeros_like(B), -B)
    fewest, patience = np.full(rows, size + 1), np.full(rows, 3)
    smallest = WRONG * np.abs(B).max(axis=1, keepdims=True, initial=0.0)
    for _ in range(ROUNDS):
        floor = WRONG * np.abs(x).max(axis=1, keepdims=True)
        wrong = np.where(free, x < -floor, slope < -smallest)
        count = wrong.sum(axis=1)
        todo = np.flatnonzero(count)
        if len(todo) == 0:
            break
        fewer = count < fewest
        fewest = np.where(fewer, count, fewest)
        patience = np.where(fewer, 3, patience - 1)
        last = size - 1 - wrong[:, ::-1].argmax(axis=1)
        alone = wrong & (np.arange(size) == last[:, None])
        free ^= np.where((patience >= 0)[:, None], wrong, alone)
        x[todo], slope[todo] = _guessed(A, B[todo], free[todo])
    else:
        return np.maximum(x, 0.0), count == 0
    return np.maximum(x, 0.0), np.ones(rows, dtype=bool)


def _guessed(A: FloatArray, B: FloatArray, free: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The solutions if these entries are free and all others zero, and the slopes of the others."""
    system = np.where(free[:, :, None] & free[:, None, :], A, np.eye(len(A)))
    x = np.linalg.solve(system, np.where(free, B, 0.0)[..., None])[..., 0]
    return x, np.where(free, 0.0, x @ A - B)


def _one(A: FloatArray, b: FloatArray) -> FloatArray:
    """Lawson and Hanson's active set for one row."""
    x, free = np.zeros_like(b), np.zeros(len(b), dtype=bool)
    refused = free.copy()
    for _ in range(10 * len(b)):
        gain = np.where(free | refused, 0.0, b - A @ x)
        entering = int(gain.argmax())
        if gain[entering] <= WRONG * np.abs(b).max():
            break
        free[entering] = True
        aim = _solved(A, b, free)
        if aim[entering] <= 0.0:  # it depends on those that are free already
            free[entering], refused[entering] = False, True
            continue
        while (aim[free] <= 0.0).any():
            falling = np.flatnonzero(free & (aim <= 0.0))
            share = (x[falling] / (x[falling] - aim[falling])).min()
            x += share * (aim - x)
            free &= x > WRONG * x.max()
            x[~free] = 0.0
            aim = _solved(A, b, free)
        x, refused = aim, np.zeros_like(refused)
    return x


def _solved(A: FloatArray, b: FloatArray, free: BoolArray) -> FloatArray:
    x = np.zeros_like(b)
    x[free] = np.linalg.solve(A[np.ix_(free, free)], b[free])
    return x
