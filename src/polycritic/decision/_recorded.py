"""A generator that proposes what somebody wrote down before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from polycritic.core import Candidate, Feedback, PolycriticError, candidates_of


class Recorded:
    """Proposes recorded candidates of the same prompt, drawn without replacement.

    A partial candidate that has begun its response is continued only by those that begin like it.

    Args:
        candidates: What there is; a candidate that comes twice counts once.

    **Laws**: the same seed proposes the same candidates; what is proposed for one prompt does not depend on the others
    asked about.

    >>> recorded = Recorded([Candidate("p", "a"), Candidate("p", "b"), Candidate("q", "c")])
    >>> sorted(c.response for c in recorded.generate([Candidate("p", "")], 2, seed=0)[0])
    ['a', 'b']
    """

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._by_prompt: dict[str, dict[Candidate, None]] = {}
        for candidate in candidates:
            self._by_prompt.setdefault(candidate.prompt, {})[candidate] = None

    @classmethod
    def from_feedback(cls, feedback: Iterable[Feedback]) -> Recorded:
        """The candidates that rows of feedback speak of.

        >>> from polycritic.core import Rating
        >>> Recorded.from_feedback([Rating(task="t", candidate=Candidate("p", "a"), value=1.0)])
        Recorded(1 candidates of 1 prompts)
        """
        return cls(candidate for row in feedback for candidate in candidates_of(row))

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts that have candidates, in the order in which they came."""
        return tuple(self._by_prompt)

    def generate(self, partials: Sequence[Candidate], n: int, /, *, seed: int) -> list[list[Candidate]]:
        """Draw n recorded candidates for each partial one.

        Raises:
            PolycriticError: Fewer than n are recorded for one of them.
        """
        return [self._draw(partial, n, seed) for partial in partials]

    def _draw(self, partial: Candidate, n: int, seed: int) -> list[Candidate]:
        fitting = [c for c in self._by_prompt.get(partial.prompt, ()) if c.response.startswith(partial.response)]
        if len(fitting) < n:
            raise PolycriticError(
                "not enough recorded candidates",
                where=f"prompt {partial.prompt[:60]!r}",
                found=str(len(fitting)),
                expected=f"{n} or more",
                mend="Ask for fewer, or record more",
            )
        key = hashlib.sha256(repr((partial.prompt, partial.response)).encode()).digest()[:8]
        rng = np.random.default_rng([seed, int.from_bytes(key, "big")])
        return [fitting[i] for i in rng.permutation(len(fitting))[:n]]

    def __repr__(self) -> str:
        return f"Recorded({sum(map(len, self._by_prompt.values()))} candidates of {len(self._by_prompt)} prompts)"
