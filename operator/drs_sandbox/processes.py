"""Child processes that never outlive their parent, start visibly and end in order."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from drs_sandbox import leash
from drs_sandbox.errors import SandboxError

TAIL_LINES = 15
_POLL_SECONDS = 0.05


@functools.cache
def _spawner(_process_id: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def spawn(
    command: Sequence[str | Path],
    *,
    stdout: int,
    stderr: int = subprocess.STDOUT,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts ``command`` (its first part an existing path) in a session of its own, on the leash of this process.

    The kernel ends a leashed child when the *thread* that started it ends. So one thread starts all of them, and lives
    as long as this process: callers may come from any thread.
    """

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=directory,
            start_new_session=True,
        )

    starting = _spawner(os.getpid()).submit(start)
    try:
        return starting.result()
    except BaseException:  # Ctrl-C while it starts: it must not be left without anybody who knows it
        if not starting.cancel() and starting.exception() is None:
            end(starting.result(), 0)
        raise


def end(process: subprocess.Popen[bytes], grace_seconds: float) -> int:
    """Ends a spawned process: SIGTERM, and SIGKILL for it and what it started after the grace. Returns its exit code.

    Without a grace it gets no SIGTERM: it ends as in a crash.
    """
    if process.poll() is not None:
        return process.returncode
    if grace_seconds:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    # The group is the child's own: programs that it started and left behind go with it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented, for an error message."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (the log is empty)"


@dataclass
class Child:
    """A running program and where it logs to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    grace_seconds: float

    @property
    def running(self) -> bool:
        return self.process.poll() is None


class Processes:
    """The children of one sandbox. ``stop_all`` ends them in the reverse order of their start; so does leaving it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    @property
    def children(self) -> tuple[Child, ...]:
        return tuple(self._children)

    def launch(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        grace_seconds: float = 5,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> Child:
        """Starts a program and does not wait for it; its output goes to ``NAME.log``."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        with log.open("ab") as sink:
            process = spawn(command, stdout=sink.fileno(), environment=environment, directory=directory)
        child = Child(name, process, log, grace_seconds)
        self._children.append(child)
        return child

    def await_ready(self, child: Child, ready: Callable[[], bool], timeout_seconds: float = 60) -> None:
        """Returns once ``ready()`` is true.

        Raises ``SandboxError`` with the tail of the log if the program ends first (ProcessEnded) or is not ready in
        time (NotReady); then it is ended.
        """
        try:
            _await(child, ready, timeout_seconds)
        except BaseException:
            self.stop(child)
            raise

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        ready: Callable[[], bool],
        grace_seconds: float = 5,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> Child:
        """``launch`` and ``await_ready`` in one."""
        child = self.launch(name, command, grace_seconds=grace_seconds, environment=environment, directory=directory)
        self.await_ready(child, ready)
        return child

    def stop(self, child: Child, *, kill: bool = False) -> None:
        """Ends one child; with ``kill`` at once, as a crash would."""
        end(child.process, 0 if kill else child.grace_seconds)
        self._children.remove(child)

    def stop_all(self) -> None:
        for child in reversed(self.children):
            self.stop(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()


def _await(child: Child, ready: Callable[[], bool], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if not child.running:
            raise SandboxError(
                "ProcessEnded",
                f"{child.name} ended with exit code {child.process.returncode} while it started. Its last words:\n"
                f"{tail(child.log)}",
                f"The whole log: {child.log}",
            )
        if time.monotonic() > deadline:
            raise SandboxError(
                "NotReady",
                f"{child.name} was not ready after {timeout_seconds:.0f} s. Its last words:\n{tail(child.log)}",
                f"The whole log: {child.log}. Is this machine very busy?",
            )
        time.sleep(_POLL_SECONDS)
