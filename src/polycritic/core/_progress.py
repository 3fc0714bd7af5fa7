"""How long work shows itself: a bar on a terminal, a line every 30 seconds in a log, and nothing for short work."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_QUIET_SECONDS = 2.0
_LOG_SECONDS = 30.0


class Progress:
    """A context that counts work done and shows it on standard error.

    On a terminal: a bar with rate and time left. Elsewhere: one line every 30 seconds. Work that ends within two
    seconds shows nothing.

    Args:
        what: What is going on, in one or two words.
        total: How many units there are; None where nobody knows.
        shown: False keeps it silent.

    >>> with Progress("reading", 2) as progress:
    ...     progress.advance(2)
    """

    def __init__(self, what: str, total: float | None = None, *, shown: bool = True) -> None:
        self.what, self.total, self.shown, self.done, self.note = what, total, shown, 0.0, ""
        self._start = self._last = time.monotonic()
        self._bar: object | None = None

    def __enter__(self) -> Progress:
        self._start = self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()  # type: ignore[attr-defined]
            self._bar = None

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Count ``amount`` units as done; ``note`` (the loss, say) is shown behind the bar."""
        self.done += amount
        self.note = note or self.note
        now = time.monotonic()
        if not self.shown or now - self._start < _QUIET_SECONDS:
            return
        if sys.stderr.isatty():
            self._draw()
        elif now - self._last >= _LOG_SECONDS:
            self._last = now
            of = f"/{self.total:g}" if self.total is not None else ""
            rate = self.done / max(now - self._start, 1e-9)
            left = f", {(self.total - self.done) / max(rate, 1e-9):.0f} s left" if self.total is not None else ""
            print(f"{self.what}: {self.done:g}{of} ({rate:.3g}/s{left}) {self.note}".rstrip(), file=sys.stderr)  # noqa: T201

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        if self._bar is None:
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(self.what, total=self.total, completed=int(self.done), note="")
            self._bar.start()
        bar = self._bar
        bar.update(0, completed=self.done, note=self.note)  # type: ignore[attr-defined]
