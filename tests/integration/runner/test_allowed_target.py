"""A run whose specification was changed in the store writes nowhere else: it ends before it connects."""

from psycopg.conninfo import make_conninfo


def test_a_target_that_is_not_on_the_list_is_refused_before_anything_is_connected_to(rig):
    """Source and target would refuse the password: the run does not get that far."""
    wrong = type(rig)(*(make_conninfo(dsn, password="wrong") for dsn in (rig.source, rig.target)), rig.store)
    for kind in ("Load", "Reconcile"):
        ended = wrong.run(wrong.spec("SELECT 1 AS id", "public.secrets", kind=kind), allowed_targets=("analytics.*",))
        assert (ended.code, ended.outcome) == (64, "FAILED")
        assert ended.message.startswith("target_table 'public.secrets' is not allowed: it is not on the installation's")


def test_a_process_takes_the_list_from_its_environment(rig):
    spec = rig.spec("SELECT 1 AS id", "analytics.others")
    ended = rig.wait(rig.spawn(spec, ALLOWED_TARGET_TABLES="analytics.films, es:*"), spec)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "target_table 'analytics.others' is not allowed" in ended.message
