"""The process of a local Elasticsearch node: its files, its command line, and as whom it runs."""

import ctypes
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_local.elasticsearch import home as elasticsearch_home
from headrace_local.errors import LocalError
from headrace_local.unprivileged import AS_NOBODY, NOBODY, can_be_nobody

# Tests' and demo's; with half of it a node still starts, and is busy with its garbage. A gigabyte for measuring.
HEAP = "512m"
# As for indices: after a restart each is read again before it can be searched.
HEALTH = "/_cluster/health?wait_for_status=yellow&timeout=1s"
# What a node may see as somebody else lies here, in a mount namespace of its own.
PLACES = (Path("/mnt"), Path("/media"))
# The folders that root runs a cluster from are closed to others, as is root's cache. Capabilities go with the user id.
_APART = """
set -e
at=$1 java=$2 home=$3 node=$4; shift 4
mount -t tmpfs -o mode=0755,size=64k headrace "$at"
mkdir "$at/java" "$at/home" "$at/node"
mount --bind "$java" "$at/java"
mount --bind "$home" "$at/home"
mount --bind "$node" "$at/node"
exec "$@"
"""
_READ, _WRITTEN = ("config", "natives"), ("data", "logs", "tmp")
_CONFIG = """\
cluster.name: headrace-local
node.name: local
discovery.type: single-node
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
path.data: {node}/data
path.logs: {node}/logs
# Else an index is made read only where the machine's disk is 95 % full, however little of that is ours.
cluster.routing.allocation.disk.threshold_enabled: false
"""
_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""
# As Elasticsearch's own start sets them, but for what concerns a distribution.
_JAVA = (
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dfile.encoding=UTF-8",
    "-Djna.nosys=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dlog4j2.formatMsgNoLookups=true",
    "-Dio.netty.noUnsafe=true",
    "-Dio.netty.noKeySetOptimization=true",
    "-Dio.netty.recycler.maxCapacityPerThread=0",
    "-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1",
    "--enable-native-access=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "-Des.distribution.type=zip",
    # The library for vectors is in no jar; Lucene computes them itself then.
    "-Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false",
)
_LASTING = ("-XX:+UseG1GC",)
# Starting takes 6 s of CPU instead of 12; what runs for minutes is slower, as it is never compiled well.
_BRIEF = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True)
class Node:
    """One node: where its programs and its own folder are, and its ports on loopback."""

    home: Path
    folder: Path
    port: int
    transport_port: int
    heap: str = HEAP
    is_brief: bool = False
    """For tests, which start it and index a few documents."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class _View:
    """How the node's process sees its three folders."""

    java: Path
    home: Path
    node: Path


def check_heap(text: str) -> str:
    """A heap as Java writes it; raises LocalError for what is none, before a node dies of it."""
    if not re.fullmatch(r"[1-9]\d*[mg]", text):
        raise LocalError(f"{text}: want a heap such as 512m or 1g")
    return text


def prepare(node: Node) -> None:
    """Makes the node's folder, for the user that it will run as; what it holds already stays."""
    view = _view(node)
    for name in (*_READ, *_WRITTEN):
        (node.folder / name).mkdir(parents=True, exist_ok=True)
    text = _CONFIG.format(http=node.port, transport=node.transport_port, node=view.node)
    (node.folder / "config/elasticsearch.yml").write_text(text)
    (node.folder / "config/log4j2.properties").write_text(_LOGGING)
    shutil.copyfile(zstd(), node.folder / "natives/libzstd.so")
    if can_be_nobody():
        # Not what we write: the node could put a link there, and have root write elsewhere at the next start.
        for name in _WRITTEN:
            os.chown(node.folder / name, NOBODY, NOBODY)
        node.folder.chmod(0o755)
        for folder in (node.folder / name for name in _READ):
            elasticsearch_home.open_to_readers(folder)


def command(node: Node, *, dies_with_parent: bool = False) -> tuple[str, ...]:
    """What starts it in the foreground: never as root, and ordinary users as themselves."""
    java = _java(node, _view(node))
    with_parent = ("--pdeathsig=KILL",) if dies_with_parent else ()
    if can_be_nobody():
        folders = (_place(node), elasticsearch_home.java(), node.home, node.folder)
        mounted = ("unshare", "--mount", "/bin/sh", "-c", _APART, "elasticsearch", *map(str, folders))
        # The signal is set after the user: changing that takes it back.
        drop = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--bounding-set=-all")
        return (*mounted, "setpriv", *drop, *with_parent, *java)
    around = AS_NOBODY if os.geteuid() == 0 else ()
    return (*around, *(("setpriv", *with_parent) if with_parent else ()), *java)


def zstd() -> Path:
    """The system's libzstd: without it a node starts, and fails each index that is to be compressed well."""
    try:
        # By the loader: whether it is found, and where, depends on the machine's own rules.
        ctypes.CDLL("libzstd.so.1")
    except OSError as error:
        raise LocalError(
            "Elasticsearch needs the library zstd, which is not on this machine: install it "
            "(Debian, Ubuntu: apt install libzstd1; Fedora: dnf install libzstd)"
        ) from error
    mapped = re.search(r"(/\S*/libzstd\.so\S*)$", Path("/proc/self/maps").read_text(), re.MULTILINE)
    assert mapped
    return Path(mapped[1])


def _view(node: Node) -> _View:
    if can_be_nobody():
        at = _place(node)
        return _View(at / "java", at / "home", at / "node")
    return _View(elasticsearch_home.java(), node.home, node.folder)


def _place(node: Node) -> Path:
    """Not a folder that one of the three lies in: it is covered."""
    return place((elasticsearch_home.java(), node.home.resolve(), node.folder.resolve()))


def place(sources: Sequence[Path]) -> Path:
    """The first of PLACES that covers none of the sources; raises LocalError when there is none."""
    for at in PLACES:
        if at.is_dir() and not any(source.is_relative_to(at) for source in sources):
            return at
    raise LocalError(f"Elasticsearch needs {' or '.join(map(str, PLACES))}, with nothing of Headrace below it")


def _java(node: Node, view: _View) -> tuple[str, ...]:
    own = (
        *(_BRIEF if node.is_brief else _LASTING),
        f"-Xms{node.heap}",
        f"-Xmx{node.heap}",
        f"-Djava.io.tmpdir={view.node / 'tmp'}",
        f"-Des.nativelibs.path={view.node}/natives",
        f"-Des.path.home={view.home}",
        f"-Des.path.conf={view.node}/config",
    )
    start = ("headrace.launcher.Launcher", str(view.home), f"{view.node}/config")
    return (str(view.java / "bin/java"), *_JAVA, *own, "-cp", f"{view.home}/classes:{view.home}/lib/*", *start)
