"""A generator over recorded candidates."""

import pytest

from polycritic.core import Candidate, Comparison, Generator
from polycritic.decision import Recorded

CANDIDATES = [Candidate("p", f"{x}{i}") for x in "ab" for i in range(5)] + [Candidate("q", "c")]
START = Candidate("p", "")


def test_draws_without_replacement_by_seed() -> None:
    recorded = Recorded([*CANDIDATES, *CANDIDATES])
    assert isinstance(recorded, Generator)
    (whole,) = recorded.generate([START], 10, seed=0)
    assert sorted(whole, key=lambda c: c.response) == CANDIDATES[:10]
    assert recorded.generate([START], 4, seed=0) == [whole[:4]]
    assert recorded.generate([START], 10, seed=1) != [whole]
    assert repr(recorded) == "Recorded(11 candidates of 2 prompts)"
    assert recorded.prompts == ("p", "q")


def test_prompts_do_not_depend_on_company() -> None:
    recorded = Recorded(CANDIDATES)
    alone = recorded.generate([START], 1, seed=3)
    assert recorded.generate([Candidate("q", ""), START], 1, seed=3)[1:] == alone


def test_what_has_begun_is_continued() -> None:
    (drawn,) = Recorded(CANDIDATES).generate([Candidate("p", "b")], 5, seed=0)
    assert {c.response[0] for c in drawn} == {"b"}


def test_too_few_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"prompt 'p': not enough recorded candidates: expected 6 or more, found 5\. Ask"
    ):
        Recorded(CANDIDATES).generate([Candidate("p", "a")], 6, seed=0)
    with pytest.raises(ValueError, match=r"prompt 'unknown': .* found 0"):
        Recorded(CANDIDATES).generate([Candidate("unknown", "")], 1, seed=0)


def test_from_feedback() -> None:
    row = Comparison(task="t", first=CANDIDATES[0], second=CANDIDATES[1])
    assert Recorded.from_feedback([row, row]).generate([START], 2, seed=0)[0] != []
