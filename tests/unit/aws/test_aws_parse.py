"""AWS's answers as facts: both forms of time, missing fields, values that this version does not know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drs_operator.aws import parse, quotas
from drs_operator.planning.facts import Job, JobServer, LogItem, RecoveryInstance, RecoveryPoint, SourceServer

SERVER = "s-1234567890abcdef0"
SEEN = datetime(2022, 12, 7, 19, 15, 38, 846723, UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-12-07T19:15:38.846723+00:00", SEEN),
        ("2022-12-07T19:15:38.846723Z", SEEN),
        ("2022-12-07T19:15:38.846723", SEEN),
        ("2022-12-07T20:15:38.846723+01:00", SEEN),
        ("2022-12-07T19:15:38Z", SEEN.replace(microsecond=0)),
        (SEEN, SEEN),
        (SEEN.replace(tzinfo=None), SEEN),
        ("", None),
        ("soon", None),
        (None, None),
        (1670440538, None),
    ],
)
def test_moments(text: object, moment: datetime | None) -> None:
    read = parse.moment(text)
    assert read == moment
    assert read is None or read.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT0S", timedelta()),
        ("PT1M30S", timedelta(seconds=90)),
        ("PT18H51M27.5S", timedelta(hours=18, minutes=51, seconds=27.5)),
        ("P1DT2H", timedelta(days=1, hours=2)),
        ("", None),
        ("a while", None),
        (None, None),
    ],
)
def test_durations(text: object, length: timedelta | None) -> None:
    assert parse.duration(text) == length


FULL_SERVER = {
    "sourceServerID": SERVER,
    "tags": {"Tier": "database", "Name": "by-tag"},
    "recoveryInstanceId": "i-1",
    "sourceProperties": {"identificationHints": {"hostname": "db-01", "fqdn": "db-01.example.com"}},
    "dataReplicationInfo": {"dataReplicationState": "CONTINUOUS", "lagDuration": "PT2S"},
    "lifeCycle": {"lastLaunch": {"initiated": {"jobID": "drsjob-1", "type": "DRILL"}, "status": "LAUNCHED"}},
    "sourceCloudProperties": {"originAccountID": "123456789012", "originRegion": "eu-west-1"},
    "stagingArea": {"status": "EXTENDED", "stagingAccountID": "987654321098"},
}
BARE = SourceServer(SERVER, "", {}, "", None, "", "")


@pytest.mark.parametrize(
    ("item", "want", "because"),
    [
        (
            FULL_SERVER,
            SourceServer(
                SERVER,
                "db-01",
                {"Tier": "database", "Name": "by-tag"},
                "CONTINUOUS",
                timedelta(seconds=2),
                "eu-west-1",
                "123456789012",
                "i-1",
                "drsjob-1",
                "987654321098",
            ),
            "every field has its place",
        ),
        ({"sourceServerID": SERVER}, BARE, "everything but the id is optional"),
        (
            {"sourceServerID": SERVER, "dataReplicationInfo": {"dataReplicationState": "TELEPORTING"}},
            SourceServer(SERVER, "", {}, "TELEPORTING", None, "", ""),
            "a state of a newer AWS is kept as it is",
        ),
        (
            {"sourceServerID": SERVER, "sourceProperties": {"identificationHints": {"fqdn": "db-01.example.com"}}},
            SourceServer(SERVER, "db-01.example.com", {}, "", None, "", ""),
            "without a host name the full name serves",
        ),
        (
            {"sourceServerID": SERVER, "tags": {"Name": "by-tag"}},
            SourceServer(SERVER, "by-tag", {"Name": "by-tag"}, "", None, "", ""),
            "without both the tag Name serves",
        ),
        (
            {"sourceServerID": SERVER, "stagingArea": {"status": "NOT_EXTENDED", "stagingAccountID": "987654321098"}},
            BARE,
            "only an extended server lives in a staging account",
        ),
        ({"sourceServerID": SERVER, "lifeCycle": {"lastLaunch": {"status": "PENDING"}}}, BARE, "never launched"),
    ],
)
def test_source_servers(item: dict[str, Any], want: SourceServer, because: str) -> None:
    assert parse.source_server(item) == want, because


@pytest.mark.parametrize(
    ("status", "want", "because"),
    [
        ("PENDING", "drsjob-1", "a job has it, though its work has not begun"),
        ("IN_PROGRESS", "drsjob-1", "a job is at work on it"),
        ("LAUNCHED", None, "the job is done with it"),
        ("FAILED", None, "the job is done with it, badly"),
        ("TERMINATED", None, "its instance is gone"),
        ("PAUSED_BY_MOON", None, "a status of a newer AWS says nothing"),
        (None, None, "no status says nothing"),
    ],
)
def test_the_job_that_runs_on_a_server_now(status: str | None, want: str | None, because: str) -> None:
    launch: dict[str, Any] = {"initiated": {"jobID": "drsjob-1", "type": "RECOVERY"}}
    if status is not None:
        launch["status"] = status
    server = parse.source_server({"sourceServerID": SERVER, "lifeCycle": {"lastLaunch": launch}})
    assert (server.active_job_id, server.last_launch_job_id) == (want, "drsjob-1"), because


@pytest.mark.parametrize(
    ("item", "want", "because"),
    [
        (
            {
                "jobID": "drsjob-1",
                "status": "STARTED",
                "type": "LAUNCH",
                "initiatedBy": "START_DRILL",
                "creationDateTime": "2022-12-07T19:15:38.846723+00:00",
                "endDateTime": "2022-12-07T19:24:32.000000Z",
                "participatingServers": [
                    {"sourceServerID": SERVER, "launchStatus": "LAUNCHED", "recoveryInstanceID": "i-1"},
                    {"sourceServerID": "s-2"},
                    {"launchStatus": "LAUNCHED"},
                ],
                "tags": {"drs-operator.io/token": "t"},
            },
            Job(
                "drsjob-1",
                "STARTED",
                "LAUNCH",
                "START_DRILL",
                SEEN,
                datetime(2022, 12, 7, 19, 24, 32, tzinfo=UTC),
                (JobServer(SERVER, "LAUNCHED", "i-1"), JobServer("s-2", "PENDING")),
                {"drs-operator.io/token": "t"},
            ),
            "a server without a status has not begun; a participant that is no source server is not one",
        ),
        (
            {"jobID": "drsjob-1"},
            Job("drsjob-1", "PENDING", "", "", parse.NO_TIME, None, (), {}),
            "everything but the id is optional",
        ),
        (
            {
                "jobID": "drsjob-1",
                "status": "PAUSED",
                "participatingServers": [{"sourceServerID": "s-2", "launchStatus": "WARP"}],
            },
            Job("drsjob-1", "PAUSED", "", "", parse.NO_TIME, None, (JobServer("s-2", "WARP"),), {}),
            "unknown values are kept",
        ),
    ],
)
def test_jobs(item: dict[str, Any], want: Job, because: str) -> None:
    assert parse.job(item) == want, because


def test_a_job_of_an_unknown_status_counts_as_running() -> None:
    assert parse.job({"jobID": "drsjob-1", "status": "PAUSED"}).running


@pytest.mark.parametrize(
    ("item", "want"),
    [
        (
            {
                "event": "LAUNCH_END",
                "logDateTime": "2022-12-07T19:15:38.846723+00:00",
                "eventData": {"sourceServerID": SERVER, "rawError": "InsufficientInstanceCapacity"},
            },
            LogItem("LAUNCH_END", SEEN, SERVER, "InsufficientInstanceCapacity"),
        ),
        ({"event": "JOB_START"}, LogItem("JOB_START", parse.NO_TIME, None, None)),
        ({}, LogItem("", parse.NO_TIME, None, None)),
    ],
)
def test_log_items(item: dict[str, Any], want: LogItem) -> None:
    assert parse.log_item(item) == want


@pytest.mark.parametrize(
    ("item", "want", "because"),
    [
        (
            {
                "recoveryInstanceID": "i-1",
                "ec2InstanceID": "i-1",
                "ec2InstanceState": "RUNNING",
                "sourceServerID": SERVER,
                "jobID": "drsjob-1",
                "isDrill": True,
                "pointInTimeSnapshotDateTime": "2022-12-07T19:15:38.846723Z",
                "recoveryInstanceProperties": {
                    "networkInterfaces": [{"macAddress": "00:00"}, {"ips": ["10.0.1.5", "10.0.1.6"]}]
                },
            },
            RecoveryInstance("i-1", SERVER, "drsjob-1", True, "RUNNING", "10.0.1.5", SEEN),
            "the first address of the first interface that has one",
        ),
        (
            {"ec2InstanceID": "i-1"},
            RecoveryInstance("i-1", "", "", False, "", None, None),
            "what does not say that it is a drill is a real recovery",
        ),
    ],
)
def test_recovery_instances(item: dict[str, Any], want: RecoveryInstance, because: str) -> None:
    assert parse.recovery_instance(item) == want, because


def test_an_instance_in_an_unknown_state_is_live() -> None:
    assert parse.recovery_instance({"ec2InstanceID": "i-1", "ec2InstanceState": "HIBERNATED"}).live


def test_recovery_points_that_are_complete() -> None:
    complete = {
        "snapshotID": "pit-1",
        "expectedTimestamp": "2022-12-07T19:00:00Z",
        "timestamp": "2022-12-07T19:15:38.846723Z",
    }
    assert parse.recovery_point(complete) == RecoveryPoint("pit-1", SEEN)
    assert parse.recovery_point({"snapshotID": "pit-1", "expectedTimestamp": "2022-12-07T19:00:00Z"}) is None


class _Quotas:
    """Service Quotas with what it is given, in pages of one."""

    def __init__(self, *listed: dict[str, Any]) -> None:
        self._listed = listed

    def get_paginator(self, operation: str) -> _Quotas:
        assert operation == "list_service_quotas"
        return self

    def paginate(self, **parameters: Any) -> list[dict[str, Any]]:
        assert parameters == {"ServiceCode": "drs"}
        return [{"Quotas": [quota]} for quota in self._listed] or [{}]


@pytest.mark.parametrize(
    ("listed", "changes", "because"),
    [
        ([], {}, "published values where nothing is said"),
        ([{"QuotaCode": "L-D88FAC3A", "Value": 7.0}], {"jobsInProgress": 7}, "the one that is in force"),
        ([{"QuotaCode": "L-00000000", "Value": 1.0}, {"Value": 2.0}], {}, "quotas that nobody asks for"),
        ([{"QuotaCode": "L-D88FAC3A"}], {}, "a quota without a value"),
    ],
)
def test_quotas(listed: list[dict[str, Any]], changes: dict[str, int], because: str) -> None:
    assert quotas.read(_Quotas(*listed)) == {**quotas.PUBLISHED, **changes}, because
