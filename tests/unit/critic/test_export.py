"""Critics that leave: the same scores in transformers, sentence-transformers and onnxruntime, or no export."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose
from onnx import numpy_helper
from tests.models import tiny_decoder, tiny_encoder

from polycritic.core import Binary, Candidate, Interval, Levels, PolycriticError, Task
from polycritic.critic import Critic, SequenceClassifier, _onnx
from polycritic.critic.backbones import LoRA, Transformer, Words, embedded_folder, mean_pooling
from polycritic.critic.sharing import Conditioned
from polycritic.judges import Onnx

TASKS = (
    Task("even", "Is the number even?", Binary()),
    Task("size", "How large is the number?", Interval(0, 20)),
    Task("grade", "Grade the number.", Levels(("1", "2", "3"))),
    Task("larger", "Prefer the larger number."),
)
WORDS = [
    "tea",
    "stone",
    "river",
    "walk",
    "seven",
    "green",
    "honest",
    "engine",
    "paper",
    "sleep",
    "rain",
    "glass",
    "go",
    "quick",
]
CANDIDATES = [
    *(Candidate(" ".join(WORDS[: i % 5]), f"{WORDS[i % 14]} {WORDS[(i * i) % 13]} {i}") for i in range(40)),
    *(Candidate("long " * n, "Née 漢字 <b>answer</b>, " * n, context="c") for n in (1, 30, 90)),
]


def lively(critic: Critic) -> Critic:
    """A critic that says something else of each text, as after training."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in critic.backbone.parameters():
            if parameter.ndim == 2:
                parameter.mul_(50.0 / critic.backbone.dim**0.5)  # from 0.02 to what keeps the size of features
        for module in (critic.described, *critic.heads):
            for parameter in module.parameters():
                parameter.add_(2.0 / critic.backbone.dim**0.5 * torch.randn(parameter.shape, generator=generator))
    return critic


@pytest.fixture(scope="module")
def critic(tmp_path_factory: pytest.TempPathFactory) -> Critic:
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # Wide and shallow: the errors of eight bits average out over features, and add up over layers.
        config = BertConfig(hidden_size=128, num_hidden_layers=1, num_attention_heads=4, intermediate_size=128)
        BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded_folder()).save_pretrained(folder)
    return lively(Critic(TASKS, Transformer(folder, max_length=48), Conditioned, surface=False))


@pytest.fixture(scope="module")
def folder(critic: Critic, tmp_path_factory: pytest.TempPathFactory) -> Path:
    exported = tmp_path_factory.mktemp("onnx") / "judge"
    critic.export_onnx(exported)
    return exported


def test_the_judge_without_torch_is_the_critic(critic: Critic, folder: Path) -> None:
    judge = Onnx(folder)
    assert judge.tasks == critic.tasks
    found, expected = judge.score(CANDIDATES, TASKS), critic.score(CANDIDATES, TASKS)
    assert expected.values.std(axis=0).min() > 1e-2
    assert_allclose(found.values, expected.values, atol=1e-4)
    assert_allclose(found.spread, expected.spread, atol=1e-4)
    known = json.loads((folder / "config.json").read_text())
    assert known["id2label"] == {"0": "even", "1": "size", "2": "grade", "3": "larger"}


def test_all_tools_score_the_same(critic: Critic, folder: Path, tmp_path: Path) -> None:
    """transformers, sentence-transformers, onnxruntime and a judge of a stranger's classifier, on the critic's own texts."""
    import onnxruntime
    from sentence_transformers.cross_encoder import CrossEncoder
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    task = TASKS[3]
    expected = critic.score(CANDIDATES[:8], [task]).of(task)
    critic.export_hf(tmp_path / "one", task)
    backbone = critic.backbone
    assert isinstance(backbone, Transformer)
    texts = [backbone.render(task, c) for c in CANDIDATES[:8]]
    pairs = [(text.before, text.response) for text in texts]

    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "one").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "one")
    inputs = tokenizer([a for a, _ in pairs], [b for _, b in pairs], padding=True, return_tensors="pt")
    with torch.inference_mode():
        assert_allclose(model(**inputs).logits[:, 0].numpy(), expected, atol=1e-4)

    cross = CrossEncoder(str(tmp_path / "one"), device="cpu")
    assert_allclose(cross.predict(pairs, show_progress_bar=False), expected, atol=1e-4)

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    given = {name: inputs[name].numpy() for name in ("input_ids", "attention_mask")}
    assert_allclose(session.run(["logits"], given)[0][:, 3], expected, atol=1e-4)

    stranger = SequenceClassifier.from_folder(tmp_path / "one")
    asked = [Candidate(before, response) for before, response in pairs]
    assert_allclose(stranger.score(asked, [task]).of(task), expected, atol=1e-4)


def bytes_alone(folder: Path) -> None:
    """Give a decoder a tokenizer of single bytes that adds nothing to a text, so that a pair is read as the two end to end."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE({letter: i for i, letter in enumerate([*letters, "<end>", "<pad>"])}, []))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<pad>").save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": 256, "pad_token_id": 257}))


@pytest.mark.parametrize("kind", ["lora", "decoder"])
def test_sentence_transformers_scores_adapters_and_decoders_the_same(kind: str, tmp_path: Path) -> None:
    from sentence_transformers.cross_encoder import CrossEncoder

    if kind == "decoder":
        bytes_alone(tiny_decoder(tmp_path / "model"))
        backbone = Transformer(tmp_path / "model", max_length=128)
    else:
        backbone = Transformer(tiny_encoder(tmp_path / "model"), tuning=LoRA(rank=2), max_length=48)
    task, generator = TASKS[3], torch.Generator().manual_seed(0)
    critic = lively(Critic(TASKS, backbone, surface=False))
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.3, generator=generator)
    candidates = [c for c in CANDIDATES[:12] if c.prompt]
    expected = critic.score(candidates, [task]).of(task)
    assert expected.std() > 1e-2
    critic.export_hf(tmp_path / "one", task)
    texts = [backbone.render(task, c) for c in candidates]
    cross = CrossEncoder(str(tmp_path / "one"), device="cpu")
    joint = "\n" if backbone.causal else ""
    found = cross.predict([(text.before + joint, text.response) for text in texts], show_progress_bar=False)
    bias = json.loads((tmp_path / "one" / "config.json").read_text()).get("polycritic_bias", [0.0])[0]
    assert_allclose(found + bias, expected, atol=1e-4)


def rounding(levels: int) -> Callable[[Path], None]:
    """Round every matrix to so many levels on either side of zero, in place of the quantiser."""

    def rounded(path: Path) -> None:
        model = onnx.load(str(path))
        for tensor in model.graph.initializer:
            if len(tensor.dims) == 2 and min(tensor.dims) > 4:
                array = numpy_helper.to_array(tensor)
                step = np.abs(array).max() / levels
                near = (np.round(array / step) * step).astype(array.dtype)
                tensor.CopyFrom(numpy_helper.from_array(near, tensor.name))
        onnx.save(model, str(path))

    return rounded


def test_the_quantiser_keeps_the_order(critic: Critic, folder: Path, tmp_path: Path) -> None:
    """How close depends on the processor and on the width of the model; this one is narrow."""
    small = Path(shutil.copytree(folder, tmp_path / "small"))
    _onnx._quantise(small / "model.onnx")
    assert sorted(path.name for path in small.iterdir()) == sorted(path.name for path in folder.iterdir())
    assert (small / "model.onnx").stat().st_size < (folder / "model.onnx").stat().st_size
    rounded, whole = (Onnx(f).score(CANDIDATES, TASKS[3:]).values[:, 0] for f in (small, folder))
    assert 0.9 < np.corrcoef(rounded, whole)[0, 1] < 1.0


def test_eight_bits_agree_or_are_refused(
    critic: Critic, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_onnx, "_trace", lambda critic, tasks, path: shutil.copy(folder / "model.onnx", path))
    monkeypatch.setattr(_onnx, "_quantise", rounding(4096))
    critic.export_onnx(tmp_path / "small", int8=CANDIDATES)
    told = json.loads((tmp_path / "small" / "judge.json").read_text())["int8"]
    assert [row["task"] for row in told] == [task.name for task in TASKS]
    assert all(row["spearman"] >= 0.99 and 0 < row["largest_error"] <= 0.25 for row in told)
    assert {row["candidates"] for row in told} == {43}
    monkeypatch.setattr(_onnx, "_quantise", rounding(2))
    with pytest.raises(
        PolycriticError, match=r"int8, task 'even': eight bits disagree .* found Spearman .* Export without"
    ):
        critic.export_onnx(tmp_path / "refused", int8=CANDIDATES)
    before = (tmp_path / "small" / "judge.json").read_bytes()
    with pytest.raises(PolycriticError, match="eight bits disagree"):
        critic.export_onnx(tmp_path / "small", int8=CANDIDATES)
    assert (tmp_path / "small" / "judge.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small"]  # nothing half-written


def test_a_sample_must_tell(critic: Critic, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_onnx, "_trace", lambda critic, tasks, path: shutil.copy(folder / "model.onnx", path))
    monkeypatch.setattr(_onnx, "_quantise", lambda path: None)
    with pytest.raises(
        PolycriticError, match="too few candidates to check eight bits on: expected 30 or more, found 2 "
    ):
        critic.export_onnx(tmp_path / "a", int8=CANDIDATES[:2] * 30)
    flat = [torch.ones(len(CANDIDATES))]
    monkeypatch.setattr(_onnx, "_check", lambda *a: None)
    monkeypatch.setattr(_onnx, "utilities", lambda critic, texts, task: flat[0][: len(texts)])
    with pytest.raises(PolycriticError, match="gives all candidates of the sample one score"):
        critic.export_onnx(tmp_path / "a", int8=CANDIDATES)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_errs_is_refused(
    critic: Critic, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_onnx, "_trace", lambda critic, tasks, path: shutil.copy(folder / "model.onnx", path))
    with torch.no_grad():
        critic.described.content.bias.add_(0.01)  # type: ignore[operator, union-attr]
    try:
        with pytest.raises(PolycriticError, match=r"task 'even': the exported graph does not score like the critic"):
            critic.export_onnx(tmp_path / "a")
    finally:
        with torch.no_grad():
            critic.described.content.bias.sub_(0.01)  # type: ignore[operator, union-attr]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported(critic: Critic, tmp_path: Path) -> None:
    with pytest.raises(PolycriticError, match="only a Transformer can be exported: found Words"):
        Critic(TASKS, Words()).export_onnx(tmp_path / "a")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(PolycriticError, match="not an exported judge's would be overwritten"):
        critic.export_onnx(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_chat_turns_are_read_off_the_template(tmp_path: Path) -> None:
    backbone = Transformer(tiny_decoder(tmp_path / "decoder"), max_length=64)
    backbone.chat = True
    template = "{{ '[CLS]' }}{% for m in messages %}<{{ m['role'] }}>CONTENT[SEP]{% endfor %}"
    for content, trim in (("{{ m['content'] }}", False), ("{{ m['content'] | trim }}", True)):
        backbone.tokenizer.chat_template = template.replace("CONTENT", content)
        backbone.tokenizer.save_pretrained(tmp_path / "words")
        reads: dict[str, Any] = _onnx._reads(backbone, tmp_path / "words")
        assert reads["turns"] == ["[CLS]<user>", "[SEP]<assistant>", "[SEP]"]
        assert (reads["form"], reads["trim"], reads["joint"]) == ("turns", trim, 1)
    backbone.tokenizer.chat_template = "{{ messages[0]['content'] }}"
    with pytest.raises(PolycriticError, match="drops a turn"):
        _onnx._reads(backbone, tmp_path / "words")
    backbone.tokenizer.chat_template = template.replace("CONTENT", "{{ m['content'] | upper }}")
    with pytest.raises(PolycriticError, match="drops a turn"):
        _onnx._reads(backbone, tmp_path / "words")
    backbone.tokenizer.chat_template = template.replace("CONTENT", "{{ m['content'] | replace(',', ';') }}")
    with pytest.raises(PolycriticError, match="reads a text otherwise when exported"):
        _onnx._reads(backbone, tmp_path / "words")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["decoder", "chat", "mean", "lora"])
def test_every_kind_of_backbone(kind: str, tmp_path: Path) -> None:
    if kind in ("decoder", "chat"):
        backbone = Transformer(tiny_decoder(tmp_path / "model"), max_length=48)
    elif kind == "mean":
        backbone = Transformer(tiny_encoder(tmp_path / "model"), pooling=mean_pooling, max_length=48)
    else:
        backbone = Transformer(tiny_encoder(tmp_path / "model"), tuning=LoRA(rank=2), max_length=48)
        with torch.no_grad():
            for name, parameter in backbone.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(generator=torch.Generator().manual_seed(0))
    if kind == "chat":
        backbone.tokenizer.chat_template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}[SEP]{% endfor %}"
        backbone.chat = True
    critic = lively(Critic(TASKS, backbone))
    critic.export_onnx(tmp_path / "judge")
    found, expected = (
        Onnx(tmp_path / "judge").score(CANDIDATES, TASKS),
        critic.without_surface().score(CANDIDATES, TASKS),
    )
    assert_allclose(found.values, expected.values, atol=1e-4)
    critic.export_onnx(tmp_path / "judge", TASKS[1])  # replaces it
    assert Onnx(tmp_path / "judge").tasks == TASKS[1:2]
