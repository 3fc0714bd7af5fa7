"""How many things of a kind are among those named.

>>> problem = counting_objects.make(seed=0)
>>> print(problem.prompt)
On the table lie four apples, four pianos and three oranges. How many fruits are there?
>>> print("".join(counting_objects.solve(problem)))
7
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import integer, listed, misread, off_by_little
from polycritic.worlds._vocabulary import COUNTS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "I have {things}. How many {kind} do I have?",
    "On the table lie {things}. How many {kind} are there?",
    "Count the {kind}: {things}.",
)
_KINDS = {
    "fruits": ("apple", "banana", "orange", "plum", "pear", "lemon", "mango"),
    "vegetables": ("carrot", "onion", "potato", "cabbage", "turnip", "leek"),
    "instruments": ("flute", "drum", "violin", "trumpet", "piano", "clarinet"),
    "tools": ("hammer", "saw", "drill", "wrench", "chisel", "ladder"),
    "clothes": ("shirt", "hat", "coat", "scarf", "glove", "sock"),
}
_KIND_OF = {thing: kind for kind, things in _KINDS.items() for thing in things}


class _Heap(NamedTuple):
    things: tuple[tuple[int, str], ...]
    kind: str


def _draw(rng: Random, difficulty: int) -> tuple[str, _Heap]:
    kind, *others = rng.sample(list(_KINDS), 3)
    wanted = rng.sample(_KINDS[kind], min(1 + difficulty, 5))
    rest = rng.sample([thing for other in others for thing in _KINDS[other]], rng.randint(1, 1 + difficulty))
    things = [(rng.randint(1, min(3 + difficulty, 9)), thing) for thing in wanted + rest]
    rng.shuffle(things)
    words = listed([f"{COUNTS[count]} {thing}{'s' if count > 1 else ''}" for count, thing in things])
    words = words.replace("potatos", "potatoes").replace("mangos", "mangoes")
    return rng.choice(_PROMPTS).format(things=words, kind=kind), _Heap(tuple(things), kind)


def _solve(heap: _Heap) -> str:
    return str(sum(count for count, thing in heap.things if thing in _KINDS[heap.kind]))


def _check(heap: _Heap, answer: str) -> bool:
    left = integer(answer)
    if left is None:
        return False
    for count, thing in heap.things:  # take the things of the kind away from what was said: nothing may be left
        left -= count * (_KIND_OF[thing] == heap.kind)
    return left == 0


def _slips(heap: _Heap, rng: Random) -> Slips:
    right = int(_solve(heap))
    steps = (
        sum(thing in _KINDS[heap.kind] for _, thing in heap.things),  # each sort once
        sum(count for count, _ in heap.things),  # everything
        right + rng.choice(heap.things)[0],
        abs(right - rng.choice(heap.things)[0]),
    )
    return Slips(str(off_by_little(right, rng)), str(rng.choice(steps)), misread(right, rng))


counting_objects = World(
    Task(
        "math/counting_objects",
        "Count the things of one kind among others. Right: how many there are in all, in digits, alone or after "
        "'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
