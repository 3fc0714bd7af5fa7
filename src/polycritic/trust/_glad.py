"""GLAD: how good each annotator is and how hard each item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._annotations import gather, posterior_of
from polycritic.trust._logistic import sigmoid

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from polycritic.core import FloatArray
    from polycritic.trust._annotations import Annotations


@dataclass(frozen=True, slots=True, eq=False)
class Glad:
    """What :func:`glad` found.

    Args:
        posterior: (items, classes) probability of each class.
        ability: (annotators,) 0 guesses, higher is better, negative errs on purpose.
        ease: (items,) above 0; 0 is hopeless, higher is easier.
        objective: Log-likelihood of the labels plus log prior, after each step.

    >>> Glad(np.array([[1.0, 0.0]]), np.ones(1), np.ones(1), (-1.0,)).ability
    array([1.])
    """

    posterior: FloatArray
    ability: FloatArray
    ease: FloatArray
    objective: tuple[float, ...]


def glad(annotations: Annotations, *, tolerance: float = 1e-8, steps: int = 1000) -> Glad:
    r"""The most probable abilities and eases under :math:`P(l_{ij} = z_i) = \sigma(\alpha_j \beta_i)`, :math:`\beta_i > 0`.

    Wrong labels are spread evenly over the other classes. Abilities have a normal prior round 1, the logarithms of ease one
    round 0 (both of variance 1), as in the paper; classes are equally common before anybody
    spoke. The marginal likelihood is climbed directly (L-BFGS); the paper's expectation maximisation
    stands still at the same place.

    **Laws**: log-likelihood plus log prior never falls; renaming classes or annotators renames the result.

    Args:
        annotations: Who said what.
        tolerance: Stop when the objective grows by a smaller share.
        steps: At most how many steps.

    >>> from polycritic.trust import annotations_from_table
    >>> table = np.array([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
    >>> found = glad(annotations_from_table(table))
    >>> found.posterior.argmax(axis=1), bool(found.ability[0] > found.ability[2])
    (array([0, 1, 0, 1]), True)

    References:
        Whitehill, Ruvolo, Wu, Bergsma and Movellan (2009), Whose Vote Should Count More.
    """
    from scipy.optimize import minimize

    n, m, k = annotations.shape
    if k < 2:
        raise PolycriticError("one class leaves nothing to find out", found=str(k), expected="2 or more")
    item, who, label = annotations.item, annotations.annotator, annotations.label
    rows = np.arange(len(item))

    def posterior_at(parameters: FloatArray) -> tuple[FloatArray, float, FloatArray]:
        """Posterior, log-likelihood plus log prior, and each label's strength alpha_j beta_i."""
        strength = parameters[:m][who] * np.exp(parameters[m:][item])
        joint = np.repeat((-np.logaddexp(0, strength) - np.log(k - 1))[:, None], k, axis=1)
        joint[rows, label] = -np.logaddexp(0, -strength)
        posterior, likelihood = posterior_of(gather(joint, item, n) - np.log(k))
        prior = -0.5 * ((parameters[:m] - 1) ** 2).sum() - 0.5 * (parameters[m:] ** 2).sum()
        return posterior, likelihood + float(prior), strength

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        posterior, value, strength = posterior_at(parameters)
        slope = posterior[item, label] - sigmoid(
            strength
        )  # Fisher's identity: as if the truth were known in this share
        by_ability = np.bincount(who, slope * np.exp(parameters[m:])[item], m) - (parameters[:m] - 1)
        by_ease = np.bincount(item, slope * strength, n) - parameters[m:]
        return -value, -np.concatenate([by_ability, by_ease])

    history: list[float] = []

    def keep(intermediate_result: OptimizeResult) -> None:
        history.append(-float(intermediate_result.fun))

    start = np.concatenate([np.ones(m), np.zeros(n)])  # ability, log ease
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=keep,
        options={"maxiter": steps, "ftol": tolerance, "gtol": 1e-6},
    )
    return Glad(posterior_at(found.x)[0], found.x[:m], np.exp(found.x[m:]), tuple(history))
