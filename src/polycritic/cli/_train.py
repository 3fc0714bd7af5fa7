from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polycritic import __version__
from polycritic.cli._output import JsonFlag, grouped, note, say, say_json
from polycritic.core import PolycriticError, Progress

if TYPE_CHECKING:
    from polycritic.feedback import FeedbackTable


def train(
    files: Annotated[list[Path], typer.Argument(help="Feedback: .jsonl[.gz|.zst], .json, .csv, .parquet, .arrow.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The critic's folder.")],
    recipe: Annotated[Path | None, typer.Option(help="A TOML file; see the documentation on training.")] = None,
    tasks: Annotated[Path | None, typer.Option(help="A TOML file of tasks: descriptions and scales.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; overrides the recipe.")] = None,
    skip_bad_rows: Annotated[bool, typer.Option(help="Go past rows that cannot be read; they are counted.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train one critic on the feedback of all files, and write it to a folder.

    A fifth of the prompts is kept aside for choosing the best state and for the report. Interrupted work goes on where it
    stopped when the same command is given again.
    """
    from dataclasses import replace

    from polycritic import feedback as rooms
    from polycritic.cli._recipes import build_critic, build_recipe, read_recipe
    from polycritic.cli._reports import reliability_of
    from polycritic.evaluation import judge_all, measure_judged, mistakes
    from polycritic.judges import Length
    from polycritic.report import ReportData, read_log, write_report
    from polycritic.training import train as run

    _check_output(output)
    sections = read_recipe(recipe)
    table = rooms.read(*files, tasks=tasks, skip_bad_rows=skip_bad_rows)
    if not len(table):
        raise PolycriticError("no rows to train on", where=", ".join(map(str, files)))
    for line in grouped(table.inferred):
        note(line)
    split = rooms.split_by_prompt(table)
    chosen = build_recipe(sections)
    if steps is not None:
        chosen = replace(chosen, steps=steps)
    critic = build_critic(sections, table.tasks)
    if len(split.train) == 0:  # too few prompts to keep any aside
        split = replace(split, train=table, test=table.select([]))
    work = output.parent / f".{output.name}-training"
    with Progress("training", chosen.steps) as progress:
        try:
            for step in run(critic, split.train, chosen, folder=work, validation=_few(split.test)):
                progress.advance(1, f"loss {step.loss:.3f}")
        except KeyboardInterrupt:
            note(f"Stopped. The state is kept in {work}; give the same command again to go on.")
            raise
    critic.save(output)
    result: dict[str, object] = {"critic": str(output), "tasks": len(table.tasks), "rows": len(table)}
    lines = [f"{output}: one critic of {len(table.tasks)} tasks, trained on {len(split.train):,} rows"]
    if len(split.test):
        judged = judge_all(critic, split.test, split.test.tasks, name="critic")
        evaluation = measure_judged(judged)
        nulls = [
            measure_judged(judge_all(judge, split.test, split.test.tasks, name=judge.name))
            for judge in (Length(), Length(sign=-1))
        ]
        ours, longer = (e.macro["concordance"] for e in (evaluation, nulls[0]))
        result |= {"concordance": ours.value, "longer_wins": longer.value, "report": str(output / "report.html")}
        write_report(
            output / "report.html",
            ReportData(
                title=f"{output.name}: one critic, {len(table.tasks)} tasks",
                summary=(
                    f"On held-out prompts {ours.value:.1%} of the pairs of answers are in the right order, mean over tasks.",
                    f"The longer answer wins in {longer.value:.1%} of them.",
                    *grouped(table.inferred),
                ),
                seen=(evaluation, *nulls),
                training=read_log(work / "log.jsonl"),
                reliability=reliability_of(judged),
                mistakes=tuple(mistakes(judged, split.test)),
                provenance={
                    "polycritic": __version__,
                    "files": ", ".join(str(file) for file in files),
                    "rows": f"{len(split.train):,} trained on, {len(split.test):,} held out by prompt",
                    "steps": f"{chosen.steps} of {chosen.rows} rows",
                    "seed": str(chosen.seed),
                },
            ),
        )
        lines += [
            f"pairs in the right order on held-out prompts, mean over tasks: {ours}",
            f"the longer answer wins, for comparison:                        {longer}",
            f"report: {output / 'report.html'}",
        ]
    (work / "log.jsonl").replace(output / "log.jsonl")
    (work / "checkpoint.pt").unlink(missing_ok=True)
    work.rmdir()
    say_json(result) if as_json else say(lines)


def _check_output(output: Path) -> None:
    """Refuse, before any work, a place where no critic can be written.

    Raises:
        PolycriticError: A file or a folder of something else is there.
    """
    if output.exists() and not output.is_dir():
        raise PolycriticError("a file is where the critic's folder would be", where=str(output))
    if output.is_dir() and any(output.iterdir()) and not (output / "critic.json").exists():
        raise PolycriticError(
            "a folder that is not a critic's would be overwritten", where=str(output), mend="Name another folder"
        )


def _few(table: FeedbackTable, most: int = 400) -> FeedbackTable:
    """A validation set that is looked at in reasonable time: every k-th row."""
    return table[:: max(-(-len(table) // most), 1)]
