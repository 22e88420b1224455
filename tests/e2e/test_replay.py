"""A run is executed once, whatever Git, a backup or a rebuilt cluster brings back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drs_sandbox.up import Sandbox
from tests.e2e.crew import Crew, says
from tests.e2e.harness import Kubectl, account, execution, group, plan
from tests.e2e.second_cluster import Cluster
from tests.e2e.test_quickstart import launches


def test_an_execution_that_git_brings_back_is_not_run_again(
    sandbox: Sandbox, kubectl: Kubectl, crew: Crew, namespace: str, tmp_path: Path
) -> None:
    here = crew.start()
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    kubectl.apply(execution(namespace, "quarterly", "three"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/quarterly", "--timeout=60s")
    first = kubectl.status("drx", "quarterly", namespace)
    assert (first["phase"], len(launches(sandbox, namespace, "quarterly"))) == ("Completed", 3)

    kubectl("delete", "-n", namespace, "drx/quarterly", "--timeout=60s")
    kubectl.apply(execution(namespace, "quarterly", "three"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/quarterly", "--timeout=60s")
    _already_executed(kubectl.status("drx", "quarterly", namespace))
    assert len(launches(sandbox, namespace, "quarterly")) == 3

    here.kill()
    rebuilt = Cluster(tmp_path)
    try:
        rebuilt.kubectl("create", "namespace", namespace)
        rebuilt.apply(
            account("production", "123456789012", "unique-external-id-123", ["us-east-1"]),
            group(namespace, "db", "database"),
            group(namespace, "app", "application"),
            group(namespace, "web", "web"),
            plan(namespace, "three", "db", "app", "web"),
            execution(namespace, "quarterly", "three"),
        )
        there = crew.start(rebuilt.kubeconfig)
        says(there, "standing by")
        assert there.command("take-over", "--yes").returncode == 0
        says(there, "leading")
        rebuilt.kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
        rebuilt.kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/quarterly", "--timeout=60s")
        _already_executed(rebuilt.get("drx", "quarterly", namespace)["status"])
        assert len(launches(sandbox, namespace, "quarterly")) == 3, "nothing was launched by any of the three objects"
    finally:
        rebuilt.control_plane.stop()


def _already_executed(status: dict[str, Any]) -> None:
    assert (status["phase"], status["error"]["code"]) == ("Failed", "ALREADY_EXECUTED")
    (succeeded,) = [c for c in status["conditions"] if c["type"] == "Succeeded"]
    assert (succeeded["status"], succeeded["reason"]) == ("False", "AlreadyExecuted")
