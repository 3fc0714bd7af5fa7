"""What a board says, above all where the evidence is odd."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from polycritic.core import Candidate, Comparison, PolycriticError, Scores, Task, UnknownNameError
from polycritic.leaderboard import (
    Bootstrap,
    Borda,
    BradleyTerry,
    Copeland,
    Davidson,
    Elo,
    Glicko2,
    HalfWin,
    Kemeny,
    Leaderboard,
    Mean,
    RaoKupper,
    Strengths,
    TwoLevelBorda,
    as_matches,
    benjamini_hochberg,
    board_json,
    board_of,
    compare_judge_groups,
    elo,
    even_pairs,
    holm,
    kemeny,
    leaderboard,
    matches,
    paired,
    paired_scores,
    score_table,
    score_table_of,
    style_feature,
)

METHODS = [
    BradleyTerry(), BradleyTerry(ties=Davidson()), BradleyTerry(ties=RaoKupper()), BradleyTerry(ties=HalfWin()),
    Elo(), Elo(permutations=3), Glicko2(), Borda(), TwoLevelBorda(), Copeland(), Kemeny(), Mean(), Mean(standardise=True),
]  # fmt: skip


def names(board: Leaderboard) -> list[str]:
    return [row.name for row in board.rows]


def sound(board: Leaderboard, *, normal: bool = True) -> None:
    """What holds of every board."""
    for row in board.rows:
        peers = [other for other in board.rows if other.component == row.component]
        assert 1 <= row.rank_low <= row.rank <= row.rank_high <= len(peers)
        value = -np.inf if np.isnan(row.estimate) else row.estimate
        assert row.rank == 1 + sum(other.estimate > value + 1e-9 for other in peers)
        assert np.isnan(row.error) or not np.isnan(row.estimate)
        if normal and not np.isnan(row.error):
            assert row.low <= row.estimate <= row.high
    assert json.loads(board_json(board))["rows"]
    assert str(board)


row = st.tuples(
    st.integers(0, 4), st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0, 0.3, float("nan")]), st.integers(0, 3)
)


@settings(max_examples=25)
@given(st.lists(row, min_size=1, max_size=12), st.booleans())
def test_every_method_answers_whatever_it_is_given(rows: list[tuple[int, int, float, int]], items: bool) -> None:
    first, step, outcome, item = (np.array(c) for c in zip(*rows, strict=True))
    m = matches(first, (first + step) % 5, outcome, item=item if items else None)
    if not len(m):
        with pytest.raises(PolycriticError, match="nothing to fit"):
            leaderboard(m)
        return
    for method in METHODS:
        sound(leaderboard(m, method))
    sound(leaderboard(m, bootstrap=Bootstrap(3)), normal=False)


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0, 0.5, float("nan")]), min_size=3, max_size=3), min_size=1, max_size=5)
)
def test_every_method_answers_whatever_table_it_is_given(values: list[list[float]]) -> None:
    y = np.array(values)
    who, what = np.indices(y.shape)
    table = score_table(who.ravel(), what.ravel(), y.ravel(), task=(what.ravel() // 2).astype(str))
    if not len(as_matches(table)):  # no two systems share an item
        with pytest.raises(PolycriticError, match="nothing to fit"):
            leaderboard(table, BradleyTerry())
        return
    for method in METHODS:
        sound(leaderboard(table, method))


def test_only_wins_and_only_losses_stay_finite_and_are_named() -> None:
    m = matches(list("aaabbbbb"), list("bbccccaa"), [1, 1, 1, 1, 0, 1, 0, 0])
    board = leaderboard(m)
    assert names(board) == ["a", "b", "c"]
    assert all(np.isfinite([r.estimate, r.error]).all() for r in board.rows)
    assert "only won: a" in board.notes[-1]
    assert "ridge of 0.1" in board.notes[-1]
    top = leaderboard(matches(["a"] * 50 + ["b"] * 20, ["b"] * 50 + ["c"] * 20, [1] * 50 + [1, 0] * 10))
    assert abs(elo(top)["a"].estimate) < 3800
    assert top["a"].error > top["c"].error  # how much better it is, nobody knows


def test_systems_without_common_opponents_are_not_compared() -> None:
    board = leaderboard(matches(list("abcd"), list("badc"), [1, 0.5, 1, 0.5]))
    assert [r.component for r in board.rows] == [0, 0, 1, 1]
    assert [r.rank for r in board.rows] == [1, 2, 1, 2]
    assert np.isnan(board.differences[0, 2])
    assert "2 components" in board.notes[0]
    assert {(c.first, c.second) for c in paired(board)} == {("a", "b"), ("c", "d")}
    for component in (0, 1):
        assert_allclose(sum(r.estimate for r in board.rows if r.component == component), 0, atol=1e-12)


def test_a_chain_of_wins_keeps_its_order() -> None:
    board = leaderboard(matches(list("abc"), list("bcd"), [1, 1, 1]))
    assert names(board) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("ties", [None, Davidson(), RaoKupper(), HalfWin()])
def test_all_ties(ties: Davidson | RaoKupper | HalfWin | None) -> None:
    board = leaderboard(matches(list("aab"), list("bcc"), [0.5] * 3), BradleyTerry(ties=ties))
    assert_allclose([r.estimate for r in board.rows], 0, atol=1e-9)
    assert [r.rank for r in board.rows] == [1, 1, 1]
    assert [r.rank_high for r in board.rows] == [3, 3, 3]
    assert all(r.error > 0.2 for r in board.rows)  # nothing is certain because nothing was decided


def test_models_of_ties_without_ties() -> None:
    m = matches(list("aaa"), list("bbb"), [1, 1, 0])
    plain = BradleyTerry(ties=HalfWin())(m)
    for ties, value in ((Davidson(), 0.0), (RaoKupper(), 1.0)):
        found = BradleyTerry(ties=ties)(m)
        assert_allclose(found.estimate, plain.estimate)
        assert found.coefficients[0].value == value


def test_one_item_says_nothing_about_others() -> None:
    m = matches(list("aab"), list("bba"), [1, 0, 0], item=["only"] * 3)
    board = leaderboard(m)
    assert all(np.isnan(r.error) for r in board.rows)
    assert [r.rank_high for r in board.rows] == [2, 2]
    table = leaderboard(score_table(["a", "b"], ["only", "only"], [1, 0]))
    assert [(r.estimate, np.isnan(r.error)) for r in table.rows] == [(1.0, True), (0.0, True)]


def test_missing_outcomes_are_left_out_and_counted() -> None:
    m = matches(list("aaaa"), list("bbbb"), [1, np.nan, 0, np.nan])
    assert (len(m), m.abstained) == (2, 2)
    assert "2 rows had no outcome" in leaderboard(m).notes[0]


def test_missing_cells_are_skipped_and_a_system_without_a_task_has_no_mean() -> None:
    table = score_table(list("aabb"), list("xyxy"), [1, 0, np.nan, 1], task=["t", "u", "t", "u"])
    board = leaderboard(table)
    assert np.isnan(board["b"].estimate)
    assert board.rows[-1].name == "b"
    within = leaderboard(score_table(list("aabb"), list("xyxy"), [1, 0, np.nan, 1]))
    assert within["b"].estimate == 1
    assert within["b"].n == 1


def test_ties_in_estimates_are_not_broken_by_the_order_of_rows() -> None:
    first = leaderboard(score_table(list("bac"), list("xxx"), [1, 1, 0]))
    assert [(r.name, r.rank) for r in first.rows] == [("a", 1), ("b", 1), ("c", 3)]
    again = leaderboard(score_table(list("cab"), list("xxx"), [0, 1, 1]))
    assert names(again) == names(first)


def test_ranks_of_a_table_with_many_ties_do_not_depend_on_row_order() -> None:
    rng = np.random.default_rng(0)
    value = rng.integers(0, 3, (30, 9)).astype(float)
    who, what = (c.ravel() for c in np.indices(value.shape))
    boards = set()
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(who))
        table = score_table(who[order], what[order], value.ravel()[order])
        boards.add(tuple((r.name, r.rank) for r in leaderboard(table, Borda()).rows))
    assert len(boards) == 1


def test_tie_groups_and_rank_intervals() -> None:
    rng = np.random.default_rng(1)
    quality = {"a": 0.9, "b": 0.89, "c": 0.3}
    rows = [(s, i, float(rng.random() < q)) for s, q in quality.items() for i in range(300)]
    board = leaderboard(score_table(*zip(*rows, strict=True)))
    assert [r.group for r in board.rows] == [1, 1, 2]
    assert [(r.rank_low, r.rank_high) for r in board.rows] == [(1, 2), (1, 2), (3, 3)]


def test_a_tie_group_is_tied_with_its_best_not_with_its_last() -> None:
    # Neighbours are not told apart, the ends are: 1 and 2 apart with a standard error of 0.8.
    estimate, many = np.array([0.0, -1.0, -2.0]), np.full(3, 9)
    found = Strengths(
        ("a", "b", "c"), estimate, 0.32 * np.eye(3), many, np.zeros(3, np.int64), np.ones((3, 3), np.int64)
    )
    board = board_of(found)
    assert [r.group for r in board.rows] == [1, 1, 2]
    assert [(r.rank_low, r.rank_high) for r in board.rows] == [(1, 2), (1, 3), (2, 3)]


def test_corrections_widen_rank_intervals() -> None:
    rng = np.random.default_rng(2)
    rows = [(f"s{s:02d}", i, float(rng.random() < 0.5 + 0.01 * s)) for s in range(15) for i in range(200)]
    table = score_table(*zip(*rows, strict=True))
    width = [
        sum(r.rank_high - r.rank_low for r in leaderboard(table, adjust=a).rows)
        for a in (None, benjamini_hochberg, holm)
    ]
    assert width[0] < width[1] <= width[2]
    plain, careful = (paired(leaderboard(table), adjust=a) for a in (None, holm))
    assert all(c.p >= p.p for c, p in zip(careful, plain, strict=True))


def test_elo_is_a_view() -> None:
    board = leaderboard(matches(["a"] * 4 + ["b"] * 4, ["b"] * 4 + ["a"] * 4, [1, 1, 1, 0, 1, 0, 0, 0]))
    points = elo(board, anchor="b", at=1200)
    assert points["b"].estimate == 1200
    unit = 400 / np.log(10)
    assert_allclose(points["a"].estimate - 1200, unit * (board["a"].estimate - board["b"].estimate))
    assert_allclose(points["a"].error, unit * board["a"].error)
    assert_allclose(points["a"].high - points["a"].low, unit * (board["a"].high - board["a"].low))
    assert [r.rank for r in points.rows] == [r.rank for r in board.rows]
    with pytest.raises(UnknownNameError, match="unknown system 'bb'"):
        elo(board, anchor="bb")


def test_rows_of_feedback() -> None:
    def candidate(prompt: str, model: str) -> Candidate:
        return Candidate(prompt, "text", model=model)

    rows = [
        Comparison(task="t", first=candidate("p", "a"), second=candidate("p", "b"), preference=0.8, weight=2.0),
        Comparison(task="t", first=candidate("q", "b"), second=candidate("q", "a"), preference=0.4),
    ]
    board = leaderboard(rows)
    assert_allclose(board["a"].estimate - board["b"].estimate, np.log(2.2 / 0.8))
    with pytest.raises(PolycriticError, match=r"rows without a name: .* found 1 of 2"):
        leaderboard([rows[0], Comparison(task="t", first=candidate("q", ""), second=candidate("q", "a"))])


def test_scores_of_a_judge() -> None:
    scores = Scores((Task("t"), Task("u")), np.array([[1.0, 2.0], [0.0, 4.0], [1.0, np.nan], [0.5, 1.0]]))
    table = score_table_of(scores, ["a", "b", "a", "b"], ["p", "p", "q", "q"])
    assert table.tasks == ("t", "u")
    board = leaderboard(table)
    assert_allclose(board["a"].estimate, (1.0 + 2.0) / 2)
    assert_allclose(board["b"].estimate, (0.25 + 2.5) / 2)
    weighted = leaderboard(table, Mean(task_weights={"t": 3, "u": 1}))
    assert_allclose(weighted["b"].estimate, 0.75 * 0.25 + 0.25 * 2.5)
    with pytest.raises(PolycriticError, match="names do not match scores"):
        score_table_of(scores, ["a"], ["p"])
    with pytest.raises(UnknownNameError, match="unknown task 'v'"):
        leaderboard(table, Mean(task_weights={"v": 1}))
    with pytest.raises(PolycriticError, match="task weights are all 0"):
        leaderboard(table, Mean(task_weights={"t": 0}))


def test_bootstrap_gives_errors_to_methods_that_have_none() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 3, 90)
    m = matches(first, (first + 1) % 3, rng.random(90) < 0.7, item=rng.integers(0, 30, 90))
    assert np.isnan(leaderboard(m, Copeland()).rows[0].error)
    boot = leaderboard(m, Copeland(), bootstrap=Bootstrap(60, seed=1))
    assert boot.rows[0].error > 0
    assert boot == boot
    again = leaderboard(m, Copeland(), bootstrap=Bootstrap(60, seed=1))
    assert again.rows == boot.rows


def test_bootstrap_of_a_rare_system_counts_only_where_it_was_drawn() -> None:
    m = matches(list("a" * 20 + "a"), list("b" * 20 + "c"), [1, 0] * 10 + [0.5], item=list(range(21)))
    drawn = BradleyTerry().resample(m, 50, 0)
    assert 0.2 < np.isnan(drawn[:, 2]).mean() < 0.6
    assert not np.isnan(drawn[:, 0]).any()
    assert np.isfinite(leaderboard(m, bootstrap=Bootstrap(50)).rows[0].error)


def test_kemeny_says_when_its_order_is_not_the_only_one() -> None:
    board = leaderboard(matches(list("abc"), list("bca"), [1, 1, 1]), Kemeny())
    assert "other orders" in board.notes[0]
    assert board.coefficients[0].value == 1
    with pytest.raises(PolycriticError, match="bad wins"):
        kemeny(np.ones((2, 3)))


def test_groups_of_judges_that_agree_and_that_do_not() -> None:
    rng = np.random.default_rng(4)
    first = rng.integers(0, 4, 3000)
    second = (first + rng.integers(1, 4, 3000)) % 4
    judge = rng.choice(["people", "model"], 3000)
    chance = 1 / (1 + np.exp(0.6 * (second - first)))
    item = rng.integers(0, 500, 3000)
    same = matches(first, second, rng.random(3000) < chance, item=item)
    found = compare_judge_groups(same, judge, BradleyTerry())
    assert found.p > 0.01
    assert (found.degrees, found.tau) == (3, 1.0)
    other = np.where((judge == "model") & (first == 0), 0.9, np.where((judge == "model") & (second == 0), 0.1, chance))
    biased = compare_judge_groups(matches(first, second, rng.random(3000) < other, item=item), judge, BradleyTerry())
    assert biased.p < 1e-6
    assert biased.systems[0].difference > 5 * biased.systems[0].error
    assert names(biased.boards[0])[0] == "0"
    assert names(biased.boards[1])[0] == "3"
    with pytest.raises(PolycriticError, match="1 groups"):
        compare_judge_groups(same, ["all"] * 3000, BradleyTerry())
    with pytest.raises(PolycriticError, match="without errors"):
        compare_judge_groups(same, judge, Copeland())


def test_a_system_that_one_group_never_judged_is_no_disagreement() -> None:
    rng = np.random.default_rng(6)
    first = rng.integers(0, 4, 4000)
    second = (first + rng.integers(1, 4, 4000)) % 4
    judge = np.where((first == 3) | (second == 3), "model", rng.choice(["people", "model"], 4000))
    strength = np.array([0.0, 0.3, 0.6, 3.0])
    won = rng.random(4000) < 1 / (1 + np.exp(strength[second] - strength[first]))
    found = compare_judge_groups(matches(first, second, won), judge, BradleyTerry())
    assert len(found.systems) == 3
    assert found.degrees == 2
    assert found.p > 0.01


def test_shared_items_are_counted_once() -> None:
    # a and b met twice on x; c met only b, on y, where a was too.
    board = leaderboard(matches(list("aabab"), list("bbcbc"), [1, 0, 1, 0, 0], item=list("xxyyy")))
    shared = {frozenset((c.first, c.second)): c.shared for c in paired(board)}
    assert shared == {frozenset("ab"): 2, frozenset("bc"): 1, frozenset("ac"): 1}


def test_agreeing_judges_are_told_apart_as_often_as_chance_has_it() -> None:
    rejected = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        first = rng.integers(0, 3, 240)
        m = matches(first, (first + 1) % 3, rng.random(240) < 0.5, item=np.arange(240) // 4)
        rejected.append(compare_judge_groups(m, np.tile(["x", "y"], 120), BradleyTerry()).p < 0.05)
    assert np.mean(rejected) < 0.1


def test_empty_evidence_is_refused() -> None:
    with pytest.raises(PolycriticError, match="nothing to rank"):
        leaderboard(matches([], [], []))
    with pytest.raises(PolycriticError, match="nothing to rank"):
        leaderboard([])
    assert paired_scores(score_table(["a"], ["x"], [1.0])) == ()


def test_style_and_pair_weights() -> None:
    assert style_feature([4, 4], [4, 4]).tolist() == [0, 0]
    with pytest.raises(PolycriticError, match="bad counts"):
        style_feature([-1], [1])
    empty = even_pairs(matches(["a"], ["b"], [1], weight=[0]))
    assert empty.weight.tolist() == [0]


def test_a_covariate_that_cannot_be_told_from_systems_is_refused() -> None:
    m = matches(list("aabb"), list("bbaa"), [1, 0, 0, 1], covariates={"is_a": [1, 1, -1, -1]})
    with pytest.raises(PolycriticError, match="cannot be told apart"):
        leaderboard(m)


def test_a_constant_covariate_is_the_advantage_of_the_first_place() -> None:
    rng = np.random.default_rng(5)
    first = rng.integers(0, 3, 4000)
    second = (first + rng.integers(1, 3, 4000)) % 3
    won = rng.random(4000) < 1 / (1 + np.exp(second * 0.5 - first * 0.5 - 0.4))
    found = BradleyTerry()(matches(first, second, won, covariates={"position": np.ones(4000)}))
    assert abs(found.coefficients[0].value - 0.4) < 3 * found.coefficients[0].error
