"""Requests of every route with a field changed into something else: answered 200 or with a 4xx, never as the server's fault."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from polycritic.core import Binary, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Words
from polycritic.serving import Served, create_app

SCALE = {"kind": "interval", "low": 0, "high": 5}
CANDIDATE = {"prompt": "p", "response": "r", "steps": ["a", "b"], "rubric": "be kind", "context": "c"}
BODIES: list[tuple[str, dict[str, Any]]] = [
    (
        "/v1/score",
        {"prompt": "p", "responses": ["a", "bc"], "tasks": ["right", {"name": "t", "scale": SCALE}], "model": "it"},
    ),
    ("/v1/score", {"candidates": [CANDIDATE, CANDIDATE]}),
    ("/score", {"text_1": "p", "text_2": ["a", "bc"]}),
    ("/rerank", {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}),
    ("/rerank", {"query": "q", "texts": ["a", "b"], "raw_scores": True, "return_text": True}),
    ("/get_reward", {"query": ["pa", "pb"], "prompts": ["p", "p"]}),
]
VALUES: list[Any] = [
    None, True, 0, -1, 10**30, 1.5, 1e308, "", "x" * 10_000, "\ud800", "\0", "é" * 300, "1e999", [], {}, [[]], [None],
    [""] * 1100, {"text": 1}, {"kind": "interval", "low": -1e308, "high": 1e308},
    {"kind": "interval", "low": 0, "high": 10**400}, {"kind": "levels", "names": ["a", "a"]},
    {"kind": "levels", "names": ["nan", "inf"]}, ["right", "right"], {"name": "x" * 1000},
]  # fmt: skip


def places(part: Any) -> list[tuple[Any, Any]]:
    """Every field and item, with what holds it."""
    if not isinstance(part, dict | list):
        return []
    keys = list(part) if isinstance(part, dict) else list(range(len(part)))
    return [(part, key) for key in keys] + [place for key in keys for place in places(part[key])]


@pytest.mark.parametrize(("route", "body"), BODIES, ids=range(len(BODIES)))
def test_any_field_may_be_anything(route: str, body: dict[str, Any]) -> None:
    critic = Critic([Task("right", "Is it right?", Binary())], Words())
    draw, statuses = np.random.default_rng(0), set()
    with TestClient(create_app(Served("it", critic, tuple(critic.tasks)))) as client:
        for number in range(len(places(body))):
            for value in draw.permutation(len(VALUES))[:5]:
                spoiled = copy.deepcopy(body)
                where, key = places(spoiled)[number]
                where[key] = VALUES[value]
                data = json.dumps(spoiled).encode()
                answer = client.post(route, content=data, headers={"content-type": "application/json"})
                assert answer.status_code == 200 or 400 <= answer.status_code < 500, (data[:500], answer.text)
                statuses.add(answer.status_code)
                json.loads(answer.content, parse_constant=pytest.fail)
    assert 422 in statuses
