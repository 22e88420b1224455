"""What the operator reads: fresh objects, whole lists, Secrets and labels; under its own role."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.kube import client as client_module
from drs_operator.kube.client import KubeClient, NoCluster, connect
from drs_operator.kube.cluster import KubeCluster
from drs_operator.kube.lister import list_kind, missing_kinds
from drs_operator.ports import AccessDenied, ReadFailed
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.conftest import ROOT
from tests.integration.kube.admin import Admin


async def test_a_fresh_read_sees_the_latest_state(cluster: KubeCluster, admin: Admin) -> None:
    admin.create(DRExecution, "drill")
    admin.annotate(DRExecution, "drill", resume="2.1")
    fresh = await cluster.fresh(DRExecution, admin.namespace, "drill")
    assert fresh == admin.get(DRExecution, "drill")
    assert await cluster.fresh(DRExecution, admin.namespace, "nothing") is None


async def test_a_list_comes_page_by_page_and_whole(
    client: KubeClient, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAGE", 5)
    names = [f"group-{number:02d}" for number in range(12)]
    for name in names:
        admin.create(ProtectionGroup, name)
    found = await list_kind(client, ProtectionGroup, (admin.namespace,))
    assert sorted(item["metadata"]["name"] for item in found) == names
    everywhere = await list_kind(client, ProtectionGroup, ())
    assert {item["metadata"]["name"] for item in everywhere if item["metadata"]["namespace"] == admin.namespace} == set(
        names
    )


async def test_a_list_of_some_namespaces_has_all_accounts(client: KubeClient, admin: Admin) -> None:
    account = admin.create(TargetAccount, "production")
    admin.create(ProtectionGroup, "db")
    assert await list_kind(client, ProtectionGroup, ("default",)) == []
    accounts = await list_kind(client, TargetAccount, ("default",))
    assert account.metadata.name in {item["metadata"]["name"] for item in accounts}


async def _until_missing(client: KubeClient, kinds: list[str]) -> None:
    """Discovery follows a CRD a moment later; each look is a request."""
    async with asyncio.timeout(30):
        while await missing_kinds(client) != kinds:
            pass


async def test_crds_that_are_missing_are_named(client: KubeClient, control_plane: ControlPlane) -> None:
    assert await missing_kinds(client) == []
    control_plane.kubectl("delete", "crd", "recoveryplans.drs-operator.io")
    try:
        await _until_missing(client, ["recoveryplans"])
        with pytest.raises(ReadFailed, match="install the CRDs"):
            await list_kind(client, RecoveryPlan, ())
    finally:
        control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    await _until_missing(client, [])


async def test_a_secret_needs_a_role_of_its_own(cluster: KubeCluster, admin: Admin) -> None:
    value = base64.b64encode(b"unique-external-id-123").decode()
    admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ids"}, "data": {"production": value}})
    with pytest.raises(AccessDenied, match="HTTP 403") as refused:
        await cluster.secret_value(admin.namespace, "ids", "production")
    assert "permission" in refused.value.message
    role = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["ids"], "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": "drs-operator", "namespace": "drs-system"}
    rbac = "rbac.authorization.k8s.io"
    admin.apply(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "ids"}, "rules": [role]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "ids"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "ids"},
            "subjects": [subject],
        },
    )
    assert await _allowed(lambda: cluster.secret_value(admin.namespace, "ids", "production", fresh=True)) == (
        "unique-external-id-123"
    )
    assert await cluster.secret_value(admin.namespace, "ids", "nothing") is None
    with pytest.raises(AccessDenied):
        await cluster.secret_value(admin.namespace, "other", "production")


async def test_labels_of_a_namespace(cluster: KubeCluster, admin: Admin) -> None:
    admin.control_plane.kubectl("label", "namespace", admin.namespace, "dr.example.com/tenant=payments")
    labels = await cluster.namespace_labels(admin.namespace)
    assert labels["dr.example.com/tenant"] == "payments"
    assert await cluster.namespace_labels("no-such-namespace") == {}


async def test_an_api_server_that_is_away_is_a_failed_read(client: KubeClient, control_plane: ControlPlane) -> None:
    assert await missing_kinds(client) == []
    control_plane.stop_apiserver()
    try:
        with pytest.raises(ReadFailed, match="does not answer"):
            await client.request("GET", "/version")
    finally:
        control_plane.start_apiserver()
    assert await missing_kinds(client) == [], "the same client goes on afterwards"


async def _allowed(read: Callable[[], Awaitable[str | None]]) -> str | None:
    """What may be read as soon as the API server has seen the role and its binding."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await read()
            except AccessDenied:
                await asyncio.sleep(0.05)


async def test_what_the_api_server_refuses_is_told_in_its_words(client: KubeClient, admin: Admin) -> None:
    admin.create(DRExecution, "drill")
    admin.create(RecoveryPlan, "plan")
    with pytest.raises(AccessDenied, match="cannot delete resource"):
        await client.request("DELETE", client_module.path_of(RecoveryPlan, admin.namespace, "plan"))
    with pytest.raises(ReadFailed, match="HTTP 422"):
        await client.request(
            "PATCH",
            client_module.path_of(DRExecution, admin.namespace, "drill", "status"),
            body={"status": {"observedGeneration": "many"}},
            content_type=client_module.MERGE_PATCH,
        )


async def test_no_cluster_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/nothing")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NoCluster, match="set KUBECONFIG"):
        async with connect():
            pass


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        ("patch", "drexecutions.drs-operator.io", True),
        ("delete", "drexecutions.drs-operator.io", True),
        ("create", "drexecutions.drs-operator.io", False),
        ("delete", "recoveryplans.drs-operator.io", False),
        ("patch", "protectiongroups.drs-operator.io", True),
        ("patch", "recoveryplans.drs-operator.io", True),
        ("patch", "targetaccounts.drs-operator.io", True),
        ("list", "secrets", False),
        ("get", "configmaps", False),
        ("list", "namespaces", True),
    ],
)
def test_the_role_allows_what_the_operator_does_and_no_more(
    control_plane: ControlPlane, operator_config: Path, verb: str, resource: str, allowed: bool
) -> None:
    answer = control_plane.kubectl(
        "auth", "can-i", verb, resource, "--all-namespaces", kubeconfig=operator_config, check=False
    )
    assert answer.stdout.strip() == ("yes" if allowed else "no")
