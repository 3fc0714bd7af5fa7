"""What the statistics of this room refuse, and their small cases."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from polycritic.core import PolycriticError
from polycritic.trust import (
    AnnotationRouting,
    Annotations,
    PIKnow,
    SplitPoint,
    annotations_from_table,
    best_label_purchase,
    check_spread,
    cohen_kappa,
    corrected_mean,
    dawid_skene,
    distribution_discontinuity,
    dsl_mean,
    fit_annotation_routing,
    fit_p_i_know,
    fit_quantile_aggregate,
    fit_quantile_shift,
    fit_split_point,
    fleiss_kappa,
    glad,
    isotonic_quantiles,
    krippendorff_alpha,
    linear_viable_range,
    logistic_viable_range,
    mace,
    majority_accuracy,
    majority_vote,
    pinball_error,
    ppi_mean,
    rashomon_capacity,
    rogan_gladen,
    sorted_quantiles,
)

X = np.nan


def test_corrected_mean_says_how() -> None:
    rng = np.random.default_rng(0)
    hard = (rng.random(300) < 0.5).astype(float)
    soft, number = rng.random(300), rng.normal(size=300)
    known = np.arange(300) < 30
    binary = np.where(known, hard, X)
    assert "binary judge" in corrected_mean(hard, binary).how
    assert "two labels added" in corrected_mean(soft, binary).how
    assert "studentised bootstrap" in corrected_mean(number, np.where(known, number, X)).how
    assert "bootstrap" not in corrected_mean(number, np.where(np.arange(300) < 100, number, X)).how
    p = np.where(np.arange(300) % 2, 0.1, 0.2)
    assert "design-based" in corrected_mean(number, np.where(known, number, X), p).how
    assert "two labels added" in corrected_mean(soft, binary, p).how
    assert corrected_mean(soft, binary, np.full(300, 0.1)) == corrected_mean(soft, binary)


def test_corrected_mean_of_perfect_binary_agreement_is_not_certain() -> None:
    judged = np.tile([1.0, 0.0], 500)
    labels = np.where(np.arange(1000) < 10, judged, X)
    e = corrected_mean(judged, labels).estimate
    assert e.high - e.low > 0.15


def test_corrected_mean_with_one_label_knows_nothing() -> None:
    labels = np.array([2.5, X, X, X])
    e = corrected_mean(np.array([1.0, 2, 3, 4]), labels).estimate
    assert (e.low, e.high) == (-np.inf, np.inf)
    e = corrected_mean(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, X, X, X])).estimate
    assert 0 <= e.low < e.high <= 1


def test_corrected_mean_where_everything_is_labelled_is_the_mean() -> None:
    y = np.random.default_rng(1).normal(size=200)
    assert_allclose(corrected_mean(np.zeros(200), y).estimate.value, y.mean())


def test_corrected_mean_is_reproducible_and_wider_at_a_higher_level() -> None:
    rng = np.random.default_rng(2)
    judged = rng.normal(size=200)
    labels = np.where(np.arange(200) < 15, judged + rng.exponential(size=200), X)
    assert corrected_mean(judged, labels, seed=3) == corrected_mean(judged, labels, seed=3)
    narrow, wide = (corrected_mean(judged, labels, level=level).estimate for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_means_refuse_what_they_cannot_use() -> None:
    with pytest.raises(PolycriticError, match=r"judged: numbers missing.*1 not finite.*on purpose"):
        corrected_mean(np.array([X, 1.0]), np.array([1.0, X]))
    with pytest.raises(PolycriticError, match="at least one label"):
        corrected_mean(np.array([1.0, 1.0]), np.array([X, X]))
    with pytest.raises(PolycriticError, match=r"bad level.*found 95"):
        corrected_mean(np.array([1.0, 1.0]), np.array([1.0, X]), level=95)
    with pytest.raises(PolycriticError, match=r"not a sampling probability.*found 0"):
        dsl_mean(np.ones(2), np.array([1.0, X]), np.array([0.5, 0.0]))
    with pytest.raises(PolycriticError, match="2 labels, 1 judgements"):
        ppi_mean(np.ones(2), np.ones(1), np.ones(3))
    with pytest.raises(PolycriticError, match=r"said: not counts.*found 3 of 2"):
        rogan_gladen((3, 2), (1, 2), (1, 2))


def test_dsl_with_everything_labelled_is_the_mean() -> None:
    y = np.random.default_rng(3).normal(size=50)
    for normalised in (False, True):
        found = dsl_mean(np.zeros(50), y, np.ones(50), normalised=normalised)
        assert_allclose(found.estimate.value, y.mean())
        assert_allclose(found.error, y.std(ddof=1) / np.sqrt(50))


def test_constant_added_to_the_judge_changes_nothing_at_full_power() -> None:
    rng = np.random.default_rng(4)
    y, f, u = rng.normal(size=10), rng.normal(size=10), rng.normal(size=40)
    a, b = ppi_mean(y, f, u, power=1.0), ppi_mean(y, f + 7, u + 7, power=1.0)
    assert_allclose(a.estimate.value, b.estimate.value)


def test_annotations_are_checked() -> None:
    with pytest.raises(PolycriticError, match=r"items without a label.*the first 1"):
        Annotations(np.array([0, 2]), np.array([0, 0]), np.array([0, 1]))
    with pytest.raises(PolycriticError, match=r"expected below 2, found class 3"):
        Annotations(np.array([0]), np.array([0]), np.array([3]), 2)
    with pytest.raises(PolycriticError, match="a negative number"):
        Annotations(np.array([0]), np.array([-1]), np.array([0]))
    with pytest.raises(PolycriticError, match="whole numbers"):
        annotations_from_table(np.array([[0.5]]))


def test_majority_vote_leaves_an_even_split_even() -> None:
    assert_array_equal(majority_vote(annotations_from_table(np.array([[0, 1], [1, 1]]))), [[0.5, 0.5], [0, 1]])


@pytest.mark.parametrize("model", [dawid_skene, glad, mace])
def test_renaming_classes_renames_the_result(model) -> None:
    table = np.random.default_rng(5).integers(0, 2, (30, 5)).astype(float)
    one, other = (model(annotations_from_table(t)).posterior for t in (table, 1 - table))
    assert_allclose(one, other[:, ::-1], atol=1e-6)


@pytest.mark.parametrize("model", [dawid_skene, glad, mace])
def test_an_annotator_may_skip_items_and_never_use_a_class(model) -> None:
    found = model(annotations_from_table(np.array([[0, 0, X], [2, 2, 2], [0, X, 2]]), classes=4))
    assert found.posterior.shape == (3, 4)
    assert_allclose(found.posterior.sum(axis=1), 1)


def test_agreement_where_it_cannot_be_said_is_nan() -> None:
    assert np.isnan(krippendorff_alpha(np.ones((3, 2))))
    assert np.isnan(krippendorff_alpha(np.array([[1, X], [X, 2]])))
    assert np.isnan(fleiss_kappa(np.array([[2, 0], [2, 0]])))
    assert np.isnan(cohen_kappa(np.ones(3), np.ones(3)))
    assert np.isnan(cohen_kappa(np.array([X]), np.array([1.0])))
    with pytest.raises(PolycriticError, match=r"equally many labels.*krippendorff_alpha"):
        fleiss_kappa(np.array([[2, 0], [1, 0]]))


def test_an_item_with_one_label_changes_nothing() -> None:
    table = np.array([[1, 1], [2, 2], [1, 2], [1, 1]], dtype=float)
    assert_allclose(krippendorff_alpha(np.vstack([table, [9, X]])), krippendorff_alpha(table))


def test_majority_of_an_even_number_is_that_of_one_fewer() -> None:
    assert_allclose(majority_accuracy(0.7, np.array([2, 4, 6])), majority_accuracy(0.7, np.array([1, 3, 5])))
    with pytest.raises(PolycriticError, match="no better than a coin"):
        best_label_purchase(0.5, 10)
    with pytest.raises(PolycriticError, match="nothing can be bought"):
        best_label_purchase(0.7, 0.5)


def test_purchase_keeps_to_the_budget() -> None:
    bought = best_label_purchase(0.8, 100.0, item_cost=3.0, label_cost=2.0)
    assert bought.cost <= 100
    assert bought.cost == bought.items * (3 + 2 * bought.people)


def test_quantiles_in_order_stay() -> None:
    q = np.sort(np.random.default_rng(6).normal(size=(5, 4)), axis=1)
    assert_array_equal(sorted_quantiles(q), q)
    assert_allclose(isotonic_quantiles(q), q)


def test_mending_never_increases_the_total_pinball_error() -> None:
    rng = np.random.default_rng(7)
    q, y, levels = rng.normal(size=(300, 5)), rng.normal(size=300), np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    before = pinball_error(q, y, levels).sum(axis=1)
    for mended in (sorted_quantiles(q), isotonic_quantiles(q)):
        assert (pinball_error(mended, y, levels).sum(axis=1) <= before + 1e-12).all()


def test_quantile_shift_is_infinite_with_too_few_and_wants_pairs() -> None:
    assert_array_equal(
        fit_quantile_shift(np.zeros((3, 2)), np.ones(3), np.array([0.05, 0.95])).shift, [-np.inf, np.inf]
    )
    with pytest.raises(PolycriticError, match="levels do not pair"):
        fit_quantile_shift(np.zeros((3, 2)), np.ones(3), np.array([0.1, 0.8]))
    with pytest.raises(PolycriticError, match="bad levels"):
        pinball_error(np.zeros((1, 2)), np.ones(1), np.array([0.9, 0.1]))
    with pytest.raises(PolycriticError, match="quantiles, outcomes and levels disagree"):
        pinball_error(np.zeros((2, 2)), np.ones(1), np.array([0.1, 0.9]))


def test_aggregate_of_forecasts_that_agree_is_the_forecast() -> None:
    rng = np.random.default_rng(8)
    y, levels = rng.normal(size=40), np.array([0.2, 0.8])
    g = np.repeat(np.sort(rng.normal(size=(1, 40, 2)), axis=2), 3, axis=0)
    found = fit_quantile_aggregate(g, y, levels)
    assert_allclose(found(g), g[0])
    with pytest.raises(PolycriticError, match=r"forecasts do not fit.*expected 3 forecasts, 0 features"):
        found(g[:2])


def test_viable_range_without_slack_is_a_point_and_grows_with_it() -> None:
    rng = np.random.default_rng(9)
    x, items = rng.normal(size=(60, 2)), rng.normal(size=(4, 2))
    y = (rng.random(60) < 0.5).astype(float)
    assert_allclose(logistic_viable_range(x, y, items, slack=0.0).width, 0, atol=1e-12)
    widths = [logistic_viable_range(x, y, items, slack=s).width for s in (0.01, 0.05, 0.2)]
    assert (np.diff(widths, axis=0) > 0).all()
    ranges = logistic_viable_range(x, y, items, slack=0.05)
    assert (ranges.low < ranges.best).all()
    assert (ranges.best < ranges.high).all()
    assert ranges.ambiguity(0.0) == 1
    assert ranges.ambiguity(1.0) == 0


def test_viable_range_refuses_what_has_no_minimum() -> None:
    x, y = np.array([[-1.0], [-2.0], [1.0], [2.0]]), np.array([0.0, 0.0, 1.0, 1.0])
    with pytest.raises(PolycriticError, match=r"no finite minimum.*ridge above 0"):
        logistic_viable_range(x, y, x)
    with pytest.raises(PolycriticError, match="not labels of a logistic head"):
        logistic_viable_range(x, y * 3, x)
    with pytest.raises(PolycriticError, match="slack -1"):
        linear_viable_range(x, y, x, slack=-1)


def test_logistic_fits_refuse_labels_without_a_minimum() -> None:
    with pytest.raises(PolycriticError, match="no finite minimum"):
        fit_p_i_know(np.zeros((3, 0)), np.ones(3))
    partly = np.array([[-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(PolycriticError, match="no finite minimum"):  # the last row alone decides the second feature
        fit_p_i_know(partly, np.array([0.0, 1.0, 1.0, 0.0, 1.0]), ridge=0.0)
    twice = np.array([[-1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, 1.0]])  # one feature, given twice, is no such case
    assert_allclose(fit_p_i_know(twice, np.array([0.2, 0.6, 0.4, 0.8]), ridge=0.0)(twice[:2]), [0.3, 0.7])


def test_capacity_refuses_what_is_no_probability() -> None:
    with pytest.raises(PolycriticError, match="no class probabilities"):
        rashomon_capacity(np.array([[1.5]]))


def test_split_point_bounds_are_plain_at_the_mean_and_infinite_far_off() -> None:
    one = np.ones(1)
    low, high = SplitPoint(one, one, one).bounds(np.zeros(1), 2.0, 3.0)
    assert_array_equal([low[0], high[0]], [-3, 2])
    low, high = SplitPoint(3 * one, one, one).bounds(np.zeros(1), 2.0, 3.0)
    assert_array_equal([low[0], high[0]], [-np.inf, np.inf])
    with pytest.raises(PolycriticError, match="bad mean absolute residuals"):
        SplitPoint(-one, one, one)
    with pytest.raises(PolycriticError, match="one side is empty"):
        fit_split_point(np.zeros((2, 0)), np.zeros(2), np.ones(2))


def test_p_i_know_refuses_what_does_not_fit() -> None:
    with pytest.raises(PolycriticError, match="not a share of right answers"):
        fit_p_i_know(np.zeros((1, 1)), np.array([2.0]))
    with pytest.raises(PolycriticError, match="features do not fit"):
        PIKnow(np.zeros(2))(np.zeros((1, 5)))


def test_spread_check_leaves_out_nan_and_says_nan_of_a_constant_spread() -> None:
    rng = np.random.default_rng(10)
    y = rng.normal(size=50)
    y[0] = X
    check = check_spread(np.zeros(50), np.ones(50), y)
    assert check.z_mean.n == 49
    assert np.isnan(check.tracking.value)
    assert check.gain.value <= 0
    with pytest.raises(PolycriticError, match="cannot check the spread"):
        check_spread(np.zeros(3), np.zeros(3), np.ones(3))


def test_routing_picks_what_helps_and_knows_diminishing_returns() -> None:
    features = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
    routing = AnnotationRouting(0.0, np.array([1.0, 0.9]), np.array([-0.2, 0.0]))
    assert_array_equal(routing.top(features, 3), [5, 6, 7])
    both = AnnotationRouting(0.0, np.array([1.3, 0.9]), np.array([-0.2, 0.0]))
    assert_array_equal(both.top(features, 4), [0, 1, 2, 3])
    best = both.best_simulated(features, 4, seed=0)
    chosen = np.zeros((2, 10), dtype=bool)
    chosen[0, both.top(features, 4)] = chosen[1, best] = True
    first, second = both.performance(features, chosen)
    assert second > first
    assert_array_equal(best, both.best_simulated(features, 4, seed=0))
    assert_array_equal(both.best_simulated(features, 4, routings=0), np.sort(both.top(features, 4)))
    with pytest.raises(PolycriticError, match=r"bad budget.*found 11"):
        routing.top(features, 11)
    with pytest.raises(PolycriticError, match="features, routings and performance disagree"):
        fit_annotation_routing(features, np.ones((2, 10), dtype=bool), np.ones(2))


def test_discontinuity_needs_units_on_both_sides() -> None:
    x = np.linspace(0.1, 1, 20)
    with pytest.raises(PolycriticError, match=r"too few units below the cutoff.*Widen the bandwidth"):
        distribution_discontinuity(x, np.ones((20, 1)), np.array([0.5]), cutoff=0.0, bandwidth=0.5)
