"""Drills are cleaned up on real parts: when somebody asks, and by themselves; then their objects go."""

from __future__ import annotations

from typing import Any

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, execution


def terminations(sandbox: Sandbox, since: int) -> list[dict[str, Any]]:
    """TerminateRecoveryInstances calls after so many calls."""
    made = sandbox.control.calls("drs")[since:]
    return [call for call in made if call["operation"] == "TerminateRecoveryInstances"]


def instances(status: dict[str, Any]) -> set[str]:
    """Recovery instances of an execution."""
    return {server["recoveryInstanceId"] for wave in status["waves"] for server in wave["servers"]}


def named(calls: list[dict[str, Any]]) -> list[str]:
    """The instances that calls name."""
    return sorted(instance for call in calls for instance in call["parameters"]["recoveryInstanceIDs"])


def drill(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A drill that does not pause."""
    made: dict[str, Any] = execution(namespace, name, "two")
    made["spec"] |= {"pausePolicy": "Skip", **spec}
    return made


def test_a_drill_is_cleaned_up_on_request(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(drill(namespace, "asked"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/asked", "--timeout=90s")
    before, since = kubectl.status("drx", "asked", namespace), len(sandbox.control.calls("drs"))
    kubectl("annotate", "-n", namespace, "drx/asked", "drs-operator.io/terminate-instances=now")
    eventually(
        "the clean-up is over",
        lambda: kubectl.status("drx", "asked", namespace).get("cleanup", {}).get("phase") == "Completed",
    )
    after = kubectl.status("drx", "asked", namespace)
    assert (after["cleanup"]["terminated"], after["cleanup"]["remaining"]) == (4, 0)
    assert {server["phase"] for wave in after["waves"] for server in wave["servers"]} == {"Terminated"}
    assert (after["phase"], after["finishTime"]) == (before["phase"], before["finishTime"])
    assert after["requests"][0]["requestedBy"] == "drs-sandbox-admin"
    calls = terminations(sandbox, since)
    assert named(calls) == sorted(instances(before)), "its own, each once"
    assert {call["principal"].rsplit("/", 1)[1] for call in calls} == {after["executionId"]}
    assert {"CleanupStarted", "CleanupCompleted"} <= {e["reason"] for e in kubectl.events(namespace, "asked")}


def test_a_drill_cleans_up_after_itself_and_its_object_goes(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    since = len(sandbox.control.calls("drs"))
    kubectl.apply(drill(namespace, "brief", terminateDrillInstancesAfterSeconds=0, ttlSecondsAfterFinished=0))
    kubectl("wait", "-n", namespace, "--for=delete", "drx/brief", "--timeout=120s")
    assert len(named(terminations(sandbox, since))) == 4
