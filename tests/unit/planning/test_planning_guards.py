"""What is checked of each server right before its launch: a real recovery is never launched over."""

from datetime import datetime
from typing import Any

import pytest

from drs_operator.planning import guards
from drs_operator.planning.facts import Job, RecoveryInstance, RecoveryPoint
from drs_operator.planning.run import Run
from tests import builders as b
from tests.unit.planning.tables import table

ONE, TWO = b.server_id(1), b.server_id(2)
OLD, MIDDLE, NEW = b.point(1, b.at(-900)), b.point(2, b.at(-600)), b.point(3, b.at(-300))
POINTS = {ONE: (NEW, MIDDLE, OLD), TWO: (OLD,)}


@pytest.mark.parametrize(
    ("instances", "points", "want", "because"),
    table(
        ("nothing", [], POINTS, {}, "both can be launched"),
        ("drill", [b.instance(1)], POINTS, {}, "a drill's instance may be replaced"),
        ("recovery", [b.instance(1, is_drill=False)], POINTS, {ONE: "LIVE_RECOVERY_INSTANCE"}, "it carries production"),
        (
            "stopped recovery",
            [b.instance(1, is_drill=False, state="STOPPED")],
            POINTS,
            {ONE: "LIVE_RECOVERY_INSTANCE"},
            "stopped is not gone",
        ),
        (
            "unknown state",
            [b.instance(1, is_drill=False, state="MIGRATING")],
            POINTS,
            {ONE: "LIVE_RECOVERY_INSTANCE"},
            "what is not surely gone is alive",
        ),
        ("terminated", [b.instance(1, is_drill=False, state="TERMINATED")], POINTS, {}, "it is gone"),
        ("not found", [b.instance(1, is_drill=False, state="NOT_FOUND")], POINTS, {}, "it is gone"),
        (
            "both kinds",
            [b.instance(1, is_drill=False), b.instance(1)],
            POINTS,
            {ONE: "LIVE_RECOVERY_INSTANCE"},
            "one is",
        ),
        ("no point", [], {ONE: (NEW,), TWO: ()}, {TWO: "NO_RECOVERY_POINT"}, "nothing to launch from"),
        ("not probed", [], {ONE: (NEW,)}, {TWO: "NO_RECOVERY_POINT"}, "no evidence of a point"),
        (
            "both reasons",
            [b.instance(1, is_drill=False)],
            {TWO: (OLD,)},
            {ONE: "LIVE_RECOVERY_INSTANCE"},
            "the graver one is said",
        ),
        ("another server's", [b.instance(3, is_drill=False)], POINTS, {}, "not of this call"),
    ),
)
def test_excluded(instances: list[RecoveryInstance], points: Any, want: dict[str, str], because: str) -> None:
    found = guards.guarded(b.run(b.run_wave(1, [1, 2])), 1, (ONE, TWO), instances, points).excluded

    assert {server: error.code for server, error in found.items()} == want, because


@pytest.mark.parametrize(
    ("policy", "time", "want", "because"),
    table(
        ("latest", "Latest", None, {}, "AWS takes a snapshot now"),
        ("existing", "ExistingLatest", None, {ONE: NEW.snapshot_id, TWO: OLD.snapshot_id}, "each the newest it has"),
        ("at", "At", b.at(-500), {ONE: MIDDLE.snapshot_id, TWO: OLD.snapshot_id}, "each the newest at or before"),
        ("exactly at", "At", b.at(-600), {ONE: MIDDLE.snapshot_id, TWO: OLD.snapshot_id}, "at or before"),
        ("too early", "At", b.at(-2000), {}, "no point is that old"),
    ),
)
def test_chosen_points(policy: str, time: datetime | None, want: dict[str, str], because: str) -> None:
    run = b.run(recovery_point_policy=policy, recovery_point_time=time)

    usable = guards.usable_points(run, POINTS)

    assert snapshots(run, usable) == want, because
    assert snapshots(run, POINTS) == want, "also without the points being narrowed first"


def snapshots(run: Run, points: dict[str, tuple[RecoveryPoint, ...]], silent: Any = ()) -> dict[str, str]:
    chosen = guards.points_to_launch(run, points, silent)
    return {server_id: point.snapshot_id for server_id, point in chosen.items()}


def test_a_silent_source_is_launched_from_its_newest_point_at_once() -> None:
    run = b.run(recovery_point_policy="Latest")
    assert snapshots(run, POINTS, {ONE}) == {ONE: NEW.snapshot_id}, "the other takes a new snapshot"
    run = b.run(recovery_point_policy="At", recovery_point_time=b.at(-500))
    assert snapshots(run, POINTS, {ONE})[ONE] == MIDDLE.snapshot_id, "a time that was asked for stays"


@pytest.mark.parametrize(
    ("state", "silent"),
    [("STALLED", True), ("DISCONNECTED", True), ("STOPPED", True), ("CONTINUOUS", False), ("BRAND_NEW", False)],
)
def test_which_sources_are_silent(state: str, silent: bool) -> None:
    assert bool(guards.silent([b.source_server(1, replication_state=state)])) is silent


def test_a_server_that_drs_does_not_know_says_so() -> None:
    without = guards.guarded(b.run(b.run_wave(1, [1, 2])), 1, (ONE, TWO), [], {ONE: (NEW,)}).excluded
    assert {i: error.code for i, error in guards.with_gone(without, {ONE}).items()} == {TWO: "INVALID_SERVERS"}
    assert {i: error.code for i, error in guards.with_gone(without, {ONE, TWO}).items()} == {TWO: "NO_RECOVERY_POINT"}


def test_a_point_that_is_too_young_is_none() -> None:
    """Launching from it would recover what the person wanted to go back behind."""
    run = b.run(b.run_wave(1, [1, 2]), recovery_point_policy="At", recovery_point_time=b.at(-700))

    usable = guards.usable_points(run, {ONE: (NEW, MIDDLE), TWO: (OLD,)})

    assert guards.guarded(run, 1, (ONE, TWO), (), usable).excluded.keys() == {ONE}


@pytest.mark.parametrize("policy", ["Latest", "ExistingLatest"])
def test_other_policies_may_use_every_point(policy: str) -> None:
    assert guards.usable_points(b.run(recovery_point_policy=policy), POINTS) == POINTS


@pytest.mark.parametrize(
    ("jobs", "want", "because"),
    table(
        ("none", [], None, "nobody is at work"),
        ("over", [b.ended_job(1, {ONE: "LAUNCHED"})], None, "it is over"),
        ("running", [b.job(1, [ONE])], b.job_id(1), "AWS takes one job for a server at a time"),
        ("pending", [b.job(1, [ONE], status="PENDING")], b.job_id(1), "not over"),
        ("unknown status", [b.job(1, [ONE], status="PAUSED")], b.job_id(1), "not known to be over"),
        ("terminating", [b.job(1, [TWO], type="TERMINATE")], b.job_id(1), "of any type"),
        ("another server", [b.job(1, [b.server_id(3)])], None, "not in the way"),
        ("second", [b.ended_job(1, {ONE: "LAUNCHED"}), b.job(2, [TWO])], b.job_id(2), "one is enough"),
    ),
)
def test_foreign_job(jobs: list[Job], want: str | None, because: str) -> None:
    found = guards.foreign_job((ONE, TWO), b.jobs(*jobs))

    assert (found.job_id if found else None) == want, because
