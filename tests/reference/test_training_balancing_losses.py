"""Balancers of losses and combiners of gradients, against autograd, SciPy, other optimisers and closed forms."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import softmax
from torch import Tensor
from torch.testing import assert_close

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Interval,
    Levels,
    PolycriticError,
    Ranking,
    Rating,
    StepRatings,
    Task,
)
from polycritic.critic.losses import bag_loss, bradley_terry_loss, plackett_luce_loss, squared_error_loss
from polycritic.training import balancing
from polycritic.training.balancing._shares import onto_simplex
from polycritic.training.balancing._two_batches import TwoBatches

TASKS = [Task(name) for name in "abc"]
LOSSES = torch.tensor([0.7, 2.4, 0.2])


def no_gramian() -> Tensor:
    raise AssertionError("a balancer of losses asked for gradients")


def gradients(seed: int = 0, tasks: int = 3, width: int = 12) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(tasks, width)))


def nearest(rows: Tensor, pull: float = 0.0) -> np.ndarray:
    """The point of the simplex at which the shifted mixture is shortest, by SciPy."""
    G, n = rows.numpy(), len(rows)
    result = minimize(
        lambda w: 0.5 * np.square(G.T @ (w + pull / n)).sum(),
        np.full(n, 1 / n),
        jac=lambda w: G @ (G.T @ (w + pull / n)),
        bounds=[(0, 1)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return np.asarray(result.x)


# Balancers of losses


def test_geometric_mean_is_the_derivative() -> None:
    losses = LOSSES.clone().requires_grad_()
    losses.prod().pow(1 / 3).backward()
    assert_close(balancing.GeometricMean(TASKS)(LOSSES, no_gramian), losses.grad)


def test_geometric_mean_of_many_small_losses_stays_in_range() -> None:
    tasks = [Task(str(i)) for i in range(200)]
    weights = balancing.GeometricMean(tasks)(torch.full((200,), 1e-4), no_gramian)
    assert_close(weights, torch.full((200,), 1 / 200))


def test_stch_is_the_derivative() -> None:
    losses = LOSSES.clone().requires_grad_()
    preference, ideal = torch.tensor([0.5, 2.0, 0.5]), torch.tensor([0.1, 0.0, 0.0])
    (0.3 * torch.logsumexp(preference * (losses - ideal) / 0.3, 0)).backward()
    made = balancing.STCH(TASKS, smoothing=0.3, preference={"a": 1.0, "b": 4.0, "c": 1.0}, ideal={"a": 0.1})
    assert_close(made(LOSSES, no_gramian), losses.grad)


def test_stch_without_smoothing_is_the_worst_task_and_with_much_of_it_the_preference() -> None:
    assert_close(balancing.STCH(TASKS, smoothing=1e-3)(LOSSES, no_gramian), torch.tensor([0.0, 1.0, 0.0]))
    assert_close(balancing.STCH(TASKS, smoothing=1e6)(LOSSES, no_gramian), torch.full((3,), 1 / 3))


def test_stch_refuses_what_is_no_task_and_no_preference() -> None:
    with pytest.raises(PolycriticError, match="unknown task 'z'"):
        balancing.STCH(TASKS, ideal={"z": 0.0})
    with pytest.raises(PolycriticError, match="expected numbers above zero"):
        balancing.STCH(TASKS, preference={"a": 0.0})


def test_imtl_l_settles_where_every_weighted_loss_is_one() -> None:
    balancer = balancing.IMTLL(TASKS, rate=0.2)
    for _ in range(300):
        weights = balancer(LOSSES, no_gramian)
    assert_close(3 * weights * LOSSES, torch.ones(3))


def test_dwa_is_the_papers_rule_on_the_means_of_periods() -> None:
    curve = torch.tensor([[4.0, 2.0, 1.0], [2.0, 2.0, 1.0], [1.0, 2.0, 2.0], [1.0, 1.0, 2.0]])
    balancer = balancing.DWA(TASKS, temperature=2.0, period=2)
    early = [balancer(losses, no_gramian) for losses in curve]
    assert_close(torch.stack(early), torch.full((4, 3), 1 / 3))
    rate = np.array([1.0 / 3.0, 1.5 / 2.0, 2.0 / 1.0])
    assert_allclose(balancer(LOSSES, no_gramian), softmax(rate / 2.0), rtol=1e-6)


def test_dwa_passes_over_periods_in_which_a_task_was_not_seen() -> None:
    balancer = balancing.DWA(TASKS, period=1)
    for first in (4.0, math.nan, math.nan, 1.0):
        balancer(torch.tensor([first, 1.0, 1.0]), no_gramian)
    assert_allclose(balancer(torch.ones(3), no_gramian), softmax([0.125, 0.5, 0.5]), rtol=1e-6)


def test_famo_is_adam_on_the_softmax() -> None:
    logits = torch.zeros(3, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.025, weight_decay=1e-3)
    balancer = balancing.FAMO(TASKS, lowest=0.1)
    rng = np.random.default_rng(0)
    for _ in range(30):
        before, after = (torch.from_numpy(rng.uniform(0.2, 3.0, 3)).float() for _ in range(2))
        z = torch.softmax(logits, 0)
        c = 1.0 / (z / (before - 0.1)).sum().detach()
        losses = before.clone().requires_grad_()
        (c * (z.detach() * (losses - 0.1).log()).sum()).backward()
        assert_close(balancer(before, no_gramian), losses.grad)
        delta = (before - 0.1).log() - (after - 0.1).log()
        (logits.grad,) = torch.autograd.grad(z, logits, grad_outputs=delta)
        adam.step()
        balancer.after_step(after)
        assert_close(balancer.logits, logits.detach(), rtol=1e-4, atol=1e-6)


def test_famo_without_a_second_look_takes_the_next_losses() -> None:
    curve = [torch.tensor(losses) for losses in ([3.0, 1.0], [2.0, 1.0], [1.0, 1.0])]
    looked, waited = balancing.FAMO(TASKS[:2]), balancing.FAMO(TASKS[:2])
    for now, then in itertools.pairwise(curve):
        looked(now, no_gramian)
        looked.after_step(then)
        waited(now, no_gramian)
    assert_close(waited(curve[-1], no_gramian), looked(curve[-1], no_gramian))
    assert waited.logits[0] < waited.logits[1]


def test_balancers_of_logs_refuse_losses_below_zero() -> None:
    for name in ("GeometricMean", "FAMO"):
        with pytest.raises(PolycriticError, match=r"a loss below zero has no logarithm: .*found -0.5"):
            getattr(balancing, name)(TASKS)(torch.tensor([1.0, -0.5, torch.nan]), no_gramian)


def test_random_weights_are_alike_on_average_and_follow_the_seed() -> None:
    balancer = balancing.RandomWeighting(TASKS, seed=3)
    draws = torch.stack([balancer(torch.ones(3), no_gramian) for _ in range(3000)])
    assert_close(draws.mean(0), torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    assert draws.std(0).min() > 0.15
    assert torch.equal(balancing.RandomWeighting(TASKS, seed=3)(torch.ones(3), no_gramian), draws[0])
    assert not torch.equal(balancing.RandomWeighting(TASKS, seed=4)(torch.ones(3), no_gramian), draws[0])


def coba(curves: np.ndarray, window: int, sharpness: float) -> np.ndarray:
    """The paper's formulas, look by look."""
    ratios = curves / curves[0]
    slopes = np.array(
        [
            [np.polyfit(range(min(k, window)), ratios[max(k - window, 0) : k, t], 1)[0] for t in range(curves.shape[1])]
            for k in range(2, len(curves) + 1)
        ]
    )
    now, recent, largest = slopes[-1], slopes[-window:], slopes.max(axis=1)
    rcs = softmax(len(now) * now / np.abs(now).sum())
    acs = softmax(-len(recent) * now / np.abs(recent).sum(axis=0))
    order = np.arange(1, len(largest) + 1)
    df = min(len(largest) * softmax(-sharpness * order * largest / np.abs(largest).sum())[-1], 1.0)
    return np.asarray(df * rcs + (1 - df) * acs)


def coba_weights(curves: np.ndarray, window: int = 5) -> Tensor:
    balancer = balancing.CoBa([Task(str(t)) for t in range(curves.shape[1])], window=window)
    for losses in torch.from_numpy(curves):
        balancer.validated(losses)
    return balancer(torch.ones(curves.shape[1], dtype=torch.float64), no_gramian)


@pytest.mark.parametrize("looks", [3, 6, 12])
def test_coba_is_the_papers_rule(looks: int) -> None:
    rng = np.random.default_rng(looks)
    curves = 2.0 * np.exp(-np.outer(np.arange(looks), [0.3, 0.1, 0.02])) + 0.02 * rng.normal(size=(looks, 3))
    assert_allclose(coba_weights(curves, 4), coba(curves, 4, 5.0), rtol=1e-9)


def test_coba_lowers_a_task_that_turns_away() -> None:
    time = np.arange(12)
    curves = np.stack(
        [2.0 - 0.1 * time, 2.0 - 0.1 * time, 2.0 - 0.1 * time + 0.04 * np.maximum(time - 5, 0) ** 2], axis=1
    )
    weights = coba_weights(curves)
    assert weights[2] < 0.5 * weights[0]
    assert_close(weights[0], weights[1])


def test_coba_with_equal_slopes_and_before_any_look_is_uniform() -> None:
    same = np.outer(np.linspace(1.0, 0.5, 8), [1.0, 3.0])
    assert_allclose(coba_weights(same), [0.5, 0.5])
    assert_allclose(coba_weights(same[:1]), [0.5, 0.5])


def test_coba_gives_tasks_without_held_out_rows_the_mean() -> None:
    curves = np.outer(np.linspace(1.0, 0.5, 8), [1.0, 3.0, math.nan])
    curves[:, 1] **= 0.3
    weights = coba_weights(curves)
    assert_allclose(weights[2], weights[:2].mean(), rtol=1e-6)
    assert weights[1] > weights[0]


def test_rmtl_weighs_by_the_loss_that_is_expected() -> None:
    balancer = balancing.RMTL(TASKS, strength=0.5, discount=0.8)
    assert_close(balancer(LOSSES, no_gramian), torch.full((3,), 1 / 3))
    for _ in range(800):
        weights = balancer(LOSSES, no_gramian)
    expected = 1.0 + 0.5 * LOSSES
    assert_close(weights, expected / expected.sum(), rtol=1e-3, atol=0)


def test_rmtl_looks_ahead() -> None:
    """A loss that alternates is judged by what follows it: the discounted sum solves two equations."""
    balancer = balancing.RMTL(TASKS[:1], strength=1.0, discount=0.5, rate=0.2)
    for step in range(4000):
        balancer(torch.tensor([[1.0, 3.0][step % 2]]), no_gramian)
    low = (1.0 + 0.5 * 3.0) / (1 - 0.25)  # V(1) = 1 + 0.5 V(3), V(3) = 3 + 0.5 V(1)
    high = (3.0 + 0.5 * 1.0) / (1 - 0.25)
    value = balancer.critic[0] @ torch.tensor([[1.0, 1.0], [-1.0, -3.0]])
    assert_close(value, -torch.tensor([low, high]), rtol=1e-3, atol=0)


# What knowing nothing costs


def test_chance_losses_are_the_losses_of_equal_utilities() -> None:
    def item(n: int) -> Candidate:
        return Candidate("", str(n))

    four = tuple(item(n) for n in range(4))
    tasks = [
        Task("order"),
        Task("tied"),
        Task("pair"),
        Task("size", scale=Interval(0, 20)),
        Task("grade", scale=Levels(("1", "2", "3"))),
        Task("even", scale=Binary()),
        Task("bag", scale=Interval(0, 10)),
    ]
    rows = [
        Ranking(task="order", candidates=four, ranks=(1, 2, 3, 4)),
        Ranking(task="tied", candidates=four, ranks=(1, 2, 2, 3)),
        Comparison(task="pair", first=item(0), second=item(1), preference=1.0),
        *[Rating(task="size", candidate=item(n), value=float(n)) for n in range(20)],
        Rating(task="grade", candidate=item(0), value=2.0),
        StepRatings(task="even", candidate=Candidate("", "ab", steps=("a", "b")), values=(1.0, math.nan)),
        *[BagRating(task="bag", candidates=four, value=float(n)) for n in range(6)],
    ]
    costs = balancing.chance_losses(rows, tasks)
    zeros = torch.zeros(1, 4)
    sizes, bags = torch.arange(20.0) / 5.0, torch.arange(6.0) / 2.5
    expected = {
        "order": plackett_luce_loss(zeros, torch.tensor([[1.0, 2.0, 3.0, 4.0]])).item(),
        "tied": plackett_luce_loss(zeros, torch.tensor([[1.0, 2.0, 2.0, 3.0]])).item(),
        "pair": bradley_terry_loss(torch.zeros(1), torch.zeros(1), torch.ones(1)).item(),
        "size": squared_error_loss(sizes.mean(), sizes).mean().item(),
        "grade": math.log(3),
        "even": math.log(2),
        "bag": bag_loss(bags.mean().expand(6, 1), torch.ones(6, 1, dtype=torch.bool), bags).mean().item(),
    }
    assert costs == pytest.approx(expected, rel=1e-6)
    weights = balancing.LogOutcomes(tasks, costs)(torch.tensor([costs[t.name] for t in tasks]), no_gramian)
    assert_close(weights * torch.tensor([costs[t.name] for t in tasks]) * 7, torch.ones(7))


def test_costs_are_weighted_and_those_of_nothing_left_out() -> None:
    three = tuple(Candidate("", str(n)) for n in range(3))
    rows = [
        Comparison(task="a", first=three[0], second=three[1], weight=3.0),
        Ranking(task="a", candidates=three, ranks=(1, 2, 3), weight=1.0),
        Rating(task="b", candidate=three[0], value=5.0),
        Rating(task="b", candidate=three[1], value=5.0),
    ]
    costs = balancing.chance_losses(rows, [Task("a"), Task("b", scale=Interval(0, 10))])
    assert costs == pytest.approx({"a": 0.75 * math.log(2) + 0.25 * math.log(6)})


def test_costs_name_tasks_and_are_positive() -> None:
    with pytest.raises(PolycriticError, match="unknown task 'z'"):
        balancing.LogOutcomes(TASKS, {"z": 1.0})
    with pytest.raises(PolycriticError, match=r"task 'a': bad cost of knowing nothing: found 0.0"):
        balancing.LogOutcomes(TASKS, {"a": 0.0})


# Combiners


def test_graddrop_draws_one_sign_for_each_coordinate() -> None:
    rows = gradients(width=400)
    direction = balancing.GradDrop(TASKS)(LOSSES, rows) * 3
    up, down = rows.clamp_min(0).sum(0), rows.clamp_max(0).sum(0)
    assert bool((torch.isclose(direction, up) | torch.isclose(direction, down)).all())
    both = (up > 0) & (down < 0)
    assert 0.2 < torch.isclose(direction, up)[both].double().mean() < 0.8


def test_graddrop_is_right_on_average() -> None:
    rows = gradients(width=6)
    up, down = rows.clamp_min(0).sum(0), rows.clamp_max(0).sum(0)
    purity = up / (up - down)
    combiner = balancing.GradDrop(TASKS, seed=1)
    mean = torch.stack([combiner(LOSSES, rows) for _ in range(8000)]).mean(0)
    assert_close(mean, (purity * up + (1 - purity) * down) / 3, atol=0.03, rtol=0)


def test_graddrop_leaks() -> None:
    rows = gradients()
    assert_close(balancing.GradDrop(TASKS, leak=1.0)(LOSSES, rows), rows.mean(0))
    with pytest.raises(PolycriticError, match="bad leak"):
        balancing.GradDrop(TASKS, leak=1.5)


def test_db_mtl_smooths_gradients_of_logs_and_makes_them_equally_long() -> None:
    combiner = balancing.DBMTL(TASKS, keep=0.8, decay=0.5)
    smooth = torch.zeros(3, 12, dtype=torch.float64)
    for step in range(6):
        rows, losses = gradients(step), LOSSES.double() + step
        share = 0.8 / step**0.5 if step else 0.0
        smooth = share * smooth + (1 - share) * rows / losses[:, None]
        longest = smooth.norm(dim=1).max()
        expected = sum(longest * h / h.norm() for h in smooth) / 3
        assert_close(combiner(losses, rows), expected)


def test_db_mtl_does_not_know_units() -> None:
    first, second = balancing.DBMTL(TASKS), balancing.DBMTL(TASKS)
    unit = torch.tensor([1.0, 100.0, 0.01], dtype=torch.float64)
    for step in range(4):
        rows = gradients(step)
        assert_close(first(LOSSES, rows), second(LOSSES * unit, rows * unit[:, None]), rtol=1e-5, atol=0)


@pytest.mark.parametrize("seed", range(4))
def test_moco_and_modo_tend_to_the_direction_of_least_norm(seed: int) -> None:
    rows = gradients(seed) * torch.tensor([[1.0], [0.5], [2.0]], dtype=torch.float64)
    expected = nearest(rows) @ rows.numpy()
    for combiner in (balancing.MoCo(TASKS), balancing.MoDo(TASKS, ridge=0.0)):
        for _ in range(1500):
            direction = combiner(LOSSES, rows)
        assert_allclose(direction, expected, atol=1e-6)


def test_moco_weighs_the_smoothed_gradients_and_keeps_those_of_absent_tasks() -> None:
    combiner = balancing.MoCo(TASKS, keep=0.5, decay=0.5)
    first, second, third = (gradients(seed) for seed in range(3))
    second[1] = 0.0
    combiner(LOSSES, first)
    combiner(torch.tensor([1.0, torch.nan, 1.0]), second)
    direction = combiner(LOSSES, third)
    smooth = first.lerp(second, 0.5)
    share = torch.tensor(
        [[0.5 / 2**0.5], [0.5], [0.5 / 2**0.5]], dtype=torch.float64
    )  # the second task's second gradient
    smooth[1] = first[1]
    smooth = share * smooth + (1 - share) * third
    assert_close(combiner.memory.rows, smooth)
    assert_close(direction, combiner.shares @ smooth)


def test_moco_removes_the_noise_that_misleads_least_norm() -> None:
    """The shortest mixture weighs 0.2 and 0.8; noise drowns the difference in any one batch, and averages do not."""
    rng = np.random.default_rng(0)
    combiner = balancing.MoCo(TASKS[:2], keep=0.999, decay=0.0, rate=0.02)
    combiner.memory.seen += 1  # from zero, so that the average forgets its start
    truth = torch.eye(2, 400, dtype=torch.float64) * torch.tensor([[2.0], [1.0]])
    for _ in range(8000):
        combiner(LOSSES[:2], truth + 0.5 * torch.from_numpy(rng.normal(size=(2, 400))))
    noisy = (truth + 0.5 * torch.from_numpy(rng.normal(size=(2, 400)))).numpy()
    assert abs(float(combiner.shares[0]) - 0.2) < 0.05
    assert nearest(torch.from_numpy(noisy))[0] > 0.4


def test_two_batches_give_an_unbiased_gramian() -> None:
    truth, rng = gradients(width=50), np.random.default_rng(1)
    batches, present = TwoBatches(3), torch.ones(3, dtype=torch.bool)
    found, alone = [], []
    for _ in range(3000):
        rows = truth + torch.from_numpy(rng.normal(size=(3, 50)))
        both, product = batches.gramian(rows, present)
        if bool(both.all()):
            found.append(product)
        alone.append(rows @ rows.T)
    exact = truth @ truth.T
    assert_close(torch.stack(found).mean(0), exact, atol=2.0, rtol=0)
    assert_close(torch.stack(alone).mean(0), exact + 50 * torch.eye(3), atol=2.0, rtol=0)


def test_two_batches_wait_for_a_task_until_it_comes_again() -> None:
    batches = TwoBatches(2)
    rows = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    assert batches.gramian(rows, torch.tensor([True, False]))[0].tolist() == [False, False]
    assert batches.gramian(torch.zeros(2, 2), torch.tensor([False, True]))[0].tolist() == [False, False]
    both, product = batches.gramian(rows * 3, torch.tensor([True, False]))
    assert both.tolist() == [True, False]
    assert product.tolist() == [[12.0]]


def test_the_weights_of_this_step_are_from_the_steps_before() -> None:
    """So that they are independent of the gradients they weigh."""
    for name in ("MoDo", "SDMGrad"):
        combiner = getattr(balancing, name)(TASKS)
        for step in range(3):
            before = combiner.shares.clone()
            rows = gradients(step)
            direction = combiner(LOSSES, rows)
            weights = np.linalg.lstsq(rows.numpy().T, direction.numpy(), rcond=None)[0]
            pull = getattr(combiner, "pull", 0.0)
            assert_allclose(weights, (before + pull / 3) / (1 + pull), atol=1e-12)
        assert not torch.equal(before, combiner.shares)


@pytest.mark.parametrize("pull", [0.0, 0.3, 3.0])
def test_sdmgrad_settles_at_the_minimum_of_its_objective(pull: float) -> None:
    rows = gradients(2) * torch.tensor([[1.0], [0.5], [2.0]], dtype=torch.float64)
    combiner = balancing.SDMGrad(TASKS, pull=pull)
    for _ in range(60):
        direction = combiner(LOSSES, rows)
    weights = (nearest(rows, pull) + pull / 3) / (1 + pull)
    assert_allclose(direction, weights @ rows.numpy(), atol=1e-6)


def test_sdmgrad_with_a_large_pull_is_the_mean() -> None:
    rows = gradients()
    combiner = balancing.SDMGrad(TASKS, pull=1e9)
    for _ in range(3):
        assert_close(combiner(LOSSES, rows), rows.mean(0))


def test_excess_mtl_is_the_papers_rule() -> None:
    combiner = balancing.ExcessMTL(TASKS, rate=0.5, warmup=2)
    squares, weights, start = np.zeros((3, 12)), np.ones(3) / 3, np.zeros(3)
    for step in range(6):
        rows = gradients(step)
        g = rows.numpy()
        squares += g**2
        excess = np.array([g[t] @ np.diag(1 / np.sqrt(squares[t])) @ g[t] for t in range(3)])
        if step < 2:
            start += excess / 2
        else:
            weights = weights * np.exp(0.5 * excess / start)
            weights /= weights.sum()
        assert_allclose(combiner(LOSSES, rows), weights @ g, rtol=1e-9)


def test_excess_mtl_does_not_know_units() -> None:
    first, second = balancing.ExcessMTL(TASKS, rate=0.5), balancing.ExcessMTL(TASKS, rate=0.5)
    unit = torch.tensor([[1.0], [1000.0], [0.01]], dtype=torch.float64)
    for step in range(4):
        first(LOSSES, gradients(step))
        second(LOSSES, gradients(step) * unit)
    assert_close(first.shares, second.shares)
    assert first.shares.max() > 1.05 * first.shares.min()


def test_excess_mtl_lowers_a_task_that_has_arrived_whatever_its_loss() -> None:
    combiner = balancing.ExcessMTL(TASKS[:2], rate=0.3)
    for step in range(20):
        rows = torch.diag(torch.tensor([0.7**step, 1.0]))
        combiner(torch.tensor([100.0, 0.1]), rows)  # noisy labels keep the first loss high
    assert combiner.shares[1] > 2 * combiner.shares[0]


# Priority


def pcd(rows: Tensor, first: int, progress: float) -> np.ndarray:
    """The quadratic programme by SciPy, on the gradients themselves."""
    unit = (rows / rows.norm(dim=1, keepdim=True)).numpy()
    others = [j for j in range(len(unit)) if j != first]
    result = minimize(
        lambda d: 0.5 * np.square(d - unit[first]).sum(),
        unit[first],
        jac=lambda d: d - unit[first],
        constraints=[{"type": "ineq", "fun": lambda d: unit[others] @ d - progress, "jac": lambda d: unit[others]}],
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert result.success
    return np.asarray(float(rows[first].norm()) * result.x / np.linalg.norm(result.x))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("priority", ["a", "c"])
def test_pcd_solves_its_programme(seed: int, priority: str) -> None:
    rows = gradients(seed, width=4) * torch.tensor([[1.0], [30.0], [0.1]], dtype=torch.float64)
    weights = balancing.PCD(TASKS, priority, progress=0.2)(LOSSES.double(), lambda: rows @ rows.T)
    direction = (weights @ rows).numpy()
    assert bool((weights >= 0).all())
    assert_allclose(direction, pcd(rows, "abc".index(priority), 0.2), atol=1e-6 * float(rows.norm()))


def test_pcd_follows_the_priority_where_nothing_is_in_the_way() -> None:
    rows = torch.tensor([[1.0, 0.2, 0.1], [0.1, 1.0, 0.0], [0.3, 0.0, 2.0]])
    weights = balancing.PCD(TASKS, progress=0.0)(LOSSES, lambda: rows @ rows.T)
    assert_close(weights, torch.tensor([1.0, 0.0, 0.0]))


def test_pcd_follows_the_priority_where_the_others_exclude_each_other() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    weights = balancing.PCD(TASKS, progress=0.1)(LOSSES, lambda: rows @ rows.T)
    assert_close(weights, torch.tensor([1.0, 0.0, 0.0]))


def test_pcd_finds_its_task_among_those_present() -> None:
    rows = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    there = torch.tensor([torch.nan, 1.0, 1.0])
    balancer = balancing.PCD(TASKS, "c", progress=0.0)
    assert_close(balancer(there, lambda: rows @ rows.T), torch.tensor([0.0, 0.0, 1.0]))
    away = torch.tensor([1.0, 1.0, torch.nan])
    assert_close(balancer(away, lambda: rows @ rows.T), torch.tensor([0.5, 0.5, 0.0]))


def test_pcd_keeps_its_averages() -> None:
    rows = [gradients(seed) for seed in range(4)]
    first, second = balancing.PCD(TASKS), balancing.PCD(TASKS)
    for g in rows[:3]:
        first(LOSSES, partial(torch.matmul, g, g.T))
    second.load_state_dict(first.state_dict())
    assert torch.equal(*(b(LOSSES, lambda: rows[3] @ rows[3].T) for b in (first, second)))


def test_onto_simplex_is_the_nearest_point() -> None:
    for seed in range(5):
        point = np.random.default_rng(seed).normal(size=5)
        found = onto_simplex(torch.from_numpy(point)).numpy()
        best = minimize(
            lambda w, p=point: np.square(w - p).sum(),
            np.full(5, 0.2),
            bounds=[(0, 1)] * 5,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-15},
        ).x
        assert_allclose(found, best, atol=1e-6)
