"""Which of a backbone's weights are trained."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from polycritic.core import PolycriticError


@dataclass(frozen=True, slots=True)
class Full:
    """Train the layers themselves.

    Args:
        frozen_layers: How many layers, from the bottom, stay as they are: each one saves its backward pass.
        embeddings: Whether the token embeddings are trained too. They are half of a small model's weights, and few rows
            touch each.

    >>> Full(frozen_layers=2)
    Full(frozen_layers=2, embeddings=False)
    """

    frozen_layers: int = 0
    embeddings: bool = False

    def apply(self, model: nn.Module) -> nn.Module:
        """Freeze what is not trained."""
        layers = _layers(model)
        if not 0 <= self.frozen_layers <= len(layers):
            raise PolycriticError("bad frozen_layers", found=str(self.frozen_layers), expected=f"0 to {len(layers)}")
        for layer in layers[: self.frozen_layers]:
            layer.requires_grad_(False)
        if not self.embeddings:
            for module in model.modules():
                if isinstance(module, nn.Embedding):
                    module.requires_grad_(False)
            embeddings = getattr(model, "embeddings", None)
            if isinstance(embeddings, nn.Module):
                embeddings.requires_grad_(False)
        return model


@dataclass(frozen=True, slots=True)
class Frozen:
    """Train nothing of the backbone; only what stands on it learns.

    >>> Frozen()
    Frozen()
    """

    def apply(self, model: nn.Module) -> nn.Module:
        """Freeze everything."""
        return model.requires_grad_(False)


@dataclass(frozen=True, slots=True)
class LoRA:
    """Train low-rank additions to the linear layers (through peft), which merge into the weights afterwards.

    Args:
        rank: Rank of each addition.
        alpha: Scale; the addition is multiplied by ``alpha / rank``.
        targets: Endings of the names of the layers to adapt; empty means all linear layers.

    >>> LoRA(rank=8)
    LoRA(rank=8, alpha=16, targets=())

    References:
        Hu et al. (2022), LoRA: Low-Rank Adaptation of Large Language Models.
    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = ()

    def apply(self, model: nn.Module) -> nn.Module:
        """Freeze the weights and put adapters beside them."""
        from peft import LoraConfig, inject_adapter_in_model

        targets = list(self.targets) or sorted(
            {name for name, module in model.named_modules() if isinstance(module, nn.Linear) and "pooler" not in name}
        )
        config = LoraConfig(r=self.rank, lora_alpha=self.alpha, target_modules=targets, lora_dropout=0.0)
        adapted: nn.Module = inject_adapter_in_model(config, model.requires_grad_(False))
        return adapted


Tuning = Full | Frozen | LoRA


def _layers(model: nn.Module) -> list[nn.Module]:
    """The longest list of modules in a model: its layers."""
    lists: list[nn.ModuleList] = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return list(max(lists, key=len)) if lists else []  # type: ignore[arg-type]
