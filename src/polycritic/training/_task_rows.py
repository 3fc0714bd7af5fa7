"""The tasks' gradients of one step of a critic, whose texts may be read by several tasks and whose step may be cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polycritic.core import Feedback, PolycriticError
from polycritic.critic import Critic
from polycritic.training._forward import Forward
from polycritic.training._gramian._batch import TaskBatch
from polycritic.training._gramian._capture import Capture
from polycritic.training._gramian._found import write
from polycritic.training._gramian._ledger import Ledger
from polycritic.training._gramian._pool import Pool
from polycritic.training._gramian._propagate import check_rows, check_tasks, propagate
from polycritic.training._gramian._strategies import leaves
from polycritic.training._processes import Processes

Parameters = Mapping[str, nn.Parameter]


class StepRows:
    """What one step's backward passes said.

    Args:
        looked_at: Gradients of the parameters that are looked at.
        others: Gradients of all others, where they are known by task.
        heads: Losses (t,) of each part with the graph of what stands on the features.
        processes: Those that share the step.
    """

    def __init__(self, looked_at: Ledger, others: Ledger, processes: Processes) -> None:
        self.looked_at, self.others, self.processes = looked_at, others, processes
        self.heads: list[Tensor] = []
        self.losses = torch.zeros(looked_at.count)
        self.tokens = 0
        self.fallback = ""

    def rows(self) -> Tensor:
        """All tasks' gradients, (t, p), summed over processes."""
        return self.processes.add(self.looked_at.rows())

    def gramian(self) -> Tensor:
        """Their inner products, (t, t): rows are added over processes first: products of sums are not sums of products."""
        return self.looked_at.gramian(None if self.processes.count == 1 else self.processes.add)

    def combine(self, weights: Tensor) -> None:
        """Set ``.grad`` of this process to the weighted sum of its tasks' gradients."""
        for ledger in (self.looked_at, self.others):
            write(ledger.parameters, ledger.combine(weights))
        for losses in self.heads:
            loss = (weights.to(losses) * losses).sum()
            wanted = [p for p in leaves(loss) if isinstance(p, nn.Parameter) and p not in self.looked_at]
            if wanted:
                torch.autograd.backward(loss, inputs=wanted)


class TaskRows:
    """Finds the tasks' gradients of steps of a critic, in one pass where its layers allow it.

    Where tasks meet is the backbone: its trainable parameters are looked at, or, where it has none, what stands on it but the
    tasks' own heads.

    Args:
        forward: The critic's forward passes.
        processes: Those that share steps.
        whole: Whether all trainable parameters are looked at, and rows kept.
    """

    def __init__(self, forward: Forward, processes: Processes, *, whole: bool) -> None:
        self.forward, self.processes, self.whole = forward, processes, whole
        self.critic: Critic = forward.critic
        trainable = {name: p for name, p in self.critic.named_parameters() if p.requires_grad}
        mine = {name: p for name, p in trainable.items() if name.startswith("backbone.")}
        shared = mine or {name: p for name, p in trainable.items() if not name.startswith("heads.")}
        self.looked_at = trainable if whole else shared
        self.others = {name: p for name, p in trainable.items() if name not in self.looked_at}
        self.fallback = ""
        self._first = True
        self._pool = Pool()

    def __call__(self, parts: Sequence[list[Feedback]], totals: Mapping[str, float]) -> StepRows:
        """All parts' gradients."""
        if not self.fallback:
            state = torch.get_rng_state()
            try:
                return self._one_pass(parts, totals)
            except PolycriticError as error:
                self.fallback = str(error)
                torch.set_rng_state(state)
        return self._sub_batches(parts, totals)

    def _start(self, *, rows: bool) -> StepRows:
        count = len(self.forward.tasks)
        found = StepRows(
            Ledger(self.looked_at, count, keep_rows=rows, pool=self._pool),
            Ledger(self.others, count, keep_rows=rows),
            self.processes,
        )
        found.losses = torch.zeros(count, device=self.critic.device)
        return found

    def _one_pass(self, parts: Sequence[list[Feedback]], totals: Mapping[str, float]) -> StepRows:
        found = self._start(rows=self.whole or len(parts) > 1)
        ledger = found.looked_at
        for part in parts:
            batch = self.forward.batch(part, totals)
            columns = self.forward.columns(batch)
            tasks = columns[batch.column]
            with Capture(self.critic.backbone, ledger) as capture, _Cut(self.critic) as cut:
                losses = self.forward.losses(batch, self.forward.features(batch))
                features, leaf = cut.pieces()
                if self._first and parts:
                    check_tasks(losses, leaf, tasks)
                    if capture.parameters:
                        check_rows(capture, features, batch.sequence)
                (delta,) = torch.autograd.grad(losses.sum(), leaf, retain_graph=True)
                if capture.parameters:
                    propagate(capture, features, delta, tasks, batch.sequence)
            above = {name: p for name, p in self.looked_at.items() if name not in capture.parameters}
            for task in columns.tolist() if above else []:
                gradients = torch.autograd.grad(
                    losses[task], list(above.values()), retain_graph=True, allow_unused=True
                )
                ledger.add_row(task, dict(zip(above, gradients, strict=True)))
            if len(parts) > 1:
                ledger.settle_rows()
            found.heads.append(losses)
            found.losses += losses.detach()
            found.tokens += batch.tokens
            self._first = False
        return found

    def _sub_batches(self, parts: Sequence[list[Feedback]], totals: Mapping[str, float]) -> StepRows:
        found = self._start(rows=True)
        found.fallback = self.fallback
        named = {**self.looked_at, **self.others}
        for part in parts:
            for name in dict.fromkeys(row.task for row in part):
                task = list(self.forward.tasks).index(name)
                batch = self.forward.batch([row for row in part if row.task == name], totals)
                loss = self.forward.losses(batch, self.forward.features(batch))[task]
                gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
                pairs = dict(zip(named, gradients, strict=True))
                found.looked_at.add_row(task, {key: pairs[key] for key in self.looked_at})
                found.others.add_row(task, {key: pairs[key] for key in self.others})
                found.losses[task] += loss.detach()
                found.tokens += batch.tokens
        return found

    def batch(self, rows: Sequence[Feedback], totals: Mapping[str, float]) -> TaskBatch:
        """Rows as a batch of tasks, read task by task."""
        names = list(self.forward.tasks)
        tasks = torch.tensor([names.index(row.task) for row in rows], dtype=torch.long)
        made: dict[int, Any] = {}

        def encode(chosen: Tensor) -> Tensor:
            compiled = self.forward.batch([rows[int(i)] for i in chosen], totals)
            features = self.forward.features(compiled)
            made[id(features)] = compiled
            return features

        def losses(features: Tensor, chosen: Tensor) -> Tensor:
            del chosen
            return self.forward.losses(made.pop(id(features)), features)

        return TaskBatch(encode, losses, tasks, len(names))


class _Cut:
    """Cuts the graph of a critic's forward pass where texts have become features, one vector for each readout and task."""

    def __init__(self, critic: Critic) -> None:
        self.critic = critic
        self.found: list[tuple[Tensor, Tensor]] = []

    def __enter__(self) -> _Cut:
        self._hook = self.critic.sharing.register_forward_pre_hook(self._cut)
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.remove()

    def _cut(self, module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        del module
        features, *rest = args
        leaf = features.detach().requires_grad_()
        self.found.append((features, leaf))
        return (leaf, *rest)

    def pieces(self) -> tuple[Tensor, Tensor]:
        """The features with the backbone's graph, and the leaf from which everything else follows."""
        if len(self.found) != 1:
            raise PolycriticError(
                "a critic that shapes its features more than once a pass", found=str(len(self.found)), expected="1"
            )
        return self.found[0]
