"""Micro-batches: requests of all connections, joined and scored one batch at a time on one thread.

Nothing waits for a batch to fill: while one is scored, the next gathers.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from polycritic.core import Candidate, Judge, Scores, Task, concatenate
from polycritic.serving._errors import Refused
from polycritic.serving._limits import Limits
from polycritic.serving._metrics import Metrics


@dataclass(slots=True, eq=False)
class _Waiting:
    judge: Judge
    candidates: tuple[Candidate, ...]
    tasks: tuple[Task, ...]
    costs: list[int]
    answer: asyncio.Future[Scores]
    left: int
    """What its candidates that were not scored yet cost."""
    done: int = 0
    """How many of its candidates were scored."""
    parts: list[Scores] = field(default_factory=list)

    def fitting(self, room: int) -> int:
        """How many of the next candidates fit into a room; one, where none does."""
        n = 0
        for cost in self.costs[self.done :]:
            room -= cost
            if room < 0:
                break
            n += 1
        return max(n, min(1, len(self.candidates) - self.done))

    def add(self, part: Scores) -> None:
        """Take the scores of the next candidates; those of the last make the answer."""
        self.parts.append(part)
        self.left -= sum(self.costs[self.done : self.done + len(part)])
        self.done += len(part)
        if self.done == len(self.candidates) and not self.answer.done():
            self.answer.set_result(self.parts[0] if len(self.parts) == 1 else concatenate(self.parts))


_Batch = list[tuple[_Waiting, int]]
"""Requests, and how many of each one's next candidates are scored now."""


class Batcher:
    """Scores requests in batches of bounded size, in the order they came, but for those larger than a batch.

    These are scored in parts, the oldest first, and take turns with the others: every second batch is theirs as long as both
    kinds wait. However many large ones wait, a small one waits for a single part of them, and none of them starves.

    **Laws**: every request that was let in is answered, and with what ``judge.score`` says of each of its candidates alone; work
    that nobody waits for any more stops after one batch.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.limits, self.metrics = limits, metrics
        self.waiting: deque[_Waiting] = deque()
        self._some = asyncio.Event()
        self._closed = False
        self._large_is_next = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self._speed = 10_000.0  # characters a second, a guess until the first batch
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to score; needs a running loop."""
        self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Let nobody in any more, answer those who wait, and stop."""
        self._closed = True
        self._some.set()
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    def submit(self, judge: Judge, candidates: Sequence[Candidate], tasks: Sequence[Task]) -> asyncio.Future[Scores]:
        """Queue a request.

        Raises:
            Refused: It is too large (413), the queue is full (429), or the server is closing (503).
        """
        if self._closed:
            raise Refused(503, "the server is shutting down", retry_after=1)
        each = costs(candidates, tasks)
        cost = sum(each)
        if cost > self.limits.characters:
            raise Refused(413, f"at most {self.limits.characters} characters, candidates times tasks, found {cost}")
        self._forget()
        if len(self.waiting) >= self.limits.queue:
            seconds = sum(w.left for w in self.waiting) / self._speed
            raise Refused(429, "the queue is full", retry_after=min(max(1, math.ceil(seconds)), 60))
        answer: asyncio.Future[Scores] = asyncio.get_running_loop().create_future()
        self.waiting.append(_Waiting(judge, tuple(candidates), tuple(tasks), each, answer, cost))
        self._some.set()
        return answer

    def _forget(self) -> None:
        """Drop those whose client left or gave up."""
        self.metrics.abandoned += sum(w.answer.cancelled() for w in self.waiting)
        self.waiting = deque(w for w in self.waiting if not w.answer.done())

    def _next(self) -> _Batch:
        """As much of the request whose turn it is as a batch holds, with those of the same judge and tasks that fit beside it."""
        self._forget()
        if not self.waiting:
            return []
        most = self.limits.batch_characters
        first = next((w for w in self.waiting if (w.left > most) == self._large_is_next), self.waiting[0])
        self._large_is_next = first.left <= most
        batch = [(first, first.fitting(most))]
        room = most - sum(first.costs[first.done : first.done + batch[0][1]])
        for w in self.waiting:
            if w is not first and w.left <= room and w.judge is first.judge and w.tasks == first.tasks:
                batch.append((w, len(w.candidates) - w.done))
                room -= w.left
        ends = {id(w) for w, n in batch if w.done + n == len(w.candidates)}
        self.waiting = deque(w for w in self.waiting if id(w) not in ends)
        return batch

    async def _work(self) -> None:
        while True:
            batch = self._next()
            if batch:
                await self._score(batch)
            elif self._closed:
                return
            else:
                self._some.clear()
                await self._some.wait()

    async def _score(self, batch: _Batch) -> None:
        started, first = time.perf_counter(), batch[0][0]
        candidates = [c for w, n in batch for c in w.candidates[w.done : w.done + n]]
        try:
            run = asyncio.get_running_loop().run_in_executor
            scores = await run(self._thread, _scored, first.judge, candidates, first.tasks)
        except Exception as error:  # a judge is a stranger; its error belongs to the request that made it
            if len(batch) > 1:
                for w, n in batch:
                    if not w.answer.done():
                        await self._score([(w, n)])
            elif not first.answer.done():
                first.answer.set_exception(error)
            return
        cost, end = sum(w.left for w, _ in batch), 0
        for w, n in batch:
            end += n
            w.add(scores.select(range(end - n, end)))
        cost -= sum(w.left for w, _ in batch)
        self._speed += 0.2 * (cost / max(time.perf_counter() - started, 1e-6) - self._speed)
        self.metrics.batch(sum(w.done == len(w.candidates) for w, _ in batch), len(candidates), cost)


def _scored(judge: Judge, candidates: Sequence[Candidate], tasks: Sequence[Task]) -> Scores:
    scores = judge.score(candidates, tasks)
    if scores.values.shape != (len(candidates), len(tasks)):
        raise RuntimeError(f"the judge answered {scores!r} to {len(candidates)} candidates and {len(tasks)} tasks")
    return scores


def costs(candidates: Sequence[Candidate], tasks: Sequence[Task]) -> list[int]:
    """The characters a judge may read of each candidate: its own for each task, and each task's."""
    described = sum(len(task.name) + len(task.description) for task in tasks)
    return [described + len(tasks) * _characters(c) for c in candidates]


def _characters(candidate: Candidate) -> int:
    c = candidate
    texts = (c.prompt, c.response, *c.steps, c.instruction, c.rubric, c.reference, c.context)
    return 1 + sum(map(len, texts))
