from __future__ import annotations

import torch
from torch import Tensor


def bag_loss(predictions: Tensor, present: Tensor, value: Tensor) -> Tensor:
    r"""Half the squared difference between a bag's value and the mean prediction of its members.

    .. math:: \ell(f, \bar y) = \Big(\bar y - \frac1m \sum_i f_i\Big)^2 / 2

    **Laws**: permuting a bag changes nothing; shifting predictions and value together changes nothing; a bag of one is the
    squared error.

    Args:
        predictions: (n, m) predicted values of the members.
        present: (n, m) true where a member is, false where a smaller bag is padded.
        value: (n,) the bags' values.

    Returns:
        (n,) losses.

    >>> import torch
    >>> bag_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[True, True]]), torch.tensor([1.0]))
    tensor([0.5000])

    References:
        Busa-Fekete et al. (2023), Easy Learning from Label Proportions.
    """
    members = torch.where(present, predictions, 0.0).sum(-1) / present.sum(-1).clamp_min(1)
    return 0.5 * (members - value).square()
