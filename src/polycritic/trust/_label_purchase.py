"""Quantity against quality: one label each for many items, or several for few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class LabelPurchase:
    """What to buy.

    Args:
        people: How many label each item.
        items: How many items.
        accuracy: Of the majority of their labels.
        effective: How many items with perfect labels these are worth.
        cost: What they cost.

    >>> LabelPurchase(1, 100, 0.7, 16.0, 100.0).effective
    16.0
    """

    people: int
    items: int
    accuracy: float
    effective: float
    cost: float


def majority_accuracy(accuracy: float, people: IntArray | int) -> FloatArray:
    r"""How often the majority of m independent labels is right, :math:`\sum_{i > m/2} \binom{m}{i} a^i (1 - a)^{m - i}`.

    An even split is decided by a coin, so an even number is no better than the odd number below it.

    Args:
        accuracy: Of one label, 0 to 1, between two classes.
        people: How many labels, one number or many.

    >>> majority_accuracy(0.7, np.array([1, 2, 3])).round(3)
    array([0.7  , 0.7  , 0.784])
    """
    from scipy.stats import binom

    if not 0 <= accuracy <= 1 or (np.asarray(people) < 1).any():
        raise PolycriticError(
            "bad labels", found=f"accuracy {accuracy:g}, {people} people", expected="0 to 1, one or more"
        )
    m = np.asarray(people)
    return np.asarray(binom.sf(m // 2, m, accuracy) + np.where(m % 2 == 0, 0.5 * binom.pmf(m // 2, m, accuracy), 0.0))


def best_label_purchase(
    accuracy: float, budget: float, *, item_cost: float = 0.0, label_cost: float = 1.0, most: int = 15
) -> LabelPurchase:
    r"""The number of people an item that makes a budget worth most.

    n items with m labels each cost :math:`n (c_{item} + m\, c_{label})` and are worth :math:`n (2 q_m - 1)^2` items with
    perfect labels, :math:`q_m` being the majority's accuracy. Where items cost nothing, one label each is best; where an item
    costs more than its labels, repeated labels win.

    Args:
        accuracy: Of one label, above 0.5.
        budget: In the unit of the costs.
        item_cost: What a new item costs before anybody labels it.
        label_cost: What one label costs.
        most: At most how many people an item.

    Raises:
        PolycriticError: Labels no better than a coin, costs that are not positive, or a budget for less than one item.

    >>> best_label_purchase(0.7, 3500.0).people, best_label_purchase(0.7, 3500.0, item_cost=2.0).people
    (1, 5)

    References:
        Sheng, Provost and Ipeirotis (2008), Get Another Label?
    """
    if not 0.5 < accuracy <= 1:
        raise PolycriticError("labels no better than a coin", found=f"{accuracy:g}", expected="above 0.5, at most 1")
    if not (item_cost >= 0 and label_cost > 0 and most >= 1 and budget >= item_cost + label_cost):
        raise PolycriticError(
            "nothing can be bought",
            found=f"budget {budget:g}, {item_cost:g} an item, {label_cost:g} a label",
            expected="a budget for one item with one label",
        )
    people = np.arange(1, most + 1, 2)
    cost = item_cost + people * label_cost
    items = np.floor(budget / cost + 1e-9)
    right = majority_accuracy(accuracy, people)
    worth = items * (2 * right - 1) ** 2
    best = int(worth.argmax())
    return LabelPurchase(
        int(people[best]), int(items[best]), float(right[best]), float(worth[best]), float(items[best] * cost[best])
    )
