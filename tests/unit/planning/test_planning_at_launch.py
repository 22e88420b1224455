"""What a run notes of its servers at the call: recovery points, launch settings, and what is told of both."""

from datetime import datetime
from typing import Any

import pytest

from drs_operator.planning import at_launch
from drs_operator.planning.facts import Failure
from drs_operator.planning.run import Run
from tests import builders as b
from tests.unit.planning.tables import table

ONE, TWO = b.server_id(1), b.server_id(2)
WRONG = Failure("INSTANCE_TYPE_UNAVAILABLE", "instanceType x9.huge is not offered; choose another")


def _run(**changes: Any) -> Run:
    return b.run(b.run_wave(1, [b.run_server(1), b.run_server(2)]), **changes)


def test_points_and_settings_are_noted_for_the_servers_of_the_call() -> None:
    run = at_launch.noted(_run(), 1, {ONE}, {ONE: b.at(-300)}, {ONE: 4})
    first, second = run.wave(1).servers
    assert (first.recovery_point_time, first.launch_settings_version) == (b.at(-300), 4)
    assert (second.recovery_point_time, second.launch_settings_version) == (None, None)
    again = at_launch.noted(run, 1, {ONE}, {}, {})
    assert again.wave(1).servers[0].recovery_point_time is None, "the call takes a new snapshot now"


def test_what_is_known_of_a_launched_server_stays() -> None:
    up = b.run_server(1, "Ready", recovery_point_time=b.at(-60), launch_settings_version=2)
    run = b.run(b.run_wave(1, [up]))
    assert at_launch.noted(run, 1, {ONE}, {ONE: b.at(-300)}, {ONE: 4}) == run


def test_settings_that_cannot_be_written_stop_a_server_of_a_drill_only() -> None:
    drill, recovery = _run(), _run(execution_type="RECOVERY")
    stopped = at_launch.stopped(drill, {ONE: WRONG})
    assert {i: (error.code, error.message) for i, error in stopped.items()} == {ONE: (WRONG.code, WRONG.message)}
    assert at_launch.warned(drill, 1, {ONE: WRONG}) == drill
    assert at_launch.stopped(recovery, {ONE: WRONG}) == {}
    (finding,) = at_launch.warned(recovery, 1, {ONE: WRONG, TWO: WRONG}).findings
    assert (finding.severity, finding.code, finding.wave_number) == ("Warning", WRONG.code, 1)
    assert (finding.server_ids, finding.count) == ((ONE, TWO), 2)
    assert "host-1, host-2" in finding.message
    assert WRONG.message in finding.message


def test_a_warning_of_an_earlier_call_is_not_repeated() -> None:
    once = at_launch.warned(_run(execution_type="RECOVERY"), 1, {ONE: WRONG})
    assert at_launch.warned(once, 1, {ONE: WRONG}) == once
    assert at_launch.warned(once, 1, {}) == once, "another call of the wave says nothing of this one"


@pytest.mark.parametrize(
    ("policy", "time", "points", "want", "because"),
    table(
        ("latest", "Latest", None, (None, None), "", "new snapshots: nothing to tell"),
        (
            "silent",
            "Latest",
            None,
            (b.at(-600), None),
            f"from the newest point, since the source is silent: host-1 of {b.at(-600):%Y-%m-%dT%H:%M:%SZ}",
            "it is older than anybody would expect",
        ),
        (
            "at",
            "At",
            b.at(-500),
            (b.at(-507), b.at(-4900)),
            f"recovery points 7 s to 1 h 13 min before {b.at(-500):%Y-%m-%dT%H:%M:%SZ}, the farthest of host-2",
            "the skew between the servers of a wave",
        ),
        ("exactly", "At", b.at(-500), (b.at(-500), b.at(-565)), "recovery points 0 s to 1 min 5 s before", "inclusive"),
        (
            "existing",
            "ExistingLatest",
            None,
            (b.at(-600), b.at(-900)),
            f"recovery points of {b.at(-900):%Y-%m-%dT%H:%M:%SZ} and later",
            "the oldest says how much is lost",
        ),
    ),
)
def test_what_is_told_of_recovery_points(
    policy: str, time: datetime | None, points: tuple[datetime | None, datetime | None], want: str, because: str
) -> None:
    servers = [b.run_server(n, "Queued", attempt=1, recovery_point_time=at) for n, at in enumerate(points, start=1)]
    run = b.run(b.run_wave(1, servers), recovery_point_policy=policy, recovery_point_time=time)
    told = at_launch.points_told(run, run.wave(1))
    assert told.startswith(want), because
    assert bool(told) is bool(want), because


def test_only_the_servers_of_the_attempt_are_told_of() -> None:
    servers = [b.run_server(1, "Ready", attempt=1, recovery_point_time=b.at(-9)), b.run_server(2, "Queued", attempt=2)]
    run = b.run(b.run_wave(1, servers, attempt=2), recovery_point_policy="ExistingLatest")
    assert at_launch.points_told(run, run.wave(1)) == ""
