"""A cluster that stands by writes Ready=Unknown once, and nothing else."""

from __future__ import annotations

import asyncio

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.reconcilers import standby
from tests.unit.reconcilers.world import NAMESPACE, World

SAYS = "installation prod is led by cluster b"


def look(world: World, kind: type[Resource], name: str) -> None:
    """One look at an object."""
    found = world.cluster.now(kind, None if kind is TargetAccount else NAMESPACE, name)
    assert found is not None
    asyncio.run(standby.reconcile(world.cluster, world.clock, SAYS, found))


def test_every_kind_says_who_leads_and_is_written_once() -> None:
    world = World()
    world.quickstart()
    world.execute("drill")
    objects: list[tuple[type[Resource], str]] = [
        (TargetAccount, "production"),
        (ProtectionGroup, "db"),
        (RecoveryPlan, "production"),
        (DRExecution, "drill"),
    ]
    for kind, name in objects:
        look(world, kind, name)
        ready = world.condition(kind, name)
        assert (ready.status, ready.reason, ready.message) == ("Unknown", "StandbyInstallation", SAYS)
    done = list(world.effects.done)
    for kind, name in objects:
        look(world, kind, name)
    assert world.effects.done == done == ["write status"] * len(objects)


def test_what_an_earlier_leader_found_stays_beside_it() -> None:
    world = World()
    world.quickstart()
    world.wait(10)
    before = world.cluster.status(ProtectionGroup, NAMESPACE, "db")
    look(world, ProtectionGroup, "db")
    after = world.cluster.status(ProtectionGroup, NAMESPACE, "db")
    assert {**after, "conditions": None} == {**before, "conditions": None}
    others = [[c for c in status["conditions"] if c["type"] != "Ready"] for status in (before, after)]
    assert others[0] == others[1]


def test_a_request_to_look_is_left_to_the_leader() -> None:
    world = World()
    world.quickstart()
    world.cluster.annotate(ProtectionGroup, NAMESPACE, "db", "drs-operator.io/reconcile", "now")
    look(world, ProtectionGroup, "db")
    assert "lastHandledReconcile" not in world.cluster.status(ProtectionGroup, NAMESPACE, "db")


def test_finished_executions_are_history() -> None:
    world = World()
    world.quickstart(pause_before=())
    world.execute("drill")
    world.until(lambda: world.seen().status.finish_time is not None)
    before = world.cluster.status(DRExecution, NAMESPACE, "drill")
    look(world, DRExecution, "drill")
    assert world.cluster.status(DRExecution, NAMESPACE, "drill") == before
