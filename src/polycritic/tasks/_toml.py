"""Tasks as a TOML file that people write by hand."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polycritic.core import Binary, Interval, Levels, PolycriticError, Scale, Task, UnknownNameError, Utility, lookup

_SCALES: dict[str, tuple[str, ...]] = {"binary": (), "interval": ("low", "high"), "levels": ("names",), "utility": ()}


def read_tasks(path: Path | str) -> tuple[Task, ...]:
    r"""Read tasks from a TOML file.

    Each task is a table ``[tasks."family/name"]`` with an optional ``description`` and an optional ``scale`` (a utility if left
    out): ``"binary"``, ``"utility"``, ``{kind = "levels", names = ["1", "2", "3"]}`` or
    ``{kind = "interval", low = 0, high = 100}``.

    Args:
        path: The file.

    Returns:
        The tasks in the file's order.

    Raises:
        PolycriticError: The file is missing or is no TOML, a key is unknown, a value has the wrong type.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tasks.toml"
    ...     _ = path.write_text('[tasks."qa/short"]\ndescription = "Is it short?"\nscale = "binary"\n')
    ...     read_tasks(path)
    (Task(name='qa/short', description='Is it short?', scale=Binary()),)
    """
    page, tasks = _read(Path(path))
    return tuple(_task(page, name, entry) for name, entry in tasks.items())


def stated_scales(path: Path | str) -> frozenset[str]:
    r"""The names of those tasks in a TOML file whose scale is stated; feedback tells the others' from its values.

    Raises:
        PolycriticError: As :func:`read_tasks`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tasks.toml"
    ...     _ = path.write_text('[tasks.a]\nscale = "binary"\n[tasks.b]\ndescription = "Is it short?"\n')
    ...     stated_scales(path)
    frozenset({'a'})
    """
    return frozenset(name for name, entry in _read(Path(path))[1].items() if "scale" in entry)


def _read(path: Path) -> tuple[_Page, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PolycriticError("no such file", where=str(path), expected="a TOML file of tasks") from None
    except UnicodeDecodeError as error:
        raise PolycriticError(
            "not UTF-8", where=f"{path}: byte {error.start}", expected="a TOML file in UTF-8"
        ) from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise PolycriticError("not TOML", where=where, found=str(error)) from None
    page = _Page(path, text.splitlines())
    page.known(content, ("tasks",), "table", "")
    tasks = content.get("tasks", {})
    if not isinstance(tasks, dict):
        raise PolycriticError("bad tasks", where=str(path), expected='tables [tasks."family/name"]', found=repr(tasks))
    return page, tasks


def write_tasks(path: Path | str, tasks: Iterable[Task]) -> None:
    """Write tasks as a TOML file.

    **Laws**: :func:`read_tasks` reads back equal tasks in the same order.

    Args:
        path: The file; an older one is replaced.
        tasks: What to write; names must differ.

    Raises:
        PolycriticError: Two tasks bear one name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tasks.toml"
    ...     write_tasks(path, [Task("sums", "Add up.", Levels(("1", "2")))])
    ...     print(path.read_text().strip())
    [tasks."sums"]
    description = "Add up."
    scale = {kind = "levels", names = ["1", "2"]}
    """
    tasks = tuple(tasks)
    names = [task.name for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise PolycriticError("cannot write tasks", where=str(path), found=f"{name!r} twice", expected="each once")
    blocks = [
        f"[tasks.{_string(task.name)}]\ndescription = {_string(task.description)}\nscale = {_scale_toml(task.scale)}\n"
        for task in tasks
    ]
    Path(path).write_text("\n".join(blocks), encoding="utf-8", newline="\n")


class _Page:
    """A file's lines, to say where something stands."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        self.path, self.lines = path, lines

    def where(self, task: str, key: str = "") -> str:
        names = {f"[tasks.{_string(task)}]", f"[tasks.'{task}']", f"[tasks.{task}]"}
        start = next((i for i, line in enumerate(self.lines) if line.split("#")[0].strip() in names), None)
        if start is None:
            start = next((i for i, line in enumerate(self.lines) if task in line), None) if task else -1
        if start is None:
            return str(self.path)
        below = range(start + 1, len(self.lines))
        at = next((i for i in below if re.search(rf"(^|[\s\[.{{,\"]){re.escape(key)}\b", self.lines[i])), start)
        return f"{self.path}:{(at if key else start) + 1}"

    def known(self, table: dict[str, Any], keys: tuple[str, ...], what: str, task: str) -> None:
        for key in table:
            try:
                lookup(key, keys, what)
            except UnknownNameError as error:
                raise UnknownNameError(error.message, where=self.where(task, key), mend=error.mend) from None


def _task(page: _Page, name: str, entry: Any) -> Task:
    if not isinstance(entry, dict):
        raise PolycriticError("bad task", where=page.where(name), found=repr(entry), expected="a table")
    page.known(entry, ("description", "scale"), f"key of task {name!r}:", name)
    description = entry.get("description", "")
    if not isinstance(description, str):
        where = page.where(name, "description")
        raise PolycriticError("bad description", where=where, found=repr(description), expected="text")
    try:
        return Task(name, description, _scale(page, name, entry.get("scale", "utility")))
    except PolycriticError as error:
        if error.where:
            raise
        where = page.where(name, "scale")
        raise PolycriticError(error.message, where=where, found=error.found, expected=error.expected) from None


def _scale(page: _Page, task: str, entry: Any) -> Scale:
    fields: dict[str, Any] = {"kind": entry} if isinstance(entry, str) else entry
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        raise PolycriticError(
            "bad scale", found=repr(entry), expected=f"one of {', '.join(_SCALES)}, or {{kind = ...}}"
        )
    where = page.where(task, "scale")
    try:
        kind = lookup(fields["kind"], _SCALES, "scale")
    except UnknownNameError as error:
        raise UnknownNameError(error.message, where=where, mend=error.mend) from None
    page.known(fields, ("kind", *_SCALES[kind]), f"key of scale {kind!r}:", task)
    missing = [key for key in _SCALES[kind] if key not in fields]
    if missing:
        raise PolycriticError(f"bad scale {kind!r}", where=where, found="none", expected=f"the key {missing[0]!r}")
    if kind == "interval":
        return Interval(_number(where, "low", fields["low"]), _number(where, "high", fields["high"]))
    if kind == "levels":
        names = fields["names"]
        if not isinstance(names, list) or not all(isinstance(name, str | int | float) for name in names):
            raise PolycriticError("bad names", where=where, found=repr(names), expected="a list of names, worst first")
        return Levels(tuple(name if isinstance(name, str) else f"{name:g}" for name in names))
    return Binary() if kind == "binary" else Utility()


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PolycriticError(f"bad {key}", where=where, found=repr(value), expected="a number")
    return value


def _scale_toml(scale: Scale) -> str:
    match scale:
        case Interval(low, high):
            return f'{{kind = "interval", low = {_plain(low)}, high = {_plain(high)}}}'
        case Levels(names):
            return f'{{kind = "levels", names = [{", ".join(_string(name) for name in names)}]}}'
        case Binary():
            return '"binary"'
        case Utility():
            return '"utility"'


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(value: float) -> str:
    return repr(value) if isinstance(value, int) else repr(float(value))
