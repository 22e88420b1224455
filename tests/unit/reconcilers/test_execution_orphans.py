"""Runs whose object is away: followed to their end, nothing launched, adopted or abandoned."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.observability import metrics
from drs_operator.planning.facts import Failure
from drs_operator.planning.run import Cancel
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.orphans import Orphans
from drs_operator.runtime.orphan_watch import OrphanWatch
from tests.fakes.ledger import FakeLedger
from tests.unit.reconcilers.world import NAMESPACE, World, server_ids

MINUTE = 60.0
NO_API_SERVER = ReadFailed("INTERNAL_ERROR", "the API server does not answer")


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart(())
    world.wait(1)
    return world


class Leader:
    """The leader's loop beside its reconcilers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.problem: Failure | None = None
        self.watch = OrphanWatch(Orphans(world.context), 15, 60, lambda: self.problem)

    def work(self, seconds: float) -> None:
        """For a while; the loop looks when it is due."""
        end = self.world.clock.now().timestamp() + seconds
        while (left := end - self.world.clock.now().timestamp()) > 0:
            pause = asyncio.run(self.watch.once())
            self.world.wait(min(pause, left))
        asyncio.run(self.watch.once())


def seen() -> float:
    """The metric."""
    return float(metrics.orphaned_runs._value.get())


def running(world: World) -> None:
    """The first wave has its job."""
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 1)


def lose(world: World) -> None:
    """The object is deleted by force."""
    world.cluster.delete(DRExecution, NAMESPACE, "drill", force=True)


def abandon(world: World) -> None:
    """What `drs-operator abandon-run` writes."""
    run = world.run_of()
    cancel = Cancel(requested_by="abandon-run by jane@laptop", time=world.clock.now())
    ledger = FakeLedger(world.tables, run.epoch, world.effects)
    asyncio.run(ledger.save_run(run.model_copy(update={"cancel": cancel}), run))


# --- followed, and nothing launched ---------------------------------------------------------------------------------


def test_an_orphan_is_followed_but_launches_nothing(world: World) -> None:
    running(world)
    lose(world)
    Leader(world).work(3 * 3600)
    run = world.run_of()
    assert [wave.phase for wave in run.waves] == ["Completed", "Pending", "Pending"]
    assert {server.phase for server in run.waves[0].servers} == {"Ready"}
    assert all(server.recovery_instance_id for server in run.waves[0].servers)
    assert len(world.cloud.launches()) == 1
    assert run.state == "Running"
    assert {execution for _, execution in world.tables.holds.values()} == {"dr/drill"}, "it keeps what it holds"
    assert seen() == 1


def test_its_last_wave_ends_the_run_and_frees_everything(world: World) -> None:
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 3)
    lose(world)
    Leader(world).work(3 * 3600)
    run = world.run_of()
    assert (run.state, run.verdict) == ("Ended", "Completed")
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    assert "Ended" in world.reasons(), "Events are told of an object that is gone, too"
    assert seen() == 0


def test_it_is_an_orphan_only_after_five_minutes(world: World) -> None:
    running(world)
    lose(world)
    leader = Leader(world)
    leader.work(MINUTE)  # it is seen to be away
    leader.work(4 * MINUTE)
    assert seen() == 0
    assert world.run_of().waves[0].phase == "Launching"
    leader.work(2 * MINUTE)
    assert seen() == 1


def test_a_call_whose_outcome_is_unknown_is_looked_for_and_not_repeated(world: World) -> None:
    world.effects.kill_at(_before(world, "start recovery"), applied=True)
    world.execute()
    world.until(lambda: world.deaths == 1)
    lose(world)
    Leader(world).work(3600)
    run = world.run_of()
    assert run.waves[0].phase == "Completed"
    assert len(world.cloud.launches()) == 1


def _before(world: World, effect: str) -> int:
    """How many effects come before the first of this name, by a run in a world of its own."""
    other = World()
    other.quickstart(())
    other.wait(1)
    done = len(other.effects.done)
    running(other)
    return len(world.effects.done) + other.effects.done.index(effect) - done


def test_while_nothing_moves_nothing_is_written(world: World) -> None:
    running(world)
    lose(world)
    leader = Leader(world)
    leader.work(3600)
    done = len(world.effects.done)
    leader.work(3600)
    assert world.effects.done[done:] == []


def test_an_orphan_that_waits_for_its_validation_does_not_go_on(world: World) -> None:
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "does not answer")
    world.clock.advance(120)
    world.execute()
    world.until(lambda: world.phase() == "Validating")
    lose(world)
    leader = Leader(world)
    del world.cloud.failing["inventory"]
    leader.work(3600)
    assert world.run_of().state == "Claimed"
    assert world.cloud.launches() == []
    abandon(world)
    leader.work(MINUTE)
    run = world.run_of()
    assert (run.state, run.verdict) == ("Ended", "Cancelled")
    assert (world.tables.plans, world.tables.holds) == ({}, {})


# --- what is no orphan ------------------------------------------------------------------------------------------------


def test_a_run_whose_object_the_watch_has_not_brought_is_none(world: World) -> None:
    """The cache is empty, the API server has it."""
    running(world)
    world.objects._seen = []
    leader = Leader(world)
    for _ in range(40):
        asyncio.run(leader.watch.once())
        world.clock.advance(15)
    assert seen() == 0
    assert world.run_of().waves[0].phase == "Launching"


def test_nothing_is_concluded_while_the_api_server_does_not_answer(world: World) -> None:
    running(world)
    world.objects._seen = []
    world.cluster.failure = NO_API_SERVER
    leader = Leader(world)
    for _ in range(40):
        asyncio.run(leader.watch.once())
        world.clock.advance(15)
    assert seen() == 0
    assert world.run_of().waves[0].phase == "Launching"


def test_in_an_unknown_ledger_nobody_looks(world: World) -> None:
    running(world)
    lose(world)
    leader = Leader(world)
    leader.problem = Failure("LEDGER_REPLACED", "another ledger")
    leader.work(3600)
    assert world.run_of().waves[0].phase == "Launching"


def test_a_ledger_that_does_not_answer_is_waited_for(world: World) -> None:
    running(world)
    lose(world)
    leader = Leader(world)
    world.tables.failure = ReadFailed("LEDGER_UNREACHABLE", "the ledger does not answer")
    leader.work(MINUTE)
    world.tables.failure = None
    leader.work(3600)
    assert world.run_of().waves[0].phase == "Completed"


def test_runs_of_another_installation_are_none_of_ours(world: World) -> None:
    running(world)
    lose(world)
    west = Leader(World("west", beside=world))
    west.work(3600)
    assert seen() == 0
    assert world.run_of().waves[0].phase == "Launching"


# --- the way on -------------------------------------------------------------------------------------------------------


def test_an_object_that_is_created_again_adopts_it_and_it_goes_on(world: World) -> None:
    running(world)
    lose(world)
    leader = Leader(world)
    leader.work(50 * MINUTE)
    assert seen() == 1
    uid = world.execute()
    leader.work(MINUTE)
    assert seen() == 0
    world.until(world.finished)
    assert world.run_of().uid == uid
    assert world.phase() == "Completed"
    assert [servers for _, servers in world.cloud.launches()] == [server_ids(tier) for tier in ("db", "app", "web")]


def test_an_object_that_asks_for_something_else_does_not_adopt_it(world: World) -> None:
    running(world)
    lose(world)
    leader = Leader(world)
    leader.work(10 * MINUTE)
    world.execute(pausePolicy="Skip")
    world.until(world.finished)
    assert world.phase() == "Failed"
    leader.work(3600)
    assert len(world.cloud.launches()) == 1
    assert seen() == 1, "it is as alone as before"


def test_an_abandoned_run_drains_and_frees_everything(world: World) -> None:
    world.cloud.launch_takes = timedelta(minutes=30)
    running(world)
    lose(world)
    leader = Leader(world)
    leader.work(MINUTE)
    abandon(world)
    leader.work(MINUTE)
    assert world.run_of().state == "Running", "its job still runs"
    assert world.tables.holds, "and its servers are held until it ends"
    leader.work(3600)
    run = world.run_of()
    assert (run.state, run.verdict) == ("Ended", "Cancelled")
    assert [wave.phase for wave in run.waves] == ["Completed", "Cancelled", "Cancelled"]
    assert run.cancel is not None
    assert run.cancel.requested_by == "abandon-run by jane@laptop"
    assert len(world.cloud.launches()) == 1
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    world.execute("next", pausePolicy="Skip")
    world.until(lambda: len(world.cloud.launches()) == 2)


def test_a_run_that_is_cancelled_already_is_not_waited_for(world: World) -> None:
    """A recovery may be waiting for what a drill without an object holds."""
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 3)
    lose(world)
    abandon(world)
    world.clock.advance(3600)
    Leader(world).work(1)
    assert world.run_of().state == "Ended"
