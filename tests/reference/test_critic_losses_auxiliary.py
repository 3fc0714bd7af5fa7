"""Losses of bags, steps and features, curricula and noise, against closed forms, NumPy, SciPy and brute force."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde, kstest, laplace
from torch.nn import functional
from torch.testing import assert_close

from polycritic.critic.losses import (
    bag_instance_loss,
    bag_interpolated_loss,
    bag_loss,
    binary_cross_entropy_loss,
    centre_loss,
    class_consistency_loss,
    conr_loss,
    curriculum_weights,
    gradient_norm_loss,
    head_diversity_loss,
    implicit_feedback_loss,
    kernel_density_ease,
    length_decorrelation_loss,
    margin_mse_loss,
    normalised_score_ease,
    orthogonality_loss,
    private_bag_means,
    reciprocal_rank_ease,
    score_distillation_loss,
    squared_error_loss,
    step_last,
    step_loss,
    step_mean,
    step_minimum,
    step_product,
    supremix_loss,
    true_negative_weights,
)
from polycritic.critic.losses._supremix import _draw

NAN = math.nan


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_bags_known_answers_and_identity() -> None:
    f, here, y = t(0.0, 1.0, 3.0)[None], torch.ones(1, 3, dtype=torch.bool), t(1.0)
    assert_close(2 * bag_loss(f, here, y), t(0.111111), rtol=0, atol=1e-6)
    assert_close(2 * bag_instance_loss(f, here, y), t(1.666667), rtol=0, atol=1e-6)
    f, y = normal(8, 4), normal(8, seed=1)
    here = normal(8, 4, seed=2) > -0.5
    here[:, 0] = True
    variance = torch.stack([row[mask].var(correction=0) for row, mask in zip(f, here, strict=True)])
    assert_close(bag_instance_loss(f, here, y), bag_loss(f, here, y) + 0.5 * variance)
    for weight in (0.0, 0.3, 1.0):
        expected = (1 - weight) * bag_loss(f, here, y) + weight * bag_instance_loss(f, here, y)
        assert_close(bag_interpolated_loss(f, here, y, weight), expected)


def test_bags_of_one_are_the_squared_error_and_empty_bags_stay_finite() -> None:
    f, y = normal(3, 2), normal(3, seed=1)
    one, none = torch.tensor([[True, False]]).expand(3, 2), torch.zeros(3, 2, dtype=torch.bool)
    for loss in (bag_loss, bag_instance_loss, lambda *a: bag_interpolated_loss(*a, 0.5)):
        assert_close(loss(f, one, y), squared_error_loss(f[:, 0], y))
        assert bool(loss(f, none, y).isfinite().all())


def test_private_bag_means_have_the_noise_they_promise() -> None:
    values, here = torch.full((4000, 5), 3.0, dtype=torch.float64), torch.ones(4000, 5, dtype=torch.bool)
    noisy = private_bag_means(values, here, 1.0, 5.0, 2.0, seed=3) - 3.0
    scale = 4.0 / (5 * 2.0)
    assert kstest(noisy.numpy(), laplace(scale=scale).cdf).pvalue > 0.01
    assert_close(noisy, private_bag_means(values, here, 1.0, 5.0, 2.0, seed=3) - 3.0)
    assert not torch.equal(noisy, private_bag_means(values, here, 1.0, 5.0, 2.0, seed=4) - 3.0)


def test_private_bag_means_clip_each_label_and_fit_the_noise_to_the_bag() -> None:
    values = t(-99.0, 2.0, 99.0, 77.0).expand(2, 4)
    here = torch.tensor([[True, True, True, False], [True, True, False, False]])
    exact = private_bag_means(values, here, 0.0, 5.0, 1e12, seed=1)
    assert_close(exact, t(7 / 3, 1.0))
    # whatever one label becomes, the mean moves by at most what the noise is fitted to
    other = values.clone()
    other[:, 0] = 1e9
    moved = private_bag_means(other, here, 0.0, 5.0, 1e12, seed=1) - exact
    assert_close(moved, t(5 / 3, 5 / 2))
    unit = [private_bag_means(values, here, 0.0, 5.0, e, seed=1) - exact for e in (1.0, 4.0)]
    assert_close(unit[0], 4 * unit[1])


def test_steps_known_answers() -> None:
    z, here = t(2.0, -1.0, 0.5)[None], torch.ones(1, 3, dtype=torch.bool)
    assert_close(step_loss(z, t(1.0, 0.0, 1.0)[None]), t(0.304756), rtol=0, atol=5e-7)
    expected = {step_minimum: 0.268941, step_product: 0.147450, step_last: 0.622459, step_mean: 0.590733}
    for aggregate, score in expected.items():
        assert_close(aggregate(z, here).sigmoid(), t(score), rtol=0, atol=5e-7)


def test_step_loss_is_the_mean_of_the_labelled_steps() -> None:
    z, y = normal(3, 2).requires_grad_(), torch.tensor([[1.0, NAN], [NAN, NAN], [0.0, 0.3]], dtype=torch.float64)
    loss = step_loss(z, y)
    assert_close(loss[0], binary_cross_entropy_loss(z[0, 0], y[0, 0]))
    assert loss[1].item() == 0.0
    assert_close(loss[2], binary_cross_entropy_loss(z[2], y[2]).mean())
    loss.sum().backward()
    assert z.grad is not None
    assert z.grad[0, 1] == z.grad[1, 0] == z.grad[1, 1] == 0.0


@pytest.mark.parametrize("aggregate", [step_minimum, step_product, step_last, step_mean])
def test_aggregations_of_steps(aggregate: object) -> None:
    assert callable(aggregate)
    z = normal(9, 4).requires_grad_()
    here = torch.arange(4) < torch.arange(9)[:, None] % 4 + 1
    rule = {step_minimum: min, step_product: math.prod, step_last: lambda p: p[-1], step_mean: np.mean}[aggregate]  # type: ignore[index]
    expected = [rule(row[mask].sigmoid().tolist()) for row, mask in zip(z, here, strict=True)]
    assert_close(aggregate(z, here).sigmoid(), t(*expected))
    assert_close(aggregate(z[:, :1], here[:, :1]), z[:, 0])
    assert torch.autograd.gradcheck(lambda x: aggregate(x, here), (z,))
    (gradient,) = torch.autograd.grad(aggregate(z, here).sum(), z)
    assert not gradient[~here].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("aggregate", [step_minimum, step_product, step_last, step_mean])
def test_aggregations_of_certain_steps_stay_finite(aggregate: object, dtype: torch.dtype) -> None:
    assert callable(aggregate)
    for signs in itertools.product((-1e4, 0.0, 1e4), repeat=3):
        z = torch.tensor([signs], dtype=dtype, requires_grad=True)
        value = aggregate(z, torch.tensor([[True, True, False]]))
        value.sum().backward()
        assert bool(value.isfinite().all())
        assert z.grad is not None
        assert bool(z.grad.isfinite().all())
        if aggregate is step_product:
            assert value.item() <= z[0, :2].min().item()
    late = aggregate(torch.tensor([[5.0, 1.0]]), torch.tensor([[False, True]]))  # padded on the left
    assert_close(late, torch.tensor([1.0]))


def test_centre_loss_is_least_at_the_means() -> None:
    x, y = normal(30, 3), torch.arange(30) % 4
    centres = torch.stack([x[y == k].mean(0) for k in range(4)]).requires_grad_()
    centre_loss(x, centres, y).sum().backward()
    assert centres.grad is not None
    assert_close(centres.grad, torch.zeros_like(centres.grad), rtol=0, atol=1e-12)
    assert_close(centre_loss(x, centres, y), functional.mse_loss(x, centres[y], reduction="none").sum(-1) / 2)


def test_conr_is_its_formula() -> None:
    # halves, so that some differ by just the width
    x, m, y = normal(12, 3), (4 * normal(12, seed=1)).round() / 2, (4 * normal(12, seed=2)).round() / 2
    m[0] += 50.0  # confused with nothing
    unit = (x / x.norm(dim=1, keepdim=True)).numpy()
    expected = []
    for i in range(12):
        like = pushed = 0.0
        for j in range(12):
            apart, weight = abs(float(y[i] - y[j])), math.exp(float(unit[i] @ unit[j]) / 0.3)
            if apart <= 1.5 and i != j:
                like += weight
            elif apart > 1.5 and abs(float(m[i] - m[j])) <= 1.5:
                pushed += math.exp(0.2 * apart) * weight
        expected.append(-math.log(like / (like + pushed)) if like and pushed else 0.0)
    assert 0.0 in expected
    assert sum(e > 0 for e in expected) > 3
    assert_close(conr_loss(x, m, y, 1.5, 0.3, 0.2), t(*expected))


def test_conr_without_likes_or_without_confusion_is_zero_and_has_finite_gradients() -> None:
    x = normal(3, 2).requires_grad_()
    for m, y in ((t(0, 0, 0), t(0, 5, 10)), (t(0, 5, 10), t(0, 5, 10)), (t(0, 0, 0), t(0, 0, 0))):
        loss = conr_loss(x, m, y, 1.0)
        assert_close(loss, torch.zeros_like(loss))
        (gradient,) = torch.autograd.grad(loss.sum(), x)
        assert_close(gradient, torch.zeros_like(gradient))


def test_supremix_is_its_formula() -> None:
    x, y, heat, m, seed = normal(10, 3), (torch.arange(10) % 4).double(), 0.4, 3, 5
    unit = (x / x.norm(dim=1, keepdim=True)).numpy()
    below, above, other, own = (a.numpy() for a in _draw(y, m, (2.0, 8.0), seed))
    places = y.argsort(stable=True).numpy()
    values = y.numpy()
    expected = []
    for i in range(10):
        alike, total = [], 0.0
        for j in set(range(10)) - {i}:
            logit = unit[i] @ unit[j] / heat
            total += (1 + abs(values[i] - values[j])) * math.exp(logit)
            if values[i] == values[j]:
                alike.append(logit)
        for k in range(m):
            if below[i, k] >= 0:
                low, high = places[below[i, k]], places[above[i, k]]
                assert values[low] < values[i] < values[high]
                a = (values[high] - values[i]) / (values[high] - values[low])
                assert a * values[low] + (1 - a) * values[high] == pytest.approx(values[i])
                z = a * unit[low] + (1 - a) * unit[high]
                alike.append(unit[i] @ z / np.linalg.norm(z) / heat)
                total += math.exp(alike[-1])
            if other[i, k] >= 0:
                j, b = places[other[i, k]], own[i, k]
                assert values[j] != values[i]
                z = b * unit[i] + (1 - b) * unit[j]
                apart = abs(b * values[i] + (1 - b) * values[j] - values[i])
                total += (1 + apart) * math.exp(unit[i] @ z / np.linalg.norm(z) / heat)
        expected.append(math.log(total) - np.mean(alike) if alike else 0.0)
    assert_close(supremix_loss(x, y, heat, m, seed=seed), t(*expected))


def test_supremix_draws_every_partner_and_costs_nothing_without_company() -> None:
    y = t(2.0, 3.0, 5.0, 3.0, 9.0)
    below, above, other, own = _draw(y, 200, (2.0, 8.0), 0)
    ordered = y.sort().values
    assert {float(v) for v in ordered[below[1]]} == {2.0}
    assert {float(v) for v in ordered[above[1]]} == {5.0, 9.0}
    assert {float(v) for v in ordered[other[1]]} == {2.0, 5.0, 9.0}
    assert set(below[0].tolist()) == set(above[4].tolist()) == {-1}
    assert own.mean().item() == pytest.approx(0.2, abs=0.02)
    # a share of two thirds makes 3 of 2 and 5
    share = (5.0 - 3.0) / (5.0 - 2.0)
    assert share == pytest.approx(0.666667, abs=1e-6)
    x = normal(2, 3).requires_grad_()
    loss = supremix_loss(x, t(1.0, 2.0), seed=0)
    assert_close(loss, torch.zeros_like(loss))
    loss.sum().backward()
    assert x.grad is not None
    assert not x.grad.any()
    same = supremix_loss(
        normal(4, 3), t(1.0, 1.0, 1.0, 1.0), 0.5, seed=0
    )  # nothing to mix with: plain supervised contrast
    assert bool(same.isfinite().all())


def test_supremix_memory_grows_with_the_mixtures_not_with_the_cube() -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest = max(largest, out.numel())
            return out

    n, d, m = 128, 16, 4
    with Sizes():
        supremix_loss(torch.randn(n, d, generator=torch.Generator().manual_seed(0)), torch.arange(128.0), seed=0)
    assert 0 < largest <= n * max(n + 2 * m, m * d)


def test_class_consistency_known_answer_and_ties() -> None:
    first, second = t(0.5, 0.5).log()[None], t(0.6, 0.4).log()[None]
    zero = torch.tensor([0])
    assert_close(class_consistency_loss(first, second, zero, t(1.0)), t(0.1))
    assert_close(class_consistency_loss(first, second, zero, t(0.0)), t(0.0))
    assert_close(class_consistency_loss(first, second, zero, t(0.5)), t(0.05))


def test_head_diversity_is_less_the_cross_entropy_of_every_pair() -> None:
    s = normal(7, 3)
    pairs = [
        functional.binary_cross_entropy_with_logits(s[:, b], s[:, a].sigmoid(), reduction="none")
        for a, b in itertools.permutations(range(3), 2)
    ]
    assert_close(head_diversity_loss(s), -torch.stack(pairs).mean(0))


def test_gradient_norm_of_a_linear_model_is_the_norm_of_the_mean_input() -> None:
    x = normal(9, 4)
    weight, bias, idle = (torch.zeros(k, dtype=torch.float64, requires_grad=True) for k in (4, 1, 2))
    outputs = x @ weight + bias
    expected = (x.mean(0).square().sum() + 1).sqrt()
    assert_close(gradient_norm_loss(outputs, [weight, bias]), expected)
    assert_close(gradient_norm_loss(outputs + 5, [idle, bias, weight]), expected)
    assert_close(gradient_norm_loss(-3 * outputs.flip(0), [weight, bias]), 3 * expected)
    assert gradient_norm_loss(outputs, [idle]).item() == 0.0


def test_gradient_norm_is_sharpness_and_can_be_minimised() -> None:
    x, weight = normal(9, 4), normal(4, seed=1).requires_grad_()

    def outputs(w: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x @ w)

    loss = gradient_norm_loss(outputs(weight), [weight])
    # the most that the mean output moves with a step of the parameters, per unit of the step
    turns = normal(20000, 4, seed=2)
    steps = 1e-4 * turns / turns.norm(dim=1, keepdim=True)
    start = weight.detach()
    moves = torch.tanh((start + steps) @ x.T).mean(1) - outputs(start).mean()
    assert float(moves.max() / 1e-4) == pytest.approx(loss.item(), rel=5e-3)
    assert torch.autograd.gradcheck(lambda w: gradient_norm_loss(outputs(w), [w]), (weight,))


def test_distillation() -> None:
    assert_close(margin_mse_loss(t(2.0), t(1.0), t(3.0)), t(2.0))
    u, teacher, heat = normal(6, 5), normal(6, 5, seed=1), 2.0
    expected = functional.kl_div((u / heat).log_softmax(-1), (teacher / heat).softmax(-1), reduction="none").sum(-1)
    assert_close(score_distillation_loss(u, teacher, heat), heat**2 * expected)
    # for great temperatures: the mean squared difference of centred scores, halved
    centred = (u - u.mean(-1, keepdim=True)) - (teacher - teacher.mean(-1, keepdim=True))
    assert_close(score_distillation_loss(u, teacher, 1e4), centred.square().mean(-1) / 2, rtol=1e-3, atol=1e-3)
    teacher.requires_grad_()
    assert not score_distillation_loss(u, teacher).requires_grad


def test_length_decorrelation_is_numpys_correlation() -> None:
    q, u, n = normal(40), normal(40, seed=1), normal(40, seed=2).exp()
    expected = abs(np.corrcoef(q, n)[0, 1]) - np.corrcoef(u, n)[0, 1]
    assert length_decorrelation_loss(q, u, n).mean().item() == pytest.approx(expected)
    flat = torch.full_like(q, 7.0)
    assert_close(length_decorrelation_loss(flat, u, flat), torch.zeros_like(q))
    q = q.requires_grad_()
    for step in range(300):
        (gradient,) = torch.autograd.grad(length_decorrelation_loss(q, u, n).mean(), q)
        q = (q - 2.0 * 0.985**step * gradient).detach().requires_grad_()
    assert abs(np.corrcoef(q.detach(), n)[0, 1]) < 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_lengths_of_any_size_correlate_in_any_precision(dtype: torch.dtype) -> None:
    length = torch.tensor([40.0, 900.0, 2500.0, 6000.0])
    quality = torch.tensor([1.0, 3.0, 2.0, 5.0])
    found = length_decorrelation_loss(quality.to(dtype), -quality.to(dtype), length.to(dtype))
    correlation = float(np.corrcoef(quality, length)[0, 1])
    assert float(found.float().mean()) == pytest.approx(2 * correlation, abs=0.03)


def test_orthogonality_is_the_cosine() -> None:
    a, b = normal(5, 3), normal(5, 3, seed=1)
    expected = (a * b).sum(-1).abs() / (a.norm(dim=-1) * b.norm(dim=-1))
    assert_close(orthogonality_loss(a, b), expected)
    assert_close(orthogonality_loss(a[0], b[0]), expected[0])
    assert_close(orthogonality_loss(t(1.0, 0.0), t(0.0, 2.0)), torch.tensor(0.0).double())


def test_curriculum_goes_from_ease_to_one() -> None:
    ease = t(0.0, 0.3, 1.0)
    assert_close(curriculum_weights(ease, 0.0), ease)
    assert_close(curriculum_weights(ease, 0.5), t(0.5, 0.65, 1.0))
    assert_close(curriculum_weights(ease, 1.0), torch.ones_like(ease))
    assert_close(curriculum_weights(ease, 7.0), torch.ones_like(ease))


EASES = [reciprocal_rank_ease, normalised_score_ease, kernel_density_ease]


@pytest.mark.parametrize("ease", EASES)
def test_eases(ease: object) -> None:
    assert callable(ease)
    scores, relevant = normal(5, 6), normal(5, 6, seed=1) > 0
    plain = ease(scores, relevant)
    assert bool(((plain >= 0) & (plain <= 1)).all())
    assert_close(plain + ease(scores, ~relevant), torch.ones_like(plain))
    assert_close(ease(scores.flip(1), relevant.flip(1)), plain.flip(1))
    assert_close(ease(3 * scores + 2, relevant), plain)
    nan = torch.full((5, 2), NAN, dtype=torch.float64)
    padded = ease(torch.cat([scores, nan], 1), torch.cat([relevant, relevant[:, :2]], 1))
    assert_close(padded, torch.cat([plain, nan], 1), equal_nan=True)
    high = torch.ones_like(relevant)
    order = scores.argsort(-1)
    assert bool((ease(scores, high).gather(-1, order).diff(dim=-1) > 0).all())
    equal = ease(torch.zeros(1, 3, dtype=torch.float64), high[:1, :3])
    assert bool(equal.isfinite().all())


def test_eases_of_known_lists() -> None:
    scores, yes = t(4.0, 3.0, 1.0, 0.0)[None], torch.ones(1, 4, dtype=torch.bool)
    assert_close(reciprocal_rank_ease(scores, yes), t(1.0, 1 / 2, 1 / 3, 1 / 4)[None])
    assert_close(normalised_score_ease(scores, yes), t(1.0, 0.75, 0.25, 0.0)[None])
    for some in (scores, scores[:, 1:3]):
        kernel = gaussian_kde(some[0].numpy())
        expected = [kernel.integrate_box_1d(-np.inf, s) for s in some[0].tolist()]
        assert_close(kernel_density_ease(some, yes[:, : some.shape[1]]), t(*expected)[None])
    for ease in (normalised_score_ease, kernel_density_ease):  # equal scores, and a list of one
        assert_close(ease(t(7.0, 7.0)[None], yes[:, :2]), t(0.5, 0.5)[None])
        assert_close(ease(t(7.0, NAN)[None], yes[:, :2]), t(0.5, NAN)[None], equal_nan=True)


def test_implicit_feedback_is_the_likelihood_over_both_truths() -> None:
    z, m, s = normal(9), normal(9, seed=1).sigmoid() / 2, normal(9, seed=2).sigmoid() / 2
    p = z.sigmoid()
    chosen = (1 - m) * p + s * (1 - p)
    assert_close(implicit_feedback_loss(z, torch.ones_like(z), m, s), -chosen.log())
    assert_close(implicit_feedback_loss(z, torch.zeros_like(z), m, s), -(1 - chosen).log())
    half = torch.full_like(z, 0.25)
    assert_close(implicit_feedback_loss(z, half, 0.0), binary_cross_entropy_loss(z, half))


def test_true_negative_weights_are_those_of_the_gradient() -> None:
    z, zero, m = normal(9).requires_grad_(), torch.zeros(9, dtype=torch.float64), 0.3
    (gradient,) = torch.autograd.grad(implicit_feedback_loss(z, zero, m).sum(), z)
    (plain,) = torch.autograd.grad(binary_cross_entropy_loss(z, zero).sum(), z)
    weights = true_negative_weights(z, m)
    assert not weights.requires_grad
    assert_close(gradient, (1 - m) * weights * plain)
    p = z.detach().sigmoid()
    assert_close(weights, (1 - p) / ((1 - p) + m * p))
    assert_close(true_negative_weights(z, 0.0), torch.ones_like(p))


@pytest.mark.parametrize("z", [-1e4, 1e4])
@pytest.mark.parametrize("observed", [0.0, 1.0])
def test_implicit_feedback_without_flips_stays_finite(z: float, observed: float) -> None:
    logit = torch.tensor([z], requires_grad=True)
    loss = implicit_feedback_loss(logit, torch.tensor([observed]), 0.0)
    loss.sum().backward()
    assert bool(loss.isfinite().all())
    assert logit.grad is not None
    assert bool(logit.grad.isfinite().all())
