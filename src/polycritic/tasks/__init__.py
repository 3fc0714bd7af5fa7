"""Sets of tasks: read from TOML, written, grouped into families, chosen by name; and a candidate written down for a task."""

from polycritic.tasks._select import families, select
from polycritic.tasks._text import Field, Fitted, Text, encode_within, fit, render, shortened, whole
from polycritic.tasks._toml import read_tasks, stated_scales, write_tasks

__all__ = [
    "Field",
    "Fitted",
    "Text",
    "encode_within",
    "families",
    "fit",
    "read_tasks",
    "render",
    "select",
    "shortened",
    "stated_scales",
    "whole",
    "write_tasks",
]
