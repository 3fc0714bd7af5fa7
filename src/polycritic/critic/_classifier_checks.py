"""What makes a classifier of others score wrongly without an error, found before it scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from polycritic.core import PolycriticError
from polycritic.critic.backbones._silent import silent
from polycritic.tasks import Field, Text

_ACTIVATIONS: dict[str, type[nn.Module]] = {"Identity": nn.Identity, "Sigmoid": nn.Sigmoid}
_BUFFERS = ("position_ids", "inv_freq")
_PROBES = tuple(
    Text((Field("How many apples are left? " * (1 + i % 3), 1.0),), ("There are four. " * (i + 1) + "Yes" * (i % 2),))
    for i in range(8)
)


def load_classifier(source: str, dtype: torch.dtype) -> tuple[Any, Any, nn.Module | None]:
    """Model, tokenizer and the activation that sentence-transformers wrote down.

    Raises:
        PolycriticError: They cannot be loaded, weights are missing, or the model has more parts than a classifier.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        with silent():
            written = _file(source, "config_sentence_transformers.json") or {}
            _check_modules(_file(source, "modules.json") or [], source)
            tokenizer = AutoTokenizer.from_pretrained(source)
            model, report = AutoModelForSequenceClassification.from_pretrained(
                source, dtype=dtype, output_loading_info=True
            )
    except PolycriticError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise PolycriticError(
            "the classifier cannot be loaded",
            where=source,
            found=str(error).strip().splitlines()[0],
            expected="a folder or hub id that transformers' AutoModelForSequenceClassification and AutoTokenizer load",
        ) from error
    _check_weights(report, source)
    return model, tokenizer, stated_activation(written, source)


def _check_modules(modules: Sequence[Mapping[str, Any]], where: str) -> None:
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if any(kind != "Transformer" for kind in kinds):
        raise PolycriticError(
            "a model of sentence-transformers that is more than a sequence classifier",
            where=where,
            found=", ".join(kinds),
            expected="Transformer alone",
            mend="Call it from a judges.Function",
        )


def _check_weights(report: Mapping[str, Any], where: str) -> None:
    for kind, what, mend in (
        ("missing_keys", "this checkpoint lacks weights, which would be random", "Load a trained sequence classifier"),
        ("mismatched_keys", "weights of another shape, which would be random", "Load a trained sequence classifier"),
        (
            "unexpected_keys",
            "weights that no part of the classifier reads",
            "Load it with the code that it was made for",
        ),
    ):
        names = sorted(str(name) for name in report.get(kind, ()) if not str(name).endswith(_BUFFERS))
        if names:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            raise PolycriticError(what, where=where, found=", ".join(names[:4]) + more, mend=mend)


def check_padding(model: Any, tokenizer: Any, where: str) -> bool:
    """Whether the model is a decoder; its padding must be a token of its own, known to model and tokenizer alike.

    A decoder's classifier reads the last token that is not padding, so that padding with the end of text moves what it reads.

    Raises:
        PolycriticError: It is not.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    config = model.config.get_text_config()
    causal = bool(getattr(config, "is_decoder", False)) or config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    pad, mend = tokenizer.pad_token_id, "Give model and tokenizer the padding token that it was trained with"
    if pad is None or (causal and config.pad_token_id is None):
        raise PolycriticError(
            "no padding token, so texts cannot be scored together",
            where=where,
            found=f"{config.pad_token_id} in the model, {pad} in the tokenizer",
            mend=mend,
        )
    if causal and config.pad_token_id != pad:
        raise PolycriticError(
            "model and tokenizer pad with different tokens",
            where=where,
            found=f"{pad} in the tokenizer",
            expected=f"{config.pad_token_id}, as in the model",
            mend=mend,
        )
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    if causal and pad in (*ends, tokenizer.eos_token_id):
        raise PolycriticError(
            "the padding token is the end of text, so the classifier would read the token before it",
            where=where,
            found=repr(tokenizer.pad_token),
            expected="a padding token of its own",
            mend=mend,
        )
    return causal


def check_tokenizer(tokenizer: Any, where: str) -> None:
    """A tokenizer must tell where in a text its tokens come from.

    Raises:
        PolycriticError: It cannot.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise PolycriticError(
            "this tokenizer cannot tell where tokens come from",
            where=where,
            found=type(tokenizer).__name__,
            expected="a fast tokenizer",
        )


def check_template(tokenizer: Any, where: str) -> None:
    """A decoder's chat template must write both turns.

    Raises:
        PolycriticError: There is none, it fails, or it drops one.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise PolycriticError(
            "no chat template, so nobody knows how this model reads a prompt and a response",
            where=where,
            mend="Give the one that it was trained with as chat_template",
        )
    turns = [{"role": "user", "content": "7f3a9b"}, {"role": "assistant", "content": "c81d2e"}]
    try:
        written = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception as error:  # whatever the template raises
        raise PolycriticError("the chat template fails", where=where, found=str(error)) from error
    if not -1 < written.find("7f3a9b") < written.find("c81d2e"):
        raise PolycriticError("the chat template drops a turn", where=where, found=repr(written[:80]))


def stated_activation(config: Mapping[str, Any], where: str) -> nn.Module | None:
    """What a configuration says is applied to the logit; None where it says nothing.

    Raises:
        PolycriticError: It names another than the identity or the sigmoid.
    """
    nested = config.get("sentence_transformers") or {}
    stated = (
        config.get("activation_fn") or nested.get("activation_fn") or config.get("sbert_ce_default_activation_function")
    )
    if stated is None:
        return None
    kind = str(stated).rpartition(".")[2]
    if kind not in _ACTIVATIONS:
        raise PolycriticError(
            "an activation that nobody knows",
            where=where,
            found=str(stated),
            expected=" or ".join(_ACTIVATIONS),
            mend="Give the activation as an object",
        )
    return _ACTIVATIONS[kind]()


def working_side(
    score: Callable[[Sequence[Text], str], tuple[Tensor, Tensor]], model: Any, *, causal: bool, where: str
) -> str:
    """The side of padding on which eight texts score together as they do alone.

    Raises:
        PolycriticError: Neither, or all texts score the same.
    """
    errors = {}
    tolerance = max(1e-4, 8 * torch.finfo(model.dtype).eps)
    for side in ("right", "left") if causal else ("right",):
        alone, together = score(_PROBES, side)
        if bool((alone == alone[0]).all()):
            raise PolycriticError(
                "the classifier gives eight different texts one score",
                where=where,
                found=f"{float(alone[0]):g}",
                mend="Check its head, its padding token and its chat template",
            )
        errors[side] = float(((alone - together).abs() / (1.0 + alone.abs())).max())
        if errors[side] <= tolerance:
            return side
    raise PolycriticError(
        "the classifier's scores change with the batch",
        where=where,
        found=", ".join(f"by {error:.2g} with padding on the {side}" for side, error in errors.items()),
        expected=f"at most {tolerance:.2g}",
        mend="Check that its configuration's padding token is the tokenizer's",
    )


def _file(source: str, name: str) -> Any:
    """A JSON file of a folder or a hub's model; None where there is none."""
    from transformers.utils.hub import cached_file

    found = cached_file(
        source,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if found is None else json.loads(Path(found).read_text(encoding="utf-8"))
