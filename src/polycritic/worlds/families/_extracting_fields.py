"""Taking stated facts out of a running text.

>>> problem = extracting_fields.make(seed=2)
>>> print(problem.prompt)
Send it to Krakow. Ben Price has ordered from us. Ask Olga Archer if in doubt.
Give the field city.
>>> print("".join(extracting_fields.solve(problem)))
city: Krakow
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import listed, misspelt, off_by_little
from polycritic.worlds._vocabulary import CITIES, MONTHS, NAMES, SURNAMES, THINGS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "{text}\nGive {fields}.",
    "Extract {fields} from this note: {text}",
    "What are {fields} in the following? {text}",
)
_SENTENCES = {  # each way of saying it, and how the solver finds it again
    "customer": (("{} has ordered from us.", "The buyer is {}.", "This is for {}."),
                 r"(?:The buyer is|This is for) (\w+ \w+)\.|(\w+ \w+) has ordered"),
    "city": (("Send it to {}.", "It goes to {}.", "Delivery is in {}."), r"(?:Send it to|It goes to|Delivery is in) (\w+)\."),
    "number": (("The order number is {}.", "It runs under number {}.", "File it as order {}."),
               r"(?:number|order) (?:is )?(\d{4})"),
    "date": (("It must arrive by {}.", "It is due on {}.", "They expect it on {}."), r"(?:by|due on|expect it on) (\d+ \w+)"),
    "item": (("They want a {}.", "The article is a {}.", "Pack one {}."), r"(?:want a|article is a|Pack one) (\w+)"),
}  # fmt: skip
_NOISE = (
    "Ask {name} if in doubt.",
    "{name} took the call.",
    "The last one went to {city2}.",
    "{name} is away until {date2}.",
)


class _Note(NamedTuple):
    text: str
    fields: tuple[tuple[str, str], ...]  # those asked for, as they were put into the text
    others: tuple[str, ...]  # what else the text mentions


def _draw(rng: Random, difficulty: int) -> tuple[str, _Note]:
    date, date2 = (f"{rng.randint(1, 28)} {month}" for month in rng.sample(MONTHS, 2))
    city, city2 = rng.sample(CITIES, 2)
    values = {
        "customer": f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}",
        "city": city,
        "number": str(rng.randint(1000, 9999)),
        "date": date,
        "item": rng.choice(THINGS),
    }
    told = rng.sample(list(values), min(2 + difficulty // 2, 5))
    sentences = [rng.choice(_SENTENCES[field][0]).format(values[field]) for field in told]
    name = f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    for noise in rng.sample(_NOISE, 1 + difficulty // 3):
        sentences.insert(rng.randint(0, len(sentences)), noise.format(name=name, city2=city2, date2=date2))
    asked = rng.sample(told, min(1 + difficulty // 2, len(told)))
    text = " ".join(sentences)
    others = tuple(other for other in (name, city2, date2, *values.values()) if other in text)
    fields = "the fields " + listed(asked) if len(asked) > 1 else f"the field {asked[0]}"
    prompt = rng.choice(_PROMPTS).replace("What are", "What are" if len(asked) > 1 else "What is")
    return prompt.format(text=text, fields=fields), _Note(text, tuple((f, values[f]) for f in asked), others)


def _solve(note: _Note) -> str:
    found = []
    for field, _ in note.fields:
        match = re.search(_SENTENCES[field][1], note.text)
        found.append(f"{field}: {'' if match is None else next(filter(None, match.groups()))}")
    return "\n".join(found)


def _check(note: _Note, answer: str) -> bool:
    lines = [line.strip() for line in answer.split("\n") if line.strip()]
    return lines == [f"{field}: {value}" for field, value in note.fields]


def _slips(note: _Note, rng: Random) -> Slips:
    pairs = [(field, value) for field, value in note.fields]
    place = rng.randrange(len(pairs))
    field, value = pairs[place]
    near, step = list(pairs), list(pairs)
    near[place] = (field, str(off_by_little(int(value), rng)) if value.isdigit() else misspelt(value, rng))
    step[place] = (field, rng.choice(note.others))
    values = [value for _, value in pairs]
    wrong = rng.choice(
        (" and ".join(values), "; ".join(f"{f} = {v}" for f, v in pairs), " - ".join(f"{f} {v}" for f, v in pairs))
    )
    return Slips(_lines(near), _lines(step), wrong)


def _lines(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(f"{field}: {value}" for field, value in pairs)


extracting_fields = World(
    Task(
        "facts/extracting_fields",
        "Take the fields asked for out of a note. Right: one line for each, in the order asked, as 'field: value' with "
        "the value as it stands in the text, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
