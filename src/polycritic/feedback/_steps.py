"""Step ratings: a response in steps, and a label for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.feedback._list_columns import checked_texts, lengths, list_numbers, list_of, offsets
from polycritic.feedback._part import Kind, Part, column
from polycritic.feedback._rows import MISSING, Rows


def compile_steps(rows: Rows, steps: str, response: str | None) -> list[Part]:
    """Rows with steps and ``labels``, one for each; null is a step that nobody labelled.

    Steps named ``completions`` are lines: those that do not end in white space get a line break, but for the last.
    Steps named ``steps`` stand as they are.
    """
    rows = checked_texts(rows, steps, least=1)
    if not len(rows):
        return []
    values = list_numbers(
        rows, "labels", lengths(rows.list(steps)), "a number, true, false or null for each step", None, gaps=True
    )
    truth = pa.types.is_boolean(rows.table.column("labels").type.value_type)
    sound = rows.sound()
    if len(sound) < len(rows):
        return compile_steps(rows.take(sound), steps, response) if len(sound) else []
    texts = rows.list(steps)
    if steps == "completions":
        texts = pa.array([_lines(row) for row in texts.to_pylist()], pa.list_(pa.string()))
    whole = rows.text(response) or column(pc.binary_join(texts, ""))
    values = np.where(values == MISSING, np.nan, values)
    columns = {
        "prompt": rows.text(rows.prompt),
        "response": whole,
        "steps": column(texts),
        "values": column(list_of(offsets(texts), pa.array(values))),
        "model": rows.text("model"),
    }
    return [rows.part(Kind.STEPS, columns, {}, truth=truth, written="labels")]


def _lines(steps: Sequence[str]) -> list[str]:
    ended = [step if step[-1:].isspace() else step + "\n" for step in steps[:-1]]
    return [*ended, steps[-1]]
