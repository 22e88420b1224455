"""The process: it starts with a right world only, and ends when it should."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import HTTPClientError

from tests.contract.aws.worlds import ONE, SERVER, world
from tests.contract.simulated_aws import AwsServer

PATIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
WAIT_SECONDS = 20.0


def _await(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _listens(endpoint: str) -> bool:
    split = urlsplit(endpoint)
    with socket.socket() as probe:
        return probe.connect_ex((split.hostname, split.port)) == 0


def test_sigterm_ends_it_in_order(aws_server: AwsServer) -> None:
    aws = aws_server(world())
    assert (aws.state / "port").read_text().strip().isdigit()
    assert aws.stop() == 0
    assert not _listens(aws.endpoint)
    assert not (aws.state / "port").exists()


def test_a_call_that_hangs_does_not_keep_it_alive(aws_server: AwsServer) -> None:
    aws = aws_server(world([{"operation": "DescribeJobs", "effect": "hang"}]))
    client = aws.client_of(aws.assume(ONE), "drs", config=PATIENT)
    failures: list[str] = []

    def call() -> None:
        try:
            client.describe_jobs()
        except HTTPClientError as error:
            failures.append(type(error).__name__)

    caller = threading.Thread(target=call)
    caller.start()
    assert _await(lambda: any(item["outcome"].get("code") == "Hangs" for item in aws.calls("drs")))
    assert aws.stop() == 0
    caller.join(WAIT_SECONDS)
    assert failures == ["ConnectionClosedError"]


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "world.yaml").write_text(yaml.safe_dump(world()))
    port = tmp_path / "port"
    options = ["--world", str(tmp_path / "world.yaml"), "--port-file", str(port), "--state", str(tmp_path)]
    parent_program = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    parent = subprocess.Popen([sys.executable, "-c", parent_program, sys.executable, "-m", "drs_sandbox.aws", *options])
    try:
        assert _await(port.exists)
        endpoint = f"http://127.0.0.1:{port.read_text().strip()}"
        assert _listens(endpoint)
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert _await(lambda: not _listens(endpoint))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(
            lambda it: it["accounts"][0].update(colour="red"),
            "accounts[0].colour: expected no such key",
            id="unknown key",
        ),
        pytest.param(
            lambda it: it["accounts"][0]["regions"][0].update(name="xx-nowhere-1"),
            "accounts[0].regions[0].name: expected a Region of AWS, not 'xx-nowhere-1'",
            id="no such Region",
        ),
        pytest.param(
            lambda it: it["accounts"][0]["regions"][0]["sourceServers"][0]["origin"].update(region="xx-nowhere-1"),
            "accounts[0].regions[0].sourceServers[0].origin.region: expected a Region of AWS, not 'xx-nowhere-1'",
            id="no such Region of an origin",
        ),
        pytest.param(
            lambda it: it.update(faults=[{"operation": "StartDrill", "effect": "hang"}]),
            "faults[0].operation: expected an operation of a simulated service, not 'StartDrill'",
            id="no such operation",
        ),
        pytest.param(
            lambda it: it["accounts"][1]["regions"][0].update(jobs=[{"servers": [SERVER]}]),
            f"accounts[1].regions[0].jobs[0].servers[0]: expected a source server of us-east-1, not {SERVER}",
            id="a job of no server",
        ),
    ],
)
def test_a_world_that_is_not_right_starts_nothing(
    tmp_path: Path, change: Callable[[dict[str, object]], None], error: str
) -> None:
    wrong = world()
    change(wrong)
    file, port, state = tmp_path / "world.yaml", tmp_path / "port", tmp_path / "state"
    file.write_text(yaml.safe_dump(wrong))
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "drs_sandbox.aws",
        "--world",
        file,
        "--port-file",
        port,
        "--state",
        state,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (2, f"{file}: {error}\n")
    assert not port.exists()
    assert not state.exists(), "nothing is left"
