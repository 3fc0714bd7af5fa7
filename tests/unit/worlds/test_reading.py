from random import Random

from hypothesis import given
from hypothesis import strategies as st

from polycritic.worlds._padding import off_topic, padded
from polycritic.worlds._problem import answer_of
from polycritic.worlds._reading import integer, items, listed, misread, misspelt, off_by_little, swapped

seeds = st.integers(0, 10**6)


def test_what_counts_is_behind_the_last_answer() -> None:
    assert answer_of("12") == answer_of("Answer: 12") == answer_of("Answer: 3\nNo.\nAnswer:\n12\n") == "12"
    assert answer_of("It is 12.") == "It is 12."
    assert answer_of("Answer:") == ""


@given(st.integers(-(10**29), 10**29))
def test_integers_are_read(number: int) -> None:
    assert integer(str(number)) == number
    assert integer(f"−{abs(number)}") == -abs(number)
    for text in (f"{number}.", f"+{number}", f"{number} ", f"x{number}", f"{number}.0"):
        assert integer(text) is None


def test_what_is_no_integer() -> None:
    assert [integer(text) for text in ("", "-", "--1", "1_0", "٣", "1e3", "9" * 31)] == [None] * 7


@given(st.integers(-500, 10**6), seeds)
def test_little_errors(number: int, seed: int) -> None:
    near = off_by_little(number, Random(seed))
    assert near != number
    assert near >= 0 or number < 0
    assert integer(misread(number, Random(seed))) is None


@given(st.text("abc", min_size=1, max_size=8), seeds)
def test_misspellings_differ(text: str, seed: int) -> None:
    wrong = misspelt(text, Random(seed))
    assert wrong != text
    assert abs(len(wrong) - len(text)) <= 1


@given(st.lists(st.integers(0, 9).map(str), min_size=2, max_size=6, unique=True), seeds)
def test_swaps_change_two_neighbours(parts: list[str], seed: int) -> None:
    result = swapped(parts, Random(seed))
    assert sorted(result) == sorted(parts)
    assert sum(a != b for a, b in zip(result, parts, strict=True)) == 2


def test_lists_in_words() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert swapped(["a"], Random(0)) == ["a"]
    assert items("a") == ["a"]


@given(st.text("abc \n", min_size=1, max_size=80), seeds)
def test_asides_are_about_as_long(answer: str, seed: int) -> None:
    aside = off_topic((answer,), Random(seed))
    assert abs(len(aside) - len(answer)) <= 24


@given(st.text("abc\n", min_size=1, max_size=20), seeds)
def test_padding_keeps_the_answer(answer: str, seed: int) -> None:
    assert answer_of("".join(padded((answer,), Random(seed)))) == answer.strip()
    first, second = padded(("Step 1\n", answer), Random(seed))
    assert first.endswith("\nStep 1\n")
    assert second == answer
