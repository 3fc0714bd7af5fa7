"""Laws of calibrators: one row a calibrator, and the table is the door's."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from polycritic import trust
from polycritic.core import Binary, Interval, Levels, Scores, Task, Utility
from polycritic.trust import calibrator_from_dict

TASKS = (
    Task("many", scale=Binary()),
    Task("few", scale=Binary()),
    Task("stars", scale=Levels(("1", "2", "3", "4", "5"))),
    Task("percent", scale=Interval(0, 100)),
    Task("utility", scale=Utility()),
)
ENOUGH, FEW = 300, 5


@dataclass(frozen=True, eq=False)
class Row:
    """What a calibrator promises.

    Args:
        fit: How it is fitted.
        order: Whether values that differed still differ ("strict"), may become equal ("weak"), or do not change ("same").
        identity: A calibrator of the kind that changes no value, or None where none exists.
    """

    fit: Callable[..., Callable[[Scores], Scores]]
    order: str
    identity: Callable[[Scores], Scores] | None


TABLE = {
    "Temperature": Row(trust.fit_temperature, "strict", trust.Temperature(1.0)),
    "Platt": Row(trust.fit_platt, "strict", trust.Platt((1.0, 0.0))),
    "Beta": Row(trust.fit_beta, "strict", trust.Beta((1.0, 1.0, 0.0))),
    "Isotonic": Row(trust.fit_isotonic, "weak", trust.Isotonic(((0.0, 1.0), (0.0, 1.0)))),
    "SpreadScaling": Row(trust.fit_spread_scaling, "same", trust.SpreadScaling(1.0)),
    "Conformal": Row(trust.fit_conformal, "same", None),
    "ConformalQuantiles": Row(trust.fit_conformal_quantiles, "same", trust.ConformalQuantiles((0.0, 0.0))),
}
ROWS = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())


def test_the_table_is_the_door() -> None:
    assert set(TABLE) == {name for name in trust.__all__ if hasattr(getattr(trust, name), "from_dict")}
    for name, row in TABLE.items():
        assert isinstance(row.fit(*data()), getattr(trust, name))


def data(seed: int = 0) -> tuple[Scores, np.ndarray]:
    """An overconfident judge of five tasks; the second has few labels, and some cells are NaN."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(ENOUGH, 5))
    p = 1 / (1 + np.exp(-z))
    u = 1 / (1 + np.exp(-2.5 * z))
    values = np.column_stack([u[:, 0], u[:, 1], 1 + 4 * u[:, 2], 100 * u[:, 3], z[:, 4]])
    right = (rng.random((ENOUGH, 2)) < p[:, :2]).astype(float)
    stars = 1 + rng.binomial(4, p[:, 2])
    labels = np.column_stack(
        [right, stars, 100 * rng.beta(2 * p[:, 3], 2 - 2 * p[:, 3]), z[:, 4] + rng.normal(size=ENOUGH)]
    )
    labels[FEW:, 1] = np.nan
    labels[7, 0] = np.nan
    values[3, 2] = np.nan
    width = np.array([0.1, 0.1, 0.5, 10.0, 0.5])
    spread = np.broadcast_to(width, values.shape)
    return Scores(TASKS, values, spread, np.stack([values - width, values + width], axis=-1)), labels


@cache
def fitted(row: Row, seed: int) -> Callable[[Scores], Scores]:
    return row.fit(*data(seed))


def unequal(a: np.ndarray, b: np.ndarray) -> bool:
    return not np.array_equal(a, b, equal_nan=True)


@ROWS
def test_nan_stays_nan_and_nothing_else_becomes_nan(row: Row) -> None:
    scores, labels = data()
    after = row.fit(scores, labels)(scores)
    assert_array_equal(np.isnan(after.values), np.isnan(scores.values))
    assert after.interval is not None
    assert_array_equal(np.isnan(after.interval).any(axis=-1), np.isnan(scores.values))


@ROWS
def test_tasks_and_candidates_stay(row: Row) -> None:
    scores, labels = data()
    after = row.fit(scores, labels)(scores)
    assert after.tasks == scores.tasks
    assert len(after) == len(scores)


@ROWS
@given(values=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=8), seed=st.integers(0, 3))
def test_order_is_kept(row: Row, values: list[float], seed: int) -> None:
    calibrator = fitted(row, seed)
    u = np.sort(np.array(values))
    table = np.column_stack([u, u, 1 + 4 * u, 100 * u, u])
    ones = np.ones_like(table)
    scores = Scores(TASKS, table, ones, np.stack([table, table], axis=-1))
    after = calibrator(scores).values
    steps = np.diff(after, axis=0)
    assert (steps >= -1e-12).all()
    if row.order == "strict":
        assert (steps[np.diff(table, axis=0) > 1e-6] > 0).all()
    if row.order == "same":
        assert_array_equal(after, table)


@ROWS
def test_values_stay_on_their_scale(row: Row) -> None:
    scores, labels = data()
    after = row.fit(scores, labels)(scores)
    low, high = np.array([0, 0, 1, 0, -np.inf]), np.array([1, 1, 5, 100, np.inf])
    assert np.nanmin(after.values - low) >= 0
    assert np.nanmin(high - after.values) >= 0


@ROWS
def test_a_utility_is_never_warped(row: Row) -> None:
    scores, labels = data()
    assert_array_equal(row.fit(scores, labels)(scores).of("utility"), scores.of("utility"))


@ROWS
def test_a_task_with_few_labels_and_one_never_seen_take_the_pooled_fit(row: Row) -> None:
    scores, labels = data()
    calibrator = row.fit(scores, labels)
    assert "many" in calibrator.tasks
    assert "few" not in calibrator.tasks
    column = scores.select(tasks=["few"])
    unseen = Scores((Task("unseen", scale=Binary()),), column.values, column.spread, column.interval)
    few, other = calibrator(column), calibrator(unseen)
    pooled = type(calibrator)(calibrator.pooled)(column)
    for a, b in ((few, other), (few, pooled)):
        assert_array_equal(a.values, b.values)
        assert_array_equal(a.interval, b.interval)
        assert_array_equal(a.spread, b.spread)


@ROWS
def test_a_task_with_labels_has_its_own_fit(row: Row) -> None:
    scores, labels = data()
    calibrator = row.fit(scores, labels)
    own, pooled = calibrator(scores), type(calibrator)(calibrator.pooled)(scores)
    column = scores.column("many")
    assert (
        unequal(own.values[:, column], pooled.values[:, column])
        or unequal(own.interval[:, column], pooled.interval[:, column])
        or unequal(own.spread[:, column], pooled.spread[:, column])
    )


@ROWS
def test_identity_changes_nothing(row: Row) -> None:
    if row.identity is None:
        return
    rng = np.random.default_rng(1)
    values = rng.uniform(0.2, 0.8, (20, 5)) * [1, 1, 4, 100, 1] + [0, 0, 1, 0, 0]
    values[:, 2] = np.clip(values[:, 2], 1.5, 4.5)
    scores = Scores(TASKS, values, np.full((20, 5), 0.1), np.stack([values - 0.1, values + 0.1], axis=-1))
    after = row.identity(scores)
    assert_allclose(after.values, scores.values, atol=1e-9)
    assert_allclose(after.spread, scores.spread, atol=1e-9)
    assert_allclose(after.interval, scores.interval, atol=1e-9)


@ROWS
def test_saved_and_loaded_it_is_the_same(row: Row) -> None:
    calibrator = row.fit(*data())
    again = calibrator_from_dict(json.loads(json.dumps(calibrator.to_dict())))
    assert again == calibrator


@ROWS
def test_the_order_of_rows_does_not_matter(row: Row) -> None:
    scores, labels = data()
    order = np.random.default_rng(2).permutation(len(scores))
    one, other = row.fit(scores, labels)(scores), row.fit(scores.select(order), labels[order])(scores)
    assert_allclose(one.values, other.values, atol=1e-6)
    assert_allclose(one.interval, other.interval, atol=1e-4)
    assert_allclose(one.spread, other.spread, atol=1e-5)


@pytest.mark.parametrize("name", ["Temperature", "Platt", "Beta", "Isotonic"])
def test_calibration_mends_an_overconfident_judge(name: str) -> None:
    from polycritic.evaluation import expected_calibration_error

    calibrator = TABLE[name].fit(*data(0))
    scores, labels = data(1)
    before = expected_calibration_error(scores.of("many"), labels[:, 0])
    assert expected_calibration_error(calibrator(scores).of("many"), labels[:, 0]) < 0.75 * before


def test_temperature_finds_the_overconfidence() -> None:
    assert_allclose(trust.fit_temperature(*data()).tasks["many"], 2.5, atol=0.8)
