"""AWS STS: AssumeRole with everything that it enforces, and GetCallerIdentity.

The other operations answer that the sandbox has them not: nothing in this project's design calls them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from drs_sandbox.aws.answers import Answer, AwsError, with_request_id
from drs_sandbox.aws.sessions import Caller, Sessions
from drs_sandbox.aws.trust import may_assume
from drs_sandbox.aws.wire import Operation

DEFAULT_SECONDS = 3600
MIN_SECONDS = 900
MAX_CHAINED_SECONDS = 3600
_ROLE_ARN = re.compile(r"^arn:aws:iam::(?P<account>\d{12}):role/(?:[\x21-\x7e]+/)?(?P<name>[\w+=,.@-]{1,64})$")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")


@dataclass(frozen=True)
class Role:
    """A role of IAM, as far as STS needs it."""

    arn: str
    role_id: str
    trust_policy: str
    max_session_seconds: int


class Sts:
    """STS over `find_role(account, name)`, which looks into IAM."""

    def __init__(self, sessions: Sessions, find_role: Callable[[str, str], Role | None]) -> None:
        self._sessions = sessions
        self._find_role = find_role

    def answer(self, operation: Operation, caller: Caller) -> Answer:
        """Answers an operation of STS. Raises AwsError."""
        if operation.name == "GetCallerIdentity":
            result = {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}
        elif operation.name == "AssumeRole":
            result = self._assume_role(operation.parameters, caller)
        else:
            raise AwsError("NotImplemented", f"{operation.name} is not simulated; use AssumeRole", 501)
        model = get_service_model("sts").operation_model(operation.name)
        written = get_serializer_class("sts", operation.protocol)(model).serialize(result)
        return with_request_id(written["status_code"], {"Content-Type": "text/xml"}, written["body"].encode())

    def _assume_role(self, parameters: dict[str, Any], caller: Caller) -> dict[str, Any]:
        arn, name = str(parameters.get("RoleArn", "")), str(parameters.get("RoleSessionName", ""))
        external_id = parameters.get("ExternalId")
        seconds = int(parameters.get("DurationSeconds", DEFAULT_SECONDS))
        _check("roleArn", re.compile(r".{20,2048}"), arn)
        _check("roleSessionName", _SESSION_NAME, name)
        if external_id is not None:
            _check("externalId", _EXTERNAL_ID, str(external_id), shown=False)
        if seconds < MIN_SECONDS:
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
                f"Member must have value greater than or equal to {MIN_SECONDS}",
            )
        match = _ROLE_ARN.match(arn)
        role = self._find_role(match["account"], match["name"]) if match else None
        if match is None or role is None or role.arn != arn or not may_assume(role.trust_policy, caller, external_id):
            raise AwsError(
                "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                403,
            )
        if caller.role_arn is not None and seconds > MAX_CHAINED_SECONDS:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            )
        if seconds > role.max_session_seconds:
            raise AwsError(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        session = self._sessions.open(match["account"], arn, role.role_id, name, seconds)
        return {
            "Credentials": {
                "AccessKeyId": session.caller.access_key_id,
                "SecretAccessKey": session.caller.secret_access_key,
                "SessionToken": session.token,
                "Expiration": session.expiration,
            },
            "AssumedRoleUser": {"AssumedRoleId": session.caller.user_id, "Arn": session.caller.arn},
        }


def _check(name: str, pattern: re.Pattern[str], value: str, shown: bool = True) -> None:
    if not pattern.fullmatch(value):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value {repr(value) if shown else '(not shown)'} at '{name}' failed to "
            f"satisfy constraint: Member must satisfy regular expression pattern: {pattern.pattern}",
        )
