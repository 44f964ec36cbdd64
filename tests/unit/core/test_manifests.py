"""What is ours is found by its labels, and goes with its owner."""

from headrace import manifests

PIPELINE = "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61"


def test_what_is_of_a_pipeline_is_found_as_what_is_of_the_installation() -> None:
    whole, one = manifests.labels("blue"), manifests.labels("blue", PIPELINE)
    assert whole == {"app.kubernetes.io/managed-by": "headrace", "headrace.dev/installation": "blue"}
    assert one == whole | {"headrace.dev/pipeline": PIPELINE}
    assert manifests.selector("blue") == "app.kubernetes.io/managed-by=headrace,headrace.dev/installation=blue"


def test_an_owner_is_a_controller_unless_there_is_another_and_never_blocks_its_own_end() -> None:
    first, second = (manifests.owner("EtlRun", "films-1", PIPELINE, controller=is_one) for is_one in (True, False))
    assert first["blockOwnerDeletion"] is False
    assert (first["apiVersion"], first["kind"], first["name"], first["uid"]) == (
        "headrace.dev/v1alpha1",
        "EtlRun",
        "films-1",
        PIPELINE,
    )
    assert (first.pop("controller"), second.pop("controller")) == (True, False)
    assert first == second


def test_a_secret_holds_texts_in_base64() -> None:
    assert manifests.secret_data({"password": "pa§word"}) == {"password": "cGHCp3dvcmQ="}
