"""The words everybody speaks: tasks, scales, candidates, rows of feedback, scores, and the protocols between rooms."""

from polycritic.core._candidate import Candidate
from polycritic.core._errors import PolycriticError, UnknownNameError, lookup
from polycritic.core._estimate import Estimate
from polycritic.core._feedback import (
    BagRating,
    Comparison,
    Feedback,
    Ranking,
    Rating,
    StepRatings,
    candidates_of,
    group_of,
)
from polycritic.core._progress import Progress
from polycritic.core._protocols import Comparer, Generator, Judge
from polycritic.core._scale import (
    Binary,
    Interval,
    Levels,
    Scale,
    Utility,
    bounds,
    level_values,
    on_scale,
    scale_from_dict,
    scale_text,
    scale_to_dict,
)
from polycritic.core._scores import BoolArray, FloatArray, IntArray, Scores, concatenate
from polycritic.core._task import Task, task_text

__all__ = [
    "BagRating",
    "Binary",
    "BoolArray",
    "Candidate",
    "Comparer",
    "Comparison",
    "Estimate",
    "Feedback",
    "FloatArray",
    "Generator",
    "IntArray",
    "Interval",
    "Judge",
    "Levels",
    "PolycriticError",
    "Progress",
    "Ranking",
    "Rating",
    "Scale",
    "Scores",
    "StepRatings",
    "Task",
    "UnknownNameError",
    "Utility",
    "bounds",
    "candidates_of",
    "concatenate",
    "group_of",
    "level_values",
    "lookup",
    "on_scale",
    "scale_from_dict",
    "scale_text",
    "scale_to_dict",
    "task_text",
]
