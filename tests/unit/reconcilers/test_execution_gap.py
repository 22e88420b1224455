"""A run that nobody has observed for long holds its next wave."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.world import NAMESPACE, World

HOUR = 3600.0


def started(pause_before: tuple[int, ...] = ()) -> World:
    """The first wave has its job."""
    world = World()
    world.quickstart(pause_before)
    world.wait(1)
    world.execute()
    world.until(lambda: len(world.cloud.launches()) == 1)
    world.wait(30)
    return world


def away(world: World, seconds: float) -> None:
    """No operator works for a while; then a new one does."""
    world.clock.advance(seconds)
    world.start_operator()


@pytest.mark.parametrize(
    ("seconds", "held", "because"),
    [
        (0.9 * HOUR, False, "less than an hour is a restart"),
        (1.1 * HOUR, True, "more than an hour: a person has to look"),
        (48 * HOUR, True, "and however long it was"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_next_wave_waits_for_a_person(seconds: float, held: bool, because: str) -> None:
    world = started()
    away(world, seconds)
    world.until(lambda: bool(world.holds()) or world.finished())
    assert (world.holds() == [("2.1", "ObservationGap")]) is held, because
    if not held:
        assert world.phase() == "Completed"
        return
    assert world.phase() == "Paused"
    assert world.seen().status.waves[0].phase == "Completed", "what was launching goes on"
    assert len(world.cloud.launches()) == 1
    (hold,) = world.seen().status.holds
    assert hold.message is not None
    assert "nobody observed the run since 2026-" in hold.message
    assert hold.message.endswith("kubectl annotate -n dr drx/drill drs-operator.io/resume=2.1")
    assert "ObservationGap" in world.reasons()
    world.command("resume", "2.1")
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert len(world.cloud.launches()) == 3, "one answer is enough for all waves"


def test_a_hold_of_before_is_answered_once_for_both() -> None:
    world = started((2,))
    world.until(lambda: world.phase() == "Paused")
    away(world, 5 * HOUR)
    world.wait(120)
    assert world.holds() == [("2.1", "PauseBeforeWave")]
    world.command("resume", "2.1")
    world.until(world.finished)
    assert len(world.cloud.launches()) == 3


def test_a_resume_given_while_nobody_observed_does_not_start_a_wave_hours_later() -> None:
    world = started((2,))
    world.until(lambda: world.phase() == "Paused")
    world.command("resume", "2.1")
    away(world, 5 * HOUR)
    world.wait(120)
    assert world.holds() == [("2.2", "ObservationGap")]
    assert len(world.cloud.launches()) == 1
    world.command("resume", "2.2")
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_a_wave_that_was_planned_and_not_called_is_held_too() -> None:
    world = World()
    world.quickstart(())
    world.wait(1)
    world.cloud.failing["recovery points"] = ReadFailed("DRS_ERROR", "does not answer")
    world.execute()
    world.until(lambda: bool(world.tables.rows) and world.run_of().state == "Running")
    world.wait(60)
    assert world.run_of().waves[0].phase == "Queued"
    del world.cloud.failing["recovery points"]
    away(world, 2 * HOUR)
    world.wait(120)
    assert world.holds() == [("1.1", "ObservationGap")]
    assert world.cloud.launches() == []
    world.command("resume", "true")
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_a_run_without_a_wave_to_come_is_not_held() -> None:
    world = started()
    world.until(lambda: len(world.cloud.launches()) == 3)
    away(world, 2 * HOUR)
    world.until(world.finished)
    assert world.phase() == "Completed", "no wave was to come"


def test_a_skip_is_an_answer_too() -> None:
    world = started()
    away(world, 2 * HOUR)
    world.until(lambda: bool(world.holds()))
    world.command("skip", "2.1")
    world.until(world.finished)
    assert [wave.phase for wave in world.seen().status.waves] == ["Completed", "Skipped", "Completed"]


def test_a_cancel_ends_it() -> None:
    world = started()
    away(world, 2 * HOUR)
    world.until(lambda: bool(world.holds()))
    world.command("cancel", "now")
    world.until(world.finished)
    assert world.phase() == "Cancelled"
    assert world.holds() == []


@pytest.mark.parametrize("number", range(4))
def test_the_gap_is_known_after_a_crash_at_any_effect(number: int) -> None:
    """The row is written first: a death right after it forgets nothing."""
    world = started((2,))
    world.until(lambda: world.phase() == "Paused")
    world.command("resume", "2.1")
    world.clock.advance(5 * HOUR)
    world.start_operator()
    world.effects.kill_at(len(world.effects.done) + number, applied=True)
    world.wait(300)
    assert world.deaths == 1
    assert world.holds() == [("2.2", "ObservationGap")]
    assert len(world.cloud.launches()) == 1


def test_validation_is_not_concerned() -> None:
    world = World()
    world.quickstart(())
    world.wait(1)
    world.clock.advance(120)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "does not answer")
    world.execute()
    world.until(lambda: world.phase() == "Validating")
    del world.cloud.failing["inventory"]
    away(world, 2 * HOUR)
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_a_status_that_was_lost_is_no_gap() -> None:
    """Restored without a status: the row knows when somebody looked."""
    world = started()
    world.cluster.lose_status(DRExecution, NAMESPACE, "drill")
    world.start_operator()
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_a_long_launch_that_is_watched_is_no_gap() -> None:
    world = World()
    world.quickstart(())
    world.wait(1)
    world.cloud.launch_takes = timedelta(minutes=100)
    world.execute()
    world.until(world.finished, hours=24)
    assert world.phase() == "Completed"
    assert "ObservationGap" not in world.reasons()


def test_the_row_is_not_written_for_the_sake_of_its_time() -> None:
    world = started((2,))
    world.until(lambda: world.phase() == "Paused")
    world.wait(600)
    version = world.run_of().version
    world.wait(3 * HOUR)
    assert world.run_of().version == version
    assert world.holds() == [("2.1", "PauseBeforeWave")]


def test_a_control_plane_that_was_away_for_hours_is_a_gap() -> None:
    """Nobody could see the run, and nobody could say anything to it."""
    world = started()
    world.cluster.failure = ReadFailed("INTERNAL_ERROR", "the API server does not answer")
    world.wait(3 * HOUR)
    world.cluster.failure = None
    world.until(lambda: bool(world.holds()))
    assert world.holds() == [("2.1", "ObservationGap")]
