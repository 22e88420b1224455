from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drs_sandbox.errors import SandboxError
from drs_sandbox.state import SandboxState, StateFolder, process_state, start_time, this_process


def test_folder_has_one_owner(tmp_path: Path) -> None:
    ours, theirs = StateFolder(tmp_path), StateFolder(tmp_path)
    assert not theirs.locked()
    assert ours.lock()
    assert theirs.locked()
    assert not theirs.lock()
    ours.unlock()
    assert theirs.lock()


def test_asking_for_a_folder_does_not_make_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "none")
    assert not folder.locked()
    assert folder.read() is None
    assert not (tmp_path / "none").exists()


def test_state_is_read_as_written(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    state = SandboxState(phase="ready", supervisor=this_process("supervisor"), world="w.yaml", speed=60)
    folder.write(state)
    assert folder.read() == state


def test_state_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(SandboxError, match="StateUnreadable"):
        StateFolder(tmp_path).read()


def test_signal_goes_to_the_process_that_was_meant(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        state = process_state("child", child.pid)
        stranger = state.model_copy(update={"start_time": "1"})
        assert not stranger.running
        stranger.signal(signal.SIGKILL)
        assert state.running, "a process of the same number that began at another time is another process"
        state.signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert not state.running


def test_process_that_ended_and_is_not_reaped_is_not_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # the end of its output: it is ending
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_time(child.pid) is None
    child.wait()
    child.stdout.close()


def test_clear_leaves_logs_and_what_is_not_ours(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    for file in ("kubeconfig", "kubeconfig-operator", "env", "state.json", "kube/ca.crt", "bin/kubectl", "notes.txt"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    for kept in (folder.logs, folder.aws):
        kept.mkdir()
    folder.clear(logs=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aws", "logs", "notes.txt"]
    folder.clear(logs=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
