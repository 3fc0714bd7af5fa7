"""Scoring: however texts are put together, each scores as it does alone."""

import functools
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
import transformers
from numpy.testing import assert_allclose
from tests.models import TASKS, mixed_rows, tiny_decoder, tiny_encoder

from polycritic.core import Candidate, FloatArray, Task
from polycritic.critic import Critic, _packed, _scoring
from polycritic.critic.backbones import (
    Backbone,
    Cached,
    Frozen,
    Full,
    LoRA,
    Transformer,
    Words,
    cls_pooling,
    embedded_tokenizer,
    last_pooling,
    mean_pooling,
    native_precision,
)
from polycritic.training import Recipe, train

TASK = Task("good", "Is it good?")
PROMPTS = ("what is the largest of these numbers and why", "tell me of the sea, the wind and of what they do to sand")
WORDS = ["one", "two", "three", "four", "sand", "wind", "why", "blue"]


def mixture() -> list[Candidate]:
    """Long and short, several to a prompt, some alone, one empty, one long beyond any room."""
    rng = random.Random(0)
    found = [Candidate(PROMPTS[n % 2], " ".join(rng.choices(WORDS, k=rng.randrange(1, 30)))) for n in range(10)]
    found += [Candidate(" ".join(rng.choices(WORDS, k=n)), " ".join(rng.choices(WORDS, k=2 * n))) for n in range(1, 9)]
    return [*found, Candidate(PROMPTS[0], ""), Candidate("", ""), Candidate(PROMPTS[1], "sand " * 200)]


CANDIDATES = mixture()


def stirred(backbone: Backbone) -> Backbone:
    """Weights large enough that every token matters to every score."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for parameter in backbone.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.3, generator=generator)
    return backbone


@torch.inference_mode()
def alone(critic: Critic, candidates: list[Candidate], task: Task = TASK) -> FloatArray:
    """The features of one text at a time, by the model's own attention."""
    rows = []
    for candidate in candidates:
        ids, mask = critic.backbone.collate(critic.backbone.tokenize([critic.backbone.render(task, candidate)]))
        rows.append(critic.backbone.pool(critic.backbone(ids, mask), mask)[0].double().numpy())
    return np.stack(rows)


def check(backbone: Backbone, *, packed: bool) -> None:
    """Alone, together, shuffled, in small batches and in large ones, padded and packed: the same."""
    critic = Critic([TASK], backbone).eval()
    assert _scoring.can_pack(backbone) == packed
    expected = alone(critic, CANDIDATES)
    assert np.median(expected.std(0)) > 1e-3
    order = random.Random(1).sample(range(len(CANDIDATES)), len(CANDIDATES))
    for budget in (1, 100, 400, 4096):
        with mock.patch.dict(_scoring._BUDGETS, cpu=budget):
            assert_allclose(critic.features(CANDIDATES, TASK), expected, atol=1e-5)
            assert_allclose(critic.features([CANDIDATES[i] for i in order], TASK), expected[order], atol=1e-5)
    with mock.patch.object(_scoring, "can_pack", return_value=False):
        assert_allclose(critic.features(CANDIDATES, TASK), expected, atol=1e-5)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_decoder(tmp_path_factory.mktemp("decoder"))


def tiny(name: str, folder: Path, **changes: object) -> Path:
    """A random model of a named architecture."""
    tokenizer = embedded_tokenizer()
    settings: dict[str, object] = {
        "vocab_size": 30522,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 128,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.sep_token_id,
    }
    if name == "DistilBert":
        settings |= {"dim": 16, "hidden_dim": 32, "n_layers": 2, "n_heads": 2}
    if name in _packed._DECODERS and name not in ("GPT2", "GPTNeoX"):
        settings["num_key_value_heads"] = 1
    config = getattr(transformers, f"{name}Config")(**settings | changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", _packed._ENCODERS + _packed._DECODERS)
def test_every_architecture_that_is_packed_scores_as_alone(name: str, tmp_path: Path) -> None:
    check(stirred(Transformer(tiny(name, tmp_path), max_length=64)), packed=True)


@pytest.mark.parametrize(
    ("kind", "pooling"),
    [  # a decoder's first token sees nothing
        ("encoder", cls_pooling),
        ("encoder", mean_pooling),
        ("encoder", last_pooling),
        ("decoder", mean_pooling),
        ("decoder", last_pooling),
    ],
)
def test_every_pooling(kind: str, pooling: Callable[..., torch.Tensor], encoder: Path, decoder: Path) -> None:
    source = encoder if kind == "encoder" else decoder
    check(stirred(Transformer(source, max_length=48, pooling=pooling)), packed=True)


@pytest.mark.parametrize("tuning", [LoRA(rank=2), Full(frozen_layers=1), Frozen()])
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_every_tuning(kind: str, tuning: LoRA | Full | Frozen, encoder: Path, decoder: Path) -> None:
    source = encoder if kind == "encoder" else decoder
    check(stirred(Transformer(source, tuning=tuning, max_length=48)), packed=True)


def test_the_embedded_model() -> None:
    check(Transformer(max_length=64), packed=True)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_the_side_that_a_tokenizer_pads_is_of_no_account(kind: str, encoder: Path, decoder: Path) -> None:
    backbone = stirred(Transformer(encoder if kind == "encoder" else decoder, max_length=48))
    critic = Critic([TASK], backbone)
    right = critic.score(CANDIDATES, [TASK]).values
    assert isinstance(backbone, Transformer)
    backbone.tokenizer.padding_side = "left"
    assert_allclose(critic.score(CANDIDATES, [TASK]).values, right, atol=1e-6)


def test_words_and_cached_features_are_left_alone(encoder: Path, tmp_path: Path) -> None:
    check(Words(), packed=False)
    check(Cached(stirred(Transformer(encoder, tuning=Frozen(), max_length=48)), tmp_path), packed=False)


@pytest.mark.parametrize("budget", [1, 100, 4096])
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_steps_score_as_alone(kind: str, budget: int, encoder: Path, decoder: Path) -> None:
    critic = Critic([TASK], stirred(Transformer(encoder if kind == "encoder" else decoder, max_length=64)))
    first = tuple(f"step {word} is done. " for word in WORDS[:3])  # shared, so that steps end in what is read once
    candidates = [
        Candidate(PROMPTS[0], "".join(steps), steps=steps)
        for steps in [(*first, f"then {word}") for word in WORDS] + [first, first[:1], ("lone",)]
    ]
    expected = [critic.score_steps([candidate], TASK)[0] for candidate in candidates]
    assert np.concatenate(expected).std() > 1e-3
    with mock.patch.dict(_scoring._BUDGETS, cpu=budget):
        for values, wanted in zip(critic.score_steps(candidates, TASK), expected, strict=True):
            assert_allclose(values, wanted, atol=1e-5)
    with mock.patch.object(_scoring, "can_pack", return_value=False):
        for values, wanted in zip(critic.score_steps(candidates, TASK), expected, strict=True):
            assert_allclose(values, wanted, atol=1e-5)


def test_a_shared_beginning_is_read_once(decoder: Path) -> None:
    backbone = Transformer(decoder, max_length=128)
    candidates = [Candidate(" ".join(PROMPTS), f"number {n}") for n in range(30)]
    tokens = backbone.tokenize([backbone.render(TASK, candidate) for candidate in candidates])
    columns = zip(*(t.ids for t in tokens), strict=False)
    shared = len(list(itertools.takewhile(lambda column: len(set(column)) == 1, columns)))
    assert shared > 20
    read: list[int] = []
    embedding = backbone.model.get_input_embeddings()
    hook = embedding.register_forward_hook(lambda module, args, out: read.append(args[0].numel()))
    critic = Critic([TASK], backbone)
    for budget in (50, 4096):
        read.clear()
        with mock.patch.dict(_scoring._BUDGETS, cpu=budget):
            critic.score(candidates, [TASK])
        assert sum(read) == sum(len(t.ids) for t in tokens) - 29 * shared
        assert max(read) <= budget
        assert len(read) == -(-sum(read) // budget)
    hook.remove()


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_no_padding_is_computed(kind: str, encoder: Path, decoder: Path) -> None:
    backbone = Transformer(encoder if kind == "encoder" else decoder, max_length=64)
    tokens = backbone.tokenize([backbone.render(TASK, candidate) for candidate in CANDIDATES])
    read: list[int] = []
    hook = backbone.model.get_input_embeddings().register_forward_hook(
        lambda m, args, out: read.append(args[0].numel())
    )
    with mock.patch.object(_scoring, "shared_prefixes", functools.partial(_scoring.shared_prefixes, least=1000)):
        Critic([TASK], backbone).score(CANDIDATES, [TASK])
    hook.remove()
    assert sum(read) == sum(len(t.ids) for t in tokens)


@pytest.mark.parametrize("pooling", [cls_pooling, last_pooling, mean_pooling])
def test_the_last_layer_makes_no_states_that_nobody_reads(pooling: Callable[..., torch.Tensor], encoder: Path) -> None:
    backbone = Transformer(encoder, max_length=64, pooling=pooling)
    tokens = backbone.tokenize([backbone.render(TASK, candidate) for candidate in CANDIDATES])
    made: list[list[int]] = [[], []]
    hooks = [
        layer.intermediate.register_forward_hook(lambda m, args, out, n=n: made[n].append(out.shape[-2]))
        for n, layer in enumerate(backbone.model.encoder.layer)
    ]
    critic, every = Critic([TASK], backbone), sum(len(t.ids) for t in tokens)
    critic.score(CANDIDATES, [TASK])
    assert [sum(counts) for counts in made] == [every, every if pooling is mean_pooling else len(CANDIDATES)]
    made[1].clear()
    critic.score_steps(CANDIDATES, TASK)
    assert sum(made[1]) == every  # any token may be the end of a step
    for hook in hooks:
        hook.remove()


def test_the_model_is_left_as_it_was_and_its_weights_are_read_afresh(encoder: Path) -> None:
    backbone = stirred(Transformer(encoder, max_length=48))
    assert isinstance(backbone, Transformer)
    critic = Critic(TASKS, backbone)
    before = critic.features(CANDIDATES, TASKS[0])
    assert backbone.model.config._attn_implementation == "sdpa"
    for _ in train(critic, mixed_rows(), Recipe(steps=2, rows=16)):
        pass
    after = critic.features(CANDIDATES, TASKS[0])
    assert np.abs(after - before).max() > 1e-4
    assert_allclose(after, alone(critic.eval(), CANDIDATES, TASKS[0]), atol=1e-5)


class Reversed(Transformer):
    """Another reading of the same model."""

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return -super().forward(ids, mask)


class Running(torch.nn.Linear):
    """A layer that looks beyond its token."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.cumsum(-2))


def test_what_is_not_known_exactly_is_padded(encoder: Path, decoder: Path, tmp_path: Path) -> None:
    check(stirred(Reversed(encoder, max_length=48)), packed=False)

    eager = stirred(Transformer(encoder, max_length=48))
    assert isinstance(eager, Transformer)
    eager.model.set_attn_implementation("eager")
    check(eager, packed=False)

    running = stirred(Transformer(decoder, max_length=48))
    assert isinstance(running, Transformer)
    mlp = running.model.layers[0].mlp
    layer = Running(16, 32, bias=False)
    layer.weight = mlp.up_proj.weight
    mlp.up_proj = layer
    check(running, packed=False)

    window = tiny("Mistral", tmp_path / "window", sliding_window=16)
    check(stirred(Transformer(window, max_length=48)), packed=False)
    assert _scoring.can_pack(Transformer(window, max_length=16))

    rotary = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    dynamic = tiny("Llama", tmp_path / "dynamic", rope_parameters=rotary)
    assert not _scoring.can_pack(Transformer(dynamic, max_length=48))
    assert not _scoring.can_pack(Transformer(tiny("OPT", tmp_path / "opt", word_embed_proj_dim=16), max_length=48))


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
@pytest.mark.parametrize("packed", [True, False])
def test_bfloat16_is_asked_for_and_near(kind: str, packed: bool, encoder: Path, decoder: Path) -> None:
    backbone = stirred(Transformer(encoder if kind == "encoder" else decoder, max_length=48))
    assert isinstance(backbone, Transformer)
    critic = Critic([TASK], backbone)
    with mock.patch.object(_scoring, "can_pack", return_value=packed):
        exact = critic.features(CANDIDATES, TASK)
        backbone.precision = torch.bfloat16
        near = critic.features(CANDIDATES, TASK)
    assert 0 < np.abs(near - exact).max() < 0.25 * exact.std()
    assert critic.score(CANDIDATES, [TASK]).values.dtype == np.float64
    assert next(backbone.parameters()).dtype == torch.float32


def test_a_backbone_of_bfloat16_weights_has_a_head_of_float32(encoder: Path) -> None:
    backbone = stirred(Transformer(encoder, max_length=48))
    critic = Critic([TASK], backbone)
    exact = critic.features(CANDIDATES, TASK)
    backbone.to(torch.bfloat16)
    tokens = backbone.tokenize([backbone.render(TASK, candidate) for candidate in CANDIDATES])
    with torch.inference_mode():
        assert all(pooled.dtype == torch.float32 for _, pooled, _ in _scoring.encode(critic.eval(), tokens))
    assert 0 < np.abs(critic.features(CANDIDATES, TASK) - exact).max() < 0.25 * exact.std()


@pytest.mark.parametrize(
    ("bf16", "amx", "expected"), [(1, 0, torch.bfloat16), (0, 1, torch.bfloat16), (0, 0, torch.float32)]
)
def test_the_native_precision_is_what_the_processor_says(bf16: int, amx: int, expected: torch.dtype) -> None:
    with (
        mock.patch.object(torch.cpu, "_is_avx512_bf16_supported", return_value=bool(bf16), create=True),
        mock.patch.object(torch.cpu, "_is_amx_tile_supported", return_value=bool(amx), create=True),
    ):
        assert native_precision() == expected
    assert native_precision("meta") == torch.float32
