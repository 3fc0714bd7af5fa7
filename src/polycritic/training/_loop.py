"""The training loop: a generator of steps."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from polycritic.core import Feedback, PolycriticError, Task
from polycritic.critic import Critic, weight_totals
from polycritic.training import _checkpoint
from polycritic.training._forward import Forward
from polycritic.training._gradients import Gradients
from polycritic.training._processes import Processes
from polycritic.training._quality import quality
from polycritic.training._recipe import Recipe
from polycritic.training._rows import RowOrder, task_index
from polycritic.training._surface import fit_surface
from polycritic.training.balancing import LooksAhead, LooksBack, Validated

if TYPE_CHECKING:
    from accelerate import Accelerator


_MOST_ROWS = 500
"""Of each task, shown to a balancer that looks ahead."""
_MOST_KEYED = 5_000
"""Of all, by which a checkpoint knows its run."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one update did.

    Args:
        number: From 1.
        losses: Mean loss of each task that was present.
        weights: The balancer's weight of each; empty where gradients were combined instead.
        rate: Learning rate, as a share of its peak.
        gradient_norm: Before clipping.
        tokens: Tokens read, without padding.
        seconds: Wall time.
        validation: Quality on the validation rows, after steps that looked; else None.
        fallback: Why the tasks' gradients took a pass for each task; empty where they did not.
        task_norms: Length of each task's gradient, in steps that found them one by one; else empty.
        cosine: Mean cosine between two tasks' gradients, in those steps; else None.
        conflicts: Share of pairs of tasks whose cosine is below zero, likewise.
    """

    number: int
    losses: dict[str, float]
    weights: dict[str, float]
    rate: float
    gradient_norm: float
    tokens: int
    seconds: float
    validation: float | None = None
    fallback: str = ""
    task_norms: dict[str, float] = field(default_factory=dict)
    cosine: float | None = None
    conflicts: float | None = None

    @property
    def loss(self) -> float:
        """The mean loss over the tasks present."""
        return sum(self.losses.values()) / max(len(self.losses), 1)


def train(
    critic: Critic,
    feedback: Sequence[Feedback],
    recipe: Recipe | None = None,
    *,
    folder: Path | str | None = None,
    validation: Sequence[Feedback] = (),
    accelerator: Accelerator | None = None,
) -> Iterator[Step]:
    """Train a critic; each step is yielded after its update.

    With a folder, every step goes to ``log.jsonl`` there, and a checkpoint is kept: calling again with the same critic,
    feedback and recipe goes on from it, to the same bits on the same device. Stopping the iteration, Ctrl-C included,
    leaves a checkpoint of the last complete step. With validation rows, the best state seen is the critic's when the iterator
    ends; the first to be seen is the state before the first step, in which the surface term knows all rows already.

    Several processes share a step's rows and add up their gradients, so that n processes do what one does.

    Args:
        critic: Trained in place.
        feedback: Rows of the critic's tasks.
        recipe: How.
        folder: Where the log and the checkpoint live.
        validation: Held-out rows for choosing the best state and for early stopping.
        accelerator: From accelerate, for several processes or another device.

    Yields:
        One :class:`Step` per update.

    Raises:
        PolycriticError: A row's task is unknown, or the folder's checkpoint belongs to another run.

    >>> from polycritic.core import Binary, Candidate, Rating, Task
    >>> from polycritic.critic.backbones import Words
    >>> rows = [Rating(task="even", candidate=Candidate("", str(n)), value=float(n % 2 == 0)) for n in range(8)]
    >>> critic = Critic([Task("even", scale=Binary())], Words())
    >>> steps = list(train(critic, rows, Recipe(steps=20)))
    >>> steps[-1].loss < steps[0].loss
    True
    """
    recipe = recipe or Recipe()
    run = _Run(critic, feedback, recipe, Path(folder) if folder is not None else None, validation, accelerator)
    run.resume()
    run.look_at_the_start()
    try:
        while run.number < recipe.steps and run.looks_without_gain < recipe.patience:
            yield run.step()
    finally:
        run.checkpoint()
    run.finish()


class _Run:
    """One run's state: what a checkpoint holds."""

    def __init__(
        self,
        critic: Critic,
        feedback: Sequence[Feedback],
        recipe: Recipe,
        folder: Path | None,
        validation: Sequence[Feedback],
        accelerator: Accelerator | None,
    ) -> None:
        self.critic, self.feedback, self.recipe, self.folder = critic, feedback, recipe, folder
        self.validation = validation
        if accelerator is not None:
            critic.to(accelerator.device)
        self.tasks: dict[str, Task] = {task.name: task for task in critic.tasks}
        names = list(self.tasks)
        index = task_index(feedback, names)
        if len(feedback) == 0 or int(index.min()) < 0:
            found = feedback[int(index.argmin())].task if len(feedback) else "no rows"
            raise PolycriticError("feedback the critic has no task for", found=repr(found), mend="Add the task first")
        self.order = RowOrder(index, len(names), recipe.sampler, recipe.seed)
        self.balancer = recipe.balancer(critic.tasks)
        if isinstance(self.balancer, Validated) and not validation:
            raise PolycriticError(
                "a balancer that looks at validation losses has none to look at",
                where=type(self.balancer).__name__,
                mend="Pass validation rows to train",
            )
        if isinstance(self.balancer, LooksAhead):
            self.balancer.ahead([feedback[int(i)] for i in self.order.sample(_MOST_ROWS)])
        self.processes = Processes(accelerator)
        self.gradients = Gradients(Forward(critic, recipe.precision), self.balancer, self.processes, recipe.regularizer)
        mine = [(name, p) for name, p in critic.named_parameters() if name.startswith("backbone.")]
        rest = [(name, p) for name, p in critic.named_parameters() if not name.startswith("backbone.")]
        self.optimizer = recipe.optimizer.make(mine, rest)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.validation_totals = weight_totals(validation)
        self.number = 0
        self.looks_without_gain = 0
        self.best_quality = -math.inf
        self.best: dict[str, Tensor] | None = None
        self.saved = -1

    def step(self) -> Step:
        start = time.perf_counter()
        recipe = self.recipe
        rows = [self.feedback[int(i)] for i in self.order.step(self.number, recipe.rows)]
        totals = weight_totals(rows)
        share = recipe.optimizer.rate(self.number, recipe.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        self.optimizer.zero_grad(set_to_none=True)
        self.critic.train()
        parts, seed = self._parts(rows), self._seed(self.number)
        gradient = self.gradients(parts, totals, seed)
        norm = nn.utils.clip_grad_norm_(self.parameters, recipe.optimizer.clip)
        if not bool(torch.isfinite(norm)):
            raise PolycriticError(
                "the gradient is not finite",
                where=f"step {self.number + 1}",
                found=", ".join(f"{n}: {v:.3g}" for n, v in gradient.losses.items())[:200],
                mend="Lower the learning rate, or look at the rows of the task whose loss is not finite",
            )
        self.optimizer.step()
        self.number += 1
        if isinstance(self.balancer, LooksBack):
            self.balancer.after_step(self.gradients.losses(parts, totals, seed))
        seen = self._look() if self.validation and self._is_time(recipe.validate_every) else None
        step = Step(
            self.number,
            gradient.losses,
            gradient.weights,
            share,
            float(norm),
            gradient.tokens,
            time.perf_counter() - start,
            validation=seen,
            fallback=gradient.fallback,
            task_norms=gradient.norms,
            cosine=gradient.cosine,
            conflicts=gradient.conflicts,
        )
        self._log(step)
        if self.number % recipe.checkpoint_every == 0:
            self.checkpoint()
        return step

    def _is_time(self, every: int) -> bool:
        return self.number % every == 0 or self.number == self.recipe.steps

    def _parts(self, rows: Sequence[Feedback], most: int = 0) -> list[list[Feedback]]:
        mine = self.processes.share(rows)
        size = self.recipe.micro_rows or most or max(len(mine), 1)
        return [mine[i : i + size] for i in range(0, len(mine), size)]

    def _seed(self, number: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.recipe.seed}/{number}".encode()).digest()[:6])

    def look_at_the_start(self) -> None:
        """See how good the critic is before the first step."""
        if self.validation and self.number == 0 and self.best is None:
            self._compare()

    def _look(self) -> float:
        if isinstance(self.balancer, Validated):
            parts = self._parts(self.validation, most=self.recipe.rows)
            self.balancer.validated(self.gradients.losses(parts, self.validation_totals, 0))
        return self._compare()

    def _compare(self) -> float:
        seen = quality(self.critic, self.validation, self.critic.tasks)
        if seen > self.best_quality:
            self.best_quality, self.looks_without_gain = seen, 0
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self._trained()}
        else:
            self.looks_without_gain += 1
        return seen

    def _trained(self) -> Iterator[tuple[str, Tensor]]:
        frozen = {name for name, p in self.critic.named_parameters() if not p.requires_grad}
        return ((name, tensor) for name, tensor in self.critic.state_dict().items() if name not in frozen)

    def finish(self) -> None:
        """Leave the critic in its best state, ready to judge."""
        if self.best is not None:
            self.critic.load_state_dict(self.best, strict=False)
        self.critic.eval()

    def checkpoint(self) -> None:
        if self.folder is None or self.saved == self.number or not self.processes.is_main:
            return
        _checkpoint.write(
            self.folder / "checkpoint.pt",
            {
                "run": self._key,
                "number": self.number,
                "critic": {name: tensor.detach().cpu() for name, tensor in self._trained()},
                "optimizer": self.optimizer.state_dict(),
                "order": self.order.state_dict(),
                "balancer": self.balancer.state_dict(),
                "looks_without_gain": self.looks_without_gain,
                "best_quality": self.best_quality,
                "best": self.best,
            },
        )
        self.saved = self.number

    def resume(self) -> None:
        state = _checkpoint.read(self.folder / "checkpoint.pt") if self.folder is not None else None
        if state is None:
            fit_surface(self.critic, self.feedback)
            return
        if state["run"] != self._key:
            raise PolycriticError(
                "the folder's checkpoint belongs to another run",
                where=str(self.folder),
                expected="the same tasks, rows and recipe as before",
                mend="Name another folder, or remove checkpoint.pt to start anew",
            )
        self.critic.load_state_dict(state["critic"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.load_state_dict(state["order"])
        self.balancer.load_state_dict(state["balancer"])
        self.number = self.saved = int(state["number"])
        self.looks_without_gain = int(state["looks_without_gain"])
        self.best_quality, self.best = float(state["best_quality"]), state["best"]
        self._cut_log()

    @cached_property
    def _key(self) -> str:
        """What tells this run from another one: recipe, critic and rows, of very many an evenly spread sample."""
        named = ("checkpoint_every", "balancer", "regularizer", "sampler")
        recipe = {k: v for k, v in asdict(self.recipe).items() if k not in named}
        parts = [
            json.dumps(recipe, default=repr, sort_keys=True),
            getattr(self.recipe.balancer, "__qualname__", repr(self.recipe.balancer)),
            getattr(self.recipe.regularizer, "__qualname__", repr(self.recipe.regularizer)),
            repr(self.recipe.sampler),
            repr(self.critic.tasks),
            repr(self.order.sizes.tolist()),
            repr(self.critic.backbone.spec()),
            *(repr(astuple(row)) for rows in (self.feedback, self.validation) for row in _spread(rows)),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _log(self, step: Step) -> None:
        if self.folder is None or not self.processes.is_main:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(step)) + "\n")

    def _cut_log(self) -> None:
        """Drop the lines of steps that are going to be repeated."""
        path = self.folder / "log.jsonl" if self.folder is not None else None
        if path is None or not path.is_file() or not self.processes.is_main:
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            with contextlib.suppress(ValueError):
                if json.loads(line)["number"] <= self.number:
                    kept.append(line)
        path.write_text("".join(kept), encoding="utf-8")


def _spread(rows: Sequence[Feedback]) -> Iterator[Feedback]:
    """All rows, or of very many an evenly spread sample."""
    return (rows[i] for i in range(0, len(rows), math.ceil(len(rows) / _MOST_KEYED) or 1))
