from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from polycritic.core import PolycriticError, lookup
from polycritic.critic.backbones._backbone import Backbone, Tokens
from polycritic.critic.backbones._embedded import EMBEDDED, embedded_folder
from polycritic.critic.backbones._pooling import cls_pooling, last_pooling, mean_pooling
from polycritic.critic.backbones._silent import silent
from polycritic.critic.backbones._tuning import Frozen, Full, LoRA, Tuning
from polycritic.tasks import Fitted, Text, shortened, whole

Pooling = Callable[[Tensor, Tensor], Tensor]
_POOLINGS: dict[str, Pooling] = {f.__name__: f for f in (mean_pooling, cls_pooling, last_pooling)}
_TUNINGS: dict[str, type[Tuning]] = {kind.__name__: kind for kind in (Full, Frozen, LoRA)}


class Transformer(Backbone):
    """Any encoder or decoder that transformers loads.

    An encoder reads the fields before the response as its first segment and the response as its second; a decoder whose
    tokenizer has a chat template reads them as the user's and the assistant's turn.

    Args:
        source: A folder, the id of a model on a hub, or the embedded model's name (the default; no network).
        tuning: Which weights are trained: :class:`Full`, :class:`LoRA` or :class:`Frozen`.
        pooling: How token states become one vector; by default the first token's state (through the model's own pooler,
            where it has one) for an encoder and the last token's for a decoder, so that the critic can be exported as a plain
            sequence classifier; the mean of all states for a frozen encoder.
        max_length: How many tokens are read of one text; longer ones are shortened, see :func:`shortened`.
        weights: False builds the architecture only, for loading a saved critic.
        precision: What scoring multiplies in; ``torch.bfloat16`` is about twice as fast where :func:`native_precision` names
            it. Training and everything that stands on the backbone stay in float32. It may be changed at any time, and is not
            saved with a critic.

    Raises:
        PolycriticError: The model cannot be loaded, or its tokenizer cannot tell where tokens come from.

    >>> backbone = Transformer(max_length=64)
    >>> backbone.dim
    384
    """

    def __init__(
        self,
        source: str | Path = EMBEDDED,
        *,
        tuning: Tuning = Full(),  # noqa: B008 (frozen)
        pooling: Pooling | None = None,
        max_length: int = 256,
        weights: bool = True,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.precision = precision
        folder = embedded_folder() if str(source) == EMBEDDED else source
        self.source, self.tuning = str(source), tuning
        self.tokenizer, self.model = _load(str(folder), weights=weights)
        config = self.model.config
        self.causal = bool(getattr(config, "is_decoder", False)) or not _bidirectional(config)
        self.pooling = pooling or (last_pooling if self.causal else mean_pooling if tuning == Frozen() else cls_pooling)
        if weights and str(source) == EMBEDDED:
            _open_pooler(self.model)
        self.model = tuning.apply(self.model)
        self.dim = int(config.hidden_size)
        positions = getattr(config, "max_position_embeddings", None)
        self.max_length = min(max_length, positions) if isinstance(positions, int) and positions > 0 else max_length
        self.chat = self.causal and bool(getattr(self.tokenizer, "chat_template", None))
        self.pad = _pad_id(self.tokenizer, config)
        if self.pooler is None and isinstance(getattr(self.model, "pooler", None), nn.Module):
            self.model.pooler.requires_grad_(False)

    @property
    def pooler(self) -> nn.Module | None:
        """The model's own pooler, where it has one and the pooling is the first token's."""
        pooler = getattr(self.model, "pooler", None) if self.pooling is cls_pooling else None
        return pooler if isinstance(pooler, nn.Module) else None

    @functools.cached_property
    def _room(self) -> int:
        empty = self._encode([Fitted("", "", (0,))])
        return self.max_length - len(empty["input_ids"][0])

    def tokenize(self, texts: Sequence[Text]) -> list[Tokens]:
        """Encode texts; what is too long is shortened by its fields."""
        fitted = [whole(text) for text in texts]
        encoding = self._encode(fitted)
        ids = list(encoding["input_ids"])
        encodings = [encoding.encodings[i] for i in range(len(texts))]
        long = [i for i, row in enumerate(ids) if len(row) > self.max_length]
        if long:
            room = self._room
            for attempt in range(3):
                # Joining fields can cost a token more than their sum; a second look with less room settles it.
                again = [self._shortened(texts[i], room - 4 * attempt) for i in long]
                for i, text in zip(long, again, strict=True):
                    fitted[i] = text
                encoding = self._encode(again)
                for k, i in enumerate(long):
                    ids[i], encodings[i] = encoding["input_ids"][k], encoding.encodings[k]
                long = [i for i in long if len(ids[i]) > self.max_length]
                if not long:
                    break
            else:
                raise PolycriticError(
                    "a text could not be shortened", found=f"{len(ids[long[0]])} tokens", expected=f"{self.max_length}"
                )
        return [
            Tokens(tuple(row), self._ends(text, code)) for row, text, code in zip(ids, fitted, encodings, strict=True)
        ]

    def _encode(self, texts: Sequence[Fitted]) -> Any:
        if self.chat:
            strings = [self._turns(text) for text in texts]
            return self.tokenizer(strings, add_special_tokens=False, return_attention_mask=False)
        if self.causal:
            return self.tokenizer([f"{t.before}\n{t.response}" for t in texts], return_attention_mask=False)
        return self.tokenizer([t.before for t in texts], [t.response for t in texts], return_attention_mask=False)

    def _turns(self, text: Fitted) -> str:
        turns = [{"role": "user", "content": text.before}, {"role": "assistant", "content": text.response}]
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False))

    def _shortened(self, text: Text, room: int) -> Fitted:
        strings = [*(field.text for field in text.fields), text.response]
        offsets = self.tokenizer(strings, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        # Every joint between fields may cost a token.
        return shortened(text, offsets, max(room - (len(text.fields) if self.causal else 0), 1))

    def _ends(self, text: Fitted, encoding: Any) -> tuple[int, ...]:
        if len(text.ends) == 1:
            return (len(encoding.ids) - 1,)  # the response's one piece ends where the text does
        start, segment = 0, None if self.causal else 1
        if self.chat:
            start = self._turns(text).rfind(text.response)
        elif self.causal:
            start = len(text.before) + 1
        ends = []
        for end in text.ends:
            token = None
            position = end - 1
            while end > 0 and token is None and position >= 0:
                token = encoding.char_to_token(start + position, segment or 0)
                position -= 1
            ends.append(-1 if token is None else int(token))
        return tuple(ends)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The model's last hidden states, (s, l, d), in the model's own precision."""
        states: Tensor = self.model(**self.inputs(ids, mask)).last_hidden_state
        return states

    def inputs(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """What the model is given, by name, each (s, l)."""
        inputs = {"input_ids": ids, "attention_mask": mask.long()}
        if not self.causal and (getattr(self.model.config, "type_vocab_size", 0) or 0) > 1:
            inputs["token_type_ids"] = self.token_types(ids, mask)
        return inputs

    def token_types(self, ids: Tensor, mask: Tensor) -> Tensor:
        """0 for the first segment, 1 for the second, (s, l): told by the separator between them."""
        separators = ids == self.tokenizer.sep_token_id
        before: Tensor = separators.cumsum(-1) - separators.long()
        return (before.clamp_max(1) * mask).long()

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """One vector for each text, in single precision."""
        if self.pooler is not None:
            pooled: Tensor = self.pooler(states.to(next(self.pooler.parameters()).dtype))
            return pooled.float()
        return self.pooling(states.float(), mask)

    def spec(self) -> dict[str, object]:
        """What :meth:`restore` needs, as JSON."""
        tuning = {"kind": type(self.tuning).__name__} | {
            name: getattr(self.tuning, name) for name in self.tuning.__slots__
        }
        return {
            "source": self.source,
            "tuning": tuning,
            "pooling": self.pooling.__name__,
            "max_length": self.max_length,
        }

    def save(self, folder: Path) -> None:
        """Write the tokenizer and the model's configuration."""
        self.tokenizer.save_pretrained(folder)
        self.model.config.save_pretrained(folder)

    @classmethod
    def restore(cls, spec: dict[str, object], folder: Path) -> Transformer:
        """Build the architecture that a folder describes."""
        described: dict[str, Any] = dict(spec["tuning"])  # type: ignore[call-overload]
        kind = _TUNINGS[lookup(str(described.pop("kind")), _TUNINGS, "tuning")]
        arguments: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in described.items()}
        backbone = cls(
            folder,
            tuning=kind(**arguments),
            pooling=_POOLINGS[lookup(str(spec["pooling"]), _POOLINGS, "pooling")],
            max_length=int(str(spec["max_length"])),
            weights=False,
        )
        backbone.source = str(spec["source"])
        return backbone


def _open_pooler(model: Any) -> None:
    """Start the embedded model's pooler from the identity: its own weights were never trained, and pass next to nothing."""
    with torch.no_grad():
        model.pooler.dense.weight.copy_(torch.eye(model.config.hidden_size))
        model.pooler.dense.bias.zero_()


def _load(source: str, *, weights: bool) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    with silent():
        try:
            tokenizer = AutoTokenizer.from_pretrained(source)
            if weights:
                model = AutoModel.from_pretrained(source, dtype=torch.float32)
            else:
                model = AutoModel.from_config(AutoConfig.from_pretrained(source), dtype=torch.float32)
        except (OSError, ValueError, KeyError) as error:
            raise PolycriticError(
                "the backbone cannot be loaded",
                where=source,
                found=str(error).strip().splitlines()[0],
                expected="a folder or hub id that transformers' AutoModel and AutoTokenizer load",
            ) from error
    if not tokenizer.is_fast:
        raise PolycriticError(
            "the tokenizer cannot tell where its tokens come from",
            where=source,
            expected="a fast tokenizer (tokenizer.json)",
        )
    if len(tokenizer) <= len(
        set(tokenizer.all_special_ids)
    ):  # what transformers makes where there are no tokenizer files
        raise PolycriticError(
            "the tokenizer has no vocabulary", where=source, expected="tokenizer.json or the files it is made from"
        )
    tokenizer.model_max_length = int(1e9)  # lengths are ours to keep; no warnings about texts that are shortened anyway
    return tokenizer, model


def _bidirectional(config: Any) -> bool:
    """Whether a model's tokens see those after them: all encoders, told by having no causal language model of their own."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def _pad_id(tokenizer: Any, config: Any) -> int:
    for pad in (tokenizer.pad_token_id, getattr(config, "pad_token_id", None), tokenizer.eos_token_id):
        if isinstance(pad, int):
            return pad
    return 0
