from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from polycritic.core import Task
from polycritic.training.balancing._stateless import Stateless


class Uniform(Stateless):
    """Every task that is present weighs the same, and the weights sum to 1: the step minimises the mean loss.

    >>> import torch
    >>> Uniform([Task("a"), Task("b")])(torch.tensor([1.0, 3.0]), lambda: torch.empty(0))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.count = len(tasks)

    def __call__(self, losses: Tensor, gramian: Callable[[], Tensor], /) -> Tensor:
        """One over the number of tasks present."""
        del gramian
        present = ~losses.isnan()
        return present / present.sum().clamp_min(1)
