"""What every task's gradient costs beside a plain training step, for ours and for others' ways, in turn in one process.

    python benchmarks/task_gradients.py [--tasks 8 32 64] [--tuning lora full] [--pooling mean] [--repeats 2] [--json out.json]

The encoder is the embedded MiniLM (6 layers), the batch 64 texts of 64 tokens, each of one task, with a linear head per task.
Texts are read at their first token or, with ``--pooling mean``, at the mean of all: then no token of the last layer is without
a gradient, and none can be left out. No text is padded, where leaving out would help too.
Every way ends with the same combined gradient in ``.grad``, the solver (Aligned-MTL) included, where it needs one. Printed are
ratios of CPU time to the plain step of the same round (median over rounds, one thread), and of peak memory above the resident
model; what a way keeps from step to step counts as its peak too.

- plain: one forward and backward pass of the sum.
- ours: rows, gram, lagged.
- sub_batches: a forward and backward pass per task. passes: one forward pass and a backward pass per task.
- one_tensor: passes with the losses written into one tensor, as LibMTL does it; each pass then walks all tasks' graphs.
- jd_backward, jd_mtl, jd_engine: torchjd's three ways, where it is installed.

Ways that take a backward pass per task are run once, and only up to ``--most`` tasks. All takes about 12 minutes of one core.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn

from polycritic.critic.backbones import embedded_folder
from polycritic.training import Gram, Lagged, Rows, SubBatches, TaskBatch, TaskGradients

_TEXTS, _LENGTH = 64, 64
_SLOW = ("passes", "one_tensor", "jd_backward", "jd_mtl")


class Problem:
    """One model, one batch."""

    def __init__(self, tuning: str, tasks: int, pooling: str = "first") -> None:
        torch.manual_seed(0)
        self.count, self.tuning, self.pooling = tasks, tuning, pooling
        model = transformers.AutoModel.from_pretrained(
            embedded_folder(), dtype=torch.float32, add_pooling_layer=False, attn_implementation="sdpa"
        )
        model.embeddings.requires_grad_(False)
        if tuning == "lora":
            from peft import LoraConfig, inject_adapter_in_model

            model.requires_grad_(False)
            model = inject_adapter_in_model(LoraConfig(r=8, target_modules=["query", "value"]), model)
            for name, p in model.named_parameters():
                if "lora_B" in name:
                    nn.init.normal_(p, std=0.02)
        self.model = model.eval()
        self.heads = nn.ModuleList(nn.Linear(384, 1) for _ in range(tasks))
        self.ids = torch.randint(1000, 20000, (_TEXTS, _LENGTH))
        self.mask = torch.ones_like(self.ids)
        self.tasks = torch.arange(_TEXTS) * tasks // _TEXTS
        self.value = torch.randn(_TEXTS)
        self.sizes = torch.bincount(self.tasks, minlength=tasks)
        self.trunk = [p for p in model.parameters() if p.requires_grad]
        self.parameters = [*self.trunk, *self.heads.parameters()]

    def encode(self, rows: Tensor) -> Tensor:
        """Texts' states."""
        places = torch.arange(self.ids.shape[1]).expand(len(rows), -1)
        out = self.model(input_ids=self.ids[rows], attention_mask=self.mask[rows], position_ids=places)
        states: Tensor = out.last_hidden_state
        return states[:, 0] if self.pooling == "first" else states.mean(1)

    def loss(self, t: int, z: Tensor, rows: Tensor) -> Tensor:
        """One task's mean squared error over the whole batch's rows of the task."""
        mine = self.tasks[rows] == t
        error: Tensor = (self.heads[t](z[mine]).squeeze(-1) - self.value[rows][mine]).square().sum() / self.sizes[t]
        return error

    def losses(self, z: Tensor, rows: Tensor) -> Tensor:
        """All tasks' losses."""
        present = set(self.tasks[rows].tolist())
        zero = z.new_zeros(())
        return torch.stack([self.loss(t, z, rows) if t in present else zero for t in range(self.count)])

    @property
    def batch(self) -> TaskBatch:
        """For ours."""
        return TaskBatch(self.encode, self.losses, self.tasks, self.count)


def aligned(gramian: Tensor) -> Tensor:
    """Aligned-MTL's weights."""
    values, vectors = torch.linalg.eigh(gramian.double())
    kept = values > values[-1] * len(values) * 1e-12
    values, vectors = values[kept], vectors[:, kept]
    balance = values[0].sqrt() * (vectors * values.rsqrt()) @ vectors.T
    return balance.mean(1).float()


def ways(problem: Problem) -> dict[str, Callable[[], None]]:
    """All ways to one step's gradient."""
    rows = torch.arange(_TEXTS)

    def ours(strategy: object) -> Callable[[], None]:
        gradients = TaskGradients(problem.model, strategy=strategy)  # type: ignore[arg-type]

        def step() -> None:
            found = gradients(problem.batch)
            found.combine(None if isinstance(strategy, Lagged) else aligned(found.gramian()))

        return step

    def plain() -> None:
        problem.losses(problem.encode(rows), rows).mean().backward()

    def separate(losses: Tensor | list[Tensor]) -> None:
        found = []
        heads = list(problem.heads.parameters())
        for t in range(problem.count):
            grads = torch.autograd.grad(
                losses[t], [*problem.trunk, *heads], retain_graph=t < problem.count - 1, allow_unused=True
            )
            found.append(torch.cat([g.ravel() for g in grads[: len(problem.trunk)] if g is not None]))
        matrix = torch.stack(found)
        direction = aligned(matrix @ matrix.T) @ matrix
        start = 0
        for p in problem.trunk:
            p.grad = direction[start : start + p.numel()].view_as(p)
            start += p.numel()

    def passes() -> None:
        z = problem.encode(rows)
        separate([problem.loss(t, z, rows) for t in range(problem.count)])

    def one_tensor() -> None:
        losses = torch.zeros(problem.count)
        for t in range(problem.count):  # each task with a forward pass of its own
            mine = (problem.tasks == t).nonzero().squeeze(-1)
            losses[t] = problem.loss(t, problem.encode(mine), mine)
        separate(losses)

    made: dict[str, Callable[[], None]] = {
        "plain": plain,
        "rows": ours(Rows()),
        "gram": ours(Gram()),
        "lagged": ours(Lagged(aligned)),
        "sub_batches": ours(SubBatches()),
        "passes": passes,
        "one_tensor": one_tensor,
    }
    return made | _torchjd(problem)


def _torchjd(problem: Problem) -> dict[str, Callable[[], None]]:
    try:
        from torchjd.aggregation import AlignedMTL, AlignedMTLWeighting
        from torchjd.autogram import Engine
        from torchjd.autojac import backward, jac_to_grad, mtl_backward
    except ImportError:
        return {}
    rows = torch.arange(_TEXTS)
    aggregator = AlignedMTL()

    def jd_backward() -> None:
        z = problem.encode(rows)
        backward([problem.loss(t, z, rows) for t in range(problem.count)])
        jac_to_grad(problem.trunk, aggregator)

    def jd_mtl() -> None:
        z = problem.encode(rows)
        losses = [problem.loss(t, z, rows) for t in range(problem.count)]
        mtl_backward(losses, features=z)
        jac_to_grad(problem.trunk, aggregator)

    apart = Problem(problem.tuning, problem.count, problem.pooling)  # the engine's hooks stay on its model
    engine = Engine(apart.model, batch_dim=0)
    weighting = AlignedMTLWeighting()
    share = nn.functional.one_hot(problem.tasks, problem.count).float()

    def jd_engine() -> None:
        z = apart.encode(rows)
        each = torch.cat(
            [
                (apart.heads[t](z[problem.tasks == t]).squeeze(-1) - problem.value[problem.tasks == t]).square()
                for t in range(problem.count)
            ]
        )
        gramian = engine.compute_gramian(each)
        mean = share / problem.sizes
        (each @ (mean @ weighting(mean.T @ gramian @ mean))).backward()
        for p in apart.parameters:
            p.grad = None

    return {"jd_backward": jd_backward, "jd_mtl": jd_mtl, "jd_engine": jd_engine}


def measure(step: Callable[[], None], problem: Problem) -> tuple[float, float]:
    """CPU seconds, and peak memory above the state before, in MiB."""
    before = _resident(problem)
    Path("/proc/self/clear_refs").write_text("5")
    start = time.process_time()
    step()
    seconds = time.process_time() - start
    return seconds, _status("VmHWM") - before


def first(step: Callable[[], None], problem: Problem) -> float:
    """Run a step for the first time, and once more; what it keeps for the next, in MiB."""
    before = _resident(problem)
    step()
    step()
    return max(_resident(problem) - before, 0.0)


def _resident(problem: Problem) -> float:
    """Memory that is held between steps, in MiB."""
    for p in problem.parameters:
        p.grad = None
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return _status("VmRSS")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=int, nargs="+", default=[8, 32, 64])
    parser.add_argument("--tuning", nargs="+", default=["lora", "full"])
    parser.add_argument("--pooling", choices=["first", "mean"], default="first")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--most", type=int, default=8, help="tasks up to which ways of a pass per task are run")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    results = []
    for tuning in options.tuning:
        for count in options.tasks:
            problem = Problem(tuning, count, options.pooling)
            steps = {
                name: step
                for name, step in ways(problem).items()
                if (options.only is None or name in ("plain", *options.only))
                and (count <= options.most or name not in _SLOW)
            }
            seconds: dict[str, list[float]] = {name: [] for name in steps}
            memory: dict[str, list[float]] = {name: [] for name in steps}
            steps["plain"]()
            kept = {name: 0.0 if name in _SLOW else first(step, problem) for name, step in steps.items()}
            for repeat in range(options.repeats):
                for name, step in steps.items():
                    if repeat and name in _SLOW:
                        continue
                    used, peak = measure(step, problem)
                    seconds[name].append(used)
                    memory[name].append(peak + kept[name])
            for name in steps:
                pairs = zip(seconds[name], seconds["plain"], strict=False)
                ratio = statistics.median(mine / plain for mine, plain in pairs)
                room = statistics.median(memory[name]) / statistics.median(memory["plain"])
                results.append({"tuning": tuning, "tasks": count, "way": name, "time": ratio, "memory": room})
                print(
                    f"{tuning:5} t={count:<3} {name:12} time x{ratio:6.2f}  memory x{room:5.2f}"
                    f"  ({statistics.median(seconds[name]):.2f} s, {statistics.median(memory[name]):.0f} MiB)",
                    flush=True,
                )
    if options.json:
        options.json.write_text(
            json.dumps({"results": results, "pooling": options.pooling, **_where()}, indent=2) + "\n"
        )


def _where() -> dict[str, object]:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "commit": done.stdout.strip() or "unknown",
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "seed": 0,
    }


if __name__ == "__main__":
    main()
