from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from polycritic.critic.backbones._backbone import Backbone, Tokens
from polycritic.tasks import Text


class Counted(Backbone):
    """Reads nothing: its critic knows what can be counted alone (length, overlap, repetition; see :func:`surface`).

    Such a critic is a regression for many tasks, fitted on thousands of rows in seconds before the first step: what a network
    has to beat. Single steps of a response are not judged.

    >>> from polycritic.core import Candidate, Task
    >>> backbone = Counted()
    >>> ids, mask = backbone.collate(backbone.tokenize([backbone.render(Task("t"), Candidate("a b", "c"))]))
    >>> backbone.pool(backbone(ids, mask), mask)
    tensor([[0.]])
    """

    dim = 1

    def tokenize(self, texts: Sequence[Text]) -> list[Tokens]:
        """One token for each text, whatever it says."""
        return [Tokens((0,), (-1,) * len(text.pieces)) for text in texts]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Zeros (s, l, 1)."""
        del mask
        return torch.zeros(*ids.shape, 1, device=ids.device)

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Zeros (s, 1)."""
        del mask
        return states[:, 0]

    def spec(self) -> dict[str, object]:
        """Nothing has to be said."""
        return {}

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    @classmethod
    def restore(cls, spec: dict[str, object], folder: Path) -> Counted:
        """As it was."""
        del spec, folder
        return cls()
