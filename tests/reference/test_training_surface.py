"""The surface term's start, against scikit-learn and against a plain numerical maximum."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from polycritic.core import Binary, Candidate, Comparison, Interval, Rating, Task, Utility
from polycritic.critic import Critic
from polycritic.critic.backbones import Words
from polycritic.tasks import render
from polycritic.training import Recipe, train
from polycritic.training._hierarchical import (
    _INTERCEPT,
    _SHARED,
    HierarchicalWeights,
    Shares,
    best_penalties,
    hierarchical_logistic,
)
from polycritic.training._surface import fit_surface

RNG = np.random.default_rng(0)


def nothing(k: int, families: int, tasks: int) -> HierarchicalWeights:
    return HierarchicalWeights(np.zeros(k), np.zeros((families, k)), np.zeros((tasks, k)), np.zeros(tasks))


def test_one_task_is_a_ridge_regression() -> None:
    # Three equal parts of one weight share a penalty as resistors in parallel do.
    x = RNG.normal(size=(300, 4))
    y = (RNG.random(300) < 1 / (1 + np.exp(-x @ [1.0, -2.0, 0.0, 0.5]))).astype(float)
    zeros = np.zeros(300, dtype=np.int64)
    fit = hierarchical_logistic(Shares(x, y, np.ones(300), zeros, np.zeros(300)), zeros[:1], nothing(4, 1, 1), 0.5)
    penalty = 1 / (1 / _SHARED + 1 / 0.5 + 1 / 0.5)
    reference = LogisticRegression(C=1 / (2 * penalty), fit_intercept=False, tol=1e-10).fit(x, y)
    assert_allclose(fit.shared + fit.family[0] + fit.task[0], reference.coef_[0], atol=2e-3)


def test_many_tasks_against_a_numerical_maximum() -> None:
    n, k, family = 60, 2, np.array([0, 0, 1])
    x, y, weight = RNG.normal(size=(n, k)), RNG.random(n), RNG.random(n)
    task, own = RNG.integers(0, 3, n), (RNG.random(n) < 0.5).astype(float)
    prior = HierarchicalWeights(RNG.normal(size=k), RNG.normal(size=(2, k)), RNG.normal(size=(3, k)), np.zeros(3))
    start = np.concatenate([prior.shared, prior.family.ravel(), prior.task.ravel(), prior.intercept])

    def cost(flat: np.ndarray) -> float:
        shared, families, tasks, intercept = flat[:2], flat[2:6].reshape(2, 2), flat[6:12].reshape(3, 2), flat[12:]
        total = 0.0
        for i in range(n):
            t = task[i]
            u = (shared + families[family[t]] + tasks[t]) @ x[i] + own[i] * intercept[t]
            total += weight[i] * (np.log1p(np.exp(u)) - y[i] * u)
        change = flat - start
        return float(
            total
            + _SHARED * (change[:2] ** 2).sum()
            + 0.6 * (change[2:6] ** 2).sum()
            + 0.2 * (change[6:12] ** 2).sum()
            + _INTERCEPT * (change[12:] ** 2).sum()
        )

    fit = hierarchical_logistic(Shares(x, y, weight, task, own), family, prior, 0.2, 3.0)
    ours = np.concatenate([fit.shared, fit.family.ravel(), fit.task.ravel(), fit.intercept])
    best = minimize(cost, start, method="BFGS", options={"gtol": 1e-7})
    assert cost(ours) == pytest.approx(best.fun, abs=1e-6)
    assert_allclose(ours, best.x, atol=5e-3)


def planted(moved: float, tasks: int = 8, each: int = 60) -> tuple[Shares, np.ndarray]:
    """Tasks whose weights lie this far from each other."""
    rng = np.random.default_rng(3)
    task = np.repeat(np.arange(tasks), each)
    weights = np.array([1.0, -1.0, 0.5]) + moved * rng.normal(size=(tasks, 3))
    x = rng.normal(size=(len(task), 3))
    y = (rng.random(len(task)) < 1 / (1 + np.exp(-(x * weights[task]).sum(axis=1)))).astype(float)
    return Shares(x, y, np.ones(len(task)), task, np.zeros(len(task))), np.zeros(tasks, dtype=np.int64)


def test_tasks_borrow_more_the_more_alike_they_are() -> None:
    (alike, family), (apart, _) = planted(0.0), planted(3.0)
    prompts = np.arange(len(alike.y))
    prior = nothing(3, 1, 8)
    assert best_penalties(alike, family, prior, prompts)[0] == 1.0
    assert best_penalties(apart, family, prior, prompts)[0] <= 0.1
    assert best_penalties(alike, family, prior, prompts // 16)[0] == 0.3  # 30 prompts are too few to say


def test_the_penalty_is_the_one_that_predicts_what_is_left_out() -> None:
    rows, family = planted(0.7)
    prompts, prior = np.arange(len(rows.y)), nothing(3, 1, 8)
    penalty, dearer = best_penalties(rows, family, prior, prompts)

    def held_out(penalty: float) -> float:
        total = 0.0
        for fold in range(5):
            fit = hierarchical_logistic(rows.select(prompts % 5 != fold), family, prior, penalty, dearer)
            for i in np.flatnonzero(prompts % 5 == fold):
                p = 1 / (1 + np.exp(-(fit.shared + fit.family[0] + fit.task[rows.task[i]]) @ rows.x[i]))
                total -= np.log(p if rows.y[i] else 1 - p)
        return total

    assert penalty == min((0.01, 0.03, 0.1, 0.3, 1.0), key=held_out)


@pytest.mark.parametrize(("of_family", "of_task", "expected"), [(1.5, 0.1, (1.0,)), (0.0, 1.0, (10.0, 30.0))])
def test_families_count_where_their_tasks_are_alike(
    of_family: float, of_task: float, expected: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(5)
    families, tasks, each = 6, 24, 80
    family, task = np.arange(tasks) % families, np.repeat(np.arange(tasks), each)
    weights = of_family * rng.normal(size=(families, 3))[family] + of_task * rng.normal(size=(tasks, 3))
    x = rng.normal(size=(len(task), 3))
    base = rng.normal(size=tasks)  # outcomes: each task has a rate of its own
    y = (rng.random(len(task)) < 1 / (1 + np.exp(-(x * weights[task]).sum(axis=1) - base[task]))).astype(float)
    rows = Shares(x, y, np.ones(len(task)), task, np.ones(len(task)))
    _, dearer = best_penalties(rows, family, nothing(3, families, tasks), np.arange(len(task)))
    assert dearer in expected


def test_of_few_tasks_families_are_not_tried() -> None:
    rows, _ = planted(0.7)
    alone = np.arange(8)
    assert best_penalties(rows, alone, nothing(3, 8, 8), np.arange(len(rows.y)))[1] == 1.0


def longer_is_better(task: str, n: int) -> list[Comparison]:
    sizes = RNG.integers(1, 60, size=(n, 2))
    return [
        Comparison(
            task=task,
            first=Candidate("p", "w " * int(a)),
            second=Candidate("p", "w " * int(b)),
            preference=float(np.clip(0.5 + 0.5 * np.sign(a - b), 0, 1)),
        )
        for a, b in sizes
    ]


def test_a_critic_starts_with_what_the_rows_say_about_length() -> None:
    tasks = [Task("people/a"), Task("people/b")]
    critic = Critic(tasks, Words())
    fit_surface(critic, longer_is_better("people/a", 60))
    values = critic.score([Candidate("p", "w " * 50), Candidate("p", "w")], [*tasks, Task("people/c")]).values
    assert (values[0] > values[1] + 1.0).all()  # its family as well, known or not


def test_heads_start_at_the_mean_of_their_labels() -> None:
    tasks = [Task("b", scale=Binary()), Task("i", scale=Interval(0, 10)), Task("u", scale=Utility())]
    critic = Critic(tasks, Words(), surface=False)
    candidate = Candidate("p", "r")
    rows = [
        *(Rating(task="b", candidate=candidate, value=v) for v in (1.0, 1.0, 1.0, 0.0)),
        *(Rating(task="i", candidate=candidate, value=v) for v in (2.0, 3.0)),
        *(Rating(task="u", candidate=candidate, value=v) for v in (-50.0, 70.0)),
    ]
    fit_surface(critic, rows)
    critic.described.content.weight.data.zero_()
    b, i, _ = critic.score([candidate], tasks).values[0]
    assert b == pytest.approx(0.75, abs=0.01)
    assert i == pytest.approx(2.5, abs=0.05)
    assert not critic.surface.shared.any()


def test_a_trained_critic_is_not_started_anew() -> None:
    """Its weights are drawn towards what they were: the regression's own fit from there, on the new row alone."""
    critic = Critic([Task("people/a")], Words())
    list(train(critic, longer_is_better("people/a", 60), Recipe(steps=3)))
    critic.add_tasks([Task("other")])
    term = critic.surface
    before = [p.detach().double().numpy().copy() for p in (term.shared, term.family, term.task)]
    first, second = Candidate("p", "a b"), Candidate("p", "a")
    fit_surface(critic, [Comparison(task="other", first=first, second=second, preference=0.0)])

    x, y = (np.array(critic.backbone.surface(render(Task("other"), c))) for c in (first, second))
    row = Shares((x - y)[None], np.zeros(1), np.ones(1), np.ones(1, dtype=np.int64), np.zeros(1))
    prior = HierarchicalWeights(*before, np.zeros(2))
    expected = hierarchical_logistic(row, np.array([0, 1]), prior)
    for now, then in ((term.shared, expected.shared), (term.family, expected.family), (term.task, expected.task)):
        assert_allclose(now.detach().numpy(), then, rtol=1e-4, atol=1e-5)
    weights = term.weights([Task("people/a"), Task("people/new"), Task("other")]).detach().double().numpy()
    long, short = (np.array(critic.backbone.surface(render(Task("other"), Candidate("p", "w " * n)))) for n in (40, 2))
    assert (weights[:2] @ (long - short) > 1.0).all()  # where longer was better it still is
    assert np.abs(expected.shared - before[0]).max() > 0.01  # though all have learnt a little
