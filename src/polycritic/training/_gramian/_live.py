"""Tokens that say nothing: padding, and all that a last layer reads beside the states that are pooled."""

from __future__ import annotations

import torch
from torch import Tensor

from polycritic.training._gramian._segments import Segments

_LOOKED_AT = 8
"""How many of a token's numbers are looked at first: all are only where somewhere these are zero."""

_WORTH = 0.9
"""The largest share of tokens that are worth gathering."""

_FILLED = 1.25
"""How much is filled up at most to give every task as many tokens; one product for all is faster by about as much."""


def live(a: Tensor, d: Tensor, segments: Segments) -> tuple[Tensor, Tensor, Segments]:
    """Leave out tokens whose gradient is zero: they add nothing to any parameter's.

    Args:
        a: (n, l, q) what went in, rows task by task.
        d: (n, l, p) what came back.
        segments: The rows by task.

    Returns:
        The same, of fewer tokens: (t, m, ...) where tasks have about as many left, else (tokens left, ...).

    >>> d = torch.tensor([[[1.0], [0.0]], [[0.0], [2.0]]])
    >>> _, left, segments = live(torch.zeros(2, 2, 3), d, Segments.of(torch.tensor([0, 1]), 2))
    >>> left.flatten().tolist(), segments.sizes
    ([1.0, 2.0], (1, 1))
    """
    if d.ndim != 3 or a.shape[:-1] != d.shape[:-1]:
        return a, d, segments
    silent = silent_tokens(d)
    if silent is None:
        return a, d, segments
    total = len(silent) - int(silent.sum())
    by_row = d.shape[1] - silent.view(d.shape[:2]).sum(1)
    sizes = [int(by_row[rows].sum()) for _, rows in segments]
    token = (~silent).nonzero().squeeze(1)
    most = max(sizes)
    if most * len(sizes) <= _FILLED * total:
        each = torch.tensor(sizes, device=d.device)
        place = torch.arange(total, device=d.device)
        task = torch.arange(len(sizes), device=d.device).repeat_interleave(each)
        place = place + (torch.arange(len(sizes), device=d.device) * most - (each.cumsum(0) - each))[task]
        filled = silent.nonzero()[0].expand(len(sizes) * most).clone()  # a token whose gradient is zero
        token = filled.index_copy_(0, place, token)
        shape, sizes = [len(sizes), most], [1] * len(sizes)
    else:
        shape = [total]
    a, d = (x.reshape(-1, x.shape[-1])[token].view(*shape, x.shape[-1]) for x in (a, d))
    return a, d, Segments(segments.count, None, segments.tasks, tuple(sizes))


def silent_tokens(d: Tensor) -> Tensor | None:
    """Which tokens' gradients are zero, of (n, l, p) in one row (n * l,), or None where too few are to leave them out.

    >>> silent_tokens(torch.tensor([[[1.0], [0.0]], [[0.0], [2.0]]]))
    tensor([False,  True,  True, False])
    """
    flat = d.reshape(-1, d.shape[-1])
    if bool(flat[:, :_LOOKED_AT].any(1).all()):
        return None
    silent = (flat.amax(1) == 0.0) & (flat.amin(1) == 0.0)
    return silent if len(silent) - int(silent.sum()) <= _WORTH * len(silent) else None
