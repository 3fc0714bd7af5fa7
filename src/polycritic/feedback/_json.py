"""JSON rows: the fast way through Arrow, and the careful way, line by line, for files that Arrow refuses.

Arrow infers one type for each column of a file. Files in which a column has several types (``true`` among texts, numbers
among lists of numbers) are read row by row, and rows of like types become one block. Malformed lines are noted with
their line.
"""

from __future__ import annotations

import json
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from polycritic.core import IntArray
from polycritic.feedback._columns import known
from polycritic.feedback._problem import Faults, FeedbackError, Problem, shown
from polycritic.feedback._source import Block, Line, Source, lines_of

_BLOCK_BYTES = (1 << 22, 1 << 27, (1 << 31) - 1)
_ROWS_AT_ONCE = 20_000
_REFUSED = (pa.ArrowException, TypeError, ValueError, OverflowError)


def read_json_lines(source: Source, path: Path, faults: Faults) -> list[Block]:
    """Read a file with one JSON object a line.

    Raises:
        OSError: The file is damaged.
    """
    return _blocks(source, lambda: path, lambda: lines_of(path), faults)


def read_json_piece(source: Source, lines: Sequence[Line], faults: Faults) -> list[Block]:
    """Read some lines of a file, those that follow what was read of it before."""
    text = b"\n".join(line for _, _, line in lines)
    return _blocks(source, lambda: pa.BufferReader(text), lambda: iter(lines), faults)


def _blocks(
    source: Source, opened: Callable[[], object], lines: Callable[[], Iterator[Line]], faults: Faults
) -> list[Block]:
    try:
        table = _read_by_arrow(opened)
        table.validate(full=True)
    except pa.ArrowInvalid:
        return blocks_of_rows(source, _parsed(source, lines(), faults), faults)
    source.records += table.num_rows
    return [Block(table, np.arange(source.records - table.num_rows, source.records))]


def _read_by_arrow(opened: Callable[[], object]) -> pa.Table:
    for size in _BLOCK_BYTES:
        options = arrow_json.ReadOptions(block_size=size)
        try:
            table = arrow_json.read_json(opened(), read_options=options)
        except pa.ArrowInvalid as error:
            if "straddl" in str(error) and size != _BLOCK_BYTES[-1]:
                continue
            raise
        names = [name for name in table.column_names if known(name)]
        # Arrow takes texts that all look like dates for dates.
        texts = {name: _as_text(table.schema.field(name).type) for name in names}
        if any(table.schema.field(name).type != kind for name, kind in texts.items()):
            schema = pa.schema(texts.items())
            parse = arrow_json.ParseOptions(schema)
            table = arrow_json.read_json(opened(), read_options=options, parse_options=parse)
        return table.select(names)
    raise AssertionError("the last size raises")


def _as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_as_text(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(child.name, _as_text(child.type)) for child in kind])
    return kind


def _parsed(source: Source, lines: Iterator[Line], faults: Faults) -> Iterator[tuple[int, object]]:
    """Each line that holds something, parsed; what cannot be parsed is noted."""
    record = source.records - 1
    for number, offset, line in lines:
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        record += 1
        try:
            yield record, json.loads(line.decode(), object_pairs_hook=_object)
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at byte {offset + error.start}"
            faults.add(source, record, "", found, "text in UTF-8")
        except json.JSONDecodeError as error:
            faults.add(source, record, "", f"{error.msg} at character {error.colno}", "one JSON object")
        except _TwiceError as error:
            faults.add(source, record, str(error), "the column twice", "each column once")
    source.records = record + 1


class _TwiceError(Exception):
    pass


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def blocks_of_rows(source: Source, rows: Iterable[tuple[int, object]], faults: Faults) -> list[Block]:
    """Python rows as Arrow: rows whose columns can share types share a block."""
    groups: list[_Group] = []
    seen: dict[str, _Group] = {}
    for record, row in rows:
        source.records = max(source.records, record + 1)
        if not isinstance(row, Mapping):
            faults.add(source, record, "", shown(row), "a row: an object with columns")
            continue
        kept = {str(name): _plain(value) for name, value in row.items() if value is not None and known(str(name))}
        kind = kind_of(kept)
        group = seen.get(repr(kind))
        if group is None:
            group = next((g for g in groups if merged(g.kind, kind) is not None), None)
            if group is None:
                groups.append(group := _Group(source, faults, kind))
            group.kind = merged(group.kind, kind)
            seen[repr(kind)] = group
        group.add(record, kept)
    return [group.block() for group in groups]


class _Group:
    """Rows that one Arrow table can hold; they become Arrow by the thousand."""

    def __init__(self, source: Source, faults: Faults, kind: Shape) -> None:
        self.source, self.faults, self.kind = source, faults, kind
        self._records: list[int] = []
        self._rows: list[dict[str, object]] = []
        self._tables: list[pa.Table] = []
        self._done: list[IntArray] = []

    def add(self, record: int, row: dict[str, object]) -> None:
        self._records.append(record)
        self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def block(self) -> Block:
        self._flush()
        return Block(pa.concat_tables(self._tables, promote_options="permissive"), np.concatenate(self._done))

    def _flush(self) -> None:
        names = {name: None for row in self._rows for name in row}
        columns: dict[str, pa.Array] = {}
        bad: set[int] = set()
        for name in names:
            values = [row.get(name) for row in self._rows]
            try:
                columns[name] = pa.array(values)
            except _REFUSED:
                columns[name] = _one_by_one(self.source, self._records, name, values, self.faults, bad)
        table = pa.table(columns) if columns else pa.table({"task": pa.nulls(len(self._rows))})
        records = np.array(self._records, dtype=np.int64)
        if bad:
            keep = np.array([i for i in range(len(self._rows)) if i not in bad], dtype=np.int64)
            table, records = table.take(pa.array(keep)), records[keep]
        self._tables.append(table)
        self._done.append(records)
        self._records, self._rows = [], []


def _one_by_one(
    source: Source, records: list[int], name: str, values: list[object], faults: Faults, bad: set[int]
) -> pa.Array:
    good: list[object] = []
    for i, value in enumerate(values):
        try:
            pa.array([value])
            good.append(value)
        except _REFUSED as error:
            reason = "broken text" if isinstance(error, UnicodeEncodeError) else shown(value)
            faults.add(source, records[i], name, reason, "a text, a number, or a list of one of them")
            bad.add(i)
            good.append(None)
    return pa.array(good)


def _plain(value: Any) -> Any:
    """NumPy's values and tuples as Python's own; dicts without their empty fields."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return value


# The types in a value: a word, None where nothing is known yet, a dict for an object, a one-entry list for a list.
Shape = str | None | dict[str, "Shape"] | list["Shape"]


def kind_of(value: object) -> Shape:
    """The types in a value.

    >>> kind_of({"label": True, "scores": [1, 2.5]})
    {'label': 'truth', 'scores': ['number']}
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, numbers.Real):
        return "number"
    if isinstance(value, list):
        inside: Shape = None
        for entry in value:
            kind = kind_of(entry)
            both = merged(inside, kind)
            inside = "mixture" if both is None and kind is not None else both
        return [inside]
    if isinstance(value, dict):
        return {name: kind_of(entry) for name, entry in value.items()}
    return type(value).__name__


def merged(first: Shape, second: Shape) -> Shape:
    """The types of a column that holds both, or None where no column can.

    >>> merged({"a": "text"}, {"b": "number"})
    {'a': 'text', 'b': 'number'}
    >>> merged("text", "truth") is None
    True
    """
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, list) and isinstance(second, list):
        inside = merged(first[0], second[0])
        return None if inside is None and (first[0], second[0]) != (None, None) else [inside]
    if isinstance(first, dict) and isinstance(second, dict):
        both = {name: merged(first.get(name), second.get(name)) for name in {**first, **second}}
        clash = any(kind is None and (first.get(name), second.get(name)) != (None, None) for name, kind in both.items())
        return None if clash else both
    return first if first == second else None


def table_block(source: Source, table: pa.Table, faults: Faults) -> Block:
    """The rows of a table, which follow what was read of its source before: the columns that mean something, sound texts.

    Raises:
        FeedbackError: It has a column twice.
    """
    start = source.records
    source.records += table.num_rows
    return valid_rows(
        source, Block(table.select(once(source, table.column_names)), np.arange(start, source.records)), faults
    )


def once(source: Source, names: Sequence[str]) -> list[str]:
    """The names that mean something.

    Raises:
        FeedbackError: One of them stands there twice.
    """
    kept = [name for name in names if known(name)]
    for name in kept:
        if kept.count(name) > 1:
            raise FeedbackError([Problem(source.name, "", name, "the column twice", "each column once")], 1)
    return kept


def valid_rows(source: Source, block: Block, faults: Faults) -> Block:
    """A block without the rows whose texts are not UTF-8; they are noted."""
    try:
        block.table.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return block
    bad: set[int] = set()
    for name in block.table.column_names:
        column = block.table.column(name)
        for row in range(len(column)):
            try:
                column[row].as_py()
            except UnicodeDecodeError as error:
                found = f"byte 0x{error.object[error.start]:02x} at byte {error.start} of the text"
                faults.add(source, int(block.records[row]), name, found, "text in UTF-8")
                bad.add(row)
    keep = np.array([i for i in range(len(block.records)) if i not in bad], dtype=np.int64)
    return Block(block.table.take(keep), block.records[keep])
