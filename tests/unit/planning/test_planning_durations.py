"""Where the time of a run went, what it achieved, and whether its objectives were met."""

from datetime import datetime
from typing import Any

import pytest

from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.planning.projection import achieved_rpo, project
from drs_operator.planning.run import Hold, Run, RunWave
from tests import builders as b
from tests.unit.planning.tables import table


def _ended(*waves: RunWave, finish: float = 1000, verdict: str = "Completed", **changes: Any) -> Run:
    return b.run(*waves, state="Ended", verdict=verdict, verdict_time=b.at(finish), finish_time=b.at(finish), **changes)


def _project(run: Run) -> DRExecutionStatus:
    return project(run, b.execution(), b.at(hours=9))


def _wave(number: int, begin: float, end: float, queued: float | None = None) -> RunWave:
    return b.run_wave(
        number,
        [b.run_server(number, "Ready")],
        phase="Completed",
        start_time=b.at(begin),
        end_time=b.at(end),
        queued_from=None if queued is None else b.at(queued),
    )


def _hold(begin: float, end: float | None) -> Hold:
    return b.hold("2.1", since=b.at(begin), closed_at=None if end is None else b.at(end))


@pytest.mark.parametrize(
    ("waves", "holds", "want", "because"),
    table(
        ("busy", [_wave(1, 0, 1000)], [], (1000, 0, 0), "it launched all the time"),
        ("held", [_wave(1, 0, 400), _wave(2, 700, 1000)], [_hold(400, 700)], (700, 300, 0), "a person took 300 s"),
        ("held while busy", [_wave(1, 0, 900)], [_hold(100, 600)], (1000, 0, 0), "another wave went on meanwhile"),
        ("held, partly busy", [_wave(1, 0, 400)], [_hold(100, 1000)], (400, 600, 0), "only while nothing went on"),
        ("held to the end", [_wave(1, 0, 400)], [_hold(400, None)], (400, 600, 0), "until the run ended"),
        ("queued", [_wave(1, 300, 1000, queued=100)], [], (800, 0, 200), "it waited for quota"),
        ("queued while busy", [_wave(1, 0, 500), _wave(2, 400, 1000, queued=100)], [], (1000, 0, 0), "no loss"),
        ("queued and held", [_wave(1, 0, 100), _wave(2, 600, 1000, queued=100)], [_hold(100, 400)], (500, 0, 500),
         "the queue comes before the hold"),
        ("two at once", [_wave(1, 0, 600), _wave(2, 400, 1000)], [], (1000, 0, 0), "counted once"),
        ("gaps", [_wave(1, 5, 500), _wave(2, 510, 1000)], [], (1000, 0, 0), "between waves nobody waits for anybody"),
    ),
)  # fmt: skip
def test_durations(waves: list[RunWave], holds: list[Hold], want: tuple[int, int, int], because: str) -> None:
    durations = _project(_ended(*waves, holds=tuple(holds))).durations

    assert durations is not None
    assert (durations.active_seconds, durations.paused_seconds, durations.queued_seconds) == want, because
    assert durations.total_seconds == sum(want) == 1000


def test_a_wave_that_never_started_waited_until_it_was_over() -> None:
    never = b.run_wave(1, phase="Cancelled", queued_from=b.at(100), end_time=b.at(900))

    durations = _project(_ended(never, verdict="Cancelled")).durations

    assert durations is not None
    assert (durations.queued_seconds, durations.active_seconds) == (800, 200)


def test_since_the_incident() -> None:
    declared = _project(_ended(_wave(1, 0, 1000), incident_time=b.at(-600))).durations
    undeclared = _project(_ended(_wave(1, 0, 1000))).durations

    assert declared is not None
    assert undeclared is not None
    assert (declared.since_incident_seconds, undeclared.since_incident_seconds) == (1600, None)


def test_a_run_that_goes_on_has_no_durations_yet() -> None:
    status = _project(b.run(_wave(1, 0, 10)))

    assert (status.durations, status.achieved_rpo_seconds, status.objectives) == (None, None, None)


def _points(*times: float | None, incident: datetime | None = None, **changes: Any) -> Run:
    servers = [
        b.run_server(n, "Ready", recovery_point_time=None if time is None else b.at(time))
        for n, time in enumerate(times, start=1)
    ]
    return _ended(b.run_wave(1, servers, phase="Completed"), incident_time=incident, **changes)


@pytest.mark.parametrize(
    ("run", "want", "because"),
    table(
        ("from the start", _points(-42), 42, "the run's start is the reference"),
        ("the oldest", _points(-42, -300, -1), 300, "the worst server counts"),
        ("from the incident", _points(-300, incident=b.at(-200)), 100, "from when it happened"),
        ("younger", _points(30), 0, "never below 0"),
        ("none known", _points(None), None, "not known is not 0"),
        ("some known", _points(None, -42), 42, "as far as it is known"),
        (
            "not launched",
            _ended(b.run_wave(1, [b.run_server(1, "Failed", recovery_point_time=b.at(-900))])),
            None,
            "what did not come up achieved nothing",
        ),
    ),
)
def test_achieved_rpo(run: Run, want: int | None, because: str) -> None:
    assert achieved_rpo(run) == want, because
    assert _project(run).achieved_rpo_seconds == want


TARGETS: dict[str, Any] = {"rto_seconds": 1000, "rpo_seconds": 60}


@pytest.mark.parametrize(
    ("run", "want", "because"),
    table(
        ("met", _points(-60, **TARGETS), ("Met", "Met"), "exactly in time is in time"),
        ("slow", _points(-60, finish=1001, **TARGETS), ("Missed", "Met"), "too long"),
        ("old", _points(-61, **TARGETS), ("Met", "Missed"), "too old"),
        ("from the incident", _points(-60, incident=b.at(-1), **TARGETS), ("Missed", "Met"), "a second earlier"),
        ("not known", _points(-1, None, **TARGETS), ("Met", "Unknown"), "the one that is not known may be the oldest"),
        ("surely missed", _points(-61, None, **TARGETS), ("Met", "Missed"), "one is too old already"),
        ("failed", _points(-1, verdict="Failed", **TARGETS), ("Unknown", "Unknown"), "a failed run achieved nothing"),
        ("exceptions", _points(-1, verdict="CompletedWithExceptions", **TARGETS), ("Met", "Met"), "it completed"),
        ("only rto", _points(-1, rto_seconds=5), ("Missed", None), "absent without a target"),
    ),
)  # fmt: skip
def test_objectives(run: Run, want: tuple[str | None, str | None], because: str) -> None:
    objectives = _project(run).objectives

    assert objectives is not None
    assert (objectives.rto, objectives.rpo) == want, because


def test_without_a_target_there_is_no_result() -> None:
    assert _project(_points(-1)).objectives is None
