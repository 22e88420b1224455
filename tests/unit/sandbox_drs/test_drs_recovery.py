"""StartRecovery: who is refused and how, quotas, cleanup, and the recovery point that is used."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_drs.bench import Bench, moment, server, server_id, since, world

BUSY = "One or more of the Source Servers included in API call are currently being processed by a Job"


@pytest.mark.parametrize(
    ("state", "snapshots", "recoverable", "because"),
    [
        ("CONTINUOUS", ["PT5M"], True, "it replicates and has a recovery point"),
        ("CONTINUOUS", [], False, "there is no recovery point yet"),
        ("CREATING_SNAPSHOT", ["PT5M"], True, "it has a recovery point"),
        ("BACKLOG", ["PT5M"], True, "lag does not stop a recovery"),
        ("RESCAN", ["PT5M"], True, "it has a recovery point"),
        ("PAUSED", ["PT5M"], True, "it has a recovery point"),
        ("STALLED", ["PT5M"], True, "a stalled source still has its recovery points"),
        ("STALLED", [], False, "there is nothing to launch from"),
        ("INITIATING", [], False, "there is no recovery point yet"),
        ("INITIAL_SYNC", [], False, "the first synchronisation is not over"),
        ("INITIAL_SYNC", ["PT5M"], True, "a re-sync keeps the recovery points"),
        ("STOPPED", ["PT5M"], False, "its replication is stopped"),
        ("DISCONNECTED", ["PT5M"], False, "it is disconnected"),
    ],
)
def test_a_server_is_recoverable_when_it_has_a_recovery_point_and_is_connected(
    state: str, snapshots: list[str], recoverable: bool, because: str
) -> None:
    bench = Bench(world(server("db", replicationState=state, snapshots=snapshots)))
    if recoverable:
        assert bench.launch("db"), because
    else:
        error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("db")}])
        assert (error.code, error.http_status) == ("ValidationException", 400), because
        assert server_id("db") in error.message


@pytest.mark.parametrize(
    ("servers", "because"),
    [
        ([{"sourceServerID": server_id("nobody")}], "it does not exist"),
        ([{"sourceServerID": server_id("db")}] * 2, "it is named twice"),
        (
            [{"sourceServerID": server_id("db"), "recoverySnapshotID": "pit-00000000000000000"}],
            "the pinned point is not there",
        ),
    ],
)
def test_unknown_and_repeated_servers_and_points_are_refused(servers: list[dict[str, str]], because: str) -> None:
    bench = Bench(world(server("db")))
    assert bench.refusal("StartRecovery", sourceServers=servers).code == "ValidationException", because


def test_one_bad_server_fails_the_whole_call_and_nothing_is_launched() -> None:
    bench = Bench(world(server("db"), server("web", replicationState="DISCONNECTED")))
    servers = [{"sourceServerID": server_id(name)} for name in ("db", "web")]
    assert bench.refusal("StartRecovery", sourceServers=servers).code == "ValidationException"
    assert bench.call("DescribeJobs")["items"] == []
    assert bench.launch("db")


def test_a_server_in_a_job_is_refused_with_the_real_text_until_the_job_has_ended() -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.launch("db")
    servers = [{"sourceServerID": server_id(name)} for name in ("web", "db")]
    error = bench.refusal("StartRecovery", sourceServers=servers)
    assert (error.code, error.http_status, error.message) == ("ConflictException", 409, BUSY)
    bench.advance(600)
    assert bench.launch("web", "db")


def test_a_server_stays_in_its_job_until_all_of_the_job_has_ended() -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.faults.add(phase="LAUNCH", serverId=server_id("web"), effect="launchFailed")
    bench.launch("db", "web")
    bench.advance(400)
    assert bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("web")}]).message == BUSY


@pytest.mark.parametrize(
    ("quotas", "running", "asked", "code", "because"),
    [
        ({"serversPerJob": 2}, [], ["a", "b", "c"], "L-B827C881", "three servers in a job of two at most"),
        ({"jobsInProgress": 2}, [["a"], ["b"]], ["c"], "L-D88FAC3A", "two jobs are in progress"),
        ({"serversInAllJobs": 3}, [["a", "b"]], ["c", "d"], "L-05AFA8C6", "two servers are in jobs and two more come"),
    ],
)
def test_quotas_are_402_with_their_codes(
    quotas: dict[str, int], running: list[list[str]], asked: list[str], code: str, because: str
) -> None:
    bench = Bench(world(*(server(name) for name in "abcd"), quotas=quotas))
    for names in running:
        bench.launch(*names)
    error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id(name)} for name in asked])
    assert (error.code, error.http_status) == ("ServiceQuotaExceededException", 402), because
    assert error.extra == {"serviceCode": "drs", "quotaCode": code}
    bench.advance(600)
    if code != "L-B827C881":
        assert bench.launch(*asked)


def test_terminations_count_towards_the_quota_of_jobs() -> None:
    bench = Bench(world(server("db"), server("web"), quotas={"jobsInProgress": 1}))
    instance = bench.launched("db")
    bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("web")}])
    assert error.extra["quotaCode"] == "L-D88FAC3A"


def test_quotas_are_those_of_an_account_and_region() -> None:
    other = {"id": "222222222222", "regions": [{"name": "us-east-1", "sourceServers": [server("web")]}]}
    bench = Bench(world(server("db"), quotas={"jobsInProgress": 1}, accounts=[other]))
    bench.launch("db")
    assert bench.launch("web", account="222222222222")


def test_more_than_200_servers_are_no_valid_request_and_more_than_100_exceed_the_quota() -> None:
    bench = Bench(world({"count": 201, "idPrefix": "s-w", "hostnamePrefix": "w-", "snapshots": ["PT5M"]}))
    every = [{"sourceServerID": f"s-w{number:016d}"} for number in range(1, 202)]
    assert bench.refusal("StartRecovery", sourceServers=every).code == "ValidationException"
    assert bench.refusal("StartRecovery", sourceServers=every[:101]).extra["quotaCode"] == "L-B827C881"
    assert bench.call("StartRecovery", sourceServers=every[:100])


def test_a_new_launch_first_removes_the_earlier_instance() -> None:
    bench = Bench(world(server("db")))
    earlier = bench.launched("db", drill=False)["recoveryInstanceID"]
    job = bench.launch("db")
    bench.advance(50)
    assert bench.events(job, "db")[:3] == ["CLEANUP_START", "CLEANUP_END", "SNAPSHOT_START"]
    assert bench.ec2.instances[earlier].state == "terminated"
    assert bench.instances("db") == []
    bench.advance(600)
    assert [instance["jobID"] for instance in bench.instances("db")] == [job]


def test_a_launch_that_fails_later_has_lost_the_earlier_instance_all_the_same() -> None:
    bench = Bench(world(server("db")))
    earlier = bench.launched("db", drill=False)["recoveryInstanceID"]
    bench.faults.add(phase="LAUNCH", effect="launchFailed")
    job = bench.launch("db")
    bench.advance(600)
    assert bench.statuses(job) == ["FAILED"]
    assert bench.ec2.instances[earlier].state == "terminated"
    assert "recoveryInstanceId" not in bench.server("db")


def test_an_earlier_instance_with_termination_protection_stays() -> None:
    bench = Bench(world(server("db")))
    earlier = bench.launched("db", drill=False)["recoveryInstanceID"]
    bench.ec2.change(earlier, termination_protected=True)
    job = bench.launch("db")
    bench.advance(600)
    assert "CLEANUP_START" not in bench.events(job)
    assert bench.ec2.instances[earlier].state == "running"
    ids = [instance["recoveryInstanceID"] for instance in bench.instances("db")]
    assert ids[0] == earlier
    assert bench.server("db")["recoveryInstanceId"] == ids[1] != earlier


def test_a_first_launch_has_nothing_to_clean_up() -> None:
    bench = Bench(world(server("db")))
    bench.launched("db")
    (job,) = bench.call("DescribeJobs")["items"]
    assert "CLEANUP_START" not in bench.events(job["jobID"])


def test_without_a_pinned_point_a_snapshot_is_taken_now() -> None:
    bench = Bench(world(server("db")))
    before = {point["snapshotID"] for point in bench.points("db")}
    job = bench.launch("db")
    bench.advance(0.9)
    pending = [point for point in bench.points("db") if point["snapshotID"] not in before]
    assert "timestamp" not in pending[0]
    bench.advance(600)
    used = bench.instances("db")[0]["pointInTimeSnapshotDateTime"]
    assert since(bench.job(job)["creationDateTime"], used) == 1.0
    assert used in [point.get("timestamp") for point in bench.points("db")]


@pytest.mark.parametrize(
    ("fields", "least", "most", "because"),
    [
        ({}, 0.2, 0.2, "the source is in step and was snapshotted lately"),
        ({"snapshots": ["PT2H"]}, 20, 60, "the last recovery point is old"),
        ({"replicationState": "BACKLOG"}, 20, 60, "the source must catch up"),
        ({"lag": "PT4M"}, 240, 240, "the source sends what it lags behind first"),
    ],
)
def test_a_snapshot_takes_as_long_as_the_source_needs(
    fields: dict[str, Any], least: float, most: float, because: str
) -> None:
    bench = Bench(world(server("db", **fields)))
    job = bench.launch("db")
    bench.advance(300)
    at = {item["event"]: item["logDateTime"] for item in bench.log(job, "db")}
    assert least <= since(at["SNAPSHOT_START"], at["SNAPSHOT_END"]) <= most, because


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"replicationState": "STALLED"}, "a stalled source sends nothing"),
        ({"replicationState": "DISCONNECTED"}, "the source went away after the call"),
        ({"lag": "PT11M"}, "what is missing does not come in ten minutes"),
    ],
)
def test_a_source_that_gives_no_snapshot_in_ten_minutes_is_launched_from_its_newest_point(
    change: dict[str, str], because: str
) -> None:
    bench = Bench(world(server("db")))
    newest = bench.points("db")[0]["timestamp"]
    job = bench.launch("db")
    bench.service.set_server(None, server_id("db"), change)
    bench.advance(600)
    assert bench.events(job) == ["JOB_START", "SNAPSHOT_START"], because
    bench.advance(600)
    log = bench.log(job, "db")
    assert [item["event"] for item in log[:3]] == ["SNAPSHOT_START", "USING_PREVIOUS_SNAPSHOT", "CONVERSION_START"]
    assert since(log[0]["logDateTime"], log[1]["logDateTime"]) == 600
    assert bench.statuses(job) == ["LAUNCHED"]
    if change.get("replicationState"):
        assert bench.instances("db")[0]["pointInTimeSnapshotDateTime"] == newest


def test_without_a_previous_point_either_the_server_fails() -> None:
    bench = Bench(world(server("db")))
    job = bench.launch("db")
    bench.service.set_server(None, server_id("db"), {"replicationState": "STOPPED"})
    bench.advance(700)
    assert bench.events(job, "db") == ["SNAPSHOT_START", "USING_PREVIOUS_SNAPSHOT_FAILED"]
    assert bench.statuses(job) == ["FAILED"]


def test_a_pinned_point_is_used_without_a_snapshot() -> None:
    bench = Bench(world(server("db", snapshots=["PT5M", "PT2H"])))
    oldest = bench.points("db")[-1]
    pinned = {"sourceServerID": server_id("db"), "recoverySnapshotID": oldest["snapshotID"]}
    job = bench.call("StartRecovery", sourceServers=[pinned])["job"]["jobID"]
    bench.advance(600)
    assert not [event for event in bench.events(job) if "SNAPSHOT" in event]
    assert bench.instances("db")[0]["pointInTimeSnapshotDateTime"] == oldest["timestamp"]


def test_a_pinned_point_that_has_aged_out_or_is_pending_is_refused() -> None:
    bench = Bench(world(server("db")))
    point = bench.points("db")[0]["snapshotID"]
    pinned = {"sourceServerID": server_id("db"), "recoverySnapshotID": point}
    bench.advance(86400 * 8)
    assert bench.refusal("StartRecovery", sourceServers=[pinned]).code == "ValidationException"
    while "timestamp" in bench.points("db")[0]:
        bench.advance(10)
    pinned["recoverySnapshotID"] = bench.points("db")[0]["snapshotID"]
    assert bench.refusal("StartRecovery", sourceServers=[pinned]).code == "ValidationException"


def test_last_launch_result_and_recovery_instance_follow_the_launch() -> None:
    bench = Bench(world(server("db")))
    seen = [(bench.server("db")["lastLaunchResult"], "lastLaunch" in bench.server("db")["lifeCycle"])]
    job = bench.launch("db")
    seen.append((bench.server("db")["lastLaunchResult"], "lastLaunch" in bench.server("db")["lifeCycle"]))
    bench.advance(600)
    assert [*seen, (bench.server("db")["lastLaunchResult"], True)] == [
        ("NOT_STARTED", False),
        ("PENDING", True),
        ("SUCCEEDED", True),
    ]
    last = bench.server("db")["lifeCycle"]["lastLaunch"]
    assert (last["initiated"]["jobID"], last["status"]) == (job, "LAUNCHED")
    created = bench.job(job)["creationDateTime"]
    assert moment(last["initiated"]["apiCallDateTime"]) == moment(created)
    assert bench.server("db")["recoveryInstanceId"] == bench.instances("db")[0]["recoveryInstanceID"]
    bench.ec2.refuse = "VcpuLimitExceeded: no more"
    bench.launch("db")
    bench.advance(600)
    assert bench.server("db")["lastLaunchResult"] == "FAILED"


def test_a_tag_that_aws_keeps_for_itself_is_refused() -> None:
    bench = Bench(world(server("db")))
    error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("db")}], tags={"aws:x": "1"})
    assert error.code == "ValidationException"


def test_the_same_server_id_in_another_region_or_account_is_another_server() -> None:
    other = {"id": "222222222222", "regions": [{"name": "us-east-1", "sourceServers": [server("db")]}]}
    bench = Bench(world(server("db"), accounts=[other]))
    bench.launch("db")
    assert bench.launch("db", account="222222222222")
