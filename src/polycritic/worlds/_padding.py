from __future__ import annotations

from random import Random

from polycritic.worlds._problem import Steps

_FILLERS = (
    "Let me think about this carefully.",
    "That is a good question.",
    "Thank you for asking!",
    "There are many ways to look at this, but I will try to be helpful.",
    "I have gone over it twice to be on the safe side.",
    "It is worth taking one's time here.",
    "First of all, let us see what is being asked.",
    "I hope the following is of use to you.",
    "Questions of this kind come up often.",
    "I will now give my answer.",
    "As we all know, details matter.",
    "Having considered everything, I feel ready to reply.",
    "Sure, I can help with that.",
    "Here is what I found.",
)

_ASIDES = (
    "7", "42", "365", "1066", "no", "yes", "blue", "Paris", "Tuesday", "a pinch of salt", "north by northwest",
    "on the top shelf", "about half a cup", "Wolfgang Amadeus Mozart", "the second door on the left",
    "It rains mostly in autumn.", "Cats sleep most of the day.", "The shop closes at six on Sundays.",
    "Bread rises because yeast makes gas.", "My favourite season is spring, for the light.",
    "You can take the tram from the station to the old harbour.",
    "Chess was played in India long before it came to Europe.",
    "Water the plant twice a week and keep it away from the window.",
)  # fmt: skip


def padded(steps: Steps, rng: Random) -> Steps:
    """The same response behind one to three sentences that say nothing; it is as right as it was.

    >>> padded(("12",), Random(1))
    ('I will now give my answer.\\nAnswer: 12',)
    """
    lead = " ".join(rng.sample(_FILLERS, rng.randint(1, 3))) + "\n"
    if len(steps) > 1:
        return (lead + steps[0], *steps[1:])
    answer = "".join(steps)
    return (lead + ("Answer:\n" if "\n" in answer else "Answer: ") + answer,)


def off_topic(steps: Steps, rng: Random) -> str:
    """An answer to some other question, about as long as the given response.

    >>> off_topic(("green",), Random(0))
    'Tuesday'
    """
    length = sum(map(len, steps))
    parts: list[str] = []
    while (left := length - sum(len(part) + 1 for part in parts)) > 0:
        parts.append(min(rng.sample(_ASIDES, 6), key=lambda aside: abs(len(aside) - left)))
    return " ".join(parts)
