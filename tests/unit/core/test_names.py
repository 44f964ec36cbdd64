"""Names that are made from names: deterministic, valid for Kubernetes, and different for different things."""

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from headrace import names

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
UID = "0b7e0d3c-8f0e-4b5c-9a55-0d3f8a1c2b4d"


def test_a_resource_name_is_a_slug_and_eight_digits_of_the_hash():
    digest = hashlib.sha256(b"film_dim_full").hexdigest()[:8]
    assert names.resource_name("film_dim_full") == f"film-dim-full-{digest}"


@given(st.text(min_size=1, max_size=200))
def test_any_name_gives_a_dns_label_with_room_for_a_suffix(name):
    made = names.resource_name(name)
    assert DNS_LABEL.fullmatch(made)
    assert DNS_LABEL.fullmatch(f"{made}-2")
    assert made == names.resource_name(name)


def test_names_that_differ_only_in_case_or_script_do_not_collide():
    made = {names.resource_name(name) for name in ("Films", "films", "films ", "фильмы", "映画", "-", "--")}
    assert len(made) == 7


def test_accents_become_letters():
    assert names.slug("Café Müller — Наука") == "cafe-muller"


def test_run_and_job_names_fit_into_a_label():
    assert names.run_name(UID, 10**9) == f"{UID}-1000000000"
    assert len(names.run_name(UID, 10**15)) <= names.RESOURCE_NAME_LIMIT
    assert names.job_name(UID, 3) == f"etl-{UID}-a3"
    # The Job controller appends -xxxxx for its pods' names, which are no labels; the Job's own name is one.
    assert len(names.job_name(UID, 10**6)) <= names.RESOURCE_NAME_LIMIT
