"""Small functions, judged by unit tests that a bounded interpreter runs.

>>> problem = program_synthesis.make(seed=0)
>>> print(problem.prompt)
Define f(xs) in Python: it returns how many numbers are at least 2. f([4, 2, 9, 7]) == 4
>>> print("".join(program_synthesis.solve(problem)))
def f(xs):
    return len([x for x in xs if x >= 2])
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from polycritic.core import Binary, PolycriticError, Task
from polycritic.worlds._interpreter import call
from polycritic.worlds._vocabulary import WORDS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Write a Python function f({x}) that returns {what}. For example, f({given!r}) is {expected!r}.",
    "Define f({x}) in Python: it returns {what}. f({given!r}) == {expected!r}",
    "Program a function f of {x}, which gives back {what}, so that f({given!r}) is {expected!r}.",
)


class _Kind(NamedTuple):
    x: str  # xs for a list of numbers, s for a word
    what: str
    code: str  # the solver's program
    value: Callable[[Any, int], object]  # what the tests expect


# k is a small number that varies from problem to problem.
_KINDS = (
    _Kind("xs", "the sum of the numbers above {k}",
          "def f(xs):\n    return sum(x for x in xs if x > {k})", lambda xs, k: sum(filter(k.__lt__, xs))),
    _Kind("xs", "how many numbers are at least {k}",
          "def f(xs):\n    return len([x for x in xs if x >= {k}])", lambda xs, k: [x < k for x in xs].count(False)),
    _Kind("xs", "every number plus {k}",
          "def f(xs):\n    return [x + {k} for x in xs]", lambda xs, k: list(map(k.__add__, xs))),
    _Kind("s", "s without its first {k} letters",
          "def f(s):\n    return s[{k}:]", lambda s, k: "".join(c for i, c in enumerate(s) if i >= k)),
    _Kind("s", "s written {k} times",
          "def f(s):\n    return s * {k}", lambda s, k: "".join(s for _ in range(k))),
    _Kind("xs", "the numbers that {k} divides, in their order",
          "def f(xs):\n    return [x for x in xs if x % {k} == 0]", lambda xs, k: [x for x in xs if x // k * k == x]),
    _Kind("xs", "the {k} largest numbers, largest first",
          "def f(xs):\n    return sorted(xs, reverse=True)[:{k}]", lambda xs, k: [-x for x in sorted(-x for x in xs)][:k]),
    _Kind("s", "every letter of s written {k} times",
          "def f(s):\n    return ''.join([c * {k} for c in s])", lambda s, k: "".join(s[i // k] for i in range(k * len(s)))),
    _Kind("s", "s with its last {k} letters in upper case",
          "def f(s):\n    return s[:-{k}] + s[-{k}:].upper()",
          lambda s, k: "".join(c.upper() if i >= len(s) - k else c for i, c in enumerate(s))),
    _Kind("xs", "the largest number minus {k} times the smallest",
          "def f(xs):\n    return max(xs) - {k} * min(xs)", lambda xs, k: sorted(xs)[-1] - k * sorted(xs)[0]),
    _Kind("xs", "the running totals, each plus {k}",
          "def f(xs):\n    total = {k}\n    sums = []\n    for x in xs:\n        total = total + x\n"
          "        sums.append(total)\n    return sums",
          lambda xs, k: [k + sum(xs[: i + 1]) for i in range(len(xs))]),
    _Kind("xs", "the product of the numbers that are not {k}",
          "def f(xs):\n    product = 1\n    for x in xs:\n        if x != {k}:\n            product = product * x\n"
          "    return product",
          lambda xs, k: _product([x for x in xs if x != k])),
    _Kind("s", "how many letters of s come at least {k} times",
          "def f(s):\n    found = set()\n    for c in s:\n        if s.count(c) >= {k}:\n            found.add(c)\n"
          "    return len(found)",
          lambda s, k: sum(len(s.split(c)) > k for c in {*s})),
    _Kind("xs", "the differences of neighbours, each times {k}",
          "def f(xs):\n    return [(b - a) * {k} for a, b in zip(xs, xs[1:])]",
          lambda xs, k: [k * xs[i] - k * xs[i - 1] for i in range(1, len(xs))]),
    _Kind("xs", "the place of the first number above {k}, or -1",
          "def f(xs):\n    for i, x in enumerate(xs):\n        if x > {k}:\n            return i\n    return -1",
          lambda xs, k: next((i for i in range(len(xs)) if xs[i] > k), -1)),
)  # fmt: skip


def _product(numbers: list[int]) -> int:
    return 1 if not numbers else numbers[0] * _product(numbers[1:])


class _Spec(NamedTuple):
    kind: int
    k: int
    tests: tuple[tuple[str | tuple[int, ...], object], ...]  # argument and what f should return


def _draw(rng: Random, difficulty: int) -> tuple[str, _Spec]:
    low = (difficulty - 1) * 2
    number = rng.randrange(low, min(low + 7, len(_KINDS)))
    kind, k = _KINDS[number], rng.randint(2, 4)
    given: list[str | tuple[int, ...]]
    if kind.x == "s":
        given = ["banana", "assess", *rng.sample(WORDS, 4)]
    else:
        given = [
            (k, 1, k + 1),
            (1, k, 8, k),
            *(tuple(rng.choices(range(1, 10), k=rng.randint(4, 6))) for _ in range(4)),
        ]
    tests = [(x, kind.value(_argument(x), k)) for x in given]
    rng.shuffle(tests)
    shown, expected = tests[0]
    what = kind.what.format(k=k)
    prompt = rng.choice(_PROMPTS).format(x=kind.x, what=what, given=_argument(shown), expected=expected)
    return prompt, _Spec(number, k, tuple((x, _frozen(value)) for x, value in tests))


def _argument(x: str | tuple[int, ...]) -> str | list[int]:
    """A fresh argument for each call: programs may change their lists."""
    return x if isinstance(x, str) else list(x)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _solve(spec: _Spec) -> str:
    return _KINDS[spec.kind].code.format(k=spec.k)


def _check(spec: _Spec, answer: str) -> bool:
    fenced = re.fullmatch(r"```(?:python)?\n(.*?)\n?```", answer, re.DOTALL)
    try:
        results = call(fenced[1] if fenced else answer, "f", [(_argument(x),) for x, _ in spec.tests])
    except PolycriticError:
        return False
    return all(
        isinstance(result, list) == isinstance(expected, tuple) and _frozen(result) == expected
        for result, (_, expected) in zip(results, spec.tests, strict=True)
    )


_CHANGES = ((">=", ">"), (" > ", " >= "), ("+", "-"), ("-", "+"), ("==", "!="), ("!=", "=="), ("max", "min"),
            ("min", "max"), ("[:", "["), (":]", "]"), (", reverse=True", ""), ("return i\n", "return x\n"),
            ("= 1", "= 0"), (" * ", " + "), ("sum(", "len("), ("sums.append", "sums.count"))  # fmt: skip


def _slips(spec: _Spec, rng: Random) -> Slips:
    right = _solve(spec)
    kind = _KINDS[spec.kind]
    other = rng.choice([k for k in _KINDS if k.x == kind.x and k is not kind])
    changes = [(old, new) for old, new in _CHANGES if old in right.partition("\n")[2]]
    if changes and rng.random() < 0.6:
        old, new = rng.choice(changes)
        head, line, body = right.partition("\n")
        near = head + line + body.replace(old, new, 1)
    else:
        near = kind.code.format(k=spec.k + rng.choice((-1, 1)))
    lines = right.splitlines()
    wrong = rng.choice(
        (
            right.replace("def f", "function f").replace(":\n", " {\n", 1) + "\n}",
            right.replace("def f", "def"),
            right.replace("    ", ""),
            lines[0] + " " + " ".join(part.strip() for part in lines[1:]) + ";;",
        )
    )
    return Slips(near, other.code.format(k=spec.k), wrong)


program_synthesis = World(
    Task(
        "code/program_synthesis",
        "Write a small Python function f that does what is asked. Right: a complete definition of f that returns the "
        "right value for every input, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
