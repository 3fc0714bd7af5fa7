from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def binary_cross_entropy_loss(logit: Tensor, target: Tensor) -> Tensor:
    r"""Negative log likelihood of right (1) or wrong (0), with soft targets between.

    .. math:: \ell(z, y) = y\,\mathrm{softplus}(-z) + (1 - y)\,\mathrm{softplus}(z)

    **Laws**: ``loss(z, y) == loss(-z, 1 - y)``; never negative; convex in z; the minimiser is logit(y).

    Args:
        logit: (n,) log odds of right.
        target: (n,) between 0 and 1.

    Returns:
        (n,) losses in nats.

    >>> import torch
    >>> binary_cross_entropy_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor([0.6931])

    References:
        Good (1952), Rational Decisions.
    """
    return target * softplus(-logit) + (1.0 - target) * softplus(logit)
