"""Events: told where kubectl shows them, once, and never a reason to fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drs_operator.api.v1alpha1 import DRExecution, TargetAccount
from drs_operator.kube.client import connect
from drs_operator.kube.cluster import KubeCluster
from drs_operator.reconcilers.context import FINALIZER
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.kube.admin import Admin


async def test_an_event_is_shown_by_kubectl(cluster: KubeCluster, admin: Admin) -> None:
    drill = admin.create(DRExecution, "drill")
    await cluster.event(drill, True, "WaveFailed", "wave 1 (Database Tier): 1 of 2 servers launched")
    (event,) = admin.events()
    assert (event["type"], event["reason"], event["note"]) == (
        "Warning",
        "WaveFailed",
        "wave 1 (Database Tier): 1 of 2 servers launched",
    )
    assert event["regarding"]["uid"] == drill.metadata.uid
    assert (event["reportingController"], event["reportingInstance"]) == ("drs-operator.io/operator", "operator-1")
    printed = admin.control_plane.kubectl("describe", "-n", admin.namespace, "drx/drill").stdout
    assert "Warning  WaveFailed" in printed


async def test_the_same_event_of_the_same_version_is_told_once(cluster: KubeCluster, admin: Admin) -> None:
    drill = admin.create(DRExecution, "drill")
    for _ in range(3):
        await cluster.event(drill, False, "Started", "DRILL of 4 servers in 3 waves")
    await cluster.event(drill, False, "Started", "something else")
    assert sorted(event["note"] for event in admin.events()) == ["DRILL of 4 servers in 3 waves", "something else"]


async def test_the_same_words_about_a_later_state_are_told_again(cluster: KubeCluster, admin: Admin) -> None:
    drill = admin.create(DRExecution, "drill")
    await cluster.event(drill, True, "CommandRefused", "resume=9.1")
    admin.annotate(DRExecution, "drill", resume="9.1")
    await cluster.event(admin.get(DRExecution, "drill"), True, "CommandRefused", "resume=9.1")
    assert len(admin.events()) == 2


async def test_an_account_has_its_events_in_default(cluster: KubeCluster, admin: Admin) -> None:
    account = admin.create(TargetAccount, "production")
    await cluster.event(account, False, "Ready", "servers can be launched in us-east-1")
    selector = f"regarding.name={account.metadata.name}"
    listed = admin.control_plane.kubectl(
        "get", "events.events.k8s.io", "-n", "default", "--field-selector", selector, "-o", "json"
    )
    assert [event["reason"] for event in json.loads(listed.stdout)["items"]] == ["Ready"]
    described = admin.control_plane.kubectl("describe", f"drta/{account.metadata.name}").stdout
    assert "servers can be launched in us-east-1" in described


@pytest.mark.parametrize("message", ["x" * 5000, "ü" * 800, "…" * 400, ""], ids=["long", "two bytes", "three", "empty"])
async def test_a_message_of_any_length_is_told(cluster: KubeCluster, admin: Admin, message: str) -> None:
    drill = admin.create(DRExecution, "drill")
    await cluster.event(drill, False, "Started", message)
    (event,) = admin.events()
    note = event.get("note", "")
    assert message.startswith(note.removesuffix("…") if len(message.encode()) > 1024 else note)
    assert len(note.encode()) <= 1024


async def test_a_namespace_that_is_going_is_no_error(cluster: KubeCluster, admin: Admin) -> None:
    admin.create(DRExecution, "drill")
    admin.patch(DRExecution, "drill", {"metadata": {"finalizers": [FINALIZER]}})
    admin.control_plane.kubectl("delete", "namespace", admin.namespace, "--wait=false")
    going = admin.get(DRExecution, "drill")
    await cluster.event(going, False, "Completed", "verdict: Completed")
    assert admin.events() == []
    await cluster.write_status(going, {"observedGeneration": 1})
    assert admin.raw(DRExecution, "drill")["status"] == {"observedGeneration": 1}, "what counts can still be written"
    admin.control_plane.kubectl("wait", "--for=delete", f"namespace/{admin.namespace}", "--timeout=1s", check=False)
    await cluster.remove_finalizer(admin.get(DRExecution, "drill"))
    admin.control_plane.kubectl("wait", "--for=delete", f"namespace/{admin.namespace}", "--timeout=60s")
    admin.create_namespace()


async def test_an_api_server_that_is_away_is_no_error(
    control_plane: ControlPlane, admin: Admin, operator_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = admin.create(DRExecution, "drill")
    monkeypatch.setenv("KUBECONFIG", str(operator_config))
    async with connect() as client:
        control_plane.stop_apiserver()
        try:
            await KubeCluster(client, "operator-1").event(drill, False, "Started", "nobody hears it")
        finally:
            control_plane.start_apiserver()
    assert admin.events() == []
