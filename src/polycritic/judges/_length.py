from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from polycritic.core import Candidate, PolycriticError, Scores, Task


@dataclass(frozen=True, slots=True)
class Length:
    """The longer response wins, or the shorter: what a judge must beat to have read anything.

    The score is the number of characters, with its sign; on right-or-wrong and rating scales it orders, but is no value of the
    scale.

    Args:
        sign: 1 prefers the longer, -1 the shorter.

    Raises:
        PolycriticError: Another sign.

    >>> Length(sign=-1).score([Candidate("p", "abc")], [Task("t")]).values
    array([[-3.]])
    """

    sign: Literal[1, -1] = 1

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise PolycriticError("bad sign", where="Length", found=repr(self.sign), expected="1 or -1")

    @property
    def name(self) -> str:
        """In words."""
        return "longer wins" if self.sign == 1 else "shorter wins"

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """Measure each response."""
        lengths = np.array([self.sign * float(len(c.response)) for c in candidates])
        return Scores(tuple(tasks), np.repeat(lengths[:, None], len(tasks), axis=1))
