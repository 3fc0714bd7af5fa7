from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from polycritic.core import Scale
from polycritic.critic.heads._head import Head, finite_bounds, inverse_softplus, solve_rising
from polycritic.critic.losses import non_crossing_quantiles, pinball_loss

_LEVELS = tuple((i + 0.5) / 20 for i in range(20))
_UNIT = 0.25  # the width, as a share of the scale, by which errors are measured


class Quantiles(Head):
    r"""Numbers between bounds as 20 quantiles that never cross, each learnt by the pinball loss.

    .. math:: q_i = a + (b - a)\,\sigma(s u + c + o_i(x)), \quad o_1 < o_2 < \dots, \quad \sum_i o_i = 0

    The utility moves all quantiles; how far they lie apart, and to which side, is read from the features. They start as those
    of a uniform distribution. The levels are the middles of 20 equal shares, so that their mean is the distribution's.

    >>> from polycritic.core import Interval
    >>> head = Quantiles(Interval(0, 10), 2)
    >>> x, u = torch.zeros(1, 2), torch.zeros(1)
    >>> [round(float(v.detach()), 2) for v in head.decode(x, u)]
    [5.0, 2.88]
    >>> head.quantiles(x, u, torch.tensor([0.05, 0.5, 0.95])).detach()
    tensor([[0.5000, 5.0000, 9.5000]])

    References:
        Koenker and Bassett (1978), Regression Quantiles. Dabney et al. (2018), Distributional Reinforcement Learning with
        Quantile Regression.
    """

    one_score = False
    levels: Tensor

    def __init__(self, scale: Scale, dim: int) -> None:
        super().__init__(scale, dim)
        self.low, self.high = finite_bounds(scale, "Quantiles")
        self.register_buffer("levels", torch.tensor(_LEVELS), persistent=False)
        self.slope = nn.Parameter(torch.tensor(inverse_softplus(1.0)))
        self.offset = nn.Parameter(torch.tensor(0.0))
        self.gaps = nn.Linear(dim, len(_LEVELS) - 1)
        nn.init.zeros_(self.gaps.weight)
        with torch.no_grad():
            starts = [inverse_softplus(float(gap)) for gap in self.levels.double().logit().diff()]
            self.gaps.bias.copy_(torch.tensor(starts))

    def _shares(self, features: Tensor, prior: Tensor) -> Tensor:
        """The quantiles, (r, 20), as shares of the scale."""
        gaps: Tensor = self.gaps(features)
        offsets = non_crossing_quantiles(torch.cat([torch.zeros_like(gaps[..., :1]), gaps], dim=-1))
        middle = softplus(self.slope) * self.utility(features, prior) + self.offset
        return torch.sigmoid(middle.unsqueeze(-1) + offsets - offsets.mean(-1, keepdim=True))

    def nll(self, features: Tensor, prior: Tensor, value: Tensor) -> Tensor:
        """The mean pinball loss, in units of a quarter of the scale."""
        share = (value - self.low) / (self.high - self.low)
        return pinball_loss(self._shares(features, prior) / _UNIT, share / _UNIT, self.levels)

    def decode(self, features: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the 20 quantiles."""
        shares = self._shares(features, prior)
        mean = shares.mean(-1)
        spread = (shares - mean.unsqueeze(-1)).square().mean(-1).sqrt()
        return self.low + (self.high - self.low) * mean, (self.high - self.low) * spread

    def quantiles(self, features: Tensor, prior: Tensor, levels: Tensor) -> Tensor:
        """Quantiles of any levels, on straight lines between the 20 and the ends of the scale."""
        shares = self._shares(features, prior)
        ends = torch.zeros_like(shares[..., :1])
        known = torch.cat([ends, shares, ends + 1.0], dim=-1)
        at = torch.cat([self.levels.new_zeros(1), self.levels, self.levels.new_ones(1)])
        wanted = levels.to(at)
        upper = torch.searchsorted(at, wanted).clamp(1, len(at) - 1)
        inside = (wanted - at[upper - 1]) / (at[upper] - at[upper - 1])
        share = known[..., upper - 1] + inside * (known[..., upper] - known[..., upper - 1])
        return self.low + (self.high - self.low) * share

    def reset(self, value: float) -> None:
        """Start with the mean of the labels at a prior of zero, and spread as widely around it as the scale allows."""
        share = min(max((value - self.low) / (self.high - self.low), 0.02), 0.98)
        spread = self.levels.double().logit()
        with torch.no_grad():
            self.offset.fill_(solve_rising(lambda offset: float((offset + spread).sigmoid().mean()), share))
