"""Length control against scikit-learn, a general optimiser, and the bootstrap."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit

from polycritic.leaderboard import (
    AlpacaEval2,
    AnchorRows,
    MaximumLikelihood,
    head_to_head,
    length_controlled,
)
from polycritic.leaderboard._length_forms import l1_logistic


def world(k: int = 4, n: int = 300, seed: int = 0):
    """System m is worth quality[m]; wordy answers win more."""
    rng = np.random.default_rng(seed)
    quality = np.linspace(-1.0, 0.5, k)
    difficulty = rng.normal(0, 0.7, n)
    base = rng.integers(300, 900, n).astype(float)
    length = base + 200 * rng.normal(size=(k, n)) + np.linspace(-150, 150, k)[:, None]
    gap = base - length
    t = np.tanh(gap / gap.std(1, ddof=1)[:, None])
    chance = expit(-0.8 * t + difficulty + quality[:, None])
    wins = np.clip(chance + rng.normal(0, 0.05, chance.shape), 0, 1)
    system = np.repeat([f"s{m}" for m in range(k)], n)
    item = np.tile([f"i{i:04d}" for i in range(n)], k)
    columns = (system, item, wins.ravel(), length.ravel(), np.tile(base, k))
    return columns, dict(zip(item[:n].tolist(), difficulty.tolist(), strict=True)), quality, t


def test_plain_form_is_the_maximum_of_its_likelihood() -> None:
    columns, difficulty, _, t = world()
    found = length_controlled(*columns, difficulty=difficulty)
    n = 300
    d = np.array([difficulty[i] for i in columns[1][:n]])
    wins = columns[2].reshape(-1, n)
    for m in range(4):
        x = np.column_stack([t[m], d, np.ones(n)])
        best = minimize(lambda w, x=x, y=wins[m]: (np.logaddexp(0, x @ w) - y * (x @ w)).sum(), np.zeros(3), tol=1e-10)
        assert_allclose(found.weights[m], best.x, atol=1e-5)
        assert_allclose(found.board[f"s{m}"].estimate, 100 * expit(x[:, 1:] @ best.x[1:]).mean(), atol=1e-4)


def test_length_control_gives_what_equal_lengths_would() -> None:
    columns, difficulty, quality, _ = world(n=2000, seed=1)
    d = np.array(list(difficulty.values()))
    for given in (difficulty, None):
        found = length_controlled(*columns, difficulty=given)
        truth = np.array([100 * expit(d + q).mean() for q in quality])
        assert np.abs(np.array([found.board[f"s{m}"].estimate for m in range(4)]) - truth).max() < 1.5
        assert abs(found.raw[0] - truth[0]) > 2  # the short one loses by its length


def test_difficulties_are_keyed_by_item_never_by_position() -> None:
    columns, difficulty, _, _ = world(n=100)
    found = length_controlled(*columns, difficulty=difficulty)
    gone = np.ones(400, bool)
    gone[[3, 107, 250]] = False
    order = np.random.default_rng(0).permutation(np.flatnonzero(gone))
    fewer = length_controlled(*(c[order] for c in columns), difficulty=difficulty)
    sorted_fewer = length_controlled(*(c[gone] for c in columns), difficulty=difficulty)
    assert_allclose(fewer.weights, sorted_fewer.weights, atol=1e-10)
    assert_allclose(fewer.weights[3], found.weights[3], atol=1e-10)  # the last system lost no row


def test_l1_form_against_liblinear() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    x = np.column_stack([np.tanh(rng.normal(size=200)), rng.normal(size=200), np.ones(200)])
    y = expit(x @ [-0.7, 0.4, -0.3] + rng.normal(0, 0.3, 200))
    load = rng.uniform(0.2, 1, 200)
    for c in (0.01, 0.1, 1.0, 100.0):
        model = LogisticRegression(
            l1_ratio=1.0, C=c, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=100_000
        )
        model.fit(np.vstack([x, x]), np.repeat([1, 0], 200), sample_weight=np.concatenate([load * y, load * (1 - y)]))
        assert_allclose(l1_logistic(x, y, load, 1 / c, np.zeros(3)), model.coef_[0], atol=2e-5)


def anchored(columns, difficulty):
    rng = np.random.default_rng(5)
    items = tuple(difficulty) * 2
    length = np.concatenate([rng.normal(1, 0.4, len(difficulty)), rng.normal(-1, 0.4, len(difficulty))])
    d = np.array([difficulty[i] for i in items])
    preference = np.clip(expit(-0.5 * np.tanh(length) + d) + rng.normal(0, 0.05, len(items)), 0, 1)
    return AnchorRows(items, preference, length)


@pytest.mark.parametrize("with_anchor", [False, True])
def test_alpaca_eval_form_against_scikit_learn(with_anchor: bool) -> None:
    from sklearn.linear_model import LogisticRegression

    columns, difficulty, _, t = world(k=1, n=200, seed=3)
    anchor = anchored(columns, difficulty) if with_anchor else None
    found = length_controlled(*columns, difficulty=difficulty, form=AlpacaEval2(anchor))
    d = np.array(list(difficulty.values()))
    x, y, load = np.column_stack([t[0], d, np.ones(200)]), columns[2], np.ones(200)
    if anchor is not None:
        extra = np.column_stack([np.tanh(anchor.length), np.tile(d, 2), np.zeros(400)])
        x, y = np.vstack([extra, x]), np.concatenate([anchor.preference, y])
        load = np.concatenate([np.full(400, 0.1), load])

    def fitted(rows: np.ndarray, c: float) -> np.ndarray:
        model = LogisticRegression(
            l1_ratio=1.0, C=c, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=100_000
        )
        labels = np.repeat([1, 0], len(rows))
        weight = np.concatenate([load[rows] * y[rows], load[rows] * (1 - y[rows])])
        return model.fit(np.vstack([x[rows], x[rows]]), labels, sample_weight=weight).coef_[0]

    every, grid = np.arange(len(y)), np.logspace(-4, 4, 10)
    losses = np.zeros(10)
    for f in range(5):
        out = every % 5 == f
        for g, c in enumerate(grid):
            eta = x[out] @ fitted(every[~out], float(c))
            losses[g] += (load[out] * (np.logaddexp(0, eta) - y[out] * eta)).mean()
    assert_allclose(found.weights[0], fitted(every, float(grid[losses.argmin()])), atol=1e-4)


def test_anchor_rows_tie_the_length_weight_down() -> None:
    # A system whose long answers are also its good ones: without the anchor all of that counts as length.
    rng = np.random.default_rng(6)
    difficulty = {f"i{i}": 0.0 for i in range(300)}
    gap = rng.normal(size=300)
    wins = expit(-1.5 * np.tanh(gap / gap.std(ddof=1)))
    anchor = AnchorRows(tuple(difficulty) * 2, np.full(600, 0.5), np.repeat([1.0, -1.0], 300))
    columns = (["m"] * 300, list(difficulty), wins, -gap, np.zeros(300))
    free = length_controlled(*columns, difficulty=difficulty, form=AlpacaEval2())
    tied = length_controlled(*columns, difficulty=difficulty, form=AlpacaEval2(anchor, strength=2.0))
    assert abs(tied.weights[0, 0]) < 0.6 * abs(free.weights[0, 0])


def test_delta_method_errors_are_those_of_the_bootstrap() -> None:
    columns, difficulty, _, _ = world(k=2, n=250, seed=7)
    rng = np.random.default_rng(17)
    columns = (*columns[:2], (rng.random(500) < columns[2]).astype(float), *columns[3:])  # a judge that decides
    found = length_controlled(*columns, difficulty=difficulty)
    rng = np.random.default_rng(8)
    rates, duels = [], []
    cells = [c.reshape(2, 250) for c in columns]
    for _ in range(200):
        drawn = rng.integers(0, 250, 250)
        item = np.array([f"{i}" for i in range(250)])
        d = {str(j): difficulty[str(cells[1][0, i])] for j, i in enumerate(drawn)}
        again = length_controlled(
            np.repeat(["s0", "s1"], 250), np.tile(item, 2), *(c[:, drawn].ravel() for c in cells[2:]), difficulty=d
        )
        rates.append([again.board[s].estimate for s in ("s0", "s1")])
        duels.append(head_to_head(again, "s0", "s1").value)
    assert_allclose([found.board[s].error for s in ("s0", "s1")], np.std(rates, axis=0), rtol=0.15)
    duel = head_to_head(found, "s0", "s1")
    assert_allclose((duel.high - duel.low) / (2 * 1.96), np.std(duels), rtol=0.15)
    # The spread of predictions alone, which others publish, is far too small.
    d = np.array([difficulty[i] for i in found.items])
    alone = 100 * expit(found.weights[0, 1] * d + found.weights[0, 2]).std() / np.sqrt(250)
    assert found.board["s0"].error > 1.8 * alone


def test_two_forms_agree_on_plenty_of_data() -> None:
    columns, difficulty, _, _ = world(n=1000, seed=9)
    plain = length_controlled(*columns, difficulty=difficulty, form=MaximumLikelihood())
    exact = length_controlled(*columns, difficulty=difficulty, form=AlpacaEval2())
    for m in range(4):
        assert abs(plain.board[f"s{m}"].estimate - exact.board[f"s{m}"].estimate) < 0.3
        assert_allclose(plain.board[f"s{m}"].error, exact.board[f"s{m}"].error, rtol=0.05)
