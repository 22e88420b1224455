"""What is known of a sandbox from outside: its folder, the lock its supervisor holds, and state.json."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from drs_sandbox.errors import SandboxError

Phase = Literal["starting", "ready", "failed"]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class ProcessState(_Model):
    """A process by number and start time: the number alone may be somebody else's by now."""

    name: str
    pid: int
    start_time: str
    log: str | None = None

    @property
    def running(self) -> bool:
        return start_time(self.pid) == self.start_time

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal if it is still the same process."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class SandboxState(_Model):
    """state.json."""

    phase: Phase
    supervisor: ProcessState
    processes: list[ProcessState] = []
    world: str | None = None
    speed: float = 1.0
    kubernetes_url: str | None = None
    aws_url: str | None = None
    dynamodb: str | None = None
    reason: str | None = None  # of phase failed


class StateFolder:
    """The folder of one sandbox, ``.sandbox`` by default. Logs and the call log outlive the sandbox, nothing else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.kubeconfig = self.directory / "kubeconfig"
        self.operator_kubeconfig = self.directory / "kubeconfig-operator"
        self.env = self.directory / "env"
        self.programs = self.directory / "bin"
        self.logs = self.directory / "logs"
        self.aws = self.directory / "aws"
        self.calls = self.aws / "calls.jsonl"
        self.dynamodb = self.directory / "dynamodb"
        self.state_file = self.directory / "state.json"
        self._lock_file = self.directory / "lock"
        self._lock: TextIO | None = None

    def lock(self) -> bool:
        """Makes the folder ours until ``unlock`` or the end of this process. False if another one has it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self._lock_file.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._lock = file
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def ours(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def locked(self) -> bool:
        """Whether a sandbox lives in this folder now."""
        if not self._lock_file.exists():
            return False
        with self._lock_file.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def read(self) -> SandboxState | None:
        """What state.json says; None without one. Of a sandbox that was killed it is old news: see ``locked``."""
        try:
            return SandboxState.model_validate_json(self.state_file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise SandboxError(
                "StateUnreadable",
                f"{self.state_file} is not a state of this version of the sandbox",
                f"End what runs from there with the version that started it, then remove {self.directory}.",
            ) from None

    def write(self, state: SandboxState) -> None:
        part = self.state_file.with_suffix(".part")
        part.write_text(state.model_dump_json(by_alias=True, indent=2) + "\n")
        part.replace(self.state_file)

    def clear(self, *, logs: bool, state: bool = True) -> None:
        """Removes what a sandbox leaves, with ``logs`` also its logs and call log. Files of others stay."""
        for file in (self.kubeconfig, self.operator_kubeconfig, self.env):
            file.unlink(missing_ok=True)
        if state:
            self.state_file.unlink(missing_ok=True)
        shutil.rmtree(self.programs, ignore_errors=True)
        shutil.rmtree(self.directory / "kube", ignore_errors=True)
        shutil.rmtree(self.dynamodb, ignore_errors=True)
        if logs:
            shutil.rmtree(self.logs, ignore_errors=True)
            shutil.rmtree(self.aws, ignore_errors=True)


def this_process(name: str) -> ProcessState:
    return process_state(name, os.getpid())


def process_state(name: str, pid: int, log: Path | None = None) -> ProcessState:
    return ProcessState(name=name, pid=pid, start_time=start_time(pid) or "", log=str(log) if log else None)


def start_time(pid: int) -> str | None:
    """When a process began, as a text to compare; None if there is no such process, or only its remains."""
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The second field, the name in parentheses, may hold anything: count from its end. proc(5): 3 state, 22 start.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def as_json(state: SandboxState) -> dict[str, Any]:
    return state.model_dump(mode="json", by_alias=True, exclude_none=True)
