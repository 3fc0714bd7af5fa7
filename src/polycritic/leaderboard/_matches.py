"""Who met whom, and who won: comparisons of systems as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from polycritic.core import Comparison, FloatArray, IntArray, PolycriticError, group_of, lookup
from polycritic.leaderboard._names import Names, encode

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Matches:
    """Comparisons of systems, one a row. Make them with :func:`matches`.

    Args:
        names: The k systems, sorted.
        first: (n,) code of the first system.
        second: (n,) code of the second, never the same one.
        outcome: (n,) what the first won: 1 win, 0.5 tie, 0 loss, soft between.
        weight: (n,) not negative.
        item: (n,) code of the item that a row rests on, or None where rows are on their own.
        covariates: name -> (n,) first minus second of what else may sway the outcome.
        abstained: How many rows had no outcome (NaN) and were left out.

    >>> matches(["a"], ["b"], [1.0]).names
    ('a', 'b')
    """

    names: tuple[str, ...]
    first: IntArray
    second: IntArray
    outcome: FloatArray
    weight: FloatArray
    item: IntArray | None
    covariates: Mapping[str, FloatArray]
    abstained: int = 0

    def __len__(self) -> int:
        return len(self.outcome)

    def __repr__(self) -> str:
        items = "" if self.item is None else f" on {self.items} items"
        return f"Matches({len(self)} of {len(self.names)} systems{items})"

    @property
    def items(self) -> int:
        """How many items there are; the rows where there are none."""
        return len(self) if self.item is None else int(self.item.max(initial=-1)) + 1


def matches(
    first: Names,
    second: Names,
    outcome: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    item: Names | None = None,
    covariates: Mapping[str, ArrayLike] | None = None,
) -> Matches:
    """Comparisons of systems from arrays.

    Args:
        first: (n,) names (or integer codes) of systems: a list, a NumPy array or an Arrow array.
        second: (n,) who they met.
        outcome: (n,) 1 where the first won, 0 where the second did, 0.5 for a tie, soft between; NaN rows are left out
            and counted.
        weight: (n,) weights; 1 if not given.
        item: (n,) names of the items (prompts) that rows rest on; errors are clustered by them.
        covariates: Columns of differences, first minus second, such as :func:`style_features`.

    Raises:
        PolycriticError: Columns differ in length, an outcome or weight is out of bounds, a system meets itself, or a
            name is missing.

    >>> matches(["a", "b"], ["b", "c"], [1, 0.5])
    Matches(2 of 3 systems)
    """
    (one, two), names = encode([first, second], "systems")
    won = np.asarray(outcome, dtype=np.float64)
    size = len(won)
    load = np.ones(size) if weight is None else np.asarray(weight, dtype=np.float64)
    on = None if item is None else encode([item], "items")[0][0]
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in (covariates or {}).items()}
    for what, column in [("first", one), ("second", two), ("weight", load), ("item", on), *columns.items()]:
        if column is not None and column.shape != (size,):
            raise PolycriticError(
                "columns differ in length", where=what, found=str(column.shape), expected=f"({size},)"
            )
    missing = np.isnan(won)
    _refuse(one == two, "systems that meet themselves", "two different systems")
    _refuse(~missing & ~((won >= 0) & (won <= 1)), "outcomes out of bounds", "0 to 1, or NaN for none")
    _refuse(~((load >= 0) & np.isfinite(load)), "bad weights", "finite numbers >= 0")
    for name, column in columns.items():
        _refuse(~np.isfinite(column), f"covariate {name!r} is not finite", "a number on every row")
    made = Matches(names, one, two, won, load, on, columns)
    abstained = int(missing.sum())
    return made if not abstained else replace(take(made, ~missing), abstained=abstained)


def take(all_matches: Matches, rows: Any) -> Matches:
    """Some of the rows, by mask or index; systems and items keep their codes."""
    m = all_matches
    return replace(
        m,
        first=m.first[rows],
        second=m.second[rows],
        outcome=m.outcome[rows],
        weight=m.weight[rows],
        item=None if m.item is None else m.item[rows],
        covariates={name: column[rows] for name, column in m.covariates.items()},
    )


def matches_of_rows(rows: Sequence[Comparison]) -> Matches:
    """Comparisons of systems from rows of feedback; ``Candidate.model`` names the systems, a row's group is its item.

    Raises:
        PolycriticError: A candidate does not say who wrote it.

    >>> from polycritic.core import Candidate
    >>> matches_of_rows([Comparison(task="t", first=Candidate("p", "x", model="a"), second=Candidate("p", "y", model="b"))])
    Matches(1 of 2 systems on 1 items)
    """
    return matches(
        [row.first.model for row in rows],
        [row.second.model for row in rows],
        [row.preference for row in rows],
        weight=[row.weight for row in rows],
        item=[group_of(row) for row in rows],
    )


_ITEM_COLUMNS = ("item", "question_id", "instruction", "prompt", "index")
_WINNERS = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5, "both_bad": 0.5}


def matches_of_columns(columns: Any) -> Matches:
    """Comparisons of systems from a table, by the column names that people already use.

    - arena: ``model_a, model_b, winner`` with ``model_a``, ``model_b``, ``tie`` or ``tie (bothbad)``;
    - AlpacaEval: ``generator_1, generator_2, preference``, 1 first, 2 second, 1.5 (or 0) a draw, soft between;
    - polycritic: ``model_a, model_b, preference_b``, 0 first, 1 second.

    ``weight`` is read where there is one, and the item from the first of ``item``, ``question_id``, ``instruction``,
    ``prompt`` or ``index``.

    Args:
        columns: An Arrow table, or a mapping from column names to columns.

    Raises:
        PolycriticError: The columns are none of these, or a value is not what its column may hold.

    >>> matches_of_columns({"model_a": ["x"], "model_b": ["y"], "winner": ["tie"]}).outcome
    array([0.5])
    """
    table: dict[str, Any] = {name: columns[name] for name in getattr(columns, "column_names", None) or columns}
    have = set(table)
    if {"model_a", "model_b", "winner"} <= have:
        first, second, outcome = table["model_a"], table["model_b"], _winners(table["winner"])
    elif {"generator_1", "generator_2", "preference"} <= have:
        code = _numbers(table["preference"])
        _refuse(
            ~(np.isnan(code) | (code == 0) | ((code >= 1) & (code <= 2))), "bad preference", "1 to 2, or 0 for a draw"
        )
        first, second, outcome = table["generator_1"], table["generator_2"], 2.0 - np.where(code == 0, 1.5, code)
    elif {"model_a", "model_b", "preference_b"} <= have:
        first, second, outcome = table["model_a"], table["model_b"], 1.0 - _numbers(table["preference_b"])
    else:
        raise PolycriticError(
            "unknown columns",
            found=", ".join(sorted(have)) or "none",
            expected="model_a, model_b, winner; generator_1, generator_2, preference; or model_a, model_b, preference_b",
        )
    key = next((name for name in _ITEM_COLUMNS if name in have), None)
    weight = _numbers(table["weight"]) if "weight" in have else None
    return matches(first, second, outcome, weight=weight, item=None if key is None else table[key])


def _winners(column: Names) -> FloatArray:
    (codes,), names = encode([column], "winner")
    return np.array([_WINNERS[lookup(name, _WINNERS, "winner")] for name in names], dtype=np.float64)[codes]


def _numbers(column: Any) -> FloatArray:
    values = column.to_numpy() if hasattr(column, "to_numpy") else column
    return np.asarray(values, dtype=np.float64)


def _refuse(bad: Any, message: str, expected: str) -> None:
    if bad.any():
        raise PolycriticError(
            message,
            found=f"{int(bad.sum())} of {len(bad)} rows, the first is row {int(np.argmax(bad))}",
            expected=expected,
        )
