"""From files, tables and lists to Arrow blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from polycritic.core import PolycriticError
from polycritic.feedback._csv import read_csv
from polycritic.feedback._json import blocks_of_rows, once, read_json_lines, table_block
from polycritic.feedback._problem import Faults, FeedbackError, Problem
from polycritic.feedback._source import Block, Source, csv_lines, lines_with_text

_PIECE = 1 << 30
_ENDINGS = ".jsonl, .jsonl.gz, .jsonl.zst, .json, .csv, .parquet, .arrow or .feather"
ENDINGS_OF_LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz", ".json.zst", ".ndjson")


def open_source(thing: object, faults: Faults) -> tuple[Source, list[Block]]:
    """Read one source into Arrow blocks, with only the columns that mean something.

    Args:
        thing: A path, a ``pyarrow.Table``, a Hugging Face ``Dataset``, any object with an Arrow stream, or rows as dicts.
        faults: Where unreadable rows are noted.

    Raises:
        PolycriticError: The source cannot be read at all.
    """
    if isinstance(thing, str | Path):
        return _open_path(Path(thing), str(thing), faults)
    source = Source("rows", "feedback")
    if isinstance(thing, Mapping):
        raise PolycriticError("not a source of rows", found=type(thing).__name__, mend="Choose one of its splits")
    table = _as_table(thing)
    if table is not None:
        source.name = "table"
        return source, _cut([table_block(source, table, faults)])
    if not isinstance(thing, Iterable):
        expected = f"a path ({_ENDINGS}), an Arrow table, a Dataset, or a list of dicts"
        raise PolycriticError("not a source of rows", found=type(thing).__name__, expected=expected)
    return source, blocks_of_rows(source, enumerate(thing), faults)


def _as_table(thing: Any) -> pa.Table | None:
    if isinstance(thing, pa.Table):
        return thing
    if isinstance(thing, pa.RecordBatch):
        return pa.Table.from_batches([thing])
    if hasattr(thing, "with_format") and hasattr(thing, "num_rows"):  # a Dataset, with its selection applied
        return thing.with_format("arrow")[:]
    if hasattr(thing, "__arrow_c_stream__"):
        return pa.table(thing)
    return None


def _open_path(path: Path, name: str, faults: Faults) -> tuple[Source, list[Block]]:
    if not path.is_file():
        raise PolycriticError("no such file", where=name, mend="" if not path.is_dir() else "It is a folder")
    lower = path.name.lower()
    source = Source(name, path.name.split(".")[0] or path.name, path)
    try:
        if lower.endswith(ENDINGS_OF_LINES):
            source.count_lines = lines_with_text
            return source, _cut(read_json_lines(source, path, faults))
        if lower.endswith(".json"):
            return source, _cut(_read_json(source, path, faults))
        if lower.endswith(".csv"):
            source.count_lines = csv_lines
            return source, _cut(read_csv(source, path, faults))
        if lower.endswith((".parquet", ".arrow", ".feather")):
            return source, _cut([table_block(source, _read_binary(source, path), faults)])
    except (OSError, pa.ArrowInvalid) as error:
        problem = Problem(name, "", "", str(error).split("\n")[0], "a whole, undamaged file")
        raise FeedbackError([problem], 1) from None
    raise PolycriticError("unknown kind of file", where=name, expected=f"a name ending in {_ENDINGS}")


def _read_json(source: Source, path: Path, faults: Faults) -> list[Block]:
    text = path.read_bytes()
    if not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        source.count_lines = lines_with_text
        return read_json_lines(source, path, faults)
    try:
        rows = json.loads(text)
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02x} at byte {error.start}"
        raise FeedbackError([Problem(source.name, "", "", found, "text in UTF-8")], 1) from None
    except json.JSONDecodeError as error:
        where = f"{source.name}:{error.lineno}"
        raise FeedbackError([Problem(where, "", "", error.msg, "a JSON array of rows")], 1) from None
    return blocks_of_rows(source, enumerate(rows), faults)


def _read_binary(source: Source, path: Path) -> pa.Table:
    if path.name.lower().endswith(".parquet"):
        from pyarrow import parquet

        once(source, parquet.read_schema(path).names)
        return parquet.read_table(path)
    mapped = pa.memory_map(str(path))
    try:
        return pa.ipc.open_file(mapped).read_all()
    except pa.ArrowInvalid:
        mapped.seek(0)
        return pa.ipc.open_stream(mapped).read_all()


def _cut(blocks: list[Block]) -> list[Block]:
    """Blocks of about a gigabyte at most, so that a column fits one Arrow array; bags stay whole."""
    cut = []
    for block in blocks:
        count = 1 if "bag" in block.table.column_names else -(-max(block.table.nbytes, 1) // _PIECE)
        size = -(-max(block.table.num_rows, 1) // count)
        starts = range(0, max(block.table.num_rows, 1), size)
        cut += [Block(block.table.slice(i, size), block.records[i : i + size]) for i in starts]
    return cut
