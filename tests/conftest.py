"""What every test relies on: no network, no surprises from random numbers."""

import os

# Hub clients look for updates unless told not to; tests never reach out.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
# Tests run on all cores side by side; each keeps to one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("default")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def real_data() -> Path:
    """The folder of real judged outputs beside the project; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real judged outputs in ../shared/data")
    return folder
