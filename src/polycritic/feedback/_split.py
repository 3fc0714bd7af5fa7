"""Splitting feedback so that no prompt stands on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from polycritic.core import BoolArray, Feedback, IntArray, PolycriticError, lookup
from polycritic.feedback._from_rows import table
from polycritic.feedback._table import FeedbackTable
from polycritic.tasks import families, select


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to learn from, rows to be tested on, and rows that are neither.

    Args:
        train: To learn from (seen tasks).
        test: To be tested on (unseen tasks).
        left_out: Rows of seen tasks whose prompts stand in ``test``; empty when splitting by prompt.

    >>> from polycritic.feedback import read
    >>> split = split_by_task(read([{"task": t, "prompt": "p", "completion": "c", "label": True} for t in "ab"]), "b")
    >>> len(split.train), len(split.test), len(split.left_out)
    (0, 1, 1)
    """

    train: FeedbackTable
    test: FeedbackTable
    left_out: FeedbackTable


def hash_percent(text: str) -> int:
    """A text's place between 0 and 99, the same on every machine.

    It is ``int(sha256(text.encode()).hexdigest()[:8], 16) % 100``.

    >>> hash_percent("What is 2 + 2?")
    75
    """
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100


def split_by_prompt(rows: Sequence[Feedback], test_percent: int = 20) -> Split:
    """Split by a hash of the prompt: a row is a test row where ``hash_percent(prompt) < test_percent``.

    Rows with a ``group`` go by its name, and rows without a prompt by their response. Whatever shares a prompt or a
    group, also by way of others, goes together, by the first name of its groups, or else of its prompts.

    **Laws**: no prompt and no group stands on both sides; every row stands on one; a row's side depends on nothing but what
    it shares prompts or groups with.

    Args:
        rows: What to split.
        test_percent: About how many rows of a hundred are test rows.

    Raises:
        PolycriticError: ``test_percent`` is not between 0 and 100.

    >>> from polycritic.feedback import read
    >>> rows = read([{"prompt": f"{n} + {n}", "completion": "4", "label": n == 2} for n in range(100)])
    >>> len(split_by_prompt(rows).test)
    17
    """
    if not 0 <= test_percent <= 100:
        raise PolycriticError("bad test_percent", found=str(test_percent), expected="0 to 100")
    whole = table(rows)
    which, names = _together(whole)
    test = np.array([hash_percent(name) < test_percent for name in names], dtype=np.bool_)[which]
    return Split(whole.select(~test), whole.select(test), whole.select(np.zeros(len(whole), dtype=np.bool_)))


def split_by_task(rows: Sequence[Feedback], unseen: str | Iterable[str], *, keep_shared: bool = False) -> Split:
    """Keep whole tasks for testing.

    Rows of other tasks whose prompts also stand in the tests are left out, as they would give prompts away: they are in
    :attr:`Split.left_out`.

    Args:
        rows: What to split.
        unseen: Names, families or patterns of the tasks to keep for testing.
        keep_shared: Keep rows whose prompts are shared in ``train``: to test new attributes of known answers.

    Raises:
        UnknownNameError: A name or pattern fits no task.

    >>> from polycritic.feedback import read
    >>> rows = read([{"task": t, "prompt": t, "completion": "4", "label": True} for t in ("a/x", "a/y", "b")])
    >>> split = split_by_task(rows, "a/*")
    >>> [task.name for task in split.train.tasks], [task.name for task in split.test.tasks]
    (['b'], ['a/x', 'a/y'])
    """
    whole = table(rows)
    chosen = {task.name for task in select(whole.tasks, unseen)}
    test = np.array([task.name in chosen for task in whole.tasks], dtype=np.bool_)[whole.task_index]
    shared: BoolArray = np.zeros(len(whole), dtype=np.bool_)
    if not keep_shared:
        which, names = _together(whole)
        shared = (np.bincount(which[test], minlength=len(names)) > 0)[which] & ~test
    return Split(whole.select(~test & ~shared), whole.select(test), whole.select(shared))


def split_by_family(rows: Sequence[Feedback], unseen: str | Iterable[str], *, keep_shared: bool = False) -> Split:
    """Keep whole families of tasks for testing; else as :func:`split_by_task`.

    Raises:
        UnknownNameError: There is no such family.

    >>> from polycritic.feedback import read
    >>> rows = read([{"task": t, "prompt": t, "completion": "4", "label": True} for t in ("a/x", "a/y", "b")])
    >>> len(split_by_family(rows, ["a"]).test)
    2
    """
    whole = table(rows)
    known = families(whole.tasks)
    wanted = [lookup(name, known, "family") for name in ([unseen] if isinstance(unseen, str) else unseen)]
    names = [task.name for name in wanted for task in known[name]]
    return split_by_task(whole, names, keep_shared=keep_shared)


def _together(whole: FeedbackTable) -> tuple[IntArray, list[str]]:
    """Which rows go together: a code for each row, and the text that each code is hashed by."""
    codes, names = whole.group_names()
    if "" in names:  # no prompt: the response tells rows apart
        bare = np.flatnonzero(codes == names.index(""))
        responses = whole.select(bare).texts("response").fill_null("").to_pylist()
        index = {name: i for i, name in enumerate(names)}
        codes[bare] = [index.setdefault(text, len(index)) for text in responses]
        names = list(index)
    links = _links(whole, codes, {name: i for i, name in enumerate(names)})
    if links is None:
        return codes, names
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends, index = links
    every = list(index)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(every), len(every)))
    count, component = connected_components(graph, directed=False)
    grouped = _explicit(whole)
    named: list[str | None] = [None] * count
    for name in sorted(every, key=lambda name: (name not in grouped, name)):
        named[component[index[name]]] = named[component[index[name]]] or name
    return component[codes].astype(np.int64), [name or "" for name in named]


def _links(whole: FeedbackTable, codes: IntArray, index: dict[str, int]) -> tuple[IntArray, dict[str, int]] | None:
    """Pairs of texts that belong together, a row's group and each of its prompts; None where each row has but its prompt."""
    if not any({"group", "prompt_b"} & part.columns.keys() or "prompt" in part.listed for part in whole.parts):
        return None
    pairs = [np.stack([codes, codes], axis=1)]
    for at, prompts in _prompts(whole):
        found = [index.setdefault(p, len(index)) if p else int(codes[i]) for i, p in zip(at, prompts, strict=True)]
        pairs.append(np.stack([codes[at], np.array(found, dtype=np.int64)], axis=1))
    return np.concatenate(pairs), index


def _prompts(whole: FeedbackTable) -> Iterable[tuple[IntArray, list[str]]]:
    everywhere = np.arange(len(whole))
    for second in (False, True):
        yield everywhere, whole.texts("prompt", second=second).fill_null("").to_pylist()
    for part, at, rows in whole.pieces():
        if "prompt" in part.listed:
            lists = part.columns["prompt"].take(rows).arrow()
            counts = np.asarray(pc.list_value_length(lists), dtype=np.int64)
            yield np.repeat(at, counts), pc.list_flatten(lists).fill_null("").to_pylist()


def _explicit(whole: FeedbackTable) -> set[str]:
    return set(whole.texts("group").fill_null("").unique().to_pylist()) - {""}
