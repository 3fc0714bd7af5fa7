"""What strangers can do to the server: nothing but get a clear answer.

    OMP_NUM_THREADS=1 python benchmarks/serving_hostile.py [--requests 10000] [--judge FOLDER] [--json out.json]

- ``bodies``: requests of all routes with something wrong in them, drawn at random: bytes flipped, ends cut off, fields of
  wrong type, twice, missing, huge or nested, numbers that are none, half characters, keys that are wrong; the answer must be
  4xx, or 200 where nothing turned out to be wrong.
- ``protocol``: what is no HTTP, or HTTP that contradicts itself; only who leaves in the middle of a request gets no
  answer.
- ``slow``: connections that send a byte a second, or never read; meanwhile another client must be served, and all must be gone
  when their time is up.
- ``many``: more connections than are let in.

Afterwards the server must give the right answer, hold no more files and threads than before, and no more memory than after the
first tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving import Client, Record, Server, about, critics, post, values

_KEY = "k" * 16
_BEARER = f"Authorization: Bearer {_KEY}"
_GOOD = post("/v1/score", {"prompt": "2 + 2 = ?", "responses": ["four", "5"]}, _BEARER)
_TASK = {"name": "short", "description": "Is it short?", "scale": {"kind": "interval", "low": 0, "high": 5}}
_CANDIDATE = {"prompt": "p", "response": "r", "steps": ["a", "b"], "rubric": "be kind", "context": "c"}
_BODIES: list[tuple[str, dict[str, Any]]] = [
    ("/v1/score", {"prompt": "p", "responses": ["a", "bc"], "tasks": ["right", _TASK], "model": "served"}),
    ("/v1/score", {"candidates": [_CANDIDATE, _CANDIDATE]}),
    ("/score", {"text_1": "p", "text_2": ["a", "bc"]}),
    ("/rerank", {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}),
    ("/rerank", {"query": "q", "texts": ["a", "b"], "raw_scores": True, "return_text": True}),
    ("/get_reward", {"query": ["pa", "pb"], "prompts": ["p", "p"]}),
]
_VALUES: list[Any] = [
    None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", "x" * 100_000, "\ud800", "\0", "é" * 300, [], {}, [[]],
    [None], [""] * 2000, {"text": 1}, {"kind": "interval", "low": -1e308, "high": 1e308}, {"kind": "levels", "names": ["a"] * 3},
    {"kind": "interval", "low": 0, "high": 10**400}, "1e999", ["right", "right"], {"name": "x" * 1000},
]  # fmt: skip


# -------------------------------------------------------------------------------------------------------------- requests


def bodies(draw: random.Random) -> tuple[bytes, bool]:
    """A request of some route, with something wrong."""
    route, body = copy.deepcopy(draw.choice(_BODIES))
    kind = draw.randrange(9)
    if kind < 4:  # some field holds something else, or is missing
        _spoil(body, draw)
    data = json.dumps(body).encode()
    if kind == 4:
        data = bytes(b ^ (draw.random() < 0.02) << draw.randrange(8) for b in data)
    elif kind == 5:
        data = data[: draw.randrange(len(data))]
    elif kind == 6:
        data = draw.choice(
            [b'{"prompt": "a", ' + data[1:], data.replace(b'": ', b'": 1e999, "z": ', 1), b"\xff\xfe" + data]
        )
    elif kind == 7:
        data = draw.choice([b"[", b'{"a":', b'{"prompt":[']) * draw.choice([50, 900, 5_000, 200_000])
    head = [f"POST {route} HTTP/1.1", "Host: h", "Connection: close", f"Content-Length: {len(data)}"]
    head.append("Content-Type: " + draw.choice(["application/json"] * 9 + ["text/plain"]))
    head.append(
        _BEARER
        if kind < 8
        else draw.choice(["X: y", "Authorization: Bearer x", f"X-API-Key: {_KEY[1:]}", _BEARER[:-1]])
    )
    return "\r\n".join([*head, "", ""]).encode() + data, False


def _spoil(body: Any, draw: random.Random) -> None:
    where, place = body, draw.choice(list(body))
    while isinstance(where[place], dict | list) and where[place] and draw.random() < 0.7:
        where = where[place]
        place = draw.choice(list(where)) if isinstance(where, dict) else draw.randrange(len(where))
    if isinstance(where, dict) and draw.random() < 0.1:
        del where[place]
    else:
        where[place] = draw.choice(_VALUES)


def protocol(draw: random.Random) -> tuple[bytes, bool]:
    """Bytes that are no request, or one that contradicts itself."""
    route, body = draw.choice(_BODIES)
    data = json.dumps(body).encode()
    start = f"POST {route} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n{_BEARER}\r\n".encode()
    length, chunked = b"Content-Length: %d\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
    stays = draw.random() < 0.8
    whole = [
        b"GET /health\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/score HTTP/1.1\r\n\r\n",
        b"G" * 100_000,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        start + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        start + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n",
        start + b"Content-Length: -1\r\n\r\n" + data,
        start + b"Content-Length: many\r\n\r\n" + data,
        start + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + data,
        start + length % 5 + length % 6 + b"\r\n" + data,
        start + length % (len(data) - 3) + b"\r\n" + data,
        start + length % len(data) + b"\r\n" + data + b"\r\n\r\nGARBAGE \x00\x01" * 3,
        start + chunked + b"zz\r\n" + data,
        start + chunked + b"-5\r\n" + data,
        start + chunked + b"FFFFFFFFFFFFFFFFFFFFFFFF\r\n" + data,
        start + chunked + b"".join(b"1\r\n%c\r\n" % b for b in data),
        start + b"Content-Encoding: gzip\r\n" + length % len(data) + b"\r\n" + data,
        start.replace(b"Host: h", b"Host: h\r\nHost: h") + length % len(data) + b"\r\n" + data,
        b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n",
        b"DELETE /v1/score HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET /../../etc/passwd?%ff%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET /score/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ]
    parts = [
        draw.randbytes(200),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + draw.randbytes(500),
        b"\r\n" * 5000,
        start + length % (len(data) + 10) + b"\r\n" + data,
        start + chunked + b"5\r\nabc",
        start + b"Expect: 100-continue\r\n" + length % 10**9 + b"\r\n",
        start + length % 10**12 + b"\r\n" + b" " * 5_000_000,
    ]  # who sends these leaves in the middle
    return (draw.choice(whole), False) if stays else (draw.choice(parts), True)


async def said(port: int, sent: bytes, *, leave: bool) -> list[int]:
    """The statuses of all that comes back until the server hangs up, or we do."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""

    async def send() -> None:
        writer.write(sent)
        await writer.drain()
        if leave:
            writer.write_eof()

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(60):
            while part := await reader.read(2**16):
                received += part
    except OSError:
        pass
    except TimeoutError:
        return [0]
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return [int(line[9:12]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


async def attack(
    port: int, make: Callable[[random.Random], tuple[bytes, bool]], n: int, seed: int, clients: int = 16
) -> Record:
    """Many of them, some at a time."""
    draw, counts, wrong = random.Random(seed), Counter[str](), list[str]()
    requests = (make(draw) for _ in range(n))

    async def one() -> None:
        for request, leave in requests:
            statuses = await said(port, request, leave=leave)
            counts[" ".join(map(str, statuses)) or "no answer"] += 1
            if (not statuses and not leave) or any(s != 200 and s != 100 and not 400 <= s < 500 for s in statuses):
                wrong.append(f"{statuses} to {request[:300]!r}")

    await asyncio.gather(*(one() for _ in range(clients)))
    return {
        "requests": n,
        "answers": dict(counts.most_common()),
        "neither_200_nor_4xx": len(wrong),
        "such_as": wrong[:3],
    }


# ------------------------------------------------------------------------------------------------------ slow and many


async def slow(server: Server, clients: int) -> Record:
    """Connections that hold on, in four ways, while another client asks."""
    head = f"POST /v1/score HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n{_BEARER}\r\n"
    ways = {
        "head": head.encode(),
        "body": (head + "Content-Length: 1000\r\n\r\n").encode() + b" " * 1000,
        "refused body": b"POST /v1/score HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000,
        "silent": b"",
    }
    port = server.port
    ended: dict[str, list[tuple[float, str]]] = {way: [] for way in ways}
    started = time.perf_counter()

    async def one(way: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = asyncio.create_task(reader.read(9 + 3))
        at_once = ways[way].find(b"\r\n\r\n") + 4 if "body" in way else 0
        writer.write(ways[way][:at_once])
        rest = ways[way][at_once:]
        try:
            for i in range(600):
                writer.write(rest[i : i + 1])
                await asyncio.sleep(1)
                if reader.at_eof() or writer.is_closing():
                    break
        except OSError:
            pass
        got = await asyncio.gather(answer, return_exceptions=True)
        status = got[0][9:12].decode() if isinstance(got[0], bytes) else ""
        ended[way].append((time.perf_counter() - started, status or "closed"))
        writer.close()

    body = {"query": "q", "texts": ["a" * 4000] * 1000, "return_text": True}  # four megabytes, there and back
    deaf = [await asyncio.open_connection("127.0.0.1", port, limit=1) for _ in range(10)]
    for reader, writer in deaf:
        writer.write(post("/rerank", body, _BEARER))
        await writer.drain()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
    slowly = [asyncio.create_task(one(way)) for way in ways for _ in range(clients // len(ways))]
    await asyncio.sleep(2)
    latencies = []
    async with Client.to(port) as client:
        while not all(task.done() for task in slowly):
            at = time.perf_counter()
            status, _ = await client.ask(_GOOD)
            assert status == 200
            latencies.append(time.perf_counter() - at)
            await asyncio.sleep(0.1)
    await asyncio.sleep(15)
    files = held(server)[0]
    for _, writer in deaf:
        writer.transport.abort()
    return {
        "files_while_ten_do_not_read": files,
        "connections": len(slowly),
        "ends": {way: dict(Counter(status for _, status in ends)) for way, ends in ended.items()},
        "last_gone_after_seconds": max(at for ends in ended.values() for at, _ in ends),
        "others_served_meanwhile": len(latencies),
        "others_latest_ms": 1000 * max(latencies),
    }


async def many(port: int, connections: int) -> Record:
    """More connections than are let in, and a good client afterwards."""
    answers = Counter[str]()
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            answers[(await reader.read(12))[9:].decode() or "closed"] += 1
        except OSError:
            answers["closed"] += 1

    await asyncio.gather(*(one(*pair) for pair in held))
    for _, writer in held:
        writer.close()
    await asyncio.sleep(1)
    return {"connections": connections, "answers": dict(answers), "afterwards": (await _asked(port))[0]}


# ---------------------------------------------------------------------------------------------------------------- main


def main() -> None:
    """Attack, look, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--judge", help="a critic with random heads if not given")
    parser.add_argument("--slow", type=int, default=200, help="slow connections")
    parser.add_argument("--many", type=int, default=1100, help="connections at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    record = about() | {"seed": asked.seed}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        judge = asked.judge or critics(folder, None)[0]
        (folder / "keys").write_text(_KEY)
        words = ("--keys", folder / "keys", "--name", "served")
        with Server(judge, folder / "log", *words) as server:
            right = values(asyncio.run(_asked(server.port))[1])
            memory = {}
            for part, make, n in (("bodies", bodies, asked.requests), ("protocol", protocol, asked.requests // 5)):
                first = asyncio.run(attack(server.port, make, n // 10, asked.seed))
                memory[f"{part}: after a tenth"] = server.megabytes()
                files, threads = held(server)
                record[part] = asyncio.run(attack(server.port, make, n - n // 10, asked.seed + 1))
                record[part]["neither_200_nor_4xx"] += first["neither_200_nor_4xx"]
                record[part]["such_as"] += first["such_as"]
                memory[f"{part}: at the end"] = server.megabytes()
                print(part, json.dumps(record[part]), flush=True)
            record["slow"] = asyncio.run(slow(server, asked.slow))
            print("slow", json.dumps(record["slow"]), flush=True)
            record["many"] = asyncio.run(many(server.port, asked.many))
            print("many", json.dumps(record["many"]), flush=True)
            record["memory_megabytes"] = memory | {"at the end": server.megabytes()}
            record["files_and_threads"] = {"before": [files, threads], "after": held(server)}
            record["right_answer_afterwards"] = values(asyncio.run(_asked(server.port))[1]) == right
            record["server_errors"] = sum(status >= 500 for status in server.statuses())
            record["tracebacks"] = server.log.read_text().count("Traceback")
            for key in (
                "memory_megabytes",
                "files_and_threads",
                "right_answer_afterwards",
                "server_errors",
                "tracebacks",
            ):
                print(key, record[key])
    if asked.json:
        asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


async def _asked(port: int) -> tuple[int, bytes]:
    async with Client.to(port) as client:
        return await client.ask(_GOOD)


def held(server: Server) -> list[int]:
    """Open files and threads."""
    about = Path(f"/proc/{server.process.pid}")
    return [len(list((about / part).iterdir())) for part in ("fd", "task")]


if __name__ == "__main__":
    main()
