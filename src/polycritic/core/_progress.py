"""How long work shows itself: a bar on a terminal, a line every 30 seconds in a log, and nothing for short work."""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_QUIET_SECONDS = 2.0
_LOG_SECONDS = 30.0
_INSIDE: ContextVar[bool] = ContextVar("_INSIDE", default=False)


class Progress:
    """A context that counts work done and shows it on standard error, with its rate and the time left.

    On a terminal: a bar. Elsewhere: one line every 30 seconds. Work that ends within two seconds shows nothing, nor does work
    that is part of other work which shows itself.

    Args:
        what: What is going on, in one or two words.
        total: How many units there are; None where nobody knows.
        shown: False keeps it silent, and what is part of it.

    >>> with Progress("reading", 2) as progress:
    ...     progress.advance(2)
    """

    def __init__(self, what: str, total: float | None = None, *, shown: bool = True) -> None:
        self.what, self.total, self.shown, self.done, self.note = what, total, shown, 0.0, ""
        self._start = self._last = time.monotonic()
        self._before = 0.0
        self._inside = False
        self._bar: object | None = None

    def __enter__(self) -> Progress:
        self._start = self._last = time.monotonic()
        self._inside = _INSIDE.get()
        self.shown = self.shown and not self._inside
        _INSIDE.set(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _INSIDE.set(self._inside)
        if self._bar is not None:
            self._bar.stop()  # type: ignore[attr-defined]
            self._bar = None

    def skip(self, amount: float) -> None:
        """Count ``amount`` units as done before this began: they do not belong to the rate."""
        self.done += amount
        self._before += amount

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Count ``amount`` units as done; ``note`` (the loss, say) is shown behind the bar."""
        self.done += amount
        self.note = note or self.note
        now = time.monotonic()
        if not self.shown or now - self._start < _QUIET_SECONDS:
            return
        rate = (self.done - self._before) / max(now - self._start, 1e-9)
        if sys.stderr.isatty():
            self._draw(_rate(rate))
        elif now - self._last >= _LOG_SECONDS:
            self._last = now
            of = left = ""
            if self.total is not None:
                seconds = round((self.total - self.done) / max(rate, 1e-9))
                of, left = f" of {self.total:,.10g}", f", {timedelta(seconds=seconds)} left"
            done = f"{round(self.done, 1):,.10g}"
            print(f"{self.what}: {done}{of} ({_rate(rate)}{left}) {self.note}".rstrip(), file=sys.stderr)  # noqa: T201

    def _draw(self, rate: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        if self._bar is None:
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(self.what, total=self.total, completed=int(self.done), note="", rate=rate)
            self._bar.start()
        bar = self._bar
        bar.update(0, completed=self.done, note=self.note, rate=rate)  # type: ignore[attr-defined]


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
