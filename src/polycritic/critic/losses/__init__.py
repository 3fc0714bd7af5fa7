"""Losses: pure functions of tensors, minimised, one value per row. A loss never holds a model."""

from polycritic.critic.losses._bag import bag_loss
from polycritic.critic.losses._binary_cross_entropy import binary_cross_entropy_loss
from polycritic.critic.losses._bradley_terry import bradley_terry_loss
from polycritic.critic.losses._ordinal_cross_entropy import (
    cumulative_logit_log_probabilities,
    ordinal_cross_entropy_loss,
)
from polycritic.critic.losses._plackett_luce import plackett_luce_loss
from polycritic.critic.losses._squared_error import squared_error_loss

__all__ = [
    "bag_loss",
    "binary_cross_entropy_loss",
    "bradley_terry_loss",
    "cumulative_logit_log_probabilities",
    "ordinal_cross_entropy_loss",
    "plackett_luce_loss",
    "squared_error_loss",
]
