"""A word after some edits, one after the other.

>>> problem = string_edits.make(seed=0)
>>> print(problem.prompt)
Here is a word: jungle. Double each g. Write the result.
>>> print("".join(string_edits.solve(problem)))
junggle
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import misspelt
from polycritic.worlds._vocabulary import WORDS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Take the word '{word}'. {edits} What do you get?",
    "Edit '{word}': {edits}",
    "Here is a word: {word}. {edits} Write the result.",
)


class _Edit(NamedTuple):
    """``what`` is reverse, remove, replace, double or rotate; letters where it needs some."""

    what: str
    old: str = ""
    new: str = ""

    def words(self) -> str:
        match self.what:
            case "reverse":
                return "Reverse it."
            case "remove":
                return f"Remove every {self.old}."
            case "replace":
                return f"Replace each {self.old} by {self.new}."
            case "double":
                return f"Double each {self.old}."
        return "Move the first letter to the end."


class _Edits(NamedTuple):
    word: str
    edits: tuple[_Edit, ...]


def _draw(rng: Random, difficulty: int) -> tuple[str, _Edits]:
    word = rng.choice(WORDS)
    text = word
    edits: list[_Edit] = []
    while len(edits) < difficulty:
        old = rng.choice(text)
        what = rng.choice(("reverse", "remove", "replace", "double", "rotate"))
        edit = _Edit(what) if what in ("reverse", "rotate") else _Edit(what, old)
        edit = edit._replace(new=rng.choice("aeioubdkmst")) if what == "replace" else edit
        after = _edited(text, edit)
        if after != text and len(after) > 2:  # every edit does something
            edits.append(edit)
            text = after
    data = _Edits(word, tuple(edits))
    told = " ".join(edit.words() for edit in edits)
    return rng.choice(_PROMPTS).format(word=word, edits=told), data


def _solve(data: _Edits) -> str:
    return _all_edited(data.word, data.edits)


def _all_edited(text: str, edits: tuple[_Edit, ...]) -> str:
    for edit in edits:
        text = _edited(text, edit)
    return text


def _edited(text: str, edit: _Edit) -> str:
    match edit.what:
        case "reverse":
            return text[::-1]
        case "remove":
            return text.replace(edit.old, "")
        case "replace":
            return text.replace(edit.old, edit.new)
        case "double":
            return text.replace(edit.old, edit.old * 2)
    return text[1:] + text[:1]


def _check(data: _Edits, answer: str) -> bool:
    letters = list(data.word)
    for edit in data.edits:  # letter by letter
        match edit.what:
            case "reverse":
                letters.reverse()
            case "rotate":
                letters.append(letters.pop(0))
            case what:
                by = {"remove": [], "replace": [edit.new], "double": [edit.old, edit.old]}[what]
                letters = [new for letter in letters for new in (by if letter == edit.old else [letter])]
    return list(answer) == letters


def _slips(data: _Edits, rng: Random) -> Slips:
    right = _solve(data)
    kept = list(data.edits)
    if rng.random() < 0.5:
        kept.pop(rng.randrange(len(kept)))  # one edit left out
    else:
        place = rng.randrange(len(kept))
        old = rng.choice(data.word)
        kept[place] = _Edit(rng.choice(("reverse", "rotate", "double", "remove")), old)  # one edit misread
    wrong = rng.choice(("-".join(right), right.upper(), f"'{right}'", f"{right}?", " ".join(right)))
    return Slips(misspelt(right, rng), _all_edited(data.word, tuple(kept)), wrong)


string_edits = World(
    Task(
        "text/string_edits",
        "Change a word by the edits given, in their order. Right: exactly the letters that result, in lower case without "
        "quotes, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
