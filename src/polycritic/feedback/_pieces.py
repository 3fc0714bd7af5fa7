"""Files a piece at a time, so that memory does not grow with the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from polycritic.feedback._csv import check_utf8, csv_blocks
from polycritic.feedback._json import once, read_json_piece, table_block
from polycritic.feedback._open import ENDINGS_OF_LINES, open_source
from polycritic.feedback._problem import Faults, FeedbackError, Problem
from polycritic.feedback._source import Block, Line, Source, csv_lines, lines_of, lines_with_text

_PIECE = 1 << 23
"""Bytes of text read at a time."""
_ROWS = 1 << 14
"""Rows of Parquet read at a time, at most: texts that recur are stored once there, and may be long."""


def open_pieces(path: Path, faults: Faults, *, whole: bool = False) -> tuple[Source, Iterator[list[Block]]]:
    """A file in pieces, each of one or more blocks, that are read one after the other when they are asked for.

    JSON lines, CSV, Parquet and Arrow come in pieces; a JSON array, which has no line to stop at, comes whole.

    Args:
        path: The file.
        faults: Where unreadable rows are noted.
        whole: Read all of it at once.

    Raises:
        PolycriticError: The file cannot be read at all; while iterating, too.
    """
    lower = path.name.lower()
    source = Source(str(path), path.name.split(".")[0] or path.name, path)
    if not whole and path.is_file():
        if lower.endswith(ENDINGS_OF_LINES):
            source.count_lines = lines_with_text
            return source, _guarded(source, _of_lines(source, path, faults))
        if lower.endswith(".csv"):
            source.count_lines = csv_lines
            return source, _guarded(source, _of_csv(source, path, faults))
        if lower.endswith((".parquet", ".arrow", ".feather")):
            tables = _of_parquet(source, path) if lower.endswith(".parquet") else _of_arrow(path)
            return source, _guarded(source, _of_tables(source, tables, faults))
    source, blocks = open_source(path, faults)
    return source, iter([blocks])


def _guarded(source: Source, blocks: Iterator[list[Block]]) -> Iterator[list[Block]]:
    try:
        yield from blocks
    except (OSError, pa.ArrowInvalid) as error:
        problem = Problem(source.name, "", "", str(error).split("\n")[0], "a whole, undamaged file")
        raise FeedbackError([problem], 1) from None


def _of_lines(source: Source, path: Path, faults: Faults) -> Iterator[list[Block]]:
    held: list[Line] = []
    size = 0
    for line in lines_of(path):
        held.append(line)
        size += len(line[2]) + 1
        if size >= _PIECE:
            yield read_json_piece(source, held, faults)
            held, size = [], 0
    if held:
        yield read_json_piece(source, held, faults)


def _of_csv(source: Source, path: Path, faults: Faults) -> Iterator[list[Block]]:
    """Rows may span lines, so the heading and a piece's lines are cut where the ``csv`` module ends a row."""
    held: list[bytes] = []
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        for number, offset, line in lines_of(path):
            check_utf8(source, number, offset, line)
            held.append(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            size += len(line) + 1
            yield held[-1].decode() + "\n"

    reader = csv.reader(lines())
    names = next(reader, None)
    if names is None:
        return
    heading, rows = b"\n".join(held), 0
    held.clear()
    for row in reader:
        rows += bool(row)
        if size >= _PIECE and rows:
            yield from _csv_piece(source, heading, held, names, faults)
            held.clear()
            size = rows = 0
    if rows:
        yield from _csv_piece(source, heading, held, names, faults)


def _csv_piece(
    source: Source, heading: bytes, lines: list[bytes], names: list[str], faults: Faults
) -> Iterator[list[Block]]:
    yield csv_blocks(source, pa.BufferReader(b"\n".join([heading, *lines])), names, faults)


def _of_parquet(source: Source, path: Path) -> Iterator[pa.Table]:
    from pyarrow import parquet

    with parquet.ParquetFile(path, buffer_size=1 << 16) as file:
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        size = max(1, sum(group.total_byte_size for group in groups) // max(file.metadata.num_rows, 1))
        names = once(source, file.schema_arrow.names)
        for batch in file.iter_batches(min(_ROWS, max(1, _PIECE // size)), columns=names, use_threads=False):
            yield pa.Table.from_batches([batch])
        if not file.metadata.num_rows:
            yield file.schema_arrow.empty_table().select(names)


def _of_arrow(path: Path) -> Iterator[pa.Table]:
    with pa.OSFile(str(path)) as file:
        try:
            opened = pa.ipc.open_file(file)
            batches = (opened.get_batch(i) for i in range(opened.num_record_batches))
        except pa.ArrowInvalid:
            file.seek(0)
            batches = iter(pa.ipc.open_stream(file))
        for batch in batches:
            count = max(1, -(-batch.nbytes // _PIECE))
            size = max(1, -(-batch.num_rows // count))
            for start in range(0, batch.num_rows, size):
                yield pa.Table.from_batches([batch.slice(start, size)])


def _of_tables(source: Source, tables: Iterator[pa.Table], faults: Faults) -> Iterator[list[Block]]:
    for table in tables:
        yield [table_block(source, table, faults)]
