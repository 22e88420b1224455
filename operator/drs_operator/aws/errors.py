"""AWS's errors in the operator's vocabulary."""

from __future__ import annotations

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, AccessDenied, ReadFailed

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException"})
THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})
OPT_IN = frozenset({"AuthFailure", "InvalidClientTokenId", "OptInRequired"})
TOO_OLD = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})
JOBS_QUOTA = "L-D88FAC3A"
SERVERS_QUOTA = "L-05AFA8C6"
_SERVER_ID = re.compile(r"s-[0-9a-zA-Z]{17}")


def code_of(error: ClientError) -> str:
    """The code that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: Exception) -> str:
    """What AWS said, without the client's wrapping."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "")) or code_of(error)
    return str(error)


def read_failed(error: Exception, access: Access, region: str) -> ReadFailed:
    """A failed read as the exception that reconcilers know."""
    where = f"account {access.account_id} in {region}"
    if isinstance(error, ClientError):
        code = code_of(error)
        if code == "UninitializedAccountException":
            return ReadFailed(
                "DRS_NOT_INITIALIZED",
                f"DRS is not initialised in {where}; run: aws drs initialize-service --region {region}, "
                f"or open https://{region}.console.aws.amazon.com/drs/home?region={region}",
            )
        if code in DENIED:
            return AccessDenied(
                "ACCOUNT_UNAVAILABLE", f"{where} refuses: {message_of(error)}; extend the role's policy"
            )
        return ReadFailed("DRS_ERROR", f"{where} answered {code}: {message_of(error)}")
    if isinstance(error, NoCredentialsError):
        return AccessDenied("ROLE_ASSUMPTION_FAILED", "the operator has no AWS credentials; give its pod an IAM role")
    return ReadFailed("DRS_ERROR", f"{where} does not answer: {error}")


def assume_failed(error: Exception, access: Access) -> ReadFailed:
    """A role that could not be assumed."""
    what = f"role {access.role_arn} could not be assumed"
    if isinstance(error, ClientError):
        if code_of(error) in DENIED:
            return AccessDenied(
                "ROLE_ASSUMPTION_FAILED",
                f"{what}: {code_of(error)}; check that the role exists, trusts the operator's account and expects "
                "the external id of this TargetAccount",
            )
        return ReadFailed("ROLE_ASSUMPTION_FAILED", f"{what}: {code_of(error)}: {message_of(error)}")
    return ReadFailed("ROLE_ASSUMPTION_FAILED", f"{what}: STS does not answer: {error}")


def launch_answer(error: Exception) -> Refused | Unknown:
    """What a failed StartRecovery means: certain that nothing was launched, or unknown.

    Unknown is everything that is not surely a refusal: time-outs, lost connections, 5xx, codes never seen before.
    """
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError | NoCredentialsError):
        return Refused(Refusal.NOT_SENT, type(error).__name__, str(error))
    if isinstance(error, ConnectionClosedError) or not isinstance(error, ClientError):
        return Unknown(f"{type(error).__name__}: {error}") if isinstance(error, BotoCoreError) else Unknown(repr(error))
    code, message = code_of(error), message_of(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in EXPIRED or code in TOO_OLD:
        return Refused(Refusal.NOT_SENT, code, message)
    if code in THROTTLED or status == 429:
        return Refused(Refusal.THROTTLED, code, message)
    if code == "ServiceQuotaExceededException" or status == 402:
        quota = str(error.response.get("quotaCode", ""))
        kind = Refusal.SERVERS_QUOTA if quota == SERVERS_QUOTA else Refusal.JOBS_QUOTA
        return Refused(kind, code, message)
    if code == "ConflictException" or status == 409:
        return Refused(Refusal.SERVER_IN_JOB, code, message)
    if code in DENIED or code in OPT_IN or status == 403:
        return Refused(Refusal.DENIED, code, message)
    if 400 <= status < 500:
        return Refused(Refusal.INVALID, code, message, tuple(_SERVER_ID.findall(message)))
    return Unknown(f"{code} (HTTP {status}): {message}")
