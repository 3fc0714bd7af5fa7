"""What is judged: one response to one prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response to a prompt, with what a judge may read beside it.

    Args:
        prompt: The question, request or input.
        response: The answer to judge.
        steps: The response cut into steps, where steps are judged; joined they are the response.
        instruction: How this prompt is to be answered, where that differs from the task's description.
        rubric: What the judge should look for in this one answer.
        reference: A good answer.
        context: Material the answer should rest on.
        model: Who wrote the response. Judges never read it; leaderboards do.

    >>> Candidate("2 + 2 = ?", "4")
    Candidate(prompt='2 + 2 = ?', response='4')
    """

    prompt: str
    response: str
    steps: tuple[str, ...] = ()
    instruction: str = ""
    rubric: str = ""
    reference: str = ""
    context: str = ""
    model: str = ""

    def __repr__(self) -> str:
        parts = (
            f"{name}={_short(getattr(self, name))}" for name in self.__slots__ if getattr(self, name) or name in _ALWAYS
        )
        return f"Candidate({', '.join(parts)})"


_ALWAYS = ("prompt", "response")


def _short(value: str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return f"<{len(value)} steps>"
    return repr(value if len(value) <= 40 else value[:37] + "...")
