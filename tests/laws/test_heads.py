"""Laws of the heads, one table for all of them."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from polycritic import core
from polycritic.core import BagRating, Candidate, Comparison, Feedback, PolycriticError, Rating, Scale, Task, bounds
from polycritic.critic import Critic, compile_batch, heads
from polycritic.critic._export import linear_heads
from polycritic.critic.backbones import Numbers
from polycritic.critic.heads import Head
from polycritic.critic.losses import bag_instance_loss, bag_loss
from polycritic.training import AdamW, Recipe, train

NUMBERS, LEVELS = core.Interval(-2.0, 6.0), core.Levels(("1", "2", "5"))
SCALES: dict[str, Scale] = {
    "Binary": core.Binary(),
    "Coral": LEVELS,
    "Corn": LEVELS,
    "Gaussian": NUMBERS,
    "GeneralPreference": core.Utility(),
    "HLGauss": NUMBERS,
    "Interval": NUMBERS,
    "Levels": LEVELS,
    "Quantiles": NUMBERS,
    "TwoHot": NUMBERS,
    "Utility": core.Utility(),
}
NOT_ON_A_SCALE = {"Head", "Described"}
UNBOUNDED = {"GeneralPreference", "Utility"}
MORE_THAN_A_SCORE = {"Corn", "GeneralPreference", "HLGauss", "Quantiles", "TwoHot"}
STATES_QUANTILES = set(SCALES) - UNBOUNDED - {"Binary"}
TAUS = torch.tensor([0.01, 0.05, 0.3, 0.5, 0.9, 0.99])
D = 5


def head(name: str) -> Head:
    one: Head = getattr(heads, name)(SCALES[name], D)
    return one


def shaken(name: str, seed: int = 0) -> Head:
    """A head that was trained on something."""
    one, generator = head(name), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in one.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    return one


def texts(n: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, D, generator=generator), torch.randn(n, generator=generator)


def test_every_head_declares_its_scale() -> None:
    assert set(SCALES) | NOT_ON_A_SCALE == set(heads.__all__)


@pytest.mark.parametrize("name", SCALES)
def test_a_fresh_head_adds_nothing_to_the_described_head(name: str) -> None:
    features, prior = texts(4)
    one, fresh = head(name), head(name)
    assert_close(one.utility(features, prior), prior)
    assert_close(one.log_odds(features[:2], prior[:2], features[2:], prior[2:]), prior[:2] - prior[2:])
    assert_close(one.decode(features, prior)[0], fresh.decode(features, prior)[0])
    assert_close(one.decode(features, prior)[0], one.decode(torch.zeros(4, D), prior)[0])


@pytest.mark.parametrize("trained", [False, True], ids=["fresh", "trained"])
@pytest.mark.parametrize("name", SCALES)
def test_decode_stays_on_the_scale_and_rises_with_the_utility(name: str, trained: bool) -> None:
    prior = torch.linspace(-30, 30, 61)
    one = shaken(name) if trained else head(name)
    for features in (torch.zeros(1, D), texts(1)[0]):
        mean, spread = one.decode(features.expand(61, D), prior)
        low, high = bounds(SCALES[name])
        assert bool((mean >= low - 1e-5).all() & (mean <= high + 1e-5).all())
        assert bool((mean.diff() >= -2e-6).all())
        assert mean[-1] > mean[0]
        if name in UNBOUNDED:
            assert bool(spread.isnan().all())
        else:
            assert bool((spread >= 0).all())
            assert bool((spread <= (high - low) / 2 + 1e-5).all())


@pytest.mark.parametrize("name", SCALES)
def test_quantiles_are_in_order_and_on_the_scale(name: str) -> None:
    one = shaken(name)
    found = one.quantiles(*texts(50), TAUS)
    assert found.shape == (50, len(TAUS))
    if name not in STATES_QUANTILES:
        assert bool(found.isnan().all())
        return
    low, high = bounds(SCALES[name])
    assert bool((found.diff(dim=-1) >= -1e-6).all())
    assert bool((found >= low - 1e-5).all() & (found <= high + 1e-5).all())
    rising = one.quantiles(torch.zeros(61, D), torch.linspace(-30, 30, 61), TAUS)
    assert bool((rising.diff(dim=0) >= -2e-6).all())


@pytest.mark.parametrize("name", SCALES)
def test_swapping_a_pair_negates_the_log_odds(name: str) -> None:
    one = shaken(name)
    (x, u), (y, v) = texts(20), texts(20, seed=2)
    assert_close(one.log_odds(x, u, y, v), -one.log_odds(y, v, x, u), rtol=1e-5, atol=1e-5)
    assert_close(one.log_odds(x, u, x, u), torch.zeros(20), rtol=0, atol=1e-5)
    nll = one.preference_nll(one.log_odds(x, u, y, v), torch.full((20,), 0.7), torch.zeros(20))
    assert_close(nll, one.preference_nll(one.log_odds(y, v, x, u), torch.full((20,), 0.3), torch.zeros(20)))


@pytest.mark.parametrize("name", SCALES)
def test_the_utility_is_linear_in_the_features(name: str) -> None:
    one = shaken(name)
    (x, u), (y, v) = texts(20), texts(20, seed=2)
    assert_close(
        one.utility(0.3 * x + 0.7 * y, 0.3 * u + 0.7 * v),
        0.3 * one.utility(x, u) + 0.7 * one.utility(y, v),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("name", SCALES)
def test_rows_do_not_meet(name: str) -> None:
    one, (x, u) = shaken(name), texts(6)
    value = torch.full((6,), 1.0)
    assert_close(one.nll(x, u, value)[2:3], one.nll(x[2:3], u[2:3], value[2:3]))
    assert_close(one.decode(x, u)[0][2:3], one.decode(x[2:3], u[2:3])[0])


@pytest.mark.parametrize("name", SCALES)
def test_a_head_of_one_score_orders_by_its_utility(name: str) -> None:
    """And one of more than that does not, for some candidates."""
    one, (x, u) = shaken(name), texts(300)
    utility = one.utility(x, u)
    pairs = one.log_odds(x[:150], u[:150], x[150:], u[150:]) - (utility[:150] - utility[150:])
    mean = one.decode(x, u)[0][utility.argsort()]
    ordered = bool((mean.diff() >= -1e-5).all()) and bool(pairs.abs().max() < 1e-4)
    assert ordered == one.one_score


@pytest.mark.parametrize("name", SCALES)
def test_nll_falls_towards_the_value_that_was_seen(name: str) -> None:
    one = head(name)
    _, high = bounds(SCALES[name])
    value = torch.tensor([high if math.isfinite(high) else 3.0])
    before = one.nll(torch.zeros(1, D), torch.tensor([0.0]), value)
    after = one.nll(torch.zeros(1, D), torch.tensor([1.0]), value)
    assert after < before
    assert before.shape == (1,)


@pytest.mark.parametrize("name", SCALES)
def test_a_head_learns_the_mean_of_its_labels(name: str) -> None:
    """With nothing to read, the mean that a head states becomes the mean of what it saw."""
    one = head(name)
    low, high = bounds(SCALES[name])
    low, high = (low, high) if math.isfinite(low) else (0.0, 1.0)
    values = torch.tensor([low, low, low, high])
    optimizer = torch.optim.Adam(one.parameters(), 0.1)
    for _ in range(300):
        optimizer.zero_grad()
        one.nll(torch.zeros(4, D), torch.zeros(4), values).mean().backward()
        optimizer.step()
    with torch.no_grad():
        mean, spread = one.decode(torch.zeros(1, D), torch.zeros(1))
    expected = float(values.mean())
    assert float(mean) == pytest.approx(expected, abs=0.02 * (high - low))
    if name not in UNBOUNDED:
        assert float(spread) == pytest.approx(float(values.std(correction=0)), rel=0.05)


@pytest.mark.parametrize("name", sorted(set(SCALES) - UNBOUNDED - {"Levels", "Coral", "Corn"}))
def test_reset_starts_at_the_mean_of_the_labels(name: str) -> None:
    one = head(name)
    low, high = bounds(SCALES[name])
    for share in (0.3, 0.5, 0.8):
        one.reset(low + share * (high - low))
        mean, _ = one.decode(torch.zeros(1, D), torch.zeros(1))
        assert mean.item() == pytest.approx(low + share * (high - low), abs=1e-3 * (high - low))


@pytest.mark.parametrize("name", SCALES)
def test_nothing_is_infinite_far_away(name: str) -> None:
    one = shaken(name)
    low, _ = bounds(SCALES[name])
    value = torch.tensor([low if math.isfinite(low) else 0.0])
    for prior in (-1e4, 1e4):
        one.zero_grad()
        loss = one.nll(texts(1)[0], torch.tensor([prior]), value).sum()
        loss.backward()
        assert bool(loss.isfinite())
        assert all(bool(p.grad.isfinite().all()) for p in one.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", SCALES)
def test_a_critic_of_this_head_learns_saves_and_loads(name: str, tmp_path: Path) -> None:
    scale = SCALES[name]
    task = Task("t", scale=scale)
    low, high = bounds(scale)
    low, high = (low, high) if math.isfinite(low) else (-1.0, 1.0)
    x = np.random.default_rng(0).standard_normal((40, 2)).round(3)
    points = [Candidate("", f"{a} {b}") for a, b in x]
    rows: list[Feedback] = [
        Rating(task="t", candidate=c, value=high if a > 0 else low) for c, (a, _) in zip(points, x, strict=True)
    ]
    rows += [
        Comparison(task="t", first=points[i], second=points[i + 1], preference=float(x[i, 0] > x[i + 1, 0]))
        for i in range(39)
    ]
    critic = Critic([task], Numbers(2), head=getattr(heads, name))
    recipe = Recipe(steps=40, rows=len(rows), optimizer=AdamW(learning_rate=0.05, head_rate=0.05))
    batch = compile_batch(rows, {"t": task}, critic.backbone)
    first = float(critic.losses(batch).detach())
    for _ in train(critic, rows, recipe):
        pass
    assert float(critic.losses(batch).detach()) < 0.9 * first
    values = critic.score(points, [task]).of(task)
    assert np.corrcoef(values, x[:, 0])[0, 1] > 0.7
    critic.save(tmp_path / "critic")
    loaded = Critic.load(tmp_path / "critic")
    assert type(loaded.head(task)) is type(critic.head(task))
    assert_allclose(loaded.score(points, [task]).values, values[:, None])
    pairs = list(zip(points[:20], points[20:], strict=True))
    assert_allclose(loaded.compare(pairs, task), critic.compare(pairs, task))
    assert_allclose(critic.compare([(b, a) for a, b in pairs], task), 1 - critic.compare(pairs, task), atol=1e-6)
    quantiles = loaded.quantiles(points, task, [0.1, 0.9])
    assert np.isnan(quantiles).all() == (name not in STATES_QUANTILES)


@pytest.mark.parametrize("name", SCALES)
def test_export_reads_one_score_or_refuses(name: str) -> None:
    critic = Critic([Task("t", scale=SCALES[name])], Numbers(D), head=getattr(heads, name))
    if name not in MORE_THAN_A_SCORE:
        weight, bias = linear_heads(critic, critic.tasks)
        x = texts(3)[0]
        assert_close(x @ weight.T + bias, critic.described(x).unsqueeze(-1), rtol=1e-4, atol=1e-5)
    else:
        with pytest.raises(PolycriticError, match=f"task 't'.*more than one linear score.*{name}"):
            linear_heads(critic, critic.tasks)


def test_heads_refuse_scales_that_are_not_theirs() -> None:
    for name in ("Gaussian", "HLGauss", "Interval", "Quantiles", "TwoHot"):
        with pytest.raises(PolycriticError, match=f"head {name} needs a scale with bounds"):
            getattr(heads, name)(core.Utility(), D)
    for name in ("Coral", "Corn", "Levels"):
        with pytest.raises(PolycriticError, match=f"head {name} needs levels"):
            getattr(heads, name)(NUMBERS, D)
    with pytest.raises(PolycriticError, match="GeneralPreference is for comparisons"):
        heads.GeneralPreference(NUMBERS, D)


def test_levels_between_two_are_shared() -> None:
    one = heads.Levels(LEVELS, D)
    assert_close(one.levels(torch.tensor([1.0, 1.5, 2.0, 3.5, 5.0])), torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0]))
    assert bool((one.thresholds().diff() > 0).all())


ROUNDED_UP = {
    NUMBERS: core.Interval(-0.3, 0.3),
    LEVELS: core.Levels(("-0.3", "0.1", "0.3")),
    core.Binary(): core.Binary(),
}


@pytest.mark.parametrize("name", sorted(set(SCALES) - UNBOUNDED))
def test_scores_lie_on_scales_whose_bounds_single_precision_rounds_outwards(name: str) -> None:
    task = Task("t", scale=ROUNDED_UP[SCALES[name]])
    critic = Critic([task], Numbers(1), head=getattr(heads, name))
    with torch.no_grad():
        critic.described.content.weight.fill_(1.0)
    points = [Candidate("", str(x)) for x in (-1e4, -60, 0, 60, 1e4)]
    values = critic.score(points, [task]).of(task)
    assert values[-1] > values[0]
    assert all(core.on_scale(task.scale, float(value)) for value in values)
    quantiles = critic.quantiles(points, task, [0.001, 0.5, 0.999])
    assert np.isnan(quantiles).all() or all(core.on_scale(task.scale, float(value)) for value in quantiles.ravel())


@pytest.mark.parametrize("name", SCALES)
def test_no_texts_have_no_values(name: str) -> None:
    one, (x, u) = shaken(name), (torch.zeros(0, D), torch.zeros(0))
    assert one.nll(x, u, torch.zeros(0)).shape == (0,)
    assert [part.shape for part in one.decode(x, u)] == [(0,), (0,)]
    assert one.quantiles(x, u, TAUS).shape == (0, len(TAUS))
    assert one.preference_nll(one.log_odds(x, u, x, u), torch.zeros(0), torch.zeros(0)).shape == (0,)


class Mine(heads.Utility):
    """A head of somebody else's."""

    def bag_nll(self, means: torch.Tensor, present: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return bag_instance_loss(means, present, value)


def test_a_head_says_what_bags_cost() -> None:
    row = BagRating(task="t", candidates=(Candidate("", "1 2"), Candidate("", "3 4")), value=1.0)
    for kind, loss in ((heads.Utility, bag_loss), (Mine, bag_instance_loss)):
        critic = Critic([Task("t")], Numbers(2), head=kind)
        batch = compile_batch([row], {"t": critic.tasks[0]}, critic.backbone)
        stated = torch.tensor(critic.score(row.candidates, critic.tasks).values.T).float()
        expected = loss(stated, torch.ones(1, 2, dtype=torch.bool), torch.tensor([1.0]))
        assert_close(critic.losses(batch).detach(), expected)


def test_a_head_of_somebody_else_is_saved_by_name_and_must_be_there_to_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = Critic([Task("t")], Numbers(2), head=Mine)
    critic.save(tmp_path / "critic")
    assert type(Critic.load(tmp_path / "critic").heads[0]) is Mine
    monkeypatch.delattr(sys.modules[__name__], "Mine")
    with pytest.raises(
        PolycriticError, match=r"a head of somebody else: expected \S+ to be imported before, found '\S+:Mine'"
    ):
        Critic.load(tmp_path / "critic")
