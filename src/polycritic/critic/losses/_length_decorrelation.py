from __future__ import annotations

import torch
from torch import Tensor

from polycritic.critic.losses._unit import unit_length


def length_decorrelation_loss(quality: Tensor, length_utility: Tensor, length: Tensor) -> Tensor:
    r"""Drives what length is worth out of one head and into another.

    .. math:: \frac1n \sum_i \ell_i = \bigl|\rho(u^{\text{quality}}, l)\bigr| - \rho(u^{\text{length}}, l)

    with :math:`\rho` Pearson's correlation over the batch. The two heads together are trained on preferences; the first alone
    judges. A head or a length without any spread correlates with nothing.

    The rows of a batch meet here: give all rows at once, and take the mean. Parts of a batch, each with its own correlation, are
    another and worse loss.

    **Laws**: shifting or scaling (by more than zero) any of the three changes nothing; permuting the rows permutes the losses;
    negating the quality changes nothing; the mean lies between -1 and 2, and is -1 where quality does not know the length and
    the other head knows nothing else.

    Args:
        quality: (n,) utilities of the head that is to judge.
        length_utility: (n,) utilities of the head that may know the length.
        length: (n,) lengths of the responses, in any unit.

    Returns:
        (n,) shares of the rows; their mean is the loss.

    >>> length = torch.tensor([1.0, 3.0])
    >>> length_decorrelation_loss(torch.tensor([5.0, 5.0]), 2 * length, length).mean()
    tensor(-1.)

    References:
        Chen et al. (2024), ODIN: Disentangled Reward Mitigates Hacking in RLHF.
    """
    measure = _standardised(length)
    known = _standardised(quality) * measure
    return known.mean().detach().sign() * known - _standardised(length_utility) * measure


def _standardised(x: Tensor) -> Tensor:
    centred = x - x.mean()
    largest = centred.detach().abs().max() if len(x) else x.new_ones(())
    centred = centred / torch.where(largest > 0.0, largest, 1.0)  # whose squares fit into any precision
    variance = centred.square().mean()
    scale = torch.where(variance > 0.0, variance, 1.0).sqrt()
    return centred / scale


def orthogonality_loss(first: Tensor, second: Tensor) -> Tensor:
    r"""The absolute cosine between the weights of two heads.

    .. math:: \ell(a, b) = \frac{|a \cdot b|}{\lVert a \rVert\,\lVert b \rVert}

    **Laws**: swapping the two changes nothing; scaling or negating either changes nothing; between 0 and 1.

    Args:
        first: (n, d) or (d,) weights.
        second: (n, d) or (d,) weights.

    Returns:
        (n,) or () losses.

    >>> orthogonality_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([0.7071])

    References:
        Chen et al. (2024), ODIN: Disentangled Reward Mitigates Hacking in RLHF.
    """
    return (unit_length(first) * unit_length(second)).sum(-1).abs()
