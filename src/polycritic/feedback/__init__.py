"""Rows in: feedback of every kind read, checked, kept in Arrow, split and written.

The kind of a row is told by the columns that it has itself:

================ ================================================================================================
kind             columns
================ ================================================================================================
rating           ``prompt, completion`` and ``label`` (true or false), ``rating``, ``score``, ``ratings {attribute: number
                 or list of numbers}``, ``ratings.<attribute>``, or HelpSteer's attributes
ratings          ``prompt``, ``answers`` or ``docs``, and ``labels`` or ``scores``; UltraFeedback's ``completions``
comparison       ``prompt, chosen, rejected`` with ``margin`` or ``tie`` at will; or ``prompt, completion_a,
                 completion_b`` and one of ``preference_a`` (0..1 for the first), ``preference_b`` (0..1 for the second,
                 or 1..2 where any value is above 1), ``votes`` (0 tie, 1 first, 2 second), ``winner``,
                 ``preference_strength`` (-3..3, negative: the first is better), ``preference`` (1 first, 2 second)
ranking          ``prompt, completions`` and ``ranks`` (lowest is best) or ``pair_preferences`` (0 tie, 1 first, 2
                 second; pairs in the order (0, 1), (0, 2), ..., (1, 2), ...); ``chosen`` and ``rejected`` as lists
step ratings     ``prompt, completions`` (the steps) and ``labels``
bag              ``bag, prompt, completion`` and one ``bag_rating`` a bag
================ ================================================================================================

Everywhere at will: ``task`` (else the file's name), ``instruction``, ``rubric``, ``reference``, ``context``,
``annotator``, ``model`` (``model_a, model_b``), ``weight``, ``group``. A prompt or response may be text or chat messages.
Other names that the ecosystem writes (``query``, ``response``, ``response_1``, ...) are understood too.
"""

from polycritic.feedback._from_rows import table, task_index_of
from polycritic.feedback._part import Kind
from polycritic.feedback._problem import FeedbackError, Problem
from polycritic.feedback._read import read
from polycritic.feedback._report import DataReport, Leaks, Lengths, TaskReport, check, leaks
from polycritic.feedback._scales import infer_scale
from polycritic.feedback._split import Split, hash_percent, split_by_family, split_by_prompt, split_by_task
from polycritic.feedback._stream import FeedbackStream, stream
from polycritic.feedback._table import FeedbackTable, concatenate
from polycritic.feedback._write import write

__all__ = [
    "DataReport",
    "FeedbackError",
    "FeedbackStream",
    "FeedbackTable",
    "Kind",
    "Leaks",
    "Lengths",
    "Problem",
    "Split",
    "TaskReport",
    "check",
    "concatenate",
    "hash_percent",
    "infer_scale",
    "leaks",
    "read",
    "split_by_family",
    "split_by_prompt",
    "split_by_task",
    "stream",
    "table",
    "task_index_of",
    "write",
]
