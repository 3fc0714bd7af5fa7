"""Checkpoints: complete or not there at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from polycritic.core import PolycriticError

FORMAT = 1


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a state beside its place, then move it there: a kill at any moment leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """Read a state, or None where there is none.

    Raises:
        PolycriticError: It is damaged, or was written by another version.
    """
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError) as error:
        raise PolycriticError(
            "a damaged checkpoint", where=str(path), found=str(error).splitlines()[0], mend="Remove it to start anew"
        ) from error
    if state.get("format") != FORMAT:
        raise PolycriticError("a checkpoint of another version", where=str(path), found=str(state.get("format")))
    return state
