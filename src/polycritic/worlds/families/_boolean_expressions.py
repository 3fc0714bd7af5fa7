"""Expressions of True and False.

>>> problem = boolean_expressions.make(seed=0)
>>> print(problem.prompt)
not False or not False is
>>> print("".join(boolean_expressions.solve(problem)))
True
"""

from __future__ import annotations

import ast
import re
from random import Random

from polycritic.core import Binary, Task
from polycritic.worlds._world import Slips, World

_PROMPTS = ("Evaluate: {}", "Is this true or false? {}", "{} is", "What is the value of {}?")
_INNER = re.compile(r"\(([^()]*)\)")


def _draw(rng: Random, difficulty: int) -> tuple[str, str]:
    wanted = rng.random() < 0.5  # half of the answers are True
    while _flatten(expression := _expression(rng, difficulty + 1)) != wanted:
        pass
    return rng.choice(_PROMPTS).format(expression), expression


def _expression(rng: Random, leaves: int) -> str:
    if leaves == 1:
        return rng.choice(("True", "False", "not True", "not False"))
    left = rng.randint(1, leaves - 1)
    text = f"{_expression(rng, left)} {rng.choice(('and', 'or'))} {_expression(rng, leaves - left)}"
    return rng.choice((text, f"({text})", f"not ({text})")) if leaves < 6 else text


def _solve(expression: str) -> str:
    return str(_flatten(expression))


def _flatten(expression: str) -> bool:
    """Rewrite the innermost bracket until none is left."""
    while (inner := _INNER.search(expression)) is not None:
        expression = f"{expression[: inner.start()]}{_without_brackets(inner[1])}{expression[inner.end() :]}"
    return _without_brackets(expression)


def _without_brackets(expression: str) -> bool:
    return any(all(_literal(part) for part in term.split(" and ")) for term in expression.split(" or "))


def _literal(text: str) -> bool:
    return (text.count("not ") % 2 == 1) != text.endswith("True")


def _check(expression: str, answer: str) -> bool:
    return answer in ("True", "False") and (answer == "True") == _value(ast.parse(expression, mode="eval").body)


def _value(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool(value)):
            return value
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(_value, values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(map(_value, values))
    raise AssertionError(ast.dump(node))


def _slips(expression: str, rng: Random) -> Slips:
    right = _flatten(expression)
    steps = ("True and False", "True or False", "Maybe", "Both", "None")
    wrong = ("Yes", "1", "T", "It holds", "correct") if right else ("No", "0", "F", "It fails", "incorrect")
    return Slips(str(not right), rng.choice((str(not right), *steps)), rng.choice(wrong))


boolean_expressions = World(
    Task(
        "logic/boolean_expressions",
        "Evaluate a boolean expression; not binds before and, and before or. Right: 'True' or 'False', whichever it is, "
        "alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
