"""The errors of all roles; a class answers the question "what now?".

    HeadraceError
    ├── InvalidError          the caller's input has the wrong shape: say so, change nothing (HTTP 422)
    │   └── RefusedError      its shape is right, but a rule of the installation forbids it (HTTP 400)
    ├── NotFoundError         what was named does not exist
    ├── ConflictError         it exists, or is in a state that forbids this
    ├── UnavailableError      a part that we need can't be reached: the caller may try again
    │   └── NotGrantedError       it answers, and lacks a right of ours: it may be granted later
    ├── LateError             what the caller waited for was not done in time: they may try again (HTTP 504)
    ├── UnauthorizedError     the caller did not say who they are, or not in a way that we believe (HTTP 401)
    ├── ForbiddenError        we know who it is, and they may not (HTTP 403)
    ├── PermanentError        a run that no retry can help: it fails now
    │   └── CredentialsError      unless its credentials can change while it is at work: then it waits for others
    ├── TransientError        a fault that may pass: reconnect, read the checkpoint, go on
    ├── StoppedError          we were asked to stop, and did so between two batches
    └── FencedError           another process owns what we were working on: let go of it
        ├── SupersededError   a newer Job or pod of the same run has taken over
        └── OutrunError       a later run has taken over

A message is meant for the person who wrote the manifest or the request. It holds no secret, host name or stack trace.
"""


class HeadraceError(Exception):
    """What all errors of Headrace have in common: a message for a person."""

    def __init__(self, message: str, *, field: str | None = None, why: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        """The bare name of the field that is to blame, in snake_case, if there is one."""
        self.why = why
        """What the message leaves out, where its wording is fixed."""

    @property
    def notes(self) -> list[str]:
        """What is for the log alone: it may name accounts."""
        return list(getattr(self, "__notes__", ()))

    @property
    def in_full(self) -> str:
        """The message with what it leaves out."""
        return f"{self.message}: {self.why}" if self.why else self.message


class InvalidError(HeadraceError):
    """The caller's input has the wrong shape; nothing was changed."""


class RefusedError(InvalidError):
    """The input's shape is right, but a rule of the installation forbids it; nothing was changed."""


class NotFoundError(HeadraceError):
    """What the caller named does not exist."""


class ConflictError(HeadraceError):
    """The state of things forbids what the caller asked for."""


class UnavailableError(HeadraceError):
    """A part that we need can't be reached; the same call may work later."""

    def __init__(self, message: str, *, part: str) -> None:
        super().__init__(message)
        self.part = part
        """`kubernetes`, `postgres` or `oidc` (the identity provider)."""


class NotGrantedError(UnavailableError):
    """A part does not let us do something; the same call works once somebody has granted it."""


class LateError(HeadraceError):
    """What the caller waited for was not done in time; the same call may work later."""


class UnauthorizedError(HeadraceError):
    """The caller sent no token, or one that we do not take; nothing was done."""

    def __init__(self, message: str, *, code: str | None = "invalid_token") -> None:
        super().__init__(message)
        self.code = code
        """What RFC 6750 calls it; None when there was no token at all."""


class ForbiddenError(HeadraceError):
    """The caller may not do it; nothing was done."""


class PermanentError(HeadraceError):
    """No retry can help; the run fails with this message (exit code 64)."""


class CredentialsError(PermanentError):
    """A server does not take the credentials, or we do not trust its certificate; with others there may be a way in."""

    def __init__(self, message: str, *, part: str, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self.part = part
        """Whose they are, as the message begins: `the source`, `the target`, `the store`, `Elasticsearch`."""


class TransientError(HeadraceError):
    """May pass by itself; reconnect, read the checkpoint again and go on."""


class StoppedError(HeadraceError):
    """Stopped between two batches, as asked (exit code 75)."""


class FencedError(HeadraceError):
    """The fence in the target belongs to somebody else now; nothing of the batch in hand was written."""


class SupersededError(FencedError):
    """A newer Job or pod of the same run has taken the fence (exit code 76)."""


class OutrunError(FencedError):
    """A later run of the pipeline has taken the fence (exit code 64)."""
