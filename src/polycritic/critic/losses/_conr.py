from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from polycritic.critic.losses._unit import unit_length


def conr_loss(
    features: Tensor,
    prediction: Tensor,
    value: Tensor,
    width: float,
    temperature: float = 0.07,
    push: float = 0.01,
) -> Tensor:
    r"""Draws features of like values together, and pushes apart those of unlike values that are predicted alike.

    .. math::

        \ell_i = -\log \frac{\sum_{j \in P_i} e^{x_i \cdot x_j / \tau}}
        {\sum_{j \in P_i} e^{x_i \cdot x_j / \tau} + \sum_{j \in N_i} e^{\eta |y_i - y_j|} e^{x_i \cdot x_j / \tau}}

    with :math:`P_i` the other rows whose values differ by at most the width :math:`\omega`, and :math:`N_i` those whose values
    differ by more although their predictions do not; features are scaled to unit length. It keeps rare values from being
    swallowed by frequent ones. A row without likes or without pushed ones costs nothing.

    The rows of a batch meet here: the loss of one depends on the others.

    **Laws**: permuting the rows permutes the losses; turning all features, or scaling them, changes nothing; shifting all values
    or all predictions changes nothing; never negative.

    Args:
        features: (n, d) features.
        prediction: (n,) predicted values; they only say which rows are confused.
        value: (n,) observed values.
        width: :math:`\omega`, up to which values count as like, in units of the value.
        temperature: :math:`\tau`, above zero.
        push: :math:`\eta`, how much harder rows of farther values are pushed.

    Returns:
        (n,) losses in nats.

    >>> features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> conr_loss(features, torch.tensor([1.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 9.0]), 1.0, 1.0, 0.0)
    tensor([1.3133, 0.6931, 0.0000])

    References:
        Keramati, Meng and Evans (2024), ConR: Contrastive Regularizer for Deep Imbalanced Regression.
    """
    unit = unit_length(features)
    near = unit @ unit.T / temperature
    apart = (value.unsqueeze(-1) - value).abs()
    confused = (prediction.unsqueeze(-1) - prediction).abs() <= width
    like = (apart <= width) & ~torch.eye(len(value), dtype=torch.bool, device=value.device)
    pushed = (apart > width) & confused
    # The odds of the pushed against the likes; rows without either leave the sums, not only the result.
    counts = like.any(-1) & pushed.any(-1)
    rest = ~counts.unsqueeze(-1)
    drawn = torch.where(like | rest, near, -torch.inf).logsumexp(-1)
    driven = torch.where(pushed | rest, near + push * apart, -torch.inf).logsumexp(-1)
    return torch.where(counts, softplus(driven - drawn), 0.0)
