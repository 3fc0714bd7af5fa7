"""Varco Arena: systems meet in single-elimination brackets, one bracket a prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from polycritic.core import FloatArray, IntArray, PolycriticError
from polycritic.leaderboard._matches import Matches

Umpire = Callable[[IntArray, IntArray, IntArray], FloatArray]
"""(n,) first systems, (n,) second systems and (n,) items, all as codes -> (n,) what the first won, in [0, 1]."""


def varco_arena(systems: Sequence[str], items: int, umpire: Umpire, *, seed: int) -> Matches:
    r"""Let systems meet in a random single-elimination bracket on every item, and pool the matches.

    A bracket of k systems takes k - 1 matches, of which the better ones play more; an odd one out passes to the next
    round. Of a tie a coin says who goes on; the match stays a tie. The pooled matches go to :class:`BradleyTerry`.

    Args:
        systems: The k systems, each once.
        items: How many items.
        umpire: Says what the first won; called once a round for all items together.
        seed: Of the brackets and coins.

    Returns:
        ``items * (k - 1)`` matches, round by round.

    Raises:
        PolycriticError: Fewer than two systems, a system twice, or an umpire that leaves [0, 1].

    References:
        Son et al. (2024), Varco Arena: a tournament approach to reference-free benchmarking of large language models.

    >>> strength = np.array([2.0, 1.0, 0.0])
    >>> played = varco_arena(["a", "b", "c"], 4, lambda a, b, item: (strength[a] > strength[b]) * 1.0, seed=0)
    >>> len(played), played.items
    (8, 4)
    """
    names = tuple(systems)
    if len(names) < 2 or len(set(names)) < len(names):
        raise PolycriticError("bad tournament", found=repr(names[:10]), expected="two or more systems, each once")
    rng = np.random.default_rng(seed)
    still = rng.permuted(np.tile(np.arange(len(names)), (items, 1)), axis=1)
    rounds: list[tuple[IntArray, IntArray, FloatArray, IntArray]] = []
    while still.shape[1] > 1:
        half = still.shape[1] // 2
        first, second = still[:, :half].ravel(), still[:, half : 2 * half].ravel()
        item = np.repeat(np.arange(items), half)
        outcome = np.asarray(umpire(first, second, item), dtype=np.float64)
        if outcome.shape != first.shape or not ((outcome >= 0) & (outcome <= 1)).all():
            raise PolycriticError("bad umpire", found=f"outcomes {outcome.shape}", expected=f"{first.shape} in [0, 1]")
        coin = rng.random(len(outcome)) < 0.5
        on = (outcome > 0.5) | ((outcome == 0.5) & coin)
        rounds.append((first, second, outcome, item))
        # The odd one out goes first, so that it does not sit out twice in a row.
        still = np.column_stack([still[:, 2 * half :], np.where(on, first, second).reshape(items, half)])
    first, second, outcome, item = (np.concatenate(columns) for columns in zip(*rounds, strict=True))
    order = np.argsort(names, kind="stable")
    code = np.empty(len(names), dtype=np.int64)
    code[order] = np.arange(len(names))
    sorted_names = tuple(names[i] for i in order)
    return Matches(sorted_names, code[first], code[second], outcome, np.ones(len(item)), item, {})
