"""MACE: who tries and who guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.trust._annotations import gather, majority_vote, posterior_of

if TYPE_CHECKING:
    from polycritic.core import FloatArray
    from polycritic.trust._annotations import Annotations


@dataclass(frozen=True, slots=True, eq=False)
class Mace:
    """What :func:`mace` found.

    Args:
        posterior: (items, classes) probability of each class.
        competence: (annotators,) how often each one copies the truth instead of guessing.
        guesses: (annotators, classes) what each one says when guessing.
        objective: Log-likelihood of the labels plus log prior, after each step.

    >>> Mace(np.array([[1.0, 0.0]]), np.array([0.9]), np.array([[0.5, 0.5]]), (-1.0,)).competence
    array([0.9])
    """

    posterior: FloatArray
    competence: FloatArray
    guesses: FloatArray
    objective: tuple[float, ...]


def mace(annotations: Annotations, *, smoothing: float = 0.1, tolerance: float = 1e-8, steps: int = 1000) -> Mace:
    r"""Expectation maximisation of :math:`P(l_{ij} | z_i) = \theta_j [l_{ij} = z_i] + (1 - \theta_j)\, \xi_{j, l_{ij}}`.

    Annotator j copies the truth with probability :math:`\theta_j`, else draws from habits :math:`\xi_j`; classes are equally
    common before anybody spoke. Starts from the shares of votes, so the same labels always give the same result.

    **Laws**: log-likelihood plus log prior never falls; renaming classes or annotators renames the result.

    Args:
        annotations: Who said what.
        smoothing: Added to each expected count (a Dirichlet prior of 1 + smoothing).
        tolerance: Stop when the objective of a label grows by less.
        steps: At most how many steps.

    >>> from polycritic.trust import annotations_from_table
    >>> table = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 0]])
    >>> found = mace(annotations_from_table(table))
    >>> found.posterior.argmax(axis=1), bool(found.competence[0] > found.competence[2])
    (array([0, 1, 0, 1]), True)

    References:
        Hovy, Berg-Kirkpatrick, Vaswani and Hovy (2013), Learning Whom to Trust with MACE.
    """
    n, m, k = annotations.shape
    item, who, label = annotations.item, annotations.annotator, annotations.label
    rows = np.arange(len(item))
    posterior = majority_vote(annotations)
    competence, guesses = np.full(m, 0.5), np.full((m, k), 1 / k)
    history: list[float] = []
    for _ in range(steps):
        # Was the label copied? Only possible where it is the truth.
        copied = competence[who]
        guessed = (1 - copied) * guesses[who, label]
        copies = posterior[item, label] * np.divide(copied, copied + guessed, out=np.zeros(len(item)), where=copied > 0)
        tried = np.bincount(who, copies, m) + smoothing
        idle = np.bincount(who * k + label, 1 - copies, m * k).reshape(m, k)
        competence = tried / (tried + idle.sum(axis=1) + smoothing)
        habit = idle + smoothing
        totals = habit.sum(axis=1, keepdims=True)
        guesses = np.divide(habit, totals, out=np.full_like(habit, 1 / k), where=totals > 0)
        with np.errstate(divide="ignore"):
            wrong = np.maximum(np.log((1 - competence[who]) * guesses[who, label]), -1e4)
            right = np.log(competence[who] + (1 - competence[who]) * guesses[who, label])
            prior = smoothing * (np.log(competence) + np.log1p(-competence)).sum() if smoothing else 0.0
            prior += smoothing * np.log(guesses).sum() if smoothing else 0.0
        joint = np.repeat(wrong[:, None], k, axis=1)
        joint[rows, label] = right
        posterior, likelihood = posterior_of(gather(joint, item, n) - np.log(k))
        history.append(likelihood + float(prior))
        if len(history) > 1 and history[-1] - history[-2] < tolerance * len(item):
            break
    return Mace(posterior, competence, guesses, tuple(history))
