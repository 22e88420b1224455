"""Keeps a sandbox up, in the foreground or detached, until a signal, a failure or ``down`` ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from drs_sandbox.errors import SandboxError
from drs_sandbox.state import ProcessState, StateFolder
from drs_sandbox.toolchain.progress import Reporter
from drs_sandbox.up import DEFAULT_WORLD, SIGNATURE_TTL_SECONDS, Part, Sandbox

__all__ = ["SIGNATURE_TTL_SECONDS", "Request", "detach", "end", "run"]

_WATCH_SECONDS = 0.5
_END_SECONDS = 30.0
_READY = b"1"


@dataclass(frozen=True)
class Request:
    """What ``up`` was asked for."""

    directory: Path
    world: Path | None = None
    speed: float = 1.0
    only: Part | None = None
    signature_ttl_seconds: float = SIGNATURE_TTL_SECONDS

    @property
    def world_file(self) -> Path:
        return (self.world or DEFAULT_WORLD).absolute()

    def arguments(self) -> list[str]:
        """The same request as options of ``drs-sandbox up``."""
        options = [f"--dir={self.directory.absolute()}", f"--world={self.world_file}", f"--speed={self.speed}"]
        options += [f"--signature-ttl={self.signature_ttl_seconds}"]
        return [*options, f"--only={self.only}"] if self.only else options


class _Ended(BaseException):
    """A signal that asks to end; like KeyboardInterrupt no Exception, so that nobody takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(request: Request, ready_fd: int | None = None) -> int:
    """Starts a sandbox and stays until it ends; returns the exit code. Main thread only: it takes the signals.

    With ``ready_fd`` it is detached: a byte goes there when it is ready, and stderr then becomes a log.
    """
    sandbox = Sandbox(
        request.directory,
        world=request.world,
        speed=request.speed,
        only=request.only,
        signature_ttl_seconds=request.signature_ttl_seconds,
    )
    _take_signals()
    say = Reporter().say
    failure: str | None = None
    ready = False
    began = time.monotonic()
    try:
        sandbox.start()
        if ready_fd is not None:
            _leave(ready_fd, sandbox.folder)
        ready = True
        if ready_fd is None:
            say(f"[sandbox] ready after {time.monotonic() - began:.1f} s. In another terminal:")
            say(f'[sandbox]   eval "$(drs-sandbox env --dir {request.directory})"')
        while (failure := sandbox.failure()) is None:
            time.sleep(_WATCH_SECONDS)
        say(f"[sandbox] {failure}")
        return 1
    except _Ended as signalled:
        say("[sandbox] ending")
        return 0 if ready else 128 + signalled.number
    finally:
        sandbox.stop(failure=failure)


def detach(request: Request) -> int:
    """Starts a supervisor of its own session and returns when the sandbox is ready, or with its exit code."""
    StateFolder(request.directory).logs.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "drs_sandbox", "up", *request.arguments(), f"--ready-fd={writing}"]
    with os.fdopen(reading, "rb") as pipe:
        # stderr stays the caller's until it is ready: so progress is seen as it happens, on a terminal too.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        try:
            if pipe.read(1) == _READY:
                Reporter().say(f'[sandbox] ready: eval "$(drs-sandbox env --dir {request.directory})"')
                return 0
            return process.wait() or 1
        except BaseException:
            process.terminate()
            process.wait(_END_SECONDS)
            raise


def end(folder: StateFolder) -> bool:
    """Ends the sandbox of ``folder`` and returns when all of it has ended; False if none is up there."""
    state = folder.read()
    if not folder.locked():
        folder.clear(logs=False)
        return False
    if state is None:
        raise SandboxError(
            "StateMissing",
            f"a process holds {folder.directory}, but state.json does not say which",
            "It may be starting this moment: try again.",
        )
    state.supervisor.signal(signal.SIGTERM)
    if not _gone(folder, state.supervisor):
        # Everything that it started is on its leash, and ends with it.
        state.supervisor.signal(signal.SIGKILL)
        if not _gone(folder, state.supervisor):
            raise SandboxError(
                "StillUp",
                f"process {state.supervisor.pid} does not end",
                f"ps -fp {state.supervisor.pid} tells what it is doing.",
            )
        folder.clear(logs=False)
    return True


def _take_signals() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ended(number: int, _frame: FrameType | None) -> NoReturn:
        for each in numbers:  # once is enough: a second Ctrl-C must not interrupt the ending
            signal.signal(each, signal.SIG_IGN)
        raise _Ended(number)

    for number in numbers:
        signal.signal(number, ended)


def _leave(ready_fd: int, folder: StateFolder) -> None:
    """Lets the caller go. Raises ``_Ended`` if it has gone before."""
    log = os.open(folder.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    try:
        os.write(ready_fd, _READY)
    except BrokenPipeError:
        raise _Ended(signal.SIGHUP) from None
    finally:
        os.close(ready_fd)


def _gone(folder: StateFolder, supervisor: ProcessState) -> bool:
    deadline = time.monotonic() + _END_SECONDS
    while folder.locked() or supervisor.running:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
