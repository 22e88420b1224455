"""What AWS answers, in the operator's vocabulary: reads that failed, roles that were refused, launches."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from drs_operator.aws import errors
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, AccessDenied, ReadFailed

URL = "https://drs.us-east-1.amazonaws.com/StartRecovery"
EXTERNAL_ID = "very-private-external-id"
ACCESS = Access("production", "123456789012", "DRSOrchestrationRole", EXTERNAL_ID)
SERVER, OTHER = "s-1234567890abcdef0", "s-1234567890abcdef1"
IN_A_JOB = "One or more of the Source Servers included in API call are currently being processed by a Job"


def answered(
    code: str, status: int, message: str = "", operation: str = "StartRecovery", **members: Any
) -> ClientError:
    """An error as botocore makes it of AWS's answer; `members` are those of the exception's model."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **members,
    }
    return ClientError(response, operation)


LOST: tuple[BotoCoreError, ...] = (
    ReadTimeoutError(endpoint_url=URL),
    ConnectionClosedError(endpoint_url=URL),
    HTTPClientError(error="reset"),
    SSLError(endpoint_url=URL, error=OSError("broken")),
    ProxyConnectionError(proxy_url="http://proxy", error="gone"),
)
NEVER_SENT: tuple[BotoCoreError, ...] = (
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
    NoCredentialsError(),
    PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"),
    CredentialRetrievalError(provider="iam-role", error_msg="no answer"),
)


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_a_launch_whose_answer_is_lost_is_unknown(error: BotoCoreError) -> None:
    assert isinstance(errors.launch_answer(error), Unknown)


@pytest.mark.parametrize("error", NEVER_SENT, ids=lambda error: type(error).__name__)
def test_a_launch_that_never_left_is_not_sent(error: BotoCoreError) -> None:
    answer = errors.launch_answer(error)
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.NOT_SENT


@pytest.mark.parametrize(
    ("error", "kind", "because"),
    [
        (answered("AccessDeniedException", 403), Refusal.DENIED, "the role may not: a person has to act"),
        (answered("SomethingForbidden", 403), Refusal.DENIED, "403 whatever its name"),
        (answered("UnrecognizedClientException", 403), Refusal.DENIED, "the Region does not know the account"),
        (answered("UninitializedAccountException", 400), Refusal.DENIED, "no server is at fault: a person initialises"),
        (answered("ConflictException", 409, IN_A_JOB), Refusal.SERVER_IN_JOB, "a server is in a job: the wave queues"),
        (answered("SomeConflict", 409), Refusal.SERVER_IN_JOB, "409 whatever its name"),
        (answered("ThrottlingException", 429), Refusal.THROTTLED, "DRS throttles with 429"),
        (answered("TooManyRequests", 429), Refusal.THROTTLED, "429 whatever its name"),
        (answered("Throttling", 400), Refusal.THROTTLED, "others throttle with 400"),
        (
            answered("ServiceQuotaExceededException", 402, quotaCode="L-D88FAC3A"),
            Refusal.JOBS_QUOTA,
            "20 jobs in progress",
        ),
        (
            answered("ServiceQuotaExceededException", 402, quotaCode="L-05AFA8C6"),
            Refusal.SERVERS_QUOTA,
            "500 servers in all jobs",
        ),
        (
            answered("ServiceQuotaExceededException", 402, quotaCode="L-DD6D028C"),
            Refusal.SERVER_IN_JOB,
            "one job per server",
        ),
        (
            answered("ServiceQuotaExceededException", 402, quotaCode="L-B827C881"),
            Refusal.INVALID,
            "too many servers in one job: waiting never helps, halves do",
        ),
        (answered("ServiceQuotaExceededException", 402), Refusal.JOBS_QUOTA, "a quota that is not named queues"),
        (answered("PaymentRequired", 402, quotaCode="L-99999999"), Refusal.JOBS_QUOTA, "an unknown quota queues"),
        (answered("ValidationException", 400, "no recovery point"), Refusal.INVALID, "the request is wrong"),
        (answered("ResourceNotFoundException", 404), Refusal.INVALID, "a server is gone"),
        (answered("BrandNewException", 400), Refusal.INVALID, "any other 4xx has launched nothing"),
        (ParamValidationError(report="bad id"), Refusal.INVALID, "botocore itself refuses it, before it is sent"),
        (answered("ExpiredTokenException", 403), Refusal.NOT_SENT, "expired credentials launch nothing"),
        (answered("ExpiredToken", 400), Refusal.NOT_SENT, "expired credentials, another name"),
        (answered("RequestExpired", 400), Refusal.NOT_SENT, "expired credentials, a third name"),
        (answered("InvalidSignatureException", 403, "Signature expired"), Refusal.NOT_SENT, "signed too long ago"),
        (answered("SignatureDoesNotMatch", 403), Refusal.NOT_SENT, "signed too long ago, another name"),
        (answered("RequestTimeTooSkewed", 403), Refusal.NOT_SENT, "signed too long ago, a third name"),
    ],
)
def test_definite_refusals_of_a_launch(error: Any, kind: Refusal, because: str) -> None:
    answer = errors.launch_answer(error)
    assert isinstance(answer, Refused), because
    assert answer.kind is kind, because
    assert answer.code


@pytest.mark.parametrize(
    "error",
    [
        answered("InternalServerException", 500),
        answered("502", 502),
        answered("ServiceUnavailable", 503),
        answered("GatewayTimeout", 504),
        answered("RequestTimeout", 400),
        answered("RequestTimeoutException", 408),
        answered("SomeTimeout", 408),
        answered("PriorRequestNotComplete", 400),
        answered("Moved", 302),
        ClientError({"Error": {}}, "StartRecovery"),
    ],
    ids=str,
)
def test_launches_of_which_nobody_knows(error: ClientError) -> None:
    assert isinstance(errors.launch_answer(error), Unknown)


@pytest.mark.parametrize(
    ("error", "servers", "because"),
    [
        (answered("ValidationException", 400, f"Source server {SERVER} has no point"), (SERVER,), "in the message"),
        (answered("ValidationException", 400, f"{OTHER} and {SERVER}, {OTHER}"), (OTHER, SERVER), "each once"),
        (
            answered("ValidationException", 400, "bad", fieldList=[{"name": "sourceServers", "message": f"{SERVER}?"}]),
            (SERVER,),
            "in a field's message",
        ),
        (answered("ResourceNotFoundException", 404, "gone", resourceId=SERVER), (SERVER,), "as the resource"),
        (answered("ValidationException", 400, f"arn:…:source-server/{SERVER}"), (SERVER,), "in an ARN"),
        (answered("ValidationException", 400, f"pcs-1234567890abcdef0 and {SERVER}0"), (), "other ids are no servers"),
        (answered("ValidationException", 400, "something is wrong"), (), "none is named"),
    ],
)
def test_servers_that_a_refusal_names(error: ClientError, servers: tuple[str, ...], because: str) -> None:
    answer = errors.launch_answer(error)
    assert isinstance(answer, Refused)
    assert answer.server_ids == servers, because


@pytest.mark.parametrize(
    ("error", "kind", "code", "state", "hint"),
    [
        (
            answered("UninitializedAccountException", 400),
            ReadFailed,
            "DRS_NOT_INITIALIZED",
            "NOT_INITIALIZED",
            "aws drs initialize-service --region us-east-1",
        ),
        (answered("AccessDeniedException", 403, "no"), AccessDenied, "ACCOUNT_UNAVAILABLE", "ACCESS_DENIED", "policy"),
        (answered("UnauthorizedOperation", 403), AccessDenied, "ACCOUNT_UNAVAILABLE", "ACCESS_DENIED", "policy"),
        (
            answered("UnrecognizedClientException", 403),
            AccessDenied,
            "ACCOUNT_UNAVAILABLE",
            "NOT_OPTED_IN",
            "aws account enable-region --region-name us-east-1",
        ),
        (answered("AuthFailure", 401), AccessDenied, "ACCOUNT_UNAVAILABLE", "NOT_OPTED_IN", "enable-region"),
        (answered("ThrottlingException", 429, "slow"), ReadFailed, "DRS_ERROR", "THROTTLED", "keeps trying"),
        (answered("InternalServerException", 500, "oops"), ReadFailed, "DRS_ERROR", "ERROR", "oops"),
        (answered("BrandNewException", 400, "what"), ReadFailed, "DRS_ERROR", "ERROR", "BrandNewException: what"),
        (answered("ExpiredTokenException", 403), ReadFailed, "DRS_ERROR", "ERROR", "keeps trying"),
        (NoCredentialsError(), AccessDenied, "ROLE_ASSUMPTION_FAILED", "ACCESS_DENIED", "IAM role"),
        *[(error, ReadFailed, "DRS_ERROR", "UNREACHABLE", "does not answer") for error in LOST],
    ],
    ids=lambda value: str(value)[:40],
)
def test_reads_that_failed(error: Any, kind: type[ReadFailed], code: str, state: str, hint: str) -> None:
    failed = errors.read_failed(error, ACCESS, "us-east-1")
    failed.__cause__ = error
    assert (type(failed), failed.code, errors.region_state(failed)) == (kind, code, state)
    assert hint in failed.message


def assuming(code: str, status: int, message: str = "") -> ClientError:
    """An error of AssumeRole."""
    return answered(code, status, message, "AssumeRole")


@pytest.mark.parametrize(
    ("error", "kind", "code", "hint"),
    [
        (assuming("AccessDenied", 403), AccessDenied, "ROLE_ASSUMPTION_FAILED", "expects the external id"),
        (assuming("ValidationError", 400, "role/…"), AccessDenied, "ROLE_ASSUMPTION_FAILED", "correct the TargetAcc"),
        (assuming("RegionDisabledException", 403), AccessDenied, "ROLE_ASSUMPTION_FAILED", "correct"),
        (assuming("InvalidClientTokenId", 403), AccessDenied, "ROLE_ASSUMPTION_FAILED", "operator's own AWS cred"),
        (assuming("SignatureDoesNotMatch", 403), AccessDenied, "ROLE_ASSUMPTION_FAILED", "its clock"),
        (NoCredentialsError(), AccessDenied, "ROLE_ASSUMPTION_FAILED", "no AWS credentials"),
        (ParamValidationError(report="x"), AccessDenied, "ROLE_ASSUMPTION_FAILED", "correct the TargetAccount"),
        (assuming("Throttling", 400), ReadFailed, "DRS_ERROR", "keeps trying"),
        (assuming("InternalFailure", 500), ReadFailed, "DRS_ERROR", "keeps trying"),
        (assuming("ExpiredToken", 403), ReadFailed, "DRS_ERROR", "keeps trying"),
        *[(error, ReadFailed, "DRS_ERROR", "does not answer") for error in LOST],
    ],
    ids=lambda value: str(value)[:40],
)
def test_roles_that_were_not_assumed(error: Any, kind: type[ReadFailed], code: str, hint: str) -> None:
    """What may pass by itself must not be told as a refusal: runs would wait for a person, drills be refused."""
    failed = errors.assume_failed(error, ACCESS)
    assert (type(failed), failed.code) == (kind, code)
    assert hint in failed.message
    assert str(ACCESS.role_arn) in failed.message or kind is AccessDenied


@pytest.mark.parametrize(
    "error",
    [
        assuming("ValidationError", 400, f"Value '{EXTERNAL_ID}\\n' at 'externalId' failed to satisfy constraint"),
        ParamValidationError(report=f"Invalid type for parameter ExternalId, value: {EXTERNAL_ID}"),
        assuming("AccessDenied", 403, f"wrong external id {EXTERNAL_ID}"),
    ],
)
def test_an_external_id_that_aws_does_not_like_is_not_repeated(error: Any) -> None:
    failed = errors.assume_failed(error, ACCESS)
    assert EXTERNAL_ID not in str(failed)
    assert "external id" in str(failed)
    assert EXTERNAL_ID not in repr(failed)
