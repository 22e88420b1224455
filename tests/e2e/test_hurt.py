"""The same path while things break: the process, answers, jobs that hide, servers that fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, execution, group, plan
from tests.e2e.test_quickstart import launches
from tests.e2e.world import server_id


@pytest.fixture(autouse=True)
def _no_faults_left(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.control.clear_faults()


def test_killed_in_the_middle_of_a_wave_it_finishes_with_one_launch_per_wave(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    kubectl.apply(execution(namespace, "killed", "three"))

    def under_way() -> int:
        return len(launches(sandbox, namespace, "killed"))

    for number in (1, 2, 3):
        eventually(f"wave {number} is under way", lambda: under_way() >= number)  # noqa: B023 - awaited at once
        operator.kill()
        operator.start()
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/killed", "--timeout=90s")
    assert kubectl.status("drx", "killed", namespace)["phase"] == "Completed"
    made = launches(sandbox, namespace, "killed")
    assert [call["parameters"]["tags"]["drs-operator.io/wave"] for call in made] == ["1", "2", "3"]


def test_a_lost_answer_is_found_and_not_repeated(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    sandbox.control.add_faults("faults: [{operation: StartRecovery, effect: lostAnswer, times: 1}]", "test")
    kubectl.apply(execution(namespace, "lost", "three"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/lost", "--timeout=90s")
    assert kubectl.status("drx", "lost", namespace)["phase"] == "Completed"
    assert len(launches(sandbox, namespace, "lost")) == 3


def test_a_failed_server_ends_the_drill_failed_and_wait_returns(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    sandbox.control.add_faults(
        f"faults: [{{phase: LAUNCH, serverId: {server_id(namespace, 'application')}, effect: launchFailed, "
        "rawError: InsufficientInstanceCapacity}]",
        "test",
    )
    kubectl.apply(execution(namespace, "failed", "three"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/failed", "--timeout=90s")
    status = kubectl.status("drx", "failed", namespace)
    assert (status["phase"], status["error"]["code"]) == ("Failed", "WAVE_LAUNCH_FAILED")
    broken = [s for wave in status["waves"] for s in wave["servers"] if s["phase"] == "Failed"]
    assert [server["hostname"] for server in broken] == ["app-1"]
    assert "InsufficientInstanceCapacity" in broken[0]["error"]["message"]
    assert [wave["phase"] for wave in status["waves"]] == ["Completed", "Failed", "Cancelled"]
    assert len(launches(sandbox, namespace, "failed")) == 2, "wave 3 was never launched"


def test_a_replayed_execution_launches_nothing(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    kubectl.apply(execution(namespace, "once", "three"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/once", "--timeout=90s")
    kubectl("delete", "drx/once", "-n", namespace, "--timeout=30s")
    kubectl.apply(execution(namespace, "once", "three"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/once", "--timeout=30s")
    assert kubectl.status("drx", "once", namespace)["error"]["code"] == "ALREADY_EXECUTED"
    assert len(launches(sandbox, namespace, "once")) == 3


def test_a_recovered_server_is_never_launched_over(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.apply(group(namespace, "live", "live"), plan(namespace, "live", "live"))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/live", "--timeout=60s")
    kubectl.apply(execution(namespace, "real", "live", "RECOVERY"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/real", "--timeout=90s")
    assert kubectl.status("drx", "real", namespace)["phase"] == "Completed"
    for name, type in (("drill-after", "DRILL"), ("real-again", "RECOVERY")):
        kubectl.apply(execution(namespace, name, "live", type))
        kubectl("wait", "-n", namespace, "--for=condition=Finished", f"drx/{name}", "--timeout=60s")
        assert kubectl.status("drx", name, namespace)["error"]["code"] == "LIVE_RECOVERY_INSTANCE"
        assert launches(sandbox, namespace, name) == []


def test_cancel_ends_a_held_run_and_frees_the_plan(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "held", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "held", namespace).get("holds"))
    kubectl.apply(execution(namespace, "second", "two"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/second", "--timeout=60s")
    assert kubectl.status("drx", "second", namespace)["error"]["code"] == "PLAN_ALREADY_EXECUTING"
    kubectl("annotate", "-n", namespace, "drx/held", "drs-operator.io/cancel=now")
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/held", "--timeout=60s")
    assert kubectl.status("drx", "held", namespace)["phase"] == "Cancelled"
    kubectl.apply(execution(namespace, "third", "two", pausePolicy="Skip"))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/third", "--timeout=90s")
    assert kubectl.status("drx", "third", namespace)["phase"] == "Completed"
