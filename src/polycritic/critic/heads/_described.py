from __future__ import annotations

from torch import Tensor, nn


class Described(nn.Module):
    """The head that all tasks share: it knows a task only by the description that the features carry.

    Args:
        dim: d, the number of features.

    >>> import torch
    >>> Described(4)(torch.zeros(3, 4)).shape
    torch.Size([3])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, 1)
        nn.init.normal_(self.linear.weight, std=dim**-0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """The shared utility of each readout, (r,), from features (r, d)."""
        utility: Tensor = self.linear(features)
        return utility.squeeze(-1)
