from __future__ import annotations

from torch import Tensor


def squared_error_loss(prediction: Tensor, target: Tensor) -> Tensor:
    r"""Half the squared difference.

    .. math:: \ell(m, y) = (m - y)^2 / 2

    **Laws**: shifting both changes nothing; never negative; the minimiser over many targets is their mean.

    Args:
        prediction: (n,).
        target: (n,).

    Returns:
        (n,) losses.

    >>> import torch
    >>> squared_error_loss(torch.tensor([1.0]), torch.tensor([3.0]))
    tensor([2.])

    References:
        Gauss (1809), Theoria Motus.
    """
    return 0.5 * (prediction - target).square()
