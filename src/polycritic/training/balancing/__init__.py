"""Balancing: many losses, one weight per task."""

from polycritic.training.balancing._balancer import Balancer, BalancerMaker
from polycritic.training.balancing._log_outcomes import LogOutcomes
from polycritic.training.balancing._uncertainty import UncertaintyWeighting
from polycritic.training.balancing._uniform import Uniform

__all__ = ["Balancer", "BalancerMaker", "LogOutcomes", "UncertaintyWeighting", "Uniform"]
