from __future__ import annotations

import torch
from torch import Tensor, nn

from polycritic.critic.sharing._sharing import Sharing


class Conditioned(Sharing):
    r"""Features scaled and shifted by what the task's description says (feature-wise linear modulation).

    .. math:: x' = x \odot (1 + W_\gamma e) + W_\beta e

    with e the encoded description. Both matrices start at zero, so training starts from hard sharing. A task never seen is
    conditioned like any other, by its description.

    >>> import torch
    >>> Conditioned(2)(torch.ones(1, 2), torch.tensor([-1]), torch.ones(1, 2))
    tensor([[1., 1.]], grad_fn=<AddBackward0>)

    References:
        Perez et al. (2018), FiLM: Visual Reasoning with a General Conditioning Layer.
    """

    reads_description = True

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.scale, self.shift = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, features: Tensor, column: Tensor, description: Tensor) -> Tensor:
        """Modulate features (r, d) by descriptions (r, d)."""
        del column
        direction = torch.nn.functional.normalize(description, dim=-1)
        modulated: Tensor = features * (1.0 + self.scale(direction)) + self.shift(direction)
        return modulated
