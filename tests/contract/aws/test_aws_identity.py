"""STS as AWS enforces it: roles, external ids, session lifetimes, and who one is."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.worlds import EXTERNAL_ID, HUB, ONE, ROLE, ROLE_ARN, TWO
from tests.contract.simulated_aws import SimulatedAws


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def _credentials(answer: dict[str, Any]) -> dict[str, str]:
    issued = answer["Credentials"]
    return {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }


def test_the_hubs_key_is_a_user_of_the_hub_account(aws: SimulatedAws) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (HUB, f"arn:aws:iam::{HUB}:user/drs-operator")


def test_a_session_is_in_the_roles_account_under_its_session_name(aws: SimulatedAws) -> None:
    answer = aws.client("sts").assume_role(RoleArn=ROLE_ARN, RoleSessionName="exec-1", ExternalId=EXTERNAL_ID)
    identity = aws.client_of(_credentials(answer), "sts").get_caller_identity()
    assert identity["Account"] == ONE
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ONE}:assumed-role/{ROLE}/exec-1"
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["UserId"].endswith(":exec-1")


@pytest.mark.parametrize(
    ("role_arn", "external_id"),
    [
        pytest.param(ROLE_ARN, "unique-external-id-124", id="wrong external id"),
        pytest.param(ROLE_ARN, None, id="no external id"),
        pytest.param(f"{ROLE_ARN}X", EXTERNAL_ID, id="no such role"),
        pytest.param(f"arn:aws:iam::{ONE}:role/path/{ROLE}", EXTERNAL_ID, id="the role at another path"),
        pytest.param(f"arn:aws:iam::999999999999:role/{ROLE}", EXTERNAL_ID, id="no such account"),
    ],
)
def test_a_role_is_refused_in_the_same_words_whatever_is_wrong(
    aws: SimulatedAws, role_arn: str, external_id: str | None
) -> None:
    parameters = {"ExternalId": external_id} if external_id else {}
    with pytest.raises(ClientError) as refused:
        aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="exec-1", **parameters)
    assert _code(refused) == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{HUB}:user/drs-operator is not authorized to perform: sts:AssumeRole on resource: "
        f"{role_arn}"
    )


def test_a_role_without_external_id_takes_any(aws: SimulatedAws) -> None:
    arn = f"arn:aws:iam::{TWO}:role/Recovery"
    for parameters in ({}, {"ExternalId": "whatever"}):
        answer = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="exec-1", **parameters)
        assert answer["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{TWO}:")


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"DurationSeconds": 899}, "greater than or equal to 900"),
        ({"DurationSeconds": 3601}, "exceeds the MaxSessionDuration set for this role"),
        ({"RoleSessionName": "x"}, "'roleSessionName'"),
        ({"RoleSessionName": "with space"}, "'roleSessionName'"),
        ({"ExternalId": "a b"}, "'externalId'"),
    ],
)
def test_what_sts_validates(aws: SimulatedAws, parameters: dict[str, Any], text: str) -> None:
    wanted = {"RoleArn": ROLE_ARN, "RoleSessionName": "exec-1", "ExternalId": EXTERNAL_ID, **parameters}
    with pytest.raises(ClientError) as refused:
        aws.client("sts").assume_role(**wanted)
    assert _code(refused) == "ValidationError"
    assert text in refused.value.response["Error"]["Message"]
    assert "a b" not in refused.value.response["Error"]["Message"]


def test_a_role_made_with_iam_follows_its_own_trust_policy_and_a_chain_lasts_an_hour_at_most(
    aws: SimulatedAws,
) -> None:
    iam = aws.client("iam", ONE)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ONE}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "chained"}},
            }
        ],
    }
    arn = iam.create_role(RoleName="Chained", AssumeRolePolicyDocument=json.dumps(policy), MaxSessionDuration=7200)[
        "Role"
    ]["Arn"]
    wanted = {"RoleArn": arn, "RoleSessionName": "exec-1", "ExternalId": "chained"}
    with pytest.raises(ClientError) as refused:
        aws.client("sts").assume_role(**wanted)  # the hub is not in its trust policy
    assert _code(refused) == "AccessDenied"
    sts = aws.client("sts", ONE)
    with pytest.raises(ClientError) as refused:
        sts.assume_role(**wanted, DurationSeconds=3601)
    assert "role chaining" in refused.value.response["Error"]["Message"]
    assert sts.assume_role(**wanted, DurationSeconds=3600)["Credentials"]


def test_a_key_made_with_iam_opens_its_account_until_it_is_made_inactive(aws: SimulatedAws) -> None:
    iam = aws.client("iam", TWO)
    iam.create_user(UserName="robot")
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    sts = aws.client_of(credentials, "sts")
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{TWO}:user/robot"
    iam.update_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError) as refused:
        sts.get_caller_identity()
    assert _code(refused) == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("drs", "describe_source_servers", "ExpiredTokenException", 403),
        ("dynamodb", "list_tables", "ExpiredTokenException", 400),
        ("service-quotas", "list_services", "ExpiredTokenException", 400),
        ("sts", "get_caller_identity", "ExpiredToken", 403),
        ("iam", "list_roles", "ExpiredToken", 403),
        ("ec2", "describe_vpcs", "RequestExpired", 400),
    ],
)
def test_a_session_expires_when_its_time_has_passed(
    aws: SimulatedAws, service: str, operation: str, code: str, status: int
) -> None:
    client = aws.client_of(aws.assume(ONE, DurationSeconds=900), service)
    aws.advance(890)
    getattr(client, operation)()
    aws.advance(10)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()
    assert _code(refused) == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_speed_shortens_a_session_and_its_expiration_says_so_in_awss_time(aws: SimulatedAws) -> None:
    aws.set_speed(60)
    aws.advance(1000)
    answer = aws.client("sts").assume_role(
        RoleArn=ROLE_ARN, RoleSessionName="exec-1", ExternalId=EXTERNAL_ID, DurationSeconds=3600
    )
    left = (answer["Credentials"]["Expiration"] - datetime.fromisoformat(aws.clock()["time"])).total_seconds()
    assert 45 < left <= 60
    client = aws.client_of(_credentials(answer), "sts")
    client.get_caller_identity()
    aws.advance(60)
    with pytest.raises(ClientError) as refused:
        client.get_caller_identity()
    assert _code(refused) == "ExpiredToken"
