"""CSV: texts as they are written, and numbers, truth values and lists beside them."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from polycritic.core import IntArray
from polycritic.feedback._columns import known
from polycritic.feedback._json import blocks_of_rows, once, valid_rows
from polycritic.feedback._problem import Faults, FeedbackError, Problem
from polycritic.feedback._source import Block, Source, lines_of

_WORDS = {"true": True, "false": False, "nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_NOTHING = ("NA", "N/A", "NULL", "null", "None")  # of numbers; a text may say so


def read_csv(source: Source, path: Path, faults: Faults) -> list[Block]:
    """Read a file under a heading.

    Raises:
        FeedbackError: It is not UTF-8, or has a column twice.
    """
    for number, offset, line in lines_of(path):
        check_utf8(source, number, offset, line)
    if not path.stat().st_size:
        return []
    with path.open(newline="", encoding="utf-8-sig") as file:
        names = next(csv.reader(file), [])
    return csv_blocks(source, path, names, faults)


def check_utf8(source: Source, number: int, offset: int, line: bytes) -> None:
    """Refuse a line of a CSV file that is no text: where the next row begins cannot be told.

    Raises:
        FeedbackError: It is not UTF-8.
    """
    try:
        line.decode()
    except UnicodeDecodeError as error:
        found = f"byte 0x{line[error.start]:02x} at byte {offset + error.start}"
        raise FeedbackError([Problem(f"{source.name}:{number}", "", "", found, "text in UTF-8")], 1) from None


def csv_blocks(source: Source, file: object, names: list[str], faults: Faults) -> list[Block]:
    """Rows under a heading, which follow what was read of their source before.

    A text is what is written; nothing between two commas is no text. Where a column of judgements holds more than numbers
    or truth values, each of its cells is read as JSON: numbers, lists, objects.

    Args:
        source: Where they come from.
        file: A path, or an Arrow stream.
        names: The heading.
        faults: Rows with too many or too few columns are noted here.

    Raises:
        FeedbackError: A column stands there twice.
    """
    kept = once(source, names)
    texts = [name for name in kept if known(name, text=True)]
    table, records = _table(source, file, kept, texts, faults)
    mixed = [name for name in kept if name not in texts and pa.types.is_string(table.schema.field(name).type)]
    if mixed:
        return blocks_of_rows(source, _read_cells(table, records, mixed), faults)
    return [valid_rows(source, Block(table, records), faults)]


def _table(
    source: Source, file: object, kept: list[str], texts: list[str], faults: Faults
) -> tuple[pa.Table, IntArray]:
    from pyarrow import csv as arrow_csv

    bad: list[int] = []
    start = source.records

    def note(row: Any) -> str:
        bad.append(row.number)
        columns = f"{row.expected_columns} columns"
        faults.add(source, start + row.number - 2, "", f"{row.actual_columns}", columns)
        return "skip"

    table = arrow_csv.read_csv(
        file,
        arrow_csv.ReadOptions(use_threads=False),
        arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(texts, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    count = table.num_rows + len(bad)
    source.records = start + count
    return table.select(kept), start + np.setdiff1d(np.arange(count), np.array(bad, dtype=np.int64) - 2)


def _read_cells(table: pa.Table, records: IntArray, mixed: list[str]) -> Iterator[tuple[int, dict[str, object]]]:
    """Each row with its record, the cells of some columns read as JSON."""
    for record, row in zip(records.tolist(), table.to_pylist(), strict=True):
        yield record, {name: _cell(value) if name in mixed else value for name, value in row.items()}


def _cell(written: Any) -> object:
    """What a cell says.

    >>> [_cell(text) for text in ("True", "3", "[1, 2]", "maybe", "NA")]
    [True, 3, [1, 2], 'maybe', None]
    """
    if written is None or written.strip() in _NOTHING:
        return None
    if written.strip().lower() in _WORDS:
        return _WORDS[written.strip().lower()]
    try:
        return json.loads(written)
    except ValueError:
        return written
