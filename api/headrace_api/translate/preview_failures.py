"""Why a preview shows nothing, in the words of whoever asked: what may pass by itself is another error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.cluster import Manifest
from headrace.errors import HeadraceError, LateError, RefusedError, UnavailableError
from headrace.model.conditions import ConditionType, Reason
from headrace_api.translate.passwords import is_own, referred

_LATE = frozenset({Reason.WAITING_FOR_SLOT, Reason.WAITING_FOR_SOURCE, Reason.TIMED_OUT})
_PARTS: Mapping[str, str] = {Reason.WAITING_FOR_STORE: "postgres", Reason.RUNNER_LOST: "kubernetes"}
"""What was away."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What a preview reads from and looks at; the operator calls them by `metadata.name`."""

    source: Manifest
    destination: Manifest | None = None
    """None: the default one, or none."""

    def in_words(self, message: str) -> str:
        """The operator's words, with the names that the caller gave; of a Secret that the API made nobody was told."""
        for noun, end in (("source", self.source), ("destination", self.destination)):
            if end is not None:
                message = _in_words(message, noun, end)
        return message


def failure(run: Manifest, ends: Ends, found: Mapping[str, Any] | None) -> HeadraceError:
    """RefusedError says what is wrong with what was asked for; LateError, UnavailableError: another try may do better.

    `found`: what the store has of the preview. What the status leaves out may quote rows, which whoever asked may see.
    """
    status = run.get("status") or {}
    said = ends.in_words(status.get("errorMessage") or "")
    reason = _reason(status)
    again = f"The preview could not be made: {said}; try again later"
    if reason in _LATE:
        return LateError(again)
    if reason in _PARTS:
        return UnavailableError(again, part=_PARTS[reason])
    return RefusedError((found or {}).get("error") or said or "The preview failed")


def _reason(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions") or ()
    failed = (c for c in conditions if c["type"] == ConditionType.FAILED and c.get("status") == "True")
    return next((str(c.get("reason")) for c in failed), "")


def _in_words(message: str, noun: str, end: Manifest) -> str:
    own, name = re.escape(end["metadata"]["name"]), end["spec"]["name"]
    message = re.sub(rf"\b(Etl)?{noun} '{own}'", lambda _: f"{noun} '{name}'", message, flags=re.IGNORECASE)
    if not is_own(noun, end):
        return message
    return message.replace(f"the Secret '{referred(end)}'", "the Secret of its password")
