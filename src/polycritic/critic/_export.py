"""A critic as a plain sequence classifier that other tools load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from polycritic.core import Candidate, PolycriticError, Task
from polycritic.critic._scoring import Shapers, utilities
from polycritic.critic.backbones import Transformer, cls_pooling, last_pooling

if TYPE_CHECKING:
    from polycritic.critic._critic import Critic

IDENTITY = "torch.nn.modules.linear.Identity"
"""What other tools are told to apply to the logits: nothing."""
_TOLERANCE = 1e-4


def export_hf(critic: Critic, folder: Path, task: Task | None = None) -> None:
    r"""Write an ``AutoModelForSequenceClassification`` whose logits are the critic's utilities, without the surface term.

    One task gives one output, a folder that TRL, vLLM, sentence-transformers and reward benchmarks load as a reward model;
    None gives one output per known task, in order. A logit is the task's latent utility: a sigmoid turns it into the
    probability of right for right-or-wrong tasks. The text to give the classifier is
    ``critic.backbone.render(task, candidate)``: to an encoder its ``before`` as the first segment and its ``response`` as the
    second, to a decoder the two with a line break between them, or as the turns of its chat template.

    A classifier reads tokens alone, so the surface term stays behind: the logits are those of ``critic.without_surface()``. A
    critic that is meant to be exported is best trained as ``Critic(..., surface=False)``. The classifiers of decoders have no
    bias: the constant by which such a logit differs from the utility, the same for all texts, is written into ``config.json``
    as ``polycritic_bias``.

    The folder is written only if the classifier gives the critic's utilities to within 1e-4 on texts of several lengths.

    Args:
        critic: A critic on a :class:`Transformer`, pooled as the architecture's own classifier pools: the first token for
            encoders with a pooler, the last token for decoders.
        folder: Where to write.
        task: A task, known or not; None for all known tasks.

    Raises:
        PolycriticError: The backbone or its pooling has no counterpart among sequence classifiers.
    """
    backbone = critic.backbone
    if not isinstance(backbone, Transformer):
        raise PolycriticError("only a Transformer can be exported", found=type(backbone).__name__)
    tasks = critic.tasks if task is None else (task,)
    weight, bias = linear_heads(critic, tasks)
    classifier = _classifier(backbone, [t.name for t in tasks])
    _copy(backbone, classifier, weight, bias)
    _check(critic, backbone, classifier, tasks)
    folder.mkdir(parents=True, exist_ok=True)
    classifier.save_pretrained(folder)
    backbone.tokenizer.save_pretrained(folder)
    _describe(folder, classifier.config)


def linear_heads(critic: Critic, tasks: Sequence[Task]) -> tuple[Tensor, Tensor]:
    """Each task's utility as one linear map of the pooled features: weights (t, d) and biases (t,).

    A sharing is affine in the features for a given task, and so is a head's utility, so the map is read off at zero and at
    the unit vectors.

    Raises:
        PolycriticError: A task's head judges by more than its utility, or a part of the critic is not affine.

    >>> from polycritic.critic import Critic
    >>> from polycritic.critic.backbones import Words
    >>> critic = Critic([Task("t")], Words(dim=4))
    >>> [tuple(x.shape) for x in linear_heads(critic, critic.tasks)]
    [(1, 4), (1,)]
    """
    d = critic.backbone.dim
    anywhere = torch.randn(4, d, generator=torch.Generator().manual_seed(0))
    probe = torch.cat([torch.zeros(1, d), torch.eye(d), anywhere]).to(critic.device)
    with torch.inference_mode():
        shapers = Shapers(critic, tasks)
        for head, task in zip(shapers.heads, tasks, strict=True):
            if not head.one_score:
                raise PolycriticError(
                    "this head judges by more than one linear score, which is all that a plain classifier has",
                    where=f"task {task.name!r}",
                    found=type(head).__name__,
                    mend="Save the critic, or train the task with a head such as Interval, Levels, Binary or Utility",
                )
        values = torch.stack([shapers.utility(column, probe).cpu() for column in range(len(tasks))])
    bias, weight, there = values[:, 0].clone(), values[:, 1 : d + 1] - values[:, :1], values[:, d + 1 :]
    off = (weight @ anywhere.T + bias[:, None] - there).abs() / (1.0 + there.abs())
    if bool((off > 1e-3).any()):
        raise PolycriticError(
            "this critic's utility is not linear in the features, as a plain classifier's is",
            where=f"task {tasks[int(off.amax(1).argmax())].name!r}",
            found=f"the sharing {type(critic.sharing).__name__}, the head {type(shapers.heads[0]).__name__}",
            mend="Save the critic, or train it with a sharing such as Hard or Conditioned",
        )
    return weight.clone(), bias


def classifier_config(backbone: Transformer, names: Sequence[str]) -> Any:
    """The configuration of a classifier with one output for each name."""
    import copy

    config = copy.deepcopy(backbone.model.config)
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in enumerate(names)}
    config.problem_type = "regression"  # servers then apply no sigmoid of their own
    if config.pad_token_id is None or config.pad_token_id == config.eos_token_id:
        # A decoder's classifier reads the last token that is not padding: padding must be a token of its own.
        config.pad_token_id = backbone.pad
    return config


def _classifier(backbone: Transformer, names: Sequence[str]) -> Any:
    from transformers import AutoModelForSequenceClassification

    config = classifier_config(backbone, names)
    if backbone.causal and backbone.pad == backbone.tokenizer.eos_token_id:
        raise PolycriticError(
            "the tokenizer pads with its end-of-text token",
            expected="a padding token of its own, else classifiers read the wrong token",
            mend="Give the tokenizer a pad_token before training",
        )
    try:
        return AutoModelForSequenceClassification.from_config(config).eval()
    except ValueError as error:
        raise PolycriticError(
            "no sequence classifier of this architecture", found=str(config.model_type), expected=str(error)[:80]
        ) from error


def _copy(backbone: Transformer, classifier: Any, weight: Tensor, bias: Tensor) -> None:
    """Put the backbone's weights and the linear heads into the classifier."""
    body = getattr(classifier, classifier.base_model_prefix)
    final = getattr(classifier, "score", None) or getattr(classifier, "classifier", None)
    pooled_alike = backbone.pooling is (last_pooling if backbone.causal else cls_pooling)
    if not isinstance(final, nn.Linear) or not pooled_alike or (not backbone.causal and backbone.pooler is None):
        raise PolycriticError(
            "this critic's features are not those of a plain classifier",
            found=f"{type(classifier).__name__} with {backbone.pooling.__name__}",
            expected="first-token pooling through a pooler for encoders, last-token pooling for decoders",
            mend="Train with Transformer(pooling=cls_pooling) or a decoder with last_pooling",
        )
    body.load_state_dict(_merged(backbone), strict=True)
    with torch.no_grad():
        final.weight.copy_(weight)
        if "bias" in dict(final.named_parameters()):
            final.bias.copy_(bias)
        else:
            classifier.config.polycritic_bias = bias.tolist()


def _merged(backbone: Transformer) -> dict[str, Tensor]:
    """The model's weights, with adapters merged into them."""
    import copy

    from peft.tuners.lora import LoraLayer

    if not any(isinstance(m, LoraLayer) for m in backbone.model.modules()):
        return dict(backbone.model.state_dict())
    model = copy.deepcopy(backbone.model)
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.merge()
    return {
        name.replace(".base_layer", ""): tensor for name, tensor in model.state_dict().items() if "lora_" not in name
    }


def _check(critic: Critic, backbone: Transformer, classifier: Any, tasks: Sequence[Task]) -> None:
    """Compare classifier and critic on texts of several lengths, in one padded batch."""
    probes = [Candidate("word " * n, "answer " * (1 + n // 2)) for n in (1, 7, 30)]
    for column, task in enumerate(tasks[:8]):
        texts = [backbone.render(task, probe) for probe in probes]
        ids, mask = backbone.collate(backbone.tokenize(texts))
        inputs: dict[str, Tensor] = {"input_ids": ids, "attention_mask": mask.long()}
        if not backbone.causal and (getattr(classifier.config, "type_vocab_size", 0) or 0) > 1:
            inputs["token_type_ids"] = backbone.token_types(ids, mask)
        with torch.inference_mode():
            logits = classifier(**inputs).logits[:, column]
        logits = logits + getattr(classifier.config, "polycritic_bias", [0.0] * len(tasks))[column]
        error = float((logits - utilities(critic, texts, task)).abs().max())
        if not error < _TOLERANCE:
            raise PolycriticError(
                "the exported classifier does not score like the critic",
                where=f"task {task.name!r}",
                found=f"a difference of {error:.2g}",
                expected=f"less than {_TOLERANCE:g}",
            )


def _describe(folder: Path, config: Any) -> None:
    """Tell other tools, in the files they read, to apply no activation."""
    path = folder / "config.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    written["sentence_transformers"] = {"activation_fn": IDENTITY}
    path.write_text(json.dumps(written, indent=2), encoding="utf-8")
    if config.num_labels == 1:
        (folder / "config_sentence_transformers.json").write_text(
            json.dumps({"activation_fn": IDENTITY, "model_type": "CrossEncoder"}, indent=2), encoding="utf-8"
        )
