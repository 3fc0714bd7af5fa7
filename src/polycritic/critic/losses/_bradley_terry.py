from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def bradley_terry_loss(first: Tensor, second: Tensor, preference: Tensor) -> Tensor:
    r"""Negative log likelihood of preferences under Bradley and Terry's model, with soft labels.

    .. math:: \ell(d, p) = p\,\mathrm{softplus}(-d) + (1 - p)\,\mathrm{softplus}(d), \quad d = u_1 - u_2

    A share of votes or the probability that a judge stated goes in as it is; a tie is 0.5.

    **Laws**: shifting both utilities changes nothing; swapping the two with ``1 - preference`` changes nothing; convex in d;
    the minimiser is ``d = logit(preference)``.

    Args:
        first: (n,) utilities of the first candidates.
        second: (n,) utilities of the second.
        preference: (n,) probability that the first is better.

    Returns:
        (n,) losses in nats.

    >>> import torch
    >>> bradley_terry_loss(torch.tensor([0.8]), torch.tensor([0.0]), torch.tensor([0.7]))
    tensor([0.6111])

    References:
        Bradley and Terry (1952), Rank Analysis of Incomplete Block Designs.
    """
    difference = first - second
    return preference * softplus(-difference) + (1.0 - preference) * softplus(difference)
