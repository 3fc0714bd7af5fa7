"""How fast feedback is read, checks included, beside pyarrow's own JSON reader, and how much memory it keeps.

    python benchmarks/feedback_read.py [--rows 1000000] [--repeats 3] [--json out.json]

Writes comparisons of 500 characters a row to a temporary file. Each reader runs in a process of its own, in turn, so that
the memory of one does not hide the other's. Ratios: pyarrow's time divided by ours (1 is as fast), and memory kept
divided by the Arrow size of the texts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

_CHARACTERS = 500
_READ = """
import gc, json, sys, time
import pyarrow as pa
from pyarrow import json as arrow_json
from polycritic.feedback import read

def resident():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))

who, path = sys.argv[1:]
arrow_json.read_json(pa.BufferReader(b'{"a": 1}'))
read([{"prompt": "p", "chosen": "a", "rejected": "b"}])
gc.collect()
before = resident()
start = time.perf_counter()
made = arrow_json.read_json(path) if who == "pyarrow" else read(path)
seconds = time.perf_counter() - start
gc.collect()
pa.default_memory_pool().release_unused()
kept = resident() - before
size = made.nbytes if who == "pyarrow" else 0
if who == "polycritic":
    row = made[len(made) // 2]
    assert row.first.response and len(made.tasks) == 8
print(json.dumps({"seconds": seconds, "kept": kept, "size": size, "rows": len(made), "pool": pa.total_allocated_bytes()}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "comparisons.jsonl"
        _write(path, options.rows)
        measured: dict[str, list[dict[str, float]]] = {"pyarrow": [], "polycritic": []}
        for _ in range(options.repeats):
            for who, runs in measured.items():
                done = subprocess.run(
                    [sys.executable, "-c", _READ, who, str(path)], check=True, capture_output=True, text=True
                )
                runs.append(json.loads(done.stdout))
        megabytes = path.stat().st_size / 1e6
    seconds = {who: [run["seconds"] for run in runs] for who, runs in measured.items()}
    size = measured["pyarrow"][0]["size"]
    result = {
        "rows": options.rows,
        "file_megabytes": round(megabytes, 1),
        "arrow_megabytes": round(size / 1e6, 1),
        "seconds": seconds,
        "speed_ratio": statistics.median(
            theirs / ours for theirs, ours in zip(seconds["pyarrow"], seconds["polycritic"], strict=True)
        ),
        "resident_ratio": {who: max(run["kept"] for run in runs) / size for who, runs in measured.items()},
        "arrow_pool_ratio": {who: max(run["pool"] for run in runs) / size for who, runs in measured.items()},
        "commit": _commit(),
        "threads": pa.cpu_count(),
        "versions": {"python": platform.python_version(), "pyarrow": pa.__version__, "numpy": np.__version__},
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    print(f"speed, checks included: {result['speed_ratio']:.2f} of pyarrow's reader (aim: 0.33 or more)")
    print(f"memory kept: {result['resident_ratio']['polycritic']:.2f} of the Arrow size (aim: under 1.5)")
    if options.json:
        options.json.write_text(text + "\n")


def _write(path: Path, rows: int) -> None:
    """Comparisons of 500 characters a row, over eight tasks."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(2_000)]
    with path.open("w") as file:
        for row in range(rows):
            text = " ".join(draw.choices(words, k=120))[: _CHARACTERS - 60]
            cut = draw.randint(100, 200)
            record = {
                "task": f"family/task_{row % 8}",
                "prompt": f"{row} {text[:100]}",
                "chosen": text[100 : 100 + cut],
                "rejected": text[100 + cut :],
            }
            file.write(json.dumps(record) + "\n")


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
