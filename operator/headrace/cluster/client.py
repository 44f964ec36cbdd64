"""The Kubernetes API as Headrace uses it: our resources, and for the operator Jobs, pods, Events and a Lease."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

from headrace import names
from headrace.cluster.calls import Tell
from headrace.cluster.secrets import Secrets
from headrace.cluster.transport import PART, Transport
from headrace.cluster.verbs import Listing
from headrace.errors import InvalidError, NotFoundError, UnavailableError
from headrace.manifests import Manifest

AUTHENTICATION, AUTHORIZATION = "authentication.k8s.io/v1", "authorization.k8s.io/v1"


class Cluster(Secrets):
    """One namespace of one cluster.

    Every method raises UnavailableError (part `kubernetes`) when the API server can't be reached, does not answer in
    time, or refuses our credentials; the same call may work later, or may have worked already.
    """

    def __init__(self, transport: Transport, namespace: str) -> None:
        super().__init__(transport, namespace)
        self._stranger: Transport | None = None

    @classmethod
    async def connect(cls, *, namespace: str, kubeconfig: str | None = None, time_limit: float = 10.0) -> Self:
        """Reads credentials (a named kubeconfig, the pod's own, or $KUBECONFIG); opens no connection yet."""
        return cls(await Transport.connect(kubeconfig, time_limit=time_limit), namespace)

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()
        if self._stranger is not None:
            await self._stranger.close()

    def listen(self, tell: Tell) -> None:
        """`tell` hears of each request that has ended."""
        self._transport.tell = tell

    async def ping(self, *, time_limit: float = 2.0) -> None:
        """Returns when the API server answers."""
        await self._transport.request("GET", "/version", time_limit=time_limit)

    async def get(self, plural: str, name: str) -> Manifest | None:
        """One resource, live; None when there is none."""
        return await self._get(f"{self._ours(plural)}/{name}")

    async def list(self, plural: str, *, field_selector: str = "", label_selector: str = "") -> Listing:
        """All resources that the selectors take, live, read page by page."""
        return await self._list(self._ours(plural), field_selector, label_selector)

    async def create(self, plural: str, body: Mapping[str, Any]) -> Manifest:
        """Creates; ConflictError when the name is taken, InvalidError when the API server does not admit it."""
        return await self._transport.request("POST", self._ours(plural), body=body)

    async def patch(
        self,
        plural: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        resource_version: str | None = None,
        status: bool = False,
    ) -> Manifest:
        """Applies a JSON merge patch; NotFoundError, or ConflictError when the resource has moved on."""
        path = f"{self._ours(plural)}/{name}" + ("/status" if status else "")
        return await self._patch(path, patch, resource_version)

    async def replace(self, plural: str, name: str, body: Mapping[str, Any]) -> Manifest:
        """Replaces all but the status; ConflictError when `metadata.resourceVersion` is not the stored one."""
        return await self._transport.request("PUT", f"{self._ours(plural)}/{name}", body=body)

    async def delete(
        self, plural: str, name: str, *, uid: str | None = None, resource_version: str | None = None
    ) -> None:
        """Deletes; what it owns follows in the background. NotFoundError, ConflictError for another uid or version."""
        await self._delete(f"{self._ours(plural)}/{name}", uid, resource_version)

    async def watch(self, plural: str, *, resource_version: str) -> AsyncIterator[tuple[str, Manifest]]:
        """Changes after `resource_version`: ADDED, MODIFIED, DELETED, BOOKMARK. Ends after some minutes.

        Raises ConflictError when the version is too old: list again.
        """
        async for event in self._watch(self._ours(plural), resource_version, ""):
            yield event

    async def review_token(self, token: str, audiences: Sequence[str]) -> Manifest | None:
        """Whose token it is (`username`, `uid`, `groups`, `extra`); None when it is nobody's.

        Of one of these audiences; without any, of the API server's own.
        """
        spec = {"token": token, **({"audiences": list(audiences)} if audiences else {})}
        body = {"apiVersion": AUTHENTICATION, "kind": "TokenReview", "spec": spec}
        try:
            status = (await self._transport.request("POST", f"/apis/{AUTHENTICATION}/tokenreviews", body=body))[
                "status"
            ]
        except InvalidError:
            return None  # What the API server can't even read is no token.
        # An authenticator that knows no audiences leaves them out: its tokens are for the API server alone.
        if audiences and not set(audiences) & set(status.get("audiences") or ()):
            return None
        return dict(status.get("user") or {}) if status.get("authenticated") else None

    async def who_is(self, token: str) -> Manifest | None:
        """As `review_token`, asked with that token itself and no right of ours; of the API server's own audience."""
        if self._stranger is None:
            self._stranger = self._transport.stranger()
        body = {"apiVersion": AUTHENTICATION, "kind": "SelfSubjectReview"}
        try:
            answer = await self._stranger.ask_as(token, f"/apis/{AUTHENTICATION}/selfsubjectreviews", body)
        except InvalidError:
            return None
        return dict((answer.get("status") or {}).get("userInfo") or {}) if answer else None

    async def review_access(self, subject: Mapping[str, Any], action: Mapping[str, str]) -> bool:
        """Whether somebody (`user`, `uid`, `groups`, `extra`) may do something to a resource of this namespace."""
        spec = {**subject, "resourceAttributes": {"namespace": self.namespace, **action}}
        kind = {"apiVersion": AUTHORIZATION, "kind": "LocalSubjectAccessReview"}
        body = {**kind, "metadata": {"namespace": self.namespace}, "spec": spec}
        path = f"/apis/{AUTHORIZATION}/namespaces/{self.namespace}/localsubjectaccessreviews"
        try:
            status = (await self._transport.request("POST", path, body=body))["status"]
        except (InvalidError, NotFoundError) as error:
            raise UnavailableError("Kubernetes can't say what the caller may do", part=PART) from error
        return bool(status.get("allowed")) and not status.get("denied")

    async def create_job(self, body: Mapping[str, Any]) -> Manifest:
        """Creates a Job; ConflictError when the name is taken."""
        return await self._transport.request("POST", self._jobs, body=body)

    async def list_jobs(self, *, label_selector: str) -> Listing:
        """The Jobs that the selector takes; the server selects."""
        return await self._list(self._jobs, "", label_selector)

    async def watch_jobs(self, *, label_selector: str, resource_version: str) -> AsyncIterator[tuple[str, Manifest]]:
        """As `watch`, of the Jobs that the selector takes."""
        async for event in self._watch(self._jobs, resource_version, label_selector):
            yield event

    async def patch_job(self, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Applies a JSON merge patch; NotFoundError."""
        return await self._patch(f"{self._jobs}/{name}", patch, None)

    async def delete_job(self, name: str, *, uid: str | None = None) -> None:
        """Deletes a Job, its pods follow in the background. NotFoundError, ConflictError for another uid."""
        await self._delete(f"{self._jobs}/{name}", uid, None)

    async def list_pods(self, *, label_selector: str) -> Listing:
        """The pods that the selector takes; the server selects."""
        return await self._list(f"/api/v1/namespaces/{self.namespace}/pods", "", label_selector)

    async def list_events(self, *, field_selector: str) -> Listing:
        """The core Events that the selector takes."""
        return await self._list(f"/api/v1/namespaces/{self.namespace}/events", field_selector, "")

    async def create_event(self, body: Mapping[str, Any]) -> Manifest:
        """Creates a core Event."""
        return await self._transport.request("POST", f"/api/v1/namespaces/{self.namespace}/events", body=body)

    async def get_lease(self, name: str) -> Manifest | None:
        """One Lease; None when there is none."""
        return await self._get(f"{self._leases}/{name}")

    async def create_lease(self, body: Mapping[str, Any]) -> Manifest:
        """Creates a Lease; ConflictError when the name is taken."""
        return await self._transport.request("POST", self._leases, body=body)

    async def replace_lease(self, name: str, body: Mapping[str, Any]) -> Manifest:
        """Replaces a Lease; ConflictError when somebody else was faster."""
        return await self._transport.request("PUT", f"{self._leases}/{name}", body=body)

    def _ours(self, plural: str) -> str:
        return f"/apis/{names.API_VERSION}/namespaces/{self.namespace}/{plural}"

    @property
    def _jobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    @property
    def _leases(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"
