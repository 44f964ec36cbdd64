"""At its start the operator waits for what Kubernetes lacks, and its log says what that is."""

import pytest
from structlog.testing import capture_logs

from headrace.cluster.transport import error_for
from headrace_operator.main import _until_kubernetes_answers

pytestmark = pytest.mark.looptime
OURS = "/apis/headrace.dev/v1alpha1/namespaces/etl/etlsources"


@pytest.mark.parametrize(
    ("status", "body", "error", "note"),
    [
        (
            404,
            b"404 page not found",
            "Kubernetes does not know etlsources: apply the CRDs of this version",
            "HTTP status 404",
        ),
        (
            403,
            b'{"message": "system:serviceaccount:etl:operator cannot list etlsources"}',
            "Kubernetes refuses our credentials or a right is missing",
            "system:serviceaccount:etl:operator cannot list etlsources",
        ),
    ],
    ids=["the CRDs of an older version", "a right that is missing"],
)
async def test_it_says_what_it_waits_for_and_goes_on_when_that_is_there(
    status: int, body: bytes, error: str, note: str
) -> None:
    answers = [error_for(status, body, OURS), None]

    async def call() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    with capture_logs() as logs:
        await _until_kubernetes_answers(call)
    assert [(entry["error"], entry["notes"]) for entry in logs] == [(error, [note])]
