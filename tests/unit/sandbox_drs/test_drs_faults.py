"""Faults of a server's phases: launchFailed, stuck, lateStatus."""

from __future__ import annotations

import pytest

from tests.unit.sandbox_drs.bench import REGION, STAGING, Bench, moment, server, server_id, world


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        ("CLEANUP", "CLEANUP_FAIL"),
        ("SNAPSHOT", "SNAPSHOT_FAIL"),
        ("CONVERSION", "CONVERSION_FAIL"),
        ("LAUNCH", "LAUNCH_FAILED"),
    ],
)
def test_a_failed_phase_has_its_event_with_the_raw_error_and_ends_the_server(phase: str, event: str) -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.launched("db", "web")
    bench.faults.add(phase=phase, serverId=server_id("db"), effect="launchFailed", rawError="VcpuLimitExceeded: no")
    job = bench.launch("db", "web")
    bench.advance(600)
    last = bench.log(job, "db")[-1]
    assert (last["event"], last["eventData"]["rawError"]) == (event, "VcpuLimitExceeded: no")
    assert bench.statuses(job) == ["FAILED", "LAUNCHED"]
    assert bench.job(job)["status"] == "COMPLETED"


def test_a_failed_cleanup_leaves_the_earlier_instance() -> None:
    bench = Bench(world(server("db")))
    earlier = bench.launched("db")["recoveryInstanceID"]
    bench.faults.add(phase="CLEANUP", effect="launchFailed")
    bench.launch("db")
    bench.advance(600)
    assert bench.ec2.instances[earlier].state == "running"
    assert [instance["recoveryInstanceID"] for instance in bench.instances("db")] == [earlier]


def test_a_failed_conversion_is_tried_three_times() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="CONVERSION", effect="launchFailed")
    job = bench.launch("db")
    bench.advance(600)
    failures = [item["eventData"] for item in bench.log(job) if item["event"] == "CONVERSION_FAIL"]
    assert [(data["attemptCount"], data["maxAttemptsCount"]) for data in failures] == [(1, 3), (2, 3), (3, 3)]


def test_a_failure_without_a_raw_error_has_a_plausible_one() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="LAUNCH", effect="launchFailed")
    job = bench.launch("db")
    bench.advance(600)
    assert bench.log(job, "db")[-1]["eventData"]["rawError"].startswith("InsufficientInstanceCapacity")


@pytest.mark.parametrize(
    ("phase", "last_event"),
    [("SNAPSHOT", "SNAPSHOT_START"), ("CONVERSION", "CONVERSION_START"), ("LAUNCH", "LAUNCH_START")],
)
def test_a_stuck_server_stays_in_its_phase_and_the_others_go_on(phase: str, last_event: str) -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.faults.add(phase=phase, serverId=server_id("db"), effect="stuck")
    job = bench.launch("db", "web")
    bench.advance(86400)
    assert bench.events(job, "db")[-1] == last_event
    assert (bench.job(job)["status"], bench.statuses(job)) == ("STARTED", ["IN_PROGRESS", "LAUNCHED"])
    bench.service.release_stuck()
    bench.advance(600)
    assert (bench.job(job)["status"], bench.statuses(job)) == ("COMPLETED", ["LAUNCHED", "LAUNCHED"])


def test_a_status_that_is_late_stays_in_progress_after_the_jobs_end() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="LAUNCH", effect="lateStatus", seconds=120)
    job = bench.launch("db")
    bench.advance(600)
    assert (bench.job(job)["status"], bench.statuses(job)) == ("COMPLETED", ["IN_PROGRESS"])
    assert "LAUNCH_END" in bench.events(job)
    assert bench.instances("db")[0]["jobID"] == job
    assert bench.server("db")["lifeCycle"]["lastLaunch"]["status"] == "IN_PROGRESS"
    assert bench.server("db")["lastLaunchResult"] == "PENDING"
    ended = moment(bench.job(job)["endDateTime"])
    bench.advance(ended + 119 - bench.clock.timestamp())
    assert bench.statuses(job) == ["IN_PROGRESS"]
    bench.advance(1.1)
    assert bench.statuses(job) == ["LAUNCHED"]
    assert bench.server("db")["lastLaunchResult"] == "SUCCEEDED"


def test_effects_can_be_combined() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="LAUNCH", effect=["stuck", "launchFailed", "lateStatus"], seconds=300)
    job = bench.launch("db")
    bench.advance(3000)
    assert bench.job(job)["status"] == "STARTED"
    bench.service.release_stuck()
    bench.advance(60)
    assert (bench.job(job)["status"], bench.statuses(job)) == ("COMPLETED", ["IN_PROGRESS"])
    bench.advance(300)
    assert bench.statuses(job) == ["FAILED"]


def test_times_limits_a_fault() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="LAUNCH", effect="launchFailed", times=1)
    bench.launch("db")
    bench.advance(600)
    second = bench.launch("db")
    bench.advance(600)
    assert bench.statuses(second) == ["LAUNCHED"]


def test_a_phase_that_a_server_does_not_enter_uses_no_fault() -> None:
    bench = Bench(
        world(server("db", origin={"instanceId": "i-0123456789abcdef0", "region": "eu-west-1", "accountId": STAGING}))
    )
    for phase in ("CLEANUP", "CONVERSION"):
        bench.faults.add(phase=phase, effect="launchFailed", times=1)
    bench.call("UpdateLaunchConfiguration", sourceServerID=server_id("db"), recoveryMode="FAST")
    job = bench.launch("db")
    bench.advance(600)
    assert bench.statuses(job) == ["LAUNCHED"]


def test_a_fault_is_of_its_account_and_region() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="LAUNCH", account=STAGING, region=REGION, effect="launchFailed")
    bench.faults.add(phase="LAUNCH", region="eu-west-1", effect="launchFailed")
    job = bench.launch("db")
    bench.advance(600)
    assert bench.statuses(job) == ["LAUNCHED"]


def test_a_failed_termination_leaves_the_instance() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    bench.faults.add(phase="TERMINATE", effect="launchFailed", rawError="UnauthorizedOperation: no")
    job = bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=[instance])["job"]["jobID"]
    bench.advance(120)
    assert bench.statuses(job) == ["FAILED"]
    assert bench.log(job, "db")[-1]["eventData"]["rawError"] == "UnauthorizedOperation: no"
    assert bench.ec2.instances[instance].state == "running"
    assert bench.instances("db")


def test_a_stuck_termination_goes_on_when_it_is_released() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    bench.faults.add(phase="TERMINATE", effect="stuck")
    job = bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=[instance])["job"]["jobID"]
    bench.advance(3600)
    assert bench.job(job)["status"] == "STARTED"
    bench.service.release_stuck()
    bench.advance(120)
    assert bench.statuses(job) == ["TERMINATED"]
