from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from polycritic.cli._output import JsonFlag, grouped, note, say, say_json

app = typer.Typer(no_args_is_help=True, help="Look at feedback files, convert and split them.")

Files = Annotated[list[Path], typer.Argument(help="Feedback: .jsonl[.gz|.zst], .json, .csv, .parquet, .arrow.")]
TasksOption = Annotated[Path | None, typer.Option(help="A TOML file of tasks: descriptions and scales.")]
SkipFlag = Annotated[bool, typer.Option(help="Go past rows that cannot be read; they are counted.")]


@app.command()
def check(
    files: Files,
    tasks: TasksOption = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files of test rows: what they share with the others; without it, what a split by prompt shares."
        ),
    ] = None,
    skip_bad_rows: SkipFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what is in the files: rows, labels, lengths, duplicates, leaks. Exit 1 where rows cannot be read."""
    from polycritic import feedback
    from polycritic.cli._tokens import count_tokens

    try:
        table = feedback.read(*files, tasks=tasks, skip_bad_rows=skip_bad_rows)
        other = feedback.read(*against, tasks=tasks, skip_bad_rows=skip_bad_rows) if against else None
    except feedback.FeedbackError as error:
        if as_json:
            say_json({"bad_rows": error.count, "problems": [str(problem) for problem in error.problems]})
        else:
            say([str(error)])
        raise typer.Exit(1) from error
    split = feedback.split_by_prompt(table)
    sides = (table, other) if other is not None else (split.train, split.test)
    report = dataclasses.replace(feedback.check(table, count_tokens=count_tokens), leaks=feedback.leaks(*sides))
    if as_json:
        say_json(report.to_dict())
    else:
        say(dataclasses.replace(report, inferred=tuple(grouped(report.inferred))).lines())


@app.command()
def convert(
    files: Files,
    output: Annotated[Path, typer.Option("--output", "-o", help=".jsonl[.gz], .csv, .parquet or .arrow.")],
    tasks: TasksOption = None,
    skip_bad_rows: SkipFlag = False,
    each_vote: Annotated[
        bool, typer.Option(help="One row a vote, where a row lists those of several annotators.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read feedback of any form and write it in polycritic's own."""
    from polycritic import feedback

    table = feedback.read(*files, tasks=tasks, skip_bad_rows=skip_bad_rows, each_vote=each_vote)
    feedback.write(table, output)
    for line in grouped(table.inferred):
        note(line)
    say_json({"rows": len(table), "file": str(output)}) if as_json else say([f"{output}: {len(table):,} rows"])


@app.command()
def split(
    files: Files,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for train.jsonl and test.jsonl.")],
    test_percent: Annotated[int, typer.Option(min=1, max=99, help="Share of the prompts that are kept aside.")] = 20,
    unseen: Annotated[
        list[str] | None, typer.Option(help="Tasks (names, families or patterns) kept aside whole, in unseen.jsonl.")
    ] = None,
    tasks: TasksOption = None,
    skip_bad_rows: SkipFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Split by prompt, so that no prompt is on both sides; whole tasks and families can be kept aside too.

    The tasks with their scales, as all rows tell them, go to tasks.toml in the same folder, for --tasks.
    """
    from polycritic import feedback
    from polycritic.tasks import write_tasks

    table = feedback.read(*files, tasks=tasks, skip_bad_rows=skip_bad_rows)
    known = table.tasks
    parts = {}
    if unseen:
        by_task = feedback.split_by_task(table, unseen)
        table, parts["unseen"] = by_task.train, by_task.test
    by_prompt = feedback.split_by_prompt(table, test_percent)
    parts |= {"train": by_prompt.train, "test": by_prompt.test}
    output.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        feedback.write(part, output / f"{name}.jsonl")
    write_tasks(output / "tasks.toml", known)
    counts = {name: len(part) for name, part in parts.items()}
    say_json(counts) if as_json else say([f"{output / name}.jsonl: {count:,} rows" for name, count in counts.items()])
