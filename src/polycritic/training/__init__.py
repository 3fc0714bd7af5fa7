"""Training: a recipe, and a loop that is a generator of steps."""

from polycritic.training._loop import Step, autocast_type, train
from polycritic.training._quality import quality
from polycritic.training._recipe import AdamW, Recipe

__all__ = ["AdamW", "Recipe", "Step", "autocast_type", "quality", "train"]
