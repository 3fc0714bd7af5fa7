"""Every Python block of the README and the documentation runs; the blocks of one file follow each other."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from polycritic.critic import losses

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+|~~~+)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=indent)(?P=fence)[ ]*$", re.M | re.S
)


def blocks(text: str) -> list[tuple[int, str, str]]:
    """The fenced blocks of a text: line of the first line of code, info string, code."""
    return [
        (text.count("\n", 0, found.start("body")) + 1, found["info"].strip(), found["body"])
        for found in _FENCE.finditer(text)
    ]


def is_python(info: str) -> bool:
    """Whether an info string claims to be Python, in any way of writing it."""
    return bool(re.match(r"\{?(code-block\}\s*|code\}\s*)?(python3?|py|pycon)\b", info, re.I))


def test_blocks_are_found() -> None:
    text = "a\n```python\nx = 1\n```\n```bash\nls\n```\n```python no-run\ny\n```\n"
    assert blocks(text) == [(3, "python", "x = 1\n"), (6, "bash", "ls\n"), (9, "python no-run", "y\n")]
    assert [is_python(info) for _, info, _ in blocks(text)] == [True, False, True]
    assert is_python("{code-block} python")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_python_block_can_be_run(path: Path) -> None:
    claims = [info for _, info, _ in blocks(_text(path)) if is_python(info)]
    assert claims == ["python"] * len(claims)


def test_the_readme_shows_python() -> None:
    text = _text(ROOT / "README.md")
    if not text.strip():
        pytest.skip("the README is not written yet")
    assert any(info == "python" for _, info, _ in blocks(text))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


WITH_PYTHON = [path for path in FILES if any(info == "python" for _, info, _ in blocks(_text(path)))]


@pytest.mark.parametrize("path", WITH_PYTHON, ids=lambda path: path.name)
def test_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, info, code in blocks(_text(path)):
        if info == "python":  # errors and tracebacks tell the line of the page
            exec(compile("\n" * (line - 1) + code, str(path), "exec"), namespace)


def test_the_loss_of_contributing_is_new_and_keeps_its_laws() -> None:
    laws, values = (
        import_module(name) for name in ("tests.laws.test_losses", "tests.reference.test_critic_losses_scalars")
    )
    found = [code for _, _, code in blocks(_text(ROOT / "CONTRIBUTING.md"))]
    namespace: dict[str, Any] = {}
    exec(next(code for code in found if "def " in code), namespace)
    name = next(name for name in namespace if name.endswith("_loss"))
    assert name not in losses.__all__
    law = eval("{" + next(code for code in found if code.startswith(f'"{name}": Law(')) + "}", vars(laws))[name]
    for change in (lambda *same: same, *law.unchanged):
        assert_close(namespace[name](*change(*law.arguments())), namespace[name](*law.arguments()))
    assert_close(namespace[name](*law.least()), torch.zeros(laws.N, dtype=torch.float64))
    known = {**vars(values), name: namespace[name]}
    exec(next(code for code in found if code.startswith("def test_")), known)
    next(thing for word, thing in known.items() if word.startswith(f"test_{name.removesuffix('_loss')}"))()
