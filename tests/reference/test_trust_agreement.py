"""Agreement and label models against published values, scikit-learn and direct maximisation."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.metrics import cohen_kappa_score

from polycritic.trust import (
    Annotations,
    absolute_disagreement,
    annotations_from_table,
    best_label_purchase,
    cohen_kappa,
    dawid_skene,
    fleiss_kappa,
    glad,
    interval_disagreement,
    krippendorff_alpha,
    mace,
    majority_accuracy,
    majority_vote,
    nominal_disagreement,
    ordinal_disagreement,
    ratio_disagreement,
)

X = np.nan
# Krippendorff (2011): four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
        [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
    ]
).T
# The table of Wikipedia's article on Fleiss' kappa: fourteen people, ten items, five classes.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


@pytest.mark.parametrize(
    ("disagreement", "expected"),
    [
        (nominal_disagreement, 0.74342),
        (ordinal_disagreement, 0.81539),
        (interval_disagreement, 0.84911),
        (ratio_disagreement, 0.79740),
    ],
)
def test_krippendorffs_example(disagreement, expected: float) -> None:
    assert_allclose(krippendorff_alpha(KRIPPENDORFF, disagreement), expected, atol=5e-6)


def test_fleiss_example() -> None:
    assert_allclose(fleiss_kappa(FLEISS), 0.20993, atol=5e-6)


def test_cohen_example() -> None:
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert_allclose(cohen_kappa(first, second), 0.4, atol=1e-12)


@pytest.mark.parametrize(
    ("disagreement", "weights"),
    [(nominal_disagreement, None), (absolute_disagreement, "linear"), (interval_disagreement, "quadratic")],
)
def test_cohen_equals_scikit_learn(disagreement, weights) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5, 200)
    b = np.clip(a + rng.integers(-1, 2, 200), 0, 4)
    assert_allclose(cohen_kappa(a, b, disagreement), cohen_kappa_score(a, b, weights=weights), atol=1e-12)


def test_krippendorff_by_its_definition_over_pairs() -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(0, 4, (15, 4)).astype(float)
    table[rng.random((15, 4)) < 0.25] = X
    kept = [row[~np.isnan(row)] for row in table if (~np.isnan(row)).sum() > 1]
    everything = np.concatenate(kept)
    n = len(everything)
    observed = sum(((u[:, None] - u[None, :]) ** 2).sum() / (len(u) - 1) for u in kept) / n
    expected = ((everything[:, None] - everything[None, :]) ** 2).sum() / (n * (n - 1))
    assert_allclose(krippendorff_alpha(table, interval_disagreement), 1 - observed / expected, atol=1e-12)


def simulate(seed: int, n: int = 300, k: int = 2, common: float = 0.0) -> tuple[np.ndarray, Annotations]:
    """Seven people of very different skill; some labels missing."""
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(n) < common, 0, rng.integers(0, k, n))
    skill = np.array([0.95, 0.9, 0.85, 0.6, 0.55, 0.55, 0.5])
    right = rng.random((n, 7)) < skill
    table = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, (n, 7))) % k).astype(float)
    table[rng.random((n, 7)) < 0.2] = X
    table[np.isnan(table).all(axis=1), 0] = 0
    return truth, annotations_from_table(table, classes=k)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("model", [dawid_skene, glad, mace])
def test_label_models_beat_the_majority(model, k: int) -> None:
    truth, annotations = simulate(0, k=k)
    majority = (majority_vote(annotations).argmax(axis=1) == truth).mean()
    assert (model(annotations).posterior.argmax(axis=1) == truth).mean() > majority + 0.01


def test_dawid_skene_reaches_the_greatest_likelihood() -> None:
    """Against direct maximisation of the marginal likelihood by SciPy from the truth's neighbourhood."""
    _, annotations = simulate(1, n=60, common=0.7)
    n, m, k = annotations.shape
    item, who, label = annotations.item, annotations.annotator, annotations.label

    def minus(flat: np.ndarray) -> float:
        prior = np.exp(flat[:k]) / np.exp(flat[:k]).sum()
        confusion = np.exp(flat[k:].reshape(m, k, k))
        confusion /= confusion.sum(axis=2, keepdims=True)
        joint = np.tile(np.log(prior), (n, 1))
        np.add.at(joint, item, np.log(confusion[who, :, label]))
        return -np.logaddexp.reduce(joint, axis=1).sum()

    start = np.concatenate([np.zeros(k), np.tile(np.eye(k), (m, 1, 1)).ravel()])
    peer = minimize(minus, start, method="L-BFGS-B", bounds=[(-12, 12)] * len(start), options={"maxfun": 100_000})
    found = dawid_skene(annotations, tolerance=1e-12, steps=20_000)
    assert_allclose(found.log_likelihood[-1], -peer.fun, atol=2e-2)
    assert found.log_likelihood[-1] >= -peer.fun - 2e-2


@pytest.mark.parametrize("k", [2, 4])
def test_glad_ends_where_expectation_maximisation_stands_still(k: int) -> None:
    """At the optimum the gradient of the expected complete log-likelihood plus log prior is zero."""
    _, annotations = simulate(5, n=50, k=k)
    found = glad(annotations, tolerance=1e-15)
    item, who, label = annotations.item, annotations.annotator, annotations.label
    log_joint = np.zeros((50, k))
    right = 1 / (1 + np.exp(-found.ability[who] * found.ease[item]))
    for c in range(k):
        np.add.at(log_joint[:, c], item, np.log(np.where(label == c, right, (1 - right) / (k - 1))))
    posterior = np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=1, keepdims=True))
    assert_allclose(found.posterior, posterior, atol=1e-9)
    slope = posterior[item, label] - right
    for j in range(7):
        assert_allclose((slope * found.ease[item])[who == j].sum(), found.ability[j] - 1, atol=2e-4)
    for i in range(50):
        own = (slope * found.ability[who] * found.ease[item])[item == i].sum()
        assert_allclose(own, np.log(found.ease[i]), atol=2e-4)


@pytest.mark.parametrize("name", ["dawid_skene", "glad", "mace"])
def test_label_models_never_lose_ground(name: str) -> None:
    model = {"dawid_skene": dawid_skene, "glad": glad, "mace": mace}[name]
    found = model(simulate(2)[1])
    history = found.log_likelihood if name == "dawid_skene" else found.objective
    assert len(history) > 3
    assert (np.diff(history) > -1e-6).all()


def test_mace_finds_who_guesses_and_how() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 2000)
    theta, xi = np.array([0.9, 0.7, 0.3]), np.array([[1 / 3] * 3, [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    copies = rng.random((2000, 3)) < theta
    guesses = np.stack([rng.choice(3, 2000, p=p) for p in xi], axis=1)
    found = mace(annotations_from_table(np.where(copies, truth[:, None], guesses).astype(float)))
    assert_allclose(found.competence, theta, atol=0.06)
    assert_allclose(found.guesses[1:], xi[1:], atol=0.08)


def test_glad_orders_people_and_items() -> None:
    rng = np.random.default_rng(4)
    n, m = 400, 12
    truth, ability, ease = rng.integers(0, 2, n), np.linspace(0.2, 3, m), np.exp(rng.normal(size=n))
    right = rng.random((n, m)) < 1 / (1 + np.exp(-ability * ease[:, None]))
    found = glad(annotations_from_table(np.where(right, truth[:, None], 1 - truth[:, None]).astype(float)))
    assert np.corrcoef(found.ability, ability)[0, 1] > 0.9
    assert np.corrcoef(np.log(found.ease), np.log(ease))[0, 1] > 0.4


def test_label_quantity_against_quality_known_answers() -> None:
    people = np.array([1, 3, 5])
    worth = (2 * majority_accuracy(0.7, people) - 1) ** 2
    assert_allclose((worth / people)[:2], [0.160, 0.108], atol=5e-4)
    assert_allclose(worth / (2 + people), [0.0533, 0.0645, 0.0649], atol=5e-5)
    assert best_label_purchase(0.7, 1e6).people == 1
    assert best_label_purchase(0.7, 1e6, item_cost=2.0, most=5).people == 5


@pytest.mark.realdata
def test_people_and_label_models_on_pandalm(real_data: Path) -> None:
    with gzip.open(real_data / "pandalm_annotations.jsonl.gz", "rt") as lines:
        votes = np.array([json.loads(line)["votes"] for line in lines], dtype=float)
    counts = np.stack([(votes == c).sum(axis=1) for c in range(3)], axis=1)
    fleiss, alpha = fleiss_kappa(counts), krippendorff_alpha(votes)
    assert 0.6 < fleiss < 0.95
    assert_allclose(alpha, fleiss, atol=0.001)  # they agree for large n
    assert np.mean([cohen_kappa(votes[:, a], votes[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))]) == pytest.approx(
        fleiss, abs=0.01
    )
    annotations = annotations_from_table(votes)
    majority = majority_vote(annotations)
    clear = majority.max(axis=1) > 0.5
    for model in (dawid_skene, glad, mace):
        same = (model(annotations).posterior.argmax(axis=1) == majority.argmax(axis=1))[clear].mean()
        assert same > 0.95
