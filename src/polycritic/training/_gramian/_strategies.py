"""Ways to the tasks' gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from polycritic.core import PolycriticError
from polycritic.training._gramian._batch import TaskBatch
from polycritic.training._gramian._capture import Capture
from polycritic.training._gramian._found import Found, write
from polycritic.training._gramian._ledger import Ledger
from polycritic.training._gramian._pool import Pool
from polycritic.training._gramian._propagate import check_rows, check_tasks, propagate, turns

Parameters = Mapping[str, nn.Parameter]


class Strategy(Protocol):
    """A way to the gradients of the tasks of one batch."""

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool) -> Found:
        """Find them; ``check`` sees first whether rows are kept apart, at the price of one more backward pass."""
        ...


@dataclass(frozen=True, slots=True)
class Gram:
    """One backward pass; each layer keeps its tasks' gradients, or where they are large, what went in and came back.

    Memory does not grow with the number of tasks, and is kept for the next step. Right where the weights need the Gramian.

    Args:
        scale: What losses are multiplied by before the backward pass, for half precision.

    >>> Gram()
    Gram(scale=1.0)
    """

    scale: float = 1.0
    _pool: Pool = field(default_factory=Pool, repr=False, compare=False)

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """One pass."""
        ledger = Ledger(parameters, batch.count, pool=self._pool)
        return _one_pass(model, parameters, batch, ledger, self.scale, check=check)


@dataclass(frozen=True, slots=True)
class Rows:
    """One backward pass; all tasks' gradients are kept, t times the size of the named parameters.

    Right for adapters, and where the gradients themselves are wanted. The memory is kept for the next step.

    Args:
        scale: What losses are multiplied by before the backward pass, for half precision.

    >>> Rows()
    Rows(scale=1.0)
    """

    scale: float = 1.0
    _pool: Pool = field(default_factory=Pool, repr=False, compare=False)

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """One pass."""
        ledger = Ledger(parameters, batch.count, keep_rows=True, pool=self._pool)
        return _one_pass(model, parameters, batch, ledger, self.scale, check=check)


@dataclass(slots=True)
class Lagged:
    """One backward pass in which each layer's gradients are combined at once, with weights from the last step's Gramian.

    Memory is a plain step's and one layer's rows, and checkpointing saves what it saves otherwise. Right for training all
    weights of a large model. The first step's weights are equal.

    Args:
        weigh: A step's Gramian (t, t) to weights (t,).

    >>> Lagged(weigh=lambda gramian: gramian.diagonal().rsqrt()).weights is None
    True
    """

    weigh: Callable[[Tensor], Tensor]
    weights: Tensor | None = field(default=None, repr=False)

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """One pass with the weights at hand; then the next step's weights."""
        weights = torch.full((batch.count,), 1.0 / batch.count) if self.weights is None else self.weights
        found = _one_pass(model, parameters, batch, Ledger(parameters, batch.count, lagged=weights), 1.0, check=check)
        self.weights = self.weigh(found.gramian()).detach()
        return found


@dataclass(frozen=True, slots=True)
class SubBatches:
    """One forward and backward pass for each task's rows alone. Asks nothing of the layers; right for any model.

    >>> SubBatches()
    SubBatches()
    """

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """A pass per task."""
        del check
        asked = _Asked(model, parameters, batch)
        losses = batch.tasks.new_zeros(batch.count, dtype=torch.float32)
        for task in torch.unique(batch.tasks).tolist():
            rows = (batch.tasks == task).nonzero().squeeze(-1)
            loss = batch.losses(batch.encode(rows), rows)[task]
            asked.add(task, loss, keep=False)
            losses[task] = loss.detach()
        return asked.found(losses)


@dataclass(frozen=True, slots=True)
class Passes:
    """One forward pass and a backward pass for each task. Asks nothing of layers nor of losses; the slowest.

    >>> Passes()
    Passes()
    """

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """A backward pass per task."""
        del check
        asked = _Asked(model, parameters, batch)
        losses = batch.losses(batch.encode(batch.all), batch.all)
        present = torch.unique(batch.tasks).tolist()
        for task in present:
            asked.add(task, losses[task], keep=task != present[-1])
        return asked.found(losses.detach())


@dataclass(frozen=True, slots=True)
class Representation:
    """The tasks' gradients by the features of each text instead of by parameters: an upper bound that costs next to nothing.

    Only texts that several tasks read tell anything: tasks that share no text have inner product zero. Right for many
    judgements of the same texts.

    >>> Representation()
    Representation()

    References:
        Sener and Koltun (2018), Multi-Task Learning as Multi-Objective Optimization.
    """

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """A pass through what stands on the features."""
        del parameters
        if int(turns(batch.tasks, batch.sequence, batch.count).max()) == 0:
            raise PolycriticError(
                "tasks that share no text have nothing to compare at their features",
                expected="texts that several tasks read",
                mend="Take Gram()",
            )
        features = batch.encode(batch.all)
        leaf = features.detach().requires_grad_()
        losses = batch.losses(leaf, batch.all)
        if check:
            check_tasks(losses, leaf, batch.tasks)
        (delta,) = torch.autograd.grad(losses.sum(), leaf, retain_graph=True)
        texts, place = torch.unique(batch.sequence, return_inverse=True)
        rows = delta.new_zeros(batch.count * len(texts), delta.shape[1])
        rows = rows.index_add(0, batch.tasks * len(texts) + place, delta).view(batch.count, len(texts), -1)
        ledger = Ledger({"features": nn.Parameter(torch.empty_like(rows[0]), requires_grad=False)}, batch.count)
        for task in range(batch.count):
            ledger.add_row(task, {"features": rows[task]})
        trainable = [p for p in model.parameters() if p.requires_grad]

        def rest(weights: Tensor) -> None:
            weighted = weights.to(delta)[batch.tasks].unsqueeze(-1) * delta
            torch.autograd.backward(features, weighted, inputs=trainable)
            _heads(losses, leaf, weights)

        return Found(ledger, losses.detach(), rest)


@dataclass(frozen=True, slots=True)
class Auto:
    """:class:`Gram` where every layer has a rule and keeps rows apart, else :class:`SubBatches`; the result says why.

    >>> Auto()
    Auto()
    """

    _gram: Gram = field(default_factory=Gram, repr=False, compare=False)

    def __call__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch, /, *, check: bool = False) -> Found:
        """One pass, or as many as needed."""
        try:
            return self._gram(model, parameters, batch, check=check)
        except PolycriticError as error:
            found = SubBatches()(model, parameters, batch)
            found.fallback = str(error)
            return found


def _one_pass(
    model: nn.Module, parameters: Parameters, batch: TaskBatch, ledger: Ledger, scale: float, *, check: bool
) -> Found:
    capture = Capture(model, ledger)
    with capture:  # to the end of the backward pass: a checkpoint makes its part anew there
        features = batch.encode(batch.all)
        others = [p for p in model.parameters() if p.requires_grad]
        leaf = features.detach().requires_grad_()
        losses = batch.losses(leaf, batch.all)
        if check:
            check_tasks(losses, leaf, batch.tasks)
            check_rows(capture, features, batch.sequence)
        (delta,) = torch.autograd.grad(scale * losses.sum(), leaf, retain_graph=True)
        if capture.parameters:
            propagate(capture, features, delta.to(features), batch.tasks, batch.sequence, keep=bool(others))
    above = {name: p for name, p in parameters.items() if name not in capture.parameters}
    for task in torch.unique(batch.tasks).tolist() if above else []:
        ledger.add_row(task, _gradients(scale * losses[task], above, keep=True))

    def rest(weights: Tensor) -> None:
        if others:
            weighted = weights.to(delta)[batch.tasks].unsqueeze(-1) * delta / scale
            capture.silent = True
            with capture:
                torch.autograd.backward(features, weighted.to(features), inputs=others)
        _heads(losses, leaf, weights, list(above.values()))

    passes = 1 + int(turns(batch.tasks, batch.sequence, batch.count).max())
    return Found(ledger, losses.detach(), rest, scale=scale, passes=passes)


def _heads(losses: Tensor, leaf: Tensor, weights: Tensor, without: Sequence[nn.Parameter] = ()) -> None:
    """The weighted losses' ordinary gradient of everything that stands on the features."""
    loss = (weights.to(losses) * losses).sum()
    left_out = {id(leaf), *(id(p) for p in without)}
    wanted = [p for p in leaves(loss) if id(p) not in left_out]
    if wanted:
        torch.autograd.backward(loss, inputs=wanted)


def _gradients(loss: Tensor, parameters: Parameters, *, keep: bool) -> dict[str, Tensor | None]:
    found = torch.autograd.grad(loss, list(parameters.values()), retain_graph=keep, allow_unused=True)
    return dict(zip(parameters, found, strict=True))


class _Asked:
    """Gradients that autograd is asked for, one task after the other."""

    def __init__(self, model: nn.Module, parameters: Parameters, batch: TaskBatch) -> None:
        named = {id(p) for p in parameters.values()}
        self.parameters, self.batch = dict(parameters), batch
        self.ledger = Ledger(parameters, batch.count)
        self.named = named
        self.model = model
        self.others: dict[int, list[tuple[nn.Parameter, Tensor]]] = {}

    def add(self, task: int, loss: Tensor, *, keep: bool) -> None:
        others = [p for p in leaves(loss) if id(p) not in self.named]
        wanted = [*self.parameters.values(), *others]
        found = torch.autograd.grad(loss, wanted, retain_graph=keep, allow_unused=True)
        size = len(self.parameters)
        self.ledger.add_row(task, dict(zip(self.parameters, found[:size], strict=True)))
        self.others[task] = [(p, g) for p, g in zip(others, found[size:], strict=True) if g is not None]

    def found(self, losses: Tensor) -> Found:
        def rest(weights: Tensor) -> None:
            for task, pairs in self.others.items():
                for p, gradient in pairs:
                    write({"": p}, {"": weights[task].to(gradient) * gradient})

        return Found(self.ledger, losses, rest, passes=len(self.others))


def leaves(loss: Tensor) -> list[nn.Parameter]:
    """The leaves of a loss's graph that take gradients."""
    seen, found, left = set(), [], [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            found.append(variable)
        left += [following for following, _ in node.next_functions]
    return found
