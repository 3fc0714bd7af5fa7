"""Names to integer codes, fast for a million of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from polycritic.core import IntArray, PolycriticError

if TYPE_CHECKING:
    from collections.abc import Sequence

Names = Any
"""Names as a list, a NumPy array of strings, objects or integers, or an Arrow array."""


def encode(columns: Sequence[Names], where: str) -> tuple[list[IntArray], tuple[str, ...]]:
    """Codes of several columns of names over one sorted list of distinct names.

    Raises:
        PolycriticError: A name is missing or empty; all such rows are counted.

    >>> codes, names = encode([["b", "a"], ["c", "a"]], "systems")
    >>> [c.tolist() for c in codes], names
    ([[1, 0], [2, 0]], ('a', 'b', 'c'))
    """
    parts = [_dictionary(column, where) for column in columns]
    names = sorted(set().union(*(labels for _, labels in parts)), key=_order)
    place = {name: i for i, name in enumerate(names)}
    codes = []
    for index, labels in parts:
        table = np.array([place[label] for label in labels], dtype=np.int64)
        codes.append(table[index] if len(index) else np.zeros(0, dtype=np.int64))
    return codes, tuple(str(name) for name in names)


def _order(name: str | int) -> tuple[int, int | str]:
    return (0, name) if isinstance(name, int) else (1, name)


def _dictionary(column: Names, where: str) -> tuple[IntArray, list[Any]]:
    if not isinstance(column, (pa.Array, pa.ChunkedArray)):
        array = np.asarray(column)
        if array.dtype.kind in "iu":
            labels, index = np.unique(array, return_inverse=True)
            return index.astype(np.int64), labels.tolist()
        if len(array) == 0:
            return np.zeros(0, dtype=np.int64), []
        if array.dtype.kind == "U":
            return _fixed_width(array, where)
        try:
            column = pa.array(array, type=pa.string())
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise PolycriticError("bad names", where=where, found=str(error), expected="strings or integers") from None
    if pa.types.is_integer(column.type):
        return _dictionary(column.to_numpy(), where)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    index = np.asarray(column.indices.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
    return _named(index, column.dictionary.to_pylist(), column.null_count, where)


def _fixed_width(array: Any, where: str) -> tuple[IntArray, list[Any]]:
    """NumPy's strings all have one width, so Arrow can read them in place as blocks of bytes."""
    array = np.ascontiguousarray(array)
    blocks = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(array.itemsize), len(array), [None, pa.py_buffer(array.view(np.uint8))]
    ).dictionary_encode()
    labels = [np.frombuffer(block, dtype=array.dtype)[0].item() for block in blocks.dictionary.to_pylist()]
    return _named(np.asarray(blocks.indices.to_numpy(), dtype=np.int64), labels, 0, where)


def _named(index: IntArray, labels: list[Any], nameless: int, where: str) -> tuple[IntArray, list[Any]]:
    if "" in labels:
        nameless += int((index == labels.index("")).sum())
    if nameless:
        raise PolycriticError(
            "rows without a name",
            where=where,
            found=f"{nameless} of {len(index)}",
            expected="every row to name its systems and item",
        )
    return index, labels
