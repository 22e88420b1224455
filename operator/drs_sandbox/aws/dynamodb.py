"""DynamoDB: DynamoDB Local answers; what it has not, this answers for it.

DynamoDB Local refuses continuous backups and tags, and reports no encryption. These are remembered here for each
table: they are settings that have no effect, but they can be read back. Its ARNs become those of the caller's account.
"""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from drs_sandbox.aws.answers import Answer, AwsError, json_answer
from drs_sandbox.aws.wire import Operation, Request
from drs_sandbox.clock import Clock

_CONTENT_TYPE = "application/x-amz-json-1.0"
_LOCAL_ARN = b"arn:aws:dynamodb:ddblocal:000000000000:"
_TARGET = "DynamoDB_20120810"
_TIMEOUT_SECONDS = 60
_PASSED_HEADERS = ("Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target")
_DAYS_KEPT = 35
_DESCRIBED = {"CreateTable": "TableDescription", "UpdateTable": "TableDescription", "DescribeTable": "Table"}


@dataclass
class _Table:
    encrypted: bool = False
    kms_key: str | None = None
    recovery: bool = False
    tags: dict[str, str] = field(default_factory=dict)


class DynamoDb:
    """A proxy of DynamoDB Local at `endpoint`. Takes no part in the clock's lock: calls run side by side."""

    def __init__(self, endpoint: str, clock: Clock) -> None:
        split = urlsplit(endpoint)
        self._host, self._port = split.hostname or "127.0.0.1", split.port or 80
        self._clock = clock
        self._lock = threading.Lock()
        self._tables: dict[str, _Table] = {}

    def answer(self, operation: Operation, request: Request, account: str, region: str) -> Answer:
        """Answers a call. Raises AwsError for what it answers itself and for a DynamoDB Local that is gone."""
        parameters = operation.parameters
        arn = f"arn:aws:dynamodb:{region}:{account}:"
        if operation.name in ("DescribeContinuousBackups", "UpdateContinuousBackups"):
            return self._continuous_backups(operation, request)
        if operation.name in ("TagResource", "UntagResource", "ListTagsOfResource"):
            return self._tags(operation, request)
        if operation.name == "UpdateTable" and "SSESpecification" in parameters:
            answer = self._update_encryption(parameters, request)
        else:
            answer = self._forward(request)
        if answer.status != 200:
            return answer
        if operation.name == "DeleteTable":
            with self._lock:
                self._tables.pop(str(parameters.get("TableName")), None)
        elif operation.name == "CreateTable":
            with self._lock:
                self._tables[str(parameters["TableName"])] = _created(parameters)
        if member := _DESCRIBED.get(operation.name):
            answer = self._with_encryption(answer, member, arn)
        return Answer(answer.status, answer.headers, answer.body.replace(_LOCAL_ARN, arn.encode()))

    def _continuous_backups(self, operation: Operation, request: Request) -> Answer:
        name = str(operation.parameters.get("TableName"))
        if self._describe(request, name).status != 200:
            raise AwsError("TableNotFoundException", f"Table not found: {name}")
        with self._lock:
            table = self._tables.setdefault(name, _Table())
            if operation.name == "UpdateContinuousBackups":
                table.recovery = bool(
                    operation.parameters["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
                )
            recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "ENABLED" if table.recovery else "DISABLED"}
        if table.recovery:
            recovery["RecoveryPeriodInDays"] = _DAYS_KEPT
            recovery["LatestRestorableDateTime"] = self._clock.timestamp()
        description = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
        return json_answer({"ContinuousBackupsDescription": description}, content_type=_CONTENT_TYPE)

    def _tags(self, operation: Operation, request: Request) -> Answer:
        resource = str(operation.parameters.get("ResourceArn"))
        name = resource.rsplit("/", 1)[-1]
        if self._describe(request, name).status != 200:
            raise AwsError("ResourceNotFoundException", f"Requested resource not found: ResourceArn: {resource}")
        with self._lock:
            tags = self._tables.setdefault(name, _Table()).tags
            if operation.name == "TagResource":
                tags.update({tag["Key"]: tag["Value"] for tag in operation.parameters["Tags"]})
            elif operation.name == "UntagResource":
                for key in operation.parameters["TagKeys"]:
                    tags.pop(key, None)
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        return json_answer(
            {"Tags": listed} if operation.name == "ListTagsOfResource" else {}, content_type=_CONTENT_TYPE
        )

    def _update_encryption(self, parameters: dict[str, Any], request: Request) -> Answer:
        name = str(parameters.get("TableName"))
        document = json.loads(request.body)
        del document["SSESpecification"]
        if set(document) == {"TableName"}:  # DynamoDB Local has nothing to update
            answer = self._describe(request, name)
            if answer.status == 200:
                body = {"TableDescription": json.loads(answer.body)["Table"]}
                answer = Answer(200, answer.headers, json.dumps(body).encode())
        else:
            answer = self._forward(_changed(request, document))
        if answer.status == 200:
            wanted = _created(parameters)
            with self._lock:
                table = self._tables.setdefault(name, _Table())
                table.encrypted, table.kms_key = wanted.encrypted, wanted.kms_key
        return answer

    def _with_encryption(self, answer: Answer, member: str, arn: str) -> Answer:
        document = json.loads(answer.body)
        with self._lock:
            table = self._tables.get(document[member]["TableName"], _Table())
        if not table.encrypted:
            return answer
        key = table.kms_key or arn.replace(":dynamodb:", ":kms:") + "alias/aws/dynamodb"
        document[member]["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-amz-crc32"}
        return Answer(answer.status, headers, json.dumps(document).encode())

    def _describe(self, request: Request, table: str) -> Answer:
        return self._forward(_changed(request, {"TableName": table}), f"{_TARGET}.DescribeTable")

    def _forward(self, request: Request, target: str | None = None) -> Answer:
        headers = {name: request.headers[name] for name in _PASSED_HEADERS if name in request.headers}
        if target is not None:
            headers["X-Amz-Target"] = target
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/", body=request.body, headers=headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise AwsError("InternalServerError", f"DynamoDB Local does not answer: {error}", 500) from None
        finally:
            connection.close()
        kept = {name: value for name, value in response.getheaders() if name.lower().startswith("x-amz")}
        return Answer(response.status, {"Content-Type": _CONTENT_TYPE, **kept}, body)


def _changed(request: Request, document: dict[str, Any]) -> Request:
    return Request(request.method, request.target, request.headers, json.dumps(document).encode())


def _created(parameters: dict[str, Any]) -> _Table:
    encryption = parameters.get("SSESpecification") or {}
    return _Table(
        encrypted=bool(encryption.get("Enabled")),
        kms_key=encryption.get("KMSMasterKeyId"),
        tags={tag["Key"]: tag["Value"] for tag in parameters.get("Tags") or []},
    )
