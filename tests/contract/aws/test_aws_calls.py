"""The call log: every call once, in order, with what was asked and what came of it, and no secret."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_sandbox.aws.credentials import HUB_SECRET_ACCESS_KEY
from tests.contract.aws.worlds import EXTERNAL_ID, HUB, ONE, ROLE, ROLE_ARN, SERVER, SUBNET, world
from tests.contract.simulated_aws import AwsServer, SimulatedAws


def _last(aws: SimulatedAws, operation: str) -> dict[str, Any]:
    return next(call for call in reversed(aws.calls()) if call["operation"] == operation)


def test_a_record_says_who_asked_for_what_and_when(aws: SimulatedAws) -> None:
    aws.advance(3000)
    drs = aws.client("drs", ONE)
    drs.start_recovery(sourceServers=[{"sourceServerID": SERVER}], isDrill=True, tags={"drs-operator.io/token": "t-1"})
    record = _last(aws, "StartRecovery")
    assert set(record) == {
        "time", "realTime", "account", "region", "principal", "service", "operation", "parameters", "outcome",
    }  # fmt: skip
    ahead = datetime.fromisoformat(record["time"]) - datetime.fromisoformat(record["realTime"])
    assert ahead >= timedelta(seconds=3000)
    assert (record["account"], record["region"], record["service"]) == (ONE, "us-east-1", "drs")
    assert record["principal"] == f"arn:aws:sts::{ONE}:assumed-role/{ROLE}/contract-test"
    assert record["parameters"] == {
        "sourceServers": [{"sourceServerID": SERVER}],
        "isDrill": True,
        "tags": {"drs-operator.io/token": "t-1"},
    }
    assert record["outcome"] == {"status": 202}
    aws.advance(1200)
    launched = _last(aws, "RunInstances")
    assert (launched["principal"], launched["account"], launched["service"]) == ("drs.amazonaws.com", ONE, "ec2")
    assert launched["parameters"]["LaunchTemplate"]["LaunchTemplateId"].startswith("lt-")


def test_assume_role_is_the_callers_and_hides_the_external_id(aws: SimulatedAws) -> None:
    aws.client("sts").assume_role(RoleArn=ROLE_ARN, RoleSessionName="exec-1", ExternalId=EXTERNAL_ID)
    record = _last(aws, "AssumeRole")
    assert (record["account"], record["principal"]) == (HUB, f"arn:aws:iam::{HUB}:user/drs-operator")
    assert record["parameters"] == {
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "exec-1",
        "ExternalId": "[redacted]",
    }
    with pytest.raises(ClientError):
        aws.client("sts").assume_role(RoleArn=ROLE_ARN, RoleSessionName="exec-1", ExternalId="wrong-external-id")
    assert _last(aws, "AssumeRole")["outcome"] == {"status": 403, "code": "AccessDenied"}


@pytest.mark.parametrize(
    ("service", "call", "parameters", "operation", "logged"),
    [
        (
            "ec2",
            "describe_network_interfaces",
            {"Filters": [{"Name": "subnet-id", "Values": [SUBNET]}], "MaxResults": 5},
            "DescribeNetworkInterfaces",
            {"Filters": [{"Name": "subnet-id", "Values": [SUBNET]}], "MaxResults": 5},
        ),
        ("iam", "get_role", {"RoleName": ROLE}, "GetRole", {"RoleName": ROLE}),
        (
            "sns",
            "create_topic",
            {"Name": "t", "Attributes": {"DisplayName": "T"}},
            "CreateTopic",
            {"Name": "t", "Attributes": {"DisplayName": "T"}},
        ),
        ("ssm", "describe_parameters", {"MaxResults": 7}, "DescribeParameters", {"MaxResults": 7}),
        (
            "service-quotas",
            "get_service_quota",
            {"ServiceCode": "drs", "QuotaCode": "L-D88FAC3A"},
            "GetServiceQuota",
            {"ServiceCode": "drs", "QuotaCode": "L-D88FAC3A"},
        ),
        ("drs", "list_tags_for_resource", {}, "ListTagsForResource", {}),
    ],
)
def test_parameters_of_every_protocol_are_those_of_the_client(
    aws: SimulatedAws, service: str, call: str, parameters: dict[str, Any], operation: str, logged: dict[str, Any]
) -> None:
    if service == "drs":
        arn = f"arn:aws:drs:us-east-1:{ONE}:source-server/{SERVER}"
        parameters, logged = {"resourceArn": arn}, {"resourceArn": arn}
    getattr(aws.client(service, ONE), call)(**parameters)
    record = _last(aws, operation)
    assert record["service"] == service
    assert record["parameters"] == logged
    assert record["outcome"] == {"status": 200}


def test_dynamodb_calls_show_table_key_and_condition(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    with pytest.raises(ClientError):
        dynamodb.put_item(
            TableName="nowhere",
            Item={"pk": {"S": "RUN#1"}, "body": {"B": b"\x00\x01"}},
            ConditionExpression="attribute_not_exists(pk)",
        )
    record = _last(aws, "PutItem")
    assert record["parameters"]["TableName"] == "nowhere"
    assert record["parameters"]["Item"]["pk"] == {"S": "RUN#1"}
    assert record["parameters"]["ConditionExpression"] == "attribute_not_exists(pk)"
    assert record["outcome"] == {"status": 400, "code": "ResourceNotFoundException"}


def test_refused_calls_are_there_with_their_code(aws: SimulatedAws) -> None:
    unknown = {"aws_access_key_id": "AKIAI44QH8DHBEXAMPLE", "aws_secret_access_key": "x"}
    with pytest.raises(ClientError):
        aws.client_of(unknown, "drs").describe_jobs()
    record = _last(aws, "DescribeJobs")
    assert (record["account"], record["principal"]) == (None, None)
    assert record["outcome"] == {"status": 403, "code": "UnrecognizedClientException"}
    with pytest.raises(ClientError):
        aws.client("drs", ONE).describe_recovery_snapshots(sourceServerID="s-short")
    refused = aws.calls("drs")[-1]
    assert refused["outcome"] == {"status": 400, "code": "ValidationException"}


def test_no_secret_is_in_the_log_nor_in_its_file(aws: SimulatedAws) -> None:
    credentials = aws.assume(ONE)
    iam = aws.client("iam", ONE)
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": HUB},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "another-external-id"}},
        },
    }
    iam.create_role(RoleName="Secretive", AssumeRolePolicyDocument=json.dumps(policy))
    aws.client("ssm", ONE).put_parameter(Name="/secret", Value="secure-value", Type="SecureString")
    texts = (json.dumps(aws.calls()), (aws.state / "calls.jsonl").read_text())
    for text in texts:
        for secret in (
            EXTERNAL_ID,
            "another-external-id",
            "secure-value",
            HUB_SECRET_ACCESS_KEY,
            credentials["aws_secret_access_key"],
            credentials["aws_session_token"],
        ):
            assert secret not in text
        assert "Secretive" in text


def test_the_file_has_the_same_records_a_line_each(aws: SimulatedAws) -> None:
    aws.client("sts").get_caller_identity()
    lines = (aws.state / "calls.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == aws.calls()


def test_calls_may_be_asked_for_by_service(aws: SimulatedAws) -> None:
    aws.client("sts").get_caller_identity()
    aws.client("ec2", ONE).describe_vpcs()
    assert {call["service"] for call in aws.calls("ec2")} == {"ec2"}
    assert {call["service"] for call in aws.calls()} >= {"ec2", "sts"}


def test_a_new_world_has_an_empty_log(aws_server: AwsServer) -> None:
    assert aws_server(world()).calls() == []
