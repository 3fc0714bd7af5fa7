"""Voting rules and ratings against published examples and brute force."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import ttest_rel

from polycritic.leaderboard import (
    SNTV,
    Bootstrap,
    Borda,
    BradleyTerry,
    ChamberlinCourant,
    Copeland,
    Elo,
    ExponentialWeight,
    Glicko2,
    KBorda,
    Kemeny,
    LogOddsWeight,
    Mean,
    PowerWeight,
    TwoLevelBorda,
    benjamini_hochberg,
    borda_points,
    choose_committee,
    committee_score,
    elo,
    holm,
    kemeny,
    leaderboard,
    matches,
    paired,
    paired_scores,
    pairwise_wins,
    peer_rating,
    resampled,
    reviewer_weights,
    score_table,
    varco_arena,
)
from polycritic.leaderboard._glicko import GLICKO_SCALE, glicko2_period

# Where should Tennessee's capital be? Voters of four cities prefer what is near.
CITIES = ("Memphis", "Nashville", "Chattanooga", "Knoxville")
VOTERS = np.array([42.0, 26.0, 15.0, 17.0])
LIKES = np.array([[3, 2, 1, 0], [0, 3, 2, 1], [0, 1, 3, 2], [0, 1, 2, 3]], dtype=float)


def tennessee():
    voter, city = np.indices(LIKES.shape)
    return score_table(np.array(CITIES)[city.ravel()], voter.ravel(), LIKES.ravel(), weight=np.repeat(VOTERS, 4))


def test_tennessee_borda() -> None:
    found = Borda()(tennessee())
    assert dict(zip(found.names, found.estimate.tolist(), strict=True)) == {
        "Nashville": 194,
        "Chattanooga": 173,
        "Memphis": 126,
        "Knoxville": 107,
    }


def test_tennessee_kemeny() -> None:
    found = Kemeny()(tennessee())
    order = [found.names[i] for i in np.argsort(-found.estimate)]
    assert order == ["Nashville", "Chattanooga", "Knoxville", "Memphis"]
    wins = pairwise_wins(tennessee())
    best = kemeny(wins)
    assert wins.sum() - best.cost == 393  # votes that the order agrees with
    assert best.unique


def test_tennessee_copeland_finds_the_condorcet_winner() -> None:
    assert Copeland()(tennessee()).estimate.tolist() == [2, 1, 0, 3]  # Chattanooga, Knoxville, Memphis, Nashville


def brute_kemeny(wins: np.ndarray) -> tuple[float, int]:
    costs = []
    for order in itertools.permutations(range(len(wins))):
        place = np.array(order)
        costs.append(float(np.triu(wins[np.ix_(place, place)].T, 1).sum()))
    best = min(costs)
    return best, sum(abs(c - best) < 1e-9 for c in costs)


# Of seed 16 two orders are best, and no move of one system leads from one to the other.
@pytest.mark.parametrize("seed", [*range(12), 16])
def test_kemeny_against_all_orders(seed: int) -> None:
    wins = np.random.default_rng(seed).integers(0, 4, (6, 6)).astype(float)
    np.fill_diagonal(wins, 0)
    cost, count = brute_kemeny(wins)
    found = kemeny(wins)
    place = np.array(found.order)
    assert sorted(found.order) == list(range(6))
    assert found.cost == cost == float(np.triu(wins[np.ix_(place, place)].T, 1).sum())
    assert found.unique == (count == 1)


def test_kemeny_of_fifty_in_one_knot_is_exact() -> None:
    # The bound: every 3-cycle-free order contradicts at least the minorities, so the cost is never below their sum.
    rng = np.random.default_rng(0)
    votes = np.argsort(np.arange(40)[None] + rng.normal(0, 14, (15, 40)), axis=1)
    place = np.argsort(votes, axis=1)
    wins = (place[:, :, None] < place[:, None, :]).sum(0).astype(float)
    found = kemeny(wins)
    assert found.cost >= np.triu(np.minimum(wins, wins.T), 1).sum()
    order = list(found.order)
    for i in range(40):  # no single move makes it better
        for j in range(40):
            other = order[:i] + order[i + 1 :]
            other.insert(j, order[i])
            at = np.array(other)
            assert float(np.triu(wins[np.ix_(at, at)].T, 1).sum()) >= found.cost


def members(rule, **options) -> tuple[set[str], float]:
    found = choose_committee(LIKES, 2, rule, weight=VOTERS, **options)
    return {CITIES[i] for i in found.members}, found.score


def test_tennessee_committees() -> None:
    assert members(SNTV()) == ({"Memphis", "Nashville"}, 68)
    assert members(KBorda()) == ({"Nashville", "Chattanooga"}, 367)
    assert members(ChamberlinCourant()) == ({"Nashville", "Knoxville"}, 243)
    assert members(ChamberlinCourant(), exact=True) == ({"Memphis", "Chattanooga"}, 257)


@pytest.mark.parametrize("exact", [False, True])
def test_tennessee_with_at_most_one_of_the_east(exact: bool) -> None:
    groups = {"group": ["west", "east", "east", "east"], "bounds": {"east": (0, 1)}}
    chosen, _ = members(KBorda(), exact=exact, **groups)
    assert chosen == {"Nashville", "Memphis"}


@pytest.mark.parametrize("rule", [SNTV(), KBorda(), ChamberlinCourant()])
@pytest.mark.parametrize("seed", range(4))
def test_committees_against_all_sets(rule, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((7, 7))
    groups, bounds = list("aaabbcc"), {"a": (1, 2), "c": (1, 1)}
    allowed = [
        s
        for s in itertools.combinations(range(7), 3)
        if all(low <= sum(groups[i] == g for i in s) <= high for g, (low, high) in bounds.items())
    ]
    best = max(committee_score(values, s, rule) for s in allowed)
    exact = choose_committee(values, 3, rule, group=groups, bounds=bounds, exact=True)
    greedy = choose_committee(values, 3, rule, group=groups, bounds=bounds)
    assert_allclose(exact.score, best)
    assert exact.members in allowed
    assert greedy.members in allowed
    assert greedy.score >= best / 2
    if greedy.exact:
        assert_allclose(greedy.score, best)


def test_elo_by_hand() -> None:
    # A beats B, B draws with C, C beats A, from 1500 with K = 32.
    board = leaderboard(matches(list("ABA"), list("BCC"), [1, 0.5, 0]), Elo(k=32))
    points = elo(board, at=1500)
    assert_allclose([points[n].estimate for n in "ABC"], [1499.230, 1484.736, 1516.034], atol=5e-4)


def test_elo_over_orders_is_the_mean_of_orders() -> None:
    m = matches(list("ABA"), list("BCC"), [1, 0.5, 0])
    orders = [
        Elo()(matches([list("ABA")[i] for i in p], [list("BCC")[i] for i in p], [[1, 0.5, 0][i] for i in p])).estimate
        for p in itertools.permutations(range(3))
    ]
    assert_allclose(Elo(permutations=4000)(m).estimate, np.mean(orders, axis=0), atol=2e-3)


def test_glickman_example() -> None:
    rating = (np.array([1500.0, 1400, 1550, 1700]) - 1500) / GLICKO_SCALE
    deviation = np.array([200.0, 30, 100, 300]) / GLICKO_SCALE
    new = glicko2_period(
        (rating, deviation, np.full(4, 0.06)),
        (np.zeros(3, int), np.array([1, 2, 3])),
        np.array([1.0, 0, 0]),
        np.ones(3),
    )
    assert_allclose(1500 + GLICKO_SCALE * new[0][0], 1464.05, atol=0.012)
    assert_allclose(GLICKO_SCALE * new[1][0], 151.52, atol=0.005)
    assert_allclose(new[2][0], 0.059996, atol=5e-7)


def test_glicko_agrees_with_bradley_terry_on_much_evidence() -> None:
    rng = np.random.default_rng(0)
    strength = np.linspace(-1, 1, 6)
    first = rng.integers(0, 6, 20_000)
    second = (first + rng.integers(1, 6, 20_000)) % 6
    y = rng.random(20_000) < 1 / (1 + np.exp(strength[second] - strength[first]))
    m = matches(first, second, y.astype(float))
    glicko = Glicko2(periods=40)(m).estimate
    assert np.corrcoef(glicko, BradleyTerry()(m).estimate)[0, 1] > 0.995


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (LogOddsWeight(), (0.551, 0.348, 0.102)),
        (ExponentialWeight(1.0), (0.378, 0.342, 0.280)),
        (PowerWeight(2.0), (0.448, 0.354, 0.199)),
    ],
)
def test_peer_review_weights(weight, expected: tuple[float, ...]) -> None:
    assert_allclose(reviewer_weights([0.9, 0.8, 0.6], weight), expected, atol=5.1e-4)


def test_a_reviewer_below_a_coin_gets_nothing() -> None:
    # Log-odds of less than one half are negative: unclipped they would turn the other judges' ratings round.
    weights = reviewer_weights([0.9, 0.3], LogOddsWeight())
    assert weights.tolist() == [1, 0]
    assert peer_rating([[1.0], [5.0]], weights).tolist() == [1]


def test_single_elimination_ranks_well_with_few_matches() -> None:
    rng = np.random.default_rng(0)
    strength = np.linspace(-1.2, 1.2, 8)
    rho = []
    for seed in range(40):

        def umpire(a, b, item):
            return (rng.random(len(a)) < 1 / (1 + np.exp(strength[b] - strength[a]))).astype(float)

        m = varco_arena([f"s{i}" for i in range(8)], 40, umpire, seed=seed)
        assert len(m) == 40 * 7
        found = BradleyTerry()(m).estimate
        rho.append(np.corrcoef(np.argsort(np.argsort(found)), np.arange(8))[0, 1])
    assert np.mean(rho) > 0.94


def test_a_rescaled_task_flips_the_mean_and_not_borda() -> None:
    values = {"a": (0.9, 0.5, 0.5), "b": (0.5, 0.6, 0.6)}

    def table(scale: float):
        rows = [(s, t, v * (scale if t == 0 else 1)) for s, vs in values.items() for t, v in enumerate(vs)]
        system, task, value = zip(*rows, strict=True)
        return score_table(system, task, value, task=[f"t{t}" for t in task])

    first = [m(table(1.0)).estimate for m in (Mean(), Borda(), Mean(standardise=True))]
    small = [m(table(0.1)).estimate for m in (Mean(), Borda(), Mean(standardise=True))]
    assert first[0][0] > first[0][1]
    assert small[0][0] < small[0][1]
    assert_allclose(first[1], small[1])
    assert_allclose(first[2], small[2])


def test_borda_of_ties_both_ways() -> None:
    # Counted pair by pair, and by average ranks.
    value = np.random.default_rng(5).integers(0, 3, (6, 50)).astype(float)
    weight = np.random.default_rng(6).uniform(0.5, 2, 50)
    who, what = np.indices(value.shape)
    found = Borda()(score_table(who.ravel(), what.ravel(), value.ravel(), weight=np.tile(weight, 6)))
    points = borda_points(value) * weight
    assert points[:, 0].sum() > 0
    assert_allclose(found.estimate, points.sum(1))
    assert_allclose(borda_points(np.array([[1.0], [1.0], [0.0]])).ravel(), [1.5, 1.5, 0])
    assert_allclose(found.covariance, 50 * np.cov(points), rtol=1e-10)


def test_majorities_are_not_decided_by_rounding() -> None:
    # 0.1 + 0.2 is a hair more than 0.3.
    m = matches(["a", "a", "a"], ["b", "b", "b"], [1, 1, 0], weight=[0.1, 0.2, 0.3])
    assert Copeland()(m).estimate.tolist() == [0.5, 0.5]
    assert not kemeny(pairwise_wins(m)).unique


def test_errors_of_a_standardised_task_are_in_its_unit() -> None:
    rng = np.random.default_rng(7)
    x = 10 * rng.normal(size=(3, 40)) + 10 * np.arange(3)[:, None]
    table = score_table(np.repeat(list("abc"), 40), np.tile(np.arange(40), 3), x.ravel())
    plain, standard = Mean()(table), Mean(standardise=True)(table)
    spread = plain.estimate.std()
    assert_allclose(standard.covariance, plain.covariance / spread**2)
    assert_allclose(standard.estimate, (plain.estimate - plain.estimate.mean()) / spread)


def test_two_level_borda_counts_tasks_not_items() -> None:
    rng = np.random.default_rng(0)
    system = np.tile(["a", "b", "c"], 12)
    item = np.repeat(np.arange(12), 3)
    value = rng.random(36)
    task = np.where(item < 8, "big", np.where(item < 10, "x", "y"))
    found = TwoLevelBorda()(score_table(system, item, value, task=task))
    expected = np.zeros(3)
    for name in ("big", "x", "y"):
        own = value[task == name].reshape(-1, 3)
        points = np.argsort(np.argsort(own, axis=1), axis=1).sum(0)
        expected += (points[:, None] > points[None]).sum(1) + 0.5 * ((points[:, None] == points[None]).sum(1) - 1)
    assert_allclose(found.estimate, expected)


def test_paired_scores_are_student_t_tests() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 30)) + rng.normal(size=30)
    table = score_table(np.repeat(["a", "b", "c"], 30), np.tile(np.arange(30), 3), x.ravel())
    for found in paired_scores(table):
        one, two = x["abc".index(found.first)], x["abc".index(found.second)]
        expected = ttest_rel(one, two)
        assert_allclose(found.p, expected.pvalue, rtol=1e-9)
        assert_allclose(found.difference / found.error, expected.statistic, rtol=1e-9)
    board = {(c.first, c.second): c for c in paired(leaderboard(table))}
    for found in paired_scores(table):
        other = board.get((found.first, found.second)) or board[found.second, found.first]
        assert_allclose(other.error, found.error, rtol=1e-9)


def test_paired_errors_are_smaller_than_unpaired_ones() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 400)) + 2 * rng.normal(size=400)
    board = leaderboard(score_table(np.repeat(["a", "b"], 400), np.tile(np.arange(400), 2), x.ravel()))
    unpaired = math.hypot(board["a"].error, board["b"].error)
    assert board.errors[0, 1] < 0.6 * unpaired


def test_paired_scores_use_shared_items_only() -> None:
    # b was tried on the hard items only; on what both tried it is better.
    table = score_table(list("aaaabbb"), [1, 2, 3, 4, 3, 4, 5], [0.9, 0.9, 0.1, 0.2, 0.3, 0.3, 0.0])
    (found,) = paired_scores(table)
    assert found.shared == 2
    assert_allclose(found.difference, -0.15)


def test_weights_of_items_count_in_paired_scores() -> None:
    table = score_table(list("ababab"), [1, 1, 2, 2, 3, 3], [1, 0, 0, 1, 1, 0], weight=[3, 3, 1, 1, 2, 2])
    (found,) = paired_scores(table)
    assert_allclose(found.difference, (3 - 1 + 2) / 6)
    board = leaderboard(table)
    assert_allclose(found.difference, board["a"].estimate - board["b"].estimate)
    assert_allclose(found.error, board.errors[0, 1])


def test_errors_of_means_and_borda_are_those_of_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4, 300)) + np.arange(4)[:, None] * 0.3
    table = score_table(np.repeat(list("abcd"), 300), np.tile(np.arange(300), 4), x.ravel())
    for method in (Mean(), Borda()):
        found = method(table)
        drawn = resampled(method, table, Bootstrap(250, seed=1))
        assert_allclose(np.sqrt(np.diag(found.covariance)), drawn.std(0), rtol=0.15)


def test_errors_on_matches_are_those_of_the_bootstrap() -> None:
    rng = np.random.default_rng(4)
    first = rng.integers(0, 4, 900)
    second = (first + rng.integers(1, 4, 900)) % 4
    m = matches(first, second, (rng.random(900) < 0.3 + 0.1 * first), item=rng.integers(0, 90, 900))
    for method in (Mean(), Borda()):
        drawn = resampled(method, m, Bootstrap(250, seed=2))
        assert_allclose(np.sqrt(np.diag(method(m).covariance)), drawn.std(0), rtol=0.15)


def test_adjusted_p_values() -> None:
    # The worked examples of R's p.adjust.
    p = [0.01, 0.02, 0.03, 0.04, 0.05]
    assert_allclose(holm(p), [0.05, 0.08, 0.09, 0.09, 0.09])
    assert_allclose(benjamini_hochberg(p), [0.05] * 5)
    assert_allclose(holm([0.04, np.nan, 0.01]), [0.04, np.nan, 0.02])
