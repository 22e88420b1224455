"""`examples/region-loss`: the night in which a Region is gone, with everything that goes wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, installed
from tests.e2e.test_examples import EXAMPLES, account_session

NAMESPACE = "dr-region-loss"
LATE = tuple(f"s-0late{number:012}" for number in range(1, 5))


def test_the_night_of_a_region_loss(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox", world=EXAMPLES / "region-loss" / "world.yaml", speed=200) as sandbox:
        kubectl, operator = installed(sandbox), Operator(sandbox, tmp_path / "operator.log")
        operator.start()
        try:
            kubectl("apply", "-k", "examples/region-loss")
            _night(sandbox, kubectl, operator)
        finally:
            operator.kill()
        assert "a defect in a reconciler" not in operator.log, operator.log


def _night(sandbox: Sandbox, kubectl: Kubectl, operator: Operator) -> None:
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "drplan/payments", "--timeout=90s")
    kubectl("create", "-f", "examples/region-loss/drill.yaml")
    eventually("the drill waits", lambda: _held(kubectl, "yesterdays-drill", "PauseBeforeWave"))
    for server_id in LATE:
        sandbox.control.set_server(server_id, {"tags.Tier": "web"})

    kubectl("create", "-f", "examples/region-loss/recovery.yaml")
    eventually("the recovery waits before wave 2", lambda: _held(kubectl, "inc0042", "PauseBeforeWave"))
    drill = kubectl.status("drx", "yesterdays-drill", NAMESPACE)
    assert drill["phase"] == "Cancelled", "the drill was pushed aside"
    told = [event["message"] for event in kubectl.events(NAMESPACE, "yesterdays-drill")]
    assert any("cancelled by execution/inc0042" in message for message in told), told

    assert "WaitingForDrill" in {event["reason"] for event in kubectl.events(NAMESPACE, "inc0042")}

    operator.kill()
    operator.start()
    _command(kubectl, "inc0042", "resume=2.1")
    eventually("wave 2 has failed", lambda: _held(kubectl, "inc0042", "WaveFailed"))
    failed = {s["hostname"]: s["error"]["message"] for s in _servers(kubectl, "inc0042", 2) if s["phase"] == "Failed"}
    assert set(failed) == {"app-1", "app-2"}
    assert "no boot record" in failed["app-1"]
    assert "InsufficientInstanceCapacity" in failed["app-2"]

    patch = '{"spec": {"launchConfiguration": {"instanceType": "m6i.2xlarge"}}}'
    kubectl("patch", "-n", NAMESPACE, "drpg/payments-app", "--type=merge", "-p", patch)
    operator.kill()
    operator.start()
    _command(kubectl, "inc0042", "retry=2")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Finished", "drx/inc0042", "--timeout=120s")
    status = kubectl.status("drx", "inc0042", NAMESPACE)
    assert (status["phase"], status["serverProgress"]) == ("CompletedWithExceptions", "10/14 !4")
    late = [s for s in _servers(kubectl, "inc0042", 3) if s["phase"] == "Failed"]
    assert {(s["hostname"][:4], s["error"]["code"]) for s in late} == {("late", "NO_RECOVERY_POINT")}
    app = {server["hostname"]: server for server in _servers(kubectl, "inc0042", 2)}
    assert {name: server["attempt"] for name, server in app.items()} == {"app-1": 2, "app-2": 2, "app-3": 1, "app-4": 1}
    assert _type_of(sandbox, app["app-2"]["recoveryInstanceId"]) == "m6i.2xlarge", "the edit was launched"
    assert _type_of(sandbox, app["app-3"]["recoveryInstanceId"]) == "m5.large"

    before = _launches(sandbox)
    kubectl("create", "-f", "examples/region-loss/recovery-again.yaml")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Finished", "drx/inc0042-again", "--timeout=60s")
    assert kubectl.status("drx", "inc0042-again", NAMESPACE)["error"]["code"] == "LIVE_RECOVERY_INSTANCE"
    assert _launches(sandbox) == before, "nothing was launched"

    for server_id in LATE:
        sandbox.control.set_server(server_id, {"replicationState": "CONTINUOUS", "snapshots": "PT1M"})
    kubectl("create", "-f", "examples/region-loss/recovery-rest.yaml")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Finished", "drx/inc0042-rest", "--timeout=120s")
    assert kubectl.status("drx", "inc0042-rest", NAMESPACE)["phase"] == "Completed"
    assert sorted(_launches(sandbox)[len(before) :]) == [sorted(LATE)], "only what was missing"


def _held(kubectl: Kubectl, name: str, reason: str) -> bool:
    holds = kubectl.status("drx", name, NAMESPACE).get("holds", [])
    return any(hold["reason"] == reason for hold in holds)


def _command(kubectl: Kubectl, name: str, command: str) -> None:
    kubectl("annotate", "-n", NAMESPACE, f"drx/{name}", f"drs-operator.io/{command}")


def _servers(kubectl: Kubectl, name: str, number: int) -> list[dict[str, Any]]:
    waves = kubectl.status("drx", name, NAMESPACE)["waves"]
    return [server for wave in waves if wave["waveNumber"] == number for server in wave["servers"]]


def _launches(sandbox: Sandbox) -> list[list[str]]:
    """Servers of every launch that AWS has taken, in order."""
    made = [call for call in sandbox.control.calls("drs") if call["operation"] == "StartRecovery"]
    taken = [call for call in made if "code" not in call["outcome"]]
    return [sorted(server["sourceServerID"] for server in call["parameters"]["sourceServers"]) for call in taken]


def _type_of(sandbox: Sandbox, instance_id: str) -> str:
    person = account_session(sandbox).client("ec2", region_name="us-west-2", endpoint_url=sandbox.aws_endpoint)
    (reservation,) = person.describe_instances(InstanceIds=[instance_id])["Reservations"]
    return str(reservation["Instances"][0]["InstanceType"])
