"""DynamoDB Local as a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import urllib3

from drs_sandbox.errors import SandboxError
from drs_sandbox.ports import LOOPBACK, free_port
from drs_sandbox.processes import Child, Processes
from drs_sandbox.toolchain.java import DynamoDbProgram

# It has no bind flag, so whoever starts it should say this.
LISTENS_EVERYWHERE = "DynamoDB Local listens on all interfaces: it has no option to bind 127.0.0.1 alone"
_MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"
_ATTEMPTS = 3


class DynamoDbLocal:
    """An empty DynamoDB in memory, shared by all accounts and Regions, at ``url``. It ends with ``processes``.

    It unpacks its native libraries into ``directory``.
    """

    def __init__(
        self,
        program: DynamoDbProgram,
        processes: Processes,
        directory: Path,
        choose_port: Callable[[], int] = free_port,
    ) -> None:
        self._program = program
        self._processes = processes
        self._directory = directory
        self._choose_port = choose_port
        self._child: Child | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def launch(self) -> None:
        """Starts it; its start takes a few seconds that others can use."""
        self._port = self._choose_port()
        java, library = self._program.java, self._program.library
        self._directory.mkdir(parents=True, exist_ok=True)
        jvm = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={self._directory}"]
        options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(self._port)]
        self._child = self._processes.launch(
            "dynamodb", [java, *jvm, "-cp", f"{library}/*", _MAIN, *options], directory=self._directory
        )

    def await_ready(self) -> None:
        """Returns when it answers. Raises ``SandboxError`` if it does not start."""
        for attempt in range(1, _ATTEMPTS + 1):
            if self._child is None:
                self.launch()
            child = self._child
            assert child is not None
            try:
                self._processes.await_ready(child, self._answers)
                return
            except SandboxError as error:
                self._child = None
                # Between our look and its start somebody else may have taken the port.
                if attempt == _ATTEMPTS or "in use" not in error.reason:
                    raise

    def _answers(self) -> bool:
        try:
            answer = urllib3.request("GET", self.url, retries=False, timeout=2.0)
        except urllib3.exceptions.HTTPError:
            return False
        # Unsigned requests are refused, in DynamoDB's own words.
        return b"com.amazonaws.dynamodb" in answer.data
