from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from drs_sandbox.cli import main
from drs_sandbox.environment import export_lines, sandbox_variables
from drs_sandbox.up import DEFAULT_WORLD
from drs_sandbox.world import load_world

RECORD = {
    "time": "2026-01-02T03:04:05.678901+00:00",
    "realTime": "2026-01-02T03:04:05.678901+00:00",
    "account": "123456789012",
    "region": "us-east-1",
    "principal": "arn:aws:sts::123456789012:assumed-role/DRSOrchestrationRole/run-1",
    "service": "drs",
    "operation": "StartRecovery",
    "parameters": {"isDrill": True},
    "outcome": {"status": 409, "code": "ConflictException"},
}


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


class Command:
    """``drs-sandbox`` with a terminal of 200 columns and no colours."""

    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capture = capture
        self._patch = patch
        for name, value in (("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "200")):
            patch.setenv(name, value)

    def __call__(self, *arguments: str | Path) -> Done:
        self._patch.setattr(sys, "argv", ["drs-sandbox", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            main()
        out, err = self._capture.readouterr()
        code = exited.value.code
        return Done(code if isinstance(code, int) else 0, out, err)


@pytest.fixture
def drs_sandbox(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


def call_log(folder: Path, *lines: str) -> Path:
    (folder / "aws").mkdir()
    (folder / "aws" / "calls.jsonl").write_text("".join(lines))
    return folder


def test_wrong_world_is_told_by_field_and_leaves_no_trace(drs_sandbox: Command, tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    world.write_text("apiVersion: sandbox.drs-operator.io/v1alpha1\nkind: World\nacounts: []\n")
    done = drs_sandbox("up", "--world", world, "--dir", tmp_path / "state", "--detach")
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{world}: acounts: expected no such key" in done.stderr.splitlines()
    assert f"{world}: accounts: expected a value, it is missing" in done.stderr.splitlines()
    assert not (tmp_path / "state").exists()


def test_missing_world_file_is_told(drs_sandbox: Command, tmp_path: Path) -> None:
    done = drs_sandbox("up", "--world", tmp_path / "none.yaml", "--dir", tmp_path / "state")
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/none.yaml: expected a readable file (No such file or directory)\n"


@pytest.mark.parametrize("command", [["env"], ["clock"], ["inject", "--clear"], ["set", "s-1", "lag=PT1S"]])
def test_what_needs_a_sandbox_says_that_none_is_up(drs_sandbox: Command, tmp_path: Path, command: list[str]) -> None:
    done = drs_sandbox(*command, "--dir", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"drs-sandbox: NotUp: no sandbox is up in {tmp_path}\n  → drs-sandbox up")


def test_status_of_nothing(drs_sandbox: Command, tmp_path: Path) -> None:
    assert drs_sandbox("status", "--dir", tmp_path).returncode == 3
    done = drs_sandbox("status", "--dir", tmp_path, "-o", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout) == {"up": False, "dir": str(tmp_path)}


def test_down_of_nothing_is_no_error(drs_sandbox: Command, tmp_path: Path) -> None:
    done = drs_sandbox("down", "--dir", tmp_path / "none")
    assert done.returncode == 0
    assert "nothing is up" in done.stderr


def test_calls_are_there_after_the_end_and_without_a_half_written_line(drs_sandbox: Command, tmp_path: Path) -> None:
    other = {**RECORD, "service": "sts", "operation": "AssumeRole"}
    call_log(tmp_path, json.dumps(RECORD) + "\n", json.dumps(other) + "\n", '{"time": "2026-')
    every = drs_sandbox("calls", "--dir", tmp_path, "-o", "json")
    assert json.loads(every.stdout) == [RECORD, other]
    some = drs_sandbox("calls", "--dir", tmp_path, "--service", "drs", "-o", "json")
    assert json.loads(some.stdout) == [RECORD]


def test_calls_as_a_table(drs_sandbox: Command, tmp_path: Path) -> None:
    nobody = {**RECORD, "account": None, "region": None, "principal": None, "service": None, "operation": None}
    call_log(tmp_path, json.dumps(RECORD) + "\n", json.dumps(nobody) + "\n")
    lines = drs_sandbox("calls", "--dir", tmp_path).stdout.splitlines()
    assert lines[1].split() == [
        "03:04:05.678",
        "123456789012",
        "us-east-1",
        "run-1",
        "drs:StartRecovery",
        "409",
        "ConflictException",
        '{"isDrill":',
        "true}",
    ]
    assert lines[2].split()[:5] == ["03:04:05.678", "-", "-", "-", "?:?"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["inject"], "give either FILE"),
        (["inject", "-", "--clear"], "give either FILE"),
        (["set", "s-1", "lag"], "expected key=value, not lag"),
        (["set", "s-1"], "Missing argument"),
        (["clock", "--speed", "-1"], "--speed"),
        (["up", "--speed", "-1"], "--speed"),
        (["up", "--only", "dns"], "--only"),
        (["bin"], "Missing argument"),
    ],
)
def test_what_is_given_wrongly_is_exit_code_2(
    drs_sandbox: Command, tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = drs_sandbox(*arguments, *([] if arguments == ["bin"] else ["--dir", str(tmp_path)]))
    assert done.returncode == 2
    assert told in done.stderr


def test_unknown_program_is_refused(drs_sandbox: Command) -> None:
    done = drs_sandbox("bin", "kubelet")
    assert done.returncode == 1
    assert "UnknownTool" in done.stderr


def test_default_world_is_right() -> None:
    assert load_world(DEFAULT_WORLD).accounts


def test_export_lines_mean_what_they_say(tmp_path: Path) -> None:
    folder = tmp_path / "with space and 'quote'"
    variables = sandbox_variables(kubeconfig=folder / "kubeconfig", aws_url="http://127.0.0.1:1", region="eu-west-1")
    script = export_lines(variables, folder / "bin") + 'printf "%s\\n" "$KUBECONFIG" "$PATH" "$AWS_DEFAULT_REGION"'
    environment = {"PATH": "/usr/bin:/bin", "AWS_SESSION_TOKEN": "of-a-real-session"}
    shell = subprocess.run(
        ["/bin/sh", "-c", f'{script}; echo "[$AWS_SESSION_TOKEN]"'],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout.splitlines() == [
        f"{folder}/kubeconfig",
        f"{folder}/bin:/usr/bin:/bin",
        "eu-west-1",
        "[]",
    ]


def test_part_that_does_not_run_has_no_variables() -> None:
    assert sandbox_variables(kubeconfig=None, aws_url=None, region="us-east-1") == {}
