"""Dawid and Skene's model: each annotator has a confusion matrix of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.trust._annotations import gather, majority_vote, posterior_of

if TYPE_CHECKING:
    from polycritic.core import FloatArray
    from polycritic.trust._annotations import Annotations


@dataclass(frozen=True, slots=True, eq=False)
class DawidSkene:
    """What :func:`dawid_skene` found.

    Args:
        posterior: (items, classes) probability of each class.
        prior: (classes,) how common each class is.
        confusion: (annotators, classes, classes) P(says column | true is row); NaN rows where an annotator never met a class.
        log_likelihood: Of the labels, after each step.

    >>> found = DawidSkene(np.array([[1.0, 0.0]]), np.array([1.0, 0.0]), np.ones((1, 2, 2)) / 2, (-1.0,))
    >>> found.posterior.argmax(axis=1)
    array([0])
    """

    posterior: FloatArray
    prior: FloatArray
    confusion: FloatArray
    log_likelihood: tuple[float, ...]


def dawid_skene(
    annotations: Annotations, *, smoothing: float = 0.0, tolerance: float = 1e-8, steps: int = 1000
) -> DawidSkene:
    r"""Expectation maximisation of class prior and confusion matrices, from the shares of votes.

    .. math:: P(z_i = c) \propto \pi_c \prod_{j} \psi^{(j)}_{c, l_{ij}}, \qquad
        \psi^{(j)}_{c l} \propto \sum_{i: l_{ij} = l} P(z_i = c)

    **Laws**: the log-likelihood never falls; renaming classes or annotators renames the result.

    Args:
        annotations: Who said what.
        smoothing: Added to each count of a confusion matrix; above 0 it keeps annotators of few items from extremes.
        tolerance: Stop when the log-likelihood of a label grows by less.
        steps: At most how many steps.

    >>> from polycritic.trust import annotations_from_table
    >>> table = np.array([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
    >>> dawid_skene(annotations_from_table(table)).posterior.argmax(axis=1)
    array([0, 1, 0, 1])

    References:
        Dawid and Skene (1979), Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm.
    """
    n, m, k = annotations.shape
    item, said = annotations.item, annotations.annotator * k + annotations.label
    posterior = majority_vote(annotations)
    history: list[float] = []
    for _ in range(steps):
        prior = posterior.mean(axis=0)
        counts = (
            gather(posterior[item], said, m * k).reshape(m, k, k).swapaxes(1, 2) + smoothing
        )  # annotator, true, said
        totals = counts.sum(axis=2, keepdims=True)
        confusion = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
        with np.errstate(divide="ignore"):
            of_label = np.log(np.nan_to_num(confusion)).swapaxes(1, 2).reshape(m * k, k)
            log_joint = np.maximum(np.log(prior), -1e4) + gather(np.maximum(of_label[said], -1e4), item, n)
        posterior, likelihood = posterior_of(log_joint)
        history.append(likelihood)
        if len(history) > 1 and history[-1] - history[-2] < tolerance * len(item):
            break
    return DawidSkene(posterior, prior, confusion, tuple(history))
