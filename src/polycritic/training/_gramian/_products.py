"""Inner products of rows with each other."""

from __future__ import annotations

from functools import cache

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

_LARGE = 1 << 20
"""How many numbers are worth asking NumPy."""

_BLOCK = 32
"""How many rows are multiplied by all that follow at a time: fewer would be slower than the products they save."""


def products(rows: Tensor) -> Tensor:
    """Inner products (t, t) of rows (t, k), in double precision.

    On one thread NumPy multiplies large rows: it sees that the product is symmetric and takes three quarters of the time. On
    several its threads and torch's would stand in each other's way.

    >>> products(torch.tensor([[1.0, 2.0], [0.0, 3.0]]))
    tensor([[5., 6.],
            [6., 9.]], dtype=torch.float64)
    """
    count = len(rows)
    if rows.device.type == "cpu" and rows.numel() >= _LARGE and torch.get_num_threads() == 1:
        held = rows.detach().numpy()
        with _controller().limit(limits=1, user_api="blas"):
            return torch.from_numpy(held @ held.T).double()
    if count <= _BLOCK or rows.device.type != "cpu":
        return (rows @ rows.T).double()
    out = torch.empty(count, count, dtype=torch.float64)
    for start in range(0, count, _BLOCK):  # each pair of tasks once
        block = rows[start : start + _BLOCK] @ rows[start:].T
        out[start : start + _BLOCK, start:] = block
        out[start:, start : start + _BLOCK] = block.T
    return out


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
