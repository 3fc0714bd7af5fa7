"""Calibrators back from plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from polycritic.core import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polycritic.trust._trusted import Calibrator


def calibrator_from_dict(data: Mapping[str, object]) -> Calibrator:
    """A calibrator from what its ``to_dict`` wrote; ``kind`` names the class in :mod:`polycritic.trust`.

    Raises:
        PolycriticError: No calibrator has that name, or its numbers are missing.

    >>> from polycritic.trust import Temperature
    >>> calibrator_from_dict(Temperature(2.0, {"sums": 1.5}).to_dict())
    Temperature(pooled=2.0, tasks={'sums': 1.5})
    """
    from polycritic import trust

    kinds = {name: kind for name in trust.__all__ if hasattr(kind := getattr(trust, name), "from_dict")}
    return cast("Calibrator", kinds[lookup(str(data.get("kind")), kinds, "calibrator")].from_dict(data))
