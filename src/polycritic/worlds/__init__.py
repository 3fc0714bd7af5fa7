"""Tasks that can always be made: families of problems with exact verifiers, and worlds of numbers with known truth.

``WORLDS`` holds the built-in families by task name; ``make`` turns problems into rows of feedback.
"""

from polycritic.worlds._bags import bags
from polycritic.worlds._cyclic import CyclicWorld, cyclic_world
from polycritic.worlds._listing import WORLDS, find
from polycritic.worlds._noisy import NoisySolver
from polycritic.worlds._numeric import NumericWorld, equal_relation, numeric_world
from polycritic.worlds._problem import Grade, Problem, answer_of
from polycritic.worlds._rows import Mix, make, problems
from polycritic.worlds._world import Slips, World

__all__ = [
    "WORLDS",
    "CyclicWorld",
    "Grade",
    "Mix",
    "NoisySolver",
    "NumericWorld",
    "Problem",
    "Slips",
    "World",
    "answer_of",
    "bags",
    "cyclic_world",
    "equal_relation",
    "find",
    "make",
    "numeric_world",
    "problems",
]
