"""Sentences that follow stated rules of length, words and form.

>>> problem = stated_rules.make(seed=299)
>>> print(problem.prompt)
Write one sentence about gardens. It must have exactly 8 words, include the word 'hedge' and end with '.'.
>>> print("".join(stated_rules.solve(problem)))
Gardens and green hedge belong together even today.
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import listed
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Write one sentence about {topic}. It must {rules}.",
    "Give me a single sentence on {topic}. The sentence must {rules}.",
    "One sentence about {topic}, please. It has to {rules}.",
)
# Topic: words to include, words to avoid.
_TOPICS = {
    "bread": (("oven", "flour", "crust", "butter"), ("fresh", "warm", "good")),
    "winter": (("snow", "frost", "coat", "fire"), ("cold", "long", "dark")),
    "the sea": (("waves", "salt", "harbour", "boats"), ("blue", "wide", "calm")),
    "trains": (("station", "tracks", "ticket", "whistle"), ("fast", "late", "old")),
    "music": (("violin", "song", "stage", "rhythm"), ("loud", "soft", "sweet")),
    "gardens": (("roses", "bees", "spade", "hedge"), ("green", "quiet", "small")),
}
# How a sentence may go on, by the number of words that are left to fill.
_TAILS = (
    (),
    ("today",),
    ("even", "today"),
    ("on", "most", "days"),
    ("on", "most", "ordinary", "days"),
    ("on", "most", "days", "in", "town"),
    ("on", "almost", "every", "day", "in", "town"),
    ("on", "almost", "every", "day", "in", "this", "town"),
    ("on", "almost", "every", "single", "day", "in", "this", "town"),
)


class _Rules(NamedTuple):
    topic: str
    length: int  # exact number of words
    keyword: str
    avoid: str  # a word that may not occur; empty: none
    ending: str  # the last character
    case: str  # lower, upper or empty
    start: str  # the first word; empty: any


def _draw(rng: Random, difficulty: int) -> tuple[str, _Rules]:
    topic = rng.choice(list(_TOPICS))
    keywords, avoids = _TOPICS[topic]
    extra = set(rng.sample(("avoid", "ending", "case", "start"), difficulty - 1))
    rules = _Rules(
        topic,
        rng.randint(8, 9 + difficulty),
        rng.choice(keywords),
        rng.choice(avoids) if "avoid" in extra else "",
        rng.choice("!?") if "ending" in extra else ".",
        rng.choice(("lower", "upper")) if "case" in extra else "",
        rng.choice(("sometimes", "perhaps", "usually")) if "start" in extra else "",
    )
    told = [f"have exactly {rules.length} words", f"include the word '{rules.keyword}'"]
    told += [f"not use the word '{rules.avoid}'"] if rules.avoid else []
    told += [f"end with '{rules.ending}'"]
    told += [f"be all in {rules.case} case"] if rules.case else []
    told += [f"begin with the word '{rules.start}'"] if rules.start else []
    return rng.choice(_PROMPTS).format(topic=topic, rules=listed(told)), rules


def _solve(rules: _Rules) -> str:
    return _sentence(rules, _words(rules))


def _words(rules: _Rules) -> list[str]:
    adjective = next(word for word in _TOPICS[rules.topic][1] if word != rules.avoid)
    words = [rules.start] if rules.start else []
    words += [*rules.topic.split(), "and", adjective, rules.keyword, "belong", "together"]
    return [*words, *_TAILS[rules.length - len(words)]]


def _sentence(rules: _Rules, words: list[str]) -> str:
    text = " ".join(words)
    text = (
        text.upper() if rules.case == "upper" else text.lower() if rules.case == "lower" else text[0].upper() + text[1:]
    )
    return text + rules.ending


def _check(rules: _Rules, answer: str) -> bool:
    words = re.findall(r"[a-z']+", answer.lower())
    return (
        "\n" not in answer
        and re.fullmatch(r"[A-Za-z' ,]+[.!?]", answer) is not None
        and answer.endswith(rules.ending)
        and len(words) == rules.length == len(answer.split())
        and rules.keyword in words
        and rules.topic.split()[-1] in words
        and (not rules.avoid or rules.avoid not in words)
        and (not rules.start or words[0] == rules.start)
        and (rules.case != "lower" or answer == answer.lower())
        and (rules.case != "upper" or answer == answer.upper())
    )


def _slips(rules: _Rules, rng: Random) -> Slips:
    words = _words(rules)
    belong = words.index("belong")
    near, step = list(words), list(words)
    if rng.random() < 0.5:
        near.insert(belong, rng.choice(("often", "always", "really", "still")))
    else:
        near.pop(belong + 1)
    if rules.avoid and rng.random() < 0.5:
        step[belong - 2] = rules.avoid
    else:
        step[belong - 1] = rng.choice([word for word in _TOPICS[rules.topic][0] if word != rules.keyword])
    right = _sentence(rules, words)
    wrong = rng.choice(
        (
            "\n".join(right.split()),
            "\n".join((" ".join(right.split()[:belong]), " ".join(right.split()[belong:]))),
            f"* {right}",
            f'"{right}"',
            right[:-1],
        )
    )
    return Slips(_sentence(rules, near), _sentence(rules, step), wrong)


stated_rules = World(
    Task(
        "format/stated_rules",
        "Write one sentence on one line that names its topic and keeps every rule stated: number of words, words to use "
        "or avoid, beginning, ending, case. Right: all rules are kept; alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
