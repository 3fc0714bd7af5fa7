"""Batches: joined, bounded, and nothing let in is lost."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.models import tiny_encoder

from polycritic.core import Candidate, Scores, Task
from polycritic.critic import Critic, _scoring
from polycritic.critic.backbones import Transformer
from polycritic.serving._batcher import Batcher
from polycritic.serving._errors import Refused
from polycritic.serving._limits import Limits
from polycritic.serving._metrics import Metrics

A, B = (Task("a"),), (Task("b"),)


class Gate:
    """Scores lengths once its gate opens; remembers how many came at a time; chokes on 'bad'."""

    def __init__(self) -> None:
        self.open, self.sizes = threading.Event(), list[int]()

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        self.open.wait(10)
        self.sizes.append(len(candidates))
        if any(c.response == "bad" for c in candidates):
            raise RuntimeError("bad")
        return Scores(tuple(tasks), np.array([[float(len(c.response))] * len(tasks) for c in candidates]))


def with_batcher(limits: Limits, body: Callable[[Batcher, Gate], Awaitable[None]]) -> Batcher:
    batcher = Batcher(limits, Metrics())

    async def main() -> None:
        gate = Gate()
        batcher.start()
        try:
            await body(batcher, gate)
        finally:
            gate.open.set()
            await batcher.close()

    asyncio.run(main())
    return batcher


def some(*responses: str) -> list[Candidate]:
    return [Candidate("", r) for r in responses]


def test_requests_are_joined_up_to_the_budget_and_each_gets_its_own() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        first = batcher.submit(gate, some("x"), A)
        await asyncio.sleep(0.01)  # being scored; the others gather
        others = [batcher.submit(gate, some("x" * n, "y"), A) for n in (2, 3, 4)]
        other_task = batcher.submit(gate, some("zz"), B)
        gate.open.set()
        assert (await first).values.tolist() == [[1.0]]
        assert [(await o).values[:, 0].tolist() for o in others] == [[2.0, 1.0], [3.0, 1.0], [4.0, 1.0]]
        assert (await other_task).tasks == B
        assert gate.sizes == [1, 4, 2, 1]  # 7 + 8 characters fit into 16, 9 more do not

    with_batcher(Limits(batch_characters=16), body)


def test_a_large_request_is_scored_in_parts_and_given_up_between_two() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        gate.open.set()
        whole = batcher.submit(gate, some("xxxx", "xxx", "xx", "x" * 50, "x"), A)
        assert (await whole).values[:, 0].tolist() == [4, 3, 2, 50, 1]
        assert gate.sizes == [2, 1, 1, 1]  # 6 + 5 characters fit into 12
        gate.open.clear()
        left = batcher.submit(gate, some("x" * 10, "y" * 10, "z" * 10), A)
        await asyncio.sleep(0.01)
        left.cancel()
        gate.open.set()
        assert (await batcher.submit(gate, some("x"), A)).values.tolist() == [[1.0]]
        assert gate.sizes[4:] == [1, 1]

    metrics = with_batcher(Limits(batch_characters=12), body).metrics
    assert (metrics.batches, metrics.joined, metrics.candidates) == (6, 2, 7)


def test_large_requests_and_small_ones_take_turns() -> None:
    """However many large ones came before, a small one waits for one part of them; they go on meanwhile, the oldest first."""

    async def body(batcher: Batcher, gate: Gate) -> None:
        order: list[str] = []

        def ask(name: str, *responses: str, tasks: tuple[Task, ...] = A) -> asyncio.Future[Scores]:
            answer = batcher.submit(gate, some(*responses), tasks)
            answer.add_done_callback(lambda _: order.append(f"{name} after {batcher.metrics.batches}"))
            return answer

        busy = ask("busy", "x")
        await asyncio.sleep(0.01)
        large = [ask(f"large {n}", *["y" * n] * 8) for n in (5, 6)]  # two fit into a batch
        small = [ask("a", "xx"), ask("b", "zz", tasks=B), ask("c", "xxx")]
        gate.open.set()
        await asyncio.gather(busy, *large, *small)
        for n, answer in zip((5, 6), large, strict=True):
            assert answer.result().values[:, 0].tolist() == [n] * 8
        assert [answer.result().values.tolist() for answer in small] == [[[2.0]], [[2.0]], [[3.0]]]
        assert gate.sizes == [1, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2]
        assert order == [
            *("busy after 1", "a after 3", "c after 3", "b after 5"),
            *("large 5 after 7", "large 6 after 11"),
        ]

    with_batcher(Limits(batch_characters=16), body)


def test_the_rest_of_a_large_request_is_joined_by_others() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        busy = batcher.submit(gate, some("x"), A)
        await asyncio.sleep(0.01)
        large, small = batcher.submit(gate, some("a" * 9, "b" * 4), A), batcher.submit(gate, some("c" * 3), A)
        gate.open.set()
        await asyncio.gather(busy, large, small)
        assert large.result().values[:, 0].tolist() == [9, 4]
        assert gate.sizes == [1, 1, 2]

    with_batcher(Limits(batch_characters=12), body)


def test_a_large_request_that_fails_is_told_and_goes() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        gate.open.set()
        with pytest.raises(RuntimeError, match="bad"):
            await batcher.submit(gate, some("x" * 9, "bad", "x" * 9, "x" * 9), A)
        assert (await batcher.submit(gate, some("x"), A)).values.tolist() == [[1.0]]
        assert gate.sizes == [1, 1, 1]
        assert not batcher.waiting

    assert with_batcher(Limits(batch_characters=12), body).metrics.abandoned == 0


def test_what_would_take_too_long_is_refused() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        gate.open.set()
        tasks = (Task("a", "is it?"), Task("b"))  # 8 characters, read beside each candidate; it is read for each task
        with pytest.raises(Refused, match="at most 23 characters, candidates times tasks, found 24") as caught:
            batcher.submit(gate, some("x", "x"), tasks)
        assert caught.value.status == 413
        await batcher.submit(gate, some("x"), tasks)

    with_batcher(Limits(characters=23), body)


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        batcher.submit(gate, some("x"), A)
        await asyncio.sleep(0.01)
        waiting = [batcher.submit(gate, some("x" * 30_000), A) for _ in range(2)]
        with pytest.raises(Refused, match="the queue is full") as caught:
            batcher.submit(gate, some("x"), A)
        assert (caught.value.status, caught.value.retry_after) == (429, 7)  # 60,004 characters at 10,000 a second
        waiting[0].cancel()  # who leaves makes room
        batcher.submit(gate, some("x"), A)

    assert with_batcher(Limits(queue=2), body).metrics.abandoned == 1


def test_one_bad_request_spoils_no_other() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        batcher.submit(gate, some("x"), A)
        await asyncio.sleep(0.01)
        good, bad, fine = (batcher.submit(gate, some(r), A) for r in ("xx", "bad", "xxx"))
        gate.open.set()
        assert [float((await g).values[0, 0]) for g in (good, fine)] == [2.0, 3.0]
        with pytest.raises(RuntimeError, match="bad"):
            await bad

    with_batcher(Limits(), body)


def test_closing_answers_all_who_wait_and_lets_nobody_in() -> None:
    async def body(batcher: Batcher, gate: Gate) -> None:
        answers = [batcher.submit(gate, some("x" * n), A if n % 2 else B) for n in range(1, 20)]
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0.01)
        with pytest.raises(Refused, match="shutting down") as caught:
            batcher.submit(gate, some("x"), A)
        assert caught.value.status == 503
        gate.open.set()
        await closing
        assert [float(a.result().values[0, 0]) for a in answers] == list(range(1, 20))

    with_batcher(Limits(), body)


def test_a_critic_computes_what_was_joined_by_the_number_of_tokens(tmp_path: Path) -> None:
    """Short and long texts of many requests: every pass through the model is as full as whole texts allow."""
    backbone = Transformer(tiny_encoder(tmp_path), max_length=64)
    critic, budget = Critic(A, backbone), 200
    asked = [[Candidate("", "word " * (1 + (7 * n) % 12 * 3 + k)) for k in range(3)] for n in range(12)]
    alone = [critic.score(candidates, A).values for candidates in asked]
    lengths = [len(t.ids) for own in asked for t in backbone.tokenize([backbone.render(A[0], c) for c in own])]
    read: list[int] = []
    backbone.model.get_input_embeddings().register_forward_hook(lambda _, args, out: read.append(args[0].numel()))

    async def body(batcher: Batcher, gate: Gate) -> None:
        answers = [batcher.submit(critic, candidates, A) for candidates in asked]
        for answer, expected in zip(answers, alone, strict=True):
            assert_allclose((await answer).values, expected, atol=1e-6)

    with mock.patch.dict(_scoring._BUDGETS, cpu=budget):
        assert with_batcher(Limits(), body).metrics.batches == 1
    assert sum(read) == sum(lengths)
    assert max(read) <= budget
    assert len(read) < len(asked)
    assert min(read[:-1]) > budget - max(lengths)
