"""What a head is: the distribution of one task's values, given a readout's features."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from polycritic.core import Interval, PolycriticError, Scale, bounds, scale_text
from polycritic.critic.losses import bag_loss, bradley_terry_loss


class Head(nn.Module, ABC):
    """One task's distribution over the values of its scale.

    Every head's latent utility is the shared described head's (``prior``) plus the task's own small residual, which starts
    at zero: a task without training rows is judged by the described head alone.

    Args:
        scale: The task's scale.
        dim: d, the number of features.

    **Laws**: ``utility`` is linear in the features for a given task; ``decode``'s mean lies on the scale and never falls as
    the utility rises; swapping a pair negates ``log_odds``; ``quantiles`` lie on the scale and never fall as the level rises.
    """

    one_score: bool = True
    """Whether the utility alone orders candidates as the head judges them: only then can one number a text stand for it."""

    def __init__(self, scale: Scale, dim: int) -> None:
        super().__init__()
        self.scale, self.dim = scale, dim
        self.residual = nn.Linear(dim, 1)
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    def utility(self, features: Tensor, prior: Tensor) -> Tensor:
        """The latent utility of each readout, (r,), from features (r, d) and the described head's utility (r,)."""
        residual: Tensor = self.residual(features)
        return prior + residual.squeeze(-1)

    @abstractmethod
    def nll(self, features: Tensor, prior: Tensor, value: Tensor) -> Tensor:
        """The negative log likelihood (or loss) of each value, (r,), in nats."""

    @abstractmethod
    def decode(self, features: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the value, on the task's scale, each (r,)."""

    def quantiles(self, features: Tensor, prior: Tensor, levels: Tensor) -> Tensor:
        """The value below which each share ``levels`` (q,) of the distribution lies, (r, q); NaN where the head cannot say."""
        del features
        return torch.full((*prior.shape, len(levels)), torch.nan, dtype=prior.dtype, device=prior.device)

    def log_odds(
        self, first_features: Tensor, first_prior: Tensor, second_features: Tensor, second_prior: Tensor
    ) -> Tensor:
        """The log odds, (n,), that the first of each pair is better: the difference of the utilities."""
        return self.utility(first_features, first_prior) - self.utility(second_features, second_prior)

    def preference_nll(self, log_odds: Tensor, preference: Tensor, margin: Tensor) -> Tensor:
        """The loss of each comparison, (n,), in nats, from the log odds, the preference and how much better the better one is.

        By default Bradley and Terry's, which does not read the margin (0 where nobody stated it).
        """
        del margin
        return bradley_terry_loss(log_odds, torch.zeros_like(log_odds), preference)

    def bag_nll(self, means: Tensor, present: Tensor, value: Tensor) -> Tensor:
        """The loss of each bag, (n,), from the means (n, m) that :meth:`decode` states of its members and the bag's value (n,).

        By default half the squared error of the mean over those that are ``present``, on an interval in units of a quarter of
        it, as ratings there are, so that bags and ratings of one task weigh alike.
        """
        unit = (self.scale.high - self.scale.low) / 4.0 if isinstance(self.scale, Interval) else 1.0
        return bag_loss(means / unit, present, value / unit)

    def reset(self, value: float) -> None:
        """Start from the mean of the task's labels. Heads that have no use for it do nothing."""
        del value


def finite_bounds(scale: Scale, kind: str) -> tuple[float, float]:
    """The bounds of a scale that has them.

    Raises:
        PolycriticError: It has none.

    >>> from polycritic.core import Binary
    >>> finite_bounds(Binary(), "HLGauss")
    (0.0, 1.0)
    """
    low, high = bounds(scale)
    if not math.isfinite(high - low):
        raise PolycriticError(
            f"the head {kind} needs a scale with bounds", found=scale_text(scale), mend="Use Interval(low, high)"
        )
    return low, high


def inverse_softplus(value: float) -> float:
    """The x with softplus(x) = value, for starting values of positive parameters.

    >>> round(float(torch.nn.functional.softplus(torch.tensor(inverse_softplus(1.0)))), 6)
    1.0
    """
    return float(torch.log(torch.expm1(torch.tensor(value, dtype=torch.float64))))


def solve_rising(function: Callable[[float], float], target: float) -> float:
    """The x between -1000 and 1000 at which a function that never falls reaches a target, by bisection.

    >>> round(solve_rising(lambda x: 2 * x, 3.0), 6)
    1.5
    """
    low, high = -1e3, 1e3
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return low
