"""A Region that does not answer slows nobody else: a recovery goes on without it, a drill waits."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup
from drs_operator.planning.facts import Place
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids

OTHER = Place("210987654321", "us-east-1")
FAR = "s-00000000000000far"


def two_places(lose_status: bool = False) -> World:
    """A plan `both` with a tier in each of two accounts, whose first one has fallen silent."""
    world = World()
    world.quickstart(())
    world.cloud.account(OTHER.account_id, "unique-external-id-123")
    world.account("other", OTHER.account_id)
    world.cloud.server(OTHER, FAR, Tier="far")
    world.group("far", "other", Tier="far")
    world.plan("both", "db", "far", launchOrder=1)
    world.wait(1)
    world.clock.advance(120)
    world.cloud.deaf.add(PLACE)
    if lose_status:
        world.cluster.lose_status(ProtectionGroup, NAMESPACE, "db")
    return world


def recover(world: World, **fields: Any) -> None:
    world.execute("run", executionType="RECOVERY", recoveryPlanRef={"name": "both"}, **fields)


def codes(world: World) -> list[tuple[str, str, int | None]]:
    return [(str(f.severity), f.code, f.wave_number) for f in world.seen("run").status.findings]


def launched(world: World, place: Place) -> set[str]:
    return {instance.server_id for instance in world.cloud.instances(place)}


@pytest.mark.parametrize("lose_status", [False, True], ids=["known by its status", "known by the ledger"])
def test_a_recovery_launches_where_it_can_and_the_rest_when_it_can(lose_status: bool) -> None:
    world = two_places(lose_status)
    recover(world)
    kinds = (DRExecution,) if lose_status else ()  # the group itself would get a status again
    world.wait(30, *kinds)
    assert world.phase("run") == "Validating", "a moment it waits"
    world.wait(300, *kinds)
    assert launched(world, OTHER) == {FAR}
    assert launched(world, PLACE) == set()
    assert codes(world) == [("Warning", "ACCOUNT_UNAVAILABLE", 1)]
    waves = {wave.wave_number: str(wave.phase) for wave in world.seen("run").status.waves}
    assert (waves[2], waves[1] in ("Completed", "Failed")) == ("Completed", False)
    assert world.condition(DRExecution, "run").reason == "DrsError", "why it does not go on"
    assert world.seen("run").status.server_progress == "1/3"
    world.cloud.deaf.clear()
    world.until(lambda: world.finished("run"), *kinds)
    assert world.phase("run") == "Completed"
    assert launched(world, PLACE) == set(server_ids("db"))
    assert world.cloud.destroyed == []


def test_a_recovery_with_nothing_else_to_launch_waits_for_its_region() -> None:
    world = World()
    world.quickstart(())
    world.wait(1)
    world.clock.advance(120)
    world.cloud.deaf.add(PLACE)
    world.execute("run", executionType="RECOVERY")
    world.wait(600)
    assert world.phase("run") == "Running"
    assert world.condition(DRExecution, "run").reason == "DrsError"
    assert world.cloud.launches() == []
    world.cloud.deaf.clear()
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert len(world.cloud.launches()) == 3


def test_a_group_of_which_nothing_is_known_is_waited_for() -> None:
    """To go on would leave out its servers silently, and call the recovery Completed."""
    world = two_places()
    world.group("new", Tier="web")
    world.plan("fresh", "new", "far", launchOrder=1)
    world.execute("run", executionType="RECOVERY", recoveryPlanRef={"name": "fresh"})
    world.wait(600)
    assert world.phase("run") == "Validating"
    assert world.condition(DRExecution, "run").reason == "DrsError"
    assert launched(world, OTHER) == set()
    world.cloud.deaf.clear()
    world.until(lambda: world.finished("run"))
    assert world.seen("run").status.server_progress in ("1/1", "2/2")


def test_servers_that_run_already_in_a_silent_region_are_not_launched_over() -> None:
    """They could not be seen when it was validated; the guards see them."""
    world = two_places()
    for server_id in server_ids("db"):
        world.cloud.live_instance(PLACE, server_id)
    recover(world)
    world.wait(300)
    world.cloud.deaf.clear()
    world.until(lambda: bool(world.holds("run")))
    assert world.holds("run") == [("1.1", "LiveRecoveryInstance")]
    assert world.cloud.destroyed == []


def test_a_drill_waits_for_every_region() -> None:
    world = two_places()
    world.execute("run", recoveryPlanRef={"name": "both"})
    world.wait(1800)
    assert world.phase("run") == "Validating"
    assert world.cloud.launches() == []
    world.cloud.deaf.clear()
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"


def test_a_look_while_it_waits_writes_nothing_new() -> None:
    world = two_places()
    world.execute("run", recoveryPlanRef={"name": "both"})
    world.wait(300)
    rows = dict(world.tables.rows)
    world.wait(300)
    assert world.tables.rows == rows
