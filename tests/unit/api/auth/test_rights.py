"""Rights as an access review names them."""

from headrace_api.auth.rights import GET, PIPELINES, Right


def test_a_right_names_all_that_kubectl_would_ask_for():
    """A webhook that decides by the version too must not take the API for somebody who asks for another."""
    about = {"verb": "get", "group": "headrace.dev", "version": "v1alpha1", "resource": "etlpipelines"}
    assert Right(GET, PIPELINES, "films").attributes() == {**about, "name": "films"}
    assert Right(GET, PIPELINES).attributes() == about


def test_a_refusal_does_not_name_what_is_there():
    assert str(Right(GET, PIPELINES, "films")) == "get etlpipelines.headrace.dev"
