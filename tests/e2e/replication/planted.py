"""Passwords put wherever a source or destination takes one, or may be thought to, so that they can be looked for."""

from collections.abc import Iterator
from typing import Any

from tests.e2e.replication.connections import Connections
from tests.e2e.world import Body, World

NOWHERE = {"type": "postgres", "host": "127.0.0.1", "port": 1, "database": "nowhere", "username": "nobody"}


class PlantedConnections:
    """Each password is another one: what is found says how it got there."""

    def __init__(self, world: World, mark: str) -> None:
        self._world, self._mark = world, mark
        self._connections = Connections(world)
        self.passwords: dict[str, str] = {}
        self.good = self._connections.role()
        self.ends: dict[str, str] = {}
        """What a pipeline names to read and write as the role `good`."""

    def plant(self) -> None:
        """Makes sources and destinations, good ones and bad ones, changes them, and tries what is refused."""
        for path in ("sources", "destinations"):
            for what, body in self._refused(path):
                answer = self._world.api.request("POST", f"/{path}", body)
                assert answer.status_code == 422, (what, answer.text)
                assert self._mark not in answer.text, what
            self._by_rest(path)
            self._good(path)
        for kind in ("EtlSource", "EtlDestination"):
            self._by_kubectl(kind)

    def close(self) -> None:
        """Removes what was made by kubectl; the rest goes with the cluster."""
        self._connections.close()

    def _new(self, what: str) -> str:
        self.passwords[what] = f"planted-{len(self.passwords)}-{self._mark}"
        return self.passwords[what]

    def _good(self, path: str) -> None:
        """One that pipelines can use."""
        self.passwords["of a role"] = self.good.password
        where = {"database": "source" if path == "sources" else "target", "username": self.good.name}
        body = {"name": f"good {path} {self._mark[:4]}", **NOWHERE, **self._connections.address, **where}
        made = self._world.api.call("POST", f"/{path}", body | {"password": self.good.password})
        self.ends[f"{path.removesuffix('s')}_id"] = made["id"]

    def _refused(self, path: str) -> Iterator[tuple[str, Body]]:
        def say(where: str) -> str:
            return self._new(f"{path}: refused, in the {where}")

        good = {"name": f"refused {path}", **NOWHERE}
        yield "options", good | {"options": {"password": say("options")}}
        yield "value of an option", good | {"options": {"sslmode": say("value of an option")}}
        yield "host", good | {"host": f"user:{say('host')}@127.0.0.1"}
        yield "URL", good | {"host": f"postgresql://user:{say('URL')}@127.0.0.1/x"}
        yield "port", good | {"port": say("port")}
        yield "type", good | {"type": say("type")}
        yield "field", good | {"passwd": say("field")}
        yield "list", good | {"password": [say("list")]}
        yield "CA", good | {"ca": say("CA")}
        yield "both", good | {"password": say("both"), "password_secret": {"name": "x"}}

    def _by_rest(self, path: str) -> None:
        """One that lets nobody in; its password is changed twice, the second time in vain."""
        call = self._world.api.call
        body = {"name": f"planted {path} {self._mark[:4]}", **NOWHERE, **self._connections.address}
        made = call("POST", f"/{path}", body | {"password": self._new(f"{path}: by POST")})
        own = f"/{path}/{made['id']}"
        call("PUT", own, body | {"password": self._new(f"{path}: by PUT")})
        taken = body | {"password": self._new(f"{path}: a name that is taken")}
        assert self._world.api.request("POST", f"/{path}", taken).status_code == 409
        nobody = body | {"password": self._new(f"{path}: PUT of none")}
        assert self._world.api.request("PUT", f"/{path}/nothing", nobody).status_code == 404
        for shown in (call("GET", own), *call("GET", f"/{path}")):
            assert self._mark not in str(shown["password_secret"])

    def _by_kubectl(self, kind: str) -> None:
        """Of a role that does not exist, in two ways; and a Secret that is no connection string."""
        plain = {"password": self._new(f"{kind}: in a Secret")}
        address = self._connections.address
        user = f"nobody:{self._new(f'{kind}: in a connection string')}@{address['host']}:{address['port']}"
        whole = {
            "dsn": f"postgresql://{user}/source",
            "bad": f"postgresql://x:{self._new(f'{kind}: garbage')}@h:port/x",
        }
        names = [self._connections.secret(data) for data in (plain, whole)]
        ways: list[Body] = [
            {"username": "nobody", "passwordSecret": {"name": names[0]}},
            *(self._whole({"name": names[1], "key": key}) for key in whole),
        ]
        self._connections.apply(*(self._connections.manifest(kind, **way) for way in ways))

    @staticmethod
    def _whole(reference: dict[str, Any]) -> Body:
        return {**dict.fromkeys(("host", "port", "database")), "connectionSecret": reference}
