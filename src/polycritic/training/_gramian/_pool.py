"""Memory that is used again from step to step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

_ALIGNED = 64
"""Where tensors start: at multiples of this many bytes."""


def _nothing() -> Tensor:
    return torch.empty(0, dtype=torch.uint8)


@dataclass(slots=True)
class Pool:
    """One piece of memory, as large as the largest step so far asked for, that is lent to a step at a time.

    Fresh memory costs twice as much as what is written into it. Only the main memory is lent: devices keep their own.

    >>> pool = Pool()
    >>> for _ in range(3):
    ...     loan = pool.lend()
    ...     tensor = loan.take((2, 3), torch.device("cpu"), torch.float32)
    ...     loan.end()
    >>> pool.size
    64
    """

    _memory: Tensor = field(default_factory=_nothing)

    @property
    def size(self) -> int:
        """How many bytes are kept for the next step."""
        return len(self._memory)

    def lend(self) -> Loan:
        """All of it, or nothing where it is lent already."""
        memory, self._memory = self._memory, _nothing()
        return Loan(self, memory)

    def back(self, memory: Tensor, asked: int) -> None:
        """A loan has ended, of which more may have been asked for than there was."""
        if asked > max(len(memory), self.size):
            self._memory = torch.empty(asked, dtype=torch.uint8)
        elif len(memory) >= self.size:
            self._memory = memory


@dataclass(slots=True)
class Loan:
    """What one step takes of a pool, from its start on; where nothing is left, fresh memory."""

    pool: Pool
    memory: Tensor
    asked: int = 0

    def take(self, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
        """A tensor; what stands in it is anything."""
        size = math.prod(shape) * dtype.itemsize
        start = self.asked
        if device.type == "cpu":
            self.asked += math.ceil(size / _ALIGNED) * _ALIGNED
            if self.asked <= len(self.memory):
                return self.memory[start : start + size].view(dtype).view(shape)
        return torch.empty(shape, device=device, dtype=dtype)

    def end(self) -> None:
        """Nobody reads what was taken any more."""
        self.pool.back(self.memory, self.asked)
