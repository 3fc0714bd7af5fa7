"""Whether a reply answers the question that was asked, true or not.

>>> problem = answer_relevance.make(seed=0)
>>> print(problem.prompt)
How far is the Brook castle from the station?
>>> print("".join(answer_relevance.solve(problem)))
From the station to the Brook castle it is 19 kilometres.
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._vocabulary import CITIES, NAMES, SURNAMES
from polycritic.worlds._world import Slips, World

_LEADS = (
    "I am writing a guide.", "We plan a trip for next spring.", "My aunt lives nearby.", "I read about it last week.",
    "Please be brief.", "My class wants to know.", "I could not find it anywhere.", "The map does not say.",
)  # fmt: skip
_NOUNS = ("mill", "bridge", "museum", "harbour", "castle", "market", "school", "chapel")
# Kind of question: ways to ask; ways to answer; what an answer must contain.
_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "when": (("When was {} built?", "In which year did people build {}?"),
             ("{} was built in {year}.", "They built {} in {year}."), r"\bbuilt\b.*\b1[0-9]{3}\b"),
    "who": (("Who owns {}?", "To whom does {} belong?"),
            ("{} belongs to {person}.", "{person} owns {}."),
            r"(\b[A-Z][a-z]+ [A-Z][a-z]+ owns\b|\bbelongs to [A-Z][a-z]+ [A-Z])"),
    "far": (("How far is {} from the station?", "What is the distance from the station to {}?"),
            ("{} is {number} kilometres from the station.", "From the station to {} it is {number} kilometres."),
            r"^(?=.*\bstation\b).*\b[0-9]+ kilometres\b"),
    "cost": (("What does it cost to visit {}?", "How much is a ticket for {}?"),
             ("A ticket for {} costs {number} euros.", "To visit {} costs {number} euros."), r"\bcosts [0-9]+ euros\b"),
    "open": (("When does {} open in the morning?", "At what time can one enter {}?"),
             ("{} opens at {hour} o'clock.", "One can enter {} from {hour} o'clock."),
             r"\b(opens at|enter\b.* from) [0-9]+ o'clock\b"),
    "where": (("Near which city is {}?", "Which city is closest to {}?"),
              ("{} is near {city}.", "The city closest to {} is {city}."), r"\b(near|closest to\b.* is) [A-Z][a-z]+\.$"),
}  # fmt: skip


class _Question(NamedTuple):
    kind: str
    subject: str
    turn: int  # which of its stock values the solver takes


def _draw(rng: Random, difficulty: int) -> tuple[str, _Question]:
    question = _Question(rng.choice(list(_KINDS)), _subject(rng), rng.randrange(1000))
    text = rng.choice(_KINDS[question.kind][0]).format(question.subject)
    leads = rng.sample(_LEADS, difficulty - 1)
    if leads and rng.random() < 0.5:
        return " ".join((text[0].upper() + text[1:], *leads)), question
    return " ".join((*leads, text[0].upper() + text[1:])), question


def _subject(rng: Random) -> str:
    return f"the {rng.choice(SURNAMES)} {rng.choice(_NOUNS)}"


def _solve(question: _Question) -> str:
    turn = question.turn
    text = _KINDS[question.kind][1][turn % 2].format(
        question.subject,
        year=1400 + turn // 2,
        person=f"{NAMES[turn % len(NAMES)]} {SURNAMES[turn % len(SURNAMES)]}",
        number=2 + turn % 30,
        hour=6 + turn % 6,
        city=CITIES[turn % len(CITIES)],
    )
    return text[0].upper() + text[1:]


def _check(question: _Question, answer: str) -> bool:
    return (
        question.subject[4:] in answer
        and re.search(_KINDS[question.kind][2], answer) is not None
        and re.fullmatch(r"[A-Z][^.\n]{5,200}\.", answer) is not None
    )


def _slips(question: _Question, rng: Random) -> Slips:
    other = question._replace(kind=rng.choice(list(_KINDS)), turn=rng.randrange(1000))
    elsewhere = question._replace(subject=_subject(rng), turn=rng.randrange(1000))
    right = _solve(question)
    wrong = rng.choice(
        (
            right[:-1].lower().replace(" is ", ": "),
            f"- {right[:-1]}",
            "; ".join(right[:-1].split()),
            right.replace(" ", "\n", 2),
        )
    )
    return Slips(_solve(other), _solve(elsewhere), wrong)


answer_relevance = World(
    Task(
        "facts/answer_relevance",
        "Reply to a question about a place. Right: one full sentence that names the place asked about and gives the kind "
        "of fact that was asked for, be it true or not; alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
