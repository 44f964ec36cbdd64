"""Where Prometheus's own tool is installed, it reads the rules and runs them through stories of series."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
RULES = HERE.parents[2] / "charts/headrace/files/alerts.yaml"
STORIES = HERE / "alerts.test.yaml"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool on the PATH")


@needs_promtool
@pytest.mark.parametrize(
    "arguments", [["check", "rules", str(RULES)], ["test", "rules", str(STORIES)]], ids=["check", "test"]
)
def test_promtool_agrees(arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_story_in_which_it_comes():
    stories = yaml.safe_load(STORIES.read_text())["tests"]
    coming = {step["alertname"] for story in stories for step in story["alert_rule_test"] if step["exp_alerts"]}
    rules = yaml.safe_load(RULES.read_text())["groups"]
    assert coming == {rule["alert"] for group in rules for rule in group["rules"]}
