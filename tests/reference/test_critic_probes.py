"""Probes against scikit-learn, and on worlds whose truth is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import expit, logit

from polycritic.core import Binary, Candidate, Comparison, FloatArray, Interval, PolycriticError, Rating, Scores, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Numbers, Words
from polycritic.critic.probes import (
    Gated,
    Person,
    Population,
    Probed,
    Reasoner,
    fit_gate,
    fit_population,
    logistic_probe,
    naive_bayes_probe,
    synthetic_tasks,
    train_reasoner,
)


def planted(n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    return x, (rng.random(n) < expit(2 * x[:, 0] - x[:, 1])).astype(float)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 10.0])
def test_the_logistic_probe_is_scikit_learns(penalty: float) -> None:
    from sklearn.linear_model import LogisticRegression

    (x, y), (z, _) = planted(80), planted(20, seed=1)
    size = np.sqrt(((x - x.mean(0)) ** 2).mean())
    peer = LogisticRegression(C=1.0 / penalty, tol=1e-8, max_iter=1000).fit((x - x.mean(0)) / size, y)
    assert_allclose(logistic_probe(x, y, penalty)(z), peer.predict_proba((z - x.mean(0)) / size)[:, 1], atol=1e-5)
    with pytest.raises(PolycriticError, match="bad penalty"):
        logistic_probe(x, y, 0.0)


def test_naive_bayes_without_a_pull_is_scikit_learns() -> None:
    from sklearn.naive_bayes import GaussianNB

    (x, y), (z, _) = planted(80), planted(20, seed=1)
    assert_allclose(
        naive_bayes_probe(x, y, pull=0.0)(z), GaussianNB(var_smoothing=0.0).fit(x, y).predict_proba(z)[:, 1], atol=1e-8
    )
    shared = logit(naive_bayes_probe(x, y, pull=1e9)(z))  # one width for both kinds: linear
    design = np.column_stack([z, np.ones(20)])
    assert_allclose(shared, design @ np.linalg.lstsq(design, shared)[0], rtol=1e-5)


def test_shares_count_as_parts_of_examples() -> None:
    x, y = planted(40)
    doubled, said = np.concatenate([x, x[:1]]), np.concatenate([y, [1.0 - y[0]]])
    half = y.copy()
    half[0] = 0.5
    z = planted(5, seed=2)[0]
    # an example of half a kind each is, but for its weight, one of each kind
    weighted = naive_bayes_probe(np.repeat(x, 2, 0), np.repeat(half, 2), pull=0.0)(z)
    split = naive_bayes_probe(
        np.concatenate([np.repeat(x[1:], 2, 0), doubled[[0, -1]]]),
        np.concatenate([np.repeat(y[1:], 2), said[[0, -1]]]),
        pull=0.0,
    )(z)
    assert_allclose(weighted, split, atol=1e-8)


def test_synthetic_tasks_are_as_stated() -> None:
    x, y, log_odds = synthetic_tasks(400, 200, 3, seed=0)
    assert (x**2).mean() == pytest.approx(1.0, abs=0.02)
    bins = np.clip(((log_odds + 4) / 2).astype(int), 0, 4)
    for b in range(1, 4):
        assert y[bins == b].mean() == pytest.approx(expit(log_odds[bins == b]).mean(), abs=0.02)


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    made = Reasoner(components=3, width=32, layers=2, seed=0)
    train_reasoner(made, steps=350, tasks=32, most=32, rate=4e-3, seed=0)
    return made


def nats(p: FloatArray, log_odds: FloatArray) -> float:
    """The expected loss of stated probabilities where the truth is known."""
    p, truth = np.clip(p, 1e-6, 1 - 1e-6), expit(log_odds)
    return float(-(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean())


def test_a_reasoner_judges_new_tasks_about_as_well_as_a_fitted_probe(reasoner: Reasoner) -> None:
    """Tasks of a seed it never saw: beside the fitted probe's, its loss is no worse; knowing nothing costs 0.693."""
    x, y, log_odds = synthetic_tasks(60, 16 + 30, 3, seed=10**9)
    read, fitted = [], []
    for k in range(60):
        read.append(nats(reasoner(x[k, :16], y[k, :16])(x[k, 16:]), log_odds[k, 16:]))
        fitted.append(nats(logistic_probe(x[k, :16], y[k, :16])(x[k, 16:]), log_odds[k, 16:]))
    assert np.mean(read) < 0.6
    assert np.mean(read) < np.mean(fitted) + 0.02


def test_the_reasoner_of_the_package_beats_a_fitted_probe_after_few_examples() -> None:
    reasoner = Reasoner.pretrained()
    x, y, log_odds = synthetic_tasks(40, 8 + 40, 8, seed=10**9)
    read, fitted = (
        [nats(reader(x[k, :8], y[k, :8])(x[k, 8:]), log_odds[k, 8:]) for k in range(40)]
        for reader in (reasoner, logistic_probe)
    )
    assert np.mean(read) < 0.66
    assert np.mean(read) < np.mean(fitted) - 0.03
    assert not reasoner.training


def test_a_reasoner_is_saved_and_loaded(reasoner: Reasoner, tmp_path: Path) -> None:
    x, y, _ = synthetic_tasks(1, 20, 5, seed=3)
    reasoner.save(tmp_path / "reasoner")
    again = Reasoner.load(tmp_path / "reasoner")
    assert_allclose(again(x[0, :10], y[0, :10])(x[0]), reasoner(x[0, :10], y[0, :10])(x[0]), atol=1e-6)
    with pytest.raises(PolycriticError, match="not a reasoner's folder"):
        Reasoner.load(tmp_path)


def test_a_probe_judges_a_task_that_its_critic_never_heard_of(reasoner: Reasoner) -> None:
    task = Task("right", scale=Binary())
    x, y = planted(300)
    x = x * [2.0, 1.5, 0.5, 0.3]  # it reads three components: what tells right from wrong is among them
    points = [Candidate("", " ".join(f"{v:.4f}" for v in row)) for row in x]
    rows = [Rating(task="right", candidate=c, value=v) for c, v in zip(points, y, strict=True)]
    critic = Critic([], Numbers(4))
    for reader in (logistic_probe, naive_bayes_probe, reasoner):
        judge = Probed(critic, task, rows[:40], reader)
        scores = judge.score(points[40:], [task])
        assert ((scores.values[:, 0] > 0.5) == y[40:]).mean() > 0.72
        assert scores.spread is not None
        assert_allclose(scores.spread, np.sqrt(scores.values * (1 - scores.values)))
        assert judge.score([], [task]).values.shape == (0, 1)
        with pytest.raises(PolycriticError, match="knows one task"):
            judge.score(points[:1], [Task("other", scale=Binary())])
    with pytest.raises(PolycriticError, match="no examples"):
        Probed(critic, task, [], logistic_probe)
    with pytest.raises(PolycriticError, match="right or wrong"):
        Probed(critic, Task("right"), rows, logistic_probe)


def people(count: int, judgements: int, seed: int) -> tuple[list[Comparison], FloatArray]:
    """Two camps of opposite taste in one direction, of one mind in another; (p, d) what each person's features are worth."""
    rng = np.random.default_rng(seed)
    camp = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    taste = np.column_stack([3.0 * camp, np.full(count, 1.0), np.zeros((count, 2))])
    rows = []
    for a in range(count):
        x = rng.standard_normal((judgements, 2, 4)).round(3)
        said = rng.random(judgements) < expit((x[:, 0] - x[:, 1]) @ taste[a])
        points = [[Candidate("", " ".join(map(str, row))) for row in pair] for pair in x]
        rows += [
            Comparison(task="t", first=first, second=second, preference=float(w), source=f"person {a}")
            for (first, second), w in zip(points, said, strict=True)
        ]
    return rows, taste


def test_a_population_knows_a_new_person_by_a_few_judgements() -> None:
    task, critic = Task("t"), Critic([Task("t")], Numbers(4))
    rows, _ = people(40, 20, seed=0)
    population = fit_population(critic, rows, task, rank=2, steps=300, seed=0)
    new, taste = people(16, 60, seed=1)
    right: dict[int, list[float]] = {0: [], 8: []}
    unsure: dict[int, list[float]] = {0: [], 8: []}
    for a in range(16):
        own = new[60 * a : 60 * (a + 1)]
        x = np.array([[[float(v) for v in c.response.split()] for c in (r.first, r.second)] for r in own])
        better = (x[:, 0] - x[:, 1]) @ taste[a] > 0
        for known in right:
            person = Person(critic, population, task, own[:known])
            pairs = [(r.first, r.second) for r in own[8:]]
            right[known].append(float(((person.compare(pairs, task) > 0.5) == better[8:]).mean()))
            spread = person.score([r.first for r in own[8:]], [task]).spread
            assert spread is not None
            unsure[known].append(float(spread.mean()))
    assert np.mean(right[0]) < 0.7  # of a stranger it knows only what all agree on
    assert np.mean(right[8]) > 0.85
    assert bool((np.array(unsure[8]) < unsure[0]).all())
    first, second = pairs[0]
    assert_allclose(person.compare([(second, first)], task), 1 - person.compare([(first, second)], task), atol=1e-6)
    values = person.score([first, second], [task]).of(task)
    assert (values[0] > values[1]) == (person.compare([(first, second)], task)[0] > 0.5)


def test_the_posterior_of_a_person_is_the_exact_one_nearly() -> None:
    """One hidden number can be integrated on a grid."""
    task, critic = Task("t"), Critic([Task("t")], Numbers(4))
    population = fit_population(critic, people(60, 20, seed=0)[0], task, rank=1, steps=400, seed=0)
    taste, direction = population.taste.detach().numpy(), population.directions.detach().numpy()[0]
    new, grid = people(30, 6, seed=1)[0], np.linspace(-5, 5, 801)
    exact, inferred = [], []
    for a in range(30):
        own = new[6 * a : 6 * (a + 1)]
        person = Person(critic, population, task, own)
        x = np.array([[[float(v) for v in c.response.split()] for c in (r.first, r.second)] for r in own])
        lead = (x[:, 0] - x[:, 1]) / float(population.size) * np.array([[2 * r.preference - 1] for r in own])
        log_p = -0.5 * grid**2 - np.logaddexp(0, -(lead @ taste)[:, None] - np.outer(lead @ direction, grid)).sum(0)
        p = np.exp(log_p - log_p.max()) / np.exp(log_p - log_p.max()).sum()
        exact.append([p @ grid, p @ grid**2 - (p @ grid) ** 2])
        inferred.append([float(person.mean[0]), float(person.variance[0])])
    (mean, variance), (said_mean, said_variance) = np.array(exact).T, np.array(inferred).T
    assert np.corrcoef(mean, said_mean)[0, 1] > 0.95
    assert np.abs(mean - said_mean).mean() < 0.2
    assert np.abs(np.log(said_variance / variance)).mean() < 0.5


def test_a_population_is_saved_and_loaded(tmp_path: Path) -> None:
    population = Population(4, rank=2, width=8, seed=3)
    with torch.no_grad():
        population.size.fill_(2.0)
        population.taste.normal_(generator=torch.Generator().manual_seed(0))
    population.save(tmp_path / "people")
    critic, task = Critic([Task("t")], Numbers(4)), Task("t")
    points = [Candidate("", "1 2 3 4"), Candidate("", "0 1 0 2")]
    said = [Comparison(task="t", first=points[0], second=points[1])]
    again = Population.load(tmp_path / "people")
    ann, bob = (Person(critic, some, task, said) for some in (population, again))
    assert_allclose(bob.score(points, [task]).values, ann.score(points, [task]).values)
    assert_allclose(bob.score(points, [task]).spread, ann.score(points, [task]).spread)
    with pytest.raises(PolycriticError, match="not a population's folder"):
        Population.load(tmp_path)


def test_a_population_needs_people() -> None:
    critic = Critic([Task("t")], Numbers(4))
    rows, _ = people(1, 4, seed=0)
    with pytest.raises(PolycriticError, match=r"two people or more.*person 0"):
        fit_population(critic, rows, Task("t"))
    with pytest.raises(PolycriticError, match="no rows of the task"):
        fit_population(critic, rows, Task("other"))


class Stated(Critic):
    """A critic whose scores of attributes are read off the response: what a gate is fitted on is then exactly known."""

    def score(self, candidates: list[Candidate], tasks: list[Task], /) -> Scores:  # type: ignore[override]
        values = np.array([[float(v) for v in c.response.split()] for c in candidates])
        return Scores(tuple(tasks), values, np.full_like(values, 0.5))


def test_a_gate_learns_which_attribute_a_prompt_asks_for() -> None:
    attributes, task = [Task("q/facts", scale=Interval(0, 4)), Task("q/fun", scale=Interval(0, 4))], Task("q")
    rng = np.random.default_rng(0)

    def row(kind: str) -> Comparison:
        values = rng.uniform(0, 4, (2, 2)).round(2)
        better = values[0] - values[1]
        prompt = f"{kind} {rng.choice(['one', 'two', 'three'])}"
        first, second = (Candidate(prompt, f"{a} {b}") for a, b in values)
        return Comparison(
            task="q", first=first, second=second, preference=float(better[0 if kind == "explain" else 1] > 0)
        )

    rows = [row("explain" if i % 2 else "joke") for i in range(300)]
    critic = Stated([*attributes, task], Words(dim=16))
    equal = Gated(critic, attributes, task, fit_gate(critic, attributes, task, rows[:1], steps=0).gate)
    assert_allclose(equal.weights([rows[0].first]), 0.5)
    judge = fit_gate(critic, attributes, task, rows[:200])
    weights = judge.weights([Candidate("explain two", "1 1"), Candidate("joke four", "1 1")])
    assert weights[0, 0] > 0.8
    assert weights[1, 1] > 0.8

    def accuracy(one: Gated) -> float:
        values = one.score([c for r in rows[200:] for c in (r.first, r.second)], [task]).of(task)
        return float(((values[0::2] > values[1::2]) == [r.preference == 1 for r in rows[200:]]).mean())

    assert accuracy(judge) > 0.9
    assert accuracy(equal) < 0.8
    score = judge.score([Candidate("joke two", "4 0")], [task])
    w = judge.size * judge.weights([Candidate("joke two", "4 0")])[0]
    assert score.values[0, 0] == pytest.approx(w[0])
    assert score.spread is not None
    assert score.spread[0, 0] == pytest.approx(np.hypot(*w) * 0.5 / 4)


def test_a_gate_is_saved_and_loaded(tmp_path: Path) -> None:
    attributes = [Task("q/help", scale=Interval(0, 1)), Task("q/brief", scale=Interval(0, 1))]
    critic, task = Critic(attributes, Words(dim=8)), Task("q")
    rows = [Comparison(task="q", first=Candidate("Why?", "Because."), second=Candidate("Why?", "No."))]
    judge = fit_gate(critic, attributes, task, rows, steps=3)
    judge.save(tmp_path / "gate")
    again = Gated.load(critic, tmp_path / "gate")
    assert again.attributes == tuple(attributes)
    assert_allclose(again.score([rows[0].first], [task]).values, judge.score([rows[0].first], [task]).values)
    assert_allclose(again.weights([rows[0].first]), judge.weights([rows[0].first]))
    with pytest.raises(PolycriticError, match="not a gate's folder"):
        Gated.load(critic, tmp_path)


def test_a_gate_does_not_see_the_response() -> None:
    critic = Critic([Task("q/a"), Task("q/b")], Words(dim=8))
    rows = [
        Comparison(task="q", first=Candidate(p, "yes"), second=Candidate(p, "no"), preference=float(len(p) > 3))
        for p in ("long prompt", "abc", "other one", "x")
    ]
    judge = fit_gate(critic, critic.tasks, Task("q"), rows, steps=30)
    one, other = judge.weights([Candidate("abc", "yes"), Candidate("abc", "something else")])
    assert_allclose(one, other)
    with pytest.raises(PolycriticError, match="no comparisons"):
        fit_gate(critic, critic.tasks, Task("q"), [])
    with pytest.raises(PolycriticError, match="two attributes or more"):
        fit_gate(critic, critic.tasks[:1], Task("q"), rows)
