"""Recipes as TOML: which critic to build and how to train it.

Every name is resolved through its room's door, and strangers by ``package.module:Name``::

    [backbone]
    source = "all-MiniLM-L6-v2"
    max_length = 256
    tuning = {kind = "LoRA", rank = 8}

    [critic]
    sharing = "Conditioned"
    heads = {Interval = "HLGauss", Utility = "GeneralPreference"}
    annotators = ["ann", "bob"]
    surface = true

    [recipe]
    steps = 500
    sampler = {kind = "Temperature", temperature = 2.0}
    balancer = {kind = "Every", inner = "UPGrad", steps = 5}
    optimizer = {learning_rate = 1e-4}
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import fields, replace
from enum import Enum
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from polycritic import training
from polycritic.core import Binary, Interval, Levels, PolycriticError, Task, Utility, lookup
from polycritic.critic import Critic, backbones, heads, heads_by_scale, sharing
from polycritic.critic.backbones import EMBEDDED, Full, Transformer
from polycritic.training import AdamW, Recipe, balancing, sampling

_SECTIONS = {
    "backbone": ("source", "tuning", "pooling", "max_length"),
    "critic": ("sharing", "heads", "annotators", "surface", "seed"),
    "recipe": tuple(field.name for field in fields(Recipe) if field.name != "precision"),
}
_HEADS = [name for name in heads.__all__ if name not in ("Described", "Head")]
_SCALES = {kind.__name__: kind for kind in (Binary, Interval, Levels, Utility)}

# A value of the kind that each setting has.
_DEFAULTS: dict[str, object] = {
    **{field.name: field.default for field in fields(Recipe)},
    "micro_rows": 1,
    "source": EMBEDDED,
    "pooling": "",
    "max_length": 256,
    "sharing": "",
    "surface": True,
}


def read_recipe(path: Path | None) -> dict[str, dict[str, Any]]:
    """The sections of a recipe's file, checked; an empty one of each where there is no file.

    Raises:
        PolycriticError: The file is not TOML, or a name in it is unknown.
    """
    if path is None:
        return {name: {} for name in _SECTIONS}
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolycriticError("unreadable recipe", where=str(path), found=str(error)) from error
    for section, values in data.items():
        known = _SECTIONS[lookup(section, _SECTIONS, f"section of {path.name}")]
        if not isinstance(values, dict):
            raise PolycriticError("bad recipe", where=f"{path}: {section}", found=repr(values), expected="a table")
        for name in values:
            lookup(name, known, f"setting of [{section}] in {path.name}")
            _check_kind(f"{path}: [{section}] {name}", _DEFAULTS.get(name), values[name])
    return {name: dict(data.get(name, {})) for name in _SECTIONS}


def _check_kind(where: str, default: object, value: object) -> None:
    """Refuse what is of another kind than a setting's default: text where a number belongs.

    Raises:
        PolycriticError: It is.
    """
    kinds: dict[type, tuple[tuple[type, ...], str]] = {
        bool: ((bool,), "true or false"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
        str: ((str,), "a text"),
    }
    fitting, expected = kinds.get(type(default), ((object,), ""))
    if not isinstance(value, fitting) or (isinstance(value, bool) and bool not in fitting and object not in fitting):
        raise PolycriticError("bad recipe", where=where, found=repr(value), expected=expected)


def build_critic(sections: dict[str, dict[str, Any]], tasks: Sequence[Task]) -> Critic:
    """The critic that a recipe describes."""
    settings = dict(sections["backbone"])
    pooling = settings.get("pooling")
    backbone = Transformer(
        settings.get("source", EMBEDDED),
        tuning=_made(settings.get("tuning", {"kind": "Full", "frozen_layers": 3}), backbones, "tuning") or Full(),
        pooling=None if pooling is None else _named(pooling, backbones, "pooling"),
        max_length=int(settings.get("max_length", 256)),
    )
    own = sections["critic"]
    shape = _named(own.get("sharing", "Hard"), sharing, "sharing")
    return Critic(
        tasks,
        backbone,
        shape,
        _heads(own["heads"]) if "heads" in own else None,
        surface=own.get("surface", True),
        annotators=_names(own.get("annotators", [])),
        seed=int(own.get("seed", 0)),
    )


def build_recipe(sections: dict[str, dict[str, Any]]) -> Recipe:
    """The training recipe that a file describes."""
    settings = dict(sections["recipe"])
    if "optimizer" in settings:
        settings["optimizer"] = _checked(AdamW, dict(settings["optimizer"]), "optimizer")
    if "sampler" in settings:
        settings["sampler"] = _made(settings["sampler"], sampling, "sampler")
    if "balancer" in settings:
        settings["balancer"] = _balancer(settings["balancer"])
    if "regularizer" in settings:
        settings["regularizer"] = _made(settings["regularizer"], training, "regularizer")
    return replace(Recipe(), **settings)


def _heads(value: object) -> Any:
    """A maker of heads from ``{Scale = "Head"}``."""
    if not isinstance(value, dict):
        raise PolycriticError(
            "bad recipe", where="[critic] heads", found=repr(value), expected='a table such as {Interval = "HLGauss"}'
        )
    return heads_by_scale(
        {
            _SCALES[lookup(scale, _SCALES, "scale")]: _named(str(head), heads, "head", _HEADS)
            for scale, head in value.items()
        }
    )


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise PolycriticError(
            "bad recipe", where="[critic] annotators", found=repr(value), expected='names: ["ann", "bob"]'
        )
    return value


def _made(value: object, room: ModuleType, what: str) -> Any:
    """An object from ``{kind = "Name", setting = value}`` or ``"Name"``."""
    settings: dict[str, Any] = {"kind": value} if isinstance(value, str) else dict(value)  # type: ignore[call-overload]
    return _checked(_named(str(settings.pop("kind", "")), room, what), settings, what)


def _balancer(value: object) -> Any:
    """A maker of balancers from ``"Name"`` or ``{kind = "Name", setting = value}``; wrappers name another as ``inner``."""
    if isinstance(value, str):
        return _named(value, balancing, "balancer")
    settings: dict[str, Any] = dict(value)  # type: ignore[call-overload]
    kind = _named(str(settings.pop("kind", "")), balancing, "balancer")
    known = {name: p.default for name, p in signature(kind).parameters.items()}
    makes = known.pop("tasks", None) is not None
    for name in settings:
        default = known[lookup(name, known, f"setting of balancer {kind.__name__}")]
        if isinstance(default, Enum):
            members = type(default).__members__
            settings[name] = members[lookup(str(settings[name]).upper(), members, f"{name} of {kind.__name__}")]
    if "inner" in settings:
        settings["inner"] = _balancer(settings["inner"])
    return partial(kind, **settings) if makes else kind(**settings)


def _checked(kind: Any, settings: dict[str, Any], what: str) -> Any:
    known = {field.name: field.default for field in fields(kind)}
    for name, value in settings.items():
        lookup(name, known, f"setting of {what} {kind.__name__}")
        _check_kind(f"{kind.__name__}: {name}", known[name], value)
    return kind(**settings)


def _named(name: str, room: ModuleType, what: str, known: Sequence[str] = ()) -> Any:
    """A door's name, of those that are ``known`` where any are, or a stranger's ``package.module:Name``."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise PolycriticError(f"unknown {what}", found=repr(name), expected="package.module:Name") from error
    return getattr(room, lookup(name, known or room.__all__, what))
