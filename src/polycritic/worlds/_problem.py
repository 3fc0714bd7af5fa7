from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

Data = TypeVar("Data")
Steps = tuple[str, ...]


class Grade(IntEnum):
    """How good a response to a problem is, best last: the order that preferences follow.

    ``RIGHT`` is the plain right answer and ``PADDED`` the same answer behind needless words: both are right, and the
    shorter is preferred. The others are wrong: a ``NEAR_MISS`` is off by little; a ``WRONG_STEP`` goes wrong on the
    way; a ``WRONG_FORMAT`` knows the answer but writes it so that nothing can read it; an ``OFF_TOPIC`` response
    answers something else.

    >>> sorted(Grade, reverse=True)[:2], Grade.NEAR_MISS > Grade.OFF_TOPIC
    ([<Grade.RIGHT: 5>, <Grade.PADDED: 4>], True)
    """

    OFF_TOPIC = 0
    WRONG_FORMAT = 1
    WRONG_STEP = 2
    NEAR_MISS = 3
    PADDED = 4
    RIGHT = 5


@dataclass(frozen=True, slots=True)
class Problem(Generic[Data]):
    """One problem of a world.

    Args:
        task: The name of the world's task.
        prompt: What a solver reads.
        data: What the verifier knows: the question as data, never a worked-out solution.
        seed: What it was made from.
        difficulty: 1 (easy) to 5 (hard).

    >>> Problem("sums", "1 + 1 = ?", (1, 1), seed=0, difficulty=1).prompt
    '1 + 1 = ?'
    """

    task: str
    prompt: str
    data: Data
    seed: int
    difficulty: int


def answer_of(response: str) -> str:
    """The part of a response that counts: what follows the last ``Answer:``, or all of it where there is none.

    >>> answer_of("Let me see.\\nAnswer: 12"), answer_of(" 12 ")
    ('12', '12')
    """
    _, marker, after = response.rpartition("Answer:")
    return (after if marker else response).strip()
