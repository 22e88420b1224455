"""Who gets a server that two groups want: in one cluster, and in two clusters on one ledger."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, account, eventually, installed
from tests.e2e.second_cluster import Cluster
from tests.e2e.world import server_id

ROUNDS = 100


def explicit(namespace: str, name: str, *server_ids: str) -> dict[str, Any]:
    """A group of listed servers."""
    return {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "ProtectionGroup",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "targetAccountRef": {"name": "production"},
            "region": "us-east-1",
            "serverSelectionMode": "explicit",
            "sourceServerIds": list(server_ids),
        },
    }


def test_the_first_has_it_and_the_second_gets_it_when_the_first_goes(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    wanted = server_id(namespace, "live")
    kubectl.apply(explicit(namespace, "first", wanted))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/first", "--timeout=60s")
    kubectl.apply(explicit(namespace, "second", wanted))

    def conflict() -> dict[str, Any]:
        found = kubectl.condition("drpg", "second", namespace, "NoConflicts")
        return found if found.get("reason") == "ServerConflict" else {}

    message = eventually("the conflict is told", conflict)["message"]
    assert "live-1 is held by ProtectionGroup" in message
    assert f"{namespace}/first" in message
    loser = kubectl.status("drpg", "second", namespace)
    holder = kubectl.status("drpg", "first", namespace)["groupId"]
    assert [(c["serverId"], c["currentGroupId"]) for c in loser["conflicts"]] == [(wanted, holder)]
    assert loser["serverCount"] == 0
    assert kubectl.status("drpg", "first", namespace)["serverCount"] == 1, "who has it keeps it"

    kubectl("delete", "-n", namespace, "drpg/first", "--timeout=60s")
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drpg/second", "--timeout=60s")
    assert kubectl.status("drpg", "second", namespace)["conflictCount"] == 0
    assert {"ServerConflict", "Ready"} <= {event["reason"] for event in kubectl.events(namespace, "second")}


@pytest.fixture
def contested(tmp_path: Path) -> Iterator[tuple[Sandbox, Cluster]]:
    """Two clusters, one ledger, and a hundred servers that nobody has yet."""
    servers = {"count": ROUNDS, "idPrefix": "s-war", "hostnamePrefix": "war-", "snapshots": ["PT5M"]}
    role = {"name": "DRSOrchestrationRole", "externalId": "unique-external-id-123"}
    world = {
        "apiVersion": "sandbox.drs-operator.io/v1alpha1",
        "kind": "World",
        "hubAccount": "111111111111",
        "accounts": [
            {
                "id": "123456789012",
                "roles": [role],
                "regions": [{"name": "us-east-1", "sourceServers": [servers]}],
            }
        ],
    }
    file = tmp_path / "world.yaml"
    file.write_text(yaml.safe_dump(world))
    with Sandbox(tmp_path / "sandbox", world=file) as sandbox:
        installed(sandbox)
        second = Cluster(tmp_path)
        try:
            yield sandbox, second
        finally:
            second.control_plane.stop()


def groups(cluster: ControlPlane) -> dict[str, dict[str, Any]]:
    """The groups of a cluster by name."""
    items = cluster.api.request("GET", "/apis/drs-operator.io/v1alpha1/protectiongroups")["items"]
    return {item["metadata"]["name"]: item for item in items}


def _read(sandbox: Sandbox, calls: int) -> bool:
    return len(sandbox.control.calls("drs")) >= calls


def verdict(item: dict[str, Any]) -> tuple[str, str]:
    """Status and reason of Ready."""
    conditions = item.get("status", {}).get("conditions", [])
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == "Ready"), ("", ""))


def test_two_clusters_never_both_have_a_server(contested: tuple[Sandbox, Cluster], tmp_path: Path) -> None:
    sandbox, other = contested
    clusters = {"east": sandbox.control_plane, "west": other.control_plane}
    kubectl = Kubectl(sandbox)
    wanted = [explicit("war", f"group-{n}", f"s-war{n:014d}") for n in range(1, ROUNDS + 1)]
    kubectl("create", "namespace", "war")
    other.kubectl("create", "namespace", "war")
    for apply in (kubectl.apply, other.apply):
        apply(account("production", "123456789012", "unique-external-id-123", ["us-east-1"]), *wanted)
    kubeconfigs = {"east": sandbox.operator_kubeconfig, "west": other.kubeconfig}
    operators = [
        Operator(sandbox, tmp_path / f"{name}.log", kubeconfig, DRS_OPERATOR_INSTALLATION=name)
        for name, kubeconfig in kubeconfigs.items()
    ]
    for operator in operators:
        operator.start()
    try:

        def judged() -> bool:
            return all(verdict(item)[0] for cluster in clusters.values() for item in groups(cluster).values())

        eventually("every group is judged", judged)
        for _ in range(3):  # and it stays so over refreshes
            found = {name: groups(cluster) for name, cluster in clusters.items()}
            winners = Counter[str]()
            for name in found["east"]:
                both = sorted(verdict(found[cluster][name]) for cluster in clusters)
                assert both == [("False", "ServerConflict"), ("True", "Ready")], name
                winners[next(c for c in clusters if verdict(found[c][name])[0] == "True")] += 1
            wanted_calls = len(sandbox.control.calls("drs")) + 2
            eventually("another refresh", functools.partial(_read, sandbox, wanted_calls))
        assert sum(winners.values()) == ROUNDS
    finally:
        for operator in operators:
            operator.kill()
