"""Recovery plans on real parts: what is wrong with them, who else uses their servers, how soon they follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, execution, plan
from tests.e2e.world import ACCOUNT, server_id


@pytest.fixture(autouse=True)
def _no_faults_left(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.control.clear_faults()


def _until(kubectl: Kubectl, namespace: str, name: str, type: str, reason: str) -> dict[str, Any]:
    """The condition of a plan, once it has this reason."""

    def reached() -> dict[str, Any] | None:
        condition = kubectl.condition("drplan", name, namespace, type)
        return condition if condition.get("reason") == reason else None

    return dict(eventually(f"{name} {type}: {reason}", reached))


def test_all_that_is_wrong_is_said_at_once(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    stranger = server_id(namespace, "web")
    wanted = plan(namespace, "wrong", "db", "nothing", "nobody")
    wanted["spec"]["waves"][0]["optionalServerIds"] = [stranger]
    kubectl.apply(wanted)
    missing = _until(kubectl, namespace, "wrong", "GroupsReady", "ProtectionGroupNotFound")
    assert "wave 2: ProtectionGroup nothing does not exist; create it" in missing["message"]
    assert "wave 3: ProtectionGroup nobody does not exist" in missing["message"]
    waves = _until(kubectl, namespace, "wrong", "WavesValid", "InvalidWaveData")
    assert f"not in group db: {stranger}" in waves["message"]


def test_a_plan_and_its_groups_follow_an_edit(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "drplan/two", "--timeout=60s")
    kubectl.apply(plan(namespace, "three", "db", "web"))

    def used_by(name: str) -> list[str]:
        return list(kubectl.status("drpg", name, namespace).get("usedByPlans", []))

    eventually("app is dropped", lambda: used_by("app") == ["two"])
    assert used_by("web") == ["three"]
    status = eventually("two waves", lambda: _with_waves(kubectl, namespace, 2))
    assert (status["totalServers"], status["targetRegions"]) == (4, ["us-east-1"])


def _with_waves(kubectl: Kubectl, namespace: str, count: int) -> dict[str, Any] | None:
    status = kubectl.status("drplan", "three", namespace)
    return status if status.get("totalWaves") == count else None


def _conflicts(kubectl: Kubectl, namespace: str, name: str) -> list[dict[str, Any]]:
    status = kubectl.status("drplan", name, namespace)
    found = list(status.get("conflicts", []))
    assert status.get("hasServerConflict", False) == bool(found)
    return found


def test_a_run_of_another_plan_is_a_conflict_while_it_lasts(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "held", "two"))
    eventually("a hold", lambda: kubectl.status("drx", "held", namespace).get("holds"))
    found = eventually("conflicts of the other plan", lambda: _conflicts(kubectl, namespace, "three"))
    assert {(c["conflictingExecution"], c["conflictingPlan"]) for c in found} == {("held", "two")}
    assert [c["hostname"] for c in found] == ["app-1", "app-2", "db-1", "db-2"], "by server id"
    ready = kubectl.condition("drplan", "three", namespace, "Ready")
    assert ready["status"] == "True", "it warns, and takes nothing away"
    assert "held (plan two)" in ready["message"]
    assert _conflicts(kubectl, namespace, "two") == [], "its own run is no conflict"
    told = eventually(
        "an Event", lambda: [e for e in kubectl.events(namespace, "three") if e["reason"] == "ServerConflict"]
    )
    assert [event["type"] for event in told] == ["Warning"]
    kubectl("annotate", "-n", namespace, "drx/held", "drs-operator.io/cancel=now")
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/held", "--timeout=60s")
    eventually("no conflict any more", lambda: not _conflicts(kubectl, namespace, "three"))


def test_a_job_of_somebody_else_is_a_conflict_while_it_lasts(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    server = server_id(namespace, "web")
    sandbox.control.add_faults(f"faults: [{{phase: CONVERSION, serverId: {server}, effect: stuck}}]", "test")
    job = _launch(sandbox, server)
    (found,) = eventually("a conflict", lambda: _conflicts(kubectl, namespace, "three"))
    assert found == {"serverId": server, "hostname": "web-1", "conflictingJobId": job}
    assert kubectl.condition("drplan", "three", namespace, "Ready")["status"] == "True"
    assert _conflicts(kubectl, namespace, "two") == [], "a plan without that server is not concerned"
    sandbox.control.clear_faults()
    eventually("no conflict any more", lambda: not _conflicts(kubectl, namespace, "three"))


def _launch(sandbox: Sandbox, server: str) -> str:
    """Somebody launches a server by hand; returns the job."""
    settings = sandbox.environment
    hub = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    role = hub.client("sts", endpoint_url=settings["AWS_ENDPOINT_URL"]).assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/DRSOrchestrationRole",
        RoleSessionName="somebody",
        ExternalId="unique-external-id-123",
    )["Credentials"]
    drs = boto3.client(
        "drs",
        region_name="us-east-1",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    return str(drs.start_recovery(isDrill=True, sourceServers=[{"sourceServerID": server}])["job"]["jobID"])


def test_a_name_belongs_to_one_plan_and_the_other_heals_by_itself(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    first, second = plan(namespace, "first", "db"), plan(namespace, "second", "app")
    first["spec"]["displayName"], second["spec"]["displayName"] = "Production DR", "production dr"
    kubectl.apply(first)
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/first", "--timeout=60s")
    kubectl.apply(second)
    refused = _until(kubectl, namespace, "second", "WavesValid", "RpNameExists")
    assert refused["status"] == "False"
    assert f"{namespace}/first" in refused["message"]
    assert kubectl.condition("drplan", "second", namespace, "Ready")["reason"] == "RpNameExists"
    kubectl("delete", "-n", namespace, "drplan/first", "--timeout=30s")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/second", "--timeout=60s")


def test_an_edit_is_a_version_and_a_deletion_leaves_nothing(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.apply(plan(namespace, "short", "db"))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/short", "--timeout=60s")
    status = kubectl.status("drplan", "short", namespace)
    kubectl("patch", "-n", namespace, "drplan/short", "--type=merge", "-p", json.dumps({"spec": {"priority": 7}}))
    eventually(
        "the next version",
        lambda: kubectl.status("drplan", "short", namespace)["version"] == status["version"] + 1,
    )
    kubectl("delete", "-n", namespace, "drplan/short", "--timeout=30s")
    kubectl.apply(plan(namespace, "short", "db"))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/short", "--timeout=60s")
    again = kubectl.status("drplan", "short", namespace)
    assert (again["planId"], again["version"]) == (status["planId"], 1), "its row went with it"
