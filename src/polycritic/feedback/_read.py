"""Reading feedback: many sources, all kinds of rows, one table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.core import IntArray, PolycriticError, Task
from polycritic.feedback._open import open_source
from polycritic.feedback._part import Part
from polycritic.feedback._problem import Faults, FeedbackError, Problem
from polycritic.feedback._rows import Remarks, Rows, as_floats, is_number
from polycritic.feedback._scales import Values, add_values, stated_or_inferred
from polycritic.feedback._shapes import compile_rows
from polycritic.feedback._source import Block, Source
from polycritic.feedback._table import FeedbackTable, off_scale
from polycritic.feedback._votes import one_vote_a_row
from polycritic.tasks import read_tasks, stated_scales

_TWO_CODES = ("preference_b",)


def read(
    *sources: object,
    tasks: Sequence[Task] | Path | str | None = None,
    skip_bad_rows: bool = False,
    each_vote: bool = False,
) -> FeedbackTable:
    """Read feedback of any kind from any number of sources.

    The kind of a row is told by its own columns; see the documentation for all that is understood. Rows keep the
    order of the sources. Scales that ``tasks`` does not state are inferred from all values of a task (``.inferred``
    says how); a task whose rows all bear one instruction is described by it.

    What judges were shown is kept: an empty response, or a text compared with itself, stands where somebody judged it
    (``.remarks`` counts them). It is a bad row where nobody did: in ``chosen`` and ``rejected`` without ``tie``, or as an
    empty response that is called right. Duplicates are kept; :func:`check` counts them.

    Args:
        sources: Paths (``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst``, ``.json``, ``.csv``, ``.parquet``, ``.arrow``,
            ``.feather``), Arrow tables, Hugging Face datasets, or lists of dicts.
        tasks: Tasks with their scales and descriptions, or a TOML file of them, in which a scale that is left out is inferred.
        skip_bad_rows: Go on without bad rows; ``.skipped`` of the result holds them.
        each_vote: Make one row of each vote where a row lists several (``votes``, or lists in ``ratings``), with its annotator's
            name: that in the list ``annotators``, else the vote's place (``annotator 1``). Otherwise lists count as their mean.

    Raises:
        FeedbackError: Some rows are bad; it names all of them.
        PolycriticError: A source cannot be read, or two sources use different scales for one task.

    >>> rows = read([{"task": "sums", "prompt": "1 + 1", "chosen": "2", "rejected": "3"}])
    >>> rows[0].first.response, rows[0].preference
    ('2', 1.0)
    >>> read([{"task": "sums", "prompt": "1 + 1", "chosen": "2"}])
    Traceback (most recent call last):
    polycritic.feedback._problem.FeedbackError: 1 bad row
      rows: row 1: task 'sums': expected the column rejected, found only task, prompt, chosen
    Mend the rows, or skip them with skip_bad_rows (--skip-bad-rows)
    """
    if not sources:
        raise PolycriticError("nothing to read", expected="one or more files, tables or lists of rows")
    stated, only_described = stated_tasks(tasks)
    faults, remarks = Faults(), Remarks()
    parts: list[Part] = []
    opened: list[Source] = []
    for thing in sources:
        source, blocks = open_source(thing, faults)
        opened.append(source)
        highest = highest_of(blocks)
        for block in (one_vote_a_row(block) for block in blocks) if each_vote else blocks:
            parts += compile_rows(rows_of(source, block, faults, remarks, highest))
    note_off_scale(parts, stated, faults)
    problems = faults.problems(opened)
    if problems and not skip_bad_rows:
        mend = "Mend the rows, or skip them with skip_bad_rows (--skip-bad-rows)"
        raise FeedbackError(problems, faults.count, mend)
    return assemble([sound(part, faults) for part in parts], stated, only_described, remarks.said(), problems)


def stated_tasks(tasks: Sequence[Task] | Path | str | None) -> tuple[dict[str, Task], frozenset[str]]:
    """The tasks that were given, by name, and those whose scale was left out."""
    if isinstance(tasks, str | Path):
        given, scaled = read_tasks(tasks), stated_scales(tasks)
        return {task.name: task for task in given}, frozenset(task.name for task in given) - scaled
    return {task.name: task for task in tasks or ()}, frozenset()


def note_off_scale(parts: Sequence[Part], stated: Mapping[str, Task], faults: Faults) -> None:
    """Note the values that lie off a scale that was stated."""
    for part in parts:
        for row, name, value, expected in off_scale(part, stated):
            faults.add(part.source, int(part.records[row]), part.written, f"{value:g}", expected, task=name)


def sound(part: Part, faults: Faults) -> Part:
    """A part without the rows that are bad."""
    bad = faults.records(part.source)
    return part.take(np.flatnonzero(~np.isin(part.records, bad))) if len(bad) else part


def highest_of(blocks: Sequence[Block]) -> dict[str, float]:
    """For columns with two codes, the highest value in some blocks."""
    return {name: _highest(blocks, name) for name in _TWO_CODES}


def _highest(blocks: Sequence[Block], name: str) -> float:
    """The highest finite number of a column in a whole source; 0 where there is none."""
    highest = 0.0
    for block in blocks:
        if name in block.table.column_names and is_number(block.table.column(name).type):
            values = as_floats(block.table.column(name))
            highest = max(highest, float(values[np.isfinite(values)].max(initial=0.0)))
    return highest


def rows_of(
    source: Source,
    block: Block,
    faults: Faults,
    remarks: Remarks,
    highest: Mapping[str, float],
    *,
    unjudged: bool = False,
) -> Rows:
    """A block's rows with their tasks: ``task``, else ``task_name``, else the file's name with ``subset``, else the name."""
    unnamed = np.zeros(block.table.num_rows, dtype=np.int64)
    rows = Rows(source, block.table, block.records, faults, remarks, highest, unnamed, (source.stem,), None, unjudged)
    columns = [
        texts.arrow().cast(pa.string()) for name in ("task", "task_name") if (texts := rows.text(name)) is not None
    ]
    subset = rows.text("subset")
    if subset is not None:
        columns.append(pc.binary_join_element_wise(source.stem, subset.arrow().cast(pa.string()), "/"))
    if not columns:
        return rows
    coded = pc.coalesce(*columns, source.stem).dictionary_encode().unify_dictionaries()
    if not coded.num_chunks:
        return rows
    names = tuple(name if name.strip() else source.stem for name in coded.chunk(0).dictionary.to_pylist())
    return replace(
        rows, task=np.concatenate([np.asarray(c.indices) for c in coded.chunks]).astype(np.int64), names=names
    )


def assemble(
    parts: Sequence[Part],
    stated: Mapping[str, Task],
    only_described: Collection[str] = (),
    remarks: tuple[str, ...] = (),
    skipped: tuple[Problem, ...] = (),
) -> FeedbackTable:
    """One table of several parts, in the order of sources and records, with every task stated or inferred."""
    parts = [part for part in parts if len(part)]
    found: Values = {}
    add_values(parts, found)
    known, inferred = stated_or_inferred(found, stated, only_described)
    part, row = in_order(parts)
    whole = FeedbackTable(parts, part, row, known, inferred=inferred, remarks=remarks, skipped=skipped)
    tasks = {task.name: task for task in described(known, instructions(whole), attributes_of(parts))}
    return FeedbackTable(parts, part, row, tasks, inferred=inferred, remarks=remarks, skipped=skipped)


def in_order(parts: Sequence[Part]) -> tuple[IntArray, IntArray]:
    """Every row's part and number in it, in the order of sources and records."""
    sources = {id(part.source): i for i, part in reversed(list(enumerate(parts)))}
    part = np.repeat(np.arange(len(parts), dtype=np.int64), [len(own) for own in parts])
    row = np.concatenate([np.arange(len(own)) for own in parts]) if parts else part
    if len(parts) < 2:
        return part, row
    source = np.repeat([sources[id(own.source)] for own in parts], [len(own) for own in parts])
    order = np.lexsort((np.concatenate([own.records for own in parts]), source))
    return part[order], row[order]


def attributes_of(parts: Sequence[Part]) -> set[str]:
    """The tasks that are attributes of others: an instruction to answer does not describe them."""
    return {name for own in parts if own.attribute for name in own.names}


def instructions(whole: FeedbackTable) -> dict[str, str | None]:
    """The instruction that all rows of a task bear, or None, task by task in the order in which they first come."""
    _, first = np.unique(whole.task_index, return_index=True)
    order = [int(i) for i in np.argsort(first)]
    if not any("instruction" in part.columns for part in whole.parts):
        return {whole.tasks[i].name: "" for i in order}
    coded = whole.texts("instruction").fill_null("").combine_chunks().dictionary_encode()
    texts, codes = coded.dictionary.to_pylist(), np.asarray(coded.indices, dtype=np.int64)
    low = np.full(len(whole.tasks), len(texts), dtype=np.int64)
    high = np.full(len(whole.tasks), -1, dtype=np.int64)
    np.minimum.at(low, whole.task_index, codes)
    np.maximum.at(high, whole.task_index, codes)
    return {whole.tasks[i].name: texts[low[i]] if low[i] == high[i] else None for i in order}


def described(
    tasks: Mapping[str, Task], instructed: Mapping[str, str | None], attributes: Collection[str]
) -> tuple[Task, ...]:
    """The tasks; one whose rows all bear the same instruction is described by it, unless its description was stated."""
    return tuple(
        replace(tasks[name], description=text.strip())
        if text and not tasks[name].description and name not in attributes
        else tasks[name]
        for name, text in instructed.items()
    )
