"""Every script of `examples/commands`, one after the other, in the world that comes with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.aws_command import command
from tests.e2e.harness import ROOT, Kubectl
from tests.e2e.test_examples import applied, ready

FOLDER = ROOT / "examples" / "commands"
NAMESPACE = "dr-commands"


def test_the_scripts_do_what_they_say(tmp_path: Path) -> None:
    command(tmp_path)
    with applied("commands", tmp_path, DRS_OPERATOR_SETTLE_SECONDS="5") as (sandbox, kubectl):
        ready(kubectl, NAMESPACE, *(f"drplan/{name}" for name in ("shop", "fragile", "stubborn", "doubtful")))
        path = os.pathsep.join((str(tmp_path), sandbox.environment["PATH"]))
        environment = {**sandbox.environment, "PATH": path, "PYTHONPATH": str(ROOT)}
        scripts = [script for script in sorted(FOLDER.glob("*.sh")) if script.stem != "run"]
        said = {script.stem: _run(script, environment) for script in scripts}

        assert _ended(kubectl, "paused") == ("Completed", ["pause", "resume"])
        assert "Requested" in said["pause-and-resume"], "the hold is shown"
        assert _ended(kubectl, "cancelled") == ("Cancelled", ["cancel"])
        assert _ended(kubectl, "retried") == ("Completed", ["retry"])
        assert _ended(kubectl, "skipped") == ("CompletedWithExceptions", ["skip"])
        assert _ended(kubectl, "cleaned") == ("Completed", ["terminate-instances"])

        assert _ended(kubectl, "adopted") == ("Completed", ["adopt"])
        assert "LaunchOutcomeUnknown" in said["adopt"], "the hold is shown"

        attempts = {s["hostname"]: s["attempt"] for s in _servers(kubectl, "retried")}
        assert attempts == {"fragile-1": 2, "fragile-2": 1}, "only the server that failed is launched again"
        cleanup = kubectl.status("drx", "cleaned", NAMESPACE)["cleanup"]
        assert (cleanup["phase"], cleanup["terminated"], cleanup["remaining"]) == ("Completed", 4, 0)
        assert {server["phase"] for server in _servers(kubectl, "cleaned")} == {"Terminated"}


def _run(script: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{script.name}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _ended(kubectl: Kubectl, name: str) -> tuple[str, list[str]]:
    """The final phase, and the commands that were accepted, oldest first."""
    status = kubectl.status("drx", name, NAMESPACE)
    accepted = [r["type"] for r in reversed(status["requests"]) if r["outcome"] == "Accepted"]
    return status["phase"], accepted


def _servers(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    return [server for wave in kubectl.status("drx", name, NAMESPACE)["waves"] for server in wave["servers"]]
