"""A recipe: how a critic is trained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import nn

from polycritic.core import PolycriticError
from polycritic.training._rep_mtl import Regularizer
from polycritic.training.balancing import BalancerMaker, CombinerMaker, LogOutcomes
from polycritic.training.sampling import Sampler, Temperature


@dataclass(frozen=True, slots=True)
class AdamW:
    """The optimiser: AdamW with linear warm-up, cosine decay to zero, and clipping.

    Args:
        learning_rate: Peak rate of the backbone.
        head_rate: Peak rate of everything on top of it.
        weight_decay: Pull towards zero on matrices; biases and gains are left alone.
        warmup: Share of the steps in which the rate rises.
        clip: Largest norm of the gradient.

    >>> AdamW().rate(0, 100), AdamW().rate(100, 100)
    (0.1, 0.0)

    References:
        Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization.
    """

    learning_rate: float = 1e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip: float = 1.0

    def rate(self, step: int, steps: int) -> float:
        """The rate at a step, as a share of the peak."""
        rising = max(round(self.warmup * steps), 1)
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1.0 + math.cos(math.pi * min((step - rising) / max(steps - rising, 1), 1.0)))

    def make(
        self, backbone: Iterable[tuple[str, nn.Parameter]], rest: Iterable[tuple[str, nn.Parameter]]
    ) -> torch.optim.AdamW:
        """The optimiser over the trainable parameters of a critic."""
        groups = []
        for named, rate in ((backbone, self.learning_rate), (rest, self.head_rate)):
            trainable = [p for _, p in named if p.requires_grad]
            for parameters, decay in (
                ([p for p in trainable if p.ndim > 1], self.weight_decay),
                ([p for p in trainable if p.ndim <= 1], 0.0),
            ):
                if parameters:
                    groups.append({"params": parameters, "lr": rate, "peak": rate, "weight_decay": decay})
        return torch.optim.AdamW(groups)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a critic is trained.

    Args:
        steps: Updates.
        rows: Rows in each update.
        micro_rows: Rows in one forward and backward pass; fewer than ``rows`` saves memory and changes nothing else.
        optimizer: Rates, decay and clipping.
        sampler: How many rows of each task make a step.
        balancer: Made for the critic's tasks; weighs their losses, or combines their gradients.
        regularizer: Minimised beside the losses, such as :class:`RepMTL`; it costs a forward and backward pass more.
        validate_every: Steps between looks at the validation rows; the best state seen, the start included, is the result.
        patience: Looks without improvement after which training stops.
        checkpoint_every: Steps between checkpoints.
        precision: Autocast type; by default bfloat16 where the device computes in it.
        seed: Orders rows and drives dropout.

    >>> Recipe(steps=10).rows
    32
    """

    steps: int = 300
    rows: int = 32
    micro_rows: int | None = None
    optimizer: AdamW = field(default_factory=AdamW)
    sampler: Sampler = field(default_factory=Temperature)
    balancer: BalancerMaker | CombinerMaker = LogOutcomes
    regularizer: Regularizer | None = None
    validate_every: int = 100
    patience: int = 5
    checkpoint_every: int = 50
    precision: torch.dtype | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "rows", "validate_every", "patience", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise PolycriticError(f"bad recipe: {name}", found=str(getattr(self, name)), expected="1 or more")
        if self.micro_rows is not None and self.micro_rows < 1:
            raise PolycriticError("bad recipe: micro_rows", found=str(self.micro_rows), expected="1 or more")
