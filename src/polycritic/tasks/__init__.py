"""Sets of tasks: read from TOML, written, grouped into families, chosen by name."""

from polycritic.tasks._select import families, select
from polycritic.tasks._toml import read_tasks, write_tasks

__all__ = ["families", "read_tasks", "select", "write_tasks"]
