"""polycritic: one critic, many tasks.

Feedback trains a critic; a critic is a judge; judges give scores; scores make decisions.

The names below are loaded on first use, so importing polycritic costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polycritic.core import Candidate, Comparison, Judge, Ranking, Rating, Scores, Task
    from polycritic.critic import Critic
    from polycritic.decision import best_of_n
    from polycritic.evaluation import evaluate
    from polycritic.feedback import read, write
    from polycritic.training import Recipe, train

__version__ = "0.1.0"

_HOMES = {
    "Candidate": "core",
    "Comparison": "core",
    "Critic": "critic",
    "Judge": "core",
    "Ranking": "core",
    "Rating": "core",
    "Recipe": "training",
    "Scores": "core",
    "Task": "core",
    "best_of_n": "decision",
    "evaluate": "evaluation",
    "read": "feedback",
    "train": "training",
    "write": "feedback",
}

__all__ = [
    "Candidate",
    "Comparison",
    "Critic",
    "Judge",
    "Ranking",
    "Rating",
    "Recipe",
    "Scores",
    "Task",
    "best_of_n",
    "evaluate",
    "read",
    "train",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polycritic' has no attribute {name!r}")
    return getattr(import_module(f"polycritic.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
