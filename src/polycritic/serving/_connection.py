"""One client's connection: what is no HTTP is told so, and nobody holds a place by being slow."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from polycritic.serving._limits import Limits

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol

_LINGER = 5.0
"""Seconds in which a client that is turned away may read why, while what it still sends is thrown away."""


def connection(limits: Limits) -> type[H11Protocol]:
    """Uvicorn's protocol with limits on time, and on how many may be connected.

    **Laws**: a connection on which no request is being answered is gone ``body_seconds`` after its last answer, whatever the
    client does; one that is refused is gone ``5`` seconds later.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    most = min(limits.connections, max(1, _files() - 64))

    class Connection(H11Protocol):
        deaf = False  # what arrives is thrown away

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.since, self.busy_with = self.loop.time(), self.cycle
            self.look_again = self.loop.call_later(limits.body_seconds, self.look)
            if len(self.connections) > most:
                self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

        def connection_lost(self, exc: Exception | None) -> None:
            self.look_again.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if not self.deaf:
                super().data_received(data)

        def send_400_response(self, msg: str) -> None:
            del msg
            self.refuse(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request that can be read")

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.since = self.loop.time()
            if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
                self.leave()  # refused before its body was read

        def refuse(self, status: HTTPStatus, message: str) -> None:
            """Say why, unless an answer was given, and hear no more; a request that was being read is dropped."""
            if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
                self.transport.write(_answer(status, message))
            if self.cycle is not None and not self.cycle.response_complete:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(_LINGER, self.transport.abort)
            self.leave()

        def leave(self) -> None:
            """End our side; the other side is read, into nothing, so that the answer is not lost to a reset."""
            self.deaf = True
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.flow.resume_reading()

        def look(self) -> None:
            """Whether the client has been too slow."""
            busy = self.cycle is not None and not self.cycle.response_complete
            if busy and self.busy_with is not self.cycle:
                self.busy_with, self.since = self.cycle, self.loop.time()
            allowed = limits.body_seconds + (limits.seconds + _LINGER if busy else 0)
            left = allowed - (self.loop.time() - self.since)
            if left > 0:
                self.look_again = self.loop.call_later(min(left, limits.body_seconds) + 0.01, self.look)
            elif busy or self.deaf or self.transport.is_closing():
                self.transport.abort()  # it does not read its answer
            elif self.conn.trailing_data[0]:
                self.refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request did not arrive within {limits.body_seconds:g} s")
            else:
                self.transport.close()

    return Connection


def _answer(status: HTTPStatus, message: str) -> bytes:
    body = json.dumps({"error": {"message": message, "type": "error", "code": status.value}}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    return f"{head}Connection: close\r\n\r\n".encode() + body


def _files() -> int:
    """How many files, connections among them, this process may have open."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return 2**31
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft
