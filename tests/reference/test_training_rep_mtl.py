"""Rep-MTL against hand-computed cases, explicit matrices and finite differences, and what its penalties do when they fall."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.models import TASKS, mixed_rows
from torch import Tensor
from torch.testing import assert_close

from polycritic.core import Binary, Candidate, Interval, PolycriticError, Rating, Task
from polycritic.critic import Batch, Critic, compile_batch
from polycritic.critic.backbones import Numbers, Words
from polycritic.critic.sharing import Conditioned
from polycritic.training import AdamW, Recipe, RepMTL, balancing, train
from polycritic.training._rep_mtl import alignment_loss, alignments, in_own_unit, saliencies, token_entropy

QUICK = Recipe(steps=4, rows=8, optimizer=AdamW(learning_rate=0.01, head_rate=0.01))


def test_the_entropy_by_hand() -> None:
    """Two tasks, two tokens of two features: means 3 and 1, then 0 and -2; a padded token counts for nothing."""
    first, second = [[2.0, 4.0], [1.0, -1.0], [9.0, 9.0]], [[2.0, 0.0], [-3.0, -1.0], [9.0, 1.0]]
    found = token_entropy(torch.tensor([[first], [second]]), torch.tensor([[True, True, False]]))
    shares = torch.tensor([0.75, 0.25])
    assert_close(found, torch.stack([-(shares * shares.log()).sum(), torch.tensor(0.0)]))


def test_the_alignment_by_hand() -> None:
    """One token a text, orthogonal texts; a task answers along the anchor of its text, or at 45 degrees to it."""
    saliency = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]], [[[1.0, 0.0]], [[0.0, 4.0]]]])
    anchor, agreement = alignments(saliency, torch.ones(2, 1, dtype=torch.bool))
    assert_close(anchor, torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
    assert_close(agreement, torch.ones(2, 2))
    assert_close(alignment_loss(anchor, agreement, 0.5), torch.tensor(-2.0))  # log of e^0 over e^2
    tilted = torch.tensor([[[[2.0, 0.0]]], [[[0.0, 2.0]]]])
    assert_close(alignments(tilted, torch.ones(1, 1, dtype=torch.bool))[1], torch.full((2, 1), 0.5))


def test_the_alignment_is_that_of_explicit_matrices() -> None:
    saliency = torch.randn(3, 4, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.arange(5) < torch.tensor([5, 3, 1, 4])[:, None]
    real = saliency * mask[..., None]
    anchor, agreement = alignments(saliency, mask)
    means = torch.stack([real[:, b, : int(mask[b].sum())].mean((0, 1)) for b in range(4)])
    assert_close(anchor, means)
    outer = torch.einsum("bc,bd->bcd", means, means).flatten(1)
    affinity = torch.einsum("tblc,tbld->tbcd", real, real).flatten(2)
    cosine = torch.nn.functional.cosine_similarity(affinity, outer[None], dim=-1)
    assert_close(agreement, cosine)
    unit = torch.nn.functional.normalize(outer, dim=-1)
    others = unit @ unit.T / 0.3
    expected = torch.stack(
        [
            -(cosine[t, b] / 0.3) + torch.stack([others[b, k] for k in range(4) if k != b]).exp().sum().log()
            for t in range(3)
            for b in range(4)
        ]
    ).mean()
    assert_close(alignment_loss(anchor, agreement, 0.3), expected)


PAIR = (Task("right", scale=Binary()), Task("size", scale=Interval(0, 20)))


def texts(tasks: tuple[Task, ...] = PAIR) -> list[Rating]:
    said = ("one", "two words", "three more words")
    return [Rating(task=t.name, candidate=Candidate("", text), value=1.0) for t in tasks for text in said]


def critic_and_batch(sharing: type = Conditioned, rows: list[Rating] | None = None) -> tuple[Critic, Batch]:
    critic = Critic(PAIR, Words(dim=3, buckets=32), sharing)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for p in critic.parameters():
            torch.nn.init.normal_(p)
    batch = compile_batch(rows or texts(), {t.name: t for t in PAIR}, critic.backbone, describe=True)
    return critic, batch


def test_a_saliency_is_what_the_score_answers_to() -> None:
    """Finite differences of the scores, as shares of their scales, by the tokens' states."""
    critic, batch = critic_and_batch()
    (ids, mask), ((said, _),) = batch.buckets[0], saliencies(critic, batch)
    states = critic.backbone(ids, mask).detach()
    critic.eval()
    for k, task in enumerate(batch.tasks):
        assert batch.descriptions is not None
        described = critic.backbone.pool(critic.backbone(*batch.descriptions), batch.descriptions[1])[k]

        def share(z: Tensor, task: Task = task, described: Tensor = described) -> Tensor:
            pooled = critic.backbone.pool(z, mask)
            features = critic.sharing(pooled, torch.full((len(z),), critic.column(task)), described.expand_as(pooled))
            value, _ = critic.head(task).decode(features, critic.described(features))
            return value.detach() / (20.0 if task.name == "size" else 1.0)

        found = said[k].detach()
        largest = [
            tuple(i)
            for i in torch.stack(torch.unravel_index(found.abs().flatten().topk(3).indices, found.shape), 1).tolist()
        ]
        assert found[largest[-1]].abs() > 1e-3
        for at in [(0, 0, 0), *largest]:
            step = torch.zeros_like(states)
            step[at] = 1e-2
            slope = (share(states + step) - share(states - step))[at[0]] / 2e-2
            assert_close(found[at], slope, atol=2e-4, rtol=1e-2)


def test_texts_and_tasks_in_another_order_change_nothing() -> None:
    critic, batch = critic_and_batch()
    value = RepMTL()(critic, batch)
    _, turned = critic_and_batch(rows=texts()[::-1])
    assert [task.name for task in turned.tasks] == ["size", "right"]
    assert_close(RepMTL()(critic, turned), value)
    (ids, mask) = batch.buckets[0]
    wider = (torch.nn.functional.pad(ids, (0, 3)), torch.nn.functional.pad(mask, (0, 3)))
    assert_close(RepMTL()(critic, replace(batch, buckets=(wider,))), value)


def test_it_reaches_the_backbone_and_the_heads() -> None:
    critic, batch = critic_and_batch()
    torch.autograd.backward(RepMTL()(critic, batch))
    moved = {name for name, p in critic.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert {"described.content.weight", "heads.0.residual.weight", "heads.1.residual.weight"} <= moved
    assert any(name.startswith("backbone.") for name in moved)


def measured(critic: Critic, batch: Batch) -> tuple[float, float]:
    """Mean entropy, and mean agreement of tasks with their text."""
    ((said, mask),) = saliencies(critic, batch)
    return token_entropy(said, mask).mean().item(), alignments(said, mask)[1].mean().item()


@pytest.mark.parametrize("which", [0, 1], ids=["entropy falls", "agreement rises"])
def test_each_penalty_does_what_it_is_for(which: int) -> None:
    critic, batch = critic_and_batch()
    penalty = RepMTL(entropy=1.0 - which, alignment=float(which))
    before = measured(critic, batch)
    optimizer = torch.optim.Adam(critic.parameters(), lr=(0.03, 0.01)[which])
    for _ in range(60):
        optimizer.zero_grad()
        torch.autograd.backward(penalty(critic, batch))
        optimizer.step()
    after = measured(critic, batch)
    assert (after[0] < 0.5 * before[0]) if which == 0 else (after[1] > before[1] + 0.02)


def test_a_backbone_may_keep_one_state_a_text() -> None:
    critic = Critic(PAIR, Numbers(2, 3))
    rows = [Rating(task=t.name, candidate=Candidate("", text), value=1.0) for t in PAIR for text in ("1 2", "0 -1")]
    batch = compile_batch(rows, {t.name: t for t in PAIR}, critic.backbone)
    ((said, real),) = saliencies(critic, batch)
    assert (said.shape, real.tolist()) == ((2, 4, 1, 3), [[True]] * 4)
    assert RepMTL()(critic, batch).isfinite()


@pytest.mark.parametrize("size", [1.0, 1e-10, 1e-18, 1e-30, 1e-39, 0.0])
def test_tasks_learnt_by_heart_have_finite_gradients(size: float) -> None:
    """Where scores are sure their saliencies are next to nothing; texts are seen in a unit of their own."""
    drawn = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    drawn[1, 0] *= 1e-15  # one task of two
    mask = torch.ones(3, 4, dtype=torch.bool)

    def penalties(saliency: Tensor) -> Tensor:
        seen = in_own_unit(saliency)
        anchor, agreement = alignments(seen, mask)
        return torch.stack([token_entropy(seen, mask).sum(), alignment_loss(anchor, agreement, 0.5)])

    small = (size * drawn).requires_grad_()
    found = penalties(small)
    (gradient,) = torch.autograd.grad(found.sum(), small)
    assert bool(gradient.isfinite().all())
    if size > 1e-20:
        assert_close(found, penalties(drawn), rtol=1e-4, atol=1e-5)


def test_a_text_alone_has_nothing_to_be_held_against() -> None:
    critic, batch = critic_and_batch(rows=texts()[:1])
    assert RepMTL(entropy=0.0, alignment=1.0)(critic, batch).item() == 0.0


def test_bad_weights() -> None:
    with pytest.raises(PolycriticError, match="bad RepMTL"):
        RepMTL(temperature=0.0)


def first_gradients(balancer: object, regularizer: object, micro: int | None = None) -> list[Tensor]:
    """The gradients of a run's first step, read off before they are used."""
    critic = Critic(TASKS, Words(dim=4, buckets=64))
    recipe = replace(
        QUICK,
        balancer=balancer,
        regularizer=regularizer,
        micro_rows=micro,
        optimizer=AdamW(learning_rate=0.0, head_rate=0.0, clip=1e9),
    )  # type: ignore[arg-type]
    next(iter(train(critic, mixed_rows(), recipe)))
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in critic.parameters()]


@pytest.mark.parametrize("balancer", [balancing.Uniform, balancing.UPGrad, balancing.MoCo])
def test_its_gradient_is_added_to_that_of_the_losses(balancer: object) -> None:
    plain, both = first_gradients(balancer, None), first_gradients(balancer, twice_the_heads)
    critic = Critic(TASKS, Words(dim=4, buckets=64))
    added = {id(p) for name, p in critic.named_parameters() if name == "described.content.weight"}
    for p, without, with_it in zip(critic.parameters(), plain, both, strict=True):
        assert_close(with_it - without, torch.full_like(p, 2.0 if id(p) in added else 0.0), atol=1e-5, rtol=1e-4)


def twice_the_heads(critic: Critic, batch: Batch) -> Tensor:
    """A penalty whose gradient is 2 in one place."""
    del batch
    return 2.0 * critic.described.content.weight.sum()


def test_parts_of_a_step_count_by_their_rows() -> None:
    whole, parts = (first_gradients(balancing.Uniform, twice_the_heads, micro) for micro in (None, 3))
    for one, other in zip(whole, parts, strict=True):
        assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_resumed_run_is_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe = replace(QUICK, regularizer=RepMTL())
    whole, again = Critic(TASKS, Words(dim=4, buckets=64)), Critic(TASKS, Words(dim=4, buckets=64))
    steps = list(train(whole, mixed_rows(), recipe))
    for step in train(Critic(TASKS, Words(dim=4, buckets=64)), mixed_rows(), recipe, folder=tmp_path):
        if step.number == 2:
            break
    with pytest.raises(PolycriticError, match="another run"):
        next(iter(train(again, mixed_rows(), replace(recipe, regularizer=None), folder=tmp_path)))
    rest = list(train(again, mixed_rows(), recipe, folder=tmp_path))
    assert [step.gradient_norm for step in rest] == [step.gradient_norm for step in steps[2:]]
    for first, second in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(first, second)
