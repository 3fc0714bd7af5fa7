from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from random import Random

from polycritic.core import BagRating, PolycriticError, Rating


def bags(ratings: Iterable[Rating], size: int, *, seed: int) -> list[BagRating]:
    """Put the ratings of each task into bags at random and keep only each bag's mean.

    Args:
        ratings: Ratings of one or more tasks.
        size: How many candidates a bag holds; a task's last bag may hold fewer.
        seed: Same seed, same bags.

    Raises:
        PolycriticError: The size is less than 1.

    >>> from polycritic.core import Candidate
    >>> ratings = [Rating(task="t", candidate=Candidate("p", str(i)), value=float(i)) for i in range(4)]
    >>> sorted(bag.value for bag in bags(ratings, 4, seed=0))
    [1.5]
    """
    if size < 1:
        raise PolycriticError("bad bag size", found=str(size), expected="1 or more")
    rng = Random(f"bags/{seed}")
    of_task: dict[str, list[Rating]] = defaultdict(list)
    for rating in ratings:
        of_task[rating.task].append(rating)
    rows = []
    for task, own in of_task.items():
        rng.shuffle(own)
        for number, start in enumerate(range(0, len(own), size)):
            bag = own[start : start + size]
            mean = sum(rating.value for rating in bag) / len(bag)
            candidates = tuple(rating.candidate for rating in bag)
            rows.append(
                BagRating(task=task, source="bags", group=f"{task} bag {number}", candidates=candidates, value=mean)
            )
    return rows
