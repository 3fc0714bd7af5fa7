"""How the gradient of a layer's parameter follows from what went in and what came back, task by task.

A rule yields a slice of the parameter's first dimension of every task's gradient: a large layer is never held for all tasks.
Rows of inputs and of gradients stand task by task.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional, grad

from polycritic.training._gramian._segments import Segments

Rule = Callable[[nn.Module, Tensor, Tensor, Segments, int, int], Tensor]
"""(layer, input (n, ...), gradient of the output (n, ...), segments, start, stop) -> (t, stop - start, ...)."""


def write_products(rule: Rule, a: Tensor, d: Tensor, segments: Segments, out: Tensor, start: int, stop: int) -> None:
    """Write a slice of a weight's gradients (t, stop - start, q) where they belong, by one of the rules of outer products."""
    left, right = (a, d) if rule is _transposed_weight else (d, a)
    _products(left[..., start:stop], right, segments, out)


def inner_products(a: Tensor, d: Tensor, segments: Segments) -> Tensor:
    r"""Inner products (t, t) of the tasks' sums of outer products, without making one, in double precision.

    .. math:: \langle \sum_i d_i a_i^\top, \sum_j d_j a_j^\top \rangle = \sum_{ij} (d_i^\top d_j)(a_i^\top a_j)

    >>> a, d = torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([[1.0], [2.0]])
    >>> inner_products(a, d, Segments.of(torch.tensor([0, 1]), 2))
    tensor([[ 5.,  6.],
            [ 6., 36.]], dtype=torch.float64)
    """
    tokens = math.prod(d.shape[1:-1])
    a, d = (single(x).reshape(-1, x.shape[-1]) for x in (a, d))
    owner = segments.spread(torch.arange(segments.count, device=d.device)).repeat_interleave(tokens)
    each = ((d @ d.T) * (a @ a.T)).double()
    out = each.new_zeros(segments.count, segments.count)
    return out.index_add(0, owner, each.new_zeros(len(d), segments.count).index_add(1, owner, each))


def is_product(rule: Rule) -> bool:
    """Whether a rule is one of outer products."""
    return rule in (_linear_weight, _transposed_weight)


def is_by_token(layer: nn.Module) -> bool:
    """Whether a layer does the same to each token, whichever stand beside it."""
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        return len(layer.normalized_shape) == 1
    return not isinstance(layer, nn.Conv1d | nn.Embedding)


def rules(layer: nn.Module) -> dict[str, Rule] | None:
    """The rule of each of a layer's own parameters, or None where a layer is of no known kind."""
    kind = type(layer)
    if kind is nn.Linear or (isinstance(layer, nn.Linear) and kind.forward is nn.Linear.forward):
        return {"weight": _linear_weight, "bias": _bias}
    if kind.__name__ == "Conv1D" and hasattr(layer, "nf"):  # transformers' linear layer with its weight transposed
        return {"weight": _transposed_weight, "bias": _bias}
    if isinstance(layer, nn.Embedding) and kind.forward is nn.Embedding.forward:
        plain = layer.max_norm is None and not layer.scale_grad_by_freq and not layer.sparse
        return {"weight": _embedding_weight} if plain else None
    if isinstance(layer, nn.LayerNorm) and kind.forward is nn.LayerNorm.forward:
        return {"weight": _layer_norm_weight, "bias": _layer_norm_bias}
    if isinstance(layer, nn.RMSNorm) or (kind.__name__.endswith("RMSNorm") or kind.__name__ == "T5LayerNorm"):
        plain = hasattr(layer, "weight") and _epsilon(layer) is not None and not hasattr(layer, "bias")
        return {"weight": _rms_norm_weight} if plain else None
    if isinstance(layer, nn.Conv1d) and kind.forward is nn.Conv1d.forward:
        plain = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        return {"weight": _convolution_weight, "bias": _convolution_bias} if plain else None
    return None


def _linear_weight(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    del layer
    return _products(d[..., start:stop], a, segments)


def _transposed_weight(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    del layer
    return _products(a[..., start:stop], d, segments)


def _products(left: Tensor, right: Tensor, segments: Segments, out: Tensor | None = None) -> Tensor:
    """The sum over each task's tokens of outer products, (t, p, q), of (n, ..., p) and (n, ..., q), in single precision."""
    p, q = left.shape[-1], right.shape[-1]
    left, right = single(left), single(right)
    if out is None and segments.count == 1 and len(segments.tasks) == 1:
        return (left.reshape(-1, p).T @ right.reshape(-1, q)).unsqueeze(0)
    if segments.even and left.ndim > 2:
        t = segments.count
        return torch.bmm(left.reshape(t, -1, p).transpose(1, 2), right.reshape(t, -1, q), out=out)
    out = left.new_zeros(segments.count, p, q) if out is None else out.zero_()
    for task, rows in segments:
        torch.mm(left[rows].reshape(-1, p).T, right[rows].reshape(-1, q), out=out[task])
    return out


def _bias(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    del layer, a
    d = single(d[..., start:stop])
    return segments.sums(d.flatten(1, -2).sum(1) if d.ndim > 2 else d)


def _layer_norm_weight(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    assert isinstance(layer, nn.LayerNorm)
    return _gains(functional.layer_norm(single(a), layer.normalized_shape, eps=layer.eps), d, layer, segments)[
        :, start:stop
    ]


def _layer_norm_bias(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    del a
    assert isinstance(layer, nn.LayerNorm)
    return _gains(None, d, layer, segments)[:, start:stop]


def _gains(normed: Tensor | None, d: Tensor, layer: nn.LayerNorm | nn.RMSNorm, segments: Segments) -> Tensor:
    shape = layer.normalized_shape
    product = single(d) if normed is None else normed * single(d)
    return segments.sums(product.reshape(len(d), -1, *shape).sum(1))


def _rms_norm_weight(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    a, epsilon = single(a), _epsilon(layer)
    assert isinstance(layer.weight, Tensor)
    assert epsilon is not None
    shape = layer.weight.shape
    normed = a * torch.rsqrt(a.square().mean(tuple(range(-len(shape), 0)), keepdim=True) + epsilon)
    return segments.sums((normed * single(d)).reshape(len(d), -1, *shape).sum(1))[:, start:stop]


def _epsilon(layer: nn.Module) -> float | None:
    if isinstance(layer, nn.RMSNorm):
        return torch.finfo(torch.float32).eps if layer.eps is None else layer.eps
    for name in ("variance_epsilon", "eps"):
        if isinstance(getattr(layer, name, None), float):
            return float(getattr(layer, name))
    return None


def _embedding_weight(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    del layer
    width = d.shape[-1]
    owner = segments.spread(torch.arange(segments.count, device=d.device))
    token, owner = a.flatten(), owner.repeat_interleave(a[0].numel() if len(a) else 1)
    here = (token >= start) & (token < stop)  # padding is counted as -1
    place = owner[here] * (stop - start) + token[here] - start
    out = torch.zeros(segments.count * (stop - start), width, device=d.device)
    return out.index_add(0, place, single(d).reshape(-1, width)[here]).view(segments.count, stop - start, width)


def _convolution_weight(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    assert isinstance(layer, nn.Conv1d)
    out = torch.zeros(segments.count, *layer.weight.shape, device=d.device)
    for task, rows in segments:
        out[task] = grad.conv1d_weight(
            single(a[rows]),
            layer.weight.shape,
            single(d[rows]),
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
        )
    return out[:, start:stop]


def _convolution_bias(layer: nn.Module, a: Tensor, d: Tensor, segments: Segments, start: int, stop: int) -> Tensor:
    del layer, a
    return segments.sums(single(d[:, start:stop]).sum(-1))


def single(x: Tensor) -> Tensor:
    """Half precision as single precision, all else as it is."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
