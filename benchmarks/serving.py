"""What the server bears: requests a second and their latency, and whether anything is lost when client, server or critic change.

    OMP_NUM_THREADS=1 python benchmarks/serving.py [--only load calls kept stop reload] [--critic FOLDER] [--json out.json]

- ``load``: a critic on the default backbone under 1, 8 and 64 clients, each sending its next request when the last is answered,
  with requests joined into batches and with one request a batch; every answer is compared with that given alone.
- ``calls``: the same with a judge that waits 20 ms at each call, however many candidates it is given, as one elsewhere does.
- ``kept``: many requests to a cheap judge by a client that writes down what was answered, is killed halfway and started again: in
  the end each has one right answer; the server's memory, on the way.
- ``stop``: SIGTERM under load: each request that the server let in is answered, as its log says.
- ``reload``: the critic's folder is replaced under load, there and back: each answer is the one's or the other's.

The server is ``polycritic serve`` in a process of its own; without ``--critic``, the critic has random heads, which cost what
trained ones do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_CRITICS = """
import sys, torch
from polycritic.core import Binary, Task
from polycritic.critic import Critic

torch.set_num_threads(1)
for seed, folder in enumerate(sys.argv[1:]):
    critic = Critic([Task("right", "Is the answer right?", Binary())], seed=seed)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in [*critic.described.parameters(), *critic.heads.parameters()]:
            weights.copy_(torch.randn(weights.shape, generator=draw) * 0.5)
    critic.save(folder)
"""
_WORDS = [
    "time",
    "year",
    "people",
    "way",
    "day",
    "thing",
    "world",
    "life",
    "hand",
    "part",
    "child",
    "eye",
    "place",
    "work",
]


class Server:
    """``polycritic serve`` on a free port, and what the system says of it."""

    def __init__(self, judge: Path | str, log: Path, *words: object, cwd: Path | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.log = log
        command = [sys.executable, "-m", "polycritic", "serve", judge, "--port", self.port, *words]
        with log.open("w") as file:
            environment = {"OMP_NUM_THREADS": "1"} | os.environ
            self.process = subprocess.Popen([*map(str, command)], stdout=file, stderr=file, env=environment, cwd=cwd)
        until = time.monotonic() + 180
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def megabytes(self) -> float:
        """Resident memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def processor(self) -> float:
        """Seconds of processor time."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def statuses(self) -> list[int]:
        """Of the requests in the log."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith('{"id"'))
        return [line["status"] for line in lines if "status" in line]


def post(route: str, body: object, *headers: str) -> bytes:
    """A request's bytes."""
    data = json.dumps(body).encode()
    head = ["Host: localhost", "Content-Type: application/json", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([f"POST {route} HTTP/1.1", *head, "", ""]).encode() + data


class Client:
    """One connection, kept alive; the cheapest that reads answers whole."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator[Client]:
        """Connect, and leave."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        try:
            yield client
        finally:
            client.writer.close()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self.reader.readexactly(length)


async def hold(
    port: int, clients: int, requests: Iterable[bytes], done: Callable[[bytes, int, bytes, float], None]
) -> int:
    """Send requests over so many connections; how many got no answer because the server went away."""
    rest, lost = iter(requests), 0

    async def one() -> None:
        nonlocal lost
        async with Client.to(port) as client:
            for request in rest:
                started = time.perf_counter()
                try:
                    status, body = await client.ask(request)
                except (asyncio.IncompleteReadError, OSError):
                    lost += 1
                    return
                done(request, status, body, time.perf_counter() - started)

    await asyncio.gather(*(one() for _ in range(clients)))
    return lost


def values(body: bytes) -> tuple[float, ...]:
    """Of an answer of ``/v1/score``, one task."""
    return tuple(next(iter(score.values()))["value"] for score in json.loads(body)["scores"])


# ---------------------------------------------------------------------------------------------------------------- load


def questions(n: int, candidates: int = 4, seed: int = 0) -> list[bytes]:
    """Requests of so many candidates each, 150 to 250 characters."""
    draw = random.Random(seed)

    def text(size: int) -> str:
        return " ".join(draw.choices(_WORDS, k=size // 5))[:size]

    bodies = [
        {"prompt": text(100), "responses": [text(draw.randint(150, 250)) for _ in range(candidates)]} for _ in range(n)
    ]
    return [post("/v1/score", body) for body in bodies]


_ONE = 1600  # characters: of these requests, one fits and two do not
_CALL = """
import time
from polycritic.judges import Length

class Call:
    def score(self, candidates, tasks, /):
        time.sleep(0.02)
        return Length().score(candidates, tasks)
"""


def load(judge: Path | str, folder: Path, seconds: float) -> list[Record]:
    """Requests a second and latency, joined and not, in turn."""
    rows, asked = [], questions(64)
    with (
        Server(judge, folder / "joined.log", cwd=folder) as joined,
        Server(judge, folder / "single.log", "--batch", _ONE, cwd=folder) as single,
    ):
        alone = answers_alone(joined, asked)
        for clients, (name, server) in itertools.product((1, 8, 64), (("joined", joined), ("single", single))):
            rows.append({"requests are": name, **_loaded(server, asked, alone, clients, seconds)})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def answers_alone(server: Server, asked: list[bytes]) -> dict[bytes, tuple[float, ...]]:
    """What each request is answered when no other is there."""
    alone: dict[bytes, tuple[float, ...]] = {}

    def done(request: bytes, _: int, body: bytes, __: float) -> None:
        alone[request] = values(body)

    asyncio.run(hold(server.port, 1, asked, done))
    return alone


def _loaded(
    server: Server, asked: list[bytes], alone: dict[bytes, tuple[float, ...]], clients: int, seconds: float
) -> Record:
    latencies: list[float] = []
    worst, errors = 0.0, 0

    def done(request: bytes, status: int, body: bytes, latency: float) -> None:
        nonlocal worst, errors
        latencies.append(latency)
        if status == 200:
            worst = max(worst, *(abs(a - b) for a, b in zip(values(body), alone[request], strict=True)))
        else:
            errors += 1

    busy, started = server.processor(), time.perf_counter()
    until = itertools.takewhile(lambda _: time.perf_counter() < started + seconds, itertools.cycle(asked))
    asyncio.run(hold(server.port, clients, until, done))
    passed = time.perf_counter() - started
    latencies.sort()
    return {
        "clients": clients,
        "requests": len(latencies),
        "requests_per_second": len(latencies) / passed,
        "requests_per_processor_second": len(latencies) / (server.processor() - busy),
        **{f"p{p}_ms": 1000 * latencies[min(len(latencies) * p // 100, len(latencies) - 1)] for p in (50, 95, 99)},
        "errors": errors,
        "largest_difference_from_alone": worst,
    }


# ---------------------------------------------------------------------------------------------------------------- kept


def kept(folder: Path, requests: int, clients: int) -> Record:
    """A client is killed and started again; each request gets one right answer, and the server does not grow."""
    journal, memory, started = folder / "journal", list[tuple[int, float]](), time.perf_counter()
    journal.touch()
    words = [sys.executable, __file__, "--client", journal, "--requests", requests, "--clients", clients]
    with Server("longer", folder / "kept.log") as server:
        for kill in (True, False):
            client = subprocess.Popen([str(word) for word in [*words, "--port", server.port]])
            while client.poll() is None:
                time.sleep(0.2)
                answered = journal.read_bytes().count(b"\n")
                memory.append((answered, server.megabytes()))
                if kill and answered >= requests // 2:
                    client.send_signal(signal.SIGKILL)
                    at_kill = client.wait() and journal.read_bytes().count(b"\n")
        seconds = time.perf_counter() - started
        statuses = server.statuses()
    answers = [tuple(map(int, line.split())) for line in journal.read_text().splitlines()]
    tenths = [next(m for n, m in memory if n >= requests * tenth // 10) for tenth in range(1, 11)]
    return {
        "requests": requests,
        "clients": clients,
        "answered_when_killed": at_kill,
        "answered_once": len(dict(answers)) if len(dict(answers)) == len(answers) else 0,
        "wrong": sum(value != _length(i) for i, value in answers),
        "never_answered": len(set(range(requests)) - set(dict(answers))),
        "asked_again": len(statuses) - requests,
        "server_errors": sum(status >= 500 for status in statuses),
        "requests_per_second": requests / seconds,
        "megabytes_after_each_tenth": tenths,
    }


def client(port: int, journal: Path, requests: int, clients: int) -> None:
    """Ask what the journal does not know yet, and write down each answer as it comes."""
    known = {int(line.split()[0]) for line in journal.read_text().splitlines()}
    asked = {}

    def todo() -> Iterator[bytes]:
        for i in range(requests):
            if i not in known:
                request = post("/v1/score", {"prompt": str(i), "responses": ["x" * _length(i)]})
                asked[request] = i
                yield request

    file = os.open(journal, os.O_WRONLY | os.O_APPEND)

    def done(request: bytes, status: int, body: bytes, _: float) -> None:
        if status != 200:
            raise RuntimeError(body)
        os.write(file, f"{asked.pop(request)} {values(body)[0]:.0f}\n".encode())

    if lost := asyncio.run(hold(port, clients, todo(), done)):
        raise RuntimeError(f"{lost} not answered")


def _length(i: int) -> int:
    return 1 + i * 7919 % 997


# ------------------------------------------------------------------------------------------------------- stop and reload


def stop(critic: Path, folder: Path, clients: int) -> Record:
    """SIGTERM under load: what the server let in and what the clients got."""
    got: list[int] = []
    with Server(critic, folder / "stop.log") as server:

        async def run() -> tuple[int, float]:
            loop = asyncio.get_running_loop()
            loop.call_later(5, server.process.terminate)
            asked = itertools.cycle(questions(64, candidates=1))
            lost = await hold(server.port, clients, asked, lambda _, status, __, ___: got.append(status))
            started = time.perf_counter()
            await asyncio.to_thread(server.process.wait, 60)
            return lost, time.perf_counter() - started

        lost, seconds = asyncio.run(run())
        said = server.statuses()
    return {
        "clients": clients,
        "answers_the_server_gave": len(said),
        "answers_the_clients_got": len(got),
        "got_with_200": got.count(200),
        "not_let_in": lost,
        "seconds_from_last_answer_to_exit": seconds,
    }


def reload(first: Path, second: Path, folder: Path, clients: int, seconds: float) -> Record:
    """The folder is replaced and put back; whose answers came, and how late the latest."""
    place = folder / "served"
    shutil.copytree(first, place)
    asked, answers = questions(16, candidates=1), list[tuple[bytes, int, bytes, float]]()
    known = []
    for critic in (first, second):
        with Server(critic, folder / "reload.log") as server:
            known.append(answers_alone(server, asked))

    async def replace(by: Path) -> None:
        await asyncio.to_thread(shutil.copytree, by, folder / "next")
        place.rename(folder / f"before {by.name}")
        (folder / "next").rename(place)

    with Server(place, folder / "reload.log") as server:

        async def run() -> int:
            until = time.perf_counter() + seconds
            todo = itertools.takewhile(lambda _: time.perf_counter() < until, itertools.cycle(asked))
            held = asyncio.create_task(hold(server.port, clients, todo, lambda *answer: answers.append(answer)))
            for part in (second, first):
                await asyncio.sleep(seconds / 3)
                await replace(part)
            return await held

        lost = asyncio.run(run())
        reloads = server.log.read_text().count('"reload": "done"')

    def near(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return all(abs(x - y) < 1e-4 for x, y in zip(a, b, strict=True))

    def whose_is(request: bytes, body: bytes) -> str:
        mine = [name for name, alone in zip("12", known, strict=True) if near(values(body), alone[request])]
        return mine[0] if len(mine) == 1 else "?"

    whose = "".join(whose_is(request, body) for request, status, body, _ in answers if status == 200)
    runs = [len(list(group)) for _, group in itertools.groupby(whose)]
    return {
        "clients": clients,
        "answers": len(answers),
        "errors": sum(status != 200 for _, status, _, _ in answers),
        "not_answered": lost,
        "reloads": reloads,
        "by_the_first": whose.count("1"),
        "by_the_second": whose.count("2"),
        "by_neither": whose.count("?"),
        "runs_of_one_critic": len(runs),
        "latest_ms": 1000 * max(latency for *_, latency in answers),
    }


# ---------------------------------------------------------------------------------------------------------------- main


def about() -> Record:
    """Where and with what this was measured."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    packages = ("polycritic", "torch", "fastapi", "starlette", "uvicorn", "h11")
    return {
        "commit": told.stdout.strip() or "unknown",
        "versions": {p: version(p) for p in packages} | {"python": platform.python_version()},
        "threads": os.environ.get("OMP_NUM_THREADS", "1"),
        "cores": os.cpu_count(),
        "others_running_at_the_start": os.getloadavg()[0],
    }


def critics(folder: Path, given: Path | None) -> tuple[Path, Path]:
    """Two critics of one task."""
    made = folder / "first", folder / "second"
    subprocess.run([sys.executable, "-c", _CRITICS, *map(str, made)], check=True)
    return given or made[0], made[1]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=["load", "calls", "kept", "stop", "reload"])
    parser.add_argument("--critic", type=Path, help="with one task; made if not given")
    parser.add_argument("--seconds", type=float, default=15, help="for each measurement of load")
    parser.add_argument("--requests", type=int, default=100_000, help="for kept")
    parser.add_argument("--clients", type=int, default=64, help="for kept, stop and reload")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--client", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.client:
        return client(asked.port, asked.client, asked.requests, asked.clients)
    record = about()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "call.py").write_text(_CALL)
        first, second = folder / "first", folder / "second"
        if {"load", "stop", "reload"} & set(asked.only):
            first, second = critics(folder, asked.critic)
        parts: dict[str, Callable[[], object]] = {
            "load": lambda: load(first, folder, asked.seconds),
            "calls": lambda: load("call:Call", folder, asked.seconds),
            "kept": lambda: kept(folder, asked.requests, asked.clients),
            "stop": lambda: stop(first, folder, asked.clients),
            "reload": lambda: reload(first, second, folder, asked.clients, 2 * asked.seconds),
        }
        for part in asked.only:
            record[part] = parts[part]()
            if isinstance(record[part], dict):
                print(part, json.dumps(record[part]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
