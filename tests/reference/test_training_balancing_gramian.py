"""The balancers of gradients beside closed forms, explicit gradients, SciPy, and torchjd."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import polar
from scipy.optimize import minimize, nnls

from polycritic.core import FloatArray, Task
from polycritic.training import balancing
from polycritic.training.balancing import Scaling
from polycritic.training.balancing._nonnegative import _one, nonnegative
from polycritic.training.balancing._turns import turns

SIZES = [2, 3, 4, 8, 16, 32, 64]


def drawn(tasks: int, width: int, seed: int, decades: float = 2.0) -> FloatArray:
    """Gradients (t, width) in random directions, with lengths that span some decades."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((tasks, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) * 10.0 ** rng.uniform(0, decades, (tasks, 1))


def cases(tasks: int) -> dict[str, FloatArray]:
    """Few conflicts, many, duplicates, more tasks than dimensions."""
    found = {
        "wide": drawn(tasks, 3 * tasks, tasks),
        "square": drawn(tasks, tasks, tasks + 1),
        "duplicates": np.repeat(drawn((tasks + 1) // 2, 2 * tasks, tasks + 2), 2, axis=0)[:tasks],
    }
    if tasks > 2:
        found["flat"] = drawn(tasks, max(tasks // 2, 2), tasks + 3)
    return found


CASES = [pytest.param(rows, id=f"{tasks}-{name}") for tasks in SIZES for name, rows in cases(tasks).items()]
HELPFUL = [
    pytest.param(rows, id=f"{tasks}-{name}")
    for tasks in SIZES
    for name, rows in cases(tasks).items()
    if name in ("wide", "duplicates")
]


def weigh(maker: Callable[..., balancing.Balancer], rows: FloatArray) -> FloatArray:
    """Weights of explicit gradients (t, width), in float64."""
    balancer = maker([Task(f"task {i}") for i in range(len(rows))])
    products = torch.from_numpy(rows @ rows.T)
    return np.asarray(balancer(torch.ones(len(rows), dtype=torch.float64), lambda: products).numpy())


def worst_cosine(direction: FloatArray, rows: FloatArray) -> float:
    return float((rows @ direction / np.linalg.norm(rows, axis=1)).min() / np.linalg.norm(direction))


@pytest.mark.parametrize("rows", CASES)
def test_mgda_is_optimal(rows: FloatArray) -> None:
    weights = weigh(balancing.MGDA, rows)
    direction = weights @ rows
    square, scale = direction @ direction, (rows**2).sum(axis=1).min()
    assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    assert weights.min() >= 0.0
    assert (rows @ direction - square).min() > -1e-9 * scale
    assert_allclose((rows @ direction)[weights > 1e-9], square, rtol=0, atol=1e-8 * scale)


@pytest.mark.parametrize("tasks", SIZES)
def test_mgda_is_the_nonnegative_least_squares_solution(tasks: int) -> None:
    rows = drawn(tasks, 2 * tasks, tasks, decades=0.5)
    system = np.vstack([rows.T / 1e4, np.ones(tasks)])  # a heavy row for the sum
    found, _ = nnls(system, np.r_[np.zeros(rows.shape[1]), 1.0])
    assert_allclose(weigh(balancing.MGDA, rows), found / found.sum(), rtol=0, atol=1e-7)


def test_mgda_of_two_tasks() -> None:
    rows = np.array([[2.0, 0.0], [-1.0, 1.0]])
    w = (rows[1] - rows[0]) @ rows[1] / ((rows[1] - rows[0]) ** 2).sum()  # the published closed form
    assert_allclose(weigh(balancing.MGDA, rows), [w, 1 - w])


def projected(rows: FloatArray, least: FloatArray) -> FloatArray:
    """The shortest ``v @ rows`` with ``v >= least``, by SciPy."""
    added, _ = nnls(rows.T, -least @ rows, maxiter=100 * len(rows))
    return np.asarray((least + added) @ rows)


@pytest.mark.parametrize("tasks", SIZES)
@pytest.mark.parametrize("wide", [1, 3])
def test_upgrad_and_dualproj_are_the_projections(tasks: int, wide: int) -> None:
    rows = drawn(tasks, wide * tasks, tasks)
    scale = np.linalg.norm(rows, axis=1).max()
    each = sum(projected(rows, one) for one in np.eye(tasks) / tasks)
    assert_allclose(weigh(balancing.UPGrad, rows) @ rows, each, rtol=0, atol=1e-8 * scale)
    together = projected(rows, np.full(tasks, 1 / tasks))
    assert_allclose(weigh(balancing.DualProj, rows) @ rows, together, rtol=0, atol=1e-8 * scale)


@pytest.mark.parametrize("name", ["UPGrad", "DualProj"])
@pytest.mark.parametrize("rows", CASES)
def test_projections_hurt_no_task(name: str, rows: FloatArray) -> None:
    weights = weigh(getattr(balancing, name), rows)
    assert weights.min() >= 1 / len(rows) - 1e-12
    gains, lengths = rows @ (weights @ rows), np.linalg.norm(rows, axis=1)
    assert (gains / lengths).min() > -1e-9 * lengths.max()


@pytest.mark.parametrize("tasks", SIZES)
@pytest.mark.parametrize("seed", range(5))
def test_upgrads_smallest_cosine(tasks: int, seed: int) -> None:
    rows = drawn(tasks, tasks + 8, seed)
    assert worst_cosine(weigh(balancing.UPGrad, rows) @ rows, rows) >= -1e-9


@pytest.mark.parametrize("rows", HELPFUL)
@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 2.0, 5.0, 20.0])
def test_fairgrad_is_fair(rows: FloatArray, alpha: float) -> None:
    weights = weigh(partial(balancing.FairGrad, alpha=alpha), rows)
    assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    gains = rows @ (weights @ rows)
    # w ~ (K w)^-alpha; for small alpha the gains, for large alpha the weights may be as good as zero.
    if alpha >= 1.0:
        shares = gains * weights ** (1 / alpha)
        assert_allclose(shares, shares.mean(), rtol=1e-8)
    else:
        scale = np.abs(rows @ rows.T) @ weights
        factor = np.median(gains * weights ** (1 / alpha))
        assert (np.abs(gains - factor * weights ** (-1 / alpha)) / scale).max() < 1e-8


@pytest.mark.parametrize("rows", CASES)
def test_nash_bargains(rows: FloatArray) -> None:
    weights = weigh(balancing.NashMTL, rows)
    gains = rows @ (weights @ rows)
    least = weigh(balancing.MGDA, rows) @ rows
    if np.linalg.norm(least) > 1e-6:  # else no direction helps all
        shares = weights * gains
        assert_allclose(shares, shares.mean(), rtol=1e-9)
        paper = weights / np.sqrt(shares.mean())
        assert_allclose(np.linalg.norm(paper @ rows), np.sqrt(len(rows)))
    else:
        assert np.linalg.norm(weights @ rows) < 1e-4


def test_fairgrads_limits() -> None:
    for tasks in (2, 4, 8, 16):
        rows = drawn(tasks, 3 * tasks, tasks, decades=0.5)
        for alpha, limit in ((0.1, balancing.DualProj), (100.0, balancing.MGDA)):
            found, wanted = weigh(partial(balancing.FairGrad, alpha=alpha), rows), weigh(limit, rows)
            one, other = found @ rows, wanted @ rows
            assert 1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other) < (0.05 if alpha < 1 else 5e-4)
    rows = drawn(8, 24, 0)
    assert_allclose(weigh(balancing.NashMTL, rows), weigh(partial(balancing.FairGrad, alpha=1.0), rows))


def test_fairgrad_comes_nearer_to_its_lower_limit() -> None:
    """Where gradients conflict, alpha towards 0 leads to the projected mean and not to the mean itself."""
    rows = np.array([[1.0, 0.0], [-2.0, 1.0]])
    limit = weigh(balancing.DualProj, rows)
    apart = [
        np.abs(weigh(partial(balancing.FairGrad, alpha=a), rows) - limit / limit.sum()).max() for a in (1, 0.3, 0.1)
    ]
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.1
    calm = np.abs(rows)
    assert_allclose(weigh(partial(balancing.FairGrad, alpha=0.1), calm), [0.5, 0.5], atol=0.05)


@pytest.mark.parametrize("rows", CASES)
@pytest.mark.parametrize("c", [0.2, 0.5, 0.9])
def test_cagrads_duality_gap(rows: FloatArray, c: float) -> None:
    mean = rows.mean(axis=0)
    direction = weigh(partial(balancing.CAGrad, c=c), rows) @ rows
    radius = c * np.linalg.norm(mean)
    away = direction - mean
    assert np.linalg.norm(away) <= radius * (1 + 1e-9)
    least = weigh(balancing.MGDA, rows) @ rows
    if np.linalg.norm(least) < 1e-3 * radius:
        return  # some mean of the gradients is nearly zero: weights are bounded instead
    assert_allclose(np.linalg.norm(away), radius, rtol=1e-8)
    weights = weigh(partial(balancing.CAGrad, c=c), rows) - 1 / len(rows)
    shared = weights / weights.sum() @ rows
    dual = shared @ mean + radius * np.linalg.norm(shared)
    assert_allclose((rows @ direction).min(), dual, rtol=0, atol=1e-9 * np.linalg.norm(rows, axis=1).max() ** 2)


def test_cagrad_is_the_best_direction_in_its_ball() -> None:
    rows = drawn(3, 3, 5, decades=0.5)
    mean = rows.mean(axis=0)
    ours = weigh(partial(balancing.CAGrad, c=0.4), rows) @ rows
    radius = 0.4 * np.linalg.norm(mean)
    found = minimize(
        lambda x: -x[3],
        np.r_[mean, (rows @ mean).min()],
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x[:3] - x[3]},
            {"type": "ineq", "fun": lambda x: radius**2 - ((x[:3] - mean) ** 2).sum()},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert_allclose((rows @ ours).min(), found.x[3], rtol=1e-6)
    assert_allclose(ours, found.x[:3], rtol=0, atol=1e-4)


def test_cagrad_without_a_radius_is_the_mean() -> None:
    assert_allclose(weigh(partial(balancing.CAGrad, c=0.0), drawn(4, 8, 0)), np.full(4, 0.25))


@pytest.mark.parametrize("tasks", SIZES)
@pytest.mark.parametrize("scaling", list(Scaling))
def test_aligned_gradients_are_the_orthogonal_factor(tasks: int, scaling: Scaling) -> None:
    rows = drawn(tasks, 2 * tasks, tasks, decades=1.0)
    orthogonal, _ = polar(rows, side="left")
    squares = np.linalg.svd(rows, compute_uv=False) ** 2
    size = {Scaling.SMALLEST: squares.min(), Scaling.MEDIAN: np.median(squares), Scaling.MEAN: squares.mean()}[scaling]
    weights = weigh(partial(balancing.AlignedMTL, scaling=scaling), rows)
    assert_allclose(weights @ rows, np.sqrt(size) * orthogonal.mean(axis=0), rtol=1e-8, atol=1e-10)
    assert_allclose(np.linalg.cond(orthogonal), 1.0, rtol=1e-9)


@pytest.mark.parametrize("tasks", SIZES)
@pytest.mark.parametrize("name", ["IMTLG", "ConFIG"])
def test_all_cosines_are_equal(tasks: int, name: str) -> None:
    rows = drawn(tasks, 2 * tasks, tasks)
    direction = weigh(getattr(balancing, name), rows) @ rows
    cosines = rows @ direction / np.linalg.norm(rows, axis=1) / np.linalg.norm(direction)
    assert cosines.min() > 0.0
    assert_allclose(cosines, cosines.mean(), rtol=1e-9)


def test_imtlg_is_the_papers_linear_system() -> None:
    rows = drawn(4, 20, 1, decades=0.5)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    apart, across = rows[0] - rows[1:], units[0] - units[1:]
    others = rows[0] @ across.T @ np.linalg.inv(apart @ across.T)
    wanted = np.r_[1 - others.sum(), others]
    assert wanted.min() > 0.0
    assert_allclose(weigh(balancing.IMTLG, rows), wanted, rtol=1e-8)


def test_imtlg_descends_where_the_papers_weights_would_climb() -> None:
    angles = np.radians([0.0, 20.0, 40.0])  # the middle gradient is the smallest, and its weight below zero
    rows = np.stack([np.cos(angles), np.sin(angles), np.full(3, 0.05)], axis=1) * [[1.0], [0.05], [1.0]]
    weights = weigh(balancing.IMTLG, rows)
    assert weights.sum() < 0.0
    assert worst_cosine(weights @ rows, rows) > 0.0


@pytest.mark.parametrize("tasks", SIZES)
@pytest.mark.parametrize("wide", [0.5, 2])
def test_config_is_the_published_direction(tasks: int, wide: float) -> None:
    rows = drawn(tasks, max(int(wide * tasks), 2), tasks)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    best = np.linalg.pinv(units) @ np.ones(tasks)
    best /= np.linalg.norm(best)
    wanted = (rows @ best).mean() * best
    assert_allclose(weigh(balancing.ConFIG, rows) @ rows, wanted, rtol=1e-7, atol=1e-9)


def explicit_pcgrad(rows: FloatArray, seed: int = 0) -> FloatArray:
    order = turns([f"task {i}" for i in range(len(rows))], seed, 0)
    changed = rows.copy()
    for i in range(len(rows)):
        for j in order:
            if i != j and changed[i] @ rows[j] < 0:
                changed[i] -= changed[i] @ rows[j] / (rows[j] @ rows[j]) * rows[j]
    return np.asarray(changed.mean(axis=0))


@pytest.mark.parametrize("tasks", SIZES)
def test_pcgrad_with_explicit_gradients(tasks: int) -> None:
    rows = drawn(tasks, tasks, tasks)
    assert_allclose(weigh(balancing.PCGrad, rows) @ rows, explicit_pcgrad(rows), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_pcgrad_lets_a_gradient_turn_against_itself(seed: int) -> None:
    angles = np.radians([0.0, 170.0, 190.0])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = weigh(partial(balancing.PCGrad, seed=seed), rows) @ rows
    assert_allclose(found, explicit_pcgrad(rows, seed), atol=1e-12)


def test_pcgrad_never_hurts_one_of_two_tasks() -> None:
    for seed in range(20):
        rows = drawn(2, 2, seed)
        assert worst_cosine(weigh(balancing.PCGrad, rows) @ rows, rows) > -1e-12


def test_pcgrad_draws_a_new_order_each_step() -> None:
    rows = drawn(8, 8, 0)
    balancer = balancing.PCGrad([Task(str(i)) for i in range(8)])
    products = torch.from_numpy(rows @ rows.T)
    first, second = (balancer(torch.ones(8, dtype=torch.float64), lambda: products) for _ in range(2))
    assert not torch.allclose(first, second)


def test_gradvac_with_explicit_gradients() -> None:
    tasks, beta = 5, 0.3
    names = [f"task {i}" for i in range(tasks)]
    balancer = balancing.GradVac([Task(name) for name in names], beta=beta)
    usual = np.zeros((tasks, tasks))
    for step in range(6):
        rows = drawn(tasks, 6, step)
        changed = rows.copy()
        for i in range(tasks):
            for j in turns(names, 0, step):
                if i == j:
                    continue
                own, other = np.linalg.norm(changed[i]), np.linalg.norm(rows[j])
                cosine, aim = changed[i] @ rows[j] / own / other, usual[i, j]
                if cosine < aim:
                    sine = np.sqrt(1 - aim**2)
                    changed[i] += own * (aim * np.sqrt(1 - cosine**2) - cosine * sine) / (other * sine) * rows[j]
                    assert_allclose(changed[i] @ rows[j] / np.linalg.norm(changed[i]) / other, aim, atol=1e-12)
                usual[i, j] += beta * (cosine - aim)
        products = torch.from_numpy(rows @ rows.T)
        weights = balancer(torch.ones(tasks, dtype=torch.float64), lambda products=products: products).numpy()
        assert_allclose(weights @ rows, changed.mean(axis=0), rtol=1e-8, atol=1e-10)
    assert np.abs(usual).max() > 0.1


def test_gradvac_without_memory_is_pcgrad() -> None:
    rows = drawn(6, 6, 3)
    assert_allclose(weigh(partial(balancing.GradVac, beta=0.0), rows), weigh(balancing.PCGrad, rows), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.5])
def test_gradnorm_rests_where_lengths_answer_to_rates(alpha: float) -> None:
    balancer = balancing.GradNorm([Task(name) for name in "abc"], alpha=alpha, rate=2e-2)
    lengths, left = torch.tensor([1.0, 2.0, 4.0]).double(), torch.tensor([1.0, 0.5, 0.8]).double()
    first = torch.tensor([3.0, 1.0, 2.0]).double()
    balancer(first, lambda: torch.diag(lengths**2))
    for step in range(500):
        balancer.rate = 2e-2 if step < 150 else 1e-3
        weights = balancer(first * left, lambda: torch.diag(lengths**2))
    found, wanted = weights * lengths, (left / left.mean()) ** alpha
    assert_allclose(found / found.sum(), wanted / wanted.sum(), rtol=5e-3)
    assert_allclose(float(weights.sum()), 1.0)


@pytest.mark.parametrize("size", [1, 2, 5, 20])
@pytest.mark.parametrize("rank", [0.4, 1.0, 2.0])
def test_nonnegative_programmes(size: int, rank: float) -> None:
    rng = np.random.default_rng(size)
    factor = rng.standard_normal((max(int(rank * size), 1), size))
    targets = rng.standard_normal((7, len(factor)))
    solved = nonnegative(factor.T @ factor, targets @ factor)
    for target, x in zip(targets, solved, strict=True):
        _, least = nnls(factor, target)
        assert x.min() >= 0.0
        assert_allclose(np.linalg.norm(factor @ x - target), least, rtol=1e-8, atol=1e-6)
        slope = factor.T @ (factor @ x - target)
        assert slope.min() > -1e-8
        assert np.abs(x * slope).max() < 1e-8


def test_the_active_set_that_always_ends() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        factor = rng.standard_normal((6, 12))
        A, b = factor.T @ factor, rng.standard_normal(6) @ factor
        x = _one(A + 1e-13 * np.eye(12), b)
        slope = A @ x - b
        assert x.min() >= 0.0
        assert slope.min() > -1e-8
        assert np.abs(x * slope).max() < 1e-8


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=1, max_size=6))
def test_small_whole_numbers(rows: list[tuple[int, ...]]) -> None:
    """Duplicates, opposites, zeros, tasks in one plane: everything stays finite, and what is promised holds."""
    gradients = np.array(rows, dtype=float)
    for name in ("AlignedMTL", "CAGrad", "ConFIG", "FairGrad", "GradVac", "IMTLG", "NashMTL", "PCGrad"):
        assert np.isfinite(weigh(getattr(balancing, name), gradients)).all()
    for name in ("UPGrad", "DualProj", "MGDA", "NashMTL", "FairGrad"):
        weights = weigh(getattr(balancing, name), gradients)
        assert (gradients @ (weights @ gradients)).min() > -1e-5


def torchjd_weights(name: str, products: torch.Tensor, **settings: Any) -> FloatArray:
    aggregation = import_module("torchjd.aggregation")
    return np.asarray(getattr(aggregation, name)(**settings)(products).numpy())


@pytest.mark.parametrize("tasks", [2, 4, 8])
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("IMTLG", "IMTLGWeighting"),
        ("AlignedMTL", "AlignedMTLWeighting"),
        ("UPGrad", "UPGradWeighting"),
        ("DualProj", "DualProjWeighting"),
    ],
)
def test_beside_torchjd(name: str, theirs: str, tasks: int) -> None:
    rows = drawn(tasks, 20 * tasks, tasks, decades=0.3)
    found = torchjd_weights(theirs, torch.from_numpy(rows @ rows.T))
    assert_allclose(weigh(getattr(balancing, name), rows), found, rtol=2e-3 if name in ("UPGrad", "DualProj") else 1e-8)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fairgrad_beside_torchjd(alpha: float) -> None:
    rows = drawn(4, 20, 0, decades=0.3)
    found = torchjd_weights("FairGradWeighting", torch.from_numpy(rows @ rows.T), alpha=alpha)
    assert_allclose(weigh(partial(balancing.FairGrad, alpha=alpha), rows), found / found.sum(), rtol=1e-5)


def test_two_tasks_beside_torchjd() -> None:
    for seed in range(10):
        rows = drawn(2, 2, seed)
        products = torch.from_numpy(rows @ rows.T)
        assert_allclose(weigh(balancing.PCGrad, rows), torchjd_weights("PCGradWeighting", products) / 2, rtol=1e-7)
        assert_allclose(weigh(balancing.GradVac, rows), torchjd_weights("GradVacWeighting", products) / 2, rtol=1e-6)


@pytest.mark.parametrize("tasks", [4, 16])
def test_mgda_is_never_longer_than_torchjds(tasks: int) -> None:
    rows = drawn(tasks, 3 * tasks, tasks)
    theirs = torchjd_weights("MGDAWeighting", torch.from_numpy(rows @ rows.T))
    ours = weigh(balancing.MGDA, rows)
    assert np.linalg.norm(ours @ rows) <= np.linalg.norm(theirs @ rows) * (1 + 1e-9)
