"""AWS's clock: an offset, a speed, and callbacks in their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drs_sandbox.clock import Clock


class Wall:
    """A wall clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def clock(wall: Wall) -> Clock:
    return Clock(wall=wall)


def test_awss_time_is_the_wall_clock_until_it_is_advanced(clock: Clock, wall: Wall) -> None:
    assert clock.now() == datetime.fromtimestamp(1_000_000, UTC)
    clock.advance(60)
    wall.seconds += 5
    assert (clock.timestamp(), clock.offset_seconds) == (1_000_065, 60)


@pytest.mark.parametrize(
    ("speed", "wall_seconds", "advanced", "progress", "because"),
    [
        (1, 10, 0, 10, "at speed 1 progress is time"),
        (60, 10, 0, 600, "speed multiplies what passes by itself"),
        (60, 0, 10, 600, "and what is advanced"),
        (0.5, 10, 10, 10, "slower than life"),
        (0, 10, 10, 0, "speed 0 stops it"),
    ],
)
def test_progress(
    wall: Wall, speed: float, wall_seconds: float, advanced: float, progress: float, because: str
) -> None:
    clock = Clock(speed, wall)
    wall.seconds += wall_seconds
    clock.advance(advanced)
    assert clock.progress() == progress, because


def test_a_change_of_speed_keeps_the_progress_that_was_made(clock: Clock, wall: Wall) -> None:
    clock.set_speed(60)
    wall.seconds += 10
    clock.set_speed(2)
    wall.seconds += 10
    assert clock.progress() == 620
    assert clock.age(600) == 20


def test_callbacks_run_in_the_order_in_which_they_become_due_each_at_its_own_moment(clock: Clock) -> None:
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, clock.timestamp() - 1_000_000))

    clock.call_later(30, lambda: note("late"))
    clock.call_later(10, lambda: note("early"))
    clock.call_later(10, lambda: note("early too"))
    clock.call_later(10, lambda: clock.call_later(5, lambda: note("between")))
    clock.advance(29)
    assert seen == [("early", 10), ("early too", 10), ("between", 15)]
    clock.advance(1)
    assert seen[-1] == ("late", 30)
    assert clock.timestamp() == 1_000_030


def test_speed_shortens_what_takes_time_and_leaves_timestamps_true(wall: Wall) -> None:
    clock = Clock(60, wall)
    seen: list[datetime] = []
    clock.call_later(540, lambda: seen.append(clock.now()))
    wall.seconds += 8.9
    clock.run_due()
    assert seen == []
    wall.seconds += 0.2
    clock.run_due()
    assert seen == [datetime.fromtimestamp(1_000_009, UTC)]


def test_at_speed_0_only_what_is_due_already_runs(wall: Wall) -> None:
    clock = Clock(0, wall)
    seen: list[str] = []
    clock.call_later(0, lambda: seen.append("now"))
    clock.call_later(1, lambda: seen.append("never"))
    clock.advance(1e6)
    assert seen == ["now"]
    clock.set_speed(1)
    clock.advance(1)
    assert seen == ["now", "never"]


def test_a_callback_may_change_the_speed_for_what_follows(clock: Clock) -> None:
    seen: list[float] = []
    clock.call_later(10, lambda: clock.set_speed(10))
    clock.call_later(110, lambda: seen.append(clock.timestamp() - 1_000_000))
    clock.advance(20)
    assert seen == [20]


def test_a_callback_that_fails_leaves_the_clock_going(clock: Clock) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("on purpose")

    clock.call_later(1, fail)
    clock.call_later(2, lambda: seen.append("next"))
    with pytest.raises(RuntimeError):
        clock.advance(5)
    assert clock.timestamp() == 1_000_000, "time is not frozen at the failure"
    clock.advance(5)
    assert seen == ["next"]


@pytest.mark.parametrize(
    ("speed", "delta"), [(1, timedelta(hours=1)), (60, timedelta(minutes=1)), (0, timedelta(days=36500))]
)
def test_delta_is_how_much_of_awss_time_progress_takes(wall: Wall, speed: float, delta: timedelta) -> None:
    assert Clock(speed, wall).delta(3600) == delta


def test_time_only_moves_forward(clock: Clock) -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="must not be negative"):
        clock.set_speed(-1)
    with pytest.raises(ValueError, match="must not be negative"):
        Clock(-1)
