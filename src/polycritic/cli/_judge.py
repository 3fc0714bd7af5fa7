from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from polycritic.cli._judges import JudgeArgument, find_judge
from polycritic.cli._output import JsonFlag, note, say, say_json, table
from polycritic.core import Candidate, PolycriticError, Task, UnknownNameError, lookup

CriticArgument = Annotated[Path, typer.Argument(help="A critic's folder.")]
TaskOption = Annotated[list[str] | None, typer.Option("--task", "-t", help="A task's name; several are allowed.")]
DescriptionOption = Annotated[str, typer.Option(help="What a good answer is, for a task never trained on.")]


def compare(
    critic: JudgeArgument,
    prompt: Annotated[str, typer.Argument(help="The prompt.")],
    first: Annotated[str, typer.Argument(help="One response.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    task: TaskOption = None,
    description: DescriptionOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Say which of two responses is better; without --task, on all tasks of the critic."""
    judge = find_judge(critic)
    own = {t.name: t for t in judge.tasks}
    tasks = [named_task(name, description, own) for name in task] if task else list(judge.tasks)
    if not tasks:
        raise PolycriticError(
            "a judge of no tasks of its own", where=judge.name, mend="Name one: --task, --description"
        )
    values = judge.scorer().score([Candidate(prompt, first), Candidate(prompt, second)], tasks).values
    results = [
        {
            "task": t.name,
            "first": float(a),
            "second": float(b),
            "better": "first" if a > b else "second" if b > a else "tie",
        }
        for t, a, b in zip(tasks, values[0], values[1], strict=True)
    ]
    if as_json:
        say_json(results)
    else:
        say(table(["task", "first", "second", "better"], [list(r.values()) for r in results]))


def rank(
    critic: JudgeArgument,
    prompt: Annotated[str, typer.Argument(help="The prompt.")],
    responses: Annotated[list[str], typer.Argument(help="Two or more responses.")],
    task: Annotated[str, typer.Option("--task", "-t", help="The task to rank by.")],
    description: DescriptionOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Order responses, best first."""
    judge = find_judge(critic)
    chosen = named_task(task, description, {t.name: t for t in judge.tasks})
    scores = judge.scorer().score([Candidate(prompt, response) for response in responses], [chosen]).values[:, 0]
    order = sorted(range(len(responses)), key=lambda i: -scores[i])
    ranked = [{"rank": r + 1, "score": float(scores[i]), "response": responses[i]} for r, i in enumerate(order)]
    say_json(ranked) if as_json else say(table(["rank", "score", "response"], [list(r.values()) for r in ranked]))


def evaluate(
    critic: JudgeArgument,
    files: Annotated[list[Path], typer.Argument(help="Feedback files.")],
    least: Annotated[float, typer.Option(help="Exit with 1 where the mean concordance is below this.")] = 0.0,
    test_only: Annotated[bool, typer.Option(help="Only the fifth of the prompts that training kept aside.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure a judge on feedback, beside what length alone achieves."""
    from polycritic import evaluation, feedback
    from polycritic.judges import Length

    found = find_judge(critic)
    judge = found.scorer()
    rows = feedback.read(*files)
    own = {t.name for t in found.tasks}
    tasks = found.known(rows.tasks)
    rows = rows.with_tasks(tasks)
    if test_only:
        rows = feedback.split_by_prompt(rows).test
    results = {
        "critic": evaluation.evaluate(judge, rows, tasks),
        "longer wins": evaluation.evaluate(Length(), rows, tasks),
        "shorter wins": evaluation.evaluate(Length(sign=-1), rows, tasks),
    }
    unseen = [t.name for t in tasks if own and t.name not in own]
    if as_json:
        say_json({"unseen": unseen, **{name: result.to_dict() for name, result in results.items()}})
    else:
        say(results["critic"].lines())
        for name in ("longer wins", "shorter wins"):
            say([f"{name}: concordance {results[name].macro['concordance']}"])
        if unseen:
            note(f"{len(unseen)} of {len(tasks)} tasks were judged by their description alone")
    if results["critic"].macro["concordance"].value < least:
        raise typer.Exit(1)


def tasks(
    source: Annotated[Path, typer.Argument(help="A critic's folder, a file of feedback, or a TOML file of tasks.")],
    as_json: JsonFlag = False,
) -> None:
    """List tasks with their scales and descriptions."""
    from polycritic.core import scale_text

    known = _tasks_of(source)
    if as_json:
        say_json([{"name": t.name, "scale": scale_text(t.scale), "description": t.description} for t in known])
    else:
        say(
            table(
                ["task", "scale", "description"], [[t.name, scale_text(t.scale), _short(t.description)] for t in known]
            )
        )


def _tasks_of(source: Path) -> Sequence[Task]:
    if source.is_dir():
        from polycritic.critic import Critic

        return Critic.load(source).tasks
    if source.suffix == ".toml":
        from polycritic.tasks import read_tasks

        return read_tasks(source)
    from polycritic import feedback

    return feedback.read(source).tasks


def named_task(name: str, description: str, own: dict[str, Task]) -> Task:
    """A known task, or a new one that its description tells."""
    if name in own:
        return own[name]
    if not description:
        try:
            lookup(name, own, "task")
        except UnknownNameError as error:
            raise UnknownNameError(error.message, mend=f"{error.mend} A new one needs a --description") from None
    return Task(name, description)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
