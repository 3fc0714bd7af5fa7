"""What is counted in a text, each number by hand, and what a task's weights are made of."""

import hashlib
import json
import math
import pickle
from pathlib import Path

import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from polycritic.core import Binary, Candidate, Rating, Task
from polycritic.critic import Critic
from polycritic.critic._surface import SurfaceTerm
from polycritic.critic.backbones import SURFACE, Counted, Numbers, Words, surface
from polycritic.critic.backbones._surface import answer_of
from polycritic.tasks import render
from polycritic.training import Recipe, train

TASK = Task("t", "Is it right?")


def counted(candidate: Candidate) -> dict[str, float]:
    return dict(zip(SURFACE, surface(render(TASK, candidate)), strict=True))


def test_each_number_by_hand() -> None:
    seen = counted(
        Candidate("The cat sat on 3 mats.", "A cat sat on 4 mats. It sat on 4 mats.\nYes", reference="4 mats yes")
    )
    said = 12  # a cat sat on 4 mats it sat on 4 mats yes
    assert seen["length"] == (math.log2(1 + said) - 6) / 2
    assert seen["coverage"] == pytest.approx(7 / said - 0.5)  # cat sat on mats, sat on mats
    assert seen["bigram_coverage"] == pytest.approx(3 / 11 - 0.25)  # cat sat, sat on; sat on
    assert seen["recall"] == pytest.approx(3 / 4 - 0.25)  # cat, sat, mats of cat, sat, 3, mats
    assert seen["repetition"] == pytest.approx(2 / 10)  # sat on 4, on 4 mats
    assert seen["numbers"] == -0.5  # neither 4 was given
    assert seen["lines"] == 0.25
    assert seen["sentences"] == pytest.approx(math.log2(3) / 3 - 0.5)
    assert seen["reference_overlap"] == pytest.approx(2 * 3 / (3 + said) - 0.3)
    assert seen["reference_recall"] == 0.5
    assert seen["reference_end"] == 0.5


def test_kinds_of_characters_are_shares() -> None:
    seen = counted(Candidate("", "no no (7)!"))
    assert seen["punctuation"] == pytest.approx(5 * (3 / 10 - 0.04))
    assert seen["digits"] == pytest.approx(4 * 1 / 10)
    assert seen["brackets"] == pytest.approx(10 * 2 / 10)


def test_the_answer_alone_by_hand() -> None:
    seen = counted(Candidate("Sort 7 pears, 5 figs.", "First of all: 5 is less.\nAnswer: [5 Figs, 7 pears, 7 kiwis]"))
    assert seen["answer_length"] == pytest.approx(math.log2(7) / 2 - 1)  # 5 figs 7 pears 7 kiwis
    assert seen["answer_coverage"] == pytest.approx(5 / 6 - 0.5)
    assert seen["answer_recall"] == pytest.approx(4 / 5 - 0.25)  # all but sort
    assert seen["answer_numbers"] == 0.5
    assert seen["answer_punctuation"] == pytest.approx(5 * (4 / 26 - 0.04))
    assert seen["answer_digits"] == pytest.approx(3 / 26 - 0.3)
    assert seen["answer_brackets"] == pytest.approx(5 * 2 / 26)
    assert seen["answer_capitals"] == pytest.approx(1 / 26 - 0.1)
    assert seen["answer_is_number"] == -0.5
    assert seen["answer_new"] == 0.0  # kiwis
    assert seen["answer_again"] == 0.5  # 7


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("12", "12"),
        ("Answer: 12", "12"),
        ("Answer: 1? No.\nThe answer is: 12 ", "12"),
        ("3 * 4\n#### 12", "12"),
        ("My answer: twelve.\nanswer:", "My answer: twelve.\nanswer:"),
    ],
)
def test_what_a_response_comes_to(response: str, answer: str) -> None:
    assert answer_of(response) == answer


def test_what_cannot_be_counted_is_zero() -> None:
    seen = counted(Candidate("", ""))
    assert {name: value for name, value in seen.items() if value} == {
        "length": -3.0,
        "sentences": -0.5,
        "answer_length": -1.0,
    }
    assert Numbers(2).surface(render(TASK, Candidate("", "1 2"))) == (0.0,) * len(SURFACE)


def test_labels_of_fields_are_not_part_of_what_was_given() -> None:
    with_context = counted(Candidate("", "context reference", context="x", reference="y"))
    assert with_context["coverage"] == -0.5
    assert with_context["reference_recall"] == -0.5


def test_weights_add_what_all_the_family_and_the_task_learnt() -> None:
    term = SurfaceTerm([Task("qa/a"), Task("qa/b"), Task("sums")])
    with torch.no_grad():
        term.shared.fill_(1.0)
        term.family[0] = 10.0
        term.task[1] = 100.0
    names = ("qa/a", "qa/b", "qa/new", "sums", "new")
    expected = torch.tensor([11.0, 111.0, 11.0, 1.0, 1.0])
    assert_close(term.weights([Task(name) for name in names])[:, 0], expected)


def test_new_tasks_keep_what_was_learnt() -> None:
    critic = Critic([Task("qa/a")], Words())
    with torch.no_grad():
        critic.surface.task.fill_(2.0)
    critic.add_tasks([Task("qa/b"), Task("other")])
    assert_close(critic.surface.weights([Task("qa/a"), Task("qa/b")])[:, 0], torch.tensor([2.0, 0.0]))
    assert critic.surface.family.shape == (2, len(SURFACE))


def test_an_unseen_task_gets_what_tasks_described_like_it_learnt() -> None:
    """Compared with the formula written out: TF-IDF by hand, cosine, softmax."""
    known = ["count the letters of a word", "count the words", "is the summary true"]
    new = "count the vowels of a word"
    term = SurfaceTerm([Task(f"a/{k}", text) for k, text in enumerate(known)])
    with torch.no_grad():
        term.task.copy_(torch.randn(3, len(SURFACE), generator=torch.Generator().manual_seed(0)))
        term.shared.fill_(0.5)
    words = [[word for word in text.split() if len(word) > 1] for text in known]
    vocabulary = sorted({word for text in words for word in text})

    def vector(text: str) -> torch.Tensor:
        rare = [math.log(4 / (1 + sum(word in each for each in words))) + 1 for word in vocabulary]
        counts = [1.0 if word in text.split() else 0.0 for word in vocabulary]
        return torch.nn.functional.normalize(torch.tensor(counts) * torch.tensor(rare), dim=0)

    for description in (new, known[1]):
        cosines = torch.stack([vector(text) for text in known]) @ vector(description)
        expected = 0.5 + torch.softmax(cosines / 0.1, 0) @ term.task
        assert_close(term.weights([Task("b/new", description)])[0], expected, rtol=1e-4, atol=1e-5)
    assert_close(term.weights([Task("a/1", new)])[0], 0.5 + term.task[1])  # a known task is what it learnt
    strange = term.weights([Task("b/new", "xyzzy"), Task("b/new")])
    assert_close(strange, torch.full_like(strange, 0.5))
    term.add_tasks([Task("a/3", "xyzzy")])
    with torch.no_grad():
        term.task[3] = 7.0
    nearly_all = torch.softmax(torch.tensor([0.0, 0.0, 0.0, 10.0]), 0)
    assert_close(term.weights([Task("b/new", "xyzzy")])[0], 0.5 + nearly_all @ term.task)


def test_without_descriptions_nothing_is_borrowed() -> None:
    term = SurfaceTerm([Task("a"), Task("b", "?")])
    torch.nn.init.constant_(term.task, 1.0)
    assert not term.weights([Task("c", "Is it right?")]).any()
    assert not SurfaceTerm([]).weights([Task("c", "Is it right?")]).any()


def test_a_critic_that_borrowed_is_still_pickled() -> None:
    critic = Critic([Task("a", "Is it right?")], Words(dim=4))
    judged = critic.score([Candidate("p", "r")], [Task("b", "Is it wrong?")])
    again = pickle.loads(pickle.dumps(critic)).score([Candidate("p", "r")], [Task("b", "Is it wrong?")])
    assert again.values.tolist() == judged.values.tolist()


def test_a_critic_that_only_counts_is_the_regression_and_nothing_else() -> None:
    task = Task("short", "Is the answer short?", Binary())
    texts = [Candidate(f"question {k}", "word " * (1 + k % 9)) for k in range(90)]
    short = torch.tensor([len(c.response) < 25 for c in texts])
    rows = [Rating(task="short", candidate=c, value=float(bool(short[k]) != (k % 5 == 0))) for k, c in enumerate(texts)]
    critic = Critic([task], Counted())
    list(train(critic, rows, Recipe(steps=1, rows=1, seed=0)))
    counts = torch.tensor([critic.backbone.surface(critic.backbone.render(task, c)) for c in texts])
    judged = torch.tensor(critic.score(texts, [task]).values[:, 0].tolist(), dtype=torch.float64)
    utility = torch.logit(judged)
    expected = (counts @ critic.surface.weights([task])[0]).double()
    assert_close(utility - utility[0], expected - expected[0], rtol=1e-3, atol=1e-3)
    assert judged[short].min() > judged[~short].max()


def test_a_critic_saved_when_fewer_things_were_counted(tmp_path: Path) -> None:
    task, old = Task("qa/a"), SURFACE[:14]
    critic = Critic([task], Words())
    with torch.no_grad():
        critic.surface.task.copy_(torch.randn(1, len(SURFACE), generator=torch.Generator().manual_seed(0)))
    critic.save(tmp_path)
    weights = tmp_path / "model.safetensors"
    state = load_file(weights)
    save_file({n: v[..., :14].contiguous() if n.startswith("surface.") else v for n, v in state.items()}, weights)
    described = json.loads((tmp_path / "critic.json").read_text())
    described["surface"] = list(old)
    described["files"]["model.safetensors"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (tmp_path / "critic.json").write_text(json.dumps(described))
    candidates = [Candidate("1 + 1", "2"), Candidate("1 + 1", "Sure. Answer: 3, I think")]
    expected = critic.without_surface(*SURFACE[14:]).score(candidates, [task]).values
    assert_allclose(Critic.load(tmp_path).score(candidates, [task]).values, expected, rtol=1e-6)
