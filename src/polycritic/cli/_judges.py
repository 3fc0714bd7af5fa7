"""Which judge a word on the command line means."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from polycritic.core import Comparer, Judge, PolycriticError, Task, lookup

JudgeArgument = Annotated[
    str,
    typer.Argument(
        help="A folder (a critic's, an ONNX export's, another's reward model or cross-encoder), hf:NAME from a hub, a file "
        "written by calibrate or teach, package.module:Name, or longer, shorter or chance.",
        show_default=False,
    ),
]
_BUILT_IN = ("longer", "shorter", "chance")
_KIND = "polycritic calibrated judge"
_HUB = "hf:"


@dataclass(frozen=True, slots=True)
class NamedJudge:
    """A judge with what the command line knows of it.

    Args:
        name: In words.
        judge: It scores, or compares, or both.
        tasks: The tasks it was trained on; none where it was not.
    """

    name: str
    judge: Judge | Comparer
    tasks: tuple[Task, ...] = ()

    def scorer(self) -> Judge:
        """The judge as one that scores.

        Raises:
            PolycriticError: It only compares.
        """
        if not isinstance(self.judge, Judge):
            raise PolycriticError("this judge only compares", where=self.name, expected="a judge with score()")
        return self.judge

    def known(self, tasks: Sequence[Task]) -> list[Task]:
        """The same tasks, those it was trained on as they were then."""
        own = {task.name: task for task in self.tasks}
        return [own.get(task.name, task) for task in tasks]


def find_judge(name: str, beside: Path | None = None) -> NamedJudge:
    """The judge that a word means.

    Args:
        name: A folder: a critic's, what ``export_onnx`` wrote, or a sequence classifier of transformers or
            sentence-transformers, which is also found on a hub as ``hf:NAME``; a file that ``calibrate`` or ``teach`` wrote;
            ``package.module:Name``, an object or a class that needs no arguments, looked for in the working folder too; or a
            built-in null: ``longer``, ``shorter``, ``chance``.
        beside: The folder that relative paths start from; the working folder if not given.

    Raises:
        PolycriticError: Nothing bears that name, or it is no judge.
    """
    path = (beside or Path()) / name
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _written(path)
    if name.startswith(_HUB):
        return _classifier(name.removeprefix(_HUB))
    if ":" in name:
        return _stranger(name)
    near = [str(p) for p in path.parent.glob("*") if _is_judge(p)] if path.parent.is_dir() else []
    return _built_in(lookup(name, [*_BUILT_IN, *near], "judge"))


_MARKS = ("critic.json", "judge.json", "config.json")


def _is_judge(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _MARKS)


def _folder(path: Path) -> NamedJudge:
    """The judge of a folder; one that is no judge's is taken for a critic's, which says what it lacks."""
    mark = next((mark for mark in _MARKS if (path / mark).is_file()), _MARKS[0])
    if mark == "judge.json":
        from polycritic.judges import Onnx

        judge = Onnx(path)
        return NamedJudge(judge.name, judge, judge.tasks)
    if mark == "config.json":
        return _classifier(str(path))
    from polycritic.critic import Critic

    critic = Critic.load(path)
    return NamedJudge(path.resolve().name, critic, tuple(critic.tasks))


def _classifier(source: str) -> NamedJudge:
    from polycritic.critic import SequenceClassifier

    judge = SequenceClassifier.from_folder(source)
    return NamedJudge(judge.name, judge)


def save_calibrated(path: Path, judge: str, calibrators: Sequence[Mapping[str, object]], about: dict[str, Any]) -> None:
    """Write a judge with its calibrators as JSON; a folder is kept as the way there from the file's own."""
    there = os.path.relpath(Path(judge).resolve(), path.resolve().parent) if Path(judge).exists() else judge
    data = {"kind": _KIND, "judge": there, "calibrators": list(calibrators), **about}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _written(path: Path) -> NamedJudge:
    """The judge of a file that calibrate or teach wrote."""
    from polycritic.cli._teach import KIND, taught
    from polycritic.trust import Trusted, calibrator_from_dict

    expected = "a critic's folder, or a file written by polycritic calibrate or teach"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolycriticError("not a judge", where=str(path), found=str(error), expected=expected) from None
    if not isinstance(data, dict) or data.get("kind") not in (_KIND, KIND):
        raise PolycriticError("not a judge", where=str(path), expected=expected)
    inner = find_judge(str(data["judge"]), path.parent)
    if data["kind"] == KIND:
        return taught(data, inner.judge, path)  # type: ignore[arg-type]
    calibrators = [calibrator_from_dict(part) for part in data["calibrators"]]
    return NamedJudge(f"{inner.name}, calibrated", Trusted(inner.scorer(), *calibrators), inner.tasks)


def _stranger(name: str) -> NamedJudge:
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.append(os.getcwd())  # noqa: PTH109
    try:
        thing: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PolycriticError("unknown judge", found=repr(name), expected="package.module:Name") from error
    judge = _made(thing, name)
    called = str(getattr(judge, "name", "") or attribute)
    if isinstance(judge, Judge | Comparer):
        return NamedJudge(called, judge)
    raise PolycriticError("not a judge", where=name, found=type(judge).__name__, expected="score() or compare()")


def _made(thing: Any, name: str) -> Any:
    if not isinstance(thing, type):
        return thing
    try:
        return thing()
    except TypeError as error:
        raise PolycriticError("this judge needs arguments", where=name, found=str(error)) from error


def _built_in(name: str) -> NamedJudge:
    from polycritic.judges import Length, Random

    if name not in _BUILT_IN:  # a critic's folder, spelled as it is
        return find_judge(name)
    nulls: dict[str, Length | Random] = {"longer": Length(), "shorter": Length(sign=-1), "chance": Random()}
    judge = nulls[name]
    return NamedJudge(judge.name, judge)
