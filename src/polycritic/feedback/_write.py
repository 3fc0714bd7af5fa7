"""Writing feedback, in the form that :func:`read` reads back equal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from polycritic.core import Feedback, PolycriticError
from polycritic.feedback._records import records_of
from polycritic.feedback._table import FeedbackTable

_AT_ONCE = 10_000
_ENDINGS = ".jsonl, .jsonl.gz, .jsonl.zst, .csv, .parquet, .arrow or .feather"


def write(rows: Sequence[Feedback], path: Path | str) -> None:
    """Write rows of any kind to a file; its name tells the format.

    Ratings of binary tasks become ``label``, others ``rating``; comparisons become ``completion_a``, ``completion_b`` and
    ``preference_a``; fields that are empty are left out. Tasks' scales and descriptions are not written: see
    :func:`polycritic.tasks.write_tasks`.

    **Laws**: ``list(read(path)) == list(rows)``.

    Args:
        rows: What to write.
        path: Where; an older file is replaced.

    Raises:
        PolycriticError: The ending is unknown, or CSV cannot hold the rows (rankings, steps and bags have lists).

    >>> import tempfile
    >>> from polycritic.feedback import read
    >>> rows = read([{"task": "sums", "prompt": "1 + 1", "completion": "2", "label": True}])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(rows, Path(folder) / "rows.jsonl")
    ...     print((Path(folder) / "rows.jsonl").read_text().strip())
    {"task": "sums", "prompt": "1 + 1", "completion": "2", "label": true}
    """
    path = Path(path)
    lower = path.name.lower()
    records = iter(records_of(rows, rows.tasks if isinstance(rows, FeedbackTable) else ()))
    if lower.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst")):
        with pa.output_stream(str(path), compression="detect") as stream:
            while lines := [json.dumps(r, ensure_ascii=False) for r in islice(records, _AT_ONCE)]:
                stream.write(("\n".join(lines) + "\n").encode())
        return
    if not lower.endswith((".csv", ".parquet", ".arrow", ".feather")):
        raise PolycriticError("unknown kind of file", where=str(path), expected=f"a name ending in {_ENDINGS}")
    table = _as_arrow(records)
    if lower.endswith(".parquet"):
        from pyarrow import parquet

        parquet.write_table(table, path, compression="zstd")
    elif lower.endswith(".csv"):
        _write_csv(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)


def _write_csv(table: pa.Table, path: Path) -> None:
    from pyarrow import csv

    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        mend = "Write .jsonl or .parquet, or choose ratings and comparisons without steps"
        raise PolycriticError("CSV holds no lists", where=str(path), found=", ".join(nested), mend=mend)
    csv.write_csv(table, path)


_TEXT, _TEXTS, _NUMBER = pa.string(), pa.list_(pa.string()), pa.float64()
_OWN = dict.fromkeys(("prompt", "response", "instruction", "rubric", "reference", "context", "model"), _TEXT)
_TYPES: dict[str, pa.DataType] = {
    "task": _TEXT,
    **dict.fromkeys(("prompt", "completion", "completion_a", "completion_b", "prompt_b"), _TEXT),
    **{n: _TEXT for name in ("instruction", "rubric", "reference", "context") for n in (name, f"{name}_b")},
    **dict.fromkeys(("model", "model_a", "model_b", "annotator", "group"), _TEXT),
    **dict.fromkeys(("completions", "models", "steps", "steps_b"), _TEXTS),
    **dict.fromkeys(("rating", "preference_a", "margin", "bag_rating", "weight"), _NUMBER),
    "label": pa.bool_(),
    "labels": pa.list_(_NUMBER),
    "ranks": pa.list_(pa.int64()),
    "candidates": pa.list_(pa.struct({**_OWN, "steps": _TEXTS})),
}


def _as_arrow(records: Iterator[dict[str, Any]]) -> pa.Table:
    """Records as one table, without the columns that nobody uses."""
    schema = pa.schema(_TYPES)
    pieces = []
    while some := list(islice(records, _AT_ONCE)):
        pieces.append(pa.Table.from_pylist(some, schema=schema))
    table = pa.concat_tables(pieces) if pieces else schema.empty_table()
    return table.select([name for name in table.column_names if table.column(name).null_count < table.num_rows])
