from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from polycritic.core import Levels as LevelsScale
from polycritic.core import Scale, level_values
from polycritic.critic.heads._head import Head, inverse_softplus
from polycritic.critic.losses import cumulative_logit_log_probabilities, ordinal_cross_entropy_loss


class Levels(Head):
    r"""Ordered levels: the cumulative logit model, with thresholds learnt per task.

    The thresholds stay in order: each is the one before plus a softplus. They start where a utility of zero makes all
    levels equally likely: :math:`\theta_k = \mathrm{logit}(k / K)`.

    >>> import torch
    >>> head = Levels(LevelsScale(("1", "2", "3")), 2)
    >>> head.decode(torch.zeros(1, 2), torch.zeros(1))[0]
    tensor([2.0000], grad_fn=<MvBackward0>)
    """

    values: Tensor

    def __init__(self, scale: Scale, dim: int) -> None:
        super().__init__(scale, dim)
        assert isinstance(scale, LevelsScale)
        values = level_values(scale)
        self.register_buffer("values", torch.tensor(values, dtype=torch.float32), persistent=False)
        k = len(values)
        starts = [math.log(i / (k - i)) for i in range(1, k)]
        self.first = nn.Parameter(torch.tensor(starts[0]))
        gaps = [inverse_softplus(b - a) for a, b in itertools.pairwise(starts)]
        self.gaps = nn.Parameter(torch.tensor(gaps, dtype=torch.float32))

    def thresholds(self) -> Tensor:
        """The k - 1 thresholds, increasing."""
        return torch.cat([self.first.reshape(1), self.first + softplus(self.gaps).cumsum(0)])

    def levels(self, value: Tensor) -> Tensor:
        """Values as (fractional) indices of levels, by linear interpolation."""
        upper = torch.searchsorted(self.values, value.contiguous()).clamp(1, len(self.values) - 1)
        low, high = self.values[upper - 1], self.values[upper]
        return (upper - 1) + ((value - low) / (high - low)).clamp(0.0, 1.0)

    def nll(self, features: Tensor, prior: Tensor, value: Tensor) -> Tensor:
        """Ordinal cross-entropy; a value between two levels is shared between them."""
        return ordinal_cross_entropy_loss(self.utility(features, prior), self.thresholds(), self.levels(value))

    def decode(self, features: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the levels' values."""
        p = cumulative_logit_log_probabilities(self.utility(features, prior), self.thresholds()).exp()
        mean = p @ self.values
        variance = (p * (self.values - mean.unsqueeze(-1)).square()).sum(-1)
        return mean, variance.clamp_min(0.0).sqrt()
