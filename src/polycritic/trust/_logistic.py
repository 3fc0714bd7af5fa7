"""The one logistic fit of this room: Newton's method with fractional labels, weights and a ridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray

_STEPS = 200


def sigmoid(logits: FloatArray) -> FloatArray:
    """The logistic function, without overflow."""
    from scipy.special import expit

    return np.asarray(expit(logits), dtype=np.float64)


def logit(probabilities: FloatArray, edge: float = 1e-12) -> FloatArray:
    """Log-odds; probabilities are kept ``edge`` away from 0 and 1, NaN stays NaN."""
    inside = np.clip(probabilities, edge, 1.0 - edge)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def logistic_loss(logits: FloatArray, labels: FloatArray) -> FloatArray:
    r"""Cross-entropy of each row, :math:`\log(1 + e^z) - y z`, for labels anywhere in [0, 1]."""
    return np.asarray(np.logaddexp(0.0, logits) - labels * logits, dtype=np.float64)


def fit_logistic(design: FloatArray, labels: FloatArray, weights: FloatArray, ridge: FloatArray) -> FloatArray:
    r"""Minimise :math:`\sum_i w_i [\log(1 + e^{x_i b}) - y_i x_i b] + \frac12 \sum_j \rho_j b_j^2` over b.

    Args:
        design: (n, d).
        labels: (n,) in [0, 1].
        weights: (n,) not negative.
        ridge: (d,) penalty of each coefficient, in units of the total loss.

    Returns:
        (d,) coefficients.

    Raises:
        PolycriticError: The loss has no minimum (labels separable and no ridge).
    """
    coefficients = np.zeros(design.shape[1])

    def objective(b: FloatArray) -> float:
        return float(weights @ logistic_loss(design @ b, labels) + 0.5 * ridge @ b**2)

    loss = objective(coefficients)
    for _ in range(_STEPS):
        p = sigmoid(design @ coefficients)
        gradient = design.T @ (weights * (p - labels)) + ridge * coefficients
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        decrease = float(gradient @ step)
        if np.abs(design @ step).max(initial=0.0) < 1e-7:
            if _flat(design, weights, p * (1 - p), ridge):
                break
            return coefficients - step
        scale = 1.0
        while (new := objective(coefficients - scale * step)) > loss - 1e-4 * scale * decrease and scale > 1e-10:
            scale /= 2
        coefficients, loss = coefficients - scale * step, new
    raise PolycriticError(
        "the logistic fit has no finite minimum",
        found=f"coefficients up to {np.abs(coefficients).max():.3g}",
        expected="labels that no weighting of the features separates",
        mend="Give a ridge above 0, or labels of both kinds",
    )


def _flat(design: FloatArray, weights: FloatArray, curvature: FloatArray, ridge: FloatArray) -> bool:
    """Whether some direction that moves the logits has lost all curvature: the minimum lies at infinity there."""
    left, sizes, right = np.linalg.svd(np.sqrt(weights)[:, None] * design, full_matrices=False)
    moves = sizes > 1e-10 * sizes.max(initial=0.0)
    left, right = left[:, moves], right[moves] / sizes[moves, None]
    curved = (left * curvature[:, None]).T @ left + (right * ridge) @ right.T
    return bool(len(curved) and np.linalg.eigvalsh(curved)[0] < 1e-10)
