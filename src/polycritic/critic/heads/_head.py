"""What a head is: the distribution of one task's values, given a readout's features."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from polycritic.core import Scale


class Head(nn.Module, ABC):
    """One task's distribution over the values of its scale.

    Every head's latent utility is the shared described head's (``prior``) plus the task's own small residual, which starts
    at zero: a task without training rows is judged by the described head alone.

    Args:
        scale: The task's scale.
        dim: d, the number of features.

    **Laws**: ``utility`` is linear in the features for a given task; ``decode``'s mean lies on the scale and never falls as
    the utility rises.
    """

    def __init__(self, scale: Scale, dim: int) -> None:
        super().__init__()
        self.scale, self.dim = scale, dim
        self.residual = nn.Linear(dim, 1)
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    def utility(self, features: Tensor, prior: Tensor) -> Tensor:
        """The latent utility of each readout, (r,), from features (r, d) and the described head's utility (r,)."""
        residual: Tensor = self.residual(features)
        return prior + residual.squeeze(-1)

    @abstractmethod
    def nll(self, features: Tensor, prior: Tensor, value: Tensor) -> Tensor:
        """The negative log likelihood (or loss) of each value, (r,), in nats."""

    @abstractmethod
    def decode(self, features: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the value, on the task's scale, each (r,)."""

    def reset(self, value: float) -> None:
        """Start from the mean of the task's labels. Heads that have no use for it do nothing."""
        del value


def inverse_softplus(value: float) -> float:
    """The x with softplus(x) = value, for starting values of positive parameters.

    >>> round(float(torch.nn.functional.softplus(torch.tensor(inverse_softplus(1.0)))), 6)
    1.0
    """
    return float(torch.log(torch.expm1(torch.tensor(value, dtype=torch.float64))))
