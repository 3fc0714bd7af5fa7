"""An encoder's last layer, for the tokens that are pooled alone: nobody reads what it would make of the others."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from polycritic.critic.backbones import Transformer, cls_pooling, last_pooling


class Asking(Protocol):
    """What attention knows of a stream of texts."""

    asked: Tensor | None
    """The tokens whose states are wanted, one a text; None: those of all."""
    below: Tensor | None
    """What the last layer reads of all tokens, while it makes the states of those that are asked for."""


class LastLayer(nn.Module):
    """A layer that makes the states of the tokens asked for: they look at all tokens, and go on alone.

    In a layer of width d, 10 of 12 d² multiplications a token are queries, outputs and what comes after attention.

    **Laws**: the states are those that the whole layer gives of these tokens.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, hidden_states: Tensor, *rest: Any, packing: Asking, **options: Any) -> Tensor:
        """States (1, s, d) of the tokens asked for, from those (1, l, d) of all; transformers' own arguments go through."""
        if packing.asked is None:
            whole: Tensor = self.layer(hidden_states, *rest, packing=packing, **options)
            return whole
        packing.below = hidden_states
        states: Tensor = self.layer(hidden_states[:, packing.asked], *rest, packing=packing, **options)
        packing.below = None
        return states


def narrow(twin: Any) -> bool:
    """Put :class:`LastLayer` in the place of a BERT's last layer; whether the model is one."""
    layers: Any = getattr(getattr(twin, "encoder", None), "layer", None) or [None]
    attention = getattr(getattr(layers[-1], "attention", None), "self", None)
    if not all(hasattr(attention, name) for name in ("query", "key", "value")):
        return False
    layers[len(layers) - 1] = LastLayer(layers[-1])
    return True


def looked_at(attention: Any, below: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Keys and values (1, h, l, d) of all tokens."""
    key, value = (
        project(below).unflatten(-1, (heads, -1)).transpose(1, 2) for project in (attention.key, attention.value)
    )
    return key, value


def asked_for(backbone: Transformer, starts: Tensor, lengths: Tensor) -> Tensor | None:
    """The one token of each text that is pooled, as places in a stream; None where all of them are."""
    if backbone.pooling is cls_pooling:
        return starts
    return starts + lengths - 1 if backbone.pooling is last_pooling else None
