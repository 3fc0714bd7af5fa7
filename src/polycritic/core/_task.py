"""What is judged: a task and its scale."""

from __future__ import annotations

import re
from dataclasses import dataclass

from polycritic.core._errors import PolycriticError
from polycritic.core._scale import Scale, Utility


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of judgement.

    Args:
        name: Unique; ``/`` groups tasks into families (``bbh/navigate``, ``helpsteer/verbosity``).
        description: What a good answer is, in words. A critic judges tasks it never saw from this.
        scale: The scale of the task's values.

    >>> Task("bbh/navigate", "Does the path return to its start?").family
    'bbh'
    """

    name: str
    description: str = ""
    scale: Scale = Utility()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise PolycriticError("a task needs a name", found=repr(self.name))

    @property
    def family(self) -> str:
        """What comes before the first ``/`` of the name; the whole name where there is none."""
        return self.name.split("/", 1)[0]


def task_text(task: Task) -> str:
    """What a critic reads of a task: its description, or else its name in words.

    >>> task_text(Task("bbh/word_sorting")), task_text(Task("a", "Sort the words."))
    ('bbh: word sorting', 'Sort the words.')
    """
    if task.description.strip():
        return task.description.strip()
    return ": ".join(re.sub(r"[_\-\s]+", " ", part).strip() for part in task.name.split("/") if part.strip())
