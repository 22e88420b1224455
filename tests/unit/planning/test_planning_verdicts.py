"""What a job says of each of its servers: a verdict per server, evidence, grace, and nothing from what is unknown."""

from typing import Any

import pytest

from drs_operator.planning.facts import Job, Observed, RecoveryInstance
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.run import Run, RunServer
from drs_operator.planning.verdicts import STATUS_GRACE, absorb, names
from tests import builders as b
from tests.unit.planning.tables import table

ONE = b.server_id(1)
GRACE = STATUS_GRACE.total_seconds()


def _run(server: RunServer | None = None, intent: LaunchIntent | None = None, **wave: Any) -> Run:
    only = server or b.run_server(1, "Launching")
    return b.run(b.run_wave(1, [only], phase="Launching", **wave), intents=(intent or b.intent(1, [1], "Started"),))


def _see(run: Run, *seen: Job, seconds: float = 0, instances: tuple[RecoveryInstance, ...] = (), **more: Any) -> Run:
    return absorb(run, 1, b.observed(*seen, instances=instances, aws_time=b.at(seconds), **more))


def _server(run: Run) -> RunServer:
    return run.wave(1).servers[0]


def _ended(launch_status: str, seconds: float = 0) -> Job:
    return b.ended_job(1, {ONE: launch_status}, b.at(seconds))


NOBODY = b.ended_job(1, {})
ALIVE = (b.instance(1),)
GONE = (b.instance(1, state="TERMINATED"),)
FOREIGN = (b.instance(1, of_job=b.job_id(7)),)


@pytest.mark.parametrize(
    ("job", "instances", "seconds", "want", "because"),
    table(
        ("pending", b.job(1, {ONE: "PENDING"}), (), 0, "Launching", "still to come"),
        ("in progress", b.job(1, {ONE: "IN_PROGRESS"}), (), 99999, "Launching", "as long as the job runs"),
        ("launched, job running", b.job(1, {ONE: "LAUNCHED"}), (), 0, "Ready", "the verdict is per server"),
        ("launched, job over", _ended("LAUNCHED"), (), 0, "Ready", "the verdict is per server"),
        ("failed, job running", b.job(1, {ONE: "FAILED"}), (), 0, "Failed", "the verdict is per server"),
        ("failed, job over", _ended("FAILED"), (), 0, "Failed", "COMPLETED says nothing"),
        ("terminated", _ended("TERMINATED"), (), 0, "Failed", "it is not there any more"),
        ("failed with an instance", _ended("FAILED"), ALIVE, 0, "Failed", "AWS's verdict is not overruled"),
        ("over and pending", _ended("PENDING"), (), GRACE, "Launching", "the status may trail its job"),
        ("over, pending, late", _ended("PENDING"), (), GRACE + 1, "Failed", "after the grace it counts as failed"),
        ("over, pending, instance", _ended("PENDING"), ALIVE, 0, "Ready", "the instance is the evidence"),
        ("late, but instance", _ended("PENDING"), ALIVE, GRACE + 1, "Ready", "evidence comes before the clock"),
        ("dead instance", _ended("PENDING"), GONE, GRACE + 1, "Failed", "a terminated instance is no evidence"),
        ("another job's instance", _ended("PENDING"), FOREIGN, GRACE + 1, "Failed", "not launched by this job"),
        ("instance, job running", b.job(1, {ONE: "PENDING"}), ALIVE, 0, "Launching", "the job is not through with it"),
        ("vanished participant", NOBODY, ALIVE, 0, "Ready", "participants of old jobs vanish"),
        ("vanished, no instance", NOBODY, (), GRACE, "Launching", "it may only be late"),
        ("vanished, no instance, late", NOBODY, (), GRACE + 1, "Failed", "neither status nor instance"),
        ("unknown status", b.job(1, {ONE: "HIBERNATED"}), (), 99999, "Launching", "unknown concludes nothing"),
        ("unknown job status", b.job(1, {ONE: "PENDING"}, status="PAUSED"), (), 9999, "Launching", "not surely over"),
    ),
)  # fmt: skip
def test_a_server(job: Job, instances: tuple[RecoveryInstance, ...], seconds: float, want: str, because: str) -> None:
    assert _server(_see(_run(), job, instances=instances, seconds=seconds)).phase == want, because


@pytest.mark.parametrize(
    ("phase", "job", "want", "because"),
    table(
        ("ready", "Ready", _ended("FAILED"), "Ready", "it came up"),
        ("launched", "Launched", _ended("TERMINATED"), "Ready", "it came up; who stops it later is another matter"),
        ("failed", "Failed", _ended("LAUNCHED"), "Failed", "it was given up, and the wave decided on that"),
        ("skipped", "Skipped", _ended("LAUNCHED"), "Skipped", "a person went on without it"),
    ),
)
def test_the_verdict_of_a_server_is_for_ever(phase: str, job: Job, want: str, because: str) -> None:
    assert _server(_see(_run(b.run_server(1, phase)), job)).phase == want, because


def test_a_place_that_was_not_read_concludes_nothing() -> None:
    run = _run(ready_when="InstanceStatusOk")

    assert absorb(run, 1, Observed()) == run


def test_a_job_of_another_place_concludes_nothing() -> None:
    run = _run(region="us-west-2")

    assert _see(run, _ended("FAILED"), instances=ALIVE) == run


def test_what_is_kept_of_a_server() -> None:
    late = b.job(1, {ONE: "IN_PROGRESS"})
    before = _see(_run(), late)
    assert _server(before).launch_status == "IN_PROGRESS"

    seen = _server(_see(before, _ended("LAUNCHED"), instances=ALIVE))

    assert (seen.launch_status, seen.recovery_instance_id, seen.private_ip) == (
        "LAUNCHED",
        b.instance_id(1),
        "10.0.0.2",
    )
    assert seen.recovery_point_time == b.at(minutes=-1)


def test_an_unknown_status_is_kept_as_aws_says_it() -> None:
    assert _server(_see(_run(), b.job(1, {ONE: "HIBERNATED"}))).launch_status == "HIBERNATED"


def test_what_was_known_is_not_forgotten() -> None:
    full = _see(_run(), _ended("LAUNCHED"), instances=ALIVE)
    bare = (b.instance(1, private_ip=None, recovery_point_time=None),)

    assert _see(full, _ended("LAUNCHED"), instances=bare).wave(1) == full.wave(1)
    assert _see(full, NOBODY).wave(1) == full.wave(1)


def test_a_failed_server_says_why() -> None:
    run = _see(_run(), _ended("FAILED"), raw_errors={(b.job_id(1), ONE): "InsufficientInstanceCapacity"})
    unexplained = _see(_run(), _ended("FAILED"))

    error, bare = _server(run).error, _server(unexplained).error
    assert error is not None
    assert bare is not None
    assert (error.code, error.message) == ("WAVE_LAUNCH_FAILED", f"InsufficientInstanceCapacity ({b.job_id(1)})")
    assert bare.message == f"FAILED ({b.job_id(1)})"


@pytest.mark.parametrize(
    ("phase", "event", "want", "because"),
    table(
        ("begin", "Queued", "", "Launching", "the job has started"),
        ("snapshot", "Launching", "SNAPSHOT_START", "Snapshot", "as the log says"),
        ("snapshot taken", "Snapshot", "SNAPSHOT_END", "Conversion", "what comes next"),
        ("older snapshot", "Snapshot", "USING_PREVIOUS_SNAPSHOT", "Conversion", "what comes next"),
        ("conversion", "Conversion", "CONVERSION_START", "Conversion", "as the log says"),
        ("converted", "Conversion", "CONVERSION_END", "Launching", "what comes next"),
        ("launch", "Launching", "LAUNCH_START", "Launching", "as the log says"),
        ("unknown", "Conversion", "SOMETHING_NEW", "Conversion", "an event that is not known changes nothing"),
        ("final", "Ready", "SNAPSHOT_START", "Ready", "a final phase is final"),
    ),
)
def test_progress(phase: str, event: str, want: str, because: str) -> None:
    run = _run(b.run_server(1, phase))

    seen = _see(run, b.job(1, {ONE: "IN_PROGRESS"}), progress={(b.job_id(1), ONE): event} if event else None)

    assert _server(seen).phase == want, because


@pytest.mark.parametrize(
    ("ready_when", "healthy", "want", "because"),
    table(
        ("launched", "Launched", False, "Ready", "launched is enough"),
        ("booting", "InstanceStatusOk", False, "Launched", "its checks have not passed"),
        ("checks ok", "InstanceStatusOk", True, "Ready", "its checks have passed"),
    ),
)
def test_ready(ready_when: str, healthy: bool, want: str, because: str) -> None:
    run = _see(
        _run(ready_when=ready_when),
        _ended("LAUNCHED"),
        instances=ALIVE,
        healthy=[b.instance_id(1)] if healthy else [b.instance_id(2)],
    )

    assert _server(run).phase == want, because


def test_checks_count_when_job_and_instance_are_not_listed_any_more() -> None:
    server = b.run_server(1, "Launched", recovery_instance_id=b.instance_id(1))
    run = _run(server, b.intent(1, [1], "Ended"), ready_when="InstanceStatusOk")

    assert _server(_see(run, healthy=[b.instance_id(1)])).phase == "Ready"


# --- the intent -----------------------------------------------------------------------------------------------------


def _intent(run: Run) -> LaunchIntent:
    return run.intents[0]


@pytest.mark.parametrize(
    ("job", "seconds", "want", "because"),
    table(
        ("running", b.job(1, {ONE: "LAUNCHED"}), 0, "Started", "the job is not over"),
        ("over", _ended("LAUNCHED"), 0, "Ended", "the job is over and its server decided"),
        ("over, all failed", _ended("FAILED"), 0, "Ended", "decided, too"),
        ("over, in grace", _ended("PENDING"), GRACE, "Started", "a launch status is still awaited"),
        ("over, after grace", _ended("PENDING"), GRACE + 1, "Ended", "nobody is awaited any more"),
    ),
)
def test_an_intent_ends_when_its_job_is_over_and_its_servers_are_decided(
    job: Job, seconds: float, want: str, because: str
) -> None:
    assert _intent(_see(_run(), job, seconds=seconds)).state == want, because


def test_an_intent_keeps_what_its_job_says() -> None:
    running = _intent(_see(_run(intent=b.intent(1, [1], "Started", start_time=None)), b.job(1, created_at=b.at(3))))
    over = _intent(_see(_run(), _ended("LAUNCHED", 77), seconds=90))

    assert (running.job_status, running.start_time, running.end_time) == ("STARTED", b.at(3), None)
    assert (over.job_status, over.end_time) == ("COMPLETED", b.at(77))


def test_the_grace_of_a_job_that_names_no_end_counts_from_the_first_look() -> None:
    """Counted from the job's start, a long launch would fail the moment its job is seen to be over."""
    nameless = b.ended_job(1, {ONE: "PENDING"}, None)

    first = _see(_run(), nameless, seconds=9000)
    second = _see(first, nameless, seconds=9000 + GRACE)
    third = _see(second, nameless, seconds=9000 + GRACE + 1)

    assert [_server(run).phase for run in (first, second, third)] == ["Launching", "Launching", "Failed"]


def test_a_job_that_was_deleted_is_over_when_its_servers_are_decided() -> None:
    decided, open_end = _run(b.run_server(1, "Ready")), _run()

    assert _intent(_see(decided)).state == "Ended"
    assert _intent(_see(open_end)).state == "Started", "it may only be too new to be listed"
    assert _intent(absorb(decided, 1, Observed())).state == "Started", "a read that failed is no evidence"
    recent = Observed(jobs={b.PLACE: b.jobs(since=b.at(1))})
    assert _intent(absorb(decided, 1, recent)).state == "Started", "the read did not reach back to it"


def test_an_earlier_attempt_says_nothing_of_a_server_that_is_launched_anew() -> None:
    run = _run(b.run_server(1, "Queued", attempt=2), attempt=2)

    after = _see(run, _ended("FAILED"))

    assert after.wave(1) == run.wave(1)
    assert _intent(after).state == "Ended", "its job is followed to its end all the same"


def test_an_earlier_attempt_is_followed_for_the_servers_that_it_still_launches() -> None:
    run = _run(b.run_server(1, "Launching", attempt=1), attempt=2)

    assert _server(_see(run, _ended("LAUNCHED"))).phase == "Ready"


def test_looking_twice_changes_nothing() -> None:
    for job in (_ended("PENDING"), _ended("LAUNCHED"), _ended("FAILED"), b.job(1, {ONE: "IN_PROGRESS"}), NOBODY):
        once = _see(_run(ready_when="InstanceStatusOk"), job, instances=ALIVE, seconds=10)

        assert _see(once, job, instances=ALIVE, seconds=10) == once


@pytest.mark.parametrize(
    ("count", "want", "because"),
    table(
        ("one", 1, "host-1", "its name"),
        ("five", 5, "host-1, host-2, host-3, host-4, host-5", "all of them"),
        ("six", 6, "host-1, host-2, host-3, host-4, host-5 and 1 more", "the first few"),
    ),
)
def test_names(count: int, want: str, because: str) -> None:
    assert names([b.run_server(n) for n in range(1, count + 1)]) == want, because


def test_a_server_without_a_host_name_goes_by_its_id() -> None:
    assert names([b.run_server(1, hostname="")]) == ONE
