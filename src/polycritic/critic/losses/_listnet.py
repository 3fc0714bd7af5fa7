from __future__ import annotations

import torch
from torch import Tensor


def listnet_loss(utilities: Tensor, relevance: Tensor) -> Tensor:
    r"""Cross-entropy between who should come first and who does, as softmaxes of relevance and of utilities.

    .. math:: \ell(u, y) = -\sum_i \mathrm{softmax}(y)_i \log \mathrm{softmax}(u)_i

    A list of padding alone costs nothing.

    **Laws**: shifting all utilities of a list changes nothing, nor does shifting all its relevances; permuting both changes
    nothing; the least value is the entropy of ``softmax(y)``, where the utilities are the relevances; two candidates give the
    Bradley-Terry loss of ``sigmoid(y_1 - y_2)``.

    Args:
        utilities: (n, m) utilities of m candidates.
        relevance: (n, m) how good each is, in nats; NaN where a shorter list is padded.

    Returns:
        (n,) losses in nats.

    >>> import torch
    >>> listnet_loss(torch.tensor([[0.8, 0.3, 0.0]]), torch.tensor([[1.0, 3.0, 0.0]]))
    tensor([1.1762])

    References:
        Cao et al. (2007), Learning to Rank: From Pairwise Approach to Listwise Approach.
    """
    present = ~relevance.isnan()
    target = torch.where(present, relevance, -torch.inf).softmax(-1).masked_fill(~present, 0.0)
    log_p = torch.where(present, utilities, -torch.inf).log_softmax(-1)
    return -(target * log_p.masked_fill(~present, 0.0)).sum(-1)
