"""Passwords of sources and destinations by REST: each goes in, reaches the server, and never comes out."""

import json
import uuid

import pytest
from tests.e2e.platform.client import moment
from tests.e2e.replication.client import DESTINATIONS, SOURCES

both = pytest.mark.parametrize("of", [SOURCES, DESTINATIONS], ids=str)
SECRET = f"geheim-{uuid.uuid4().hex}"
LIST = "headrace.dev/password-secrets"


@both
def test_a_password_goes_in_and_never_comes_out(replication, of):
    """It is kept, changed and removed; each change takes the Secret before along."""
    answer = replication.request("POST", of, body=replication.body(of, username="nobody", password=SECRET))
    made = answer.json()
    body = replication.body(of, username="nobody", name=made["name"])
    answers, kept = [answer], []
    for change in ({}, {"password": f"{SECRET}-2"}, {"password_secret": None}, {"password": None}, {}):
        answer = replication.request("PUT", of, made, {**body, **change})
        assert answer.status_code == 200, answer.text
        answers.append(answer)
        kept.append(replication.password(of, made))
    assert kept == [SECRET, f"{SECRET}-2", f"{SECRET}-2", None, None]
    assert [each.json()["has_password"] for each in answers] == [True, True, True, True, False, False]
    moments = [moment(each.json()["updated_at"]) for each in answers]
    assert moments == sorted(moments)
    assert len(set(moments)) == 3
    answers += [replication.request("GET", of, made), replication.request("GET", of)]
    assert not [each.text for each in answers if SECRET in each.text]
    assert SECRET not in json.dumps(replication.resource(of, made))


@both
def test_a_secret_that_others_take_care_of_is_only_referred_to(replication, connections, world, of):
    login = connections.role()
    name = connections.secret({"word": login.password, "username": login.name})
    made = replication.make(of, password_secret={"name": name, "key": "word"})
    assert made["password_secret"] == {"name": name, "key": "word"}
    assert replication.wait(of, made, ready=True)["username"] == login.name
    body = replication.body(of, name=made["name"])
    assert replication.call("PUT", of, made, body)["password_secret"] == {"name": name, "key": "word"}
    own = replication.call("PUT", of, made, {**body, "username": login.name, "password": login.password})
    assert (own["password_secret"], own["has_password"]) == (None, True)
    replication.wait(of, made, ready=True)
    assert replication.call("PUT", of, made, {**body, "password_secret": {"name": name, "key": "word"}})
    assert replication.secrets(made) == {}
    assert replication.request("DELETE", of, made).status_code == 204
    assert world.kubectl.get("secret", name)["data"]


@both
def test_a_secret_that_is_called_as_ours_stays(replication, connections, world, of):
    """Also when somebody has written it onto the list of ours, without knowing its uid."""
    made = replication.make(of, username="nobody", password=SECRET)
    name = replication.resource(of, made)["metadata"]["name"]
    theirs = {"name": f"{name}-{of.field}-20260101", "key": "word"}
    connections.put_secret(theirs["name"], {"word": "theirs"})
    body = replication.body(of, name=made["name"], username="nobody")
    shown = replication.call("PUT", of, made, {**body, "password_secret": theirs})
    assert (shown["password_secret"], replication.secrets(made)) == (theirs, {})
    replication.call("PUT", of, made, {**body, "password": SECRET})
    world.kubectl.run("annotate", of.kind, name, f"{LIST}={theirs['name']}={uuid.uuid4()}", "--overwrite")
    answers = [
        replication.request("PUT", of, made, {**body, "password": None}),
        replication.request("DELETE", of, made),
    ]
    assert [answer.status_code for answer in answers] == [200, 204]
    kept = world.kubectl.get("secret", theirs["name"])
    assert kept["metadata"]["uid"] not in "".join(answer.text for answer in answers)
    world.kubectl.run("delete", "secret", theirs["name"])


@both
def test_a_copied_manifest_does_not_cost_the_first_its_password(replication, world, of):
    made = replication.make(of, username="nobody", password=SECRET)
    first = replication.resource(of, made)
    assert list(replication.secrets(made)) == [first["metadata"]["annotations"][LIST].split("=")[0]]
    name = f"copy-{uuid.uuid4().hex[:10]}"
    metadata = {"name": name, "annotations": first["metadata"]["annotations"]}
    world.kubectl.apply({**first, "metadata": metadata, "spec": {**first["spec"], "name": name}, "status": {}})
    copy = next(one for one in replication.call("GET", of) if one["name"] == name)
    assert copy["password_secret"] == first["spec"]["passwordSecret"]
    body = replication.body(of, name=name, username="nobody", password=f"{SECRET}-2")
    assert replication.call("PUT", of, copy, body)["password_secret"] is None
    assert replication.password(of, copy) == f"{SECRET}-2"
    assert replication.request("DELETE", of, copy).status_code == 204
    assert replication.password(of, made) == SECRET


@both
def test_a_wrong_password_is_told_in_words(replication, connections, of):
    login = connections.role()
    made = replication.make(of, username=login.name, password=SECRET)
    seen = replication.wait(of, made, ready=False)
    assert "password" in seen["message"]
    assert SECRET not in json.dumps(seen)
    body = replication.body(of, name=made["name"], username=login.name, password=login.password)
    assert replication.call("PUT", of, made, body)["ready"] is None
    replication.wait(of, made, ready=True)


@both
def test_a_secret_that_was_lost_is_made_anew(replication, connections, world, of):
    """As after a death of the API between the resource and its Secret."""
    login = connections.role()
    made = replication.make(of, username=login.name, password=login.password)
    (lost,) = replication.secrets(made)
    world.kubectl.run("delete", "secret", lost)
    body = replication.body(of, name=made["name"], username=login.name, options={"connect_timeout": "5"})
    replication.call("PUT", of, made, body)
    seen = replication.wait(of, made, ready=False)
    assert (seen["reason"], seen["has_password"]) == ("SecretMissing", True)
    assert lost in seen["message"]
    replication.call("PUT", of, made, body | {"password": login.password})
    replication.wait(of, made, ready=True)
    assert replication.password(of, made) == login.password


@both
def test_of_two_changes_at_once_no_password_gets_to_the_others_host(replication, world, together, of):
    made = replication.make(of, username="nobody", password="first")
    apis = [world.api, world.other_api] * 3

    def change(number):
        body = replication.body(of, name=made["name"], username=f"user-{number}", password=f"word-{number}")
        return apis[number].request("PUT", f"{of.path}/{made['id']}", body).status_code

    answers = list(together.map(change, range(len(apis))))
    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert replication.password(of, made) == replication.call("GET", of, made)["username"].replace("user", "word")
