"""A small interpreter for a harmless part of Python: judged programs are never run by Python itself.

It walks the syntax tree. There are no imports, attributes, classes, files or names but the program's own and the few
built-ins listed here; work, sizes and depth are bounded, so that it always ends, and soon.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from polycritic.core import PolycriticError

_MAX_SOURCE = 5_000  # characters
_MAX_WORK = 20_000  # nodes evaluated
_MAX_SIZE = 1_000  # items of a container, counted through and through; characters of a string
_MAX_BITS = 1_000  # of an integer
_MAX_DEPTH = 30  # calls within calls

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_BUILTINS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (abs, all, any, bool, enumerate, float, int, len, list, max, min, range, reversed, round, set,
                            sorted, str, sum, tuple, zip)
}  # fmt: skip
_METHODS: dict[type, set[str]] = {
    str: {"count", "endswith", "find", "index", "isalpha", "isdigit", "islower", "isupper", "join", "lower", "replace",
          "split", "startswith", "strip", "title", "upper"},
    list: {"append", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"},
    tuple: {"count", "index"},
    set: {"add"},
}  # fmt: skip


class _Return(Exception):  # noqa: N818
    def __init__(self, value: object) -> None:
        self.value = value


class _Break(Exception):  # noqa: N818
    pass


class _Continue(Exception):  # noqa: N818
    pass


def evaluate(source: str) -> object:
    """The value of an expression.

    Raises:
        PolycriticError: It is not an expression, uses what the interpreter does not know, fails, or does too much.

    >>> evaluate("sorted('cab')[::-1]")
    ['c', 'b', 'a']
    """
    tree = _parsed(source, "eval")
    return _shielded(lambda: _Run({}).value(tree.body, {}))


def literal(source: str) -> object:
    """The value that a text writes down: numbers, strings, lists and the like, with nothing to work out.

    Raises:
        PolycriticError: It is something else.

    >>> literal("[1, 'a']")
    [1, 'a']
    """
    tree = _parsed(source, "eval")
    return _shielded(lambda: ast.literal_eval(tree))


def call(source: str, name: str, arguments: Sequence[Sequence[object]]) -> list[object]:
    """What the function ``name`` of a program returns for each list of arguments.

    Raises:
        PolycriticError: The program is not one or more functions, has none of that name, uses what the interpreter does
            not know, fails, or does too much.

    >>> call("def f(x):\\n    return x + 1", "f", [(1,), (2,)])
    [2, 3]
    """
    functions = {}
    for statement in _parsed(source, "exec").body:
        if not isinstance(statement, ast.FunctionDef):
            raise PolycriticError("not a program", found=type(statement).__name__, expected="functions only")
        functions[statement.name] = statement
    if name not in functions:
        raise PolycriticError("not a program", expected=f"a function {name!r}")
    return [_shielded(partial(_Run(functions).call, name, list(given))) for given in arguments]


def _parsed(source: str, mode: str) -> Any:
    if len(source) > _MAX_SOURCE:
        raise PolycriticError("too long to run", found=f"{len(source)} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PolycriticError("cannot be read as Python", found=str(error)) from error


def _shielded(work: Callable[[], object]) -> object:
    try:
        return work()
    except PolycriticError:
        raise
    except (_Break, _Continue, _Return) as error:
        raise PolycriticError("fails", found="a statement out of place") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
        StopIteration,
    ) as error:
        raise PolycriticError("fails", found=f"{type(error).__name__}: {error}") from error


def _unknown(node: ast.AST) -> PolycriticError:
    return PolycriticError("uses what the interpreter does not know", found=type(node).__name__)


class _Run:
    """One run, with its budget."""

    def __init__(self, functions: dict[str, ast.FunctionDef]) -> None:
        self.functions, self.work, self.depth = functions, 0, 0

    def call(self, name: str, arguments: list[object]) -> object:
        function = self.functions[name]
        taken = function.args
        if taken.vararg or taken.kwarg or taken.kwonlyargs or taken.posonlyargs or taken.defaults:
            raise _unknown(taken)
        if function.decorator_list:
            raise _unknown(function.decorator_list[0])
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise PolycriticError("does too much", found="calls within calls")
        names = dict(zip((argument.arg for argument in taken.args), arguments, strict=True))
        try:
            self.block(function.body, names)
        except _Return as result:
            return result.value
        finally:
            self.depth -= 1
        return None

    def block(self, statements: list[ast.stmt], names: dict[str, object]) -> None:
        for statement in statements:
            self.statement(statement, names)

    def statement(self, node: ast.stmt, names: dict[str, object]) -> None:
        self.spend()
        match node:
            case ast.Return(value=value):
                raise _Return(None if value is None else self.value(value, names))
            case ast.Assign(targets=targets, value=value):
                result = self.value(value, names)
                for target in targets:
                    self.assign(target, result, names)
            case ast.AugAssign(target=target, op=op, value=value):
                self.assign(target, self.binary(op, self.value(target, names), self.value(value, names)), names)
            case ast.If(test=test, body=body, orelse=orelse):
                self.block(body if self.value(test, names) else orelse, names)
            case ast.While() | ast.For():
                self.loop(node, names)
            case ast.Expr(value=value):
                self.value(value, names)
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case ast.Pass():
                pass
            case _:
                raise _unknown(node)

    def loop(self, node: ast.While | ast.For, names: dict[str, object]) -> None:
        if isinstance(node, ast.For):
            rounds: Iterable[object] = self.iterate(node.iter, names)
        else:
            rounds = iter(lambda: bool(self.value(node.test, names)), False)
        for item in rounds:
            self.spend()
            if isinstance(node, ast.For):
                self.assign(node.target, item, names)
            try:
                self.block(node.body, names)
            except _Break:
                return
            except _Continue:
                continue
        self.block(node.orelse, names)

    def assign(self, target: ast.expr, value: object, names: dict[str, object]) -> None:
        match target:
            case ast.Name(id=name):
                names[name] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part, item in zip(parts, self.listed(value), strict=True):
                    self.assign(part, item, names)
            case ast.Subscript(value=holder, slice=index) if not isinstance(index, ast.Slice):
                self.value(holder, names)[self.value(index, names)] = value
            case _:
                raise _unknown(target)

    def value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        self.spend()
        return _bounded(self.raw(node, names))

    def raw(self, node: ast.expr, names: dict[str, Any]) -> Any:
        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, (bool, int, float, str)):
                return value
            case ast.Name(id=name):
                if name in names:
                    return names[name]
                raise PolycriticError("unknown name", found=repr(name[:40]))
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.value(left, names), self.value(right, names))
            case ast.UnaryOp(op=unary, operand=operand) if type(unary) in _UNARY:
                return _UNARY[type(unary)](self.value(operand, names))
            case ast.BoolOp(op=junction, values=values):
                for part in values[:-1]:
                    result = self.value(part, names)
                    if bool(result) == isinstance(junction, ast.Or):
                        return result
                return self.value(values[-1], names)
            case ast.Compare(left=left, ops=ops, comparators=others):
                first = self.value(left, names)
                for comparison, other in zip(ops, others, strict=True):
                    second = self.value(other, names)
                    if not _COMPARE[type(comparison)](first, second):
                        return False
                    first = second
                return True
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.value(test, names) else orelse, names)
            case ast.List(elts=parts):
                return [self.value(part, names) for part in parts]
            case ast.Tuple(elts=parts):
                return tuple(self.value(part, names) for part in parts)
            case ast.Set(elts=parts):
                return {self.value(part, names) for part in parts}
            case ast.Subscript(value=holder, slice=ast.Slice() as cut):
                ends = (None if end is None else self.value(end, names) for end in (cut.lower, cut.upper, cut.step))
                return self.value(holder, names)[slice(*ends)]
            case ast.Subscript(value=holder, slice=index):
                return self.value(holder, names)[self.value(index, names)]
            case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
                return self.comprehend(part, node.generators, names)
            case ast.SetComp(elt=part):
                return set(self.comprehend(part, node.generators, names))
            case ast.Call():
                return self.invoke(node, names)
        raise _unknown(node)

    def comprehend(self, part: ast.expr, clauses: list[ast.comprehension], names: dict[str, Any]) -> list[Any]:
        if not clauses:
            return [self.value(part, names)]
        found, inner = [], dict(names)
        for item in self.iterate(clauses[0].iter, inner):
            self.assign(clauses[0].target, item, inner)
            if all(self.value(test, inner) for test in clauses[0].ifs):
                found += self.comprehend(part, clauses[1:], inner)
                _bounded(found)
        return found

    def invoke(self, node: ast.Call, names: dict[str, Any]) -> Any:
        arguments = [self.value(argument, names) for argument in node.args]
        options = {str(keyword.arg): self.value(keyword.value, names) for keyword in node.keywords}
        if options.keys() - {"reverse"}:
            raise PolycriticError("uses what the interpreter does not know", found=", ".join(options))
        match node.func:
            case ast.Name(id=name) if name in self.functions and not options:
                return self.call(name, arguments)
            case ast.Name(id=name) if name in _BUILTINS:
                result = _BUILTINS[name](*arguments, **options)
                return result if not isinstance(result, (enumerate, range, reversed, zip)) else self.listed(result)
            case ast.Attribute(value=holder, attr=attribute):
                owner = self.value(holder, names)
                if attribute in _METHODS.get(type(owner), ()):
                    return getattr(owner, attribute)(*arguments, **options)
                raise PolycriticError("uses what the interpreter does not know", found=f".{attribute[:40]}")
        raise _unknown(node)

    def iterate(self, node: ast.expr, names: dict[str, Any]) -> list[object]:
        return self.listed(self.value(node, names))

    def listed(self, value: object) -> list[object]:
        """A container as a list; sizes are bounded before anything is laid out."""
        if isinstance(value, range) and len(value) > _MAX_SIZE:
            raise PolycriticError("does too much", found="a long range")
        return list(value)  # type: ignore[call-overload, no-any-return]

    def binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        if type(op) not in _BINARY or (isinstance(op, ast.Mod) and isinstance(left, str)):
            raise _unknown(op)
        if isinstance(op, ast.Mult):
            for many, few in ((left, right), (right, left)):
                if isinstance(many, (str, list, tuple)) and isinstance(few, int) and len(many) * few > _MAX_SIZE:
                    raise PolycriticError("does too much", found="a long sequence")
        whole = isinstance(left, int) and isinstance(right, int)
        if isinstance(op, ast.Pow) and whole and left.bit_length() * abs(right) > _MAX_BITS:
            raise PolycriticError("does too much", found="a large power")
        return _bounded(_BINARY[type(op)](left, right))

    def spend(self) -> None:
        self.work += 1
        if self.work > _MAX_WORK:
            raise PolycriticError("does too much", found=f"more than {_MAX_WORK} steps")


def _bounded(value: Any) -> Any:
    """The same value, if it is small through and through; so no single operation on it can take long."""
    if isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            raise PolycriticError("does too much", found="a large number")
    elif isinstance(value, str):
        if len(value) > _MAX_SIZE:
            raise PolycriticError("does too much", found="a long string")
    elif isinstance(value, (list, tuple, set)):
        size, open_ = 0, [value]
        while open_:
            part = open_.pop()
            size += len(part)
            if size > _MAX_SIZE:
                raise PolycriticError("does too much", found="a large container")
            open_ += [item for item in part if isinstance(item, (list, tuple, set))]
    return value
