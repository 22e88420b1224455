"""A recovery meets other runs: it pushes drills aside and waits for their jobs; a recovery it lets be."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.orphans import Orphans
from tests.unit.reconcilers.drills import (
    RECOVERY,
    WAVES,
    WEB,
    assert_nothing_left,
    codes,
    conditions,
    drilling,
    kinds,
    paused,
    prepared,
)
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids

# --- the same plan ----------------------------------------------------------------------------------------------------


def test_a_recovery_pushes_a_drill_aside_and_waits_for_its_jobs() -> None:
    world = prepared()
    world.cloud.launch_takes = timedelta(minutes=10)
    drilling(world)
    world.cloud.launch_takes = timedelta(minutes=1)
    world.execute("failover", **RECOVERY)
    world.wait(20)
    status = world.seen("failover").status
    assert (status.phase, status.waiting_for) == ("Queued", "drill dr/drill to end")
    assert conditions(world, "failover")["Reconciling"] == ("True", "WaitingForDrill")
    assert world.reasons("failover") == ["WaitingForDrill"]
    cancel = world.run_of("drill").cancel
    assert cancel is not None
    assert cancel.requested_by == "execution/failover"
    assert world.phase("drill") == "Cancelling"
    assert conditions(world, "drill")["Reconciling"] == ("True", "Draining")
    world.wait(300)
    assert kinds(world) == [(True, WAVES[0])], "its job goes on"
    world.until(lambda: world.finished("failover") or bool(world.holds("failover")))
    assert world.finished("drill")
    told = [e.message for e in world.cluster.events if e.name == "drill" and e.reason == "Cancelled"]
    assert len(told) == 1
    assert "execution/failover" in told[0]
    world.command("resume", "2.1", "failover")
    world.until(lambda: world.finished("failover"))
    assert world.phase("failover") == "Completed"
    assert kinds(world) == [(True, WAVES[0]), *((False, servers) for servers in WAVES)]
    assert world.cloud.destroyed == ["i-0001-001", "i-0001-002"], "the drill's own instances, as DRS does it"
    assert_nothing_left(world, "drill", "failover")


def test_a_drill_that_waits_for_a_person_ends_at_once() -> None:
    world = prepared()
    paused(world)
    asked = world.clock.now()
    world.execute("failover", **RECOVERY)
    world.until(lambda: world.phase("failover") == "Running")
    assert world.clock.now() - asked <= timedelta(seconds=10), "nobody waits for the drill's own next look"
    assert (world.phase("drill"), world.holds("drill")) == ("Cancelled", [])


def test_a_drill_that_is_still_validated_gives_way_too() -> None:
    """Its Region does not answer: the drill waits for it, a recovery not for long."""
    world = prepared(())
    world.clock.advance(120)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "us-east-1 does not answer")
    world.execute("drill")
    world.wait(30)
    assert world.phase("drill") == "Validating"
    world.execute("failover", **RECOVERY)
    world.until(lambda: world.finished("failover"))
    assert world.phase("failover") == "Completed"
    assert world.phase("drill") == "Cancelled"
    assert kinds(world) == [(False, servers) for servers in WAVES]
    assert_nothing_left(world, "drill", "failover")


def test_the_drill_is_not_cancelled_by_a_recovery_that_is_refused() -> None:
    world = prepared()
    paused(world)
    world.execute("failover", scope={"waves": [9]}, **RECOVERY)
    world.until(lambda: world.finished("failover"))
    assert codes(world, "failover") == [("Warning", "PLAN_ALREADY_EXECUTING"), ("Refusal", "INVALID_PARAMETER")]
    assert world.run_of("drill").cancel is None
    assert world.phase("drill") == "Paused"


def test_of_two_recoveries_that_wait_for_a_drill_one_is_run() -> None:
    world = prepared(())
    drilling(world)
    world.execute("first", **RECOVERY)
    world.execute("second", **RECOVERY)
    world.until(lambda: world.finished("first") and world.finished("second"))
    phases = sorted(str(world.phase(name)) for name in ("first", "second"))
    assert phases == ["Completed", "Failed"]
    lost = "first" if world.phase("first") == "Failed" else "second"
    assert codes(world, lost) == [("Refusal", "PLAN_ALREADY_EXECUTING")]
    assert [servers for is_drill, servers in kinds(world) if not is_drill] == WAVES
    assert_nothing_left(world, "drill", "first", "second")


def test_a_drill_that_was_cancelled_by_a_person_is_waited_for_all_the_same() -> None:
    world = prepared(())
    drilling(world)
    world.command("cancel", "now", "drill", by="bob")
    world.wait(5)
    world.execute("failover", **RECOVERY)
    world.until(lambda: world.finished("failover"))
    cancel = world.run_of("drill").cancel
    assert cancel is not None
    assert cancel.requested_by == "bob", "whoever was first"
    assert world.phase("failover") == "Completed"


# --- only servers -----------------------------------------------------------------------------------------------------


def test_a_recovery_of_another_plan_pushes_aside_the_drill_that_has_its_servers() -> None:
    world = prepared()
    world.cloud.launch_takes = timedelta(minutes=10)
    drilling(world)
    world.cloud.launch_takes = timedelta(minutes=1)
    world.execute("failover", recoveryPlanRef={"name": "other"}, **RECOVERY)
    world.wait(20)
    status = world.seen("failover").status
    assert (status.phase, status.waiting_for) == ("Queued", "drill dr/drill to end")
    assert conditions(world, "failover")["Reconciling"] == ("True", "WaitingForDrill")
    assert [wave.phase for wave in status.waves] == ["Pending"], "pinned, and nothing launched"
    assert world.phase("drill") == "Cancelling"
    world.until(lambda: world.finished("failover"))
    assert world.phase("failover") == "Completed"
    assert codes(world, "failover") == []
    assert kinds(world) == [(True, WAVES[0]), (False, WEB)]
    assert_nothing_left(world, "drill", "failover")


def test_a_drill_of_other_servers_is_let_be() -> None:
    world = prepared(())
    world.cloud.server(PLACE, "s-0000000000spare001", Kind="spare")
    world.group("spare", Kind="spare")
    world.plan("spares", "spare")
    world.wait(61)
    drilling(world)
    world.execute("failover", recoveryPlanRef={"name": "spares"}, **RECOVERY)
    world.until(lambda: world.finished("failover"))
    assert world.run_of("drill").cancel is None
    world.until(lambda: world.finished("drill"))
    assert (world.phase("failover"), world.phase("drill")) == ("Completed", "Completed")


def test_a_recovery_waits_for_every_drill_that_has_its_servers() -> None:
    world = World()
    world.quickstart((1,))
    for tier in ("db", "web"):
        world.plan(f"only-{tier}", tier, pause_before=(1,))
    world.wait(1)
    for tier in ("db", "web"):
        world.execute(f"drill-{tier}", recoveryPlanRef={"name": f"only-{tier}"})
        world.until(lambda tier=tier: world.phase(f"drill-{tier}") == "Paused")  # type: ignore[misc]
    world.execute("failover", **RECOVERY)
    world.until(lambda: world.phase("failover") == "Paused")
    assert {world.phase("drill-db"), world.phase("drill-web")} == {"Cancelled"}
    assert codes(world, "failover") == []
    assert set(world.tables.holds.values()) == {(world.run_of("failover").execution_id, "dr/failover")}


def test_servers_of_a_recovery_are_gone_without_when_those_of_a_drill_are_free() -> None:
    world = World()
    world.quickstart((1,), onFailure="Continue")
    for tier in ("db", "web"):
        world.plan(f"only-{tier}", tier, pause_before=(1,))
    world.wait(1)
    world.execute("earlier", recoveryPlanRef={"name": "only-db"}, **RECOVERY)
    world.execute("drill", recoveryPlanRef={"name": "only-web"})
    world.until(lambda: {world.phase("earlier"), world.phase("drill")} == {"Paused"})
    world.execute("failover", **RECOVERY)
    world.until(lambda: world.phase("failover") == "Paused")
    assert codes(world, "failover") == [("Warning", "SERVER_CONFLICT")]
    assert (world.phase("earlier"), world.phase("drill")) == ("Paused", "Cancelled")
    phases = {s.server_id: str(s.phase) for wave in world.seen("failover").status.waves for s in wave.servers}
    assert {i for i, phase in phases.items() if phase == "Failed"} == set(server_ids("db"))


def test_the_drill_of_another_installation_is_let_be() -> None:
    world = World()
    world.quickstart((), onFailure="Continue")
    west = World("west", beside=world)
    west.quickstart((1,))
    west.execute("drill")
    west.until(lambda: west.phase("drill") == "Paused" or west.finished("drill"), DRExecution)
    world.wait(1)
    if west.phase("drill") != "Paused":  # its groups have no server of their own here: it holds them by hand
        pytest.fail("the other installation holds nothing")
    world.execute("failover", **RECOVERY)
    world.until(lambda: world.finished("failover"))
    assert west.run_of("drill").cancel is None
    assert {code for _, code in codes(world, "failover")} >= {"SERVER_CONFLICT"}
    assert world.cloud.launches() == []


# --- who is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "phase", "code"),
    [
        ("RECOVERY", "RECOVERY", "Failed", "PLAN_ALREADY_EXECUTING"),
        ("RECOVERY", "DRILL", "Failed", "PLAN_ALREADY_EXECUTING"),
        ("DRILL", "DRILL", "Failed", "PLAN_ALREADY_EXECUTING"),
    ],
)
def test_a_run_that_meets_one_of_its_plan_is_refused(first: str, second: str, phase: str, code: str) -> None:
    world = prepared()
    world.execute("first", executionType=first)
    world.until(lambda: world.phase("first") == "Paused")
    world.execute("second", executionType=second)
    world.until(lambda: world.finished("second"))
    assert world.phase("second") == phase
    assert ("Refusal", code) in codes(world, "second")
    error = world.seen("second").status.error
    assert error is not None
    assert error.code == code
    assert "dr/first" in str(error.message)
    assert world.run_of("first").cancel is None
    assert len(kinds(world)) == 1


def test_a_drill_does_not_overtake_a_recovery_that_waits() -> None:
    world = prepared(())
    world.cloud.launch_takes = timedelta(minutes=10)
    drilling(world)
    world.execute("failover", **RECOVERY)
    world.wait(20)
    world.execute("late")
    world.until(lambda: world.finished("late"))
    assert ("Refusal", "PLAN_ALREADY_EXECUTING") in codes(world, "late")
    world.until(lambda: world.finished("failover"))
    assert world.phase("failover") == "Completed"


# --- while it waits ---------------------------------------------------------------------------------------------------


def test_a_recovery_that_waits_can_be_cancelled() -> None:
    world = prepared()
    world.cloud.launch_takes = timedelta(minutes=10)
    drilling(world)
    world.execute("failover", **RECOVERY)
    world.wait(20)
    world.command("cancel", "now", "failover")
    world.until(lambda: world.finished("failover"))
    assert world.phase("failover") == "Cancelled"
    assert world.seen("failover").status.waiting_for is None
    assert world.phase("drill") == "Cancelling", "it is not taken back"
    world.until(lambda: world.finished("drill"))
    assert kinds(world) == [(True, WAVES[0])]
    assert_nothing_left(world, "drill", "failover")


def test_a_recovery_that_waits_with_some_of_its_servers_lets_go_of_them_when_it_is_cancelled() -> None:
    world = World()
    world.quickstart((1,))
    world.plan("only-web", "web", pause_before=(1,))
    world.wait(1)
    world.cloud.launch_takes = timedelta(minutes=10)
    world.execute("drill", recoveryPlanRef={"name": "only-web"})
    world.until(lambda: world.phase("drill") == "Paused")
    world.command("resume", "1.1", "drill")
    world.until(lambda: len(world.cloud.launches()) == 1)
    world.execute("failover", **RECOVERY)
    world.wait(20)
    assert world.phase("failover") == "Queued"
    world.command("cancel", "now", "failover")
    world.until(lambda: world.finished("failover"))
    assert [wave.phase for wave in world.seen("failover").status.waves] == ["Cancelled"] * 3
    assert {by for _, by in world.tables.holds.values()} == {"dr/drill"}
    world.until(lambda: world.finished("drill"))
    assert_nothing_left(world, "drill", "failover")


def test_the_drill_that_is_waited_for_is_deleted() -> None:
    world = prepared(())
    world.cloud.launch_takes = timedelta(minutes=10)
    drilling(world)
    world.execute("failover", **RECOVERY)
    world.wait(20)
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    world.wait(60)
    assert world.phase("failover") == "Queued", "its finalizer holds it to the end of its job"
    world.until(lambda: world.finished("failover"))
    assert world.gone("drill")
    assert world.phase("failover") == "Completed"
    assert_nothing_left(world, "failover")


@pytest.mark.parametrize("before", [True, False], ids=["before the recovery", "while it waits"])
def test_the_drill_is_deleted_by_force(before: bool) -> None:
    world = prepared(())
    world.cloud.launch_takes = timedelta(minutes=10)
    drilling(world)
    if before:
        world.cluster.delete(DRExecution, NAMESPACE, "drill", force=True)
    world.execute("failover", **RECOVERY)
    world.wait(20)
    if not before:
        world.cluster.delete(DRExecution, NAMESPACE, "drill", force=True)
    world.cloud.launch_takes = timedelta(minutes=1)
    orphans = Orphans(world.context)
    for _ in range(60):
        asyncio.run(orphans.look())
        world.wait(30)
        if world.finished("failover"):
            break
    assert world.phase("failover") == "Completed"
    assert [is_drill for is_drill, _ in kinds(world)] == [True, False, False, False]
    assert_nothing_left(world, "failover")
