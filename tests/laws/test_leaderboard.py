"""Laws of the ways to rank, one table for each kind of them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from polycritic import leaderboard as room
from polycritic.leaderboard import (
    BradleyTerry,
    Davidson,
    Elo,
    Glicko2,
    HalfWin,
    Matches,
    Method,
    RaoKupper,
    Strengths,
    borda_points,
    choose_committee,
    committee_score,
    matches,
    score_table,
)


@dataclass(frozen=True)
class Law:
    """Which changes leave a method's strengths as they are."""

    method: Method
    any_order: bool = True
    weights_are_copies: bool = True
    errors: bool = True


METHODS = {
    "Borda": Law(room.Borda()),
    "BradleyTerry": Law(BradleyTerry()),
    "Copeland": Law(room.Copeland(), errors=False),
    "Elo": Law(Elo(), any_order=False, weights_are_copies=False, errors=False),
    "Glicko2": Law(Glicko2(periods=1)),
    "Kemeny": Law(room.Kemeny(), errors=False),
    "Mean": Law(room.Mean()),
    "TwoLevelBorda": Law(room.TwoLevelBorda(), errors=False),
}
VARIANTS = METHODS | {
    "BradleyTerry Davidson": Law(BradleyTerry(ties=Davidson())),
    "BradleyTerry HalfWin": Law(BradleyTerry(ties=HalfWin())),
    "BradleyTerry RaoKupper": Law(BradleyTerry(ties=RaoKupper())),
    "BradleyTerry ridge": Law(BradleyTerry(ridge=0.5)),
}


def of_kind(*parameters: str) -> set[str]:
    """Public classes whose instances are called with these parameters."""
    found = set()
    for name in room.__all__:
        thing = getattr(room, name)
        if inspect.isclass(thing) and "__call__" in vars(thing) and not getattr(thing, "_is_protocol", False):
            found |= {name} if tuple(inspect.signature(thing.__call__).parameters)[1:] == parameters else set()
    return found


def with_attribute(attribute: str) -> set[str]:
    things = {name: getattr(room, name) for name in room.__all__}
    return {
        name
        for name, thing in things.items()
        if inspect.isclass(thing) and hasattr(thing, attribute) and not getattr(thing, "_is_protocol", False)
    }


def test_every_method_declares_its_laws() -> None:
    assert set(METHODS) == of_kind("data")


def test_every_model_of_ties_is_a_variant() -> None:
    assert {f"BradleyTerry {name}" for name in with_attribute("family")} < set(VARIANTS)


def example(names: Callable[[int], str] = "s{}".format) -> Matches:
    rng = np.random.default_rng(5)
    first = rng.integers(0, 6, 240)
    second = (first + rng.integers(1, 6, 240)) % 6
    outcome = rng.choice([0.0, 0.5, 1.0], 240, p=[0.3, 0.15, 0.55])
    label = np.array([names(i) for i in range(6)])
    return matches(label[first], label[second], outcome, item=[f"i{i}" for i in rng.integers(0, 40, 240)])


def same(found: Strengths, expected: Strengths, *, errors: bool) -> None:
    place = [found.names.index(name) for name in expected.names]
    assert_allclose(found.estimate[place], expected.estimate, atol=1e-8)
    assert (expected.covariance is not None) is errors
    if found.covariance is not None and expected.covariance is not None:
        assert_allclose(found.covariance[np.ix_(place, place)], expected.covariance, atol=1e-8)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_order_of_rows(name: str) -> None:
    law, m = VARIANTS[name], example()
    order = np.random.default_rng(0).permutation(len(m))
    mixed = replace(
        m,
        first=m.first[order],
        second=m.second[order],
        outcome=m.outcome[order],
        weight=m.weight[order],
        item=m.item[order],
    )
    if law.any_order:
        same(law.method(mixed), law.method(m), errors=law.errors)
    else:
        assert np.abs(law.method(mixed).estimate - law.method(m).estimate).max() > 1e-3


@pytest.mark.parametrize("name", VARIANTS)
def test_the_names_of_systems(name: str) -> None:
    law = VARIANTS[name]
    found, renamed = law.method(example()), law.method(example(lambda i: f"z{9 - i}"))
    mapping = {f"z{9 - i}": f"s{i}" for i in range(6)}
    if name == "Kemeny":  # equally good orders are told apart by names alone
        assert found.coefficients[0].value == renamed.coefficients[0].value
        return
    same(replace(renamed, names=tuple(mapping[n] for n in renamed.names)), found, errors=law.errors)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_sides_of_a_match(name: str) -> None:
    law, m = VARIANTS[name], example()
    swapped = replace(m, first=m.second, second=m.first, outcome=1 - m.outcome)
    same(law.method(swapped), law.method(m), errors=law.errors)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_copied_row_is_a_row_of_twice_the_weight(name: str) -> None:
    law, m = VARIANTS[name], example()
    which = np.sort(np.concatenate([np.arange(len(m)), np.arange(0, len(m), 3)]))
    assert m.item is not None
    copied = replace(
        m,
        first=m.first[which],
        second=m.second[which],
        outcome=m.outcome[which],
        weight=m.weight[which],
        item=m.item[which],
    )
    heavy = replace(m, weight=1.0 + (np.arange(len(m)) % 3 == 0))
    if law.weights_are_copies:
        same(law.method(copied), law.method(heavy), errors=law.errors)
    else:
        assert np.abs(law.method(copied).estimate - law.method(heavy).estimate).max() > 1e-4


@pytest.mark.parametrize("name", VARIANTS)
def test_a_row_of_no_weight_is_no_row(name: str) -> None:
    law, m = VARIANTS[name], example()
    kept = np.arange(len(m)) % 5 != 0
    assert m.item is not None
    fewer = replace(
        m, first=m.first[kept], second=m.second[kept], outcome=m.outcome[kept], weight=m.weight[kept], item=m.item[kept]
    )
    same(law.method(replace(m, weight=kept.astype(float))), law.method(fewer), errors=law.errors)


@pytest.mark.parametrize("name", VARIANTS)
def test_an_item_that_is_easier_for_all_changes_no_difference(name: str) -> None:
    rng = np.random.default_rng(6)
    system, item, value = np.tile(list("abcd"), 30), np.repeat(np.arange(30), 4), rng.random(120)
    plain = score_table(system, item, value)
    shifted = score_table(system, item, value + rng.normal(size=30)[item])
    method = VARIANTS[name].method
    gaps = [found.estimate - found.estimate[0] for found in (method(plain), method(shifted))]
    assert_allclose(gaps[0], gaps[1], atol=1e-8)


@pytest.mark.parametrize("name", VARIANTS)
def test_better_everywhere_is_better(name: str) -> None:
    rng = np.random.default_rng(7)
    value = rng.random((3, 20))
    value[1] = value[0] + 0.01
    table = score_table(np.repeat(list("abc"), 20), np.tile(np.arange(20), 3), value.ravel())
    found = VARIANTS[name].method(table)
    assert found.estimate[1] > found.estimate[0]


# --- committees -----------------------------------------------------------------------------------------------------

RULES = {"ChamberlinCourant": room.ChamberlinCourant(), "KBorda": room.KBorda(), "SNTV": room.SNTV()}


def test_every_committee_rule_declares_its_laws() -> None:
    assert set(RULES) == with_attribute("points")


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("exact", [False, True])
def test_committees_take_voters_in_any_order_and_only_their_orders(name: str, exact: bool) -> None:
    values = np.random.default_rng(8).random((9, 6))
    found = choose_committee(values, 3, RULES[name], exact=exact)
    assert choose_committee(np.exp(3 * values[::-1]), 3, RULES[name], exact=exact) == found
    assert_allclose(committee_score(values, found.members, RULES[name]), found.score)
    doubled = choose_committee(values, 3, RULES[name], weight=np.full(9, 2.0), exact=exact)
    assert doubled.members == found.members
    assert_allclose(doubled.score, 2 * found.score)


def test_borda_points_of_an_item_always_have_one_sum() -> None:
    values = np.random.default_rng(9).integers(0, 3, (5, 40)).astype(float)
    assert_allclose(borda_points(values).sum(0), 10)


# --- reviewers' weights, forms of length control, corrections ---------------------------------------------------------

WEIGHTS = {
    "ExponentialWeight": room.ExponentialWeight(2.0),
    "LogOddsWeight": room.LogOddsWeight(),
    "PowerWeight": room.PowerWeight(3.0),
}


def test_every_reviewer_weight_declares_its_laws() -> None:
    assert set(WEIGHTS) == of_kind("mark")


@pytest.mark.parametrize("name", WEIGHTS)
def test_better_reviewers_weigh_more_and_none_weighs_less_than_nothing(name: str) -> None:
    raw = WEIGHTS[name](np.linspace(0, 1, 21))
    assert (raw >= 0).all()
    assert (np.diff(raw) >= 0).all()
    assert raw[-1] > raw[0]
    assert_allclose(room.reviewer_weights([0.9, 0.7, 0.2], WEIGHTS[name]).sum(), 1)


FORMS = {"AlpacaEval2": room.AlpacaEval2(), "MaximumLikelihood": room.MaximumLikelihood()}


def test_every_form_of_length_control_declares_its_laws() -> None:
    assert set(FORMS) == of_kind("columns", "preference", "difficulty")


@pytest.mark.parametrize("name", FORMS)
def test_length_control_of_swapped_sides(name: str) -> None:
    # Two answers that change sides: lengths change sides, p becomes 1 - p, the win rate is what is left of 100.
    rng = np.random.default_rng(10)
    base, own = rng.integers(100, 900, (2, 60)).astype(float)
    wins, item = rng.random(60), np.arange(60)
    hard = {str(i): d for i, d in enumerate(rng.normal(size=60))}
    one = room.length_controlled(["a"] * 60, item, wins, own, base, difficulty=hard, form=FORMS[name])
    other = {key: -d for key, d in hard.items()}
    two = room.length_controlled(["a"] * 60, item, 1 - wins, base, own, difficulty=other, form=FORMS[name])
    assert_allclose(one.board["a"].estimate + two.board["a"].estimate, 100, atol=1e-6)
    assert_allclose(one.board["a"].error, two.board["a"].error, rtol=1e-6)
    longer = room.length_controlled(["a"] * 60, item, wins, 7 * own, 7 * base, difficulty=hard, form=FORMS[name])
    assert_allclose(longer.weights, one.weights, atol=1e-8)  # characters or words: no scale


CORRECTIONS = {"benjamini_hochberg": room.benjamini_hochberg, "holm": room.holm}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_corrections_keep_the_order_and_only_raise(name: str) -> None:
    p = np.random.default_rng(11).random(30) ** 3
    found = CORRECTIONS[name](p)
    order = np.argsort(p)
    assert (np.diff(found[order]) >= 0).all()
    assert (found >= p).all()
    assert (found <= np.minimum(1, 30 * p)).all()
    assert_allclose(CORRECTIONS[name](p[::-1]), found[::-1])
    assert (room.benjamini_hochberg(p) <= room.holm(p) + 1e-15).all()
