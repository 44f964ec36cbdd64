"""What a mirror shows when lists, events and this process's own writes arrive in any order."""

from headrace_api.mirror import Mirror


def resource(uid, version, name="p"):
    return {"metadata": {"uid": uid, "resourceVersion": str(version), "name": name}}


def mirror():
    return Mirror(None, "etlpipelines", lambda r: r["metadata"]["name"])


def versions(m):
    return {r["metadata"]["uid"]: int(r["metadata"]["resourceVersion"]) for r in m.all()}


def test_an_older_version_never_replaces_a_newer_one():
    m = mirror()
    m.put(resource("a", 10))
    m.put(resource("a", 9))
    assert versions(m) == {"a": 10}


def test_a_list_that_is_older_than_a_write_does_not_undo_it():
    m = mirror()
    m.put(resource("a", 10))
    m.put(resource("new", 12))
    m.replace([resource("b", 5), resource("a", 7)], "11")
    assert versions(m) == {"a": 10, "b": 5, "new": 12}


def test_what_a_newer_list_lacks_is_gone():
    m = mirror()
    m.put(resource("a", 10))
    m.replace([], "11")
    assert versions(m) == {}
    assert m.is_gone("a")


def test_what_was_deleted_never_comes_back_by_a_late_event():
    m = mirror()
    m.put(resource("a", 10))
    m.drop("a")
    m.put(resource("a", 11))
    assert versions(m) == {}
    assert m.with_key("p") == []


def test_resources_are_found_by_their_key():
    m = mirror()
    m.put(resource("a", 1, "p"))
    m.put(resource("b", 2, "p"))
    m.put(resource("c", 3, "q"))
    assert {r["metadata"]["uid"] for r in m.with_key("p")} == {"a", "b"}
