"""A ledger that does not answer: runs are held in their status alone, keep what was known, and go on by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.world import World

NO_LEDGER = ReadFailed("LEDGER_UNREACHABLE", "the ledger in us-west-2 does not answer; the operator keeps trying")
KEPT = ("phase", "execution_id", "plan_version", "waves", "start_time", "requests", "wave_progress", "server_progress")


@pytest.fixture
def world() -> World:
    world = World()
    world.quickstart((3,))
    world.wait(1)
    world.cloud.launch_takes = timedelta(minutes=30)
    world.execute()
    world.until(lambda: world.phase() == "Running")
    world.wait(60)
    return world


def kept(status: DRExecutionStatus) -> dict[str, object]:
    """What an outage must not touch."""
    return {name: getattr(status, name) for name in KEPT}


def test_the_hold_is_shown_and_goes_by_itself(world: World) -> None:
    before = world.seen().status
    world.tables.failure = NO_LEDGER
    began = world.clock.now()
    world.wait(600)
    status = world.seen().status
    assert kept(status) == kept(before), "what was known stays"
    (hold,) = status.holds
    assert (hold.id, hold.reason, hold.wave_number) == ("ledger", "LedgerUnreachable", None)
    assert hold.message == f"{NO_LEDGER.message}; it goes on by itself when the ledger answers"
    assert hold.since is not None
    assert hold.since - began < timedelta(minutes=1), "since it began, not since the last look"
    assert status.waiting_for == "the ledger to answer"
    paused = world.condition(DRExecution, "drill", "Paused")
    assert (paused.status, paused.reason, paused.message) == ("True", "LedgerUnreachable", "ledger (LedgerUnreachable)")
    world.tables.failure = None
    world.until(lambda: not world.holds(), hours=0.1)
    status = world.seen().status
    assert status.waiting_for is not None
    assert status.waiting_for.startswith("AWS: ")
    assert find_condition(status.conditions, "Paused") is None
    assert world.condition(DRExecution, "drill", "Ready").reason == "Running"


def test_a_hold_of_the_run_stays_beside_it(world: World) -> None:
    world.until(lambda: world.phase() == "Paused")
    world.tables.failure = NO_LEDGER
    world.wait(600)
    assert world.holds() == [("ledger", "LedgerUnreachable"), ("3.1", "PauseBeforeWave")]
    world.tables.failure = None
    world.wait(120)
    assert world.holds() == [("3.1", "PauseBeforeWave")]
    assert world.condition(DRExecution, "drill", "Paused").reason == "PauseBeforeWave"
    assert world.seen().status.waiting_for == "you: resume 3.1"


def test_a_long_outage_is_survived_without_a_person(world: World) -> None:
    world.until(lambda: len(world.cloud.launches()) == 1)
    world.tables.failure = NO_LEDGER
    world.wait(5 * 3600)
    assert len(world.cloud.launches()) == 1
    world.tables.failure = None
    world.until(lambda: len(world.cloud.launches()) == 2, hours=1)
    world.until(lambda: world.phase() == "Paused")
    assert world.holds() == [("3.1", "PauseBeforeWave")]


def test_a_command_is_kept_until_the_ledger_answers(world: World) -> None:
    world.tables.failure = NO_LEDGER
    world.command("cancel", "now")
    world.wait(600)
    assert world.phase() == "Running"
    assert "drs-operator.io/cancel" in world.seen().metadata.annotations
    world.tables.failure = None
    world.until(world.finished)
    assert world.phase() == "Cancelled"


def test_a_status_is_written_once_a_minute_at_most(world: World) -> None:
    world.tables.failure = NO_LEDGER
    world.wait(300)
    done = len(world.effects.done)
    world.wait(3600)
    written = world.effects.done[done:]
    assert set(written) == {"write status"}
    assert len(written) <= 60


def test_what_was_never_claimed_only_waits() -> None:
    world = World()
    world.quickstart(())
    world.wait(1)
    world.tables.failure = NO_LEDGER
    world.execute()
    world.wait(300)
    status = world.seen().status
    assert (status.phase, status.holds, status.waiting_for) == (None, [], "the ledger to answer")
    world.wait(7200)
    world.tables.failure = None
    world.until(world.finished)
    status = world.seen().status
    assert status.error is not None
    assert (status.error.code, status.waiting_for) == ("REQUEST_EXPIRED", None)


def test_an_outage_in_the_middle_of_a_look_is_shown_the_same_way(world: World) -> None:
    def ledger_goes() -> None:
        world.tables.failure = NO_LEDGER

    world.until(lambda: len(world.cloud.launches()) == 1)
    world.effects.meanwhile["start recovery"] = ledger_goes
    world.until(lambda: len(world.cloud.launches()) == 2)
    world.wait(120)
    assert world.holds() == [("ledger", "LedgerUnreachable")]
    (first,) = world.seen().status.holds
    world.wait(600)
    assert world.seen().status.holds == [first]
    world.tables.failure = None
    world.until(lambda: world.phase() == "Paused")
    assert len(world.cloud.launches()) == 2
