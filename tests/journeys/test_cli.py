"""Every verb of the command line, offline, on tiny models."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.models import tiny_encoder
from typer.testing import CliRunner, Result

from polycritic.cli import app
from polycritic.core import PolycriticError

RUNNER = CliRunner()


def call(*words: object) -> Result:
    result = RUNNER.invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def wrong(*words: object) -> str:
    """The message of a call that must fail."""
    with pytest.raises(PolycriticError) as caught:
        call(*words)
    return str(caught.value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of feedback, a recipe and a trained critic."""
    folder = tmp_path_factory.mktemp("journey")
    call("worlds", "make", "dates", "sorting_words", "-o", folder / "worlds.jsonl", "-n", 30)
    encoder = tiny_encoder(folder / "encoder")
    (folder / "recipe.toml").write_text(
        f"""
        [backbone]
        source = "{encoder}"
        max_length = 64
        tuning = {{kind = "LoRA", rank = 2}}

        [critic]
        sharing = "Conditioned"

        [recipe]
        steps = 4
        rows = 8
        sampler = {{kind = "Temperature", temperature = 3.0}}
        balancer = "UncertaintyWeighting"
        optimizer = {{learning_rate = 1e-3}}
        """
    )
    result = call(
        "train", folder / "worlds.jsonl", "-o", folder / "critic", "--recipe", folder / "recipe.toml", "--json"
    )
    assert result.exit_code == 0
    return folder


def test_train_leaves_a_critic_a_report_and_nothing_else(made: Path) -> None:
    assert sorted(p.name for p in (made / "critic").iterdir()) == [
        "backbone",
        "critic.json",
        "log.jsonl",
        "model.safetensors",
        "report.html",
    ]
    assert not (made / ".critic-training").exists()
    assert "math/dates" in (made / "critic" / "report.html").read_text()


def test_data_check_says_what_is_there(made: Path) -> None:
    text = call("data", "check", made / "worlds.jsonl").stdout
    assert "math/dates" in text
    data = json.loads(call("data", "check", made / "worlds.jsonl", "--json").stdout)
    assert data["inferred"]


def test_data_check_finds_bad_rows_and_exits_with_one(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(
        '{"prompt": "p", "completion": "c", "label": true}\n{"prompt": "p", "completion": " ", "label": true}\n'
    )
    result = call("data", "check", bad)
    assert result.exit_code == 1
    assert "bad.jsonl:2" in result.stdout
    assert json.loads(call("data", "check", bad, "--json").stdout)["bad_rows"] == 1
    assert call("data", "check", bad, "--skip-bad-rows").exit_code == 0


def test_convert_and_split(made: Path, tmp_path: Path) -> None:
    assert call("data", "convert", made / "worlds.jsonl", "-o", tmp_path / "w.parquet").exit_code == 0
    counts = json.loads(
        call("data", "split", tmp_path / "w.parquet", "-o", tmp_path / "parts", "--unseen", "text/*", "--json").stdout
    )
    assert set(counts) == {"unseen", "train", "test"}
    assert all(count > 0 for count in counts.values())
    assert (tmp_path / "parts" / "unseen.jsonl").exists()


def test_worlds_list() -> None:
    assert "math/dates" in call("worlds", "list").stdout
    assert len(json.loads(call("worlds", "list", "--json").stdout)) >= 18


def test_score_compare_and_rank(made: Path) -> None:
    critic = made / "critic"
    rows = json.loads(call("score", critic, made / "worlds.jsonl", "--task", "math/dates", "--json").stdout)
    assert {"task", "prompt", "completion", "score", "spread"} == set(rows[0])
    assert all(0 <= row["score"] <= 1 for row in rows)
    assert "scores" in call("score", critic, made / "worlds.jsonl", "-o", made / "scores.jsonl").stdout
    compared = json.loads(call("compare", critic, "a b", "a b", "b a", "--json").stdout)
    assert {row["task"] for row in compared} == {"math/dates", "text/sorting_words"}
    ranked = json.loads(call("rank", critic, "b a", "a b", "b a", "c", "-t", "text/sorting_words", "--json").stdout)
    assert [row["rank"] for row in ranked] == [1, 2, 3]
    assert ranked[0]["score"] >= ranked[1]["score"] >= ranked[2]["score"]


def test_a_task_never_trained_on_is_judged_by_its_description(made: Path) -> None:
    result = call("rank", made / "critic", "x", "y", "z", "-t", "politeness", "--description", "Is the answer polite?")
    assert result.exit_code == 0
    assert "Did you mean 'math/dates'" in wrong("rank", made / "critic", "x", "y", "z", "-t", "math/date")


def test_evaluate_beside_length_and_a_least_value(made: Path) -> None:
    assert "longer wins" in call("evaluate", made / "critic", made / "worlds.jsonl").stdout
    data = json.loads(call("evaluate", made / "critic", made / "worlds.jsonl", "--test-only", "--json").stdout)
    assert set(data) == {"unseen", "critic", "longer wins", "shorter wins"}
    assert call("evaluate", made / "critic", made / "worlds.jsonl", "--least", "1.0").exit_code == 1


def test_tasks_of_critics_files_and_lists(made: Path) -> None:
    for source in (made / "critic", made / "worlds.jsonl"):
        names = {t["name"] for t in json.loads(call("tasks", source, "--json").stdout)}
        assert names == {"math/dates", "text/sorting_words"}
    assert "math/dates" in call("tasks", made / "critic").stdout


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("[recipe]\nstep = 3", "Did you mean 'steps'"),
        ("[recpie]", "Did you mean 'recipe'"),
        ('[recipe]\nbalancer = "LogOutcome"', "Did you mean 'LogOutcomes'"),
        ('[recipe]\nsampler = {kind = "Temperature", temprature = 2}', "Did you mean 'temperature'"),
        ('[recipe]\nbalancer = "no.such:Thing"', "expected package.module:Name"),
        ('[recipe]\nbalancer = {kind = "STCH", smothing = 0.3}', "Did you mean 'smoothing'"),
        ('[recipe]\nbalancer = {kind = "AlignedMTL", scaling = "medium"}', "Did you mean 'MEDIAN'"),
        ("[critic]\nsurface = 1", "expected true or false"),
        ("recipe = ", "unreadable recipe"),
        ('[recipe]\nsteps = "many"', "[recipe] steps: bad recipe: expected a whole number, found 'many'"),
        ("[recipe]\nseed = true", "expected a whole number, found True"),
        (
            '[recipe]\noptimizer = {learning_rate = "1e-4"}',
            "learning_rate: bad recipe: expected a number, found '1e-4'",
        ),
        ('[backbone]\nmax_length = "x"', "expected a whole number, found 'x'"),
        ("[backbone]\nsource = 3", "expected a text, found 3"),
    ],
)
def test_recipes_offer_the_nearest_names(made: Path, tmp_path: Path, recipe: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe)
    assert message in wrong("train", made / "worlds.jsonl", "-o", tmp_path / "c", "--recipe", path)


def test_where_no_critic_can_be_written_nothing_is_trained(made: Path, tmp_path: Path) -> None:
    rows = made / "worlds.jsonl"
    assert "a file is where the critic's folder would be" in wrong("train", rows, "-o", rows)
    assert "not a critic's would be overwritten" in wrong("train", rows, "-o", made)
    (tmp_path / "none.jsonl").write_text("")
    assert "none.jsonl: no rows to train on" in wrong("train", tmp_path / "none.jsonl", "-o", tmp_path / "c")


def test_any_judge_compares_and_ranks(made: Path) -> None:
    asked = ("-t", "length", "--description", "Is it long?")
    assert json.loads(call("compare", "longer", "p", "aa", "b", *asked, "--json").stdout)[0]["better"] == "first"
    assert json.loads(call("rank", "shorter", "p", "aa", "b", *asked, "--json").stdout)[0]["response"] == "b"
    assert "Name one: --task" in wrong("compare", "longer", "p", "aa", "b")
    assert "Did you mean 'longer'" in wrong("rank", "longr", "p", "aa", "b", *asked)
    assert "A new one needs a --description" in wrong("rank", "longer", "p", "aa", "b", "-t", "length")


def test_interrupted_training_says_how_to_go_on(made: Path, tmp_path: Path) -> None:
    words = ["train", made / "worlds.jsonl", "-o", tmp_path / "c", "--recipe", made / "recipe.toml", "--steps", 400]
    command = [sys.executable, "-m", "polycritic", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    log = tmp_path / ".c-training" / "log.jsonl"
    # A shell's background job ignores the signal, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as running:
        while running.poll() is None and not (log.is_file() and log.read_text().count("\n") > 2):
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        said = running.stderr.read()
    assert running.returncode == 130
    assert f"Stopped. The state is kept in {log.parent}; give the same command again to go on." in said
    assert "Traceback" not in said
    assert (log.parent / "checkpoint.pt").is_file()
    assert not (tmp_path / "c").exists()


def test_a_strangers_balancer_is_found_by_its_module(made: Path, tmp_path: Path) -> None:
    recipe = (
        (made / "recipe.toml").read_text().replace('"UncertaintyWeighting"', '"polycritic.training.balancing:Uniform"')
    )
    (tmp_path / "recipe.toml").write_text(recipe)
    result = call(
        "train", made / "worlds.jsonl", "-o", tmp_path / "c", "--recipe", tmp_path / "recipe.toml", "--steps", 1
    )
    assert result.exit_code == 0


def test_errors_are_a_paragraph_and_exit_code_two(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "polycritic", "worlds", "make", "dats", "-o", str(tmp_path / "x.jsonl")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown world 'dats'")
    assert "Traceback" not in done.stderr
