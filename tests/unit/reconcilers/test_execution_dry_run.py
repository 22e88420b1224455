"""A dry run tells what a run would find and launch, and touches nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, RecoveryPlan, TargetAccount
from drs_operator.planning.facts import Failure
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers import execution as reconciler
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids

RECOVERY: dict[str, Any] = {"executionType": "RECOVERY"}
READS = {"inventory", "recovery instances", "recovery points", "source servers"}


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart()
    world.wait(1)
    return world


def codes(world: World, name: str = "dry") -> list[tuple[str, str]]:
    return [(str(finding.severity), finding.code) for finding in world.seen(name).status.findings]


def rehearse(world: World, **fields: Any) -> DRExecution:
    """A dry run from its creation to its end, held against a world in which it leaves nothing."""
    world.effects.done.clear()
    world.cloud.calls.clear()
    before = _ledger(world)
    world.execute("dry", dryRun=True, **fields)
    world.until(lambda: world.finished("dry"), DRExecution)
    world.wait(120, DRExecution)
    assert world.effects.done == ["write status", "event"], "one status, one Event, and nothing else"
    assert {operation for operation, _ in world.cloud.calls} <= READS
    assert _ledger(world) == before
    seen = world.seen("dry")
    assert seen.metadata.finalizers == []
    assert seen.status.execution_id is None, "there is no row of it"
    assert seen.status.waiting_for is None
    return seen


def _ledger(world: World) -> tuple[Any, ...]:
    tables = world.tables
    return dict(tables.rows), dict(tables.run_ids), dict(tables.plans), dict(tables.holds), dict(tables.waves)


def conditions(seen: DRExecution) -> dict[str, tuple[str, str]]:
    return {condition.type: (str(condition.status), condition.reason) for condition in seen.status.conditions}


@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_it_shows_the_waves_that_would_be_run(world: World, type: str) -> None:
    seen = rehearse(world, executionType=type)
    status = seen.status
    assert (status.phase, codes(world)) == ("Completed", [])
    assert [(w.name, str(w.phase), [s.server_id for s in w.servers]) for w in status.waves] == [
        (f"Tier {tier}", "Pending", list(server_ids(tier))) for tier in ("db", "app", "web")
    ]
    assert {str(server.phase) for wave in status.waves for server in wave.servers} == {"Pending"}
    assert (status.wave_progress, status.server_progress, status.plan_version) == ("0/3", "0/4", 1)
    assert conditions(seen) == {
        "Succeeded": ("True", "DryRun"),
        "Finished": ("True", "DryRun"),
        "Ready": ("True", "DryRun"),
    }
    message = world.condition(DRExecution, "dry").message
    assert message == "a run would launch 4 servers in 3 waves"
    (told,) = [event for event in world.cluster.events if event.name == "dry"]
    assert (told.warning, told.reason, told.message) == (False, "DryRun", message)


def test_it_fails_with_the_first_refusal_and_shows_the_others(world: World) -> None:
    world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")
    world.cloud.server(PLACE, server_ids("web")[0], state="DISCONNECTED", Tier="web")
    world.wait(1)
    seen = rehearse(world)
    status = seen.status
    assert status.phase == "Failed"
    assert codes(world) == [
        ("Refusal", "ACCOUNT_OBSERVE_ONLY"),
        ("Refusal", "ACCOUNT_OBSERVE_ONLY"),
        ("Refusal", "ACCOUNT_OBSERVE_ONLY"),
        ("Refusal", "UNHEALTHY_SERVER_REPLICATION"),
    ]
    assert status.error is not None
    assert status.error.code == "ACCOUNT_OBSERVE_ONLY"
    assert len(status.waves) == 3, "what would be launched is shown all the same"
    assert conditions(seen) == {
        "Succeeded": ("False", "AccountObserveOnly"),
        "Finished": ("True", "AccountObserveOnly"),
        "Ready": ("False", "AccountObserveOnly"),
        "Stalled": ("True", "AccountObserveOnly"),
    }
    (told,) = [event for event in world.cluster.events if event.name == "dry"]
    assert (told.warning, told.reason) == (True, "DryRun")


def test_what_a_recovery_may_not_be_refused_for_is_a_warning(world: World) -> None:
    world.cloud.server(PLACE, server_ids("web")[0], state="DISCONNECTED", Tier="web")
    rehearse(world, **RECOVERY)
    assert (world.phase("dry"), codes(world)) == ("Completed", [("Warning", "UNHEALTHY_SERVER_REPLICATION")])


def test_without_a_plan_there_are_no_waves(world: World) -> None:
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production", force=True)
    seen = rehearse(world)
    assert (seen.status.phase, codes(world)) == ("Failed", [("Refusal", "RECOVERY_PLAN_NOT_FOUND")])
    assert (seen.status.waves, seen.status.total_waves) == ([], None)


def test_it_follows_its_scope(world: World) -> None:
    seen = rehearse(world, scope={"waves": [1, 3], "excludeServerIds": [server_ids("db")[0]]})
    assert [[s.server_id for s in w.servers] for w in seen.status.waves] == [
        [server_ids("db")[1]],
        list(server_ids("web")),
    ]
    assert world.condition(DRExecution, "dry").message == "a run would launch 2 servers in 2 waves"


def test_it_tells_what_would_be_kept(world: World) -> None:
    alive = world.cloud.live_instance(PLACE, server_ids("web")[0])
    world.wait(61)
    seen = rehearse(world, liveRecoveryInstances="Keep", **RECOVERY)
    (server,) = seen.status.waves[2].servers
    assert (str(server.phase), server.recovery_instance_id) == ("Kept", alive)
    assert (str(seen.status.waves[2].phase), codes(world)) == ("Completed", [("Warning", "LIVE_RECOVERY_INSTANCE")])
    message = world.condition(DRExecution, "dry").message
    assert message == "a run would launch 3 servers in 3 waves, and keep 1 as they run"


@pytest.mark.parametrize(
    ("type", "code", "severity", "phase"),
    [
        ("DRILL", "PLAN_ALREADY_EXECUTING", "Refusal", "Failed"),
        ("RECOVERY", "PLAN_ALREADY_EXECUTING", "Warning", "Completed"),
    ],
)
def test_it_tells_of_the_run_that_has_the_plan_and_leaves_it_alone(
    world: World, type: str, code: str, severity: str, phase: str
) -> None:
    world.execute("drill")
    world.until(lambda: world.phase("drill") == "Paused")
    world.wait(61)  # the Events of its launch are told, and memory knows who holds what
    drill = world.run_of("drill")
    world.effects.done.clear()
    world.execute("dry", dryRun=True, executionType=type)
    world.until(lambda: world.finished("dry"), DRExecution)
    assert (severity, code) in codes(world)
    assert (severity, "SERVER_CONFLICT") in codes(world)
    assert all("dr/drill" in str(finding.message) for finding in world.seen("dry").status.findings)
    assert world.phase("dry") == phase
    after = world.run_of("drill")
    assert after.cancel is None
    assert after.holds == drill.holds


def test_it_is_no_obstacle_for_a_run(world: World) -> None:
    rehearse(world)
    world.execute("drill", pausePolicy="Skip")
    world.until(lambda: world.finished("drill"))
    assert world.phase("drill") == "Completed"


def test_it_uses_up_no_run_id(world: World) -> None:
    rehearse(world, runId="2026-q1")
    world.execute("drill", runId="2026-q1", pausePolicy="Skip")
    world.until(lambda: world.finished("drill"))
    assert world.phase("drill") == "Completed"


@pytest.mark.parametrize("stale", [False, True], ids=["as it is now", "as it was created"])
def test_it_is_looked_at_again_and_nothing_is_written(world: World, stale: bool) -> None:
    world.execute("dry", dryRun=True)
    world.objects.catch_up()
    created = world.objects.get(DRExecution, NAMESPACE, "dry")
    assert created is not None
    world.until(lambda: world.finished("dry"), DRExecution)
    world.clock.advance(3600)
    done = list(world.effects.done)
    asyncio.run(reconciler.reconcile(world.context, created if stale else world.seen("dry")))
    assert world.effects.done == done


def test_it_is_shown_again_after_its_status_was_lost(world: World) -> None:
    """A backup brings it back without status: it is rehearsed anew, and still touches nothing."""
    world.execute("dry", dryRun=True)
    world.until(lambda: world.finished("dry"), DRExecution)
    world.cluster.lose_status(DRExecution, NAMESPACE, "dry")
    world.until(lambda: world.finished("dry"), DRExecution)
    assert world.phase("dry") == "Completed"
    assert world.tables.rows == {}


@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_it_is_too_late_for_a_request_of_yesterday(world: World, type: str) -> None:
    seen = rehearse(world, requestedAt="2026-02-01T09:00:00Z", executionType=type)
    assert seen.status.error is not None
    assert (seen.status.phase, seen.status.error.code) == ("Failed", "REQUEST_EXPIRED")


@pytest.mark.parametrize(("type", "seconds"), [("DRILL", 600), ("RECOVERY", 30)])
def test_it_waits_for_a_region_as_a_run_would(world: World, type: str, seconds: float) -> None:
    world.clock.advance(120)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "us-east-1 does not answer")
    world.execute("dry", dryRun=True, executionType=type)
    world.wait(seconds, DRExecution)
    assert world.phase("dry") is None
    ready = world.condition(DRExecution, "dry")
    assert (str(ready.status), ready.reason) == ("Unknown", "DrsError")
    del world.cloud.failing["inventory"]
    world.until(lambda: world.finished("dry"), DRExecution)
    assert (world.phase("dry"), codes(world)) == ("Completed", [])


def test_it_goes_on_without_a_region_as_a_recovery_would(world: World) -> None:
    world.clock.advance(120)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "us-east-1 does not answer")
    world.execute("dry", dryRun=True, **RECOVERY)
    world.until(lambda: world.finished("dry"), DRExecution)
    assert (world.phase("dry"), {code for _, code in codes(world)}) == ("Completed", {"ACCOUNT_UNAVAILABLE"})
    assert world.seen("dry").status.server_progress == "0/4", "as they were known last"


def test_it_needs_no_ledger_that_is_known(world: World) -> None:
    """Nothing is claimed, so a ledger that was replaced is no reason to say nothing."""
    object.__setattr__(world.context, "ledger_problem", lambda: Failure("LEDGER_REPLACED", "another ledger"))
    rehearse(world)
    assert world.phase("dry") == "Completed"


def test_it_has_no_objectives(world: World) -> None:
    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", objectives={"rtoSeconds": 3600, "rpoSeconds": 900})
    world.wait(1)
    seen = rehearse(world, incidentTime=world.clock.now().isoformat(), **RECOVERY)
    status = seen.status
    assert (status.objectives, status.durations, status.achieved_rpo_seconds) == (None, None, None)


def test_one_that_is_deleted_is_let_go(world: World) -> None:
    world.execute("dry", dryRun=True)
    world.cluster.delete(DRExecution, NAMESPACE, "dry")
    assert world.gone("dry"), "nothing holds it"


def test_a_command_is_answered_and_taken_off(world: World) -> None:
    rehearse(world)
    world.command("cancel", "now", "dry")
    world.wait(60, DRExecution)
    assert "drs-operator.io/cancel" not in world.seen("dry").metadata.annotations
    (told,) = [event for event in world.cluster.events if event.reason == "CommandRefused"]
    assert "dry run" in told.message


def test_its_time_to_live_counts_from_its_end(world: World) -> None:
    world.execute("dry", dryRun=True, ttlSecondsAfterFinished=300)
    world.until(lambda: world.finished("dry"), DRExecution)
    world.wait(200, DRExecution)
    assert not world.gone("dry")
    world.wait(200, DRExecution)
    assert world.gone("dry")
