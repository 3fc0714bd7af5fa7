"""What probes write into a folder: weights in safetensors, their shape in JSON, nothing that is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from polycritic.core import PolycriticError


def write(folder: Path | str, name: str, module: nn.Module, shape: dict[str, Any]) -> None:
    """Write ``NAME.safetensors`` and ``NAME.json``."""
    from safetensors.torch import save_file

    Path(folder).mkdir(parents=True, exist_ok=True)
    state = {k: v.cpu().contiguous() for k, v in module.state_dict().items()}
    save_file(state, Path(folder) / f"{name}.safetensors")
    (Path(folder) / f"{name}.json").write_text(json.dumps(shape), encoding="utf-8")


def read(folder: Path | str, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The shape and the weights that :func:`write` wrote.

    Raises:
        PolycriticError: They are not there.
    """
    from safetensors.torch import load_file

    path = Path(folder) / f"{name}.json"
    if not path.is_file():
        raise PolycriticError(f"not a {name}'s folder", where=str(folder), expected=f"{name}.json")
    shape: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return shape, load_file(path.with_suffix(".safetensors"))
