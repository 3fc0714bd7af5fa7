from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycritic.cli._output import JsonFlag, say, say_json, table

app = typer.Typer(no_args_is_help=True, help="Built-in tasks with exact verifiers.")


@app.command("list")
def show(as_json: JsonFlag = False) -> None:
    """List the built-in worlds."""
    from polycritic.worlds import WORLDS

    worlds = [{"name": name, "description": world.task.description} for name, world in WORLDS.items()]
    say_json(worlds) if as_json else say(table(["world", "description"], [list(w.values()) for w in worlds]))


@app.command()
def make(
    output: Annotated[Path, typer.Option("--output", "-o", help="A file of feedback to write.")],
    worlds: Annotated[list[str] | None, typer.Argument(help="Names of worlds; all when none is given.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Problems of each world.")] = 100,
    seed: Annotated[int, typer.Option(help="Different seeds make different problems.")] = 0,
    difficulty: Annotated[
        list[int] | None, typer.Option(min=1, max=5, help="1 to 5; several are taken in turn.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make rows of feedback from built-in worlds; their descriptions go to NAME.tasks.toml beside them, for --tasks."""
    from polycritic import feedback
    from polycritic.tasks import write_tasks
    from polycritic.worlds import WORLDS, find
    from polycritic.worlds import make as made

    chosen = [find(name) for name in worlds] if worlds else list(WORLDS.values())
    rows = made(chosen, n, seed=seed, difficulty=tuple(difficulty or (1, 2, 3)))
    tasks = [world.task for world in chosen]
    feedback.write(feedback.table(rows, tasks), output)
    described = output.with_name(output.name.split(".")[0] + ".tasks.toml")
    write_tasks(described, tasks)
    if as_json:
        say_json({"rows": len(rows), "file": str(output), "tasks": str(described)})
    else:
        say([f"{output}: {len(rows):,} rows", f"{described}: {len(tasks)} tasks with their descriptions, for --tasks"])
