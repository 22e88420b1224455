"""When a run is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from drs_operator.planning import polling
from drs_operator.planning.run import Run, RunWave
from tests.builders import NOW, at, run, run_server, run_wave


def wave(*phases: str, number: int = 2, **changes: Any) -> RunWave:
    """A wave that has been launching for ten minutes, with a server in each phase."""
    servers = [run_server(10 * number + n, phase) for n, phase in enumerate(phases)]
    return run_wave(number, servers, **{"phase": "Launching", "start_time": at(minutes=-10), **changes})


def earlier(minutes: float) -> RunWave:
    """A wave that took so long."""
    return run_wave(1, phase="Completed", start_time=at(hours=-2), ready_time=at(hours=-2, minutes=minutes))


@pytest.mark.parametrize(
    ("looked_at", "seconds", "because"),
    [
        (run(wave("Snapshot")), 15, "conversion and launch are still to come"),
        (run(wave("Conversion")), 15, "the launch is still to come"),
        (run(wave("Launching")), 5, "it may be up at any moment"),
        (run(wave("Launched")), 5, "its checks may be passed at any moment"),
        (run(wave("Launching", "Conversion")), 15, "the wave waits for its slowest server"),
        (run(wave("Ready", "Launching")), 5, "the last one may be up at any moment"),
        (run(wave("Failed", "Conversion")), 15, "a failed server is not waited for"),
        (run(wave("Ready", ready_time=NOW)), 15, "only waitAfterSeconds is left, whose end is known"),
        (run(earlier(30), wave("Conversion")), 15, "a third of what the earlier wave took"),
        (run(earlier(15), wave("Conversion")), 5, "two thirds of what the earlier wave took"),
        (run(wave("Launching", phase="Queued")), 15, "nothing of it was called"),
        (run(wave("Ready", phase="Completed")), 15, "it is over"),
        (run(wave("Conversion"), wave("Launching", number=3)), 5, "one of two waves may end"),
    ],
)
def test_the_interval(looked_at: Run, seconds: float, because: str) -> None:
    assert polling.interval(looked_at, NOW, 15) == seconds, because


def test_an_optional_server_is_not_waited_for() -> None:
    servers = [run_server(1, "Launching"), run_server(2, "Conversion", optional=True)]
    assert polling.interval(run(run_wave(1, servers, phase="Launching")), NOW, 15) == 5
    alone = [run_server(2, "Conversion", optional=True)]
    assert polling.interval(run(run_wave(1, alone, phase="Launching")), NOW, 15) == 15, "unless there are no others"


@pytest.mark.parametrize("poll", [0.2, 1, 5, 6, 7.5, 10, 12, 15])
def test_the_short_interval_divides_the_long_one(poll: float) -> None:
    near = polling.near_seconds(poll)
    assert 0 < near <= polling.NEAR_SECONDS
    assert poll / near == pytest.approx(round(poll / near))
    assert polling.board_seconds(poll) < near, "two looks never share a board"


@pytest.mark.parametrize("interval", [5.0, 15.0])
def test_all_looks_fall_on_one_grid(interval: float) -> None:
    grid = {(at(second) + timedelta(seconds=polling.again_in(at(second), interval, None))) for second in range(60)}
    assert {moment.timestamp() % interval for moment in grid} == {0.0}
    assert len(grid) == 60 / interval
    assert polling.again_in(NOW, interval, None) == interval, "never the present moment again"


@pytest.mark.parametrize(
    ("wake_at", "seconds"), [(None, 15.0), (at(3), 3.0), (at(40), 15.0), (at(0), 0.0), (at(-1), 0.0)]
)
def test_no_look_comes_after_its_time(wake_at: datetime | None, seconds: float) -> None:
    assert polling.again_in(NOW, 15, wake_at) == seconds
