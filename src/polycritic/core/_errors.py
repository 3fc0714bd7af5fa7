"""What goes wrong, said so that it can be mended.

Every error of polycritic is a :class:`PolycriticError`, which is also a :class:`ValueError`. Its message tells where
the trouble is, what was found, what was expected, and how to mend it.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class PolycriticError(ValueError):
    """Wrong data or a wrong call.

    Args:
        message: What is wrong, in one sentence.
        where: The place: a file and line, a task, an argument.
        found: What was there.
        expected: What should have been there.
        mend: What the reader can do about it.

    >>> print(PolycriticError("unreadable rating", where="a.jsonl:3", found="'bad'", expected="a number"))
    a.jsonl:3: unreadable rating: expected a number, found 'bad'
    """

    def __init__(self, message: str, *, where: str = "", found: str = "", expected: str = "", mend: str = "") -> None:
        self.message, self.where, self.found, self.expected, self.mend = message, where, found, expected, mend
        text = f"{where}: {message}" if where else message
        details = [f"expected {expected}"] if expected else []
        details += [f"found {found}"] if found else []
        text += f": {', '.join(details)}" if details else ""
        super().__init__(f"{text}. {mend}" if mend else text)

    def __reduce__(self) -> tuple[object, ...]:
        """Keyword-only arguments survive pickling, so errors cross process borders."""
        return _rebuild, (type(self), self.message, self.where, self.found, self.expected, self.mend)


def _rebuild(kind: type[PolycriticError], message: str, where: str, found: str, expected: str, mend: str) -> object:
    return kind(message, where=where, found=found, expected=expected, mend=mend)


class UnknownNameError(PolycriticError):
    """A name that nobody knows; the message offers the nearest ones."""


def lookup(name: str, names: Iterable[str], what: str) -> str:
    """Return ``name`` if it is among ``names``, else raise with the nearest known names.

    Args:
        name: What the user wrote.
        names: What there is.
        what: What kind of thing it names, for the message.

    Raises:
        UnknownNameError: ``name`` is not among ``names``.

    >>> lookup("dates", ["dates", "units"], "family")
    'dates'
    >>> lookup("date", ["dates", "units"], "family")
    Traceback (most recent call last):
    polycritic.core._errors.UnknownNameError: unknown family 'date'. Did you mean 'dates'?
    """
    known = list(names)
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        mend = "Did you mean " + " or ".join(repr(n) for n in near) + "?"
    else:
        shown = ", ".join(sorted(known)[:20])
        mend = f"Known: {shown}{', ...' if len(known) > 20 else ''}" if known else "None are known"
    raise UnknownNameError(f"unknown {what} {name!r}", mend=mend)
