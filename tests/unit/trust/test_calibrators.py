"""What calibrators refuse, and how they treat tasks, scales and one-sided labels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from polycritic.core import Binary, Candidate, Interval, Judge, Levels, PolycriticError, Rating, Scores, Task, Utility
from polycritic.trust import (
    Abstaining,
    Conformal,
    Isotonic,
    Platt,
    PTrue,
    SpreadScaling,
    Temperature,
    Trusted,
    adaptive_calibration_error,
    adaptive_reliability,
    brier_parts,
    calibrator_from_dict,
    classwise_calibration_error,
    fit_beta,
    fit_conformal,
    fit_isotonic,
    fit_platt,
    fit_spread_scaling,
    fit_temperature,
    label_table,
    risk_coverage,
)

BINARY = Task("b", scale=Binary())


def table(*values: float, task: Task = BINARY) -> Scores:
    return Scores((task,), np.array(values)[:, None])


class Fixed:
    """Says the same numbers whatever it is asked."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def score(self, candidates, tasks, /) -> Scores:
        return Scores(tuple(tasks), np.repeat(np.array(self.values)[:, None], len(tasks), axis=1))


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt, fit_beta, fit_isotonic])
def test_calibrating_without_labels_says_so(fit) -> None:
    with pytest.raises(PolycriticError, match="nothing to calibrate on"):
        fit(table(0.5, 0.6), np.full((2, 1), np.nan))
    with pytest.raises(PolycriticError, match="A utility has no bounds"):
        fit(table(0.5, 0.6, task=Task("u", scale=Utility())), np.ones((2, 1)))


def test_labels_off_the_scale_are_named() -> None:
    with pytest.raises(PolycriticError, match=r"task 'b': label off the scale.*from 0 to 1.*1 such, the first 7"):
        fit_temperature(table(0.5, 0.6), np.array([[7.0], [1.0]]))
    with pytest.raises(PolycriticError, match=r"labels and scores disagree.*\(2, 1\).*\(3, 1\)"):
        fit_temperature(table(0.5, 0.6), np.ones((3, 1)))


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt, fit_beta, fit_isotonic])
def test_a_task_with_only_right_answers_takes_the_pooled_fit(fit) -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, (300, 2))
    labels = (rng.random((300, 2)) < p).astype(float)
    labels[:, 1] = 1
    scores = Scores((BINARY, Task("easy", scale=Binary())), p)
    assert set(fit(scores, labels, least=20).tasks) == {"b"}


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt, fit_beta, fit_isotonic])
def test_a_judge_that_is_always_right_stays_finite_and_ordered(fit) -> None:
    scores = table(0.1, 0.2, 0.8, 0.9)
    after = fit(scores, np.array([0.0, 0.0, 1.0, 1.0]))(scores).values[:, 0]
    assert np.isfinite(after).all()
    assert (np.diff(after) >= 0).all()


def test_a_judge_that_points_the_wrong_way_is_flattened_not_turned() -> None:
    scores = table(*np.linspace(0.1, 0.9, 60))
    labels = (np.linspace(0.1, 0.9, 60) < 0.5).astype(float)
    assert fit_platt(scores, labels).pooled[0] == 0
    assert_allclose(fit_platt(scores, labels)(scores).values, 0.5, atol=0.02)
    assert_allclose(fit_beta(scores, labels)(scores).values, 0.5, atol=0.02)
    assert_allclose(fit_isotonic(scores, labels)(scores).values, 0.5, atol=0.02)


def test_least_decides_who_is_fitted_alone() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.05, 0.95, (30, 1))
    labels = (rng.random((30, 1)) < p).astype(float)
    assert set(fit_temperature(Scores((BINARY,), p), labels, least=30).tasks) == {"b"}
    assert set(fit_temperature(Scores((BINARY,), p), labels, least=31).tasks) == set()


def test_levels_are_calibrated_as_fractions() -> None:
    stars = Task("s", scale=Levels(("1", "2", "3", "4", "5")))
    after = Temperature(2.0)(table(1.0, 3.0, 1 + 4 * 0.9, task=stars)).values[:, 0]
    assert_allclose(after, [1, 3, 1 + 4 * 0.75], atol=1e-5)


def test_spread_and_interval_follow_the_map() -> None:
    scores = Scores((BINARY,), np.array([[0.5]]), np.array([[0.1]]), np.array([[[0.2, 0.9]]]))
    after = Isotonic(((0.0, 1.0), (0.25, 0.75)))(scores)
    assert_allclose(after.spread, 0.05)
    assert_allclose(after.interval, [[[0.35, 0.7]]])


def test_isotonic_is_level_outside_what_it_saw() -> None:
    calibrator = fit_isotonic(table(0.4, 0.6), np.array([0.0, 1.0]))
    assert_allclose(calibrator(table(0.0, 1.0)).values[:, 0], [0, 1])


def test_spread_scaling_refuses_scores_without_a_spread() -> None:
    with pytest.raises(PolycriticError, match="have no spread"):
        fit_spread_scaling(table(0.5), np.ones((1, 1)))
    with pytest.raises(PolycriticError, match="have no spread"):
        SpreadScaling(2.0)(table(0.5))
    with pytest.raises(PolycriticError, match=r"cannot scale the spread.*a positive spread"):
        fit_spread_scaling(Scores((BINARY,), np.array([[0.5]]), np.zeros((1, 1))), np.ones((1, 1)))


def test_spread_scaling_minimises_the_gaussian_likelihood() -> None:
    rng = np.random.default_rng(4)
    spread = rng.uniform(0.5, 2, (400, 1))
    labels = 3 * spread * rng.normal(size=(400, 1))
    fit = fit_spread_scaling(Scores((Task("a"),), np.zeros((400, 1)), spread), labels)
    factor = fit.tasks["a"]
    assert_allclose(fit.pooled, factor)

    def loss(c: float) -> float:
        return float((np.log(c * spread) + 0.5 * (labels / (c * spread)) ** 2).mean())

    assert abs(factor - 3) < 0.3
    assert loss(factor) < min(loss(0.99 * factor), loss(1.01 * factor))


def test_reading_back_the_wrong_thing_is_refused() -> None:
    with pytest.raises(PolycriticError, match=r"unknown calibrator 'Temprature'\. Did you mean 'Temperature'"):
        calibrator_from_dict({"kind": "Temprature"})
    with pytest.raises(PolycriticError, match="not a saved Platt"):
        Platt.from_dict({"kind": "Platt", "pooled": [1, 0]})


def test_conformal_is_infinite_or_the_whole_scale_where_it_must_be() -> None:
    tasks = (Task("u"), Task("i", scale=Interval(0, 10)))
    scores = Scores(tasks, np.full((3, 2), 5.0))
    interval = fit_conformal(scores, np.full((3, 2), 6.0))(scores).interval
    assert_array_equal(interval[0], [[-np.inf, np.inf], [0, 10]])


@pytest.mark.parametrize(("n", "own"), [(8, False), (9, True)])
def test_conformal_falls_back_below_nine_labels_at_ninety_percent(n: int, own: bool) -> None:
    rng = np.random.default_rng(2)
    labels = rng.normal(size=(50, 2))
    labels[n:, 0] = np.nan
    calibrator = fit_conformal(Scores((Task("a"), Task("b")), np.zeros((50, 2))), labels)
    assert ("a" in calibrator.tasks) == own
    assert "b" in calibrator.tasks


def test_scaled_conformal_is_wide_where_the_judge_is_unsure() -> None:
    rng = np.random.default_rng(3)
    spread = rng.uniform(0.1, 5, (2000, 1))
    scores = Scores((Task("a"),), np.zeros((2000, 1)), spread)
    labels = spread * rng.normal(size=(2000, 1))
    interval = fit_conformal(scores, labels, scaled=True)(scores).interval
    held = (interval[..., 0] <= labels) & (labels <= interval[..., 1])
    for part in (spread < 1, spread > 4):
        assert_allclose(held[part].mean(), 0.9, atol=0.04)
    with pytest.raises(PolycriticError, match="no spread"):
        Conformal((1.0, 1.0), scaled=True)(table(0.5))


def test_coverage_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(PolycriticError, match=r"bad coverage.*found 95"):
        fit_conformal(table(0.5), np.ones((1, 1)), coverage=95)


def test_abstaining_by_each_limit() -> None:
    values = np.array([[0.95], [0.6], [0.02]])
    scores = Scores(
        (BINARY,),
        values,
        np.array([[0.3], [0.1], [0.1]]),
        np.stack([values - 0.1, values + np.array([[0.1], [0.9], [0.1]])], axis=-1),
    )
    for limit, kept in (
        (Abstaining(confidence=0.9), [True, False, True]),
        (Abstaining(spread=0.2), [False, True, True]),
        (Abstaining(width=0.5), [True, False, True]),
        (Abstaining(spread=0.2, width=0.5), [False, False, True]),
    ):
        after = limit(scores)
        assert_array_equal(~np.isnan(after.values[:, 0]), kept)
        assert_array_equal(np.isnan(after.spread), np.isnan(after.values))
        assert_array_equal(np.isnan(after.interval).all(axis=-1), np.isnan(after.values))
    with pytest.raises(PolycriticError, match="no limit to abstain by"):
        Abstaining()
    with pytest.raises(PolycriticError, match="have no spread"):
        Abstaining(spread=1.0)(table(0.5))


def test_confidence_is_not_asked_of_other_scales() -> None:
    assert_array_equal(Abstaining(confidence=0.9)(table(0.5, task=Task("u"))).values, [[0.5]])


def test_risk_coverage_of_a_perfect_and_a_worst_order() -> None:
    errors = np.array([0.0, 0.0, 1.0, 1.0])
    good, bad = risk_coverage(-errors, errors), risk_coverage(errors, errors)
    assert good.excess == 0
    assert bad.area > good.area
    assert good.risk[-1] == bad.risk[-1] == 0.5
    assert_allclose(good.coverage, [0.25, 0.5, 0.75, 1])
    with pytest.raises(PolycriticError, match="confidence and errors disagree"):
        risk_coverage(np.array([np.nan]), np.array([0.0]))


def test_trusted_is_a_judge_and_applies_in_order() -> None:
    judge = Trusted(Fixed(0.9, 0.6), Temperature(2.0), Abstaining(confidence=0.7))
    assert isinstance(judge, Judge)
    assert judge.name == "Fixed"
    values = judge.score([Candidate("p", "a"), Candidate("p", "b")], [BINARY]).values[:, 0]
    assert_allclose(values, [0.75, np.nan])


def test_trusted_refuses_a_calibrator_that_changes_what_was_judged() -> None:
    with pytest.raises(PolycriticError, match="changed what was judged"):
        Trusted(Fixed(0.9, 0.6), lambda s: s.select([0])).score([Candidate("p", "a"), Candidate("p", "b")], [BINARY])


def test_label_table_joins_ratings_by_candidate() -> None:
    a, b = Candidate("p", "a"), Candidate("p", "b")
    rows = [
        Rating(task="x", candidate=a, value=1.0, weight=3.0),
        Rating(task="x", candidate=a, value=0.0),
        Rating(task="y", candidate=b, value=0.25),
        Rating(task="z", candidate=b, value=9.0),
    ]
    candidates, labels = label_table(rows, [Task("x"), Task("y")])
    assert candidates == [a, b]
    assert_array_equal(labels, [[0.75, np.nan], [np.nan, 0.25]])
    with pytest.raises(PolycriticError, match="no ratings to calibrate on"):
        label_table(rows, [Task("w")])


def test_p_true_asks_once_and_checks_the_answers() -> None:
    asked = []

    def ask(prompts):
        asked.extend(prompts)
        return [0.25, np.nan]

    pair = [Candidate("1 + 1 {response}", "2 {prompt}"), Candidate("1 + 1", "3")]
    values = PTrue(ask).score(pair, [BINARY, Task("c", scale=Binary())]).values
    assert_array_equal(values, [[0.25, 0.25], [np.nan, np.nan]])
    assert len(asked) == 2
    assert "Question: 1 + 1 {response}\nProposed answer: 2 {prompt}\n" in asked[0]
    assert PTrue(ask).score([], [BINARY]).values.shape == (0, 1)
    with pytest.raises(PolycriticError, match="no probabilities"):
        PTrue(lambda p: [2.0, 0.1]).score(pair, [BINARY])
    with pytest.raises(PolycriticError, match=r"task 'u': P.True. is about right and wrong"):
        PTrue(ask).score(pair, [Task("u")])


def test_reliability_shares_bins_among_ties() -> None:
    p = np.array([0.2] * 6 + [0.8] * 2)
    y = np.array([0.0, 1, 0, 1, 0, 1, 1, 1])
    reliable = adaptive_reliability(p, y, bins=4)
    assert_array_equal(reliable.count, [6, 2])
    shuffled = np.random.default_rng(0).permutation(8)
    assert_allclose(adaptive_reliability(p[shuffled], y[shuffled], bins=4).outcome, reliable.outcome)
    assert_allclose(adaptive_calibration_error(p, y, bins=4), (6 * 0.3 + 2 * 0.2) / 8)
    assert (reliable.outcome_low <= reliable.outcome).all()
    assert (reliable.outcome <= reliable.outcome_high + 1e-12).all()


def test_reliability_of_nothing_is_nan_and_of_wrong_numbers_refused() -> None:
    nothing = np.full(3, np.nan)
    assert np.isnan(adaptive_calibration_error(nothing, nothing))
    assert np.isnan(brier_parts(nothing, nothing).brier)
    with pytest.raises(PolycriticError, match="forecasts: not a probability"):
        adaptive_calibration_error(np.array([1.5]), np.array([1.0]))
    with pytest.raises(PolycriticError, match="outcomes of 0 and 1 only"):
        brier_parts(np.array([0.5]), np.array([0.5]))
    with pytest.raises(PolycriticError, match="too few bins"):
        adaptive_reliability(np.array([0.5]), np.array([0.5]), bins=0)
    with pytest.raises(PolycriticError, match="probabilities and classes disagree"):
        classwise_calibration_error(np.ones((2, 2)) / 2, np.array([0, 2]))


def test_classwise_error_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1]] * 10)
    y = np.array([0] * 5 + [1] * 3 + [2] * 2)
    assert_allclose(classwise_calibration_error(p, y, bins=1), (0.2 + 0.1 + 0.1) / 3)
