"""The page about sources: what its recipe makes of a source that is shown is what a change of it takes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from headrace_api.bodies.destination import Destination, DestinationPut
from headrace_api.bodies.source import Source, SourcePut

PAGE = (Path(__file__).parents[3] / "docs" / "sources.md").read_text()
RECIPE = 'del(.password_secret) + {password: "the new one"}'
SHOWN = [(Source, SourcePut), (Destination, DestinationPut)]


def by_jq(example):
    done = subprocess.run(["jq", RECIPE], input=json.dumps(example), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def by_hand(example):
    """What the recipe says, also where there is no jq."""
    return {name: value for name, value in example.items() if name != "password_secret"} | {"password": "the new one"}


def test_the_page_has_this_recipe():
    assert f"jq '{RECIPE}'" in PAGE


@pytest.mark.parametrize(("shown", "body"), SHOWN)
def test_what_the_recipe_makes_of_one_that_is_shown_is_taken(shown, body):
    for example in shown.model_config["json_schema_extra"]["examples"]:
        sent = body.model_validate(by_hand(example))
        assert sent.password.get_secret_value() == "the new one"
        for name in ("host", "ca", "options", "wal", "max_connections"):
            if name in example:
                assert sent.model_dump(mode="json")[name] == example[name]


@pytest.mark.skipif(not shutil.which("jq"), reason="the recipe takes jq")
@pytest.mark.parametrize("shown", [shown for shown, _ in SHOWN])
def test_the_recipe_makes_just_that(shown):
    for example in shown.model_config["json_schema_extra"]["examples"]:
        assert by_jq(example) == by_hand(example)
