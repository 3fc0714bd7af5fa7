"""The page: whole, escaped, and nothing fetched."""

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from polycritic.core import Binary, Candidate, Comparison, Estimate, Feedback, Levels, Ranking, Rating, Task
from polycritic.decision import BestOfN, best_of_n_curve
from polycritic.evaluation import Evaluation, judge_all, measure_judged, mistakes, reliability
from polycritic.judges import Length
from polycritic.report import ReportData, read_log, write_report

HOSTILE = "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x00\ud800"
VISIBLE = "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\ufffd\ufffd"
VOID = {"meta", "wbr", "line", "rect", "circle", "path", "polyline", "polygon"}


class Page(HTMLParser):
    """Reads a page back: the tags, the attributes, the text; every tag must be closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def rows(tasks: list[Task], prompt: str = "prompt") -> list[Feedback]:
    rng = np.random.default_rng(0)
    found: list[Feedback] = []
    for task in tasks:
        for i in range(12):
            first, second = (Candidate(f"{prompt} {i}", f"{prompt}: response {k}" + "!" * (7 * i % 5)) for k in "ab")
            if isinstance(task.scale, Binary):
                found.append(Rating(task=task.name, candidate=first, value=float(rng.integers(2))))
            elif isinstance(task.scale, Levels):
                found.append(Rating(task=task.name, candidate=first, value=float(rng.integers(1, 4))))
            else:
                found.append(Comparison(task=task.name, first=first, second=second, preference=float(rng.integers(2))))
    return found


TASKS = [Task("right", "Is it right?", Binary()), Task("level", scale=Levels(("1", "2", "3"))), Task("better")]


def evaluations(tasks: list[Task], feedback: list[Feedback], *names: str) -> tuple[Evaluation, ...]:
    judged = [judge_all(Length(sign=-1 if i else 1), feedback, tasks, name=name) for i, name in enumerate(names)]
    return tuple(measure_judged(j, resamples=30) for j in judged)


def full(text: str = "text") -> ReportData:
    """A report in which every section is there, and every text is ``text``."""
    name = text.replace("/", "|")  # what a slash does to a name is another matter
    tasks = [replace(t, name=f"{t.name} {name}", description=text) for t in TASKS]
    tasks += [Task(f"family {name}/{i}", text, Binary()) for i in range(9)]
    feedback = rows(tasks, text)
    asked = replace(Candidate(text, text), instruction=text, rubric=text, reference=text, context=text)
    feedback.append(Ranking(task=tasks[2].name, candidates=(asked, replace(asked, response="x" * 9000)), ranks=(1, 2)))
    judged = judge_all(Length(), feedback, tasks, name=text)
    outcomes = np.tile([0.0, 1.0, 0.0], 4)
    steps = tuple(
        {"number": n, "losses": {text: 1 / n, "other": 2.0}, "rate": 0.5, "validation": 0.6 if n % 2 else None}
        for n in range(1, 9)
    )
    return ReportData(
        title=text,
        summary=(text, "A second sentence."),
        seen=evaluations(tasks, feedback, text, "specialist", "longer"),
        unseen=evaluations(tasks[:2], feedback, text),
        training=steps,
        reliability={text: reliability(np.array([0.1, 0.6, 0.9]), np.array([0.0, 1.0, 1.0]))},
        best_of_n=(best_of_n_curve(outcomes, outcomes, [i // 3 for i in range(12)], [1, 2, 3], judge=text),),
        mistakes=tuple(mistakes(judged, feedback, 50, per_task=50)),
        provenance={text: text, "seed": "0"},
    )


def test_every_section_is_there(tmp_path: Path) -> None:
    path = write_report(tmp_path / "new" / "report.html", full())
    page = Page(path)
    for heading in (
        "Tasks it was trained on",
        "Tasks it never saw",
        "What choosing is worth",
        "Do its probabilities hold?",
        "What it got most wrong",
        "Training",
        "How to do it again",
    ):
        assert page.texts.count(heading) >= 1, heading
    assert "family text (9 tasks)" in page.text
    assert "Each task's loss" in page.text
    assert page.text.count("more characters)") >= 1
    assert page.tags.count("svg") > 20
    assert path.stat().st_size < 400_000


def test_empty_sections_are_left_out(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path / "report.html", ReportData(title="Nothing yet")))
    assert "h2" not in page.tags
    assert page.texts.count("Nothing yet") == 2


def test_hostile_text_is_shown_and_never_run(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path / "report.html", full(HOSTILE)))
    plain = Page(write_report(tmp_path / "plain.html", full()))
    assert page.tags == plain.tags  # no text made or broke an element
    assert not {"script", "img", "iframe", "object", "a", "form"} & set(page.tags)
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.texts.count(VISIBLE) > 10
    assert "\x00" not in page.text


def test_nothing_is_fetched(tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.html", full())
    page = Page(path)
    source = path.read_text(encoding="utf-8")
    assert not {"link", "script", "img"} & set(page.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in page.attributes}
    assert "url(" not in source
    assert "@import" not in source
    assert "http" not in source.replace("http-equiv", "")
    policies = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policies
    assert policies[0].startswith("default-src 'none'")


def test_numbers_are_those_of_the_evaluation(tmp_path: Path) -> None:
    data = full()
    page = Page(write_report(tmp_path / "report.html", data))
    macro = data.seen[0].macro["concordance"]
    assert f"{macro.value:.2f}" in page.texts
    assert f"{macro.low:.2f} to {macro.high:.2f}" in page.texts
    auc = data.seen[0].of("right text").metrics["auc"]
    assert f"AUC {auc.value:.2f}" in page.texts
    assert f"{auc.value:.3f}" in page.texts
    assert "Intervals hold 95 % of 30 resamples of the prompts." in page.text


def test_bars_begin_at_chance_and_end_at_the_value(tmp_path: Path) -> None:
    (evaluation,) = evaluations(TASKS[:1], rows(TASKS[:1]), "judge")
    for value, kind, x, width in ((0.75, "bar c0", "16.67%", "41.67%"), (0.45, "bar below", "8.33%", "8.33%")):
        task = replace(
            evaluation.tasks[0], metrics={"concordance": Estimate(value, 0.45, 0.9, 9)}, primary="concordance"
        )
        shown = replace(evaluation, tasks=(task,), macro=task.metrics, families={})
        page = Page(write_report(tmp_path / "report.html", ReportData(title="t", seen=(shown,))))
        at = page.attributes.index(("class", kind))
        assert page.attributes[at + 1 : at + 4] == [("x", x), ("y", "6"), ("width", width)]


def test_what_cannot_be_measured_is_a_dash(tmp_path: Path) -> None:
    feedback: list[Feedback] = [Rating(task="right", candidate=Candidate("p", "r"), value=1.0)]
    evaluation = measure_judged(judge_all(Length(), feedback, TASKS))
    page = Page(write_report(tmp_path / "report.html", ReportData(title="t", seen=(evaluation,))))
    assert "–" in page.texts
    assert "nan" not in page.text
    assert not [value for _, value in page.attributes if "nan" in value.split()]


def test_curves_with_gaps_and_without_points(tmp_path: Path) -> None:
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    steps = (
        {"number": 1, "losses": {"late": math.nan}},
        {"number": 2, "losses": {}},
        {"number": 3, "losses": {"a": 1.0}},
    )
    data = ReportData(
        title="t",
        training=steps,
        best_of_n=(BestOfN("one", (1, 2), (Estimate(0.5, math.nan, math.nan, 1), nothing)),),
        reliability={"empty": reliability(np.zeros(0), np.zeros(0))},
    )
    page = Page(write_report(tmp_path / "report.html", data))
    assert not [value for name, value in page.attributes if "nan" in value and name != "aria-label"]


def test_a_log_is_read_and_its_torn_end_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    steps = [{"number": n, "losses": {"t": 0.5}} for n in (1, 2)]
    path.write_text("\n".join(map(json.dumps, steps)) + '\n{"number": 3, "los')
    assert list(read_log(path)) == steps
    path.write_text('{"number": 1}\n' + json.dumps(steps[0]))
    with pytest.raises(
        ValueError, match=r"log\.jsonl:1: not a step of training: expected an object with number and losses"
    ):
        read_log(path)
    path.write_text("broken\n" + json.dumps(steps[0]))
    with pytest.raises(ValueError, match=r"log\.jsonl:1: not a step"):
        read_log(path)


def test_what_the_gradients_said_is_drawn_where_they_were_looked_at(tmp_path: Path) -> None:
    plain: list[dict[str, object]] = [{"number": n, "losses": {"a": 1.0, "b": 2.0}} for n in range(1, 7)]
    looked: list[dict[str, object]] = [
        {**step, "weights": {"a": 0.25, "b": 0.75}, "task_norms": {}, "cosine": None, "conflicts": None}
        if i % 2
        else {**step, "weights": {}, "task_norms": {"a": 3.0, "b": 4.0}, "cosine": -0.125, "conflicts": 1.0}
        for i, step in enumerate(plain)
    ]
    titles = ["Each task's weight", "Length of each task's gradient", "Cosine between two tasks' gradients"]
    pages = [
        Page(write_report(tmp_path / f"{i}.html", ReportData(title="t", training=tuple(steps))))
        for i, steps in enumerate((plain, looked))
    ]
    for title in titles:
        assert title not in pages[0].text
        assert title in pages[1].text
    labels = [value for name, value in pages[1].attributes if name == "aria-label"]
    assert "cosine by step: cosine ends at -0.125" in labels
    assert "conflicts by step: conflicts ends at 1" in labels
    for said in ("0.25 → 0.25", "0.75 → 0.75", "3 → 3", "4 → 4"):
        assert said in pages[1].text
