"""Replication: starting, stopping, its configuration, and how its states look; source servers' end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_drs.bench import Bench, moment, server, server_id, world


def replication(bench: Bench) -> dict[str, Any]:
    info: dict[str, Any] = bench.server("db")["dataReplicationInfo"]
    return info


def test_stopping_replication_deletes_the_recovery_points() -> None:
    bench = Bench(world(server("db")))
    shown = bench.call("StopReplication", sourceServerID=server_id("db"))["sourceServer"]
    assert shown["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert bench.points("db") == []
    assert bench.refusal("StopReplication", sourceServerID=server_id("db")).code == "ConflictException"


def test_starting_replication_goes_through_its_states_to_a_first_recovery_point() -> None:
    bench = Bench(world(server("db", replicationState="STOPPED", snapshots=[])))
    bench.call("StartReplication", sourceServerID=server_id("db"))
    seen = [(replication(bench)["dataReplicationState"], len(bench.points("db")))]
    for seconds in (300, 1200, 60):
        bench.advance(seconds)
        seen.append((replication(bench)["dataReplicationState"], len(bench.points("db"))))
    assert [state for state, _ in seen] == ["INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]
    assert [points > 0 for _, points in seen] == [False, False, False, True]
    assert bench.launch("db")


def test_a_replication_that_is_stopped_meanwhile_does_not_go_on() -> None:
    bench = Bench(world(server("db", replicationState="STOPPED", snapshots=[])))
    bench.call("StartReplication", sourceServerID=server_id("db"))
    bench.advance(60)
    bench.call("StopReplication", sourceServerID=server_id("db"))
    bench.advance(3600)
    assert replication(bench)["dataReplicationState"] == "STOPPED"


def test_only_a_stopped_replication_can_be_started() -> None:
    bench = Bench(world(server("db")))
    assert bench.refusal("StartReplication", sourceServerID=server_id("db")).code == "ConflictException"


def test_the_quota_of_replicating_servers_is_402() -> None:
    bench = Bench(world(server("db", replicationState="STOPPED"), server("web"), quotas={"replicatingServers": 1}))
    error = bench.refusal("StartReplication", sourceServerID=server_id("db"))
    assert (error.http_status, error.extra["quotaCode"]) == (402, "L-C1D14A2B")


@pytest.mark.parametrize(
    "operation", ["StopReplication", "DisconnectSourceServer", "DeleteSourceServer", "UpdateReplicationConfiguration"]
)
def test_a_server_in_a_job_is_left_alone(operation: str) -> None:
    bench = Bench(world(server("db")))
    bench.launch("db")
    assert bench.refusal(operation, sourceServerID=server_id("db")).code == "ConflictException"


@pytest.mark.parametrize(
    "operation",
    [
        "StopReplication",
        "StartReplication",
        "DisconnectSourceServer",
        "DeleteSourceServer",
        "GetReplicationConfiguration",
        "UpdateReplicationConfiguration",
    ],
)
def test_an_unknown_server_is_not_found(operation: str) -> None:
    error = Bench(world()).refusal(operation, sourceServerID=server_id("db"))
    assert (error.code, error.http_status) == ("ResourceNotFoundException", 404)


def test_lag_and_backlog_are_shown() -> None:
    bench = Bench(world(server("db", replicationState="BACKLOG", lag="PT1H5M")))
    assert replication(bench)["lagDuration"] == "PT1H5M"
    assert replication(bench)["replicatedDisks"][0]["backloggedStorageBytes"] > 0


def test_a_stalled_replication_says_why() -> None:
    bench = Bench(world(server("db", replicationState="STALLED")))
    assert replication(bench)["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}


def test_a_source_that_is_away_was_last_seen_when_it_went() -> None:
    bench = Bench(world(server("db")))
    bench.advance(3600)
    bench.service.set_server(None, server_id("db"), {"replicationState": "STALLED"})
    went = bench.clock.timestamp()
    bench.advance(3600)
    assert moment(bench.server("db")["lifeCycle"]["lastSeenByServiceDateTime"]) == went
    bench.service.set_server(None, server_id("db"), {"replicationState": "CONTINUOUS"})
    assert moment(bench.server("db")["lifeCycle"]["lastSeenByServiceDateTime"]) == went + 3600


def test_an_initiating_replication_shows_its_steps() -> None:
    bench = Bench(world(server("db", replicationState="INITIATING", snapshots=[])))
    steps = replication(bench)["dataReplicationInitiation"]["steps"]
    assert [step["status"] for step in steps] == ["IN_PROGRESS"] + ["NOT_STARTED"] * 10
    assert "lagDuration" not in replication(bench)


def test_the_replication_configuration_is_kept() -> None:
    bench = Bench(world(server("db")))
    bench.call("UpdateReplicationConfiguration", sourceServerID=server_id("db"), bandwidthThrottling=100)
    shown = bench.call("GetReplicationConfiguration", sourceServerID=server_id("db"))
    assert (shown["bandwidthThrottling"], shown["ebsEncryption"]) == (100, "DEFAULT")


@pytest.mark.parametrize(
    ("units", "changes", "because"),
    [
        ("MINUTE", {"interval": 5}, "the minutes are fixed"),
        ("HOUR", {"retentionDuration": 48}, "the hours are fixed"),
        ("HOUR", {"enabled": False}, "no rule can be switched off"),
        ("DAY", {"retentionDuration": 366}, "a year is the most"),
        ("DAY", {"interval": 2}, "the interval is fixed"),
        ("DAY", {"units": "HOUR"}, "each unit has one rule"),
    ],
)
def test_of_the_pit_policy_only_the_days_can_change(units: str, changes: dict[str, Any], because: str) -> None:
    bench = Bench(world(server("db")))
    policy = bench.call("GetReplicationConfiguration", sourceServerID=server_id("db"))["pitPolicy"]
    next(rule for rule in policy if rule["units"] == units).update(changes)
    error = bench.refusal("UpdateReplicationConfiguration", sourceServerID=server_id("db"), pitPolicy=policy)
    assert error.code == "ValidationException", because


def test_a_server_with_a_recovery_instance_cannot_be_disconnected() -> None:
    bench = Bench(world(server("db")))
    bench.launched("db")
    error = bench.refusal("DisconnectSourceServer", sourceServerID=server_id("db"))
    assert (error.code, error.extra["resourceId"]) == ("ConflictException", server_id("db"))


def test_only_a_disconnected_server_can_be_deleted() -> None:
    bench = Bench(world(server("db")))
    assert bench.refusal("DeleteSourceServer", sourceServerID=server_id("db")).code == "ConflictException"
    template = bench.template_id("db")
    shown = bench.call("DisconnectSourceServer", sourceServerID=server_id("db"))
    assert shown["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    assert bench.points("db") == []
    bench.call("DeleteSourceServer", sourceServerID=server_id("db"))
    assert bench.call("DescribeSourceServers")["items"] == []
    assert template not in bench.ec2.templates
    bench.advance(3600)
