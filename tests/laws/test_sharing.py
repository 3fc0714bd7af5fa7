"""Laws of sharing: rows do not meet, and for one task the map is affine."""

import pytest
import torch
from torch.testing import assert_close

from polycritic.critic import sharing

KINDS = ["Hard", "Conditioned"]
D = 4


def made(name: str) -> sharing.Sharing:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        one = getattr(sharing, name)(D)
        for p in one.parameters():
            torch.nn.init.normal_(p)
        return one


def test_every_sharing_is_in_the_table() -> None:
    assert {*KINDS, "Sharing"} == set(sharing.__all__)


@pytest.mark.parametrize("name", KINDS)
def test_rows_do_not_meet(name: str) -> None:
    g = torch.Generator().manual_seed(1)
    x, e, column = torch.randn(3, D, generator=g), torch.randn(3, D, generator=g), torch.tensor([0, -1, 1])
    whole = made(name)(x, column, e)
    assert_close(whole[1:2], made(name)(x[1:2], column[1:2], e[1:2]))


@pytest.mark.parametrize("name", KINDS)
def test_affine_for_one_task(name: str) -> None:
    g = torch.Generator().manual_seed(1)
    x, y, e = torch.randn(1, D, generator=g), torch.randn(1, D, generator=g), torch.randn(1, D, generator=g)
    one, column = made(name), torch.tensor([0])
    middle = one(0.3 * x + 0.7 * y, column, e)
    assert_close(middle, 0.3 * one(x, column, e) + 0.7 * one(y, column, e))


def test_conditioned_reads_the_description() -> None:
    x, column = torch.ones(1, D), torch.tensor([0])
    one = made("Conditioned")
    assert one.reads_description
    assert not torch.allclose(one(x, column, torch.eye(D)[:1]), one(x, column, torch.eye(D)[1:2]))
