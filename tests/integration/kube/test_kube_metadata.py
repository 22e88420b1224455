"""Finalizers and commands: put on and taken off, guarded by the version that was read."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.kube.cluster import KubeCluster
from drs_operator.ports import LostRace, ReadFailed
from drs_operator.reconcilers.context import FINALIZER
from tests.integration.kube.admin import Admin

RESUME, BY = "drs-operator.io/resume", "requested-by.drs-operator.io/resume"
CREATOR, ADMIN = "drs-operator.io/requested-by", "drs-sandbox-admin"
"""Stamped by the API server, with the sandbox's admin."""


async def test_a_finalizer_holds_an_object_until_it_is_taken_off(cluster: KubeCluster, admin: Admin) -> None:
    await cluster.add_finalizer(admin.create(DRExecution, "drill"))
    held = admin.get(DRExecution, "drill")
    assert held.metadata.finalizers == [FINALIZER]
    await cluster.add_finalizer(held)
    assert admin.get(DRExecution, "drill").metadata == held.metadata, "once is enough"
    admin.delete(DRExecution, "drill")
    going = admin.get(DRExecution, "drill")
    assert going.metadata.deletion_timestamp is not None
    await cluster.remove_finalizer(going)
    assert not admin.exists(DRExecution, "drill")


async def test_finalizers_of_others_stay(cluster: KubeCluster, admin: Admin) -> None:
    admin.create(DRExecution, "drill")
    admin.patch(DRExecution, "drill", {"metadata": {"finalizers": ["example.com/other"]}})
    await cluster.add_finalizer(admin.get(DRExecution, "drill"))
    assert admin.get(DRExecution, "drill").metadata.finalizers == ["example.com/other", FINALIZER]
    await cluster.remove_finalizer(admin.get(DRExecution, "drill"))
    assert admin.get(DRExecution, "drill").metadata.finalizers == ["example.com/other"]
    await cluster.remove_finalizer(admin.get(DRExecution, "drill"))


async def test_a_stale_version_moves_no_finalizer(cluster: KubeCluster, admin: Admin) -> None:
    stale = admin.create(DRExecution, "drill")
    admin.patch(DRExecution, "drill", {"metadata": {"finalizers": ["example.com/other"]}})
    with pytest.raises(LostRace):
        await cluster.add_finalizer(stale)
    assert admin.get(DRExecution, "drill").metadata.finalizers == ["example.com/other"], "it would have been lost"


async def test_an_object_that_is_gone_cannot_be_held(cluster: KubeCluster, admin: Admin) -> None:
    gone = admin.create(DRExecution, "drill")
    admin.delete(DRExecution, "drill")
    with pytest.raises(LostRace):
        await cluster.add_finalizer(gone)
    admin.create(DRExecution, "drill")
    with pytest.raises(LostRace):
        await cluster.add_finalizer(gone)
    assert admin.get(DRExecution, "drill").metadata.finalizers == []


async def test_an_object_that_is_going_cannot_be_held_any_more(cluster: KubeCluster, admin: Admin) -> None:
    admin.create(DRExecution, "drill")
    admin.patch(DRExecution, "drill", {"metadata": {"finalizers": ["example.com/other"]}})
    admin.delete(DRExecution, "drill")
    with pytest.raises(ReadFailed, match="no new finalizers can be added"):
        await cluster.add_finalizer(admin.get(DRExecution, "drill"))


async def test_answered_commands_are_taken_off_and_nothing_else(cluster: KubeCluster, admin: Admin) -> None:
    admin.create(DRExecution, "drill", note="mine")
    admin.annotate(DRExecution, "drill", resume="2.1")
    asked = admin.get(DRExecution, "drill")
    assert asked.metadata.annotations == {"note": "mine", CREATOR: ADMIN, RESUME: "2.1", BY: ADMIN}
    await cluster.take_off(asked, [RESUME, BY, "drs-operator.io/pause"])
    after = admin.get(DRExecution, "drill")
    assert after.metadata.annotations == {"note": "mine", CREATOR: ADMIN}
    assert after.metadata.generation == asked.metadata.generation
    await cluster.take_off(after, [RESUME])
    assert admin.get(DRExecution, "drill").metadata == after.metadata, "what is off needs no request"


async def test_a_command_that_changed_meanwhile_is_not_lost(cluster: KubeCluster, admin: Admin) -> None:
    admin.create(DRExecution, "drill")
    admin.annotate(DRExecution, "drill", resume="2.1")
    asked = admin.get(DRExecution, "drill")
    admin.annotate(DRExecution, "drill", resume="3.1")
    with pytest.raises(LostRace):
        await cluster.take_off(asked, [RESUME])
    assert admin.get(DRExecution, "drill").metadata.annotations == {CREATOR: ADMIN, RESUME: "3.1", BY: ADMIN}
