from __future__ import annotations

import torch
from torch import Tensor

from polycritic.core import Scale
from polycritic.critic.heads._head import Head
from polycritic.critic.losses import squared_error_loss


class Utility(Head):
    """A utility without unit, learnt from comparisons and rankings; it states no spread.

    >>> import torch
    >>> from polycritic.core import Utility as UtilityScale
    >>> Utility(UtilityScale(), 2).decode(torch.zeros(1, 2), torch.ones(1))[0]
    tensor([1.], grad_fn=<AddBackward0>)
    """

    def __init__(self, scale: Scale, dim: int) -> None:
        super().__init__(scale, dim)

    def nll(self, features: Tensor, prior: Tensor, value: Tensor) -> Tensor:
        """Half the squared error, for the rare utility that somebody wrote down."""
        return squared_error_loss(self.utility(features, prior), value)

    def decode(self, features: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """The utility; its spread is NaN."""
        utility = self.utility(features, prior)
        return utility, torch.full_like(utility, torch.nan)
