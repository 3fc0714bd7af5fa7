"""Laws of the losses, one table for all of them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from polycritic.critic import losses

N = 6
F64 = torch.float64
Arguments = tuple[Tensor | float, ...]


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=F64)


def uniform(*shape: int, seed: int = 4) -> Tensor:
    return torch.rand(*shape, generator=generator(seed), dtype=F64)


def whole(top: int, *shape: int, seed: int = 5) -> Tensor:
    return torch.randint(top, shape, generator=generator(seed))


def some(*shape: int) -> Tensor:
    """True for most, and for the first of each row."""
    mask = uniform(*shape, seed=6) < 0.7
    mask[..., 0] = True
    return mask


def with_nan(x: Tensor, keep: Tensor) -> Tensor:
    return torch.where(keep, x, torch.nan)


def shares(*shape: int) -> Tensor:
    return normal(*shape, seed=7).softmax(-1)


def turn(angle: float) -> Tensor:
    c, s = torch.tensor(angle, dtype=F64).cos(), torch.tensor(angle, dtype=F64).sin()
    return torch.stack([torch.stack([c, -s]), torch.stack([s, c])])


THRESHOLDS = torch.tensor([-1.0, 0.0, 2.0], dtype=F64)
LEVELS = torch.tensor([0.1, 0.5, 0.9], dtype=F64)
EDGES = torch.linspace(-3.0, 3.0, 9, dtype=F64)


@dataclass(frozen=True)
class Law:
    """How to call a loss, which changes of its arguments leave it as it is, and where it is least."""

    arguments: Callable[[], Arguments]
    unchanged: tuple[Callable[..., Arguments], ...] = ()
    not_negative: bool = True
    learnt: tuple[int, ...] = (0,)  # arguments that may be predicted or learnt
    least: Callable[[], Arguments] | None = None  # arguments of which the first is the best
    rows_meet: bool = False
    call: Callable[..., Tensor] | None = None  # where a loss has more than its arguments


def pair() -> tuple[Tensor, Tensor, Tensor]:
    return normal(N), normal(N, seed=8), uniform(N)


def pair_least() -> tuple[Tensor, Tensor, Tensor]:
    return uniform(N).logit(), torch.zeros(N, dtype=F64), uniform(N)


def tied(extra: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return normal(N), normal(N, seed=8), shares(N, 3), torch.tensor(extra, dtype=F64)


PAIR = (lambda a, b, p, *x: (a + 7, b + 7, p, *x), lambda a, b, p, *x: (b, a, 1 - p, *x))
TIED = (lambda a, b, s, v: (a + 7, b + 7, s, v), lambda a, b, s, v: (b, a, s.flip(1), v))
CLASSES = (
    lambda z, y, *x: (z + 3, y, *x),
    lambda z, y, *x: (z.flip(1), z.shape[1] - 1 - y, *x),
)
BAG = (
    lambda f, m, y, *x: (f.flip(1), m.flip(1), y, *x),
    lambda f, m, y, *x: (f + 2, m, y + 2, *x),
    lambda f, m, y, *x: (-f, m, -y, *x),
    lambda f, m, y, *x: (torch.where(m, f, 99.0), m, y, *x),
)

LAWS = {
    "aldr_kl_loss": Law(lambda: (normal(N, 4), whole(4, N), 1.0, 3.0, 1.0), CLASSES, not_negative=False),
    "bag_instance_loss": Law(lambda: (normal(N, 3), some(N, 3), normal(N, seed=8)), BAG),
    "bag_interpolated_loss": Law(lambda: (normal(N, 3), some(N, 3), normal(N, seed=8), 0.3), BAG),
    "bag_loss": Law(lambda: (normal(N, 3), some(N, 3), normal(N, seed=8)), BAG),
    "beta_nll_loss": Law(
        lambda: (normal(N), normal(N, seed=8), normal(N, seed=9)),
        (lambda m, v, y: (m + 2, v, y + 2), lambda m, v, y: (-m, v, -y)),
        not_negative=False,
        least=lambda: (normal(N), normal(N, seed=8), normal(N)),
    ),
    "binary_cross_entropy_loss": Law(
        lambda: (normal(N), uniform(N)), (lambda z, y: (-z, 1 - y),), least=lambda: (uniform(N).logit(), uniform(N))
    ),
    "bradley_terry_loss": Law(pair, PAIR, learnt=(0, 1), least=pair_least),
    "centre_loss": Law(
        lambda: (normal(N, 2), normal(3, 2, seed=8), whole(3, N)),
        (lambda x, c, y: (x + 1, c + 1, y), lambda x, c, y: (x, c.flip(0), 2 - y)),
        learnt=(0, 1),
        least=lambda: (normal(3, 2, seed=8)[whole(3, N)], normal(3, 2, seed=8), whole(3, N)),
    ),
    "centring_loss": Law(
        lambda: (normal(N), normal(N, seed=8)),
        (lambda a, b: (b, a), lambda a, b: (-a, -b), lambda a, b: (a + 3, b - 3)),
        learnt=(0, 1),
        least=lambda: (normal(N), -normal(N)),
    ),
    "class_consistency_loss": Law(
        lambda: (normal(N, 3), normal(N, 3, seed=8), whole(3, N), uniform(N)),
        (lambda a, b, y, p: (b, a, y, 1 - p), lambda a, b, y, p: (a + 3, b - 1, y, p)),
        learnt=(0, 1),
    ),
    "conr_loss": Law(
        lambda: (normal(N, 2), whole(3, N, seed=8).double(), whole(4, N).double(), 1.0, 0.5, 0.1),
        (
            lambda x, m, y, *r: (3 * x, m, y, *r),
            lambda x, m, y, *r: (x @ turn(0.7), m, y, *r),
            lambda x, m, y, *r: (x, m + 3, y - 2, *r),
        ),
        rows_meet=True,
    ),
    "coral_loss": Law(
        lambda: (normal(N), THRESHOLDS.clone(), 3 * uniform(N)),
        (lambda u, t, y: (u + 3, t + 3, y), lambda u, t, y: (-u, -t.flip(0), 3 - y)),
        learnt=(0, 1),
    ),
    "corn_loss": Law(
        lambda: (normal(N, 3), whole(4, N).double()),
        (lambda z, y: (torch.where(torch.arange(3) <= y[:, None], z, 5.0), y),),
    ),
    "cross_entropy_loss": Law(
        lambda: (normal(N, 4), whole(4, N)), CLASSES, least=lambda: (shares(N, 4).log(), shares(N, 4))
    ),
    "davidson_loss": Law(lambda: tied(0.3), TIED, learnt=(0, 1, 3)),
    "gaussian_nll_loss": Law(
        lambda: (normal(N), normal(N, seed=8), normal(N, seed=9)),
        (lambda m, v, y: (m + 2, v, y + 2), lambda m, v, y: (-m, v, -y)),
        not_negative=False,
        learnt=(0, 1),
        least=lambda: (normal(N), normal(N, seed=8), normal(N)),
    ),
    "general_preference_loss": Law(
        lambda: (normal(N, 4), normal(N, 4, seed=8), uniform(N), 0.5),
        (
            lambda v, w, p, t: (w, v, 1 - p, t),
            lambda v, w, p, t: (
                v @ torch.block_diag(turn(0.3), turn(2)),
                w @ torch.block_diag(turn(0.3), turn(2)),
                p,
                t,
            ),
            lambda v, w, p, t: (3 * v, w, p, 3 * t),
        ),
        learnt=(0, 1),
    ),
    "generalized_cross_entropy_loss": Law(lambda: (normal(N, 4), whole(4, N), 0.7), CLASSES),
    "head_diversity_loss": Law(lambda: (normal(N, 3),), (lambda s: (s.flip(1),), lambda s: (-s,)), not_negative=False),
    "hinge_loss": Law(lambda: (*pair(), 0.5), PAIR, learnt=(0, 1)),
    "hl_gauss_loss": Law(
        lambda: (normal(N, 8), normal(N, seed=8), EDGES, 0.5),
        (
            lambda z, y, b, s: (z + 3, y, b, s),
            lambda z, y, b, s: (z, y + 2, b + 2, s),
            lambda z, y, b, s: (z.flip(1), -y, -b.flip(0), s),
        ),
        least=lambda: (losses.hl_gauss_targets(normal(N), EDGES, 0.5).log(), normal(N), EDGES, 0.5),
    ),
    "huber_loss": Law(
        lambda: (3 * normal(N), uniform(N), 1.0),
        (lambda a, b, d: (a + 4, b + 4, d), lambda a, b, d: (b, a, d)),
        least=lambda: (normal(N), normal(N), 1.0),
    ),
    "implicit_feedback_loss": Law(
        lambda: (normal(N), uniform(N), 0.3, 0.1),
        (lambda z, y, m, s: (-z, 1 - y, s, m),),
        least=lambda: (torch.zeros(N, dtype=F64), torch.full((N,), 0.4, dtype=F64), 0.3, 0.1),
    ),
    "lambdarank_loss": Law(
        lambda: (normal(N, 4), whole(3, N, 4).double()),
        (
            lambda u, y: (u + 5, y),
            lambda u, y: (u.flip(1), y.flip(1)),
            lambda u, y: (torch.cat([u, normal(N, 1)], 1), torch.cat([y, torch.full((N, 1), torch.nan)], 1)),
        ),
    ),
    "ldr_kl_loss": Law(lambda: (normal(N, 4), whole(4, N), 0.7, 1.0), CLASSES, not_negative=False),
    "length_decorrelation_loss": Law(
        lambda: (normal(N), normal(N, seed=8), normal(N, seed=9)),
        (
            lambda q, u, n: (-2 * q + 1, u, n),
            lambda q, u, n: (q, 3 * u - 1, n),
            lambda q, u, n: (q, u, 5 * n + 2),
        ),
        not_negative=False,
        learnt=(0, 1),
        rows_meet=True,
    ),
    "listnet_loss": Law(
        lambda: (normal(N, 4), with_nan(normal(N, 4, seed=8), some(N, 4))),
        (
            lambda u, y: (u + 5, y - 2),
            lambda u, y: (u.flip(1), y.flip(1)),
            lambda u, y: (torch.where(y.isnan(), 99.0, u), y),
        ),
        least=lambda: (normal(N, 4), normal(N, 4)),
    ),
    "margin_bradley_terry_loss": Law(lambda: (*pair(), uniform(N, seed=9)), PAIR, learnt=(0, 1)),
    "margin_mse_loss": Law(
        lambda: (normal(N), normal(N, seed=8), normal(N, seed=9)),
        (lambda a, b, m: (a + 7, b + 7, m), lambda a, b, m: (b, a, -m)),
        learnt=(0, 1),
        least=lambda: (normal(N), torch.zeros(N, dtype=F64), normal(N)),
    ),
    "masked_squared_error_loss": Law(
        lambda: (normal(N, 3), with_nan(normal(N, 3, seed=8), some(N, 3))),
        (
            lambda m, y: (m + 4, y + 4),
            lambda m, y: (m.flip(1), y.flip(1)),
            lambda m, y: (torch.where(y.isnan(), 99.0, m), y),
        ),
        least=lambda: (normal(N, 3), with_nan(normal(N, 3), some(N, 3))),
    ),
    "number_tokens_loss": Law(
        lambda: (normal(N, 2, 5), uniform(N), 0.0, 1.0),
        (
            lambda z, y, a, b: (z + normal(N, 2, 1), y, a, b),
            lambda z, y, a, b: (z, 4 * y - 2, -2.0, 2.0),
            lambda z, y, a, b: (z.flip(2), 1 - y, a, b),
        ),
    ),
    "ordinal_cross_entropy_loss": Law(
        lambda: (normal(N), THRESHOLDS.clone(), 3 * uniform(N)),
        (lambda u, t, y: (u + 3, t + 3, y), lambda u, t, y: (-u, -t.flip(0), 3 - y)),
        learnt=(0, 1),
    ),
    "orthogonality_loss": Law(
        lambda: (normal(N, 3), normal(N, 3, seed=8)),
        (lambda a, b: (b, a), lambda a, b: (3 * a, -2 * b)),
        learnt=(0, 1),
    ),
    "pinball_loss": Law(
        lambda: (normal(N, 3), normal(N, seed=8), LEVELS),
        (lambda q, y, t: (q + 2, y + 2, t), lambda q, y, t: (-q.flip(1), -y, 1 - t.flip(0))),
    ),
    "plackett_luce_loss": Law(
        lambda: (normal(N, 4), torch.tensor([[1.0, 2.0, 2.0, 4.0]], dtype=F64).repeat(N, 1)),
        (
            lambda u, r: (u + 5, r),
            lambda u, r: (u.flip(1), r.flip(1)),
            lambda u, r: (u, 10 * r - 3),
            lambda u, r: (torch.cat([u, normal(N, 1)], 1), torch.cat([r, torch.full((N, 1), torch.nan)], 1)),
        ),
    ),
    "rao_kupper_loss": Law(lambda: tied(0.4), TIED, learnt=(0, 1, 3)),
    "rasch_loss": Law(
        lambda: (normal(N), normal(N, seed=8), normal(N, seed=9), THRESHOLDS.clone(), 3 * uniform(N)),
        (
            lambda u, b, c, t, y: (u + 3, b + 3, c, t, y),
            lambda u, b, c, t, y: (u + 3, b, c + 3, t, y),
            lambda u, b, c, t, y: (u + 3, b, c, t + 3, y),
            lambda u, b, c, t, y: (-u, -b, -c, -t.flip(0), 3 - y),
        ),
        learnt=(0, 1, 2, 3),
    ),
    "scaled_bradley_terry_loss": Law(
        lambda: (*pair(), 3 * uniform(N)), PAIR, learnt=(0, 1), least=lambda: (*pair_least(), uniform(N))
    ),
    "score_distillation_loss": Law(
        lambda: (normal(N, 4), normal(N, 4, seed=8), 2.0),
        (lambda u, t, h: (u + 3, t - 1, h), lambda u, t, h: (u.flip(1), t.flip(1), h)),
        least=lambda: (normal(N, 4) + 2, normal(N, 4), 2.0),
    ),
    "smoothed_bradley_terry_loss": Law(
        lambda: (*pair(), 0.2),
        PAIR,
        learnt=(0, 1),
        least=lambda: (*pair_least()[:2], (uniform(N) - 0.2) / 0.6, 0.2),
    ),
    "squared_error_loss": Law(
        lambda: (normal(N), uniform(N)),
        (lambda a, b: (a + 4, b + 4), lambda a, b: (b, a)),
        least=lambda: (normal(N), normal(N)),
    ),
    "step_loss": Law(
        lambda: (normal(N, 4), with_nan(uniform(N, 4), some(N, 4))),
        (
            lambda z, y: (-z, 1 - y),
            lambda z, y: (z.flip(1), y.flip(1)),
            lambda z, y: (torch.where(y.isnan(), 99.0, z), y),
        ),
        least=lambda: (uniform(N, 4).logit(), uniform(N, 4)),
    ),
    "supremix_loss": Law(
        lambda: (normal(N, 2), whole(3, N).double(), 0.5),
        (lambda x, y, t: (3 * x, y, t), lambda x, y, t: (x @ turn(0.7), y, t), lambda x, y, t: (x, y + 3, t)),
        rows_meet=True,
        call=lambda *a: losses.supremix_loss(*a, mixtures=3, seed=11),
    ),
    "two_hot_loss": Law(
        lambda: (normal(N, 9), normal(N, seed=8), EDGES),
        (
            lambda z, y, c: (z + 3, y, c),
            lambda z, y, c: (z, y + 2, c + 2),
            lambda z, y, c: (z.flip(1), -y, -c.flip(0)),
        ),
    ),
    "unbiased_bradley_terry_loss": Law(lambda: (*pair(), 0.2), PAIR, not_negative=False, learnt=(0, 1)),
}

MISSING = [
    "bag_instance_loss",
    "bag_interpolated_loss",
    "bag_loss",
    "lambdarank_loss",
    "listnet_loss",
    "masked_squared_error_loss",
    "plackett_luce_loss",
    "step_loss",
]

# Not losses, but what losses are made of; and the one loss of a batch. Their laws are in the reference tests.
PARTS = {
    "corn_log_probabilities",
    "cumulative_logit_log_probabilities",
    "curriculum_weights",
    "davidson_log_probabilities",
    "general_preference_scores",
    "gradient_norm_loss",
    "histogram_edges",
    "histogram_mean",
    "hl_gauss_targets",
    "kernel_density_ease",
    "non_crossing_quantiles",
    "normalised_score_ease",
    "number_of_tokens",
    "number_tokens",
    "number_tokens_mean",
    "outcome_shares",
    "private_bag_means",
    "rao_kupper_log_probabilities",
    "rasch_log_probabilities",
    "reciprocal_rank_ease",
    "step_last",
    "step_mean",
    "step_minimum",
    "step_product",
    "true_negative_weights",
    "two_hot_targets",
}


def called(name: str, arguments: Arguments) -> Tensor:
    return (LAWS[name].call or getattr(losses, name))(*arguments)


def cast(arguments: Arguments, dtype: torch.dtype) -> Arguments:
    return tuple(a.to(dtype) if isinstance(a, Tensor) and a.is_floating_point() else a for a in arguments)


def at_rows(arguments: Arguments, rows: Tensor) -> Arguments:
    return tuple(a[rows] if isinstance(a, Tensor) and a.ndim and len(a) == N else a for a in arguments)


def test_every_loss_declares_its_laws() -> None:
    assert set(LAWS) | PARTS == set(losses.__all__)
    assert {name for name in losses.__all__ if name.endswith("_loss")} == set(LAWS) | {"gradient_norm_loss"}


@pytest.mark.parametrize("name", LAWS)
def test_unchanged(name: str) -> None:
    for change in LAWS[name].unchanged:
        arguments = LAWS[name].arguments()
        assert_close(called(name, change(*arguments)), called(name, arguments), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_one_loss_per_row(name: str) -> None:
    law = LAWS[name]
    whole = called(name, law.arguments())
    assert whole.shape == (N,)
    assert not law.not_negative or bool((whole >= 0).all())
    assert bool((whole != 0).any()), "the case says something"


@pytest.mark.parametrize("name", LAWS)
def test_rows_do_not_meet_or_say_so(name: str) -> None:
    law = LAWS[name]
    arguments = law.arguments()
    whole = called(name, arguments)
    first = called(name, at_rows(arguments, torch.tensor([0])))
    assert bool((first - whole[:1]).abs().max() < 1e-12) != law.rows_meet
    said = inspect.getdoc(getattr(losses, name)) or ""
    assert ("rows of a batch meet" in said) == law.rows_meet


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"supremix_loss"}))  # which draws by row
def test_permuted_rows_give_permuted_losses(name: str) -> None:
    arguments, order = LAWS[name].arguments(), torch.randperm(N, generator=generator())
    assert_close(called(name, at_rows(arguments, order)), called(name, arguments)[order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    for position in LAWS[name].learnt:
        arguments = list(LAWS[name].arguments())
        learnt = arguments[position]
        assert isinstance(learnt, Tensor)
        arguments[position] = learnt = learnt.clone().requires_grad_()

        def total(x: Tensor, position: int = position, arguments: list[Tensor | float] = arguments) -> Tensor:
            return called(name, (*arguments[:position], x, *arguments[position + 1 :])).sum()

        assert torch.autograd.gradcheck(total, (learnt,))


@pytest.mark.parametrize("name", [name for name in LAWS if LAWS[name].least is not None])
def test_least_where_claimed(name: str) -> None:
    least = LAWS[name].least
    assert least is not None
    best, *rest = least()
    assert isinstance(best, Tensor)
    best = best.requires_grad_()
    value = called(name, (best, *rest))
    (gradient,) = torch.autograd.grad(value.sum(), best)
    assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-9)
    for seed in range(5):
        moved = called(name, (best + 0.5 * normal(*best.shape, seed=20 + seed), *rest))
        assert bool((moved >= value).all())


EXTREMES = {  # no number of half precision is greater than 65,504, and squares are taken
    "float32": (torch.float32, 1e4),
    "bfloat16": (torch.bfloat16, 1e4),
    "float16": (torch.float16, 40.0),
}


def finite_with_gradients(name: str, arguments: Arguments) -> Tensor:
    """The loss, which is finite as are the gradients of all that may be learnt."""
    learnt = [a.clone().requires_grad_() if k in LAWS[name].learnt else a for k, a in enumerate(arguments)]
    value = called(name, tuple(learnt))
    value.sum().backward()
    assert bool(value.isfinite().all())
    for position in LAWS[name].learnt:
        assert bool(learnt[position].grad.isfinite().all())
    return value


@pytest.mark.parametrize("kind", EXTREMES)
@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("name", LAWS)
def test_extreme_predictions_stay_finite(name: str, sign: float, kind: str) -> None:
    dtype, scale = EXTREMES[kind]
    prediction, *rest = cast(LAWS[name].arguments(), dtype)
    value = finite_with_gradients(name, (sign * scale * prediction, *rest))
    assert value.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
@pytest.mark.parametrize("name", LAWS)
def test_half_precise_predictions_of_precise_labels_are_near(name: str, dtype: torch.dtype) -> None:
    law = LAWS[name]
    exact = [a.to(dtype).double() if k in law.learnt else a for k, a in enumerate(law.arguments())]
    given = [a.to(dtype) if k in law.learnt else a for k, a in enumerate(cast(tuple(exact), torch.float32))]
    value = finite_with_gradients(name, tuple(given))
    tolerance = 40 * torch.finfo(dtype).eps
    assert_close(value.double(), called(name, tuple(exact)), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", LAWS)
def test_no_rows_have_no_losses(name: str) -> None:
    none = at_rows(LAWS[name].arguments(), torch.zeros(0, dtype=torch.long))
    assert finite_with_gradients(name, none).shape == (0,)


@pytest.mark.parametrize("name", LAWS)
def test_one_row_alone_stays_finite(name: str) -> None:
    for row in range(N):
        assert finite_with_gradients(name, at_rows(LAWS[name].arguments(), torch.tensor([row]))).shape == (1,)


@pytest.mark.parametrize("name", LAWS)
def test_ties_of_everything_stay_finite(name: str) -> None:
    """All rows alike; and then all their numbers alike as well."""
    arguments = LAWS[name].arguments()
    finite_with_gradients(name, at_rows(arguments, torch.zeros(N, dtype=torch.long)))
    rows = [isinstance(a, Tensor) and a.ndim > 0 and len(a) == N and a.dtype != torch.bool for a in arguments]
    finite_with_gradients(
        name, tuple(torch.full_like(a, 0.5) if own else a for a, own in zip(arguments, rows, strict=True))
    )


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_costs_nothing_and_teaches_nothing(name: str) -> None:
    """A row of which nothing is known, beside others, whatever was predicted for it."""
    prediction, label, *rest = LAWS[name].arguments()
    assert isinstance(prediction, Tensor)
    assert isinstance(label, Tensor)
    whole = called(name, (prediction, label, *rest))
    label[2] = False if label.dtype == torch.bool else torch.nan
    for garbage in (0.0, 1e30, torch.nan, torch.inf):
        prediction = torch.where(torch.arange(N)[:, None] == 2, garbage, prediction.detach()).requires_grad_()
        value = called(name, (prediction, label, *rest))
        (gradient,) = torch.autograd.grad(
            value.sum() if "bag" not in name else value[[0, 1, 3, 4, 5]].sum(), prediction
        )
        assert_close(value[[0, 1, 3, 4, 5]], whole[[0, 1, 3, 4, 5]])
        assert_close(gradient[2], torch.zeros_like(gradient[2]))
        assert bool(gradient.isfinite().all())
        if "bag" not in name:  # a bag without members still has a value
            assert value[2] == 0


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"supremix_loss"}))  # which reads the values
def test_works_on_the_device_of_its_arguments(name: str) -> None:
    elsewhere = [a.to("meta") if isinstance(a, Tensor) else a for a in LAWS[name].arguments()]
    result = called(name, tuple(elsewhere))
    assert result.device.type == "meta"
    assert result.shape == (N,)


@pytest.mark.parametrize("name", LAWS)
def test_half_precision_is_near(name: str) -> None:
    exact = called(name, LAWS[name].arguments())
    half = called(name, cast(LAWS[name].arguments(), torch.float32))
    assert_close(half.double(), exact, rtol=1e-5, atol=1e-5)
