"""Reward models and cross-encoders of others: what they score, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from polycritic.core import Binary, Candidate, Interval, Judge, PolycriticError, Task
from polycritic.critic import SequenceClassifier
from polycritic.critic.backbones import embedded_folder

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token }}\n{% endfor %}"
CANDIDATES = [Candidate("word " * n, "answer " * (9 - n)) for n in range(1, 9)]
QUALITY = Task("quality")


def tokenizer(eos: str = "[SEP]", template: str | None = TEMPLATE) -> Any:
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(embedded_folder())
    made.eos_token = eos
    made.chat_template = template
    return made


def encoder(labels: int = 1, **about: Any) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
            num_labels=labels,
            initializer_range=0.5,
            **about,
        )
        return BertForSequenceClassification(config).eval()


def decoder(pad: int | None = 0, **about: Any) -> Any:
    from transformers import LlamaConfig, LlamaForSequenceClassification

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=30522,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=256,
            pad_token_id=pad,
            bos_token_id=None,
            eos_token_id=102,
            num_labels=1,
            initializer_range=0.5,
            **about,
        )
        return LlamaForSequenceClassification(config).eval()


def saved(folder: Path, model: Any, words: Any = None) -> Path:
    model.save_pretrained(folder)
    (words or tokenizer()).save_pretrained(folder)
    return folder


def alone(model: Any, words: Any, candidate: Candidate, *, chat: bool) -> torch.Tensor:
    """One candidate's logits as transformers alone gives them."""
    if chat:
        turns = [{"role": "user", "content": candidate.prompt}, {"role": "assistant", "content": candidate.response}]
        inputs = words(words.apply_chat_template(turns, tokenize=False), add_special_tokens=False, return_tensors="pt")
        inputs.pop("token_type_ids")
    else:
        inputs = words(candidate.prompt, candidate.response, return_tensors="pt")
    with torch.inference_mode():
        return model(**inputs).logits[0]


@pytest.mark.parametrize("kind", [encoder, decoder])
def test_scores_are_the_logits(kind: Callable[[], Any], tmp_path: Path) -> None:
    judge = SequenceClassifier.from_folder(saved(tmp_path / "model", kind()))
    assert isinstance(judge, Judge)
    expected = [float(alone(judge.model, judge.tokenizer, c, chat=kind is decoder)) for c in CANDIDATES]
    assert np.std(expected) > 0.01
    tasks = [QUALITY, Task("right", scale=Binary()), Task("rating", scale=Interval(1, 5))]
    values = judge.score(CANDIDATES, tasks).values
    assert_allclose(values[:, 0], expected, atol=1e-5)
    assert_allclose(values[:, 1], 1 / (1 + np.exp(-np.array(expected))), atol=1e-5)
    assert_allclose(values[:, 2], 1 + 4 * values[:, 1])
    assert_allclose(judge.score(CANDIDATES[3:4], tasks).values[0], values[3], atol=1e-5)
    assert judge.score([], tasks).values.shape == (0, 3)
    assert judge.score(CANDIDATES, []).values.shape == (8, 0)
    assert (judge.side, repr(judge)) == ("right", "SequenceClassifier('model', scores are logits)")


def test_context_and_length_count() -> None:
    judge = SequenceClassifier(encoder(), tokenizer())
    plain, told = Candidate("p", "r"), Candidate("p", "r", context="The context.", instruction="Be brief.")
    values = judge.score([plain, told], [QUALITY]).of("quality")
    assert values[0] != values[1]
    joined = Candidate("Be brief.\nThe context.\np", "r")
    assert_allclose(judge.score([joined], [QUALITY]).of("quality"), values[1:], atol=1e-6)
    assert judge.max_length == 128
    assert np.isfinite(judge.score([Candidate("word " * 500, "answer " * 500)], [QUALITY]).values).all()


def test_a_stated_activation_is_honoured(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", encoder())
    logits = SequenceClassifier.from_folder(folder).score(CANDIDATES, [QUALITY]).values
    sigmoid = 1 / (1 + np.exp(-logits))
    config = json.loads((folder / "config.json").read_text())
    stated = {
        "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
        "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid",
    }
    for key, value in stated.items():
        (folder / "config.json").write_text(json.dumps({**config, key: value}))
        judge = SequenceClassifier.from_folder(folder)
        assert_allclose(judge.score(CANDIDATES, [QUALITY]).values, sigmoid, atol=1e-6)
        assert "logits through Sigmoid" in repr(judge)
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"activation_fn": "torch.nn.modules.linear.Identity"})
    )
    assert_allclose(SequenceClassifier.from_folder(folder).score(CANDIDATES, [QUALITY]).values, logits, atol=1e-6)
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"activation_fn": "mine.Softplus"}))
    with pytest.raises(PolycriticError, match=r"an activation that nobody knows: expected Identity or Sigmoid"):
        SequenceClassifier.from_folder(folder)
    assert isinstance(SequenceClassifier(encoder(), tokenizer(), activation=nn.Tanh()).activation, nn.Tanh)


def test_a_cross_encoder_scores_the_same_in_sentence_transformers(tmp_path: Path) -> None:
    ce = pytest.importorskip("sentence_transformers.cross_encoder")
    folder = saved(tmp_path / "model", encoder(), tokenizer(template=None))
    for activation in (nn.Sigmoid(), nn.Identity()):
        model = ce.CrossEncoder(str(folder), activation_fn=activation, device="cpu")
        model.save_pretrained(str(tmp_path / "saved"))
        expected = model.predict([(c.prompt, c.response) for c in CANDIDATES], show_progress_bar=False)
        judge = SequenceClassifier.from_folder(tmp_path / "saved")
        assert_allclose(judge.score(CANDIDATES, [QUALITY]).of("quality"), expected, atol=1e-5)
    modules = json.loads((tmp_path / "saved" / "modules.json").read_text())
    more = [*modules, {"idx": 1, "name": "1", "path": "1", "type": "sentence_transformers.x.LogitScore"}]
    (tmp_path / "saved" / "modules.json").write_text(json.dumps(more))
    with pytest.raises(PolycriticError, match="more than a sequence classifier: expected Transformer alone"):
        SequenceClassifier.from_folder(tmp_path / "saved")


def test_several_labels_need_a_name() -> None:
    labels = {0: "helpful", 1: "correct", 2: "long"}
    model = encoder(3, id2label=labels, label2id={name: i for i, name in labels.items()})
    with pytest.raises(PolycriticError, match=r"several labels: expected the name .*, found helpful, correct, long"):
        SequenceClassifier(model, tokenizer())
    with pytest.raises(PolycriticError, match=r"unknown label 'helpfull'. Did you mean 'helpful'"):
        SequenceClassifier(model, tokenizer(), label="helpfull")
    logits = torch.stack([alone(model, tokenizer(), c, chat=False) for c in CANDIDATES]).numpy()
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    judge = SequenceClassifier(model, tokenizer(), label="correct")
    scores = judge.score(CANDIDATES, [Task("right", scale=Binary())])
    assert_allclose(scores.values[:, 0], shares[:, 1], atol=1e-5)
    model.config.problem_type = "regression"
    judge = SequenceClassifier(model, tokenizer(), label="long")
    assert_allclose(judge.score(CANDIDATES, [QUALITY]).values[:, 0], logits[:, 2], atol=1e-5)


@pytest.mark.parametrize("kind", [encoder, decoder])
def test_the_side_that_a_tokenizer_pads_is_of_no_account(kind: Callable[[], Any], tmp_path: Path) -> None:
    """A benchmark or trainer may have saved it with the other one; a BERT would then read padding for its first token."""
    words = tokenizer()
    right = SequenceClassifier.from_folder(saved(tmp_path / "right", kind(), words)).score(CANDIDATES, [QUALITY])
    words.padding_side = words.truncation_side = "left"
    left = SequenceClassifier.from_folder(saved(tmp_path / "left", kind(), words))
    assert left.tokenizer.padding_side == "left"
    assert_allclose(left.score(CANDIDATES, [QUALITY]).values, right.values, atol=1e-6)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    from tests.models import tiny_decoder, tiny_encoder

    for make in (tiny_encoder, tiny_decoder):
        folder = make(tmp_path / make.__name__)
        with pytest.raises(PolycriticError, match=r"lacks weights, which would be random: found (classifier|score)\."):
            SequenceClassifier.from_folder(folder)
    model = encoder()
    model.gate = nn.Linear(2, 2)
    with pytest.raises(PolycriticError, match=r"weights that no part of the classifier reads: found gate\.bias"):
        SequenceClassifier.from_folder(saved(tmp_path / "gated", model))
    with pytest.raises(PolycriticError, match="the classifier cannot be loaded"):
        SequenceClassifier.from_folder(tmp_path / "nothing")


def test_padding_must_be_a_token_of_its_own() -> None:
    with pytest.raises(
        PolycriticError, match="no padding token, so texts cannot be scored together: found None in the"
    ):
        SequenceClassifier(decoder(pad=None), tokenizer())
    with pytest.raises(PolycriticError, match="pad with different tokens: expected 5, as in the model, found 0"):
        SequenceClassifier(decoder(pad=5), tokenizer())
    words = tokenizer()
    words.pad_token = "[SEP]"
    with pytest.raises(PolycriticError, match="the padding token is the end of text"):
        SequenceClassifier(decoder(pad=102), words)
    with pytest.raises(PolycriticError, match="the padding token is the end of text"):
        SequenceClassifier(decoder(), tokenizer(eos="[PAD]"))


def test_a_chat_template_must_be_there_and_whole(tmp_path: Path) -> None:
    words = tokenizer()
    for template, message in (
        (None, "no chat template, so nobody knows"),
        ("{{ messages[0]['content'] }}", "the chat template drops a turn"),
        ("{{ raise_exception('no') }}", "the chat template fails: found no"),
    ):
        words.chat_template = template
        with pytest.raises(PolycriticError, match=message):
            SequenceClassifier(decoder(), words)
    words.chat_template = None
    folder = saved(tmp_path / "model", decoder(), words)
    assert SequenceClassifier.from_folder(folder, chat_template=TEMPLATE).causal


class LastColumn(nn.Module):
    """A decoder that takes the last column for the last token: right with padding on the left alone."""

    def __init__(self, inner: Any, noise: float = 0.0) -> None:
        super().__init__()
        self.inner, self.config, self.noise = inner, inner.config, noise
        self.device, self.dtype = torch.device("cpu"), torch.float32

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        positions = (attention_mask.cumsum(-1) - 1).clamp_min(0)
        states = self.inner.model(input_ids, attention_mask=attention_mask, position_ids=positions).last_hidden_state
        logits = self.inner.score(states[:, -1]) + self.noise * len(input_ids)
        return type("Output", (), {"logits": logits})


def test_scores_that_change_with_the_batch_are_refused() -> None:
    judge = SequenceClassifier(LastColumn(decoder()), tokenizer())
    assert judge.side == "left"
    plain = SequenceClassifier(decoder(), tokenizer())
    assert_allclose(judge.score(CANDIDATES, [QUALITY]).values, plain.score(CANDIDATES, [QUALITY]).values, atol=1e-5)
    with pytest.raises(PolycriticError, match=r"change with the batch: expected at most .*, found by .* on the left"):
        SequenceClassifier(LastColumn(decoder(), noise=0.1), tokenizer())
    dead = encoder()
    nn.init.zeros_(dead.classifier.weight)
    with pytest.raises(PolycriticError, match="gives eight different texts one score: found 0"):
        SequenceClassifier(dead, tokenizer())
