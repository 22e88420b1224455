"""The sandbox's own API beside AWS's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.worlds import ONE, SERVER
from tests.contract.simulated_aws import ControlError, SimulatedAws


def test_ready(aws: SimulatedAws) -> None:
    assert aws.control("GET", "ready") == {"ready": True}


def test_the_clock_shows_awss_time_and_moves(aws: SimulatedAws) -> None:
    before = aws.clock()
    moved = aws.control("POST", "clock", {"advance": 3600})
    ahead = datetime.fromisoformat(moved["time"]) - datetime.fromisoformat(before["time"])
    assert ahead >= timedelta(hours=1)
    assert moved["offsetSeconds"] - before["offsetSeconds"] == 3600
    assert aws.control("POST", "clock", {"speed": 60})["speed"] == 60
    assert aws.clock()["speed"] == 60


def test_at_speed_0_jobs_stand_still(aws: SimulatedAws) -> None:
    aws.set_speed(0)
    drs = aws.client("drs", ONE)
    job = drs.start_recovery(sourceServers=[{"sourceServerID": SERVER}], isDrill=True)["job"]["jobID"]
    aws.advance(7200)
    assert drs.describe_jobs(filters={"jobIDs": [job]})["items"][0]["status"] == "PENDING"
    aws.set_speed(1)
    aws.advance(1200)
    assert drs.describe_jobs(filters={"jobIDs": [job]})["items"][0]["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"advance": -1}, "clock: advance: expected a number that is not negative, not -1"),
        ({"speed": "fast"}, "clock: speed: expected a number that is not negative, not 'fast'"),
        ({"speed": True}, "clock: speed: expected a number that is not negative, not True"),
        ({"faster": 1}, "clock: expected a mapping with speed or advance"),
        ({}, "clock: expected a mapping with speed or advance"),
        ("not json", "expected a JSON object"),
    ],
)
def test_a_clock_that_cannot_be(aws: SimulatedAws, body: Any, error: str) -> None:
    with pytest.raises(ControlError) as refused:
        aws.control("POST", "clock", body)
    assert (refused.value.status, refused.value.errors) == (400, [error])


def test_faults_come_as_yaml_or_json_and_go(aws: SimulatedAws) -> None:
    text = "faults:\n  - {operation: DescribeJobs, effect: error, code: ThrottlingException}\n"
    assert aws.control("POST", "faults", text) == {"added": 1}
    document = {"faults": [{"operation": "DescribeVpcs", "effect": "error", "code": "RequestLimitExceeded"}]}
    assert aws.control("POST", "faults", document) == {"added": 1}
    for service, call in (("drs", "describe_jobs"), ("ec2", "describe_vpcs")):
        with pytest.raises(ClientError):
            getattr(aws.client(service, ONE), call)()
    assert aws.control("DELETE", "faults") == {"ended": 2}
    aws.client("drs", ONE).describe_jobs()
    assert aws.control("DELETE", "faults") == {"ended": 0}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("faults: [{operation: DescribeJobs}]", "f.yaml: faults[0].effect: expected a value, it is missing"),
        (
            "faults: [{operation: DescribeJobs, effect: error}]",
            "f.yaml: faults[0]: expected code with effect error",
        ),
        (
            "faults: [{operation: DescribeJob, effect: hang}]",
            "f.yaml: faults[0].operation: expected an operation of a simulated service, not 'DescribeJob'",
        ),
        (
            "faults: [{operation: DescribeJobs, service: s3, effect: hang}]",
            "f.yaml: faults[0].service: expected one of "
            "drs, sts, dynamodb, service-quotas, iam, ssm, sns, cloudwatch, ec2, not 's3'",
        ),
        (
            "faults: [{operation: StartRecovery, effect: emptyPage}]",
            "f.yaml: faults[0].effect: expected an operation with pages for emptyPage, StartRecovery has none",
        ),
        (
            "faults: [{operation: DescribeJobs, effect: hideJob, seconds: 1}]",
            "f.yaml: faults[0].effect: expected one of StartRecovery, TerminateRecoveryInstances with hideJob, "
            "not DescribeJobs",
        ),
        ("faults: [", "f.yaml: expected YAML (expected the node content, but found '<stream end>' at line 1)"),
        ("[]", "f.yaml: expected a mapping with apiVersion and kind"),
    ],
)
def test_faults_that_are_not_right_add_nothing(aws: SimulatedAws, text: str, error: str) -> None:
    with pytest.raises(ControlError) as refused:
        aws.control("POST", "faults?source=f.yaml", text)
    assert (refused.value.status, refused.value.errors) == (400, [error])
    assert aws.control("DELETE", "faults") == {"ended": 0}


def test_one_wrong_fault_keeps_the_right_ones_out(aws: SimulatedAws) -> None:
    text = "faults:\n- {operation: DescribeJobs, effect: hang}\n- {operation: Nothing, effect: hang}\n"
    with pytest.raises(ControlError):
        aws.control("POST", "faults", text)
    aws.client("drs", ONE).describe_jobs()


def test_set_changes_a_source_server(aws: SimulatedAws) -> None:
    aws.set_server(SERVER, {"replicationState": "STALLED", "lag": "PT10M", "tags.Tier": "gold", "snapshots": "PT5M"})
    found = aws.client("drs", ONE).describe_source_servers(filters={"sourceServerIDs": [SERVER]})["items"][0]
    assert found["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    assert found["tags"]["Tier"] == "gold"
    aws.set_server(SERVER, {"replicationState": "CONTINUOUS", "lag": "PT0S"})


@pytest.mark.parametrize(
    ("server", "changes", "text"),
    [
        ("s-00000000000000000", {"lag": "PT1S"}, "s-00000000000000000"),
        (SERVER, {"lag": "soon"}, "soon"),
        (SERVER, {"colour": "red"}, "colour"),
        (SERVER, {}, "expected a mapping"),
        (SERVER, {"lag": 5}, "expected a mapping"),
    ],
)
def test_set_refuses_what_there_is_not(aws: SimulatedAws, server: str, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ControlError) as refused:
        aws.set_server(server, changes)
    assert refused.value.status == 400
    assert text in "\n".join(refused.value.errors)


def test_other_paths_say_what_there_is(aws: SimulatedAws) -> None:
    with pytest.raises(ControlError) as refused:
        aws.control("GET", "nothing")
    assert refused.value.status == 404
    assert "GET /_sandbox/calls" in refused.value.errors[0]
