"""Imports go downwards, and the judgement tower starts without torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import polycritic

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "polycritic"
LEARNING = {"critic", "training", "relations", "curation", "growth", "policy", "serving", "cli"}
WITHOUT_TORCH = sorted(
    ".".join(path.parent.relative_to(SOURCE.parent).parts)
    for path in SOURCE.glob("*/**/__init__.py")
    if path.relative_to(SOURCE).parts[0] not in LEARNING
)
HEAVY = ("torch", "transformers", "peft", "accelerate", "pandas", "matplotlib")


def test_layers() -> None:
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("name", ["polycritic", *WITHOUT_TORCH])
def test_starts_without_torch(name: str) -> None:
    """In a fresh interpreter: the room's door loads, quickly, and none of the heavy libraries with it."""
    code = (
        "import sys, time; start = time.process_time(); "
        f"import {name}; seconds = time.process_time() - start; "
        f"print(seconds, *[m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    seconds, *loaded = done.stdout.split()
    assert loaded == []
    assert float(seconds) < 1.5  # of processor time; a tenth to half a second on an idle machine


def test_the_front_door_is_complete() -> None:
    assert set(polycritic.__all__) == set(polycritic._HOMES)
    for name in polycritic.__all__:
        assert getattr(polycritic, name).__module__.startswith(f"polycritic.{polycritic._HOMES[name]}")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        polycritic.nonsense  # noqa: B018
