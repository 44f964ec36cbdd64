"""The page about RBAC holds each rule of the one source, with the call that needs it, and no other."""

from pathlib import Path

import pytest

from headrace_local.machine.rbac import rules

PAGE = (Path(__file__).parents[3] / "docs" / "rbac.md").read_text(encoding="utf-8")
RULES = rules()


def sections():
    """The table rows below each heading that names a role."""
    found = {}
    for part in PAGE.split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        if heading.startswith("`"):
            found[heading.split("`")[1]] = [line for line in text.splitlines() if line.startswith("| `")]
    return found


def row(rule):
    """A rule as the page has it."""
    resources = [f"{name}.{group}" if group else name for group in rule["apiGroups"] for name in rule["resources"]]
    shown = ", ".join(f"`{name}`" for name in resources)
    if "resourceNames" in rule:
        shown += " named " + ", ".join(f"`{name}`" for name in rule["resourceNames"])
    return f"| {shown} | {', '.join(rule['verbs'])} | {rule['why']} |"


def test_every_role_has_a_section_and_no_other():
    assert list(sections()) == list(RULES)


@pytest.mark.parametrize("role", RULES)
def test_each_rule_is_there_as_it_is(role):
    assert sections()[role] == [row(rule) for rule in RULES[role]]


@pytest.mark.parametrize("role", RULES)
def test_no_rule_is_wider_than_it_looks(role):
    """Nothing for all groups, kinds or verbs, and no verb that makes rights."""
    for rule in RULES[role]:
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert words.isdisjoint({"*", "escalate", "bind", "impersonate", "pods/exec", "pods/log"})
        assert rule["why"].endswith(".")


def test_only_the_operator_can_read_a_secret_and_nobody_list_them():
    found = {role: set(rule["verbs"]) for role in RULES for rule in RULES[role] if "secrets" in rule["resources"]}
    assert found == {"operator": {"get", "create", "patch", "delete"}, "api": {"create", "delete"}}
