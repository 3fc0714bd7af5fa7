"""From what commands measured to what reports show."""

from __future__ import annotations

import numpy as np

from polycritic.core import Binary
from polycritic.evaluation import Judged, Reliability, reliability

_LEAST_LABELS = 20
_MOST_DIAGRAMS = 8


def reliability_of(judged: Judged) -> dict[str, Reliability]:
    """Reliability tables of the right-or-wrong tasks with most labels, and of all of them together."""
    binary = [t for t in judged.tasks if isinstance(t.task.scale, Binary) and len(t.rated) >= _LEAST_LABELS]
    most = sorted(binary, key=lambda t: -len(t.rated))[:_MOST_DIAGRAMS]
    tables = {t.task.name: reliability(t.rated.scores[:, 0], t.rated.label) for t in most}
    if len(binary) > 1:
        scores = np.concatenate([t.rated.scores[:, 0] for t in binary])
        labels = np.concatenate([t.rated.label for t in binary])
        tables = {"all right-or-wrong tasks": reliability(scores, labels), **tables}
    return tables
