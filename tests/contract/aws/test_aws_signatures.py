"""Requests are turned away as AWS turns them away: unknown keys, wrong secrets, old signatures, no signature."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_sandbox.aws.credentials import HUB_ACCESS_KEY_ID, HUB_SECRET_ACCESS_KEY
from tests.contract.aws.worlds import ONE, SERVER, world
from tests.contract.simulated_aws import HUB_CREDENTIALS, AwsServer, SimulatedAws

HARMLESS = {
    "drs": "describe_source_servers",
    "dynamodb": "list_tables",
    "service-quotas": "list_services",
    "ssm": "describe_parameters",
    "sts": "get_caller_identity",
    "iam": "list_roles",
    "sns": "list_topics",
    "ec2": "describe_vpcs",
}
UNKNOWN = {"aws_access_key_id": "AKIAI44QH8DHBEXAMPLE", "aws_secret_access_key": HUB_SECRET_ACCESS_KEY}
WRONG_SECRET = {"aws_access_key_id": HUB_ACCESS_KEY_ID, "aws_secret_access_key": "not-it"}


def _refusal(client: Any, operation: str) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "unknown", "wrong", "old"),
    [
        ("drs", "UnrecognizedClientException", "InvalidSignatureException", "InvalidSignatureException"),
        ("dynamodb", "UnrecognizedClientException", "InvalidSignatureException", "InvalidSignatureException"),
        ("service-quotas", "UnrecognizedClientException", "InvalidSignatureException", "InvalidSignatureException"),
        ("ssm", "UnrecognizedClientException", "InvalidSignatureException", "InvalidSignatureException"),
        ("sts", "InvalidClientTokenId", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ("iam", "InvalidClientTokenId", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ("sns", "InvalidClientTokenId", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ("ec2", "AuthFailure", "AuthFailure", "RequestExpired"),
    ],
)
def test_each_protocol_has_its_own_codes(
    aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch, service: str, unknown: str, wrong: str, old: str
) -> None:
    assert _refusal(aws.client_of(UNKNOWN, service), HARMLESS[service])[0] == unknown
    assert _refusal(aws.client_of(WRONG_SECRET, service), HARMLESS[service])[0] == wrong
    client = aws.client(service, ONE)
    long_ago = datetime.now(UTC) - timedelta(minutes=6)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: long_ago)
    assert _refusal(client, HARMLESS[service])[0] == old


def test_an_old_signature_says_how_old_and_nothing_is_done(aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    drs = aws.client("drs", ONE)
    long_ago = datetime.now(UTC) - timedelta(minutes=6)
    with monkeypatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: long_ago)
        with pytest.raises(ClientError) as refused:
            drs.start_recovery(sourceServers=[{"sourceServerID": SERVER}])
    message = refused.value.response["Error"]["Message"]
    assert message.startswith(f"Signature expired: {long_ago:%Y%m%dT%H%M%SZ} is now earlier than ")
    assert message.endswith(" - 5 min.)")
    assert drs.describe_jobs()["items"] == []
    logged = aws.calls("drs")[-2]
    assert (logged["operation"], logged["outcome"]) == (
        "StartRecovery",
        {"status": 403, "code": "InvalidSignatureException"},
    )


def test_a_signature_from_the_future_is_not_yet_current(aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    client = aws.client("sts")
    later = datetime.now(UTC) + timedelta(minutes=6)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: later)
    code, status, message = _refusal(client, "get_caller_identity")
    assert (code, status) == ("SignatureDoesNotMatch", 403)
    assert message.startswith("Signature not yet current: ")
    assert message.endswith(" + 5 min.)")


def test_the_age_of_a_signature_is_judged_on_the_wall_clock_and_answers_carry_awss_date(aws: SimulatedAws) -> None:
    client = aws.client("sts")
    aws.advance(86400)
    answer = client.get_caller_identity()
    date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    ahead = date - datetime.now(UTC)
    assert ahead > timedelta(hours=23, minutes=59)
    assert aws.clock()["offsetSeconds"] >= 86400


def test_signature_ttl_is_an_option(aws_server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = aws_server(world(), signature_ttl=90)
    client = strict.client("sts")
    now = datetime.now(UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now - timedelta(seconds=60))
    client.get_caller_identity()
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now - timedelta(seconds=100))
    assert "(" in _refusal(client, "get_caller_identity")[2]
    assert _refusal(client, "get_caller_identity")[2].endswith(" - 90 sec.)")


@pytest.mark.parametrize(
    ("token", "because"),
    [
        (None, "a session's key is nothing without its token"),
        ("x" * 100, "the token is another one"),
    ],
)
def test_a_session_needs_its_own_token(aws: SimulatedAws, token: str | None, because: str) -> None:
    credentials = {**aws.assume(ONE), "aws_session_token": token or ""}
    if token is None:
        del credentials["aws_session_token"]
    code, _, _ = _refusal(aws.client_of(credentials, "sts"), "get_caller_identity")
    assert code == "InvalidClientTokenId", because


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Bearer abc", "X-Amz-Date": "20260101T000000Z"}, "IncompleteSignatureException"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/2026"}, "IncompleteSignatureException"),
    ],
)
def test_requests_without_a_readable_signature(aws: SimulatedAws, headers: dict[str, str], code: str) -> None:
    request = urllib.request.Request(
        f"{aws.endpoint}/DescribeJobs",
        data=b"{}",
        headers={"Content-Type": "application/json", **headers},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, code)
        assert "message" in json.load(answer)


def test_a_service_that_is_not_simulated_says_which_are(aws: SimulatedAws) -> None:
    code, status, message = _refusal(aws.client("kinesis"), "list_streams")
    assert (code, status) == ("UnknownService", 501)
    assert "kinesis is not simulated" in message
    assert "drs" in message


def test_an_operation_that_does_not_exist_is_refused_as_aws_does(aws: SimulatedAws) -> None:
    sts = aws.client_of(HUB_CREDENTIALS, "sts")
    sts.meta.events.register("before-call.sts", lambda params, **_: params["body"].update({"Action": "GetEverything"}))
    code, status, _ = _refusal(sts, "get_caller_identity")
    assert (code, status) == ("InvalidAction", 400)


def test_a_region_that_does_not_exist_is_refused(aws: SimulatedAws) -> None:
    client = aws.client("drs", region="xx-nowhere-1")
    code, status, message = _refusal(client, "describe_source_servers")
    assert (code, status) == ("InvalidSignatureException", 403)
    assert message == "Credential should be scoped to a valid region."
