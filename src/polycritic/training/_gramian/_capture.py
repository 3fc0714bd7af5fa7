"""Watching layers: what went in is kept by the graph itself, what comes back is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from polycritic.core import PolycriticError
from polycritic.training._gramian._ledger import Ledger
from polycritic.training._gramian._live import live, silent_tokens
from polycritic.training._gramian._rules import Rule, is_by_token, rules
from polycritic.training._gramian._segments import Segments

_MEND = "Take SubBatches() or Passes(), which ask nothing of the layers"


class Capture:
    """Within this context, gradients of a ledger's parameters are recorded task by task instead of being summed.

    The parameters are taken out of the graph, so that nothing is computed twice, and an identity behind every layer keeps the
    layer's input in the graph: checkpointing lets go of it and makes it again like any other.

    Args:
        model: What reads the batch. Rows of the batch are counted through its calls, in order.
        ledger: Where recorded uses go.

    Raises:
        PolycriticError: A layer's parameters have no rule, or rows of the batch are mixed in the model.
    """

    def __init__(self, model: nn.Module, ledger: Ledger) -> None:
        self.model, self.ledger = model, ledger
        self.calls: list[tuple[int, int]] = []
        self.owner: Tensor | None = None
        self._segments: dict[int, Segments] = {}
        held = {id(p) for p in model.parameters()}
        self.parameters = {name: p for name, p in ledger.parameters.items() if id(p) in held}
        self._layers = watched(model, self.parameters)
        self._hooks: list[Any] = []
        self._frozen: list[nn.Parameter] = []
        self.anchor = torch.zeros((), requires_grad=True)
        self.probe: Tensor | None = None
        self.silent = False

    def __enter__(self) -> Capture:
        self._hooks.append(self.model.register_forward_pre_hook(self._call, with_kwargs=True))
        for layer, ruled in self._layers.items():
            hook = _LayerHook(self, ruled)
            self._hooks.append(layer.register_forward_hook(hook, with_kwargs=True))
        self._frozen = [p for p in self.parameters.values() if p.requires_grad]
        for p in self._frozen:
            p.requires_grad_(False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the parameters back to the graph; what was recorded stays."""
        for hook in self._hooks:
            hook.remove()
        for p in self._frozen:
            p.requires_grad_(True)
        self._hooks, self._frozen = [], []

    def own(self, owner: Tensor) -> None:
        """Say which task each row read so far belongs to (s,); rows of -1 are not recorded."""
        read = sum(rows for _, rows in self.calls)
        if len(owner) != read:
            raise PolycriticError("owners of other rows", found=f"{len(owner)} owners", expected=f"{read}")
        self.owner, self._segments = owner, {}

    def segments(self, call: int) -> Segments:
        """The rows of one call by task."""
        if call not in self._segments:
            assert self.owner is not None
            start, rows = self.calls[call]
            self._segments[call] = Segments.of(self.owner[start : start + rows], self.ledger.count)
        return self._segments[call]

    def record(self, layer: nn.Module, ruled: Mapping[str, Rule], call: int, a: Tensor, d: Tensor) -> None:
        """A layer's gradient came back."""
        if self.probe is not None:
            self._compare(layer, call, d)
            return
        if self.silent:
            return
        if self.owner is None:
            raise PolycriticError("a backward pass before the rows' tasks are known", mend="Call own() first")
        segments = self.segments(call)
        if not segments.tasks:
            return
        if isinstance(layer, nn.Embedding):
            a = a.expand(d.shape[:-1])
            if layer.padding_idx is not None:
                a = torch.where(a == layer.padding_idx, -1, a)
        a, d = segments.take(a), segments.take(d)
        if is_by_token(layer):
            a, d, segments = live(a, d, segments)
        for name, rule in ruled.items():
            self.ledger.record(getattr(layer, name), (rule, layer, a, d, segments))

    def _compare(self, layer: nn.Module, call: int, d: Tensor) -> None:
        """What came from some rows only must have come back to these rows only."""
        assert self.probe is not None
        start, rows = self.calls[call]
        strangers = d[~self.probe[start : start + rows]]
        if bool((strangers != 0.0).any()):
            raise PolycriticError(
                "a layer in which rows of the batch are mixed, or do not come first",
                where=type(layer).__name__,
                found=f"an output of shape {tuple(d.shape)}",
                expected="rows that do not depend on each other, along the first dimension",
                mend=_MEND,
            )

    def _call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        del module
        if torch.is_grad_enabled() and not _in_backward():
            rows = next(x.shape[0] for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.ndim)
            start = sum(self.calls[-1]) if self.calls else 0
            self.calls.append((start, rows))


class _LayerHook:
    """Puts the identity behind a layer."""

    def __init__(self, capture: Capture, ruled: Mapping[str, Rule]) -> None:
        self.capture, self.ruled = capture, ruled

    def __call__(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> Tensor | None:
        if not torch.is_grad_enabled():
            return None
        capture = self.capture
        given: Tensor = next(x for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
        rows = capture.calls[-1][1] if capture.calls else -1
        if isinstance(layer, nn.Embedding) and out.shape[0] == 1 < rows:
            out = out.expand(rows, *out.shape[1:])  # positions read once for all rows
        if out.shape[0] != rows or given.shape[0] not in (1, rows) or (given.shape[0] != rows and out.shape[0] == 1):
            raise PolycriticError(
                "a layer that does not see the batch's rows",
                where=type(layer).__name__,
                found=f"{out.shape[0]} rows out, {given.shape[0]} in",
                expected=f"{rows}, as many as the model was given",
                mend=_MEND,
            )
        if given.is_floating_point() and given.dtype != out.dtype and out.dtype in (torch.float16, torch.bfloat16):
            given = given.to(out.dtype)
        if not _in_backward():
            for name in self.ruled:
                capture.ledger.expect(getattr(layer, name))
        back = _Back(capture, layer, self.ruled, len(capture.calls) - 1)
        if _is_plain_product(layer, given, out):
            product: Tensor = _Product.apply(given, capture.anchor, out.detach(), layer.weight, back)
            return product
        tapped: Tensor = _Tap.apply(out, capture.anchor, given.detach(), back)
        return tapped


class _Back:
    """Where a layer's gradient goes."""

    def __init__(self, capture: Capture, layer: nn.Module, ruled: Mapping[str, Rule], call: int) -> None:
        self.capture, self.layer, self.ruled, self.call = capture, layer, ruled, call

    def __call__(self, a: Tensor, d: Tensor) -> None:
        self.capture.record(self.layer, self.ruled, self.call, a, d)


class _Tap(torch.autograd.Function):
    """The identity; on the way back it shows the gradient."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, anchor: Tensor, given: Tensor, back: _Back) -> Tensor:
        del anchor  # makes the output part of the graph even where nothing before it is
        ctx.save_for_backward(given)
        ctx.back = back
        return out.view_as(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, None]:
        (gradient,) = gradients
        (given,) = ctx.saved_tensors
        ctx.back(given, gradient)
        return (gradient if ctx.needs_input_grad[0] else None), None, None, None


class _Product(torch.autograd.Function):
    """A linear layer, already computed; on the way back it shows the gradient, and passes none on of tokens that have none."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, anchor: Tensor, out: Tensor, weight: Tensor, back: _Back) -> Tensor:
        del anchor  # what the backward pass looks for
        ctx.save_for_backward(given, weight)
        ctx.back = back
        return out.view_as(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        (gradient,) = gradients
        given, weight = ctx.saved_tensors
        ctx.back(given.detach(), gradient)
        if not ctx.needs_input_grad[0]:
            return None, None, None, None, None
        silent = silent_tokens(gradient)
        if silent is None:
            return gradient @ weight, None, None, None, None
        flat = gradient.reshape(-1, gradient.shape[-1])
        token = (~silent).nonzero().squeeze(1)
        passed = flat.new_zeros(len(flat), weight.shape[1]).index_copy(0, token, flat[token] @ weight)
        return passed.view(given.shape), None, None, None, None


def _is_plain_product(layer: nn.Module, given: Tensor, out: Tensor) -> bool:
    """Whether a layer's gradient is but the product with a weight that needs none itself."""
    if not isinstance(layer, nn.Linear) or not given.requires_grad or any(p.requires_grad for p in layer.parameters()):
        return False
    return given.dtype == out.dtype == layer.weight.dtype and given.shape[:-1] == out.shape[:-1]


def watched(model: nn.Module, parameters: Mapping[str, nn.Parameter]) -> dict[nn.Module, dict[str, Rule]]:
    """The layers that hold the parameters, with the rules of those they hold.

    Raises:
        PolycriticError: A parameter has no rule, or the model mixes the rows of a batch.
    """
    wanted = {id(p): name for name, p in parameters.items()}
    layers: dict[nn.Module, dict[str, Rule]] = {}
    for place, layer in model.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training:
            raise PolycriticError("a layer that mixes the rows of a batch", where=place, found=type(layer).__name__)
        if isinstance(layer, nn.MultiheadAttention) and any(id(p) in wanted for p in layer.parameters()):
            raise PolycriticError(
                "a layer whose gradient has no rule", where=place, found="MultiheadAttention", mend=_MEND
            )
        mine = {name: p for name, p in layer.named_parameters(recurse=False) if id(p) in wanted}
        if not mine:
            continue
        known = rules(layer)
        if known is None or not set(mine) <= set(known):
            raise PolycriticError(
                "a layer whose gradient has no rule",
                where=place or "the model itself",
                found=f"{type(layer).__name__} with {', '.join(mine)}",
                expected="linear, convolution, embedding or normalisation layers",
                mend=_MEND,
            )
        layers[layer] = {name: known[name] for name in mine}
    return layers


def _in_backward() -> bool:
    """Whether a checkpoint is making its part anew."""
    return torch._C._current_graph_task_id() != -1
