"""Backbones: a row of feedback becomes text, and text becomes features."""

from polycritic.critic.backbones._backbone import Backbone, Tokens
from polycritic.critic.backbones._cached import Cached
from polycritic.critic.backbones._counted import Counted
from polycritic.critic.backbones._embedded import EMBEDDED, embedded_folder, embedded_tokenizer
from polycritic.critic.backbones._numbers import Numbers
from polycritic.critic.backbones._pooling import cls_pooling, last_pooling, mean_pooling
from polycritic.critic.backbones._precision import native_precision
from polycritic.critic.backbones._surface import SURFACE, surface
from polycritic.critic.backbones._transformer import Transformer
from polycritic.critic.backbones._tuning import Frozen, Full, LoRA
from polycritic.critic.backbones._words import Words

__all__ = [
    "EMBEDDED",
    "SURFACE",
    "Backbone",
    "Cached",
    "Counted",
    "Frozen",
    "Full",
    "LoRA",
    "Numbers",
    "Tokens",
    "Transformer",
    "Words",
    "cls_pooling",
    "embedded_folder",
    "embedded_tokenizer",
    "last_pooling",
    "mean_pooling",
    "native_precision",
    "surface",
]
