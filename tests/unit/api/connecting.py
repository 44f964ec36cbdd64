"""Sources and destinations over a Kubernetes that keeps them, as callers send them."""

from headrace import names
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.bodies.connection import PasswordChange
from headrace_api.bodies.source import SourceIn
from headrace_api.resources import Resources
from headrace_api.services.connection_kinds import SOURCES
from headrace_api.services.connections import Connections
from headrace_api.services.passwords import Passwords

SOURCE = {"name": "films", "type": "postgres", "host": "films.example.com", "database": "films"}
SECRET = "geheim-17"
KEPT = PasswordChange()
NONE = PasswordChange(keeps=False)


class MayNot:
    """Somebody who may do nothing."""

    async def allows(self, caller, right):
        return False


def service(kubernetes, of=SOURCES, authorizer=None):
    access = Access(ANYBODY, authorizer or Unrestricted(), namespace="headrace")
    resources = Resources(kubernetes).on_behalf_of(access)
    collection = resources.sources if of is SOURCES else resources.destinations
    passwords = Passwords(kubernetes, access, installation="default")
    return Connections(of, collection, resources, passwords, installation="default"), access


def fields(**changes):
    return SourceIn.model_validate({**SOURCE, **changes}).fields()


def secret(value=SECRET):
    return PasswordChange(keeps=False, value=value)


def the_source(kubernetes):
    (found,) = kubernetes.kept[names.SOURCE_PLURAL].values()
    return found
