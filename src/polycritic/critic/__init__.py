"""The critic: one model behind the judge's protocol."""

from polycritic.critic._batch import Batch, compile_batch, weight_totals
from polycritic.critic._critic import Critic, default_head, heads_by_scale
from polycritic.critic._density_ratio import DensityRatio, LanguageModel
from polycritic.critic._sequence_classifier import SequenceClassifier

__all__ = [
    "Batch",
    "Critic",
    "DensityRatio",
    "LanguageModel",
    "SequenceClassifier",
    "compile_batch",
    "default_head",
    "heads_by_scale",
    "weight_totals",
]
