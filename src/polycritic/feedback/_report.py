"""What is in a set of feedback: counts, balance, lengths, duplicates, and what leaks between splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polycritic.core import Binary, Feedback, FloatArray, IntArray, Levels, Task, level_values, scale_text
from polycritic.feedback._duplicates import identical, normalised, repeats
from polycritic.feedback._from_rows import table
from polycritic.feedback._part import Kind
from polycritic.feedback._split import Split
from polycritic.feedback._table import FeedbackTable

_LONG = 8  # words from which on a response is not repeated by chance
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long texts are, in one unit.

    Args:
        lowest: The shortest text.
        median: Half of the texts are no longer.
        mean: On average.
        most: 95 % of the texts are no longer.
        highest: The longest text.

    >>> print(Lengths(1, 5.0, 8.25, 30.0, 44))
    1 to 44, median 5, mean 8.2, 95% within 30
    """

    lowest: int
    median: float
    mean: float
    most: float
    highest: int

    def __str__(self) -> str:
        middle = f"median {self.median:,.0f}, mean {self.mean:,.1f}, 95% within {self.most:,.0f}"
        return f"{self.lowest:,} to {self.highest:,}, {middle}"


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task's rows.

    Args:
        name: The task.
        scale: Its scale, in words.
        rows: How many rows there are of each kind.
        prompts: How many different prompts.
        balance: Ratings of binary tasks and levels: how many rows have each value; comparisons: how many prefer
            ``first``, ``second``, or neither (``tie``).
        mean: Mean of the ratings; NaN where there are none.

    >>> from polycritic.feedback import read
    >>> rows = read([{"task": "sums", "prompt": "1 + 1", "completion": str(n), "label": n == 2} for n in range(4)])
    >>> check(rows).tasks[0].mean
    0.25
    """

    name: str
    scale: str
    rows: dict[str, int]
    prompts: int
    balance: dict[str, int]
    mean: float


@dataclass(frozen=True, slots=True)
class Leaks:
    """What two sets share.

    Args:
        prompts: How many prompts of the second stand in the first, letter by letter.
        similar_prompts: How many more do, but for case, punctuation and spaces.
        responses: How many responses of eight words or more do, but for the same.
        examples: A few of them.

    >>> from polycritic.feedback import read
    >>> one, other = ([{"prompt": p, "completion": "2", "label": True}] for p in ("1 + 1?", "1 + 1"))
    >>> check(read(one), read(other)).leaks
    Leaks(prompts=0, similar_prompts=1, responses=0, examples=('1 1',))
    """

    prompts: int
    similar_prompts: int
    responses: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataReport:
    """What :func:`check` found.

    Args:
        rows: How many.
        kinds: How many of each kind.
        tasks: Task by task.
        lengths: Of prompts and responses, by ``"prompt words"``, ``"response characters"`` and so on.
        duplicates: How many rows say the same as an earlier one; they are kept.
        empty: How many responses are empty.
        identical: How many comparisons compare a text with itself.
        leaks: What training and test rows share; None without a split.
        inferred: How scales were inferred.
        remarks: What reading remarked.
        skipped: How many bad rows were skipped.

    >>> from polycritic.feedback import read
    >>> report = check(read([{"task": "sums", "prompt": "1 + 1", "completion": "2", "label": True}]))
    >>> print("\\n".join(report.lines()[:3]))
    1 rows of 1 tasks: 1 rating
      sums: 1 rating, 1 prompts, right (1) or wrong (0) (0: 0, 1: 1)
    prompt words: 3 to 3, median 3, mean 3.0, 95% within 3
    """

    rows: int
    kinds: dict[str, int]
    tasks: tuple[TaskReport, ...]
    lengths: dict[str, Lengths]
    duplicates: int
    empty: int
    identical: int
    leaks: Leaks | None
    inferred: tuple[str, ...]
    remarks: tuple[str, ...]
    skipped: int

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The report as lines of text."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.items())
        out = [f"{self.rows:,} rows of {len(self.tasks):,} tasks" + (f": {kinds}" if kinds else "")]
        for task in self.tasks:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in task.rows.items())
            balance = ", ".join(f"{name}: {count:,}" for name, count in task.balance.items())
            out.append(
                f"  {task.name}: {counts}, {task.prompts:,} prompts, {task.scale}"
                + (f" ({balance})" if balance else "")
            )
        out += [f"{what}: {lengths}" for what, lengths in self.lengths.items()]
        counted = (
            (self.duplicates, "duplicate rows, kept"),
            (self.empty, "empty responses, kept"),
            (self.identical, "comparisons of a text with itself, kept"),
            (self.skipped, "bad rows skipped"),
        )
        out += [f"{count:,} {what}" for count, what in counted if count]
        if self.leaks is not None:
            shared = self.leaks
            out.append(
                f"shared by both sides: {shared.prompts:,} prompts, {shared.similar_prompts:,} similar prompts, "
                f"{shared.responses:,} responses of {_LONG} words or more"
            )
            out += [f"  {example}" for example in shared.examples]
        return [*out, *self.remarks, *self.inferred]


def check(
    rows: Sequence[Feedback] | Split,
    other: Sequence[Feedback] | None = None,
    *,
    count_tokens: Callable[[list[str]], Sequence[int]] | None = None,
) -> DataReport:
    """Look through feedback.

    Args:
        rows: Any rows, or a split, whose two sides are then compared.
        other: A second set, such as test rows, to be compared with the first.
        count_tokens: The length of each of some texts in tokens, for lengths in tokens.

    >>> from polycritic.feedback import read
    >>> report = check(read([{"task": "sums", "prompt": "1 + 1", "completion": "2", "label": True}] * 2))
    >>> report.duplicates, report.tasks[0].balance
    (1, {'0': 0, '1': 2})
    """
    if isinstance(rows, Split):
        whole, other = rows.train, rows.test
    else:
        whole = table(rows)
    counts = np.bincount(whole.kind, minlength=len(Kind)) if len(whole) else np.zeros(len(Kind), dtype=np.int64)
    prompts, responses, asked = _texts(whole, "prompt"), _texts(whole, "response"), whole.prompts()
    seen = pc.match_substring_regex(responses, r"[^\s\p{Z}]") if len(responses) else pa.array([], pa.bool_())
    return DataReport(
        rows=len(whole),
        kinds={kind.label: int(counts[kind]) for kind in Kind if counts[kind]},
        tasks=tuple(_task_report(whole, i, task, asked) for i, task in enumerate(whole.tasks)),
        lengths={**_lengths("prompt", prompts.unique(), count_tokens), **_lengths("response", responses, count_tokens)},
        duplicates=int(repeats(whole).sum()),
        empty=len(responses) - int(pc.sum(seen).as_py() or 0),
        identical=int(identical(whole).sum()),
        leaks=leaks(whole, other) if other is not None else None,
        inferred=whole.inferred,
        remarks=whole.remarks,
        skipped=len({problem.where for problem in whole.skipped}),
    )


def _texts(whole: FeedbackTable, field: str) -> pa.ChunkedArray:
    """All candidates' texts; each distinct text of rows about several candidates is among them."""
    chunks: list[pa.Array] = []
    for part, _, rows in whole.pieces():
        for name in (field, f"{field}_b"):
            found = part.columns.get(name)
            if found is None:
                continue
            values = found.take(rows).arrow()
            values = pc.list_flatten(values) if name in part.listed else values
            chunks += values.drop_null().cast(pa.string()).chunks
    return pa.chunked_array(chunks, pa.string())


def _task_report(whole: FeedbackTable, index: int, task: Task, asked: IntArray) -> TaskReport:
    at = np.flatnonzero(whole.task_index == index)
    kinds, values = whole.kind[at], whole.value[at]
    balance: dict[str, int] = {}
    rated = values[kinds == Kind.RATING]
    levels, counts = np.unique(np.round(rated), return_counts=True)
    if len(rated) and isinstance(task.scale, Binary | Levels):
        every = (0.0, 1.0) if isinstance(task.scale, Binary) else level_values(task.scale)
        found = dict(zip(levels.tolist(), counts.tolist(), strict=True))
        balance = {f"{value:g}": found.get(value, 0) for value in every}
    compared = values[kinds == Kind.COMPARISON]
    if len(compared):
        balance |= {"first": int((compared > 0.5).sum()), "second": int((compared < 0.5).sum())}
        balance |= {"tie": int((compared == 0.5).sum())}
    of_kind = {kind.label: int((kinds == kind).sum()) for kind in Kind if (kinds == kind).any()}
    mean = float(rated.mean()) if len(rated) else float("nan")
    return TaskReport(task.name, scale_text(task.scale), of_kind, len(np.unique(asked[at])), balance, mean)


def _lengths(
    what: str, texts: pa.ChunkedArray | pa.Array, count: Callable[[list[str]], Sequence[int]] | None
) -> dict[str, Lengths]:
    if not len(texts):
        return {}
    words = np.asarray(pc.count_substring_regex(texts, r"\S+"), dtype=np.float64)
    characters = np.asarray(pc.utf8_length(texts), dtype=np.float64)
    found = {f"{what} words": _summary(words), f"{what} characters": _summary(characters)}
    if count is not None:
        found[f"{what} tokens"] = _summary(np.array(count(texts.to_pylist()), dtype=np.float64))
    return found


def _summary(values: FloatArray) -> Lengths:
    median, most = np.quantile(values, [0.5, 0.95])
    return Lengths(int(values.min()), float(median), float(values.mean()), float(most), int(values.max()))


def leaks(rows: Sequence[Feedback], other: Sequence[Feedback]) -> Leaks:
    """What rows to learn from share with rows to be tested on.

    Args:
        rows: To learn from.
        other: To be tested on.

    >>> from polycritic.feedback import read
    >>> leaks(*(read([{"prompt": p, "completion": "2", "label": True}]) for p in ("1 + 1?", "1 + 1"))).similar_prompts
    1
    """
    first, second = table(rows), table(other)
    seen, asked = _texts(first, "prompt").unique(), _texts(second, "prompt").unique()
    shared = asked.filter(pc.is_in(asked, seen))
    plain = _plain(asked)
    similar = plain.filter(pc.is_in(plain, _plain(seen)))
    answers = _long(_texts(second, "response").unique())
    repeated = answers.filter(pc.is_in(answers, _long(_texts(first, "response").unique())))
    examples = [*similar.slice(0, _SHOWN).to_pylist(), *repeated.slice(0, _SHOWN).to_pylist()]
    return Leaks(len(shared), len(similar), len(repeated), tuple(_short(text) for text in examples))


def _plain(texts: pa.Array) -> pa.Array:
    plain = normalised(texts).unique()
    return plain.filter(pc.not_equal(plain, ""))


def _long(texts: pa.Array) -> pa.Array:
    plain = _plain(texts)
    return plain.filter(pc.greater_equal(pc.count_substring_regex(plain, r"\S+"), _LONG))


def _short(text: str, width: int = 80) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
