"""Judges that are no critic."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from polycritic.core import Candidate, Interval, Task
from polycritic.judges import Function, Length, Random

CANDIDATES = [Candidate(f"p{i}", f"r{i}" * i) for i in range(400)]


def test_a_function_abstains_or_raises() -> None:
    judge = Function(lambda c, t: float("nan") if c.prompt == "p0" else 1.0)
    assert np.isnan(judge.score(CANDIDATES[:2], [Task("t")]).values[0, 0])

    def refuse(candidate: Candidate, task: Task) -> float:
        raise RuntimeError("cannot read this")

    with pytest.raises(RuntimeError, match="cannot read this"):
        Function(refuse).score(CANDIDATES[:1], [Task("t")])


def test_lengths_in_words() -> None:
    assert (Length().name, Length(sign=-1).name) == ("longer wins", "shorter wins")
    assert_allclose(Length(sign=-1).score(CANDIDATES[:3], [Task("t")]).of("t"), [0, -2, -4])
    with pytest.raises(ValueError, match="Length: bad sign: expected 1 or -1, found 2"):
        Length(sign=2)  # type: ignore[arg-type]


def test_lots_are_uniform_on_the_scale_and_independent() -> None:
    tasks = [Task("a", scale=Interval(-2, 6)), Task("b", scale=Interval(-2, 6))]
    values = Random().score(CANDIDATES, tasks).values
    assert -2 <= values.min() < -1.9
    assert 5.9 < values.max() < 6
    assert_allclose(values.mean(axis=0), 2.0, atol=0.4)
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.15
    assert not np.any(values == Random(seed=1).score(CANDIDATES, tasks).values)


def test_lots_do_not_see_who_wrote() -> None:
    one, other = (Random().score([Candidate("p", "r", model=m)], [Task("t")]).values for m in ("a", "b"))
    assert_allclose(one, other)
