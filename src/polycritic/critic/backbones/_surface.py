"""What anybody can count in a response without understanding it: length, overlap with what was given, repetition.

People's and models' judgements lean on such things, and some tasks are decided by them: a summary that copies its article is
seldom inconsistent, an answer that ends with the reference is right. Counted over the whole text, however little of it a
backbone can read, and once more over the answer that it comes to, and known by name, they can be learnt at once, looked at, and
left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from polycritic.tasks import Text

SURFACE: tuple[str, ...] = (
    "length",
    "coverage",
    "bigram_coverage",
    "recall",
    "repetition",
    "numbers",
    "lines",
    "sentences",
    "punctuation",
    "digits",
    "brackets",
    "reference_overlap",
    "reference_recall",
    "reference_end",
    "answer_length",
    "answer_coverage",
    "answer_recall",
    "answer_numbers",
    "answer_punctuation",
    "answer_digits",
    "answer_brackets",
    "answer_capitals",
    "answer_is_number",
    "answer_new",
    "answer_again",
)
"""The names of the numbers that :func:`surface` counts, in order."""

_WORD = re.compile(r"\w+")
_ANSWER = re.compile(r"answer(?: is)?\s?:|####", re.IGNORECASE)
_NUMBER = re.compile(r"-?[\d.,]+")
_SENTENCE_END = re.compile(r"[.!?]+")
_BRACKETS = frozenset("()[]{}<>")
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be by can could did do does for from had has have he i in is it not of on or she that the they "
        "this to was we were will with would you"
    )
)


def surface(text: Text) -> tuple[float, ...]:
    r"""Count what can be counted in a response, (k,), each number about between -1 and 1.

    - ``length``: :math:`(\log_2(1 + \text{words}) - 6) / 2`;
    - ``coverage``, ``bigram_coverage``: the share of its words, and of its pairs of neighbouring words, that stand in what
      was given (instruction, prompt, context);
    - ``recall``: the share of the given text's content words that it uses;
    - ``repetition``: the share of its word triples that it said before;
    - ``numbers``: the share of its numbers that were given;
    - ``lines``, ``sentences``: how many, on a logarithmic scale;
    - ``punctuation``, ``digits``, ``brackets``: the share of its characters that are such, times 5, 4 and 10;
    - ``reference_overlap``, ``reference_recall``, ``reference_end``: where there is a reference, the F1 score and the recall of
      its words, and whether the response ends with it;
    - ``answer_...``: much of the same for the answer alone, which is what follows the last "Answer:", "answer is:" or "####", or
      all of the response where there is none; the share of its letters that are capitals, whether it is a number, and how
      many of its words are ``new``, and how many it says more often than they were given (``again``), on logarithmic scales.

    Shares are counted from a middle value, so that 0 means "nothing special", and a number that cannot be counted is 0.

    >>> from polycritic.tasks import Field
    >>> counted = surface(Text((Field("How many are 2 and 3?", 1.0, "prompt"),), ("5",)))
    >>> dict(zip(SURFACE, counted))["length"], len(counted) == len(SURFACE)
    (-2.5, True)

    References:
        Grusky, Naaman and Artzi (2018), Newsroom: A Dataset of 1.3 Million Summaries with Diverse Extractive Strategies. Lin
        (2004), ROUGE: A Package for Automatic Evaluation of Summaries.
    """
    given = _words(" ".join(_text_of(text, name) for name in ("instruction", "prompt", "context")))
    reference = _words(_text_of(text, "reference"))
    said = _words(text.response)
    coverage, recall, numbers = _overlap(said, set(given))
    known_pairs, pairs, triples = set(_neighbours(given, 2)), _neighbours(said, 2), _neighbours(said, 3)
    return (
        (math.log2(1 + len(said)) - 6.0) / 2.0,
        coverage,
        _share(sum(pair in known_pairs for pair in pairs), len(pairs), 0.25),
        recall,
        _share(len(triples) - len(set(triples)), len(triples), 0.0),
        numbers,
        math.log2(1 + text.response.count("\n")) / 4.0,
        math.log2(1 + len(_SENTENCE_END.findall(text.response))) / 3.0 - 0.5,
        5.0 * _share(sum(not (c.isalnum() or c.isspace()) for c in text.response), len(text.response), 0.04),
        4.0 * _share(sum(c.isdigit() for c in text.response), len(text.response), 0.0),
        10.0 * _share(sum(c in _BRACKETS for c in text.response), len(text.response), 0.0),
        *_agreement(reference, said),
        *_answered(answer_of(text.response), given),
    )


def answer_of(response: str) -> str:
    """What a response comes to: what follows its last "Answer:", or all of it.

    >>> answer_of("Let me see. The answer is: 12"), answer_of(" 12 ")
    ('12', '12')
    """
    *_, last = _ANSWER.split(response)
    return last.strip() or response.strip()


def _answered(answer: str, given: list[str]) -> tuple[float, ...]:
    """What can be counted in the answer alone, (11,)."""
    said, known = _words(answer), set(given)
    new = sum(word not in known for word in said)
    again = sum((Counter(said) - Counter(given)).values()) - new
    return (
        math.log2(1 + len(said)) / 2.0 - 1.0,
        *_overlap(said, known),
        5.0 * _share(sum(not (c.isalnum() or c.isspace()) for c in answer), len(answer), 0.04),
        _share(sum(c.isdigit() for c in answer), len(answer), 0.3),
        5.0 * _share(sum(c in _BRACKETS for c in answer), len(answer), 0.0),
        _share(sum(c.isupper() for c in answer), len(answer), 0.1),
        0.0 if not answer else 0.5 if _NUMBER.fullmatch(answer) else -0.5,
        0.0 if not answer else math.log2(1 + new) / 2.0 - 0.5,
        math.log2(1 + again) / 2.0,
    )


def _overlap(said: list[str], known: set[str]) -> tuple[float, float, float]:
    """Shares: words said that were given, content words given that are said, numbers said that were given."""
    content, figures = known - _COMMON, [word for word in said if word.isdigit()]
    return (
        _share(sum(word in known for word in said), len(said), 0.5),
        _share(len(content & set(said)), len(content), 0.25),
        _share(sum(word in known for word in figures), len(figures), 0.5),
    )


def _agreement(reference: list[str], said: list[str]) -> tuple[float, float, float]:
    """F1 and recall of the reference's words, and whether the response ends with it."""
    if not reference:
        return 0.0, 0.0, 0.0
    common = sum((Counter(reference) & Counter(said)).values())
    return (
        _share(2 * common, len(reference) + len(said), 0.3),
        _share(common, len(reference), 0.5),
        0.5 if said[-len(reference) :] == reference else -0.5,
    )


def _text_of(text: Text, name: str) -> str:
    return " ".join(field.text.removeprefix(f"{name}: ") for field in text.fields if field.name == name)


def _share(part: float, whole: float, middle: float) -> float:
    return part / whole - middle if whole else 0.0


def _words(string: str) -> list[str]:
    return _WORD.findall(string.lower())


def _neighbours(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[i:] for i in range(n)), strict=False))
