"""The object of a run comes back: by a person, by Git, by a backup, in another cluster. Nothing is launched twice."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from tests.unit.reconcilers.world import NAMESPACE, World, server_ids

WAVES = [server_ids(tier) for tier in ("db", "app", "web")]
NAMED: dict[str, Any] = {"runId": "2026-q1", "pausePolicy": "Skip"}


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart()
    world.wait(1)
    return world


def run(world: World, **fields: Any) -> DRExecutionStatus:
    """A drill from its creation to its end; its status."""
    world.execute("drill", **fields)
    world.until(lambda: world.finished("drill"))
    return world.seen("drill").status


def lose(world: World, name: str = "drill") -> None:
    """Deleted by force, as a namespace or a cluster goes."""
    world.cluster.delete(DRExecution, NAMESPACE, name, force=True)
    world.wait(5)


def rebuilt(world: World) -> World:
    """Another cluster of the same installation, on the same ledger, with another operator that leads now."""
    other = World(beside=world)
    other.cloud = world.cloud
    other.cluster.create(DRExecution, NAMESPACE, "uids-begin-elsewhere", {**_SPEC, "dryRun": True})
    other.quickstart()
    other._epoch = world._epoch
    other.start_operator()
    other.wait(1)
    return other


_SPEC = {"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"}


def shown(status: DRExecutionStatus) -> dict[str, Any]:
    """What a status says of the run: all but what belongs to the object, and reasons."""
    said = status.to_json()
    for key in ("conditions", "observedGeneration", "lastObservedTime"):
        said.pop(key, None)
    return said


def conditions(world: World, name: str = "drill") -> dict[str, tuple[str, str]]:
    return {c.type: (str(c.status), c.reason) for c in world.seen(name).status.conditions}


# --- ended ------------------------------------------------------------------------------------------------------------


def test_an_ended_run_is_shown_again_where_its_id_was_given_on_purpose(world: World) -> None:
    before = run(world, **NAMED)
    lose(world)
    world.clock.advance(30 * 24 * 3600)
    uid = world.execute("drill", **NAMED)
    world.until(lambda: world.finished("drill"))
    after = world.seen("drill").status
    assert shown(after) == shown(before), "result, waves and times are those of then"
    assert conditions(world) == {
        "Succeeded": ("True", "RestoredFromLedger"),
        "Finished": ("True", "RestoredFromLedger"),
        "Ready": ("True", "RestoredFromLedger"),
    }
    assert [servers for _, servers in world.cloud.launches()] == WAVES
    assert (world.run_of().uid, world.run_of().restored) == (uid, True)
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_so_is_one_that_has_failed(world: World) -> None:
    world.cloud.fates = dict.fromkeys(server_ids("db"), "FAILED")
    before = run(world, **NAMED)
    assert before.phase == "Failed"
    lose(world)
    world.execute("drill", **NAMED)
    world.until(lambda: world.finished("drill"))
    assert shown(world.seen("drill").status) == shown(before)
    assert conditions(world)["Succeeded"] == ("False", "RestoredFromLedger")
    assert conditions(world)["Stalled"] == ("True", "RestoredFromLedger")


def test_a_rebuilt_cluster_shows_its_history_green(world: World) -> None:
    before = run(world, **NAMED)
    other = rebuilt(world)
    other.execute("drill", **NAMED)
    other.until(lambda: other.finished("drill"))
    assert shown(other.seen("drill").status) == shown(before)
    assert conditions(other)["Ready"] == ("True", "RestoredFromLedger")
    assert [servers for _, servers in world.cloud.launches()] == WAVES
    other.effects.done.clear()
    other.wait(3600, DRExecution)
    assert other.effects.done == [], "history does not move"


def test_without_a_run_id_of_its_own_it_is_refused(world: World) -> None:
    run(world, pausePolicy="Skip")
    lose(world)
    world.execute("drill", pausePolicy="Skip")
    world.until(lambda: world.finished("drill"))
    status = world.seen("drill").status
    assert status.error is not None
    assert (status.phase, status.error.code, status.waves) == ("Failed", "ALREADY_EXECUTED", [])
    assert "dr/drill" in str(status.error.message)
    assert conditions(world)["Ready"] == ("False", "AlreadyExecuted")
    assert [servers for _, servers in world.cloud.launches()] == WAVES
    assert world.run_of().restored is False


def test_a_run_id_that_is_the_default_spelled_out_is_given_on_purpose(world: World) -> None:
    before = run(world, pausePolicy="Skip")
    lose(world)
    world.execute("drill", runId=f"{NAMESPACE}/drill", pausePolicy="Skip")
    world.until(lambda: world.finished("drill"))
    assert shown(world.seen("drill").status) == shown(before)


@pytest.mark.parametrize("run_id", [None, "2026-q1"], ids=["by default", "on purpose"])
def test_an_ended_run_that_asked_for_something_else_is_not_shown(world: World, run_id: str | None) -> None:
    fields: dict[str, Any] = {"pausePolicy": "Skip"} | ({"runId": run_id} if run_id else {})
    run(world, **fields)
    lose(world)
    world.execute("drill", executionType="RECOVERY", **{k: v for k, v in fields.items() if k == "runId"})
    world.until(lambda: world.finished("drill"))
    error = world.seen("drill").status.error
    assert error is not None
    assert error.code == "RUN_ID_CONFLICT"
    assert [servers for _, servers in world.cloud.launches()] == WAVES


def test_it_is_shown_once_again_by_whoever_is_there_and_not_by_two(world: World) -> None:
    run(world, **NAMED)
    lose(world)
    world.execute("second", **NAMED)
    world.until(lambda: world.finished("second"))
    assert conditions(world, "second")["Ready"] == ("True", "RestoredFromLedger")
    world.execute("third", **NAMED)
    world.until(lambda: world.finished("third"))
    assert conditions(world, "third")["Ready"] == ("False", "AlreadyExecuted")
    lose(world, "second")
    world.execute("fourth", **NAMED)
    world.until(lambda: world.finished("fourth"))
    assert conditions(world, "fourth")["Ready"] == ("True", "RestoredFromLedger")


def test_a_status_that_was_lost_is_made_anew_from_the_ledger(world: World) -> None:
    """etcd is restored from before the end: the object is the same one."""
    before = run(world, pausePolicy="Skip")
    world.cluster.lose_status(DRExecution, NAMESPACE, "drill")
    world.until(lambda: world.finished("drill"))
    assert shown(world.seen("drill").status) == shown(before)
    assert conditions(world)["Ready"] == ("True", "Completed"), "it never was another object's"
    assert [servers for _, servers in world.cloud.launches()] == WAVES


def test_the_clean_up_of_a_restored_drill_is_still_done(world: World) -> None:
    world.execute("drill", terminateDrillInstancesAfterSeconds=3600, **NAMED)
    world.until(lambda: world.seen("drill").status.finish_time is not None)
    lose(world)
    assert world.cloud.terminations == []
    world.execute("drill", terminateDrillInstancesAfterSeconds=3600, **NAMED)
    world.until(lambda: world.seen("drill").status.finish_time is not None)
    seen = world.seen("drill")
    assert seen.metadata.finalizers != [], "it holds the object until the clean-up is done"
    assert conditions(world)["Ready"] == ("True", "RestoredFromLedger")
    world.until(lambda: world.finished("drill"))
    assert len([i for ids in world.cloud.terminations for i in ids]) == 4
    cleanup = world.seen("drill").status.cleanup
    assert cleanup is not None
    assert cleanup.phase == "Completed"


@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_restored_run_survives_a_crash_at_any_effect(applied: bool) -> None:
    def restored() -> World:
        world = World()
        world.quickstart()
        world.wait(1)
        run(world, **NAMED)
        lose(world)
        world.effects.done.clear()
        world.execute("drill", **NAMED)
        return world

    undisturbed = restored()
    undisturbed.until(lambda: undisturbed.finished("drill"), DRExecution)
    for number, name in enumerate(undisturbed.effects.done):
        world = restored()
        world.effects.kill_at(number, applied)
        world.until(lambda world=world: world.finished("drill"), DRExecution)  # type: ignore[misc]
        at = f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        assert conditions(world)["Ready"] == ("True", "RestoredFromLedger"), at
        assert [servers for _, servers in world.cloud.launches()] == WAVES, at


# --- under way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"runId": "2026-q1"}], ids=["by its name", "by its run id"])
def test_a_run_that_is_under_way_is_adopted_and_goes_on(world: World, fields: dict[str, Any]) -> None:
    world.execute("drill", **fields)
    world.until(lambda: len(world.cloud.launches()) == 1)
    lose(world)
    uid = world.execute("drill", **fields)
    world.until(lambda: world.phase("drill") == "Paused")
    assert (world.run_of().uid, world.run_of().restored) == (uid, False)
    assert world.seen("drill").metadata.finalizers != []
    world.command("resume", "2.1")
    world.until(lambda: world.finished("drill"))
    assert world.phase("drill") == "Completed"
    assert conditions(world)["Ready"] == ("True", "Completed"), "nothing was restored: it has run to its end"
    assert [servers for _, servers in world.cloud.launches()] == WAVES


def test_a_rebuilt_cluster_adopts_it_and_goes_on(world: World) -> None:
    world.execute("drill")
    world.until(lambda: world.phase("drill") == "Paused")
    other = rebuilt(world)
    other.execute("drill")
    other.until(lambda: other.phase("drill") == "Paused")
    other.command("resume", "2.1")
    other.until(lambda: other.finished("drill"))
    assert other.phase("drill") == "Completed"
    assert len(world.cloud.launches()) == 3
    assert world.cloud.destroyed == []
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_one_that_waits_for_a_drill_is_adopted_too(world: World) -> None:
    world.execute("drill", pausePolicy="Skip")
    world.until(lambda: len(world.cloud.launches()) == 1)
    world.execute("failover", executionType="RECOVERY")
    world.until(lambda: world.phase("failover") == "Queued")
    lose(world, "failover")
    world.execute("failover", executionType="RECOVERY")
    world.until(lambda: world.phase("failover") == "Paused")
    assert world.phase("drill") == "Cancelled"
    assert [servers for _, servers in world.cloud.launches()] == [WAVES[0], WAVES[0]]


def test_one_that_asks_for_something_else_does_not_get_it(world: World) -> None:
    world.execute("drill")
    world.until(lambda: world.phase("drill") == "Paused")
    lose(world)
    world.execute("drill", pausePolicy="Skip")
    world.until(lambda: world.finished("drill"))
    error = world.seen("drill").status.error
    assert error is not None
    assert error.code == "RUN_ID_CONFLICT"
    assert len(world.cloud.launches()) == 1
    lose(world)
    world.execute("drill")
    world.until(lambda: world.phase("drill") == "Paused")
    assert world.holds("drill") == [("2.1", "PauseBeforeWave")], "the right one still gets it"


def test_reasons_and_times_of_the_object_are_no_part_of_what_it_asks_for(world: World) -> None:
    run(world, reason="quarterly", initiatedBy="jane", **NAMED)
    lose(world)
    world.execute("drill", reason="restored from Git", requestedAt="2026-02-01T09:00:00Z", **NAMED)
    world.until(lambda: world.finished("drill"))
    assert conditions(world)["Ready"] == ("True", "RestoredFromLedger"), "also long after its starting deadline"
