"""Sharing: how tasks share and shape features."""

from polycritic.critic.sharing._conditioned import Conditioned
from polycritic.critic.sharing._hard import Hard
from polycritic.critic.sharing._sharing import Sharing

__all__ = ["Conditioned", "Hard", "Sharing"]
