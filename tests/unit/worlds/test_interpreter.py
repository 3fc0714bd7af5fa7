import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycritic.core import PolycriticError
from polycritic.worlds._interpreter import call, evaluate, literal

EXPRESSIONS = [
    "1 + 2 * 3 - 4 // 3 % 2 ** 2",
    "-7 // 2, -7 % 3, 7 / 2, +3, not 0",
    "1 < 2 < 3, 1 < 3 < 2, 1 in [1], 2 not in (1,)",
    "None is None, len([]) is not None",
    "[] or 0 or 'a', 1 and '' and 2",
    "'abc'[::-1] + 'abc'[1] + 'abc'[-2:]",
    "[x * y for x in range(4) if x % 2 for y in (1, 2) if y > 0]",
    "sum(x for x in [1, 2, 3]), max(3, 4), min([5, 4]), len({1, 1, 2})",
    "sorted('cab', reverse=True), list(zip([1, 2], 'ab')), list(enumerate('ab'))",
    "'a-b'.split('-'), ' x '.strip().upper(), 'aXa'.replace('a', 'b'), ','.join(['a', 'b'])",
    "any([0, 1]), all([]), abs(-2), round(2.5), int('7'), float('1.5'), str([1, 'a']), bool([])",
    "1 if [] else 2",
    "{x % 3 for x in range(9)} == {0, 1, 2}",
    "list(reversed([1, 2])), tuple([1]), set([1]) == {1}",
]


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_expressions_mean_what_python_means(source: str) -> None:
    assert evaluate(source) == eval(source)  # noqa: S307, RUF100


@given(st.recursive(st.integers(-9, 9) | st.booleans() | st.text("ab", max_size=3), st.lists))
def test_literals_are_read_back(value: object) -> None:
    assert literal(repr(value)) == evaluate(repr(value)) == value


PROGRAMS = [
    "def f(n):\n    total = 0\n    for i in range(n):\n        if i == 2:\n            continue\n        if i > 5:\n"
    "            break\n        total += i\n    else:\n        total = -total\n    return total",
    "def f(n):\n    return 1 if n < 2 else n * f(n - 1)",
    "def f(n):\n    a, b = 0, 1\n    while n > 0:\n        a, b = b, a + b\n        n -= 1\n    return a",
    "def g(x: int) -> int:\n    '''Doc.'''\n    return x * 2\n\ndef f(n):\n    return [g(i) for i in range(n)]",
    "def f(n):\n    xs = [0] * 3\n    xs[n % 3] = n\n    xs.append(n)\n    xs[0] += 5\n    xs.sort(reverse=True)\n    return xs",
    "def f(n):\n    pass",
    "def f(n):\n    while n:\n        n -= 1\n        if n == 3:\n            return 3\n    else:\n        n = 7\n    return n",
    "def f(n):\n    (a, (b, c)) = (n, (n + 1, n + 2))\n    x = y = a + b + c\n    return x + y",
]  # fmt: skip


@pytest.mark.parametrize("source", PROGRAMS)
def test_programs_do_what_python_does(source: str) -> None:
    names: dict[str, object] = {}
    exec(compile(ast.parse(source), "program", "exec"), names)  # noqa: S102, RUF100
    assert call(source, "f", [(n,) for n in range(8)]) == [names["f"](n) for n in range(8)]  # type: ignore[operator]


HOSTILE = {
    "__import__('os')": "unknown name|does not know",
    "().__class__": "does not know: found Attribute",
    "'a'.__class__()": r"does not know: found \.__class__",
    "'{}'.format(1)": r"does not know: found \.format",
    "'%099999999d' % 1": "does not know: found Mod",
    "f'{1:099999999d}'": "does not know: found JoinedStr",
    "open('x')": "does not know: found Call",
    "eval('1')": "does not know: found Call",
    "lambda: 1": "does not know: found Lambda",
    "(x := 1)": "does not know: found NamedExpr",
    "x": "unknown name: found 'x'",
    "9 ** 9 ** 9": "does too much: found a large power",
    "10 ** 200 * 10 ** 200": "does too much: found a large number",
    "'a' * 10 ** 9": "does too much: found a long sequence",
    "[[0] * 900] * 900": "does too much: found a large container",
    "10 ** 9 * [0]": "does too much: found a long sequence",
    "list(range(10 ** 12))": "does too much: found a long range",
    "sum(range(10 ** 12))": "does too much: found a long range",
    "('a' * 999).replace('', 'b' * 999)": "does too much: found a long string",
    "[1 for a in range(99) for b in range(99) for c in range(99)]": "does too much",
    "sorted([1], key=1)": "does not know: found key",
    "1 / 0": "fails: found ZeroDivisionError",
    "[][0]": "fails: found IndexError",
    "'a' + 1": "fails: found TypeError",
    "int('x')": "fails: found ValueError",
    "1 +": "cannot be read as Python",
    "x = 1": "cannot be read as Python",
    "1; 2": "cannot be read as Python",
    "(" * 3000: "cannot be read as Python",
    "-" * 4000 + "1": "fails|cannot be read",
    "1" * 6000: "too long to run: found 6000 characters",
    "\x00": "cannot be read as Python",
    "b'a'": "does not know: found Constant",
    "1j": "does not know: found Constant",
    "{1: 2}": "does not know: found Dict",
    "1 << 9": "does not know: found LShift",
}


@pytest.mark.parametrize("source", HOSTILE)
def test_expressions_cannot_do_harm(source: str) -> None:
    start = time.process_time()
    with pytest.raises(PolycriticError, match=HOSTILE[source]):
        evaluate(source)
    assert time.process_time() - start < 1.0


HARMFUL = {
    "import os\ndef f(n):\n    return 1": "not a program: expected functions only, found Import",
    "def g(n):\n    return 1": "not a program: expected a function 'f'",
    "def f(n):\n    while True:\n        pass": "does too much: found more than 20000 steps",
    "def f(n):\n    for i in range(900):\n        for j in range(30):\n            pass": "does too much: found more than",
    "def f(n):\n    return f(n)": "does too much: found calls within calls",
    "def f(n):\n    global n": "cannot|does not know: found Global",
    "def f(n):\n    import os": "does not know: found Import",
    "def f(n):\n    class A:\n        pass": "does not know: found ClassDef",
    "def f(n):\n    n.x = 1": "does not know: found Attribute",
    "def f(n):\n    xs = [1]\n    while True:\n        xs += xs": "does too much",
    "def f(n):\n    xs = [1]\n    while True:\n        xs.append(xs)": "does too much: found a large container",
    "def f(n):\n    xs = []\n    while True:\n        xs.append([0] * 99)": "does too much: found a large container",
    "def f(n):\n    break": "fails: found a statement out of place",
    "def f(n, m):\n    return 1": "fails: found ValueError",
    "def f(*n):\n    return 1": "does not know: found arguments",
    "def f(n=1):\n    return 1": "does not know: found arguments",
    "@f\ndef f(n):\n    return 1": "does not know: found Name",
    "def f(n):\n    try:\n        return 1\n    except: pass": "does not know: found Try",
    "def f(n):\n    yield 1": "does not know: found Yield",
    "async def f(n):\n    return 1": "not a program: expected functions only, found AsyncFunctionDef",
    "def f(n):\n    a, b = 1, 2, 3": "fails: found ValueError",
    "def f(n):\n    del n": "does not know: found Delete",
    "def f(n):\n    x += 1": "unknown name: found 'x'",
}


@pytest.mark.parametrize("source", HARMFUL)
def test_programs_cannot_do_harm(source: str) -> None:
    start = time.process_time()
    with pytest.raises(PolycriticError, match=HARMFUL[source]):
        call(source, "f", [(1,)])
    assert time.process_time() - start < 1.0


def test_work_is_counted_afresh_for_each_call() -> None:
    source = "def f(n):\n    total = 0\n    for i in range(900):\n        total = total + 1\n    return total"
    assert call(source, "f", [(1,)] * 30) == [900] * 30


def test_literals_work_nothing_out() -> None:
    for source in ("1 + 2", "len('a')", "[x for x in 'ab']", "x"):
        with pytest.raises(PolycriticError, match="fails: found ValueError"):
            literal(source)
