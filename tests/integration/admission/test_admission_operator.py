"""The operator under its own role: the policies stand in the way of nothing that it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.kube.client import connect
from drs_operator.kube.cluster import KubeCluster
from drs_operator.planning.commands import ORDER
from drs_operator.reconcilers import group_commands
from drs_operator.reconcilers.context import FINALIZER
from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.kube.operator_access import operator_kubeconfig
from tests.integration.admission.people import NAMESPACE, Person
from tests.integration.admission.world import grant, verbs
from tests.integration.crds.objects import account, drill, group, plan, recovery

OPERATOR = "system:serviceaccount:drs-system:drs-operator"
KINDS: list[tuple[type[Resource], dict[str, Any], dict[str, Any]]] = [
    (TargetAccount, account(), {"usedByCount": 3}),
    (ProtectionGroup, group(), {"usedByPlans": ["production"], "activeExecutions": ["running"]}),
    (RecoveryPlan, plan(), {"activeExecutions": [{"name": "running"}]}),
    (DRExecution, drill(), {"phase": "Running"}),
]


@pytest.fixture
async def cluster(server: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeCluster]:
    """The operator's adapter with the token of its ServiceAccount."""
    monkeypatch.setenv("KUBECONFIG", str(operator_kubeconfig(server, tmp_path / "kubeconfig")))
    async with connect() as client:
        yield KubeCluster(client, "operator-1")


async def _read(cluster: KubeCluster, kind: type[Resource], name: str) -> Resource:
    found = await cluster.fresh(kind, None if kind is TargetAccount else NAMESPACE, name)
    assert found is not None
    return found


@pytest.mark.parametrize(("kind", "spec", "status"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
async def test_finalizer_status_and_event_of_an_object_in_use(
    cluster: KubeCluster, admin: Person, kind: type[Resource], spec: dict[str, Any], status: dict[str, Any]
) -> None:
    assert admin.create(kind, "operated", spec, keep=True).accepted
    await cluster.add_finalizer(await _read(cluster, kind, "operated"))
    await cluster.write_status(await _read(cluster, kind, "operated"), {"observedGeneration": 1, **status})
    in_use = await _read(cluster, kind, "operated")
    assert in_use.metadata.finalizers == [FINALIZER]
    await cluster.event(in_use, False, "Ready", "it is in use")
    await cluster.write_status(in_use, {"observedGeneration": 1, **status, "conditions": []})
    await cluster.remove_finalizer(await _read(cluster, kind, "operated"))
    assert (await _read(cluster, kind, "operated")).metadata.finalizers == []


async def test_it_takes_any_command_off_with_its_stamp_and_all_of_them_at_once(
    cluster: KubeCluster, admin: Person
) -> None:
    assert admin.create(DRExecution, "answered", drill(), keep=True).accepted
    for command in ORDER:
        assert admin.annotate(DRExecution, "answered", {f"drs-operator.io/{command}": "1"}, keep=True).accepted
    asked = await _read(cluster, DRExecution, "answered")
    keys = [f"{prefix}drs-operator.io/{command}" for command in ORDER for prefix in ("", "requested-by.")]
    assert set(keys) < set(asked.metadata.annotations)
    await cluster.take_off(asked, keys)
    left = await _read(cluster, DRExecution, "answered")
    assert left.metadata.annotations == {"drs-operator.io/requested-by": "drs-sandbox-admin"}


async def test_it_answers_release_servers(cluster: KubeCluster, admin: Person) -> None:
    assert admin.create(ProtectionGroup, "released", group(), keep=True).accepted
    assert admin.annotate(ProtectionGroup, "released", {group_commands.KEY: "all"}, keep=True).accepted
    asked = await _read(cluster, ProtectionGroup, "released")
    assert asked.metadata.annotations[group_commands.BY] == "drs-sandbox-admin"
    await cluster.take_off(asked, (group_commands.KEY, group_commands.BY))
    assert (await _read(cluster, ProtectionGroup, "released")).metadata.annotations == {}


def test_its_verbs_are_drill_and_answer_and_never_recover(server: ControlPlane) -> None:
    operator = Person(server, OPERATOR)
    assert operator.may("drill", "recoveryplans")
    assert operator.may("answer", "drexecutions")
    assert operator.may("answer", "protectiongroups")
    for verb in ("recover", "replace"):
        assert not operator.may(verb, "recoveryplans")
    for command in (*ORDER, "force-delete"):
        assert not operator.may(command, "drexecutions")
    assert not operator.may("release", "protectiongroups")
    assert not operator.may("use", "targetaccounts")
    assert operator.may("delete", "drexecutions"), "finished ones, by ttl"
    assert not operator.may("create", "drexecutions")
    for kind in ("targetaccounts", "protectiongroups", "recoveryplans"):
        assert not operator.may("delete", kind)


def test_if_it_could_create_runs_they_would_be_drills(server: ControlPlane) -> None:
    """What a schedule will need; a recovery stays refused."""
    grant(server, OPERATOR, [verbs("drexecutions", "create")])
    operator = Person(server, OPERATOR)
    assert operator.create(DRExecution, "scheduled", drill()).message == ""
    assert f"{OPERATOR} may not recover" in operator.create(DRExecution, "scheduled", recovery()).message
