"""Laws of the heads, one table for all of them."""

import math

import pytest
import torch
from torch.testing import assert_close

from polycritic import core
from polycritic.core import bounds
from polycritic.critic import heads

SCALES = {
    "Binary": core.Binary(),
    "Interval": core.Interval(-2.0, 6.0),
    "Levels": core.Levels(("1", "2", "5")),
    "Utility": core.Utility(),
}
NOT_ON_A_SCALE = {"Head", "Described"}
D = 5


def head(name: str) -> heads.Head:
    return getattr(heads, name)(SCALES[name], D)


def test_every_head_declares_its_scale() -> None:
    assert set(SCALES) | NOT_ON_A_SCALE == set(heads.__all__)


@pytest.mark.parametrize("name", SCALES)
def test_a_fresh_head_adds_nothing_to_the_described_head(name: str) -> None:
    features, prior = torch.randn(4, D, generator=torch.Generator().manual_seed(0)), torch.tensor([-1.0, 0.0, 1.0, 2.0])
    assert_close(head(name).utility(features, prior), prior)


@pytest.mark.parametrize("name", SCALES)
def test_decode_stays_on_the_scale_and_rises_with_the_utility(name: str) -> None:
    prior = torch.linspace(-30, 30, 61)
    mean, spread = head(name).decode(torch.zeros(61, D), prior)
    low, high = bounds(SCALES[name])
    assert bool((mean >= low - 1e-5).all() & (mean <= high + 1e-5).all())
    assert bool((mean.diff() >= -1e-6).all())
    assert mean[-1] > mean[0]
    assert name == "Utility" or bool((spread >= 0).all())


@pytest.mark.parametrize("name", SCALES)
def test_nll_falls_towards_the_value_that_was_seen(name: str) -> None:
    one = head(name)
    low, high = bounds(SCALES[name])
    value = torch.tensor([high if math.isfinite(high) else 3.0])
    before = one.nll(torch.zeros(1, D), torch.tensor([0.0]), value)
    after = one.nll(torch.zeros(1, D), torch.tensor([1.0]), value)
    assert after < before
    assert before.shape == (1,)
    del low


@pytest.mark.parametrize("name", SCALES)
def test_a_head_learns_the_mean_of_its_labels(name: str) -> None:
    """With nothing to read, the mean that a head states becomes the mean of what it saw."""
    one = head(name)
    low, high = bounds(SCALES[name])
    low, high = (low, high) if math.isfinite(low) else (0.0, 1.0)
    values = torch.tensor([low, low, low, high])
    optimizer = torch.optim.Adam(one.parameters(), 0.05)
    for _ in range(600):
        optimizer.zero_grad()
        one.nll(torch.zeros(4, D), torch.zeros(4), values).mean().backward()
        optimizer.step()
    with torch.no_grad():
        mean, spread = one.decode(torch.zeros(1, D), torch.zeros(1))
    expected = float(values.mean())
    assert float(mean) == pytest.approx(expected, abs=0.02 * (high - low))
    if name != "Utility":
        assert float(spread) == pytest.approx(float(values.std(correction=0)), rel=0.05)


def test_levels_between_two_are_shared() -> None:
    one = heads.Levels(SCALES["Levels"], D)
    assert_close(one.levels(torch.tensor([1.0, 1.5, 2.0, 3.5, 5.0])), torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0]))
    assert bool((one.thresholds().diff() > 0).all())
