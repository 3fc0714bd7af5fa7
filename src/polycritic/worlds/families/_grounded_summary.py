"""Summaries of a list of facts: all of them, and nothing else.

>>> problem = grounded_summary.make(seed=0)
>>> print(problem.prompt)
Facts about the Dale hall:
- visitors: 6600
- cost: 21
Sum them up in full sentences.
>>> print("".join(grounded_summary.solve(problem)))
The Dale hall has 6600 visitors a year and cost 21 million euros.
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import off_by_little
from polycritic.worlds._vocabulary import CITIES, NAMES, SURNAMES
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Summarize these facts about {name}.\n{facts}",
    "{facts}\nWrite a summary of these facts about {name}.",
    "Facts about {name}:\n{facts}\nSum them up in full sentences.",
)
# How the solver says each fact, two ways; the verifier turns these ways into patterns.
_SAID = {
    "opened": ("opened in {}", "was opened in {}"),
    "city": ("stands in {}", "is in {}"),
    "architect": ("was designed by {}", "was planned by {}"),
    "height": ("is {} metres high", "rises {} metres"),
    "visitors": ("draws {} visitors a year", "has {} visitors a year"),
    "cost": ("cost {} million euros", "was built for {} million euros"),
}
_VALUE = "([A-Z][a-z]+(?: [A-Z][a-z]+)?|[0-9]+)"
_CLAIMS = {fact: re.compile("|".join(rf"\b{said.format(_VALUE)}\b" for said in ways)) for fact, ways in _SAID.items()}
_THINGS = ("tower", "library", "museum", "theatre", "hall")


class _Facts(NamedTuple):
    name: str
    facts: tuple[tuple[str, str], ...]
    turn: int  # which wordings the solver takes


def _draw(rng: Random, difficulty: int) -> tuple[str, _Facts]:
    name = f"the {rng.choice(SURNAMES)} {rng.choice(_THINGS)}"
    facts = tuple((fact, _value(fact, rng)) for fact in rng.sample(list(_SAID), difficulty + 1))
    shown = "\n".join(f"- {fact}: {value}" for fact, value in facts)
    return rng.choice(_PROMPTS).format(name=name, facts=shown), _Facts(name, facts, rng.randrange(64))


def _value(fact: str, rng: Random) -> str:
    match fact:
        case "opened":
            return str(rng.randint(1850, 2020))
        case "city":
            return rng.choice(CITIES)
        case "architect":
            return f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    return str(rng.randint(12, 99) if fact != "visitors" else rng.randint(10, 90) * 100)


def _solve(facts: _Facts) -> str:
    return _told(facts, facts.facts)


def _told(facts: _Facts, said: tuple[tuple[str, str], ...]) -> str:
    """Sentences of one or two facts each."""
    claims = [_SAID[fact][facts.turn >> place & 1].format(value) for place, (fact, value) in enumerate(said)]
    sentences = [" and ".join(claims[place : place + 2]) for place in range(0, len(claims), 2)]
    subjects = [facts.name[0].upper() + facts.name[1:]] + ["It"] * (len(sentences) - 1)
    return " ".join(f"{subject} {sentence}." for subject, sentence in zip(subjects, sentences, strict=True))


def _check(facts: _Facts, answer: str) -> bool:
    claims, left = [], answer.replace(facts.name[4:], "", 1)  # left: what is said beside the facts
    for fact, claim in _CLAIMS.items():
        claims += [(fact, found[1] or found[2]) for found in claim.finditer(answer)]
        left = claim.sub("", left)
    return (
        facts.name[4:] in answer
        and sorted(claims) == sorted(facts.facts)
        and re.fullmatch(r"(the|The|it|It|and|which|[ .,])*", left) is not None
        and answer.endswith(".")
        and "\n" not in answer
    )


def _slips(facts: _Facts, rng: Random) -> Slips:
    place = rng.randrange(len(facts.facts))
    fact, value = facts.facts[place]
    changed = str(off_by_little(int(value), rng)) if value.isdigit() else _value(fact, rng)
    near = [*facts.facts]
    near[place] = (fact, changed)
    missing = [name for name in _SAID if name not in dict(facts.facts)]
    step = [*facts.facts]
    if missing and rng.random() < 0.7:
        new = rng.choice(missing)
        added = (new, _value(new, rng))
        if rng.random() < 0.4:
            step.insert(place, added)  # one fact made up
        else:
            step[place] = added  # one fact replaced by another
    else:
        step.pop(place)  # one fact forgotten
    listed = "\n".join(f"- {name}: {text}" for name, text in facts.facts)
    right = _solve(facts)
    wrong = rng.choice(
        (f"{facts.name}\n{listed}", right.replace(". ", ".\n- ").replace("The", "- The", 1), right[:-1] + "...")
    )
    return Slips(_told(facts, tuple(near)), _told(facts, tuple(step)), wrong)


grounded_summary = World(
    Task(
        "facts/grounded_summary",
        "Sum up a list of facts in full sentences. Right: every fact is stated with its exact value, and nothing that is "
        "not in the list; alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
