"""Recipes as TOML: balancers with settings, the surface term, heads and annotators."""

from pathlib import Path

import pytest

from polycritic.cli._recipes import build_critic, build_recipe, read_recipe
from polycritic.core import Binary, Interval, Levels, PolycriticError, Task
from polycritic.critic import Critic
from polycritic.training import RepMTL
from polycritic.training.balancing import STCH, AlignedMTL, Scaling, UPGrad

TASKS = [Task("a"), Task("b")]


def balancer_of(tmp_path: Path, line: str) -> object:
    path = tmp_path / "recipe.toml"
    path.write_text(f"[recipe]\nbalancer = {line}\n", encoding="utf-8")
    return build_recipe(read_recipe(path)).balancer(TASKS)


def test_a_balancer_with_settings(tmp_path: Path) -> None:
    balancer = balancer_of(tmp_path, '{kind = "STCH", smoothing = 0.3}')
    assert isinstance(balancer, STCH)
    assert balancer.smoothing == pytest.approx(0.3)


def test_a_setting_that_is_a_choice(tmp_path: Path) -> None:
    balancer = balancer_of(tmp_path, '{kind = "AlignedMTL", scaling = "median"}')
    assert isinstance(balancer, AlignedMTL)
    assert balancer.scaling is Scaling.MEDIAN


def test_a_regularizer_with_settings(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('[recipe]\nregularizer = {kind = "RepMTL", entropy = 0.3}\n', encoding="utf-8")
    assert build_recipe(read_recipe(path)).regularizer == RepMTL(entropy=0.3)


def test_a_wrapper_around_another(tmp_path: Path) -> None:
    balancer = balancer_of(tmp_path, '{kind = "Every", inner = "UPGrad", steps = 5}')
    assert isinstance(balancer.inner, UPGrad)  # type: ignore[attr-defined]


def critic_of(tmp_path: Path, text: str, tasks: list[Task]) -> Critic:
    path = tmp_path / "recipe.toml"
    path.write_text(f"[critic]\n{text}\n", encoding="utf-8")
    return build_critic(read_recipe(path), tasks)


SCALED = [Task("right", scale=Binary()), Task("size", scale=Interval(0, 10)), Task("grade", scale=Levels(("1", "2")))]


def test_heads_by_scale_and_annotators(tmp_path: Path) -> None:
    critic = critic_of(
        tmp_path,
        'heads = {Interval = "HLGauss", Levels = "Corn", Utility = "GeneralPreference"}\nannotators = ["ann", "bob"]',
        [*SCALED, Task("better")],
    )
    assert [type(head).__name__ for head in critic.heads] == ["Binary", "HLGauss", "Corn", "GeneralPreference"]
    assert critic.annotators.names == ("ann", "bob")
    critic.save(tmp_path / "critic")
    loaded = Critic.load(tmp_path / "critic")
    assert [type(head) for head in loaded.heads] == [type(head) for head in critic.heads]
    loaded.add_tasks([Task("width", scale=Interval(0, 1))])
    assert type(loaded.heads[-1]).__name__ == "HLGauss"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('heads = {Interval = "HLGaus"}', "unknown head.*Did you mean 'HLGauss'"),
        ('heads = {Intervall = "HLGauss"}', "unknown scale.*Did you mean 'Interval'"),
        ('heads = {Interval = "Described"}', "unknown head"),
        ('heads = "HLGauss"', r"\[critic\] heads.*expected a table"),
        ('heads = {Interval = "Levels"}', "head Levels needs levels"),
        ('head = {Interval = "HLGauss"}', "Did you mean 'heads'"),
        ('annotators = "ann"', r"\[critic\] annotators.*expected names"),
    ],
)
def test_bad_heads_and_annotators(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PolycriticError, match=said):
        critic_of(tmp_path, text, SCALED)
