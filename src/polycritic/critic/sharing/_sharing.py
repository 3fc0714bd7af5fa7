"""What a sharing is: how tasks share and shape the features of a readout."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Sharing(nn.Module, ABC):
    """Maps features to features, knowing the task.

    Args:
        dim: d, the number of features.

    **Laws**: each readout's features depend on that readout and its task alone; for a given task the map is affine in the
    features, so that it can be folded into a linear head when a critic is exported.
    """

    reads_description: bool = False
    """Whether :meth:`forward` needs the encoded descriptions; they cost an encoding each."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    @abstractmethod
    def forward(self, features: Tensor, column: Tensor, description: Tensor) -> Tensor:
        """Shape features (r, d) for tasks' columns (r,) (-1: never trained on) and encoded descriptions (r, d)."""
