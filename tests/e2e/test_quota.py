"""More runs than the quotas of an account and Region take at once, and an operator that dies in between."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, account, eventually, execution, installed

ACCOUNT, EXTERNAL_ID, NAMESPACE = "123456789012", "unique-external-id-123", "dr-quota"
JOBS, RESERVED = 4, 1
DRILLS = [f"drill-{number}" for number in range(1, 9)]
SETTINGS = {"DRS_OPERATOR_DRILL_RESERVE_JOBS": str(RESERVED), "DRS_OPERATOR_DRILL_RESERVE_SERVERS": "10"}


def _world() -> str:
    names = [*DRILLS, "recovery"]
    servers = [
        {"id": f"s-{number:017d}", "hostname": name, "tags": {"Name": name}, "snapshots": ["PT5M"]}
        for number, name in enumerate(names, start=1)
    ]
    region = {
        "name": "us-east-1",
        "quotas": {"jobsInProgress": JOBS, "serversPerJob": 100, "serversInAllJobs": 100},
        "sourceServers": servers,
    }
    role = {"name": "DRSOrchestrationRole", "externalId": EXTERNAL_ID}
    return yaml.safe_dump(
        {
            "apiVersion": "sandbox.drs-operator.io/v1alpha1",
            "kind": "World",
            "hubAccount": "111111111111",
            "accounts": [{"id": ACCOUNT, "roles": [role], "regions": [region]}],
        }
    )


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """An account that takes four jobs at once."""
    world = tmp_path / "world.yaml"
    world.write_text(_world())
    with Sandbox(tmp_path / "sandbox", world=world, speed=100.0) as running:
        yield running


def _objects(name: str) -> list[dict[str, Any]]:
    def of(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        meta = {"name": name, "namespace": NAMESPACE}
        return {"apiVersion": "drs-operator.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}

    group = {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "tags",
        "serverSelectionTags": {"Name": name},
    }
    wave = {"waveNumber": 1, "name": "all", "protectionGroupRef": {"name": name}}
    return [of("ProtectionGroup", group), of("RecoveryPlan", {"waves": [wave]})]


def _runs(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    found = json.loads(kubectl("get", "drx", "-n", NAMESPACE, "-o", "json"))["items"]
    return {run["metadata"]["name"]: run.get("status", {}) for run in found}


def _positions(kubectl: Kubectl) -> list[int]:
    """Where the runs that wait for quota stand, as they say."""
    said = [
        re.fullmatch(r"quota: (\d+)\w\w in us-east-1 \(\w+\)", s.get("waitingFor", "")) for s in _runs(kubectl).values()
    ]
    return sorted(int(match[1]) for match in said if match)


def test_runs_wait_for_their_turn_and_none_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    kubectl = installed(sandbox)
    kubectl("create", "namespace", NAMESPACE)
    kubectl.apply(account("production", ACCOUNT, EXTERNAL_ID, ["us-east-1"]))
    for name in (*DRILLS, "recovery"):
        kubectl.apply(*_objects(name))
    operator = Operator(sandbox, tmp_path / "operator.log", **SETTINGS)
    operator.start()
    try:
        for name in (*DRILLS, "recovery"):
            kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", f"drplan/{name}", "--timeout=60s")
        sandbox.control.change_clock(speed=1)  # no job ends as long as the line is looked at
        for name in DRILLS:
            kubectl.apply(execution(NAMESPACE, name, name))
        waiting = len(DRILLS) - JOBS + RESERVED
        eventually("all but three stand in line", lambda: _positions(kubectl) == list(range(1, waiting + 1)))
        kubectl.apply(execution(NAMESPACE, "recovery", "recovery", "RECOVERY"))
        eventually(
            "the recovery has its job while drills wait",
            lambda: (
                _runs(kubectl)["recovery"].get("waves", [{}])[0].get("phase") == "Launching" and _positions(kubectl)
            ),
        )
        operator.kill()
        sandbox.control.change_clock(speed=100)
        operator.start()
        for name in (*DRILLS, "recovery"):
            kubectl("wait", "-n", NAMESPACE, "--for=condition=Finished", f"drx/{name}", "--timeout=180s")
    finally:
        operator.kill()
    assert "a defect in a reconciler" not in operator.log, operator.log
    assert Counter(status["phase"] for status in _runs(kubectl).values()) == {"Completed": len(DRILLS) + 1}
    made = [call for call in sandbox.control.calls("drs") if call["operation"] == "StartRecovery"]
    assert [call["outcome"] for call in made if "code" in call["outcome"]] == [], "AWS never had to refuse"
    launched = Counter(s["sourceServerID"] for call in made for s in call["parameters"]["sourceServers"])
    assert set(launched.values()) == {1}
    assert len(launched) == len(DRILLS) + 1
