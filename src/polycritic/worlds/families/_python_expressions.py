"""What a Python expression evaluates to.

>>> problem = python_expressions.make(seed=0)
>>> print(problem.prompt)
print(repr(59 % 3)) shows what?
>>> print("".join(python_expressions.solve(problem)))
2
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from polycritic.core import Binary, PolycriticError, Task
from polycritic.worlds._interpreter import evaluate, literal
from polycritic.worlds._reading import misspelt, off_by_little
from polycritic.worlds._vocabulary import WORDS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "What does `{}` evaluate to in Python?",
    "Python: >>> {}",
    "Give the value of this Python expression: {}",
    "print(repr({})) shows what?",
)


class _Expression(NamedTuple):
    form: str
    w: str  # a word
    a: int  # small numbers
    b: int
    xs: tuple[int, ...]


# Each kind of expression, with the solver's own way to its value.
_EASY: dict[str, Callable[[_Expression], object]] = {
    "len({w!r}) * {a}": lambda e: sum(e.a for _ in e.w),
    "{w!r}[{a}]": lambda e: [*e.w][e.a],
    "{w!r}[-{a}:]": lambda e: "".join([*e.w][len(e.w) - e.a :]),
    "{w!r}[:{a}].upper()": lambda e: "".join(chr(ord(c) - 32) for c in [*e.w][: e.a]),
    "{a} ** 2 - {b}": lambda e: e.a * e.a - e.b,
    "{b}7 // {a}": lambda e: divmod(10 * e.b + 7, e.a)[0],
    "{b}9 % {a}": lambda e: divmod(10 * e.b + 9, e.a)[1],
    "sum({xs}) > {b}0": lambda e: not 10 * e.b >= sum(e.xs),
    "max({xs}) - {a}": lambda e: sorted(e.xs)[-1] - e.a,
    "{a} in {xs} or {b} < {a}": lambda e: e.xs.count(e.a) > 0 or e.a > e.b,
}
_HARD: dict[str, Callable[[_Expression], object]] = {
    "[x * {a} for x in {xs} if x > {b}]": lambda e: [e.a * x for x in filter(e.b.__lt__, e.xs)],
    "{w!r}[::-1].replace({w[0]!r}, 'x')": lambda e: "".join("x" if c == e.w[0] else c for c in reversed(e.w)),
    "sorted({xs}, reverse=True)[{a}:]": lambda e: sorted(e.xs, key=lambda x: -x)[e.a :],
    "list(range({a}, {a} + {b}, 2))": lambda e: [x for x in range(e.a, e.a + e.b) if (x - e.a) % 2 == 0],
    "sum(x * x for x in range({a})) + {b}": lambda e: (e.a - 1) * e.a * (2 * e.a - 1) // 6 + e.b,
    "[{w!r}.index(c) for c in {w!r}[:{a}]]": lambda e: [
        next(i for i, d in enumerate(e.w) if c == d) for c in e.w[: e.a]
    ],
    "'-'.join({w!r}[:{a}])": lambda e: "".join(c + "-" for c in e.w[: e.a])[:-1],
    "min({xs}) * {a} - max({xs})": lambda e: sorted(e.xs)[0] * e.a - sorted(e.xs)[-1],
    "{xs}[{a}:] + {xs}[:{a}]": lambda e: [e.xs[(i + e.a) % len(e.xs)] for i in range(len(e.xs))],
    "len(set({w!r})) + {b}": lambda e: e.b + sum(e.w.find(c) == i for i, c in enumerate(e.w)),
}
_WAYS = _EASY | _HARD


def _draw(rng: Random, difficulty: int) -> tuple[str, tuple[_Expression, ...]]:
    parts = tuple(_one(rng, difficulty) for _ in range(max(1, difficulty - 2)))
    return rng.choice(_PROMPTS).format(_source(parts)), parts


def _one(rng: Random, difficulty: int) -> _Expression:
    forms = _EASY if difficulty == 1 else _WAYS if difficulty == 2 else _HARD
    numbers = tuple(rng.randint(1, 12) for _ in range(rng.randint(5, 6)))
    return _Expression(rng.choice(list(forms)), rng.choice(WORDS), rng.randint(2, 4), rng.randint(1, 9), numbers)


def _source(parts: tuple[_Expression, ...]) -> str:
    sources = [part.form.format(w=part.w, a=part.a, b=part.b, xs=list(part.xs)) for part in parts]
    return sources[0] if len(sources) == 1 else f"({', '.join(sources)})"


def _solve(parts: tuple[_Expression, ...]) -> str:
    return _shown([_value(part) for part in parts])


def _shown(values: list[Any]) -> str:
    return repr(values[0] if len(values) == 1 else tuple(values))


def _value(part: _Expression) -> Any:
    return _WAYS[part.form](part)


def _check(parts: tuple[_Expression, ...], answer: str) -> bool:
    try:
        given = literal(answer)
    except PolycriticError:
        return False
    return repr(given) == repr(evaluate(_source(parts)))


def _slips(parts: tuple[_Expression, ...], rng: Random) -> Slips:
    values = [_value(part) for part in parts]
    place = rng.randrange(len(parts))
    near, step, part = list(values), list(values), parts[place]
    near[place] = _tweaked(values[place], rng)
    moved = part._replace(a=rng.choice([a for a in range(1, 5) if a != part.a]))
    step[place] = _value(rng.choice((moved, part._replace(b=part.b + 1, xs=part.xs[1:]))))
    if step[place] == values[place]:
        step[place] = _tweaked(values[place], rng)
    right = _shown(values)
    bare = right[1:-1] if right[0] in "'[(" else f"{right}!"
    return Slips(_shown(near), _shown(step), rng.choice((f"`{right}`", f"-> {right}", bare, bare, f"gives {right}")))


def _tweaked(value: Any, rng: Random) -> Any:
    """A value of the same type that is a little off."""
    match value:
        case bool():
            return not value
        case int():
            return off_by_little(value, rng)
        case str() if value:
            return misspelt(value, rng)
        case [*numbers] if numbers:
            place = rng.randrange(len(numbers))
            return [*numbers[:place], off_by_little(numbers[place], rng), *numbers[place + 1 :]]
    return [0] if value == [] else "a"


python_expressions = World(
    Task(
        "code/python_expressions",
        "Say what a Python expression evaluates to. Right: the value as Python would show it, strings in quotes, alone or "
        "after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
