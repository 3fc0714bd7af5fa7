"""Scoring on a cluster."""

from __future__ import annotations

import logging
import math
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pyarrow as pa

from polycritic.core import PolycriticError, Progress, Task
from polycritic.serving._chunks import Chunks, Load, Scored, score_chunk

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DATA_LOG_LEVEL": "ERROR"}


@dataclass(frozen=True, slots=True)
class Ray:
    """Actors of Ray Data on this machine or on a cluster; each loads the judge once. Needs the extra ``scale``.

    One task reads the files, so they must be where it runs: on storage that all machines see. The output is written by the
    process that asks. Ray starts actors that die anew, and gives them their chunks again.

    Args:
        workers: How many actors.
        cpus: Processors of each.
        gpus: Of each; a part of one where several share it.
        address: Of a running cluster, such as ``auto``; without, Ray is started on this machine and ended afterwards.

    Raises:
        PolycriticError: Ray is not there.

    >>> Ray(8, gpus=1, address="auto").workers
    8
    """

    workers: int
    cpus: float = 1.0
    gpus: float = 0.0
    address: str = ""

    def __call__(self, load: Load, chunks: Chunks) -> Iterator[Scored]:
        """Score chunks, in the order in which they are done."""
        os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
        try:
            ray, data = import_module("ray"), import_module("ray.data")
        except ImportError as error:
            raise PolycriticError("no Ray", found=str(error), mend="pip install 'polycritic[scale]'") from None
        started = not ray.is_initialized()
        if started and self.address:
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        elif started:
            count = 1 + math.ceil(self.workers * self.cpus)
            quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
            ray.init(address="local", num_cpus=count, **quiet)
        try:
            for row in self._dataset(data, load, chunks).iter_rows():
                scored = pickle.loads(row["scored"])
                if isinstance(scored, Exception):
                    raise scored
                yield scored
        finally:
            if started:
                ray.shutdown()

    def _dataset(self, data: Any, load: Load, chunks: Chunks) -> Any:
        context = data.DataContext.get_current()
        before = context.target_max_block_size, context.enable_progress_bars, context.print_on_execution_start
        context.target_max_block_size = 1  # each chunk travels alone
        context.enable_progress_bars = context.print_on_execution_start = False
        try:
            # Half an actor's processors: were they the same, Ray would join reading and scoring to one step.
            read = data.range(1).map_batches(
                _reading(chunks), batch_format="pyarrow", compute=data.TaskPoolStrategy(size=1), num_cpus=self.cpus / 2
            )
            return read.map_batches(
                _Actor,
                fn_constructor_args=(load, chunks.columns),
                batch_size=1,
                batch_format="pyarrow",
                compute=data.ActorPoolStrategy(size=self.workers),
                num_cpus=self.cpus,
                num_gpus=self.gpus,
            )
        finally:
            context.target_max_block_size, context.enable_progress_bars, context.print_on_execution_start = before


def _reading(chunks: Chunks) -> Callable[[pa.Table], Iterator[pa.Table]]:
    """A step that reads no faster than its chunks are scored."""

    def read(start: pa.Table) -> Iterator[pa.Table]:
        del start
        for chunk in chunks:
            yield pa.table({"chunk": pa.array([pickle.dumps(chunk)], pa.large_binary())})

    return read


class _Actor:
    """Scores chunks on some machine; what the judge refuses travels back as it is, without Ray's account of the way."""

    def __init__(self, load: Load, tasks: Sequence[Task]) -> None:
        self.judge, self.tasks = load(), tasks

    def __call__(self, batch: pa.Table) -> pa.Table:
        scored: list[bytes] = []
        with Progress("scoring", shown=False):
            for chunk in batch.column("chunk"):
                try:
                    scored.append(pickle.dumps(score_chunk(self.judge, self.tasks, pickle.loads(chunk.as_py()))))
                except PolycriticError as error:
                    scored.append(pickle.dumps(error))
        return pa.table({"scored": pa.array(scored, pa.large_binary())})
