from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polycritic.core import Candidate, Scores, Task, bounds


@dataclass(frozen=True, slots=True)
class Random:
    """Scores drawn by lot: chance, on the task's own scale.

    A score is a hash of seed, task and candidate, so it is the same in every call and every company. Scales with bounds get
    uniform numbers between them, utilities uniform numbers from 0 to 1.

    Args:
        seed: Another seed, another draw.

    **Laws**: the same candidate and task get the same score; different ones independent scores.

    >>> bool(0 <= Random(seed=1).score([Candidate("p", "abc")], [Task("t")]).values[0, 0] < 1)
    True
    """

    seed: int = 0

    @property
    def name(self) -> str:
        """In words."""
        return "chance"

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """Draw each score."""
        values = np.array([[self._draw(c, t) for t in tasks] for c in candidates], dtype=np.float64)
        return Scores(tuple(tasks), values.reshape(len(candidates), len(tasks)))

    def _draw(self, candidate: Candidate, task: Task) -> float:
        text = repr((self.seed, task.name, candidate.prompt, candidate.response, candidate.steps, candidate.context))
        share = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2.0**64
        low, high = bounds(task.scale)
        return low + share * (high - low) if math.isfinite(high - low) else share
