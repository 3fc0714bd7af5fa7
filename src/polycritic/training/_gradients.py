"""The gradient of one step: many losses, a balancer or a combiner, one ``.grad``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeGuard, cast

import torch
from torch import Tensor

from polycritic.core import Feedback, PolycriticError
from polycritic.training._agreement import Agreement, agreement
from polycritic.training._around import rows_around
from polycritic.training._forward import Forward
from polycritic.training._gramian._products import products
from polycritic.training._processes import Processes
from polycritic.training._rep_mtl import Regularizer
from polycritic.training._task_rows import StepRows, TaskRows
from polycritic.training.balancing import Balancer, Combiner, LooksAround


@dataclass(frozen=True, slots=True)
class Gradient:
    """What came out beside ``.grad``: by task losses, weights and lengths of gradients; tokens read; why sub-batches were taken.

    ``norms`` is empty, and ``cosine`` and ``conflicts`` are None, where the tasks' gradients were not found one by one.
    """

    losses: dict[str, float]
    weights: dict[str, float]
    tokens: int
    fallback: str
    norms: dict[str, float]
    cosine: float | None
    conflicts: float | None


class Gradients:
    """Finds the gradient of a step that may be cut into parts and spread over processes.

    Args:
        forward: The critic's forward passes.
        balancer: Weighs losses, or combines gradients.
        processes: Those that share the step.
        regularizer: Whose gradient is added to that of the losses, however they are balanced.
    """

    def __init__(
        self,
        forward: Forward,
        balancer: Balancer | Combiner,
        processes: Processes,
        regularizer: Regularizer | None = None,
    ) -> None:
        self.forward, self.balancer, self.processes, self.regularizer = forward, balancer, processes, regularizer
        self.parameters = {name: p for name, p in forward.critic.named_parameters() if p.requires_grad}
        self._task_rows: TaskRows | None = None

    def __call__(self, parts: Sequence[list[Feedback]], totals: Mapping[str, float], seed: int) -> Gradient:
        """Set ``.grad`` from this process's parts of a step.

        Args:
            parts: Rows, in pieces that one pass reads.
            totals: The weight of each task's rows in the whole step.
            seed: Drives dropout.
        """
        weights, fallback, seen = None, "", Agreement()
        if _is_combiner(self.balancer):
            found = self._by_task(parts, totals, seed)
            losses, tokens, fallback = self.processes.add(found.losses), found.tokens, found.fallback
            rows = found.rows()
            self._combine(self.balancer, self._known(losses, totals), rows, parts, totals, seed)
            seen = agreement(products(rows[self._present(totals)]))
        elif (balancer := cast("Balancer", self.balancer)).needs_gramian:
            found = self._by_task(parts, totals, seed)
            losses, tokens, fallback = self.processes.add(found.losses), found.tokens, found.fallback
            present = self._present(totals)
            there = present.nonzero().squeeze(-1)
            gramian = cache(lambda: _part(found.gramian(), there))
            weights = balancer(self._known(losses, totals), gramian)
            seen = agreement(gramian())
            found.combine(torch.where(present, weights, 0.0))
            self.processes.add_gradients(self.parameters.values())
        else:
            losses, weights, tokens = self._plain(balancer, parts, totals, seed)
        if self.regularizer is not None:
            self._regularize(self.regularizer, parts, totals, seed)
        names = [(i, name) for i, name in enumerate(self.forward.tasks) if name in totals]
        return Gradient(
            {name: float(losses[i]) for i, name in names},
            {} if weights is None else {name: float(weights[i]) for i, name in names},
            tokens,
            fallback,
            dict(zip((name for _, name in names), seen.norms, strict=True)) if seen.norms else {},
            seen.cosine,
            seen.conflicts,
        )

    def losses(self, parts: Sequence[list[Feedback]], totals: Mapping[str, float], seed: int) -> Tensor:
        """All processes' losses (t,) without gradients; NaN where a task is absent."""
        total = torch.zeros(len(self.forward.tasks), device=self.forward.critic.device)
        with torch.no_grad(), self.forward.random(seed):
            for part in parts:
                batch = self.forward.batch(part, totals)
                total += self.forward.losses(batch, self.forward.features(batch))
        return self._known(self.processes.add(total), totals)

    def _plain(
        self, balancer: Balancer, parts: Sequence[list[Feedback]], totals: Mapping[str, float], seed: int
    ) -> tuple[Tensor, Tensor, int]:
        """Weights from losses, and the weighted sum's ordinary gradient, part by part."""
        present = self._present(totals)
        weights: Tensor | None = None
        if len(parts) != 1 or self.processes.count > 1:
            known = self.losses(parts, totals, seed) if balancer.needs_losses else present / present
            weights = balancer(known, _no_gramian)
        done = torch.zeros(len(present), device=present.device)
        tokens = 0
        with self.forward.random(seed):
            for part in parts:
                batch = self.forward.batch(part, totals)
                losses = self.forward.losses(batch, self.forward.features(batch))
                tokens += batch.tokens
                done += losses.detach()
                if weights is None:
                    weights = balancer(torch.where(present, losses.detach(), torch.nan), _no_gramian)
                (torch.where(present, weights, 0.0) * losses).sum().backward()
        self.processes.add_gradients(self.parameters.values())
        assert weights is not None
        return self.processes.add(done), weights, tokens

    def _by_task(self, parts: Sequence[list[Feedback]], totals: Mapping[str, float], seed: int) -> StepRows:
        if self._task_rows is None:
            self._task_rows = TaskRows(self.forward, self.processes, whole=_is_combiner(self.balancer))
        with self.forward.random(seed):
            return self._task_rows(parts, totals)

    def _combine(
        self,
        combiner: Combiner,
        losses: Tensor,
        rows: Tensor,
        parts: Sequence[list[Feedback]],
        totals: Mapping[str, float],
        seed: int,
    ) -> None:
        """Set ``.grad`` to the direction; rows are all processes', so each comes to the same."""
        if isinstance(combiner, LooksAround):
            assert self._task_rows is not None
            offsets = combiner.offsets(losses, rows)
            nearby = torch.zeros_like(offsets)
            with self.forward.random(seed):
                for part in parts:
                    nearby += rows_around(self.parameters, self._task_rows.batch(part, totals), offsets)
            combiner.around(self.processes.add(nearby))
        direction = combiner(losses, rows)
        pieces = direction.split([p.numel() for p in self.parameters.values()])
        for p, piece in zip(self.parameters.values(), pieces, strict=True):
            p.grad = piece.view_as(p).to(p)

    def _regularize(
        self, regularizer: Regularizer, parts: Sequence[list[Feedback]], totals: Mapping[str, float], seed: int
    ) -> None:
        """Add the gradient of the mean over parts, each by its rows, to ``.grad``."""
        device = self.forward.critic.device
        held = list(self.parameters.values())
        count = float(self.processes.add(torch.tensor(float(sum(len(part) for part in parts)), device=device)))
        found: dict[int, Tensor] = {}
        with self.forward.random(seed):
            for part in parts:
                value = regularizer(self.forward.critic, self.forward.batch(part, totals))
                gradients = torch.autograd.grad(value, held, allow_unused=True)
                for i, gradient in enumerate(gradients):
                    if gradient is not None:
                        found[i] = len(part) / count * gradient + found.get(i, 0.0)
        for i, p in enumerate(held):
            if i in found or self.processes.count > 1:
                added = self.processes.add(found.get(i, torch.zeros_like(p)))
                p.grad = added if p.grad is None else p.grad + added

    def _present(self, totals: Mapping[str, float]) -> Tensor:
        return torch.tensor([name in totals for name in self.forward.tasks], device=self.forward.critic.device)

    def _known(self, losses: Tensor, totals: Mapping[str, float]) -> Tensor:
        return torch.where(self._present(totals), losses, torch.nan)


def _is_combiner(balancer: Balancer | Combiner) -> TypeGuard[Combiner]:
    return hasattr(balancer, "needs_rows")


def _part(products: Tensor, there: Tensor) -> Tensor:
    there = there.to(products.device)
    return products[there][:, there]


def _no_gramian() -> Tensor:
    raise PolycriticError(
        "this balancer asks for the tasks' gradients",
        expected="a balancer whose needs_gramian says so before the step",
    )
