"""What long work says of itself."""

import pytest

from polycritic.core import Progress, _progress


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(_progress, "time", made)
    return made


def test_a_log_gets_a_line_every_thirty_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("scoring", 10_000_000) as progress:
        for clock.now in range(0, 100, 10):
            progress.advance(1000, note="loss 0.1")
    assert capsys.readouterr().err.splitlines() == [
        "scoring: 4,000 of 10,000,000 (133/s, 20:49:30 left) loss 0.1",
        "scoring: 7,000 of 10,000,000 (117/s, 23:47:34 left) loss 0.1",
        "scoring: 10,000 of 10,000,000 (111/s, 1 day, 0:58:30 left) loss 0.1",
    ]


def test_without_a_total_no_time_is_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("reading") as progress:
        clock.now = 60
        progress.advance(30)
    assert capsys.readouterr().err == "reading: 30 (0.5/s)\n"


def test_a_part_of_a_unit_is_said_in_tenths(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("training", 3) as progress:
        clock.now = 60
        progress.advance(5 / 6)
    assert capsys.readouterr().err == "training: 0.8 of 3 (0.014/s, 0:02:36 left)\n"


def test_what_was_done_before_is_no_part_of_the_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("scoring", 2000) as progress:
        progress.skip(1000)
        clock.now = 50
        progress.advance(500)
    assert capsys.readouterr().err == "scoring: 1,500 of 2,000 (10/s, 0:00:50 left)\n"


def test_work_within_work_is_silent(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("outer", shown=False), Progress("inner", 2) as inner:
        clock.now = 60
        inner.advance(1)
    with Progress("after", 2) as after:
        clock.now = 120
        after.advance(1)
    assert capsys.readouterr().err == "after: 1 of 2 (0.017/s, 0:01:00 left)\n"


def test_a_terminal_gets_a_bar(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress("scoring", 4) as progress:
        clock.now = 10
        progress.advance(2, note="half")
    said = capsys.readouterr().err
    assert "scoring" in said
    assert "2/4" in said
    assert "0.2/s" in said
    assert "half" in said
