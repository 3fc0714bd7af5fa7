from __future__ import annotations

from torch import Tensor, nn


class Described(nn.Module):
    r"""The head that all tasks share: it knows a task only by the description that the features carry.

    .. math:: u = w \cdot x + b + (v \cdot x + a)\,\ell

    The second term is what the response's length alone is worth, and how much that is depends on the task: people often
    prefer the longer answer, and where they do a critic has to know it. Because the term stands by itself, it can be looked at
    and left out.

    Args:
        dim: d, the number of features.

    >>> import torch
    >>> Described(4)(torch.zeros(3, 4), torch.zeros(3)).shape
    torch.Size([3])

    References:
        Chen et al. (2024), ODIN: Disentangled Reward Mitigates Hacking in RLHF.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.content, self.length = nn.Linear(dim, 1), nn.Linear(dim, 1)
        nn.init.normal_(self.content.weight, std=dim**-0.5)
        nn.init.zeros_(self.content.bias)
        nn.init.zeros_(self.length.weight)
        nn.init.zeros_(self.length.bias)

    def forward(self, features: Tensor, length: Tensor) -> Tensor:
        """The shared utility of each readout, (r,), from features (r, d) and lengths (r,), see ``Text.length``."""
        utility: Tensor = self.content(features).squeeze(-1) + self.length(features).squeeze(-1) * length
        return utility
