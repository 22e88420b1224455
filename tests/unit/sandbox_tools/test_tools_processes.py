from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drs_sandbox import leash
from drs_sandbox.errors import SandboxError
from drs_sandbox.ports import ReservedPort
from drs_sandbox.processes import Child, Processes
from drs_sandbox.state import start_time

# Says that it is there, and writes its name to a file when it is asked to end.
POLITE = """
import pathlib, signal, sys
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def end(*_):
    with (folder / "ended").open("a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
(folder / name).touch()
while True:
    signal.pause()
"""
STUBBORN = POLITE.replace("signal.signal(signal.SIGTERM, end)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
PARENT = """
import sys, time
from pathlib import Path
from drs_sandbox.processes import Processes
folder = Path(sys.argv[1])
child = Processes(folder / "logs").start(
    "child", [sys.executable, "-c", sys.argv[2], "child", folder], ready=(folder / "child").exists
)
print(child.process.pid, flush=True)
sys.stdin.read()
"""


def start(processes: Processes, folder: Path, name: str, script: str = POLITE, grace_seconds: float = 5) -> Child:
    command: list[str | Path] = [sys.executable, "-c", script, name, folder]
    return processes.start(name, command, ready=(folder / name).exists, grace_seconds=grace_seconds)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within 30 s"
        time.sleep(0.02)


def test_children_end_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        children = [start(processes, tmp_path, name) for name in ("first", "second", "third")]
        assert all(child.running for child in children)
    assert (tmp_path / "ended").read_text().splitlines() == ["third", "second", "first"]
    assert not any(child.running for child in children)


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        child = start(processes, tmp_path, "stubborn", STUBBORN, grace_seconds=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_kill_gives_no_chance_to_say_goodbye(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        child = start(processes, tmp_path, "child")
        processes.stop(child, kill=True)
    assert child.process.returncode == -signal.SIGKILL
    assert not (tmp_path / "ended").exists()


def test_child_that_ends_while_it_starts_is_told_with_its_last_words(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "logs")
    script = "for n in range(99): print('line', n)\nraise SystemExit(7)"
    with pytest.raises(SandboxError) as caught:
        processes.start("broken", [sys.executable, "-c", script], ready=lambda: False)
    assert caught.value.code == "ProcessEnded"
    assert "exit code 7" in caught.value.reason
    assert "line 98" in caught.value.reason
    assert "line 83\n" not in caught.value.reason, "the tail, not the whole log"
    assert str(tmp_path / "logs" / "broken.log") in caught.value.next_step
    assert processes.children == ()


def test_child_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "logs")
    child = processes.launch("slow", [sys.executable, "-c", POLITE, "slow", str(tmp_path)])
    with pytest.raises(SandboxError, match="NotReady"):
        processes.await_ready(child, lambda: False, timeout_seconds=0.1)
    assert not child.running


def test_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="No such file"):
        Processes(tmp_path / "logs").start("ghost", [tmp_path / "ghost"], ready=lambda: False)


def test_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        thread = threading.Thread(target=start, args=(processes, tmp_path, "child"))
        thread.start()
        thread.join()
        # A second child is started after that thread is gone: by then the first would have been ended with it.
        start(processes, tmp_path, "later")
        assert all(child.running for child in processes.children)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_child_ends_when_its_parent_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), STUBBORN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert start_time(pid) is not None
        parent.send_signal(number)
        until(lambda: start_time(pid) is None)


def test_leash_refuses_to_run_without_its_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", leash.__file__, "1", "/bin/true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the parent ended" in done.stderr


def test_reserved_port_is_nobody_elses() -> None:
    with ReservedPort() as port, socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port.number))
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", port.number))
    with socket.socket() as other:
        other.bind(("127.0.0.1", port.number))
