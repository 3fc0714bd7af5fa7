"""Answers worked out by hand, for one problem of each world (seed 5, difficulty 2)."""

from dataclasses import replace

import pytest

from polycritic.worlds import WORLDS
from polycritic.worlds.families import _json_objects, _program_synthesis

# World: part of the prompt; answers that are right; answers that are wrong.
BY_HAND = {
    "code/list_operations": (
        "Start from [4, 2, 12, 12, 13]. Multiply each by 2.",
        ["[8, 4, 24, 24, 26]", "[8,4,24,24,26]", "Doubling gives this.\nAnswer: [8, 4, 24, 24, 26]"],
        ["[8, 4, 24, 24]", "8, 4, 24, 24, 26", "[8, 4, 24, 26, 24]", "[8.0, 4, 24, 24, 26]", "[4, 2, 12, 12, 13]"],
    ),
    "code/program_synthesis": (
        "f(s) in Python: it returns s with its last 2 letters in upper case",
        [
            "def f(s):\n    n = len(s) - 2\n    return s[:n] + s[n:].upper()",
            "```python\ndef last(s):\n    return s[-2:]\n\ndef f(s):\n    return s[0:-2] + last(s).upper()\n```",
            "def f(s):\n    out = ''\n    for i, c in enumerate(s):\n        if i < len(s) - 2:\n            out += c\n"
            "        else:\n            out += c.upper()\n    return out",
        ],
        [
            "def f(s):\n    return s[:-2] + s[-1:].upper()",
            "def f(s):\n    return 'banaNA'",
            "def g(s):\n    return s[:-2] + s[-2:].upper()",
            "s[:-2] + s[-2:].upper()",
            "def f(s):\n    while True:\n        pass",
            "def f(s):\n    return __import__('os').getcwd()",
        ],
    ),
    "code/python_expressions": ("max([7, 6, 12, 4, 4, 11]) - 2", ["10", "Answer: 10"], ["'10'", "10.0", "9", "12 - 2", "ten"]),
    "facts/answer_relevance": (
        "Who owns the Irwin harbour?",
        ["Mia Webb owns the Irwin harbour.", "The Irwin harbour belongs to Paul Lund."],
        ["The Irwin harbour was built in 1790.", "Mia Webb owns the Irwin mill.", "Mia Webb", "I do not know."],
    ),
    "facts/extracting_fields": (
        "Extract the fields city and date",
        ["city: Graz\ndate: 19 March", "Answer:\ncity: Graz\ndate: 19 March"],
        ["date: 19 March\ncity: Graz", "city: Graz\ndate: 28 June", "city: Graz", "Graz, 19 March"],
    ),
    "facts/grounded_summary": (
        "height: 29\n- city: Graz\n- architect: Uma Grant",
        [
            "The Lund library was planned by Uma Grant and stands in Graz. It rises 29 metres.",
            "The Lund library is in Graz. It is 29 metres high, and was designed by Uma Grant.",
        ],
        [
            "The Lund library rises 92 metres and is in Graz. It was designed by Uma Grant.",
            "The Lund library rises 29 metres and is in Graz.",
            "The Lund library rises 29 metres and is in Graz. It was designed by Uma Grant and opened in 1900.",
            "The Lund library rises 29 metres and is in Graz. It was designed by Uma Grant and is lovely.",
            "The Reed library rises 29 metres and is in Graz. It was designed by Uma Grant.",
            "- height: 29\n- city: Graz\n- architect: Uma Grant",
        ],
    ),
    "facts/table_lookup": ("Find the item that is first in sold.", ["drum"], ["pen", "63", "item", "sold", "Drum"]),
    "facts/where_things_are": ("Where is the mug?", ["attic", "the attic"], ["library", "garden", "Kate", "attic or garden"]),
    "format/json_objects": (
        '"name" (a string), "hobbies" (a list of 2 strings) and "married" (true or false)',
        [
            '{"name": "", "hobbies": ["a", "b"], "married": false}',
            '{\n  "married": true,\n  "hobbies": ["x", "x"],\n  "name": "Al"\n}',
        ],
        [
            '{"name": "Al", "hobbies": ["a"], "married": false}',
            '{"name": "Al", "hobbies": ["a", 2], "married": false}',
            '{"name": "Al", "hobbies": {"a": "b", "c": "d"}, "married": false}',
            '{"name": "Al", "hobbies": ["a", "b"], "married": 1}',
            '{"name": "Al", "name": "Bo", "hobbies": ["a", "b"], "married": true}',
            '{"name": "Al", "hobbies": ["a", "b"]}',
            '{"name": "Al", "hobbies": ["a", "b"], "married": true, "age": 3}',
            "{'name': 'Al', 'hobbies': ['a', 'b'], 'married': True}",
        ],
    ),
    "format/stated_rules": (
        "about the sea, please. It has to have exactly 11 words, include the word 'harbour', end with '.' and begin with",
        [
            "Perhaps the sea in our old harbour was never quite calm.",
            "perhaps a sea, a harbour, some boats, and nothing else today.",
        ],
        [
            "Perhaps the sea in our old harbour was never calm.",
            "Perhaps the sea in our old town was never quite calm.",
            "Maybe the sea in our old harbour was never quite calm.",
            "Perhaps the sea in our old harbour was never quite calm!",
            "Perhaps the lake in our old harbour was never quite calm.",
            "Perhaps the sea in our old harbour\nwas never quite calm.",
        ],
    ),
    "logic/boolean_expressions": ("(not True or True or True)", ["True"], ["False", "true", "Yes", "True or False"]),
    "logic/grid_navigation": (
        "go 1 west, then 3 north, then 1 north",
        ["(-1, 4)", "Move 1: (-1, 0)\nMove 2: (-1, 3)\nMove 3: (-1, 4)\nAnswer: (-1, 4)"],
        ["(1, 4)", "(4, -1)", "-1, 4", "Move 1: (-1, 0)\nMove 2: (-1, 3)\nMove 3: (-1, 4)"],
    ),
    "logic/ordering": (
        "beginning with the tallest. Ben is shorter than Liam. Tess is shorter than Sam. Tess is taller than Liam.",
        ["Sam, Tess, Liam, Ben", "Sam,Tess,Liam,Ben"],
        ["Ben, Liam, Tess, Sam", "Sam, Liam, Tess, Ben", "Sam, Tess, Liam", "Sam, Tess, Liam, Ben, Ben", "Sam > Tess > Liam"],
    ),
    "logic/set_operations": (
        "What has Tess that Jack has not?",
        ["coin, cup, ring", "ring, coin, cup"],
        ["coin, cup", "coin, cup, ring, fan", "coin, cup, ring, lamp", "coin, cup, ring, ring", "coin cup ring"],
    ),
    "logic/tracking_swaps": (
        "Who has the lamp in the end?",
        ["Hugo", "Swap 1: Grace\nSwap 2: Hugo\nSwap 3: Hugo\nAnswer: Hugo"],
        ["Grace", "Ben", "the lamp", "hugo"],
    ),
    "math/arithmetic": ("18 + 19 - 10", ["27", "Answer: 27"], ["26", "27.0", "twenty-seven", "18 + 9"]),
    "math/comparing_quantities": ("largest: 0.31, 2/8, 29%, 0.70?", ["0.70"], ["0.31", "2/8", "0.7", "70%"]),
    "math/counting_objects": ("How many tools do I have?", ["13"], ["12", "14", "3", "21", "thirteen"]),
    "math/dates": (
        "Counting from December 22, 2005, give the date 21 days after that.",
        ["2006-01-12"],
        ["2006-01-11", "2005-12-01", "12/01/2006", "2006-1-12", "2006-13-45"],
    ),
    "math/number_bases": ("Write 57 in hexadecimal.", ["39"], ["57", "0x39", "039", "93", "111001"]),
    "math/number_sequences": ("7, 21, 63, 189", ["567"], ["566", "315", "378", "189"]),
    "math/roman_numerals": ("34", ["XXXIV"], ["XXXIIII", "XXXVI", "xxxiv", "IVXXX", "34", "XXXIX"]),
    "math/shown_steps": (
        "I think of 14. Make it 3 times as large. Add 26. Add 12.",
        ["80", "Step 1: 14 * 3 = 42\nStep 2: 42 + 26 = 68\nStep 3: 68 + 12 = 80\nAnswer: 80"],
        ["79", "Step 1: 14 * 3 = 42\nStep 2: 42 + 26 = 68\nStep 3: 68 + 12 = 80", "Answer: about 80"],
    ),
    "math/unit_conversion": (
        "47 kilometres in metres?",
        ["47000 metres"],
        ["4700 metres", "47000", "47000 kilometres", "47 000 metres", "47000 m"],
    ),
    "text/anagrams": ("rearranged into 'planet'", ["ltpnea"], ["latent", "planet", "pabtnl", "ltpne", "ltpneaa", ""]),
    "text/counting_letters": ("Count the letter s in: butter silver", ["1"], ["0", "2", "one"]),
    "text/sorting_words": (
        "sailor corner velvet granite cloud",
        ["cloud corner granite sailor velvet"],
        ["cloud corner granite sailor", "corner cloud granite sailor velvet", "cloud, corner, granite, sailor, velvet"],
    ),
    "text/string_edits": (
        "Edit 'blanket': Replace each l by i. Double each a.",
        ["biaanket"],
        ["bianket", "blaanket", "BIAANKET"],
    ),
}  # fmt: skip


def test_every_world_has_answers_by_hand() -> None:
    assert BY_HAND.keys() == WORLDS.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_verifiers_agree_with_answers_by_hand(name: str) -> None:
    said, right, wrong = BY_HAND[name]
    world = WORLDS[name]
    problem = world.make(5, 2)
    assert said in problem.prompt
    assert [answer for answer in right if not world.verify(problem, answer)] == []
    assert [answer for answer in wrong if world.verify(problem, answer)] == []


def test_types_are_exact() -> None:
    """Whole numbers are neither true nor 3.0 nor "3"; a function that should return a list returns no tuple."""
    world, number = WORLDS["format/json_objects"], '{{"age": {}}}'
    problem = replace(world.make(0), data=_json_objects._Spec((("age", "number"),), length=2, turn=0))
    assert world.verify(problem, number.format(3))
    assert [
        v for v in ("true", "3.0", '"3"', "null", "[3]", "03", "NaN") if world.verify(problem, number.format(v))
    ] == []
    assert not world.verify(problem, '["age"]')
    world = WORLDS["code/program_synthesis"]
    spec = _program_synthesis._Spec(kind=2, k=2, tests=(((1, 2), (3, 4)), ((5,), (7,))))
    problem = replace(world.make(0), data=spec)
    assert world.verify(problem, "def f(xs):\n    for i in range(len(xs)):\n        xs[i] += 2\n    return xs")
    assert not world.verify(problem, "def f(xs):\n    return tuple([x + 2 for x in xs])")
    assert not world.verify(problem, "def f(xs):\n    return [3, 4]")


def test_steps_are_judged_by_what_they_state() -> None:
    world = WORLDS["math/shown_steps"]
    problem = world.make(5, 2)
    right = ("Step 1: 14 * 3 = 42\n", "Step 2: 42 + 26 = 68\n", "Step 3: 68 + 12 = 80\n", "Answer: 80")
    assert world.verify_steps(problem, right) == (True, True, True, True)
    assert world.verify_steps(problem, ("Let me see.\n" + right[0], *right[1:])) == (True, True, True, True)
    carried = ("Step 1: 14 * 3 = 42\n", "Step 2: 42 + 26 = 66\n", "Step 3: 66 + 12 = 78\n", "Answer: 78")
    assert world.verify_steps(problem, carried) == (True, False, False, False)
    mended = ("Step 1: 14 * 3 = 41\n", "Step 2: 42 + 26 = 68\n", "Step 4: 68 + 12 = 80\n", "Answer: 80")
    assert world.verify_steps(problem, mended) == (False, True, False, True)
    assert (
        world.verify_steps(problem, ("Step 1: 42\n", "Step 2: 42 + 2 = 68", "Step 3: 68 - -12 = 80", ""))
        == (False,) * 4
    )
    assert world.verify_steps(problem, (*right[:3], "Step 4: 80 + 0 = 80")) == (True, True, True, False)


def test_moves_are_judged_by_where_they_end() -> None:
    world = WORLDS["logic/grid_navigation"]
    problem = world.make(5, 2)
    steps = ("Move 1: (-1, 0)\n", "Move 2: (-1, -3)\n", "Move 3: (-1, 4)\n", "Answer: (-1, 4)")
    assert world.verify_steps(problem, steps) == (True, False, True, True)
    assert world.verify_steps(problem, ("Move 2: (-1, 0)\n", "Turn 2: (-1, 3)\n")) == (False, False)
    assert world.verify_steps(problem, (*steps[:3], "Move 4: (-1, 4)")) == (True, False, True, False)


def test_swaps_are_judged_by_who_holds_the_thing() -> None:
    world = WORLDS["logic/tracking_swaps"]
    problem = world.make(5, 2)
    assert world.verify_steps(problem, ("Swap 1: Grace\n", "Swap 2: Grace\n", "Swap 3: Ben\n", "Answer: Ben")) == (
        True,
        False,
        False,
        False,
    )
    assert world.verify_steps(problem, ("Swap 2: Grace\n", "Swap 2: Hugo\n", "Who?\n", "Answer: Hugo")) == (
        False,
        True,
        False,
        True,
    )
