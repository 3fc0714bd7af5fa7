from __future__ import annotations

from torch import Tensor

from polycritic.critic.sharing._sharing import Sharing


class Hard(Sharing):
    """All tasks share all features: hard parameter sharing.

    >>> import torch
    >>> Hard(2)(torch.ones(1, 2), torch.tensor([0]), torch.zeros(1, 2))
    tensor([[1., 1.]])

    References:
        Caruana (1997), Multitask Learning.
    """

    def forward(self, features: Tensor, column: Tensor, description: Tensor) -> Tensor:
        """The features as they are."""
        del column, description
        return features
