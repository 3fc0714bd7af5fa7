"""The ``polycritic`` command.

Exit codes: 0, 1 (looked at and found wanting), 2 (wrong call or wrong data), 130 (interrupted).
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from polycritic import __version__
from polycritic.cli import (
    _audit,
    _calibrate,
    _data,
    _judge,
    _leaderboard,
    _quickstart,
    _score,
    _serve,
    _teach,
    _train,
    _worlds,
)
from polycritic.core import PolycriticError

__all__ = ["app", "main"]

app = typer.Typer(
    name="polycritic",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One critic, many tasks: feedback trains a critic, a critic judges, its scores make decisions.",
)
app.command()(_quickstart.quickstart)
app.command()(_train.train)
app.command()(_teach.teach)
app.command()(_score.score)
app.command()(_judge.compare)
app.command()(_judge.rank)
app.command()(_judge.evaluate)
app.command()(_judge.tasks)
app.command()(_audit.audit)
app.command()(_calibrate.calibrate)
app.command()(_leaderboard.leaderboard)
app.command()(_serve.serve)
app.add_typer(_data.app, name="data")
app.add_typer(_worlds.app, name="worlds")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """One critic, many tasks: feedback trains a critic, a critic judges, its scores make decisions."""
    del version


def main() -> None:
    """Run the command; errors of use, of data and of files are one clear paragraph, never a traceback."""
    try:
        app()
    except PolycriticError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
