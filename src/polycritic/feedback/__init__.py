"""Rows in: feedback of every kind read, checked, kept in Arrow, split and written."""

from polycritic.feedback._from_rows import table, task_index_of
from polycritic.feedback._part import Kind
from polycritic.feedback._problem import FeedbackError, Problem
from polycritic.feedback._read import read
from polycritic.feedback._report import DataReport, Leaks, Lengths, TaskReport, check
from polycritic.feedback._scales import infer_scale
from polycritic.feedback._split import Split, hash_percent, split_by_family, split_by_prompt, split_by_task
from polycritic.feedback._table import FeedbackTable, concatenate
from polycritic.feedback._write import write

__all__ = [
    "DataReport",
    "FeedbackError",
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
    "read",
    "split_by_family",
    "split_by_prompt",
    "split_by_task",
    "table",
    "task_index_of",
    "write",
]
