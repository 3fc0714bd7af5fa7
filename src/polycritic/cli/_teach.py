from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from polycritic.cli._judge import CriticArgument, DescriptionOption
from polycritic.cli._judges import NamedJudge
from polycritic.cli._output import JsonFlag, say, say_json
from polycritic.core import (
    Candidate,
    Comparison,
    Feedback,
    FloatArray,
    PolycriticError,
    Rating,
    Scores,
    Task,
    lookup,
    scale_from_dict,
    scale_to_dict,
)

if TYPE_CHECKING:
    from polycritic.critic import Critic
    from polycritic.critic.probes import Probed, Reader

KIND = "polycritic taught judge"
_READERS = ("Reasoner", "logistic_probe", "naive_bayes_probe")


def teach(
    critic: CriticArgument,
    files: Annotated[list[Path], typer.Argument(help="A few labelled rows of a new task, or comparisons by people.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The taught judge, a .json file.")],
    description: DescriptionOption = "",
    person: Annotated[str, typer.Option(help="Judge as this annotator would, known by their comparisons.")] = "",
    attribute: Annotated[
        list[str] | None, typer.Option(help="Weigh this task of the critic, and others so named, by the prompt alone.")
    ] = None,
    reader: Annotated[str, typer.Option(help="What reads the rows: " + ", ".join(_READERS) + ".")] = _READERS[0],
    as_json: JsonFlag = False,
) -> None:
    """Make a judge of a new task from a few rows, of one person, or of attributes; the critic is not trained.

    What is written is a judge again: score, evaluate, calibrate and serve take the file in place of a critic. A few rows that
    are called right or wrong are read by a small transformer that learnt to learn from examples. With --person, what people
    agree on and how they differ is learnt from all comparisons in the files, and then who this person is from theirs. With
    --attribute, comparisons say what each of the critic's tasks is worth to which prompt.
    """
    from polycritic import feedback
    from polycritic.critic import Critic

    if output.suffix != ".json":
        raise PolycriticError("not the name of a judge's file", where="--output", found=str(output), expected="*.json")
    lookup(reader, _READERS, "reader")
    model = Critic.load(critic)
    own = {task.name: task for task in model.tasks}
    table = feedback.read(*files)
    tasks = [own.get(t.name) or Task(t.name, description or t.description, t.scale) for t in table.tasks]
    rows: list[Feedback] = list(table.with_tasks(tasks))
    result: dict[str, Any] = {"judge": str(output)}
    data: dict[str, Any] = {"kind": KIND, "judge": os.path.relpath(critic.resolve(), output.resolve().parent)}
    if person and attribute:
        raise PolycriticError("two lessons at once", found="--person and --attribute", expected="one of them")
    if person or attribute:
        task, pairs = _compared(rows, tasks)
        tasks, folder = [task], output.with_suffix(".people" if person else ".gate")
    if person:
        rows, result["people"] = _person(model, pairs, task, person, folder)
        data |= {"person": person, "population": folder.name}
        result |= {"person": person, "comparisons": len(rows)}
    elif attribute:
        from polycritic.critic.probes import fit_gate

        judge = fit_gate(model, [own[lookup(name, own, "task")] for name in attribute], task, pairs)
        judge.save(folder)
        weights = judge.weights([row.first for row in pairs]).mean(axis=0)
        data["gate"], rows = folder.name, []
        result |= {"comparisons": len(pairs), "weights": dict(zip(attribute, weights.tolist(), strict=True))}
    else:
        data["reader"] = reader
        result["tasks"] = _left_out(model, rows, tasks, reader)
    if person or attribute:
        data["made_of"] = _digests(critic, folder)
    data["tasks"] = [{"name": t.name, "description": t.description, "scale": scale_to_dict(t.scale)} for t in tasks]
    data["rows"] = _records(rows)
    output.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    say_json(result) if as_json else say(_lines(result))


def taught(data: Mapping[str, Any], critic: Critic, path: Path) -> NamedJudge:
    """The judge that a file of :func:`teach` describes, on the critic that it names."""
    from polycritic import feedback
    from polycritic.critic.probes import Gated, Person, Population

    try:
        tasks = tuple(Task(t["name"], t["description"], scale_from_dict(t["scale"])) for t in data["tasks"])
        for name in ("gate", "population"):
            if name in data and data["made_of"] != _digests(path.parent / data["judge"], path.parent / data[name]):
                raise PolycriticError("a critic that changed since", where=str(path), mend="Teach it again")
        if "gate" in data:
            return NamedJudge(path.stem, Gated.load(critic, path.parent / str(data["gate"])), tasks)
        rows = feedback.read(data["rows"], tasks=tasks)
        if "person" in data:
            population = Population.load(path.parent / str(data["population"]))
            judge = Person(critic, population, tasks[0], [row for row in rows if isinstance(row, Comparison)])
            return NamedJudge(str(data["person"]), judge, tasks)
        return NamedJudge(path.stem, Taught(_probed(critic, list(rows), tasks, str(data["reader"]))), tasks)
    except (KeyError, TypeError) as error:
        raise PolycriticError("a damaged judge", where=str(path), found=repr(error)) from error


@dataclass(frozen=True, slots=True)
class Taught:
    """A judge of the tasks that it was taught, each by its own examples."""

    judges: Mapping[str, Probed]

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """Probabilities of right, and their standard deviations.

        Raises:
            PolycriticError: A task was not taught.
        """
        values, spread = np.empty((2, len(candidates), len(tasks)))
        for column, task in enumerate(tasks):
            judge = self.judges[lookup(task.name, self.judges, "task")]
            p = judge.score(candidates, [judge.task]).values[:, 0]
            values[:, column], spread[:, column] = p, np.sqrt(p * (1.0 - p))
        return Scores(tuple(tasks), values, spread)


def _reader(name: str) -> Reader:
    from polycritic.critic import probes

    return probes.Reasoner.pretrained() if name == _READERS[0] else getattr(probes, lookup(name, _READERS, "reader"))


def _probed(critic: Critic, rows: Sequence[Feedback], tasks: Sequence[Task], reader: str) -> dict[str, Probed]:
    from polycritic.critic.probes import Probed

    examples, read = [row for row in rows if isinstance(row, Rating)], _reader(reader)
    return {task.name: Probed(critic, task, examples, read) for task in tasks}


def _left_out(critic: Critic, rows: Sequence[Feedback], tasks: Sequence[Task], reader: str) -> dict[str, Any]:
    """Of each task, how well each example is foretold by the others."""
    judges, read, found = _probed(critic, rows, tasks, reader), _reader(reader), {}
    for name, judge in judges.items():
        mine = [row for row in rows if isinstance(row, Rating) and row.task == name]
        x, y = critic.features([row.candidate for row in mine], judge.task), np.array([row.value for row in mine])
        told = np.arange(len(y))
        p = np.array([read(x[told != i], y[told != i])(x[i : i + 1])[0] for i in told]) if len(y) > 1 else y * np.nan
        found[name] = {"examples": len(y), "right": float(np.mean((p > 0.5) == (y > 0.5))), "nats": _nats(p, y)}
    return found


def _nats(p: FloatArray, y: FloatArray) -> float:
    p = np.clip(p, 1e-6, 1.0 - 1e-6)
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log(1.0 - p)))


def _compared(rows: Sequence[Feedback], tasks: Sequence[Task]) -> tuple[Task, list[Comparison]]:
    """The one task that the rows compare, and its rows."""
    pairs = [row for row in rows if isinstance(row, Comparison)]
    named = [task for task in tasks if any(row.task == task.name for row in pairs)]
    if len(named) != 1:
        raise PolycriticError(
            "not comparisons of one task", found=f"comparisons of {len(named)} tasks", mend="Give the rows of one task"
        )
    return named[0], pairs


def _person(
    critic: Critic, pairs: Sequence[Comparison], task: Task, person: str, folder: Path
) -> tuple[list[Feedback], int]:
    """Fit and write a population; the person's rows, and how many people there are."""
    from polycritic.critic.probes import fit_population

    people = sorted({row.source for row in pairs if row.source})
    lookup(person, people, "annotator")
    fit_population(critic, pairs, task).save(folder)
    return [row for row in pairs if row.source == person], len(people)


def _digests(critic: Path, folder: Path) -> list[str]:
    """What tells a critic, and what was learnt on it, from others."""
    files = [critic / "model.safetensors", *sorted(folder.glob("*.safetensors"))]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def _records(rows: Sequence[Feedback]) -> list[dict[str, Any]]:
    from polycritic import feedback

    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        feedback.write(rows, path)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _lines(result: Mapping[str, Any]) -> list[str]:
    if "person" in result:
        known = f"{result['comparisons']} comparisons of their own"
        return [f"{result['judge']}: judges as {result['person']} would, one of {result['people']} people, by {known}"]
    if "weights" in result:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in result["weights"].items())
        return [f"{result['judge']}: by {result['comparisons']} comparisons; on their prompts, {shares} in the mean"]
    return [
        f"{result['judge']}: {name}, by {told['examples']} examples; each foretold by the others, {told['right']:.0%} are on "
        f"the right side, at {told['nats']:.2f} nats (a guess costs 0.69)"
        for name, told in result["tasks"].items()
    ]
