"""RecoveryPlan: whether it would work now."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart()
    return world


def plan(world: World) -> RecoveryPlan:
    """The plan `production`, when everything was looked at."""
    world.wait(1)
    (found,) = [o for o in world.cluster.everything() if isinstance(o, RecoveryPlan)]
    return found


def test_a_plan_of_ready_groups_is_ready(world: World) -> None:
    status = plan(world).status
    assert world.condition(RecoveryPlan, "production").status == "True"
    assert (status.total_waves, status.total_servers) == (3, 4)
    assert status.target_regions == ["us-east-1"]
    assert [wave.server_count for wave in status.waves] == [2, 1, 1]


def test_an_unknown_group_is_named(world: World) -> None:
    world.cluster.delete(ProtectionGroup, NAMESPACE, "app")
    world.cluster.annotate(RecoveryPlan, NAMESPACE, "production", "drs-operator.io/reconcile", "1")
    plan(world)
    ready = world.condition(RecoveryPlan, "production")
    assert (ready.status, ready.reason) == ("False", "ProtectionGroupNotFound")
    assert "app" in ready.message
    assert "create it" in ready.message


def test_a_group_that_is_not_ready_makes_the_plan_not_ready(world: World) -> None:
    world.cloud.server(PLACE, server_ids("web")[0], state="DISCONNECTED", Tier="web")
    plan(world)
    ready = world.condition(RecoveryPlan, "production")
    assert (ready.status, ready.reason) == ("False", "InvalidReplicationState")
    assert "web" in ready.message
    assert world.condition(RecoveryPlan, "production", "Recoverable").status == "False"


def test_runs_are_shown_while_and_after_they_run(world: World) -> None:
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    active = plan(world).status.active_executions
    assert [(run.name, run.type, run.phase) for run in active] == [("drill", "DRILL", "Paused")]
    world.command("resume", "2.1")
    world.until(world.finished)
    status = plan(world).status
    assert status.active_executions == []
    assert status.last_execution is not None
    assert (status.last_execution.name, status.last_execution.phase) == ("drill", "Completed")
