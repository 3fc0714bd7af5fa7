"""Sums, differences and products of whole numbers, multiplication first.

>>> problem = arithmetic.make(seed=0)
>>> print(problem.prompt)
7 + 3 = ?
>>> print("".join(arithmetic.solve(problem)))
10
"""

from __future__ import annotations

import ast
from random import Random

from polycritic.core import Binary, Task
from polycritic.worlds._reading import integer, misread, off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = ("What is {}?", "Compute {}.", "{} = ?", "Work out the value of {}.")


def _draw(rng: Random, difficulty: int) -> tuple[str, str]:
    terms = [str(rng.randint(2, 9 if difficulty < 2 else 30)) for _ in range(difficulty + 1)]
    for place in range(difficulty):
        terms[place] += rng.choice((" + ", " - ", " * "))
    if difficulty > 2:
        first = rng.randrange(difficulty - 1)
        terms[first] = "(" + terms[first]
        number, _, sign = terms[first + 1].partition(" ")
        terms[first + 1] = f"{number}) {sign}"
    expression = "".join(terms)
    return rng.choice(_PROMPTS).format(expression), expression


def _solve(expression: str) -> str:
    while "(" in expression:
        before, _, rest = expression.rpartition("(")
        inner, _, after = rest.partition(")")
        expression = f"{before}{_flat(inner)}{after}"
    return str(_flat(expression))


def _flat(expression: str) -> int:
    total = 0
    for term in expression.replace(" - ", " + -1 * ").split(" + "):
        product = 1
        for factor in term.split(" * "):
            product *= int(factor)
        total += product
    return total


def _check(expression: str, answer: str) -> bool:
    return integer(answer) == _value(ast.parse(expression, mode="eval").body)


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left) + _value(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left) - _value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left) * _value(right)
    raise AssertionError(ast.dump(node))


def _slips(expression: str, rng: Random) -> Slips:
    right = int(_solve(expression))
    parts = expression.replace("(", "").replace(")", "").split(" ")
    if rng.random() < 0.5:
        place = rng.randrange(1, len(parts), 2)
        parts[place] = rng.choice("+-*")
    total = int(parts[0])  # from left to right, whatever the signs
    for sign, number in zip(parts[1::2], parts[2::2], strict=True):
        total = total + int(number) if sign == "+" else total - int(number) if sign == "-" else total * int(number)
    return Slips(str(off_by_little(right, rng)), str(total), misread(right, rng))


arithmetic = World(
    Task(
        "math/arithmetic",
        "Work out the value of an expression, with multiplication before addition and subtraction. Right: the exact "
        "whole number in digits, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
