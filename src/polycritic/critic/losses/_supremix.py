from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from polycritic.critic.losses._unit import unit_length


def supremix_loss(
    features: Tensor,
    value: Tensor,
    temperature: float = 0.1,
    mixtures: int = 4,
    concentration: tuple[float, float] = (2.0, 8.0),
    *,
    seed: int,
) -> Tensor:
    r"""Contrast between values, made hard by mixtures: some just beside the row, some exactly at its value.

    .. math::

        \ell_i = -\frac1{|P_i|} \sum_{p \in P_i} \log
        \frac{e^{x_i \cdot x_p / \tau}}{\sum_{a \in A_i} (1 + |y_i - y_a|)\,e^{x_i \cdot x_a / \tau}}

    :math:`P_i` are the other rows of the same value, and mixtures :math:`a x_j + (1 - a) x_k` of a row below and a row above,
    with the share :math:`a = (y_k - y_i) / (y_k - y_j)` that makes their value :math:`y_i`. :math:`A_i` are all other rows, these
    mixtures, and mixtures :math:`b x_i + (1 - b) x_j` of the row itself with rows of other values, whose values lie between. All
    features and mixtures are scaled to unit length. A row without anything of its value costs nothing.

    Each row draws a few mixtures instead of forming all of them, so that the cost is of order :math:`n (n + m) d` and not
    :math:`n^3 d`.

    The rows of a batch meet here: the loss of one depends on the others.

    **Laws**: turning all features, or scaling them, changes nothing; shifting all values changes nothing; never negative; same
    seed, same loss.

    Args:
        features: (n, d) features.
        value: (n,) observed values; equal values are alike.
        temperature: :math:`\tau`, above zero.
        mixtures: m, how many mixtures of each kind a row draws.
        concentration: Of the beta distribution of the share b of the row itself.
        seed: Of the mixtures.

    Returns:
        (n,) losses in nats.

    >>> features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> supremix_loss(features, torch.tensor([1.0, 1.0, 2.0]), temperature=1.0, mixtures=0, seed=1)
    tensor([1.8620, 1.0986, 0.0000])

    References:
        Wu et al. (2023), Mixup Your Own Pairs.
    """
    unit, n = unit_length(features), len(value)
    below, above, other, own = _draw(value, mixtures, concentration, seed)

    places = value.argsort(stable=True)
    low, high = places[below.clamp_min(0)], places[above.clamp_min(0)]  # (n, m) rows
    between = below >= 0
    share = torch.where(between, (value[high] - value.unsqueeze(-1)) / (value[high] - value[low]), 1.0).unsqueeze(-1)
    share = share.to(unit)
    same = unit_length(share * unit[low] + (1.0 - share) * unit[high])

    beside = places[other.clamp_min(0)]
    own = own.to(unit)
    mixed = unit_length(own.unsqueeze(-1) * unit.unsqueeze(1) + (1.0 - own.unsqueeze(-1)) * unit[beside])
    mixed_apart = (1.0 - own) * (value[beside] - value.unsqueeze(-1)).abs()

    apart = (value.unsqueeze(-1) - value).abs()
    real = unit @ unit.T / temperature
    others = ~torch.eye(n, dtype=torch.bool, device=value.device)
    exact = torch.einsum("nd,nmd->nm", unit, same) / temperature
    hard = torch.einsum("nd,nmd->nm", unit, mixed) / temperature
    logits = torch.cat([real, exact, hard], dim=-1)
    weights = torch.cat([apart.log1p(), torch.zeros_like(exact), mixed_apart.log1p()], dim=-1)
    drawn = torch.cat([others, between, other >= 0], dim=-1)
    alike = torch.cat([others & (apart == 0), between, torch.zeros_like(between)], dim=-1)
    count = alike.sum(-1)
    # Rows without company leave the sums, not only the result: no infinities in the gradient.
    total = torch.where(drawn | (count == 0).unsqueeze(-1), logits + weights, -torch.inf).logsumexp(-1)
    pulled = torch.where(alike, logits, 0.0).sum(-1) / count.clamp_min(1)
    return torch.where(count > 0, total - pulled, 0.0)


def _draw(
    value: Tensor, mixtures: int, concentration: tuple[float, float], seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Places in sorted order, (n, m) each, of rows below, above and of other values, -1 for none; and the rows' own shares."""
    rng = np.random.default_rng(seed)
    values = value.detach().double().cpu().numpy()
    ordered = np.sort(values, kind="stable")
    left, right = np.searchsorted(ordered, values, "left")[:, None], np.searchsorted(ordered, values, "right")[:, None]
    n, shape = len(values), (len(values), mixtures)
    between = (left > 0) & (right < n)
    below = np.where(between, (rng.random(shape) * left).astype(np.int64), -1)
    above = np.where(between, right + (rng.random(shape) * (n - right)).astype(np.int64), -1)
    others = n - (right - left)
    other = (rng.random(shape) * others).astype(np.int64)
    other = np.where(others > 0, np.where(other >= left, other + right - left, other), -1)
    drawn = (torch.from_numpy(a).to(value.device) for a in (below, above, other, rng.beta(*concentration, size=shape)))
    low, high, beside, own = drawn
    return low, high, beside, own
