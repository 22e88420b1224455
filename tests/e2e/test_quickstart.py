"""The main path on real parts: from kubectl apply to Completed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from drs_sandbox.up import Sandbox
from tests.e2e.harness import REFRESH_SECONDS, Kubectl, Operator, eventually, execution

MUTATIONS = {"StartRecovery", "TerminateRecoveryInstances", "TagResource", "UpdateLaunchConfiguration"}
LEDGER_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


def calls(sandbox: Sandbox, service: str) -> list[dict[str, Any]]:
    return sandbox.control.calls(service)


def launches(sandbox: Sandbox, namespace: str, name: str) -> list[dict[str, Any]]:
    """StartRecovery calls of one run."""
    return [
        call
        for call in calls(sandbox, "drs")
        if call["operation"] == "StartRecovery"
        and call["parameters"].get("tags", {}).get("drs-operator.io/execution") == f"{namespace}/{name}"
    ]


def begins_sweep(call: dict[str, Any]) -> bool:
    """Whether it reads the first page of an inventory."""
    return call["operation"] == "DescribeSourceServers" and "nextToken" not in call["parameters"]


def test_a_drill_of_three_waves_with_a_pause(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/two", "--timeout=60s")
    kubectl.apply(execution(namespace, "drill", "two"))
    holds = eventually("a hold", lambda: kubectl.status("drx", "drill", namespace).get("holds"))
    assert [(hold["id"], hold["reason"]) for hold in holds] == [("2.1", "PauseBeforeWave")]
    assert kubectl.status("drx", "drill", namespace)["waitingFor"] == "you: resume 2.1"
    assert len(launches(sandbox, namespace, "drill")) == 1, "wave 2 must not start before it is resumed"

    kubectl(*holds[0]["message"].split()[1:])  # exactly the line that the status offers
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/drill", "--timeout=60s")

    status = kubectl.status("drx", "drill", namespace)
    assert (status["phase"], status["waveProgress"], status["serverProgress"]) == ("Completed", "2/2", "4/4")
    assert {server["phase"] for wave in status["waves"] for server in wave["servers"]} == {"Ready"}
    assert all(s["recoveryInstanceId"] and s["privateIp"] for wave in status["waves"] for s in wave["servers"])
    assert status["achievedRpoSeconds"] >= 0
    assert [(r["type"], r["value"], r["outcome"]) for r in status["requests"]] == [("resume", "2.1", "Accepted")]
    assert (status["requestedBy"], status["requests"][0]["requestedBy"]) == ("drs-sandbox-admin",) * 2
    annotations = kubectl.get("drx", "drill", namespace)["metadata"].get("annotations", {})
    assert "drs-operator.io/resume" not in annotations, "the operator takes answered commands off"
    made = launches(sandbox, namespace, "drill")
    assert len(made) == 2, "exactly one StartRecovery per wave"
    assert all(call["parameters"]["isDrill"] for call in made)
    assert {call["principal"].rsplit("/", 1)[1] for call in made} == {status["executionId"]}
    assert "Completed" in {event["reason"] for event in kubectl.events(namespace, "drill")}


def test_steady_state_writes_nothing_and_one_sweep_serves_every_group(
    sandbox: Sandbox, kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "drplan/two", "--timeout=60s")
    eventually("the account is Ready", lambda: kubectl.condition("drta", "production", None, "Ready"))
    there = ("get", "drx,drpg,drplan", "-A", "-o", "jsonpath={.items[*].metadata.namespace}")
    eventually("what earlier tests left is gone", lambda: set(kubectl(*there).split()) == {namespace})
    audit = _audit(sandbox)

    def sweeps() -> int:
        return sum(1 for call in calls(sandbox, "drs") if begins_sweep(call))

    settled = sweeps()
    eventually("two more refreshes", lambda: sweeps() >= settled + 4)  # two Regions each
    before = len(audit.read_text().splitlines()), len(calls(sandbox, "dynamodb")), len(calls(sandbox, "drs"))
    wanted = sweeps() + 6
    eventually("three more refreshes", lambda: sweeps() >= wanted)

    written = Counter(
        (entry["verb"], entry["objectRef"].get("resource"), entry["objectRef"].get("name"))
        for entry in map(json.loads, audit.read_text().splitlines()[before[0] :])
        if entry["user"]["username"] == "system:serviceaccount:drs-system:drs-operator"
        and entry["verb"] not in ("get", "list", "watch")
    )
    assert written == Counter(), "nothing is written to Kubernetes while nothing changes"
    ledger = [call["operation"] for call in calls(sandbox, "dynamodb")[before[1] :]]
    assert not LEDGER_WRITES & set(ledger), "nothing is written to the ledger while nothing changes"
    refreshing = calls(sandbox, "drs")[before[2] :]
    assert {call["operation"] for call in refreshing} == {"DescribeSourceServers"}, "the sweep and nothing else"
    begun = [call for call in refreshing if begins_sweep(call)]
    for region, count in Counter(call["region"] for call in begun).items():
        # By the time that has passed: how long this test took to look says nothing of the operator.
        most = 2 + _seconds_between(begun[0], begun[-1]) / REFRESH_SECONDS
        assert count <= most, f"{region}: a sweep for a refresh, whatever the number of groups"
    assert operator.resident_megabytes < 150


def _seconds_between(first: dict[str, Any], last: dict[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(call["realTime"]) for call in (first, last))
    return (end - begin).total_seconds()


def _audit(sandbox: Sandbox) -> Path:
    audit = sandbox.control_plane.audit_log
    assert audit is not None
    return audit


def test_kubectl_shows_what_people_need(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
    listed = kubectl("get", "dr", "-A")
    assert "targetaccount.drs-operator.io/production" in listed
    assert "recoveryplan.drs-operator.io/three" in listed
    explained = kubectl("explain", "drx.spec.executionType")
    assert "DRILL" in explained
    assert "RECOVERY" in explained


def test_an_operator_without_tables_says_which_and_how(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = {"DRS_OPERATOR_TABLE_PREFIX": "nowhere", "DRS_OPERATOR_INSTALLATION": "lost"}
    lost = Operator(sandbox, tmp_path / "lost.log", **settings)
    lost.start()
    assert lost.process is not None
    assert lost.process.wait(timeout=30) == 1
    assert "nowhere-execution-history" in lost.log
    assert "drs-operator init-ledger" in lost.log


def test_sigterm_ends_it_cleanly(operator: Operator) -> None:
    eventually("it is ready", lambda: "ready" in operator.log)
    assert operator.stop() == 0
