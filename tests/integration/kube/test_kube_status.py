"""The one status write: whole, guarded, and nothing else of the object changes."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.kube.cluster import KubeCluster
from drs_operator.ports import LostRace
from tests.integration.kube.admin import Admin
from tests.unit.reconcilers.world import World, server_ids


async def test_a_status_is_replaced_and_nothing_else_changes(cluster: KubeCluster, admin: Admin) -> None:
    group = admin.create(ProtectionGroup, "db", note="mine")
    await cluster.write_status(group, {"observedGeneration": 1, "serverCount": 3, "worstLag": "Under1Minute"})
    first = admin.raw(ProtectionGroup, "db")
    await cluster.write_status(admin.get(ProtectionGroup, "db"), {"observedGeneration": 1, "healthyCount": 2})
    second = admin.raw(ProtectionGroup, "db")
    assert first["status"] == {"observedGeneration": 1, "serverCount": 3, "worstLag": "Under1Minute"}
    assert second["status"] == {"observedGeneration": 1, "healthyCount": 2}, "fields that are gone vanish"
    assert second["spec"] == first["spec"]
    for kept in ("uid", "generation", "annotations", "creationTimestamp"):
        assert second["metadata"].get(kept) == first["metadata"].get(kept)
    managers = {entry["manager"] for entry in second["metadata"]["managedFields"] if entry.get("subresource")}
    assert managers == {"drs-operator"}


async def test_a_stale_version_is_refused(cluster: KubeCluster, admin: Admin) -> None:
    group = admin.create(ProtectionGroup, "db")
    admin.annotate(ProtectionGroup, "db", reconcile="now")
    before = admin.raw(ProtectionGroup, "db")
    with pytest.raises(LostRace):
        await cluster.write_status(group, {"observedGeneration": 1})
    assert admin.raw(ProtectionGroup, "db") == before
    await cluster.write_status(admin.get(ProtectionGroup, "db"), {"observedGeneration": 1})
    assert admin.raw(ProtectionGroup, "db")["status"] == {"observedGeneration": 1}


async def test_an_object_that_is_gone_or_another_one_is_refused(cluster: KubeCluster, admin: Admin) -> None:
    group = admin.create(ProtectionGroup, "db")
    admin.delete(ProtectionGroup, "db")
    with pytest.raises(LostRace):
        await cluster.write_status(group, {"observedGeneration": 1})
    admin.create(ProtectionGroup, "db")
    with pytest.raises(LostRace):
        await cluster.write_status(group, {"observedGeneration": 1})
    assert admin.raw(ProtectionGroup, "db")["status"] == {"observedGeneration": -1}


async def test_what_is_written_is_what_is_read(cluster: KubeCluster, admin: Admin) -> None:
    """Writing what was read is no change: otherwise a steady state would write for ever."""
    group = admin.create(ProtectionGroup, "db")
    await cluster.write_status(group, group.status.to_json())
    once = admin.get(ProtectionGroup, "db")
    assert once.status.to_json() == group.status.to_json()
    await cluster.write_status(once, once.status.to_json())
    assert admin.get(ProtectionGroup, "db").metadata.resource_version == once.metadata.resource_version


@pytest.fixture(scope="module")
def lived() -> World:
    """A world in which much has happened: runs that were paused, failed, were refused and cancelled."""
    world = World()
    world.quickstart((2,), onFailure="Pause")
    world.wait(1)
    world.cloud.fates[server_ids("web")[0]] = "FAILED"
    world.execute("waiting")
    world.until(lambda: world.phase("waiting") == "Paused")
    world.execute("refused")
    world.until(lambda: world.finished("refused"))
    world.execute("expired", requestedAt="2020-01-01T00:00:00Z")
    world.until(lambda: world.finished("expired"))
    world.command("resume", "2.1", "waiting")
    world.until(lambda: ("3.1", "WaveFailed") in world.holds("waiting"))
    world.command("resume", "3.1", "waiting")
    world.wait(300)
    return world


async def test_the_schema_takes_every_status_of_a_world_in_which_much_has_happened(
    cluster: KubeCluster, admin: Admin, lived: World
) -> None:
    for found in lived.cluster.everything():
        kind, name = type(found), found.metadata.name
        made = admin.create(kind, name)
        wanted = found.status.to_json()
        await cluster.write_status(made, wanted)
        assert admin.raw(kind, name)["status"] == wanted, f"{kind.__name__} {name}"
    kinds = {type(found) for found in lived.cluster.everything()}
    assert kinds == {TargetAccount, ProtectionGroup, RecoveryPlan, DRExecution}
