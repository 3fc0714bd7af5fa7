"""What one or more backward passes said about each parameter, task by task."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from polycritic.training._gramian._pool import Loan, Pool
from polycritic.training._gramian._products import products
from polycritic.training._gramian._rules import Rule, inner_products, is_product, single, write_products
from polycritic.training._gramian._segments import Segments

_SLICE = 1 << 23
"""How many numbers are multiplied at a time: few enough to be still at hand when the Gramian needs them."""

_OWN = 1 << 20
"""How many numbers are worth a product of their own: fewer are put together first."""

_LARGE = 1 << 16
"""How many numbers are worth lending memory for."""

_ROOM = 1.0
"""The most room that rows may take of what their use takes: more is a twelfth faster with 32 tasks, for half as much memory."""


_Shared = Callable[[tuple[int, ...], torch.device, torch.dtype], Tensor]


@dataclass(slots=True, eq=False)
class _Use:
    """One use of a parameter by a layer: what went in and what came back, task by task."""

    rule: Rule
    layer: nn.Module
    a: Tensor
    d: Tensor
    segments: Segments

    @property
    def few(self) -> bool:
        """Whether tokens are so few that their inner products cost less than the rows they make."""
        if not is_product(self.rule):
            return False
        p, q = self.d.shape[-1], self.a.shape[-1]
        tokens = self.d.numel() // max(p, 1)
        return tokens**2 * (p + q) < (tokens + self.segments.count**2) * p * q

    def rows(self, start: int, stop: int) -> Tensor:
        return self.rule(self.layer, self.a, self.d, self.segments, start, stop)

    def weighted(self, weights: Tensor, length: int, shared: _Shared) -> Tensor:
        """The weighted sum of its rows."""
        a, d = self.a, single(self.d)
        scale = self.segments.spread(weights.to(d.dtype))
        if is_product(self.rule) and a.shape[-1] < d.shape[-1]:  # of a product the smaller factor
            a = _times(single(a), scale, shared)
        else:
            d = _times(d, scale, shared)
        return self.rule(self.layer, a, d, Segments.whole(len(d)), 0, length)[0]


@dataclass(slots=True, eq=False)
class _Entry:
    """One parameter: its rows (t, ...) where they are kept, and the uses that are not yet rows."""

    parameter: nn.Parameter
    rows: Tensor | None = None
    uses: list[_Use] = field(default_factory=list)
    coming: int = -1
    """How many uses are still to come back before weights can be applied; -1: not known."""
    combined: Tensor | None = None

    @property
    def few(self) -> bool:
        """Whether its inner products are better had without its rows."""
        return self.rows is None and len(self.uses) == 1 and self.uses[0].few


class Ledger:
    """Collects uses of parameters and turns them into rows, a Gramian, or one combined gradient.

    A use is turned into rows at once where rows take less room than the use itself, or where ``keep_rows`` says so;
    with ``lagged`` weights it is turned into a part of the Gramian and of the combined gradient as soon as its parameter is
    complete, and let go.

    Args:
        parameters: By name.
        count: t, how many tasks there are.
        keep_rows: Whether uses always become rows; embeddings, whose rows are nearly empty, never do.
        lagged: (t,) weights to combine with at once.
        pool: Lends memory until the ledger is let go: for rows where they are kept, else for what came back.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        count: int,
        *,
        keep_rows: bool = False,
        lagged: Tensor | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._loan: Loan | None = None
        if pool is not None:
            self._loan = pool.lend()
            weakref.finalize(self, self._loan.end)
        self.count, self.keep_rows, self.lagged = count, keep_rows, lagged
        self.parameters = dict(parameters)
        self._entries = {id(p): _Entry(p) for p in parameters.values()}
        self._partial: Tensor | None = None
        self._scratch: Tensor | None = None

    def __contains__(self, parameter: nn.Parameter) -> bool:
        return id(parameter) in self._entries

    def expect(self, parameter: nn.Parameter) -> None:
        """One more use of a parameter will come back."""
        entry = self._entries[id(parameter)]
        entry.coming = max(entry.coming, 0) + 1

    def hold(self) -> None:
        """It is not known how many uses will come back."""
        for entry in self._entries.values():
            entry.coming = -1

    def record(self, parameter: nn.Parameter, use: tuple[Rule, nn.Module, Tensor, Tensor, Segments]) -> None:
        """A use came back."""
        entry, used = self._entries[id(parameter)], _Use(*use)
        if self.lagged is not None:
            entry.uses.append(used)
            entry.coming -= 1
            if entry.coming == 0:
                self._settle(entry)
            return
        keep = self.keep_rows and not isinstance(used.layer, nn.Embedding) and not used.few
        room = used.a.numel() + used.d.numel()
        if keep or entry.rows is not None or self.count * parameter.numel() <= _ROOM * room:
            self._keep(entry, used)
        else:
            entry.uses.append(self._moved(used))

    def add_row(self, task: int, gradients: Mapping[str, Tensor | None]) -> None:
        """One task's gradient, known whole, by the parameters' names."""
        for name, gradient in gradients.items():
            entry = self._entries[id(self.parameters[name])]
            if entry.rows is None:
                entry.rows = torch.zeros(
                    self.count, *entry.parameter.shape, device=entry.parameter.device, dtype=_wide(entry.parameter)
                )
            if gradient is not None:
                entry.rows[task] += gradient

    def rows(self) -> Tensor:
        """Every task's gradient, (t, p); parameters follow each other in the order given."""
        parts = []
        for entry in self._entries.values():
            self._to_rows(entry)
            parts.append(self._slice(entry, 0, _length(entry.parameter)).reshape(self.count, -1))
        return torch.cat(parts, dim=1)

    def settle_rows(self) -> None:
        """Turn uses into rows, so that what layers kept can be let go; embeddings stay uses."""
        for entry in self._entries.values():
            if entry.uses and not all(isinstance(use.layer, nn.Embedding) for use in entry.uses):
                self._to_rows(entry)

    def gramian(self, reduce: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Inner products of all tasks' gradients, (t, t), in double precision.

        Args:
            reduce: Adds up a tensor over processes: rows are added before they are multiplied, a few layers at a time.
        """
        if self.lagged is not None:
            for entry in self._entries.values():
                if entry.uses:
                    self._settle(entry)
            assert reduce is None
            return torch.zeros(self.count, self.count).double() if self._partial is None else self._partial
        device = next((p.device for p in self.parameters.values()), None)
        total = torch.zeros(self.count, self.count, dtype=torch.float64, device=device)
        left = []
        for entry in self._entries.values():
            if reduce is None and entry.few:
                (use,) = entry.uses
                total = total + inner_products(use.a, use.d, use.segments)
            else:
                left.append(entry)
        for rows in self._slices(reduce, left):
            total = total + products(rows if reduce is None else reduce(rows))
        return total

    def combine(self, weights: Tensor) -> dict[str, Tensor | None]:
        """The weighted sum of the tasks' gradients for each parameter, None where there is none."""
        combined: dict[str, Tensor | None] = {}
        for name, parameter in self.parameters.items():
            entry = self._entries[id(parameter)]
            gradient = entry.combined
            if entry.rows is not None:
                held = entry.rows.to(weights.device)
                gradient = (weights.to(held.dtype) @ held.reshape(self.count, -1)).view(parameter.shape)
            for use in entry.uses:
                part = use.weighted(weights, _length(parameter), self._shared).reshape(parameter.shape)
                gradient = part if gradient is None else gradient + part
            combined[name] = gradient
        return combined

    def _settle(self, entry: _Entry) -> None:
        """Lagged: put a complete parameter into Gramian and gradient, and let its uses go."""
        assert self.lagged is not None
        index = _used([entry], None)
        length = _length(entry.parameter) if index is None else len(index)
        if entry.few:
            (use,) = entry.uses
            combined = use.weighted(self.lagged, length, self._shared).reshape(entry.parameter.shape)
            self._add_part(inner_products(use.a, use.d, use.segments))
        else:
            combined = torch.zeros(length, *entry.parameter.shape[1:], device=entry.parameter.device)
            for start, stop in self._cuts(entry, length):
                rows = self._slice(entry, start, stop, index).reshape(self.count, -1)
                combined[start:stop] = (self.lagged.to(rows) @ rows).view(stop - start, *entry.parameter.shape[1:])
                self._add_part(products(rows))
        entry.uses.clear()
        if index is not None:
            combined = torch.zeros_like(entry.parameter, dtype=combined.dtype).index_copy_(0, index, combined)
        entry.combined = combined if entry.combined is None else entry.combined + combined

    def _add_part(self, part: Tensor) -> None:
        self._partial = part if self._partial is None else self._partial + part

    def _slices(self, reduce: Callable[[Tensor], Tensor] | None, entries: Iterable[_Entry]) -> Iterator[Tensor]:
        """All columns of the rows, in pieces (t, k) of about one size; the same pieces in every process."""
        held: list[Tensor] = []
        size = 0
        for entry in entries:
            index = _used([entry], reduce) if self._is_embedding(entry, reduce) else None
            length = _length(entry.parameter) if index is None else len(index)
            kept = reduce is None and entry.rows is not None and not entry.uses
            for start, stop in [(0, length)] if kept else self._cuts(entry, length):
                piece = self._slice(entry, start, stop, index).reshape(self.count, -1)
                if piece.numel() >= _OWN:
                    yield piece
                    continue
                if held and size + piece.numel() > _SLICE:
                    yield held[0] if len(held) == 1 else torch.cat(held, dim=1)
                    held, size = [], 0
                held.append(piece)
                size += piece.numel()
        if held:
            yield held[0] if len(held) == 1 else torch.cat(held, dim=1)

    def _is_embedding(self, entry: _Entry, reduce: Callable[[Tensor], Tensor] | None) -> bool:
        mine = entry.rows is None and all(isinstance(use.layer, nn.Embedding) for use in entry.uses)
        if reduce is None:
            return mine and bool(entry.uses)
        others = reduce(torch.tensor([float(not mine)], device=entry.parameter.device))
        return not bool(others.item())

    def _cuts(self, entry: _Entry, length: int) -> Iterator[tuple[int, int]]:
        width = entry.parameter.numel() // max(_length(entry.parameter), 1) * self.count
        pieces = math.ceil(length * width / _SLICE)
        step = math.ceil(length / max(pieces, 1))
        return ((start, min(start + step, length)) for start in range(0, length, max(step, 1)))

    def _slice(self, entry: _Entry, start: int, stop: int, index: Tensor | None = None) -> Tensor:
        """Rows of a part of a parameter's first dimension; large ones are good until the next are asked for."""
        if entry.rows is None and len(entry.uses) == 1 and is_product(entry.uses[0].rule):
            shape = (self.count, stop - start, *entry.parameter.shape[1:])
            if math.prod(shape) >= _OWN:
                (use,) = entry.uses
                out = self._shared(shape, use.d.device, _wide(entry.parameter))
                write_products(use.rule, use.a, use.d, use.segments, out, start, stop)
                return out
        whole = start == 0 and stop == _length(entry.parameter)
        rows = None if entry.rows is None else entry.rows if whole else entry.rows[:, start:stop]
        for use in entry.uses:
            used = use if index is None else _renumbered(use, index)
            part = used.rows(start, stop)
            rows = part if rows is None else rows + part
        if rows is None:
            p = entry.parameter
            rows = torch.zeros(self.count, stop - start, *p.shape[1:], device=p.device, dtype=_wide(p))
        return rows

    def _shared(self, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
        """Memory that is good until it is asked for again: being at hand, it costs less to write and to read than any other."""
        size = math.prod(shape)
        if size < _LARGE:
            return torch.empty(shape, device=device, dtype=dtype)
        if self._scratch is None or self._scratch.numel() < size or self._scratch.dtype != dtype:
            self._scratch = self._memory((max(size, _SLICE),), device, dtype)
        return self._scratch[:size].view(shape)

    def _moved(self, use: _Use) -> _Use:
        """A use with what came back in lent memory, so that what follows in the backward pass takes the place where it was."""
        if self._loan is None or use.d.device.type != "cpu" or not is_product(use.rule) or use.d.numel() < _LARGE:
            return use
        return replace(use, d=self._loan.take(tuple(use.d.shape), use.d.device, use.d.dtype).copy_(use.d))

    def _memory(self, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
        if self._loan is None:
            return torch.empty(shape, device=device, dtype=dtype)
        return self._loan.take(shape, device, dtype)

    def _keep(self, entry: _Entry, use: _Use) -> None:
        """Turn a use into rows at once, in lent memory where that is worth it."""
        parameter = entry.parameter
        size = self.count * parameter.numel()
        if self.keep_rows and entry.rows is None and is_product(use.rule) and size >= _LARGE:
            entry.rows = self._memory((self.count, *parameter.shape), use.d.device, _wide(parameter))
            write_products(use.rule, use.a, use.d, use.segments, entry.rows, 0, _length(parameter))
        else:
            self._add(entry, use.rows(0, _length(parameter)))

    def _to_rows(self, entry: _Entry) -> None:
        for use in entry.uses:
            self._add(entry, use.rows(0, _length(entry.parameter)))
        entry.uses.clear()

    @staticmethod
    def _add(entry: _Entry, rows: Tensor) -> None:
        if entry.rows is None:
            entry.rows = rows
        else:
            entry.rows += rows


def _times(x: Tensor, scale: Tensor, shared: _Shared) -> Tensor:
    """Rows (n, ...) times a number each (n,)."""
    out = shared(tuple(x.shape), x.device, x.dtype)
    return torch.mul(x, scale.view(-1, *(1,) * (x.ndim - 1)), out=out)


def _used(entries: list[_Entry], reduce: Callable[[Tensor], Tensor] | None) -> Tensor | None:
    """Which embeddings were read by anyone; None where a parameter is not only an embedding."""
    uses = [use for entry in entries for use in entry.uses]
    if any(not isinstance(use.layer, nn.Embedding) for use in uses) or (not uses and reduce is None):
        return None
    read = torch.zeros(_length(entries[0].parameter), device=entries[0].parameter.device)
    for use in uses:
        read[use.a[use.a >= 0]] = 1.0
    if reduce is not None:
        read = reduce(read)
    return read.nonzero().squeeze(-1)


def _renumbered(use: _Use, index: Tensor) -> _Use:
    """The same use of embeddings counted among those that were read."""
    place = torch.searchsorted(index, use.a)
    return _Use(use.rule, use.layer, torch.where(use.a >= 0, place, -1), use.d, use.segments)


def _wide(parameter: nn.Parameter) -> torch.dtype:
    return torch.float32 if parameter.dtype in (torch.float16, torch.bfloat16) else parameter.dtype


def _length(parameter: nn.Parameter) -> int:
    """The size of the first dimension; a single number is one row."""
    return parameter.shape[0] if parameter.ndim else 1
