"""A deletion is never a command: the finalizer holds a run's object to its end, with the operator down too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.context import FINALIZER
from tests.unit.reconcilers.world import NAMESPACE, World, server_ids


def built(pause_before: tuple[int, ...] = ()) -> World:
    """A plan of three waves."""
    world = World()
    world.quickstart(pause_before)
    world.cloud.launch_takes = timedelta(minutes=30)
    world.wait(1)
    return world


def delete_while_nobody_works(world: World, seconds: float = 600) -> None:
    """The operator dies, somebody deletes the object, a new operator comes."""
    world.clock.advance(seconds / 2)
    world.cluster.delete(DRExecution, NAMESPACE, "drill")
    world.clock.advance(seconds / 2)
    world.start_operator()


def launching(world: World) -> bool:
    """The first wave has its job."""
    return len(world.cloud.launches()) == 1


def in_the_last_wave(world: World) -> bool:
    """Every wave has its job."""
    return len(world.cloud.launches()) == 3


def shown(world: World) -> bool:
    """It has its first status."""
    return world.phase() == "Running"


@pytest.mark.parametrize("moment", [shown, launching, in_the_last_wave])
def test_a_run_goes_on_to_its_end_and_then_its_object_goes(moment: Callable[[World], bool]) -> None:
    world = built()
    world.execute()
    world.until(lambda: moment(world))
    delete_while_nobody_works(world)
    world.wait(30)
    assert not world.gone(), "the finalizer holds it"
    world.until(world.gone)
    run = world.run_of()
    assert (run.state, run.verdict, run.cancel) == ("Ended", "Completed", None)
    assert [servers for _, servers in world.cloud.launches()] == [server_ids(tier) for tier in ("db", "app", "web")]
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_a_held_run_stays_held_and_is_resumed() -> None:
    world = built((2,))
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    delete_while_nobody_works(world)
    world.wait(6000)
    assert world.holds() == [("2.1", "PauseBeforeWave")]
    assert world.seen().metadata.finalizers == [FINALIZER]
    world.command("resume", "2.1")
    world.until(world.gone)
    assert world.run_of().verdict == "Completed"
    assert len(world.cloud.launches()) == 3


def test_a_held_run_is_cancelled_by_the_command_and_not_by_the_deletion() -> None:
    world = built((2,))
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    delete_while_nobody_works(world)
    world.wait(600)
    assert world.run_of().cancel is None
    world.command("cancel", "now")
    world.until(world.gone)
    run = world.run_of()
    assert (run.state, run.verdict) == ("Ended", "Cancelled")
    assert run.cancel is not None
    assert run.cancel.requested_by == "jane"
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_a_command_given_before_the_deletion_is_taken_after_it() -> None:
    world = built((2,))
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.command("cancel", "now")
    delete_while_nobody_works(world)
    world.until(world.gone)
    assert world.run_of().verdict == "Cancelled"


def test_plan_and_groups_that_go_with_it_change_nothing() -> None:
    """Somebody deletes everything by force while nobody works."""
    world = built()
    world.execute()
    world.until(lambda: launching(world))
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production", force=True)
    for tier in ("db", "app", "web"):
        world.cluster.delete(ProtectionGroup, NAMESPACE, tier, force=True)
    delete_while_nobody_works(world)
    world.until(world.gone)
    assert world.run_of().verdict == "Completed"
    assert len(world.cloud.launches()) == 3
    assert (world.tables.plans, world.tables.holds) == ({}, {})


def test_an_object_that_is_claimed_and_validating_is_held_too() -> None:
    world = built()
    world.clock.advance(120)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "does not answer")
    world.execute()
    world.until(lambda: world.phase() == "Validating")
    delete_while_nobody_works(world)
    world.wait(300)
    assert world.phase() == "Validating"
    del world.cloud.failing["inventory"]
    world.until(world.gone)
    assert world.run_of().verdict == "Completed"


def test_an_object_is_not_let_go_while_the_ledger_cannot_tell_of_its_run() -> None:
    world = built((2,))
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.tables.failure = ReadFailed("LEDGER_UNREACHABLE", "the ledger does not answer")
    delete_while_nobody_works(world)
    world.wait(600)
    assert not world.gone()
    world.tables.failure = None
    world.command("resume", "true")
    world.until(world.gone)
    assert world.run_of().verdict == "Completed"


def test_what_nobody_has_looked_at_goes_and_is_never_run() -> None:
    world = built()
    world.execute()
    delete_while_nobody_works(world)
    assert world.gone()
    world.wait(600)
    assert (world.tables.rows, world.tables.run_ids, world.cloud.launches()) == ({}, {}, [])


@pytest.mark.parametrize("number", range(24))
def test_a_deletion_at_any_moment_leaves_nothing_behind(number: int) -> None:
    """The operator dies after each effect of the beginning; by the time it is back the object is being deleted."""
    world = built()
    world.execute()
    begun = len(world.effects.done)
    world.effects.kill_at(begun + number, applied=True)
    world.until(lambda: world.deaths == 1)
    claimed = "create run" in world.effects.done[begun:]
    delete_while_nobody_works(world)
    world.until(world.gone)
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    assert [row["state"] for row in world.tables.rows.values()] == ["Ended"] * claimed
    assert len(world.cloud.launches()) == 3 * claimed, "before it is claimed nothing runs, after that all of it does"
