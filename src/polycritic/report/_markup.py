"""HTML that cannot be broken out of: text is escaped unless it is markup already."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_VOID = frozenset({"meta", "wbr", "line", "rect", "circle", "path", "polyline", "polygon"})


class Markup(str):
    """A string that is HTML, not text. Only :func:`element` and :func:`join` make it."""

    __slots__ = ()


def element(name: str, attributes: Mapping[str, str | float] | None = None, *children: str) -> Markup:
    """An element; children that are no :class:`Markup`, and all attributes, are escaped.

    >>> element("p", {"class": "note"}, "1 < 2 ", element("b", None, "&"))
    '<p class="note">1 &lt; 2 <b>&amp;</b></p>'
    """
    given = "".join(f' {key}="{_escape(_number(value))}"' for key, value in (attributes or {}).items())
    if name in _VOID and not children:
        return Markup(f"<{name}{given}>" if name == "meta" else f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*parts: str) -> Markup:
    """Parts one after the other; those that are no :class:`Markup` are escaped.

    >>> join("a & b", element("i", None, "c"))
    'a &amp; b<i>c</i>'
    """
    return Markup("".join(part if isinstance(part, Markup) else _escape(part) for part in parts))


def broken(name: str) -> Markup:
    """A task's name, which may go on in a new line after each ``/``.

    >>> broken("math/dates")
    'math/<wbr/>dates'
    """
    first, *others = name.split("/")
    return join(first, *(part for other in others for part in ("/", element("wbr"), other)))


def _escape(text: str) -> str:
    return html.escape(_UNPRINTABLE.sub("\ufffd", text), quote=True)


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
