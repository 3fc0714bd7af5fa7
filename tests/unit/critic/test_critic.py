"""The critic: scoring, saving, exporting."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from tests.models import TASKS, mixed_rows, number, tiny_decoder, tiny_encoder
from torch.testing import assert_close

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Interval,
    Judge,
    PolycriticError,
    Rating,
    StepRatings,
    Task,
    Utility,
)
from polycritic.critic import Critic, compile_batch
from polycritic.critic.backbones import (
    Cached,
    Counted,
    Frozen,
    Full,
    LoRA,
    Numbers,
    Transformer,
    Words,
    cls_pooling,
    last_pooling,
    mean_pooling,
)
from polycritic.critic.sharing import Conditioned, Hard
from polycritic.training import Recipe, train

UNSEEN = Task("odd", "Is the number odd?", Binary())


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_decoder(tmp_path_factory.mktemp("decoder"))


def trained(critic: Critic) -> Critic:
    for _ in train(critic, mixed_rows(), Recipe(steps=3, rows=16)):
        pass
    return critic


def long_and_short() -> list[Candidate]:
    return [Candidate("word " * (7 * n % 23), f"answer {n} " * (1 + 11 * n % 17)) for n in range(12)]


@pytest.mark.parametrize("kind", ["words", "encoder", "decoder", "mean", "conditioned"])
def test_a_candidate_scores_the_same_alone_and_in_any_order(kind: str, encoder: Path, decoder: Path) -> None:
    backbone = {
        "words": Words,
        "encoder": lambda: Transformer(encoder, max_length=48),
        "decoder": lambda: Transformer(decoder, max_length=48),
        "mean": lambda: Transformer(encoder, max_length=48, pooling=mean_pooling),
        "conditioned": lambda: Transformer(encoder, max_length=48),
    }[kind]()
    critic = trained(Critic(TASKS, backbone, Conditioned) if kind == "conditioned" else Critic(TASKS, backbone))
    assert isinstance(critic, Judge)
    candidates, tasks = long_and_short(), [*TASKS, UNSEEN]
    together = critic.score(candidates, tasks)
    assert together.values.shape == (12, 5)
    for i in (0, 5, 11):
        assert_allclose(critic.score([candidates[i]], tasks).values[0], together.values[i], atol=1e-5)
    order = random.Random(0).sample(range(12), 12)
    assert_allclose(critic.score([candidates[i] for i in order], tasks).values, together.values[order], atol=1e-5)


def test_values_lie_on_their_scales_and_say_how_sure() -> None:
    scores = trained(Critic(TASKS, Words())).score(long_and_short(), TASKS)
    assert bool(((scores.of("even") >= 0) & (scores.of("even") <= 1)).all())
    assert bool(((scores.of("size") >= 0) & (scores.of("size") <= 20)).all())
    assert scores.spread is not None
    assert not np.isnan(scores.spread[:, :3]).any()


def test_no_candidates_and_no_tasks() -> None:
    critic = Critic(TASKS, Words())
    assert critic.score([], TASKS).values.shape == (0, 4)
    assert critic.score(long_and_short(), []).values.shape == (12, 0)


def test_a_task_that_changed_its_scale_is_refused() -> None:
    with pytest.raises(PolycriticError, match="changed its scale"):
        Critic(TASKS, Words()).score([number(1)], [replace(TASKS[0], scale=Utility())])


def test_tasks_bear_different_names() -> None:
    with pytest.raises(PolycriticError, match="different names"):
        Critic([*TASKS, TASKS[0]], Words())


def test_a_row_of_an_unknown_task_is_refused() -> None:
    with pytest.raises(PolycriticError, match="Did you mean 'even'"):
        compile_batch([replace(mixed_rows()[0], task="evem")], {t.name: t for t in TASKS}, Words())


def test_surface_can_be_left_out_in_part_or_whole() -> None:
    critic = Critic([TASKS[3]], Words())
    torch.nn.init.constant_(critic.surface.shared, 1.0)
    long, short = Candidate("p", "same " * 40), Candidate("p", "same")

    def gap(judge: Critic) -> float:
        values = judge.score([long, short], TASKS[3:]).values.ravel()
        return float(values[0] - values[1])

    length = (np.log2(41) - np.log2(2)) / 2  # and so of the answer, of whose words none was given
    repetition = 37 / 38  # of 38 triples, all but the first were said before
    pairs = -0.25  # one word alone has no neighbours to count
    assert gap(critic) - gap(critic.without_surface()) == pytest.approx(3 * length + repetition + pairs, abs=1e-5)
    assert gap(critic) - gap(critic.without_surface("length")) == pytest.approx(length, abs=1e-5)
    assert "length" in critic.reads
    with pytest.raises(PolycriticError, match="Did you mean 'length'"):
        critic.without_surface("lenght")


def test_a_critic_without_surface_stays_so_when_saved(tmp_path: Path) -> None:
    Critic(TASKS, Words(), surface=False).save(tmp_path / "critic")
    assert Critic.load(tmp_path / "critic").reads == ()


def test_steps_are_scored_where_they_end() -> None:
    critic = trained(Critic(TASKS, Words()))
    steps = ("one ", "two ", "three")
    whole = Candidate("p", "one two three", steps=steps)
    values = critic.score_steps([whole, Candidate("p", "plain")], TASKS[0])
    assert [len(v) for v in values] == [3, 1]
    assert not np.isnan(values[0]).any()


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_step_positions_are_the_last_tokens_of_steps(kind: str, encoder: Path, decoder: Path) -> None:
    backbone = Transformer(encoder if kind == "encoder" else decoder, max_length=64)
    candidate = Candidate("what is it", "it is seven. no wait, eight.", steps=("it is seven.", " no wait,", " eight."))
    tokens = backbone.tokenize([backbone.render(TASKS[0], candidate)])[0]
    assert [backbone.tokenizer.convert_ids_to_tokens(tokens.ids[end]) for end in tokens.ends] == [".", ",", "."]


def test_a_step_that_is_cut_away_is_nan_and_never_trained_on(encoder: Path) -> None:
    backbone = Transformer(encoder, max_length=24)
    steps = tuple(f"step {n} goes on and on. " for n in range(12))
    candidate = Candidate("p", "".join(steps), steps=steps)
    critic = Critic(TASKS, backbone)
    values = critic.score_steps([candidate], TASKS[0])[0]
    assert np.isnan(values[5])
    assert not np.isnan(values[11])
    row = StepRatings(task="even", candidate=candidate, values=(1.0,) * 12)
    batch = compile_batch([row], {t.name: t for t in TASKS}, backbone)
    assert batch.ratings is not None
    assert len(batch.ratings.value) == int((~np.isnan(values)).sum()) + 1


@pytest.mark.parametrize("tuning", [Full(), Full(frozen_layers=1), LoRA(rank=2), Frozen()])
def test_tuning_trains_what_it_says(encoder: Path, tuning: Full | LoRA | Frozen) -> None:
    backbone = Transformer(encoder, tuning=tuning, max_length=32)
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    trained(Critic(TASKS, backbone))
    moved = {name for name, p in backbone.named_parameters() if not torch.equal(p, before[name])}
    assert not any("embeddings" in name for name in moved)
    match tuning:
        case Full(frozen_layers=frozen):
            assert any("layer.1." in name for name in moved)
            assert any("layer.0." in name for name in moved) == (frozen == 0)
        case LoRA():
            assert moved
            assert all("lora_" in name for name in moved)
        case Frozen():
            assert not moved


def test_cached_features_are_the_frozen_ones(encoder: Path, tmp_path: Path) -> None:
    plain = Critic(TASKS, Transformer(encoder, tuning=Frozen(), max_length=32))
    cached = Critic(TASKS, Cached(Transformer(encoder, tuning=Frozen(), max_length=32), tmp_path))
    for _ in range(2):  # computed, then read
        assert_allclose(
            cached.score(long_and_short(), TASKS).values, plain.score(long_and_short(), TASKS).values, atol=1e-5
        )
    assert len(list(tmp_path.glob("*/*.npy"))) == 12 * 4


@pytest.mark.parametrize("kind", ["words", "counted", "numbers", "encoder", "lora", "decoder", "cached"])
def test_save_and_load(kind: str, encoder: Path, decoder: Path, tmp_path: Path) -> None:
    backbone = {
        "words": lambda: Words(dim=8),
        "counted": Counted,
        "numbers": lambda: Numbers(2, 4),
        "encoder": lambda: Transformer(encoder, max_length=32),
        "lora": lambda: Transformer(encoder, max_length=32, tuning=LoRA(rank=2)),
        "decoder": lambda: Transformer(decoder, max_length=32),
        "cached": lambda: Cached(Transformer(encoder, tuning=Frozen(), max_length=32), tmp_path / "features"),
    }[kind]()
    critic = Critic(TASKS, backbone, Hard if kind == "numbers" else Conditioned)
    with torch.no_grad():
        for p in critic.heads.parameters():
            p.add_(0.1)
    candidates = [Candidate("", "0.5 1"), Candidate("", "-2 3")] if kind == "numbers" else long_and_short()
    critic.save(tmp_path / "critic")
    unseen = [*TASKS, UNSEEN]
    loaded = Critic.load(tmp_path / "critic")
    assert loaded.tasks == critic.tasks
    assert_allclose(loaded.score(candidates, unseen).values, critic.score(candidates, unseen).values)
    critic.save(tmp_path / "critic")  # over the old one
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "features") == ["critic"]


def test_damaged_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    critic = Critic(TASKS, Words(dim=8))
    with pytest.raises(PolycriticError, match=r"not a critic's folder.*critic\.json"):
        Critic.load(tmp_path)
    folder = tmp_path / "critic"
    critic.save(folder)
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-4] + b"oops")
    with pytest.raises(PolycriticError, match="damaged critic"):
        Critic.load(folder)
    weights.unlink()
    with pytest.raises(PolycriticError, match=r"model\.safetensors: a damaged critic.*no such file"):
        Critic.load(folder)
    weights.write_bytes(content)
    path = folder / "critic.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps({**description, "format": 99}))
    with pytest.raises(PolycriticError, match="newer polycritic"):
        Critic.load(folder)
    path.write_text(json.dumps({**description, "tasks": description["tasks"][:1]}))
    with pytest.raises(PolycriticError, match="weights and description disagree"):
        Critic.load(folder)
    path.write_text(json.dumps({**description, "files": {}}))
    with pytest.raises(PolycriticError, match="damaged critic"):
        Critic.load(folder)
    path.write_text("{")
    with pytest.raises(PolycriticError, match="damaged critic"):
        Critic.load(folder)
    path.write_text(json.dumps({**description, "sharing": "Hadr"}))
    with pytest.raises(PolycriticError, match="Did you mean 'Hard'"):
        Critic.load(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(PolycriticError, match="overwritten"):
        critic.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_folder_without_its_tokenizer_is_refused(encoder: Path, tmp_path: Path) -> None:
    Critic(TASKS, Transformer(encoder, max_length=32)).save(tmp_path / "critic")
    for path in (tmp_path / "critic" / "backbone").glob("tokenizer*"):
        path.unlink()
    with pytest.raises(PolycriticError, match=r"tokenizer\S*: a damaged critic.*no such file"):
        Critic.load(tmp_path / "critic")
    bare = tmp_path / "bare"
    shutil.copytree(encoder, bare, ignore=shutil.ignore_patterns("tokenizer*", "vocab*", "special*"))
    with pytest.raises(PolycriticError, match=r"no vocabulary|cannot be loaded|fast tokenizer"):
        Transformer(bare, max_length=32)


@pytest.mark.parametrize("kind", ["encoder", "lora", "decoder"])
def test_exported_classifier_scores_like_the_critic(kind: str, encoder: Path, decoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    backbone = Transformer(
        decoder if kind == "decoder" else encoder,
        tuning=LoRA(rank=2) if kind == "lora" else Full(),
        max_length=64,
        pooling=last_pooling if kind == "decoder" else cls_pooling,
    )
    critic = trained(Critic(TASKS, backbone, Conditioned)).without_surface()
    task = TASKS[3]
    critic.export_hf(tmp_path / "one", task)
    critic.export_hf(tmp_path / "all")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "one")
    candidates = [Candidate("word " * n, "answer " * (9 - n)) for n in range(1, 8)]
    texts = [backbone.render(task, c) for c in candidates]
    if kind == "decoder":
        inputs = tokenizer([f"{t.before}\n{t.response}" for t in texts], padding=True, return_tensors="pt")
    else:
        inputs = tokenizer([t.before for t in texts], [t.response for t in texts], padding=True, return_tensors="pt")
    inputs.pop("token_type_ids") if kind == "decoder" else None
    ours = critic.score(candidates, [task]).values.ravel()
    with torch.inference_mode():
        one = AutoModelForSequenceClassification.from_pretrained(tmp_path / "one").eval()
        every = AutoModelForSequenceClassification.from_pretrained(tmp_path / "all").eval()
        logits = one(**inputs).logits[:, 0].numpy() + getattr(one.config, "polycritic_bias", [0.0])[0]
        all_logits = every(**inputs).logits
    assert all_logits.shape == (7, 4)
    assert every.config.id2label[3] == "larger"
    assert_allclose(logits, ours, atol=1e-4)
    assert one.config.problem_type == "regression"


def test_export_refuses_what_no_classifier_can_do(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(PolycriticError, match="only a Transformer"):
        Critic(TASKS, Words()).export_hf(tmp_path / "a")
    mean = Critic(TASKS, Transformer(encoder, pooling=mean_pooling, max_length=32))
    with pytest.raises(PolycriticError, match="not those of a plain classifier"):
        mean.export_hf(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_numbers_must_be_numbers() -> None:
    critic = Critic([Task("t", scale=Interval(0, 1))], Numbers(2))
    with pytest.raises(PolycriticError, match="expected 2 numbers, found 'one two'"):
        critic.score([Candidate("", "one two")], critic.tasks)


def test_a_missing_backbone_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolycriticError, match="the backbone cannot be loaded"):
        Transformer(tmp_path / "nothing here")


def test_repr_is_short(encoder: Path) -> None:
    assert repr(Critic(TASKS, Words())) == "Critic(4 tasks, Words, 0.1M parameters)"


def test_a_bag_of_one_weighs_like_its_rating() -> None:
    task = Task("size", scale=Interval(0, 100))
    critic = Critic([task], Words(dim=8))
    one = Candidate("", "a word")
    bag, alone = BagRating(task="size", candidates=(one,), value=70.0), Rating(task="size", candidate=one, value=70.0)
    losses = [critic.losses(compile_batch([row], {"size": task}, critic.backbone)) for row in (bag, alone)]
    assert_close(losses[0], losses[1])
