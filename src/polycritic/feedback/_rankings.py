"""Rankings: several responses and their order."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa

from polycritic.core import FloatArray, IntArray
from polycritic.feedback._list_columns import (
    checked_texts,
    lengths,
    list_numbers,
    list_of,
    models_of,
    offsets,
    parents,
    remark_empty,
)
from polycritic.feedback._messages import render
from polycritic.feedback._part import Column, Kind, Part, column
from polycritic.feedback._rows import Rows


def compile_ranks(rows: Rows, completions: str, order: str) -> list[Part]:
    """Rows with ``completions`` and ``ranks`` (lowest is best) or ``pair_preferences``."""
    rows = checked_texts(rows, completions, least=2)
    if not len(rows):
        return []
    texts = rows.list(completions)
    counts = lengths(texts)
    wanted = counts if order == "ranks" else counts * (counts - 1) // 2
    what = "one whole number for each completion" if order == "ranks" else "0, 1 or 2 for each pair of completions"
    values = list_numbers(rows, order, wanted, what, None if order == "ranks" else (0.0, 1.0, 2.0))
    sound = rows.sound()
    if len(sound) < len(rows):
        return compile_ranks(rows.take(sound), completions, order) if len(sound) else []
    ranks = values.astype(np.int64) if order == "ranks" else _from_pairs(rows, values, counts)
    return [_ranking(rows, texts, ranks)]


def _ranking(rows: Rows, texts: pa.ListArray, ranks: IntArray) -> Part:
    remark_empty(rows, texts)
    columns: dict[str, Column | None] = {
        "prompt": rows.text(rows.prompt),
        "response": column(texts),
        "ranks": column(list_of(offsets(texts), pa.array(ranks))),
    }
    models = models_of(rows, lengths(texts))
    if models is None:
        return rows.part(Kind.RANKING, columns, {}, ("response",))
    columns["model"] = column(list_of(offsets(texts), models.values.combine_chunks()))
    return rows.part(Kind.RANKING, columns, {}, ("response", "model"))


def _from_pairs(rows: Rows, values: FloatArray, counts: IntArray) -> IntArray:
    """Ranks by wins minus losses.

    The pairs are (0, 1), (0, 2), ..., (1, 2), ...; 0 is a tie, 1 the first, 2 the second. Where the pairs agree with one
    order with ties, this is that order; where they do not, rows are ranked by the same count, which is remarked.
    """
    ranks, at, contradicting = [], 0, 0
    for count in counts:
        pairs = list(combinations(range(count), 2))
        sign = {pair: (0.0, 1.0, -1.0)[int(v)] for pair, v in zip(pairs, values[at : at + len(pairs)], strict=True)}
        at += len(pairs)
        net = [sum(sign[i, j] for j in range(i + 1, count)) - sum(sign[j, i] for j in range(i)) for i in range(count)]
        ranks += [1 + sum(other > own for other in net) for own in net]
        contradicting += any(np.sign(net[i] - net[j]) != sign[i, j] for i, j in pairs)
    said = "rankings whose pairs contradict one order; ranked by wins minus losses"
    rows.remarks.add(rows.source, said, contradicting)
    return np.array(ranks, dtype=np.int64)


def compile_best(rows: Rows, chosen: str, rejected: str) -> list[Part]:
    """Rows with lists of right and wrong responses, as in RewardBench 2: a ranking of two ranks."""
    rows = checked_texts(checked_texts(rows, chosen, least=1), rejected, least=1)
    for name in (chosen, rejected) if len(rows) else ():
        texts = rows.list(name)
        blank = rows.blank(column(texts.flatten()))
        parent = parents(texts)
        rows.fault(np.unique(parent[blank]), name, "responses that are not empty")
    rows = rows.take(rows.sound())
    if not len(rows):
        return []
    good, bad = (rows.list(name).to_pylist() for name in (chosen, rejected))
    texts = pa.array([a + b for a, b in zip(good, bad, strict=True)], pa.list_(pa.string()))
    ranks = [rank for a, b in zip(good, bad, strict=True) for rank in [1] * len(a) + [2] * len(b)]
    return [_ranking(rows, texts, np.array(ranks, dtype=np.int64))]


def compile_ranked_objects(rows: Rows, completions: str) -> list[Part]:
    """Rows with ``completions [{rank, completion}]``, as NeMo-RL writes them; a completion is text or messages."""
    texts: list[list[str] | None] = []
    ranks: list[int] = []
    for i, row in enumerate(rows.table.column(completions).to_pylist()):
        found = [c["completion"] for c in row or [] if c]
        given = [c["rank"] for c in row or [] if c]
        sound = (
            len(found) >= 2 and all(isinstance(r, int) for r in given) and all(isinstance(c, str | list) for c in found)
        )
        if not sound:
            rows.fault(np.array([i]), completions, "two or more objects with a whole 'rank' and a 'completion'")
            continue
        texts.append([c if isinstance(c, str) else render(c) for c in found])
        ranks += given
    rows = rows.take(rows.sound())
    if not len(rows):
        return []
    return [_ranking(rows, pa.array(texts, pa.list_(pa.string())), np.array(ranks, dtype=np.int64))]
