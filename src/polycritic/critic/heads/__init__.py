"""Heads: one small distribution per scale, all on one latent utility."""

from polycritic.critic.heads._binary import Binary
from polycritic.critic.heads._described import Described
from polycritic.critic.heads._head import Head
from polycritic.critic.heads._interval import Interval
from polycritic.critic.heads._levels import Levels
from polycritic.critic.heads._utility import Utility

__all__ = ["Binary", "Described", "Head", "Interval", "Levels", "Utility"]
