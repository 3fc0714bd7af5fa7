"""GLAD: how good each annotator is and how hard each item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._annotations import gather, majority_vote, posterior_of
from polycritic.trust._logistic import sigmoid

if TYPE_CHECKING:
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


def glad(annotations: Annotations, *, tolerance: float = 1e-6, steps: int = 200) -> Glad:
    r"""Expectation maximisation of :math:`P(l_{ij} = z_i) = \sigma(\alpha_j \beta_i)`, :math:`\beta_i > 0`.

    Wrong labels are spread evenly over the other classes. Abilities have a normal prior round 1, the logarithms of ease one
    round 0 (both of variance 1), as in the paper; classes are equally common before anybody spoke.

    **Laws**: log-likelihood plus log prior never falls; renaming classes or annotators renames the result.

    Args:
        annotations: Who said what.
        tolerance: Stop when the objective of a label grows by less.
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
    posterior = majority_vote(annotations)
    parameters = np.concatenate([np.ones(m), np.zeros(n)])  # ability, log ease

    def right_and_wrong(parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        strength = parameters[:m][who] * np.exp(parameters[m:][item])
        return strength, -np.logaddexp(0, -strength), -np.logaddexp(0, strength) - np.log(k - 1)

    def log_prior(parameters: FloatArray) -> float:
        return float(-0.5 * ((parameters[:m] - 1) ** 2).sum() - 0.5 * (parameters[m:] ** 2).sum())

    history: list[float] = []
    for _ in range(steps):
        chance = posterior[item, label]  # that the label is right

        def loss(parameters: FloatArray, chance: FloatArray = chance) -> tuple[float, FloatArray]:
            strength, right, wrong = right_and_wrong(parameters)
            value = float((chance * right + (1 - chance) * wrong).sum()) + log_prior(parameters)
            slope = chance - sigmoid(strength)
            ease = np.exp(parameters[m:])
            by_ability = np.bincount(who, slope * ease[item], m) - (parameters[:m] - 1)
            by_ease = np.bincount(item, slope * strength, n) - parameters[m:]
            return -value, -np.concatenate([by_ability, by_ease])

        parameters = minimize(loss, parameters, jac=True, method="L-BFGS-B", options={"maxiter": 50}).x
        _, right, wrong = right_and_wrong(parameters)
        joint = np.repeat(wrong[:, None], k, axis=1)
        joint[rows, label] = right
        posterior, likelihood = posterior_of(gather(joint, item, n) - np.log(k))
        history.append(likelihood + log_prior(parameters))
        if len(history) > 1 and history[-1] - history[-2] < tolerance * len(item):
            break
    return Glad(posterior, parameters[:m], np.exp(parameters[m:]), tuple(history))
