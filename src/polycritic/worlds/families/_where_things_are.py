"""Where a thing is, from a story of people who walk about, take things and leave them.

>>> problem = where_things_are.make(seed=299)
>>> print(problem.prompt.replace(". ", ".\\n"))
Kate walks to the kitchen.
Paul goes to the bathroom.
Kate grabs the book.
Paul takes the stamp.
Kate moves to the bathroom.
Kate moves to the cellar.
In which room is the book now?
>>> print("".join(where_things_are.solve(problem)))
cellar
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._vocabulary import NAMES, THINGS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "{story} Where is the {thing}?",
    "{story} In which room is the {thing} now?",
    "Where is the {thing}? {story}",
)
_ROOMS = ("kitchen", "garden", "office", "bathroom", "hallway", "bedroom", "cellar", "garage", "library", "attic")
_TOLD = {
    "goes": ("{} goes to the {}.", "{} walks to the {}.", "{} moves to the {}."),
    "takes": ("{} takes the {}.", "{} picks up the {}.", "{} grabs the {}."),
    "drops": ("{} drops the {}.", "{} puts down the {}.", "{} leaves the {} there."),
    "gives": ("{} gives it to {}.", "{} hands it to {}."),
}


class _Event(NamedTuple):
    who: str
    does: str  # goes, takes, drops or gives
    what: str  # a room, a thing or a person


class _Story(NamedTuple):
    events: tuple[_Event, ...]
    thing: str


def _draw(rng: Random, difficulty: int) -> tuple[str, _Story]:
    people = rng.sample(NAMES, 2 + difficulty // 3)
    rooms = rng.sample(_ROOMS, 4)
    thing, other = rng.sample(THINGS, 2)
    places = dict(zip(people, rng.choices(rooms, k=len(people)), strict=True))
    events = [_Event(person, "goes", room) for person, room in places.items()]
    first, second = people[:2]
    events += [_Event(first, "takes", thing), _Event(second, "takes", other)]
    holder = first
    for _ in range(difficulty + 1):
        near = [person for person in people if person != holder and places[person] == places[holder]]
        if near and rng.random() < 0.7:
            holder_after = rng.choice(near)
            events.append(_Event(holder, "gives", holder_after))
            holder = holder_after
        else:
            person = holder if rng.random() < 0.5 else rng.choice(people)
            places[person] = rng.choice([room for room in rooms if room != places[person]])
            events.append(_Event(person, "goes", places[person]))
    if rng.random() < 0.5:  # left behind, and then its holder walks on
        events.append(_Event(holder, "drops", thing))
        places[holder] = rng.choice([room for room in rooms if room != places[holder]])
        events.append(_Event(holder, "goes", places[holder]))
    story = _Story(tuple(events), thing)
    told = []
    for who, does, what in events:
        form = rng.choice(_TOLD[does])
        told.append(form.replace("it", f"the {thing}").format(who, what) if does == "gives" else form.format(who, what))
    return rng.choice(_PROMPTS).format(story=" ".join(told), thing=thing), story


def _solve(story: _Story) -> str:
    return _where(story.events, story.thing)


def _where(events: tuple[_Event, ...], thing: str) -> str:
    """Live through the story."""
    room_of: dict[str, str] = {}
    lies, holder = "", ""
    for who, does, what in events:
        if does == "goes":
            room_of[who] = what
        elif does == "takes" and what == thing:
            holder = who
        elif does == "gives":
            holder = what
        elif does == "drops" and what == thing:
            lies, holder = room_of[who], ""
    return room_of.get(holder, lies)


def _check(story: _Story, answer: str) -> bool:
    room = answer.removeprefix("the ")
    return room == _last_room(story.events, *_last_hand(story))


def _last_hand(story: _Story) -> tuple[str, int]:
    """Who had the thing last, and up to which event; read from the end."""
    for place in range(len(story.events) - 1, -1, -1):
        who, does, what = story.events[place]
        if does == "drops" and what == story.thing:
            return who, place
        if does == "gives":
            return what, len(story.events)
        if does == "takes" and what == story.thing:
            return who, len(story.events)
    raise AssertionError(story)


def _last_room(events: tuple[_Event, ...], person: str, before: int) -> str:
    return next(what for who, does, what in reversed(events[:before]) if who == person and does == "goes")


def _slips(story: _Story, rng: Random) -> Slips:
    right = _solve(story)
    rooms = sorted({what for _, does, what in story.events if does == "goes"} - {right}) or ["shed"]
    cut = tuple(story.events[: rng.randrange(4, len(story.events))])
    early = _where(cut, story.thing)
    step = early if early and early != right else rng.choice((*rooms, *_ROOMS))
    wrong = rng.choice((f"{right} or {rooms[0]}", f"{right}?", right.upper(), f"not the {rooms[0]}", right[:4]))
    return Slips(rng.choice(rooms), step, wrong)


where_things_are = World(
    Task(
        "facts/where_things_are",
        "Find where a thing is after a story of people who walk, take, give and leave things. Right: the room, in lower "
        "case, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
