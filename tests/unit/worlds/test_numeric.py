import numpy as np
import pytest

from polycritic.core import Candidate, Comparison, PolycriticError, Rating
from polycritic.worlds import bags, cyclic_world, equal_relation, numeric_world


def test_responses_are_the_features_written() -> None:
    world = numeric_world(equal_relation(3, 0.4), 20, features=5, seed=3)
    written = np.array([[float(word) for word in c.response.split(" ")] for c in world.candidates])
    np.testing.assert_array_equal(written, world.features)
    assert world.features.shape == (40, 5)
    assert [c.prompt for c in world.candidates[:4]] == ["point 0", "point 0", "point 1", "point 1"]
    np.testing.assert_allclose(world.truth.values, world.features @ world.weights.T)
    assert repr(world) == f"NumericWorld(3 tasks, 40 candidates, {len(world.rows)} rows)"


def test_same_seed_same_world() -> None:
    a, b, c = (numeric_world(equal_relation(2, 0.5), 10, seed=seed) for seed in (1, 1, 2))
    assert a.rows == b.rows
    assert a.rows != c.rows


def test_every_candidate_is_rated_on_every_task() -> None:
    world = numeric_world(equal_relation(3, 0.0), 30, comparisons=1.0, seed=0)
    ratings = [row for row in world.rows if isinstance(row, Rating)]
    assert len({(row.task, row.candidate) for row in ratings}) == len(ratings) == 3 * 60
    comparisons = [row for row in world.rows if isinstance(row, Comparison)]
    assert len(comparisons) == 3 * 30
    assert all(row.first.prompt == row.second.prompt for row in comparisons)
    none = numeric_world(equal_relation(3, 0.0), 30, comparisons=0.0, seed=0)
    assert all(isinstance(row, Rating) for row in none.rows)


def test_bad_worlds_are_refused() -> None:
    good = equal_relation(2, 0.5)
    for relation in (
        np.ones((2, 3)),
        np.zeros((2, 2)),
        np.array([[1, 2], [2, 1]]),
        np.array([[1, 0.5], [0.1, 1]]),
        np.ones(2),
    ):
        with pytest.raises(PolycriticError, match="bad relation between tasks: expected a correlation matrix"):
            numeric_world(relation, 5, seed=0)
    for bad in ({"features": 1}, {"noise": -1.0}, {"noise": (0.1,)}, {"scales": (1.0,)}, {"comparisons": 2.0}):
        with pytest.raises(PolycriticError, match="bad numeric world: expected n >= 1, 2 or more features"):
            numeric_world(good, 5, seed=0, **bad)  # type: ignore[arg-type]
    with pytest.raises(PolycriticError, match="found n=0"):
        numeric_world(good, 0, seed=0)
    with pytest.raises(PolycriticError, match="bad numeric world"):
        numeric_world(good, 5, noise=float("nan"), seed=0)


def test_bags_keep_means_and_nothing_is_lost() -> None:
    ratings = [
        Rating(task=f"t{i % 2}", candidate=Candidate(f"p{i}", str(i)), value=float(i)) for i in range(21)
    ]  # t0 has 11, t1 has 10
    made = bags(ratings, 4, seed=5)
    assert [len(bag.candidates) for bag in made] == [4, 4, 3, 4, 4, 2]
    for bag in made:
        assert bag.value == np.mean([float(candidate.response) for candidate in bag.candidates])
    assert {candidate for bag in made for candidate in bag.candidates} == {rating.candidate for rating in ratings}
    assert len({bag.group for bag in made}) == 6
    assert made == bags(ratings, 4, seed=5) != bags(ratings, 4, seed=6)
    with pytest.raises(PolycriticError, match="bad bag size: expected 1 or more, found 0"):
        bags(ratings, 0, seed=0)


def test_cycles() -> None:
    world = cyclic_world(4000, contestants=5, strength=0.9, seed=0)
    np.testing.assert_allclose(world.preferences + world.preferences.T, 1.0)
    np.testing.assert_allclose(world.preferences.mean(1), 0.5, err_msg="all are equally good on average")
    wins, games = np.zeros((5, 5)), np.zeros((5, 5))
    for row in world.rows:
        first, second = (world.candidates.index(c) for c in (row.first, row.second))
        wins[first, second] += row.preference
        games[first, second] += 1
    assert games.diagonal().sum() == 0
    apart = ~np.eye(5, dtype=bool)
    bound = 4 * np.sqrt(0.09 / games[apart].min())
    np.testing.assert_allclose(wins[apart] / games[apart], world.preferences[apart], atol=bound)
    assert [c.response for c in world.candidates][1] == "0 1 0 0 0"
    for bad in ({"contestants": 4}, {"contestants": 1}, {"strength": 1.5}):
        with pytest.raises(PolycriticError, match="bad cyclic world: expected an odd number of contestants"):
            cyclic_world(1, seed=0, **bad)  # type: ignore[arg-type]
