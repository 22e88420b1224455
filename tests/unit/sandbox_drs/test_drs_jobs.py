"""Jobs: phases, log, timings, verdicts, how they are listed and deleted."""

from __future__ import annotations

import re

import pytest

from tests.unit.sandbox_drs.bench import Bench, moment, server, server_id, since, world


def test_a_launch_goes_through_the_events_of_a_real_drill_in_their_order() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    bench.advance(600)
    assert bench.events(job) == [
        "JOB_START",
        "SNAPSHOT_START",
        "SNAPSHOT_END",
        "CONVERSION_START",
        "CONVERSION_END",
        "LAUNCH_START",
        "LAUNCH_END",
        "JOB_END",
    ]


def test_a_launch_takes_as_long_as_the_real_drills_did() -> None:
    bench = Bench(world(server("db"), server("web")))
    job_id = bench.launch("db", "web")
    bench.advance(600)
    job = bench.job(job_id)
    for name in ("db", "web"):
        at = {item["event"]: since(job["creationDateTime"], item["logDateTime"]) for item in bench.log(job_id, name)}
        assert (at["SNAPSHOT_START"], at["SNAPSHOT_END"], at["CONVERSION_START"]) == (0.8, 1.0, 53.0)
        assert 226 <= at["CONVERSION_END"] <= 250
        assert round(at["LAUNCH_START"] - at["CONVERSION_END"], 3) == 0.5
        assert 509 <= at["LAUNCH_END"] <= 551
    (start,) = (item for item in bench.log(job_id) if item["event"] == "JOB_START")
    assert since(job["creationDateTime"], start["logDateTime"]) == 0.4
    last_launch = max(item["logDateTime"] for item in bench.log(job_id) if item["event"] == "LAUNCH_END")
    assert since(last_launch, job["endDateTime"]) == 2.0


def test_servers_differ_a_little_and_runs_repeat() -> None:
    def ends() -> list[float]:
        bench = Bench(world(server("db"), server("web")))
        job = bench.launch("db", "web")
        bench.advance(600)
        return [moment(item["logDateTime"]) for item in bench.log(job) if item["event"] == "LAUNCH_END"]

    first = ends()
    assert first[0] != first[1]
    assert ends() == first


def test_a_job_is_pending_then_started_then_completed_and_nothing_else() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    seen = [(bench.job(job)["status"], bench.statuses(job))]
    for seconds in (0.5, 530, 40):
        bench.advance(seconds)
        seen.append((bench.job(job)["status"], bench.statuses(job)))
    assert seen == [
        ("PENDING", ["PENDING"]),
        ("STARTED", ["IN_PROGRESS"]),
        ("STARTED", ["LAUNCHED"]),
        ("COMPLETED", ["LAUNCHED"]),
    ]


def test_a_job_whose_every_server_failed_is_completed() -> None:
    bench = Bench(world(server("db")))
    bench.ec2.refuse = "InsufficientFreeAddressesInSubnet: no address left"
    job = bench.launch("db")
    bench.advance(600)
    assert (bench.job(job)["status"], bench.statuses(job)) == ("COMPLETED", ["FAILED"])


def test_the_verdict_is_per_server() -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.faults.add(phase="CONVERSION", serverId=server_id("web"), effect="launchFailed")
    job = bench.launch("db", "web")
    bench.advance(600)
    assert bench.statuses(job) == ["LAUNCHED", "FAILED"]


def test_launch_end_names_the_instance_and_conversion_start_the_conversion_server() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    bench.advance(600)
    data = {item["event"]: item["eventData"] for item in bench.log(job)}
    assert data["LAUNCH_END"]["targetInstanceID"] == bench.instances("db")[0]["recoveryInstanceID"]
    assert data["CONVERSION_START"]["conversionServerID"].startswith("i-")
    assert data["JOB_START"] == {}


def test_a_launch_job_names_no_instance_in_its_participants() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    bench.advance(600)
    assert bench.job(job)["participatingServers"] == [{"sourceServerID": server_id("db"), "launchStatus": "LAUNCHED"}]


def test_jobs_and_logs_carry_an_offset_and_microseconds_and_the_rest_a_z() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    bench.advance(600)
    shown = bench.job(job)
    offset = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
    zulu = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    for text in (shown["creationDateTime"], shown["endDateTime"], bench.log(job)[0]["logDateTime"]):
        assert re.fullmatch(offset, text)
    life = bench.server("db")["lifeCycle"]
    for text in (
        life["addedToServiceDateTime"],
        life["lastLaunch"]["initiated"]["apiCallDateTime"],
        bench.points("db")[0]["timestamp"],
        bench.instances("db")[0]["pointInTimeSnapshotDateTime"],
    ):
        assert re.fullmatch(zulu, text)


def test_ids_have_17_hexadecimal_digits() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    for text, prefix in ((job, "drsjob-"), (bench.points("db")[0]["snapshotID"], "pit-")):
        assert text.startswith(prefix)
        assert len(text) == len(prefix) + 17
        int(text.removeprefix(prefix), 16)


@pytest.mark.parametrize(
    ("drill", "initiated_by", "launch_type"), [(True, "START_DRILL", "DRILL"), (False, "START_RECOVERY", "RECOVERY")]
)
def test_a_job_says_what_started_it_and_carries_its_tags(drill: bool, initiated_by: str, launch_type: str) -> None:
    bench = Bench(world(server("db")))
    job = bench.job(bench.launch("db", drill=drill, tags={"run": "7"}))
    assert (job["type"], job["initiatedBy"], job["tags"]) == ("LAUNCH", initiated_by, {"run": "7"})
    assert bench.server("db")["lifeCycle"]["lastLaunch"]["initiated"]["type"] == launch_type
    assert bench.server("db")["tags"] == {}


def test_participants_of_a_job_are_cleared_when_it_is_older_than_an_hour() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    bench.advance(3590)
    assert len(bench.job(job)["participatingServers"]) == 1
    bench.advance(20)
    assert bench.job(job)["participatingServers"] == []


def test_participants_of_a_job_that_took_longer_are_kept_for_ten_minutes_after_its_end() -> None:
    bench = Bench(world(server("db")))
    bench.faults.add(phase="LAUNCH", effect="stuck")
    job = bench.launch("db")
    bench.advance(7200)
    assert bench.statuses(job) == ["IN_PROGRESS"]
    bench.service.release_stuck()
    bench.advance(500)
    assert bench.statuses(job) == ["LAUNCHED"]
    bench.advance(600)
    assert bench.statuses(job) == []


def test_the_hour_after_which_participants_are_cleared_is_measured_in_progress() -> None:
    bench = Bench(world(server("db")), speed=60)
    job = bench.launch("db")
    bench.advance(59)
    assert len(bench.job(job)["participatingServers"]) == 1
    bench.advance(2)
    assert bench.job(job)["participatingServers"] == []


def test_jobs_come_newest_first_and_are_filtered_by_ids_and_both_forms_of_time() -> None:
    bench = Bench(world(server("db"), server("web"), server("app")))
    jobs = []
    for name in ("db", "web", "app"):
        jobs.append(bench.launch(name))
        bench.advance(10)

    def found(**filters: object) -> list[str]:
        return [job["jobID"] for job in bench.call("DescribeJobs", filters=filters)["items"]]

    assert found() == jobs[::-1]
    assert found(jobIDs=[jobs[1]]) == [jobs[1]]
    created = bench.job(jobs[1])["creationDateTime"]
    assert found(fromDate=created) == [jobs[2], jobs[1]]
    assert found(toDate=created.replace("+00:00", "Z")) == [jobs[1], jobs[0]]


def test_a_time_that_the_api_gave_out_finds_what_it_was_of() -> None:
    bench = Bench(world(server("db")))
    for fraction in range(40):  # below the microsecond, where the written form rounds up or down
        bench.wall += fraction * 1.3e-7
        bench.advance(600)
        created = bench.job(bench.launch("db"))["creationDateTime"]
        for filters in ({"fromDate": created}, {"toDate": created, "fromDate": created}):
            assert bench.call("DescribeJobs", filters=filters)["items"][0]["creationDateTime"] == created


def test_an_unknown_job_has_no_log() -> None:
    error = Bench(world()).refusal("DescribeJobLogItems", jobID="drsjob-00000000000000000")
    assert error.code == "ValidationException"


def test_a_job_that_runs_cannot_be_deleted() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    assert bench.refusal("DeleteJob", jobID=job).code == "ConflictException"
    bench.advance(600)
    bench.call("DeleteJob", jobID=job)
    assert bench.call("DescribeJobs")["items"] == []
    assert bench.refusal("DeleteJob", jobID=job).code == "ResourceNotFoundException"


def test_a_hidden_job_leaves_no_trace_while_it_runs_and_its_servers_are_busy() -> None:
    bench = Bench(world(server("db")))
    first = bench.launch("db")
    bench.advance(600)
    hidden = bench.launch("db", hide_job_seconds=30)
    bench.advance(29)
    assert [job["jobID"] for job in bench.call("DescribeJobs")["items"]] == [first]
    assert bench.server("db")["lifeCycle"]["lastLaunch"]["initiated"]["jobID"] == first
    assert bench.server("db")["lastLaunchResult"] == "SUCCEEDED"
    assert bench.refusal("DescribeJobLogItems", jobID=hidden).code == "ValidationException"
    assert bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("db")}]).code == (
        "ConflictException"
    )
    bench.advance(1)
    assert bench.call("DescribeJobs")["items"][0]["jobID"] == hidden
    assert bench.server("db")["lifeCycle"]["lastLaunch"]["initiated"]["jobID"] == hidden
    assert bench.server("db")["lastLaunchResult"] == "PENDING"
    assert "JOB_START" in bench.events(hidden)


def test_the_instance_of_a_hidden_job_is_hidden_too() -> None:
    bench = Bench(world(server("db")))
    bench.launch("db", hide_job_seconds=700)
    bench.advance(600)
    assert bench.instances("db") == []
    assert "recoveryInstanceId" not in bench.server("db")
    bench.advance(100)
    assert len(bench.instances("db")) == 1


def test_speed_shortens_a_job_while_timestamps_stay_true() -> None:
    bench = Bench(world(server("db")), speed=60)
    job_id = bench.launch("db")
    bench.tick(9.5)
    job = bench.job(job_id)
    assert job["status"] == "COMPLETED"
    assert 8.5 <= since(job["creationDateTime"], job["endDateTime"]) <= 9.5


def test_speed_0_stops_jobs() -> None:
    bench = Bench(world(server("db")), speed=0)
    job = bench.launch("db")
    bench.advance(86400)
    assert bench.job(job)["status"] == "PENDING"
    bench.clock.set_speed(1)
    bench.tick(600)
    assert bench.job(job)["status"] == "COMPLETED"


def test_advancing_the_clock_does_what_became_due_in_order_each_at_its_moment() -> None:
    bench = Bench(world(server("db"), server("web")))
    first = bench.launch("db")
    bench.advance(5)
    second = bench.launch("web")
    bench.advance(3000)
    times = [moment(item["logDateTime"]) for job in (first, second) for item in bench.log(job)]
    assert len(times) == 16
    assert times[:8] == sorted(times[:8])
    assert times[8:] == sorted(times[8:])
    assert max(times) < bench.clock.timestamp() - 2000
