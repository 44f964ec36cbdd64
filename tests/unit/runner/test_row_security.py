"""How a connection string says that rows which a policy hides are meant to be left out."""

import re
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace_runner.sources.postgres.row_security import row_security_of, without_row_security


@pytest.mark.parametrize(
    ("options", "asked", "sent"),
    [
        (None, "off", None),
        ("-c row_security=on", "on", ""),
        ("-crow_security=ON", "on", ""),
        ("--row-security=true", "on", ""),
        ("-c row_security=off", "off", ""),
        ("-c row_security=on -c row_security=off", "off", ""),
        ("-c work_mem=1MB -c row_security=on", "on", "-c work_mem=1MB"),
        ("-c work_mem=1MB", "off", "-c work_mem=1MB"),
    ],
)
def test_it_is_read_and_not_sent(options: str | None, asked: str, sent: str | None) -> None:
    """A pooler may take no such option."""
    dsn = "host=db.example password='it''s' " + (f"options='{options}'" if options else "")
    dsn = dsn.replace("it''s", "it\\'s")
    assert row_security_of(dsn) == asked
    after = conninfo_to_dict(without_row_security(dsn))
    assert (after.get("options"), after["password"]) == (sent, "it's")


PAGES = (Path(__file__).parents[3] / "docs/sources.md", Path(__file__).parents[3] / "CHANGELOG.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_forms_that_are_written_down_are_taken(page: Path) -> None:
    written = [form for form in re.findall(r"`(options=[^`]+)`", page.read_text()) if "row_security" in form]
    assert len(written) == 2
    for form in written:
        dsn = f"host=db.example {form}" if "'" in form else f"postgresql://db.example/films?{form}"
        assert row_security_of(dsn) == "on"
        assert not conninfo_to_dict(without_row_security(dsn)).get("options")


def test_a_string_that_can_not_be_read_is_the_connections_to_refuse() -> None:
    assert row_security_of("postgresql://a:b@c:d/e?f") == "off"
    assert without_row_security("no string") == "no string"
