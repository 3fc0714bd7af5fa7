from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.core import Candidate, Comparison, FloatArray, PolycriticError, Task


@dataclass(frozen=True, slots=True, eq=False)
class CyclicWorld:
    """Preferences that no score explains.

    Args:
        task: What is compared.
        candidates: The k contestants, written as one-hot numbers, each with its name as ``model``.
        rows: Comparisons.
        preferences: (k, k) true probability that the row's contestant beats the column's.

    >>> cyclic_world(1, seed=0).task.name
    'cyclic'
    """

    task: Task
    candidates: tuple[Candidate, ...]
    rows: tuple[Comparison, ...]
    preferences: FloatArray


def cyclic_world(n: int, *, contestants: int = 3, strength: float = 0.8, seed: int) -> CyclicWorld:
    """Rock, paper, scissors: each contestant beats the half of the others that follow it in a circle.

    Args:
        n: How many comparisons.
        contestants: k, an odd number.
        strength: The probability that the one who should win does.
        seed: Same seed, same rows.

    Raises:
        PolycriticError: The contestants are not three or more and odd, or the strength is not 0 to 1.

    >>> cyclic_world(10, seed=0).preferences
    array([[0.5, 0.8, 0.2],
           [0.2, 0.5, 0.8],
           [0.8, 0.2, 0.5]])
    """
    if contestants < 3 or contestants % 2 == 0 or not 0 <= strength <= 1:
        raise PolycriticError(
            "bad cyclic world",
            found=f"{contestants} contestants, strength {strength}",
            expected="an odd number of contestants, three or more, and a strength of 0 to 1",
        )
    ahead = (np.arange(contestants) - np.arange(contestants)[:, None]) % contestants
    preferences = np.where(ahead == 0, 0.5, np.where(ahead <= contestants // 2, strength, 1 - strength))
    preferences = preferences.round(12)
    rng = np.random.default_rng(seed)
    candidates = tuple(
        Candidate("contest", " ".join("1" if j == i else "0" for j in range(contestants)), model=f"contestant {i}")
        for i in range(contestants)
    )
    first = rng.integers(contestants, size=n)
    second = (first + rng.integers(1, contestants, size=n)) % contestants
    won = rng.random(n) < preferences[first, second]
    rows = tuple(
        Comparison(task="cyclic", source="cyclic", first=candidates[a], second=candidates[b], preference=float(w))
        for a, b, w in zip(first, second, won, strict=True)
    )
    return CyclicWorld(Task("cyclic", "Which contestant wins?"), candidates, rows, preferences)
