"""The errors of DRS as they go over the wire.

Each has the HTTP status and the members of the service model's exception of that name. botocore finds the class by the
header `x-amzn-errortype`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

STATUS = {
    "AccessDeniedException": 403,
    "ConflictException": 409,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "ThrottlingException": 429,
    "UninitializedAccountException": 400,
    "ValidationException": 400,
}
SERVERS_IN_A_JOB = (
    "One or more of the Source Servers included in API call are currently being processed by a Job"  # word for word
)
_RETRY_AFTER = "retryAfterSeconds"


class DrsError(Exception):
    """An error answer of DRS.

    `code` is the exception's name in the service model, `extra` its other members (`resourceId`, `quotaCode`, …).
    `http_status` is the model's unless given.
    """

    def __init__(
        self, code: str, message: str, http_status: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status if http_status is not None else STATUS.get(code, 400)
        self.extra = dict(extra or {})

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """HTTP status, headers and body; `retryAfterSeconds` travels as the header Retry-After."""
        headers = {"Content-Type": "application/json", "x-amzn-errortype": self.code}
        members = dict(self.extra)
        if _RETRY_AFTER in members:
            headers["Retry-After"] = str(members.pop(_RETRY_AFTER))
        body = {"message": self.message, "code": self.code, **members}
        if self.code in ("InternalServerException", "ThrottlingException"):
            del body["code"]  # these two have no such member
        return self.http_status, headers, json.dumps(body).encode()


def validation_error(message: str, fields: Sequence[tuple[str, str]] = (), reason: str | None = None) -> DrsError:
    """A ValidationException; `fields` are names and what is wrong with each."""
    extra: dict[str, Any] = {"reason": reason or ("fieldValidationFailed" if fields else "other")}
    if fields:
        extra["fieldList"] = [{"name": name, "message": text} for name, text in fields]
    return DrsError("ValidationException", message, extra=extra)


def not_found(resource_type: str, resource_id: str) -> DrsError:
    """A ResourceNotFoundException for a resource of an account and Region."""
    return DrsError(
        "ResourceNotFoundException",
        f"{resource_type} {resource_id} not found",
        extra={"resourceId": resource_id, "resourceType": resource_type},
    )


def conflict(message: str, resource_type: str | None = None, resource_id: str | None = None) -> DrsError:
    """A ConflictException; without a resource where AWS names none."""
    extra = {"resourceId": resource_id, "resourceType": resource_type} if resource_id else {}
    return DrsError("ConflictException", message, extra=extra)


def servers_in_a_job() -> DrsError:
    """The conflict of a server that a job is working on: AWS names neither the server nor the job."""
    return conflict(SERVERS_IN_A_JOB)


def quota_exceeded(quota_code: str, message: str) -> DrsError:
    """A ServiceQuotaExceededException (HTTP 402)."""
    return DrsError("ServiceQuotaExceededException", message, extra={"serviceCode": "drs", "quotaCode": quota_code})


def uninitialized(account: str, region: str) -> DrsError:
    """What every call but InitializeService answers before the account has been initialised in the Region."""
    return DrsError(
        "UninitializedAccountException",
        f"Account {account} has not been initialized for Elastic Disaster Recovery in {region}: call InitializeService",
    )
