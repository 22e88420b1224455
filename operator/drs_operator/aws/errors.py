"""AWS's errors in the operator's vocabulary."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from drs_operator.aws.shared import Silent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Access, AccessDenied, ReadFailed

FAILED = (ClientError, BotoCoreError, ResponseParserError)
"""What botocore raises for a call that failed; the last is no BotoCoreError: an answer that breaks AWS's own model."""
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"})
OPT_IN = frozenset({"AuthFailure", "InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException"})
"""What a Region answers that does not know the credentials: it is not enabled for the account, or they are revoked."""
THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "EC2ThrottledException",
    }
)
TOO_OLD = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})
UNSURE = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
"""4xx by number, but no refusal: whether anything was done is open."""
SERVERS_QUOTA = "L-05AFA8C6"
QUOTAS = {
    "L-D88FAC3A": Refusal.JOBS_QUOTA,
    SERVERS_QUOTA: Refusal.SERVERS_QUOTA,
    "L-DD6D028C": Refusal.SERVER_IN_JOB,  # concurrent jobs of one server: 1
    "L-B827C881": Refusal.INVALID,  # servers in one job: waiting does not help, smaller calls do
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError)
_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, CredentialRetrievalError, *_NO_CREDENTIALS)
_SERVER_ID = re.compile(r"\bs-[0-9a-zA-Z]{17}\b")
_KEEPS_TRYING = "the operator keeps trying"


def code_of(error: ClientError) -> str:
    """The code that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status that AWS answered; 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def message_of(error: Exception) -> str:
    """What AWS said, without the client's wrapping."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "")) or code_of(error)
    return str(error)


def read_failed(error: ClientError | BotoCoreError | ResponseParserError, access: Access, region: str) -> ReadFailed:
    """A failed read as the exception that reconcilers know."""
    where = f"account {access.account_id} in {region}"
    if isinstance(error, _NO_CREDENTIALS):
        return no_credentials()
    if isinstance(error, ResponseParserError):
        return ReadFailed("DRS_ERROR", f"{where} answers what cannot be read: {error}; {_KEEPS_TRYING}")
    if not isinstance(error, ClientError):
        return ReadFailed("DRS_ERROR", f"{where} does not answer: {error}; {_KEEPS_TRYING}")
    code = code_of(error)
    if code == "UninitializedAccountException":
        return ReadFailed("DRS_NOT_INITIALIZED", _not_initialized(where, region))
    if code in DENIED:
        look = f": aws iam list-role-policies --role-name {access.role_name}" if access.role_name else ""
        text = f"{where} refuses: {message_of(error)}; extend the role's policy{look}"
        return AccessDenied("ACCOUNT_UNAVAILABLE", text)
    if code in OPT_IN:
        return AccessDenied(
            "ACCOUNT_UNAVAILABLE",
            f"{where} does not know the credentials ({code}); enable the Region in that account: aws account "
            f"enable-region --region-name {region}",
        )
    return ReadFailed("DRS_ERROR", f"{where} answered {code}: {message_of(error)}; {_KEEPS_TRYING}")


def silent(access: Access, region: str, seconds: float) -> ReadFailed:
    """A place that takes a read and says nothing for so long."""
    return ReadFailed(
        "DRS_ERROR",
        f"account {access.account_id} in {region} does not answer: nothing was heard for {seconds:g} s; "
        f"{_KEEPS_TRYING}, compare with: aws drs describe-source-servers --region {region}",
    )


def other_account(access: Access, found: str) -> AccessDenied:
    """Credentials that lead into another account than the declared one."""
    what = f"the credentials for TargetAccount {access.account_name} belong to account {found}, not {access.account_id}"
    if access.role_name:
        return AccessDenied("ROLE_ASSUMPTION_FAILED", f"{what}; check what answers as STS (AWS_ENDPOINT_URL_STS)")
    return AccessDenied("ACCOUNT_CHANGED", f"{what}; correct spec.accountId, or set spec.assumeRoleName")


def region_state(error: ReadFailed) -> str:
    """The state of a Region whose read failed, by the answer that it gave: the cause of what `read_failed` made."""
    cause = error.__cause__
    if error.code == "DRS_NOT_INITIALIZED":
        return "NOT_INITIALIZED"
    if isinstance(cause, ClientError) and error.code == "ACCOUNT_UNAVAILABLE" and code_of(cause) in OPT_IN:
        return "NOT_OPTED_IN"
    if isinstance(error, AccessDenied):
        return "ACCESS_DENIED"
    if isinstance(cause, ClientError):
        return "THROTTLED" if _throttled(cause) else "ERROR"
    return "UNREACHABLE" if isinstance(cause, (BotoCoreError, Silent)) else "ERROR"


def assume_failed(error: ClientError | BotoCoreError | ResponseParserError, access: Access) -> ReadFailed:
    """A role that could not be assumed: AccessDenied where a person has to act, else something that may pass."""
    what = f"TargetAccount {access.account_name}: role {access.role_arn} could not be assumed"
    if isinstance(error, _NO_CREDENTIALS):
        return no_credentials()
    said = _said_of_role(error)
    if isinstance(error, ParamValidationError):
        return AccessDenied("ROLE_ASSUMPTION_FAILED", f"{what}: {said}; correct the TargetAccount")
    if not isinstance(error, ClientError):
        return ReadFailed("DRS_ERROR", f"{what}: STS does not answer: {said}; {_KEEPS_TRYING}")
    code = code_of(error)
    if code in DENIED:
        return AccessDenied(
            "ROLE_ASSUMPTION_FAILED",
            f"{what}: {code}; check that the role exists, trusts the operator's account and expects the external id "
            f"of this TargetAccount; in account {access.account_id}: aws iam get-role --role-name {access.role_name}",
        )
    if code in EXPIRED or _throttled(error) or status_of(error) >= 500:
        return ReadFailed("DRS_ERROR", f"{what}: {code}: {said}; {_KEEPS_TRYING}")
    if code in OPT_IN or code in TOO_OLD:
        return AccessDenied(
            "ROLE_ASSUMPTION_FAILED", f"{what}: {code}: {said}; check the operator's own AWS credentials and its clock"
        )
    return AccessDenied("ROLE_ASSUMPTION_FAILED", f"{what}: {code}: {said}; correct the TargetAccount or its role")


def _said_of_role(error: Exception) -> str:
    """What STS said; of the external id in words of our own, because STS repeats what it does not like."""
    said = message_of(error)
    if "externalid" in said.lower():
        return (
            "the external id has a form that AWS does not allow: 2 to 1224 letters, digits and + = , . @ : / - _ "
            "(a line break at the end of a Secret's value is the usual reason)"
        )
    return said


def without_secrets(error: ClientError | BotoCoreError | ResponseParserError, access: Access) -> Exception:
    """The error as it may stand in a log's traceback: itself, unless STS has repeated the external id in it."""
    if not access.external_id or access.external_id not in str(error):
        return error
    if not isinstance(error, ClientError):
        return BotoCoreError()
    response: Any = {**error.response, "Error": {"Code": code_of(error), "Message": "(names the external id)"}}
    return ClientError(response, error.operation_name)


def launch_answer(error: ClientError | BotoCoreError) -> Refused | Unknown:
    """What a failed StartRecovery means: certain that nothing was launched, or unknown.

    Unknown is everything that is not surely a refusal: time-outs, lost connections, 5xx, anything but 4xx.
    """
    if isinstance(error, ParamValidationError):
        return Refused(Refusal.INVALID, type(error).__name__, str(error))
    if isinstance(error, _NEVER_SENT):
        return Refused(Refusal.NOT_SENT, type(error).__name__, str(error))
    if not isinstance(error, ClientError):
        return Unknown(f"{type(error).__name__}: {error}")
    code, message, status = code_of(error), message_of(error), status_of(error)
    if code in UNSURE or status == 408:
        return Unknown(f"{code} (HTTP {status}): {message}")
    if code in EXPIRED or code in TOO_OLD:
        return Refused(Refusal.NOT_SENT, code, message)
    if _throttled(error):
        return Refused(Refusal.THROTTLED, code, message)
    if code == "ServiceQuotaExceededException" or status == 402:
        return Refused(QUOTAS.get(str(error.response.get("quotaCode")), Refusal.JOBS_QUOTA), code, message)
    if code == "ConflictException" or status == 409:
        return Refused(Refusal.SERVER_IN_JOB, code, message)
    if code in DENIED or code in OPT_IN or code == "UninitializedAccountException" or status == 403:
        return Refused(Refusal.DENIED, code, message)
    if 400 <= status < 500:
        return Refused(Refusal.INVALID, code, message, _named_servers(error.response))
    return Unknown(f"{code} (HTTP {status}): {message}")


def _named_servers(response: Any) -> tuple[str, ...]:
    """Servers that a refusal names, in its message or in the members that DRS's exceptions have."""
    fields = response.get("fieldList") or []
    texts = [response.get("Error", {}).get("Message", ""), response.get("resourceId", "")]
    texts += [field.get(key, "") for field in fields for key in ("name", "message")]
    return tuple(dict.fromkeys(_SERVER_ID.findall(" ".join(texts))))


def _throttled(error: ClientError) -> bool:
    return code_of(error) in THROTTLED or status_of(error) == 429


def no_credentials() -> AccessDenied:
    return AccessDenied("ROLE_ASSUMPTION_FAILED", "the operator has no AWS credentials; give its pod an IAM role")


def _not_initialized(where: str, region: str) -> str:
    return (
        f"DRS is not initialised in {where}; run: aws drs initialize-service --region {region}, "
        f"or open https://{region}.console.aws.amazon.com/drs/home?region={region}"
    )
