"""How verifiers read answers, and the small errors that many families make. No solver is here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

_INTEGER = re.compile(r"[-−]?[0-9]{1,30}")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def integer(text: str) -> int | None:
    """A whole number in digits and nothing else; None where the text is something else.

    >>> integer("-12"), integer("12 apples")
    (-12, None)
    """
    return int(text.replace("−", "-")) if _INTEGER.fullmatch(text) else None


def items(text: str) -> list[str]:
    """The parts of a list separated by commas.

    >>> items("a, b,c")
    ['a', 'b', 'c']
    """
    return [part.strip() for part in text.split(",")]


def off_by_little(number: int, rng: Random) -> int:
    """A number that is easily taken for the given one: one or two away, ten away, or two digits changed over.

    >>> off_by_little(12, Random(3)) == 12
    False
    """
    near = [number + 1, number - 1, number + 2, number - 2]
    if abs(number) > 20:
        near += [number + 10, number - 10]
        digits = str(abs(number))
        place = rng.randrange(len(digits) - 1)
        swapped = int(digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :])
        if swapped != abs(number):
            near += [swapped if number > 0 else -swapped] * 2
    if number >= 0:
        near = [n for n in near if n >= 0]
    return rng.choice(near)


def misread(number: int, rng: Random) -> str:
    """The right number, not as digits alone.

    >>> misread(12, Random(0))
    '<12>'
    """
    words = "-".join(_DIGITS[int(digit)] for digit in str(abs(number)))
    return rng.choice((words, f"about {number}", f"{number} or so", f"<{number}>", f"#{number}", f"{number}?"))


def swapped(parts: Sequence[str], rng: Random) -> list[str]:
    """The same parts with two neighbours changed over; a single part stays.

    >>> swapped(["a", "b"], Random(0))
    ['b', 'a']
    """
    result = list(parts)
    if len(result) > 1:
        place = rng.randrange(len(result) - 1)
        result[place], result[place + 1] = result[place + 1], result[place]
    return result


def misspelt(text: str, rng: Random) -> str:
    """The same text with one character dropped, doubled, or changed over with the next.

    >>> misspelt("word", Random(1)) == "word"
    False
    """
    place = rng.randrange(len(text))
    before, letter, after = text[:place], text[place], text[place + 1 :]
    options = [before + letter + letter + after, before + after]
    if after and after[0] != letter:
        options += [before + after[0] + letter + after[1:]] * 2
    return rng.choice(options)


def listed(parts: Sequence[str]) -> str:
    """Parts as running text.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
