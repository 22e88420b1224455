"""The command, whole: what it starts, what it tells, and that nothing is left however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from drs_sandbox.errors import SandboxError
from drs_sandbox.up import DEFAULT_WORLD, Sandbox
from tests.integration.sandbox.waiting import all_refused, processes_of, until

STATE_AFTER = {"aws", "lock", "logs"}


class Cli:
    """``drs-sandbox`` in processes of its own; ends what a failed test leaves."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[Path] = []
        self._started: list[subprocess.Popen[str]] = []

    def folder(self, name: str) -> Path:
        folder = self._root / name
        self._folders.append(folder)
        return folder

    def start(self, command: str, folder: Path, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "drs_sandbox", command, "--dir", folder, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, command: str, folder: Path, *options: str, code: int = 0) -> tuple[str, str]:
        """Its stdout and stderr; its exit code has to be ``code``."""
        process = self.start(command, folder, *options)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return out, err

    def state(self, folder: Path) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        return state

    def end_all(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.terminate()
        for folder in self._folders:
            with suppress(FileNotFoundError):
                os.kill(self.state(folder)["supervisor"]["pid"], signal.SIGTERM)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    made = Cli(tmp_path)
    yield made
    made.end_all()
    until(lambda: processes_of(tmp_path) == [], "the end of what this test started")


def urls(state: dict[str, Any]) -> list[str]:
    return [url for key in ("kubernetesUrl", "awsUrl", "dynamodb") if (url := state[key] or "").startswith("http")]


def test_two_at_once_and_all_that_a_person_does_with_one(cli: Cli) -> None:
    first, second = cli.folder("first"), cli.folder("second")
    starts = [cli.start("up", folder, "--detach", "--speed", "60") for folder in (first, second)]
    for start in starts:
        _, told = start.communicate(timeout=180)
        assert start.returncode == 0, told
        assert "listens on all interfaces" in told
    states = [cli.state(folder) for folder in (first, second)]
    assert len({url for state in states for url in urls(state)}) == 6, "each has ports of its own"

    out, _ = cli.run("env", first)
    script = out + "kubectl get ns -o name && env"
    shell = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert "namespace/kube-system" in shell.stdout
    assert f"KUBECONFIG={first}/kubeconfig" in shell.stdout
    assert f"AWS_ENDPOINT_URL={states[0]['awsUrl']}" in shell.stdout

    status = json.loads(cli.run("status", first, "-o", "json")[0])
    names = {process["name"] for process in status["processes"]}
    assert names == {"supervisor", "etcd", "kube-apiserver", "kube-controller-manager", "dynamodb", "aws"}
    assert all(process["running"] for process in status["processes"])
    assert "running" in cli.run("status", first)[0]

    assert "already up" in cli.run("up", first, "--detach", "--speed", "60")[1]
    assert "AlreadyUp" in cli.run("up", first, "--detach", "--speed", "61", code=1)[1]

    before = json.loads(cli.run("clock", first, "-o", "json")[0])
    assert before["speed"] == 60
    after = json.loads(cli.run("clock", first, "--advance", "3600", "-o", "json")[0])
    assert after["offsetSeconds"] == before["offsetSeconds"] + 3600
    assert json.loads(cli.run("clock", second, "-o", "json")[0])["offsetSeconds"] == 0

    server = json.loads(cli.run("set", first, "s-web00000000000001", "lag=PT7S", "tags.Owner=me")[0])
    assert (server["lag"], server["tags"]["Owner"]) == ("PT7S", "me")
    assert "expected" in cli.run("set", first, "s-web00000000000009", "lag=PT7S", code=2)[1]

    for folder in (first, second):
        cli.run("down", folder)
        assert processes_of(folder) == []
        assert {path.name for path in folder.iterdir()} == STATE_AFTER
    assert all_refused(url for state in states for url in urls(state))
    assert json.loads(cli.run("calls", first, "-o", "json")[0]) == []
    cli.run("status", first, code=3)


def test_two_at_once_in_one_folder_are_one(cli: Cli) -> None:
    folder = cli.folder("shared")
    starts = [cli.start("up", folder, "--detach", "--only", "aws") for _ in range(2)]
    told = [start.communicate(timeout=120)[1] for start in starts]
    assert 0 in [start.returncode for start in starts], told
    status = json.loads(cli.run("status", folder, "-o", "json")[0])
    assert all(process["running"] for process in status["processes"])
    cli.run("clock", folder)
    cli.run("down", folder)


def test_killed_supervisor_takes_all_with_it_and_the_next_up_cleans_up(cli: Cli) -> None:
    folder = cli.folder("killed")
    cli.run("up", folder, "--detach", "--only", "kube")
    state = cli.state(folder)
    os.kill(state["supervisor"]["pid"], signal.SIGKILL)
    # Nobody is there to wait for them: the kernel takes their names first, their ports a moment later.
    until(lambda: processes_of(folder) == [] and all_refused(urls(state)), "the end of its children")
    assert "nothing is up" in cli.run("status", folder, code=3)[0]

    cli.run("up", folder, "--detach", "--only", "aws")
    assert not (folder / "kubeconfig").exists(), "that of the sandbox before"
    assert not (folder / "kube").exists()
    cli.run("down", folder)


def test_program_that_dies_ends_the_sandbox_and_status_tells_why(cli: Cli) -> None:
    folder = cli.folder("failed")
    cli.run("up", folder, "--detach", "--only", "kube")
    etcd = next(process for process in cli.state(folder)["processes"] if process["name"] == "etcd")
    os.kill(etcd["pid"], signal.SIGKILL)
    until(lambda: cli.state(folder)["phase"] == "failed", "the supervisor's notice")
    until(lambda: processes_of(folder) == [], "the end of the others")
    told, _ = cli.run("status", folder, code=3)
    assert "etcd ended with exit code -9" in told
    cli.run("down", folder)
    assert not (folder / "state.json").exists()


@pytest.mark.parametrize(
    ("number", "when", "code"),
    [
        (signal.SIGTERM, "etcd.log", 128 + signal.SIGTERM),
        (signal.SIGINT, "kube-apiserver.log", 128 + signal.SIGINT),
    ],
)
def test_signal_while_it_starts(cli: Cli, number: signal.Signals, when: str, code: int) -> None:
    folder = cli.folder("interrupted")
    process = cli.start("up", folder, "--only", "kube")
    until((folder / "logs" / when).exists, f"the beginning of {when}")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert processes_of(folder) == []
    assert {path.name for path in folder.iterdir()} <= STATE_AFTER


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_in_the_foreground_ends_it_well(cli: Cli, number: signal.Signals) -> None:
    folder = cli.folder("foreground")
    process = cli.start("up", folder, "--only", "aws")
    assert process.stderr is not None
    while "ready after" not in (line := process.stderr.readline()):
        assert line, "it ended before it was ready"
    state = cli.state(folder)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert processes_of(folder) == []
    assert all_refused(urls(state))


def test_interrupted_detach_takes_the_supervisor_with_it(cli: Cli) -> None:
    folder = cli.folder("detaching")
    process = cli.start("up", folder, "--only", "kube", "--detach")
    until((folder / "logs" / "etcd.log").exists, "the beginning of etcd")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert processes_of(folder) == []


def test_failed_start_tells_the_log_and_leaves_nothing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = cli.folder("assets")
    assets.mkdir()
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"):
        (assets / name).write_text("#!/bin/sh\necho this is not really the program >&2\nexit 3\n")
        (assets / name).chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    folder = cli.folder("broken")
    for options in (["--detach"], []):
        _, told = cli.run("up", folder, "--only", "kube", *options, code=1)
        assert "etcd ended with exit code 3" in told
        assert "this is not really the program" in told
        assert f"{folder}/logs/etcd.log" in told
        assert processes_of(folder) == []
        assert {path.name for path in folder.iterdir()} <= STATE_AFTER


def test_sandbox_in_a_test(tmp_path: Path) -> None:
    with Sandbox(tmp_path, world=DEFAULT_WORLD, only="aws", speed=60, dynamodb_local=False) as sandbox:
        assert sandbox.dynamodb_url is None
        environment = sandbox.environment
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        identity = session.client("sts", endpoint_url=sandbox.aws_endpoint).get_caller_identity()
        assert identity["Account"] == "111111111111"
        assert [call["operation"] for call in sandbox.control.calls("sts")] == ["GetCallerIdentity"]
        assert sandbox.failure() is None
        late = Sandbox(tmp_path, only="aws")
        with pytest.raises(SandboxError, match="AlreadyUp"):
            late.start()
        late.stop()
        assert sandbox.folder.env.exists(), "the folder is not that of the one who came late"
        with pytest.raises(RuntimeError, match="only=aws"):
            _ = sandbox.control_plane
    assert processes_of(tmp_path) == []
