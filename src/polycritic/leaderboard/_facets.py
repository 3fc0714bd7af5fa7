"""Many-facet Rasch: strict and lenient judges told apart from good and bad systems."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from polycritic.core import FloatArray, IntArray, PolycriticError
from polycritic.evaluation._glm import Design, fit, model
from polycritic.leaderboard._names import Names, encode


@dataclass(frozen=True, slots=True, eq=False)
class Facet:
    """The measures of one facet.

    Args:
        name: Such as ``judge``.
        elements: Its elements.
        measure: (e,) in log-odds; for all but the first facet they sum to 0, and high is severe or hard.
        error: (e,) standard errors.
        n: (e,) how many ratings each has.

    >>> found = many_facet_rasch([1, 0], {"system": ["a", "b"]})
    >>> found.facets[0].name, found.facets[0].elements
    ('system', ('a', 'b'))
    """

    name: str
    elements: tuple[str, ...]
    measure: FloatArray
    error: FloatArray
    n: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FacetFit:
    """A many-facet Rasch model.

    Args:
        facets: In the order given.
        thresholds: (c - 1,) steps between categories, with sum 0.
        fair: (e,) expected category of each element of the first facet with every other facet at 0: its rating if all
            had had the same judges and items.
        shrunk: Whether the ridge had to be raised to hold the measures.

    >>> found = many_facet_rasch([1, 0, 2], {"system": ["a", "b", "a"]})
    >>> len(found.thresholds), bool(found.fair[0] > found.fair[1])
    (2, True)
    """

    facets: tuple[Facet, ...]
    thresholds: FloatArray
    fair: FloatArray
    shrunk: bool


def many_facet_rasch(
    category: ArrayLike, facets: Mapping[str, Names], *, levels: int = 0, ridge: float = 0.01
) -> FacetFit:
    r"""Measures of systems, items and judges on one scale, from ratings in ordered categories.

    .. math:: \log \frac{P(k)}{P(k-1)} = \theta_n - \beta_i - \alpha_j - \tau_k

    Joint maximum likelihood, held by a small ridge so that perfect scores stay finite.

    Args:
        category: (n,) whole numbers from 0; NaN where there is no rating.
        facets: Name -> (n,) elements; of the first facet (systems) more is better, of the others (items, judges) more
            is harder or more severe.
        levels: How many categories there are; one more than the highest seen if 0.
        ridge: Penalty on all measures, in units of the total loss.

    Raises:
        PolycriticError: Ratings are not whole numbers in range, columns differ in length, or there is one category.

    References:
        Linacre (1989), Many-facet Rasch measurement.

    >>> found = many_facet_rasch([1, 0, 1, 1, 0, 0], {"system": list("aabbcc"), "judge": list("xyxyxy")})
    >>> found.facets[1].elements, bool(found.facets[1].measure[1] > found.facets[1].measure[0])
    (('x', 'y'), True)
    """
    rating = np.asarray(category, dtype=np.float64)
    there = ~np.isnan(rating)
    whole = rating[there]
    top = levels - 1 if levels else int(whole.max(initial=0.0))
    if not ((whole == whole.round()) & (whole >= 0) & (whole <= top)).all() or top < 1 or len(facets) < 1:
        raise PolycriticError(
            "bad ratings", found=f"{len(np.unique(whole))} values", expected=f"whole numbers from 0 to {max(top, 1)}"
        )
    codes, elements = [], []
    for name, column in facets.items():
        (code,), names = encode([column], name)
        if len(code) != len(rating):
            raise PolycriticError(
                "columns differ in length", where=name, found=str(len(code)), expected=str(len(rating))
            )
        codes.append(code[there])
        elements.append(names)
    n, starts = len(whole), np.cumsum([0, *(len(names) for names in elements)])
    size = int(starts[-1]) + top
    signs = np.array([1.0, *[-1.0] * (len(codes) - 1), -1.0])
    index = np.column_stack(
        [code + start for code, start in zip(codes, starts[:-1], strict=True)] + [np.zeros(n, np.int64)]
    )
    designs = []
    for step in range(top):
        index[:, -1] = starts[-1] + step
        designs.append(
            Design(
                sparse.csr_array(
                    (np.tile(signs, n), index.ravel().copy(), np.arange(0, n * len(signs) + 1, len(signs))),
                    shape=(n, size),
                )
            )
        )
    found = fit(model(designs, AdjacentCategories(top), whole, ridge=ridge))
    return _measures(found.parameters, found.inverse(), (tuple(facets), elements, codes), starts, shrunk=found.shrunk)


def _measures(
    parameters: FloatArray,
    inverse: FloatArray,
    parts: tuple[tuple[str, ...], list[tuple[str, ...]], list[IntArray]],
    starts: IntArray,
    *,
    shrunk: bool,
) -> FacetFit:
    """Move all but the first facet to sum 0; what is taken off goes to the first."""
    names, elements, codes = parts
    size = len(parameters)
    move = np.eye(size)
    first = slice(0, starts[1])
    blocks = [slice(a, b) for a, b in itertools.pairwise(starts[1:].tolist())] + [slice(starts[-1], size)]
    for block in blocks:
        width = block.stop - block.start
        move[block, block] -= 1.0 / width
        move[first, block] -= 1.0 / width
    moved = move @ parameters
    error = np.sqrt(np.maximum(np.diag(move @ inverse @ move.T), 0.0))
    facets = tuple(
        Facet(
            name,
            elements[f],
            moved[starts[f] : starts[f + 1]],
            error[starts[f] : starts[f + 1]],
            np.bincount(codes[f], minlength=len(elements[f])).astype(np.float64),
        )
        for f, name in enumerate(names)
    )
    thresholds = moved[starts[-1] :]
    return FacetFit(facets, thresholds, _expected(facets[0].measure, thresholds), shrunk)


def _expected(theta: FloatArray, thresholds: FloatArray) -> FloatArray:
    eta = theta[None] - thresholds[:, None]
    p = _categories(eta)
    return np.asarray(np.arange(len(p)) @ p, dtype=np.float64)


def _categories(eta: FloatArray) -> FloatArray:
    """(c, ...) probabilities of the categories from the (c - 1, ...) log-odds of neighbours."""
    logits = np.concatenate([np.zeros_like(eta[:1]), np.cumsum(eta, axis=0)])
    weights = np.exp(logits - logits.max(0))
    return np.asarray(weights / weights.sum(0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class AdjacentCategories:
    """Ordered categories; predictor k is the log-odds of category k against the one below."""

    predictors: int

    def _at_least(self, eta: FloatArray) -> FloatArray:
        p = _categories(eta)
        return np.asarray(np.cumsum(p[::-1], axis=0)[::-1][1:], dtype=np.float64)

    def _reached(self, eta: FloatArray, outcome: FloatArray) -> FloatArray:
        step = np.arange(1, self.predictors + 1).reshape(-1, *[1] * (eta.ndim - 1))
        return (outcome >= step).astype(np.float64)

    def loss(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """Minus the log-probability of the category."""
        logits = np.concatenate([np.zeros_like(eta[:1]), np.cumsum(eta, axis=0)])
        return np.asarray(
            np.logaddexp.reduce(logits, axis=0) - (self._reached(eta, outcome) * eta).sum(0), dtype=np.float64
        )

    def gradient(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:
        """The chance of reaching each category, minus whether it was reached."""
        return np.asarray(self._at_least(eta) - self._reached(eta, outcome), dtype=np.float64)

    def curvature(self, eta: FloatArray, outcome: FloatArray, /) -> FloatArray:  # noqa: ARG002
        """Covariance of having reached two categories."""
        reach = self._at_least(eta)
        both = np.minimum(reach[:, None], reach[None])  # who reached the higher one reached the lower one too
        return np.asarray(both - reach[:, None] * reach[None], dtype=np.float64)
