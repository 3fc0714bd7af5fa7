"""JSON objects with given keys and types.

>>> problem = json_objects.make(seed=0)
>>> print(problem.prompt)
Describe a person as a JSON object with "age" (a whole number) and "hobbies" (a list of 2 strings).
>>> print("".join(json_objects.solve(problem)))
{"age": 62, "hobbies": ["Dune", "Evening"]}
"""

from __future__ import annotations

import json
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import listed, misspelt
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Describe a {thing} as a JSON object with {keys}.",
    "Write a JSON object for a {thing}. It has {keys}, and nothing else.",
    "Make up a {thing} and give it as JSON: {keys}.",
)
_KEYS = {
    "book": (("title", "text"), ("pages", "number"), ("authors", "list"), ("in_print", "flag"), ("year", "number")),
    "person": (("name", "text"), ("age", "number"), ("hobbies", "list"), ("married", "flag"), ("city", "text")),
    "recipe": (("dish", "text"), ("minutes", "number"), ("steps", "list"), ("vegan", "flag"), ("servings", "number")),
    "trip": (("goal", "text"), ("days", "number"), ("stops", "list"), ("by_train", "flag"), ("month", "text")),
}
_KINDS = {"text": "a string", "number": "a whole number", "list": "a list of {} strings", "flag": "true or false"}


class _Spec(NamedTuple):
    keys: tuple[tuple[str, str], ...]
    length: int  # of lists
    turn: int  # which of its stock words the solver starts from


def _draw(rng: Random, difficulty: int) -> tuple[str, _Spec]:
    thing = rng.choice(list(_KEYS))
    keys = rng.sample(_KEYS[thing], min(1 + difficulty, 5))
    spec = _Spec(tuple(keys), rng.randint(2, 4), rng.randrange(100))
    words = listed([f'"{key}" ({_KINDS[kind].format(spec.length)})' for key, kind in keys])
    return rng.choice(_PROMPTS).format(thing=thing, keys=words), spec


_STOCK = ("Amber", "Blue Gate", "Corner", "Dune", "Evening", "Fields", "Green Hill", "Harbour", "Island", "Juniper")


def _solve(spec: _Spec) -> str:
    return json.dumps(_filled(spec))


def _filled(spec: _Spec) -> dict[str, object]:
    filled: dict[str, object] = {}
    for place, (key, kind) in enumerate(spec.keys):
        turn = spec.turn + 3 * place
        words = [_STOCK[(turn + i) % len(_STOCK)] for i in range(spec.length)]
        made: dict[str, object] = {"text": words[0], "number": 12 + turn, "list": words, "flag": turn % 2 == 0}
        filled[key] = made[kind]
    return filled


def _check(spec: _Spec, answer: str) -> bool:
    try:
        pairs = json.loads(answer, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return False
    if not isinstance(pairs, _Pairs) or sorted(key for key, _ in pairs) != sorted(key for key, _ in spec.keys):
        return False
    kinds = dict(spec.keys)
    return all(_fits(value, kinds[key], spec.length) for key, value in pairs)


class _Pairs(list[tuple[str, object]]):
    """An object as its pairs, so that a key written twice is seen."""


def _fits(value: object, kind: str, length: int) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "number":
            return type(value) is int
        case "flag":
            return isinstance(value, bool)
    return isinstance(value, list) and len(value) == length and all(isinstance(part, str) for part in value)


def _slips(spec: _Spec, rng: Random) -> Slips:
    filled = _filled(spec)
    key, kind = rng.choice(spec.keys)
    value = filled[key]
    off: object
    if kind == "list":
        off = rng.choice(([*_STOCK[:2], *_STOCK[: spec.length - 1]], ", ".join(_STOCK[: spec.length])))
    else:
        off = rng.choice(
            {"text": ([value], 12), "number": (f"{value}", f"{value} or so"), "flag": ("yes", "no", 1)}[kind]
        )
    near = json.dumps({**filled, key: off})
    others = {k: v for k, v in filled.items() if k != key}
    renamed = {misspelt(k, rng) if k == key else k: v for k, v in filled.items()}
    step = json.dumps(rng.choice((others, {**filled, "note": "none"}, renamed)))
    right = json.dumps(filled)
    wrong = rng.choice(
        (right.replace('"', "'"), right[:-1], right[1:-1], right.replace(": ", " = "), right[:-1] + ",}")
    )
    return Slips(near, step, wrong)


json_objects = World(
    Task(
        "format/json_objects",
        "Write a JSON object. Right: valid JSON with exactly the keys asked for, each with a value of the stated type, "
        "alone or after 'Answer:'; what the values say is free.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
