from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from polycritic.core import lookup
from polycritic.worlds import families
from polycritic.worlds._world import World

_BY_SHORT_NAME: dict[str, World[Any]] = {name: getattr(families, name) for name in families.__all__}

#: Every built-in world by its task's name.
WORLDS: Mapping[str, World[Any]] = MappingProxyType(
    {world.task.name: world for world in sorted(_BY_SHORT_NAME.values(), key=lambda world: world.task.name)}
)


def find(name: str) -> World[Any]:
    """The built-in world of a name, with or without its family.

    Raises:
        UnknownNameError: There is none; the message offers the nearest names.

    >>> find("math/dates"), find("dates")
    (World('math/dates'), World('math/dates'))
    >>> find("date")
    Traceback (most recent call last):
    polycritic.core._errors.UnknownNameError: unknown world 'date'. Did you mean 'dates' or 'math/dates'?
    """
    known = {**_BY_SHORT_NAME, **WORLDS}
    return known[lookup(name, known, "world")]
