"""Packed encoding: texts stand end to end in one stream, so that no padding is computed and shared beginnings are read once."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from polycritic.critic._last_layer import asked_for, looked_at, narrow
from polycritic.critic._prefix import Group
from polycritic.critic.backbones import Backbone, Tokens, Transformer

_NAME = "polycritic_packed"
_ENCODERS = ("Bert", "Camembert", "DistilBert", "Electra", "Ernie", "Roberta", "XLMRoberta")
_DECODERS = (
    *("GPT2", "GPTNeoX", "Gemma", "Granite", "Llama", "Mistral", "Olmo2", "Phi", "Phi3"),
    *("Qwen2", "Qwen3", "SmolLM3", "Starcoder2"),
)
_KNOWN = {f"{name}Model" for name in _ENCODERS + _DECODERS}
"""Models whose layers, attention aside, read each token on its own, whatever stands beside it."""
_LAYERS = (
    "torch.nn.modules.",
    "transformers.models.",
    "transformers.activations",
    "transformers.pytorch_utils",
    "peft.tuners.lora.",
)
_STEADY_POSITIONS = {"default", "linear", "llama3", "yarn"}
"""Rotary positions that do not depend on how long the longest text is."""
_CELLS = 1 << 15
"""Tokens that a batch may come to once the states are laid out in rows, shared beginnings in each."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text of a batch: which, how many of its tokens another row reads for it, and which row; -1 is an earlier batch's."""

    index: int
    shared: int = 0
    leader: int = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are read together, and the row whose first ``kept`` tokens a later batch shares, or -1."""

    rows: tuple[Row, ...]
    keeper: int = -1
    kept: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring texts of the stream that are attended to alike: ``count`` times ``length`` tokens."""

    start: int
    count: int
    length: int
    shared: int
    leader: int
    """Where in the stream the shared tokens begin; -1: they are carried over."""


@dataclass(slots=True)
class _Stream:
    """What attention has to know of a stream, and the keys and values carried from one stream to the next, by layer."""

    runs: list[_Run]
    carried: dict[int, tuple[Tensor, Tensor]]
    keep: tuple[int, int] | None
    """Which tokens' keys and values the next stream needs."""
    asked: Tensor | None = None
    below: Tensor | None = None


def batches(tokens: Sequence[Tokens], groups: Sequence[Group], budget: int) -> Iterator[Batch]:
    """Fill batches with groups of texts up to a budget of tokens; a group that is too large goes on in the next batch.

    >>> texts = [Tokens((1,) * 4, ()), Tokens((1,) * 5, ()), Tokens((2,) * 3, ())]
    >>> for batch in batches(texts, [Group((0, 1), 3), Group((2,), 0)], budget=6):
    ...     print([(row.index, row.shared, row.leader) for row in batch.rows], batch.kept)
    [(0, 0, -1), (1, 3, 0)] 0
    [(2, 0, -1)] 0
    """
    rows: list[Row] = []
    used = longest = 0
    for group in groups:
        leader = -1
        for k, i in enumerate(group.members):
            length = len(tokens[i].ids)
            shared = group.shared if k else 0
            longest = max(longest, length)
            full = used + length - shared > budget or (len(rows) + 1) * longest > _CELLS
            if rows and full:
                yield Batch(tuple(rows), leader, shared if leader >= 0 else 0)
                rows, used, longest, leader = [], 0, length, -1
            if not k:
                leader = len(rows)
            rows.append(Row(i, shared, leader if k else -1))
            used += length - shared
    if rows:
        yield Batch(tuple(rows))


def can_pack(backbone: Backbone) -> TypeGuard[Transformer]:
    """Whether a backbone is known to score the same packed; whatever is not known exactly is padded.

    >>> from polycritic.critic.backbones import Words
    >>> can_pack(Transformer(max_length=32)), can_pack(Words())
    (True, False)
    """
    if not isinstance(backbone, Transformer) or type(backbone).forward is not Transformer.forward:
        return False
    model, config = backbone.model, backbone.model.config
    window = getattr(config, "sliding_window", None)
    rotary = getattr(config, "rope_parameters", None) or {}
    return (
        type(model).__name__ in _KNOWN
        and not getattr(config, "add_cross_attention", False)
        and config._attn_implementation == "sdpa"
        and (window is None or backbone.max_length <= window)
        and rotary.get("rope_type", "default") in _STEADY_POSITIONS
        and all(type(module).__module__.startswith(_LAYERS) for module in model.modules())
    )


@dataclass(slots=True)
class Packed:
    """Reads batches of texts with a transformer, end to end.

    Attention looks from each text at itself alone, and at what it shares with its leader; everything else in a transformer reads
    token by token. The model's own layers do the work, adapters included: only the attention function is another one, in a
    twin of the model that shares all weights, so that the model itself is left alone.

    **Laws**: the states are those of each text alone.
    """

    backbone: Transformer
    every: bool = True
    """Whether the states of every token are wanted, and not only of those that are pooled."""
    _twin: Any = field(init=False)
    _narrow: bool = field(init=False)
    _carried: dict[int, tuple[Tensor, Tensor]] = field(init=False, default_factory=dict)
    _carried_states: Tensor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        _register()
        config = copy.copy(self.backbone.model.config)
        config._attn_implementation = _NAME
        self._twin = _twin(self.backbone.model, config)
        self._narrow = not self.every and not self.backbone.causal and narrow(self._twin)

    def __call__(self, tokens: Sequence[Tokens], batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
        """A batch's states (s, l, d) and mask (s, l), as the padded model gives them; (s, 1, d) where others are not wanted."""
        rows = batch.rows
        ids, mask = self.backbone.collate([tokens[row.index] for row in rows])
        inputs = self.backbone.inputs(ids.to(device), mask.to(device))
        place = torch.arange(ids.shape[1])
        read = mask & (place >= torch.tensor([row.shared for row in rows])[:, None])
        starts = read.sum(1).cumsum(0) - read.sum(1)
        stream = _Stream(
            _runs(rows, starts.tolist(), read.sum(1).tolist()),
            self._carried,
            (int(starts[batch.keeper]), batch.kept) if batch.keeper >= 0 else None,
        )
        if self._narrow:
            stream.asked = asked_for(self.backbone, starts.to(device), read.sum(1).to(device))
        positions = self._positions(inputs["input_ids"], place)
        read = read.to(device)
        flat: dict[str, Any] = {name: value[read][None] for name, value in inputs.items() if name != "attention_mask"}
        if self.backbone.causal:
            flat["use_cache"] = False
        found = self._twin(**flat, position_ids=positions[read][None], packing=stream).last_hidden_state[0]
        if stream.asked is not None:
            return found[:, None], torch.ones_like(stream.asked, dtype=torch.bool)[:, None]
        states = found.new_zeros(*ids.shape, found.shape[-1])
        states[read] = found
        for k, row in enumerate(rows):
            if row.shared:
                before = states[row.leader] if row.leader >= 0 else self._carried_states
                assert before is not None
                states[k, : row.shared] = before[: row.shared]
        if batch.keeper >= 0:
            self._carried_states = states[batch.keeper, : batch.kept].clone()
        return states, mask.to(device)

    def _positions(self, ids: Tensor, place: Tensor) -> Tensor:
        """Each token's position, (s, l), counted as the model counts."""
        embeddings = getattr(self.backbone.model, "embeddings", None)
        count = getattr(embeddings, "create_position_ids_from_input_ids", None)
        if count is not None:  # RoBERTa and its kin begin after the padding id
            positions: Tensor = count(ids, embeddings.padding_idx)  # type: ignore[union-attr]
            return positions
        return place.to(ids.device).expand_as(ids)


def _runs(rows: Sequence[Row], starts: Sequence[int], lengths: Sequence[int]) -> list[_Run]:
    """Join neighbouring rows of one length that share the same beginning, so that one call attends to all of them."""
    runs: list[_Run] = []
    for row, start, length in zip(rows, starts, lengths, strict=True):
        leader = starts[row.leader] if row.leader >= 0 else -1
        last = runs[-1] if runs else None
        if last is not None and (last.length, last.shared, last.leader) == (length, row.shared, leader):
            runs[-1] = _Run(last.start, last.count + 1, length, row.shared, leader)
        else:
            runs.append(_Run(start, 1, length, row.shared, leader))
    return runs


@functools.cache
def _register() -> None:
    """Tell transformers of the attention function; models use it only where their configuration names it."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packing: _Stream,
    **options: Any,  # transformers' own: scaling, dropout
) -> tuple[Tensor, None]:
    """Attention (1, l, h, d) in a stream of queries, keys and values (1, h, l, d): each text to itself and what it shares."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    assert attention_mask is None
    layer = id(module)
    if packing.below is not None:
        key, value = looked_at(module, packing.below, query.shape[1])
    parts, asking = [], 0
    for run in packing.runs:
        whole = run.start, run.count, run.length
        first, count, length = whole if packing.below is None else (asking, run.count, 1)
        asking += run.count
        queries, keys, values, allowed = _cut(query, first, count, length), _cut(key, *whole), _cut(value, *whole), None
        if run.shared:
            if run.leader >= 0:
                shared = slice(run.leader, run.leader + run.shared)
                before = key[:, :, shared], value[:, :, shared]
            else:
                before = packing.carried[layer]
            keys, values = (
                torch.cat([old.expand(run.count, -1, -1, -1), new], 2)
                for old, new in zip(before, (keys, values), strict=True)
            )
            allowed = torch.ones(1, 1, run.length, keys.shape[2], dtype=torch.bool, device=keys.device).tril(run.shared)
        attended, _ = sdpa_attention_forward(module, queries, keys, values, allowed, **options)
        parts.append(attended.flatten(0, 1))
    if packing.keep is not None:
        start, length = packing.keep
        packing.carried[layer] = tuple(x[:, :, start : start + length].clone() for x in (key, value))  # type: ignore[assignment]
    return torch.cat(parts)[None], None


def _cut(states: Tensor, start: int, count: int, length: int) -> Tensor:
    """``count`` neighbouring texts of a stream (1, h, l, d), as a batch."""
    each: Tensor = states[0, :, start : start + count * length].unflatten(1, (count, length))
    return each.transpose(0, 1)


def _twin(module: nn.Module, config: Any) -> nn.Module:
    """A module that shares everything with another one but the configuration; parts that hold none are the very same."""
    children = {name: child if child is None else _twin(child, config) for name, child in module._modules.items()}
    configured = "config" in module.__dict__
    if not configured and all(child is module._modules[name] for name, child in children.items()):
        return module
    twin = module.__new__(type(module))
    twin.__dict__ = module.__dict__ | {"_modules": children} | ({"config": config} if configured else {})
    return twin
