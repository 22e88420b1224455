"""DynamoDB items as plain values, one conditional write at a time.

Errors become the operator's: a lost condition is `LostRace`, a refusal DYNAMODB_ERROR, no answer LEDGER_UNREACHABLE.

Calls are retried, so a conditional write can meet itself: the first try was done, its answer was lost, and the second
finds the condition broken by the first. Each write therefore leaves a token of its own in the item (`writeToken`), by
which it knows that what stands against it is itself.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, TypeVar

import botocore.session
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from drs_operator.ledger.tables import Table
from drs_operator.ports import LostRace, ReadFailed

T = TypeVar("T")

THREADS = 8
TOKEN = "writeToken"
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_SERIALIZER, _DESERIALIZER = TypeSerializer(), TypeDeserializer()
_PASSING = frozenset(
    {
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ReplicatedWriteConflictException",  # of a global table with strong consistency
        "RequestTimeout",
        "RequestTimeoutException",
        "ExpiredTokenException",  # of the operator's own credentials, which renew themselves
    }
)


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON values as DynamoDB attributes; None is left out, floats become numbers."""
    return {key: _SERIALIZER.serialize(_exact(value)) for key, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB attributes as plain JSON values."""
    return {key: _plain(_DESERIALIZER.deserialize(value)) for key, value in item.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


class Store:
    """The tables under one prefix, over one client in the ledger's Region."""

    def __init__(self, prefix: str, region: str | None, config: Config = _CONFIG) -> None:
        """Without `region` it is AWS_REGION, which botocore itself does not know. Raises ReadFailed without both."""
        session = botocore.session.get_session()
        region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
        if not region:
            raise ReadFailed("DYNAMODB_ERROR", "the ledger has no Region; set DRS_OPERATOR_LEDGER_REGION or AWS_REGION")
        self.prefix = prefix
        self.region = region
        self.client: Any = session.create_client("dynamodb", region_name=region, config=config)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")

    def close(self) -> None:
        """Lets go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, operation: Callable[[], T]) -> T:
        """Runs a blocking operation. Raises LostRace or ReadFailed."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, operation)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise LostRace(str(error)) from error
            raise self._refused(error) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise ReadFailed(
                "DYNAMODB_ERROR", f"no AWS credentials for the ledger in {self.region}; give the operator an IAM role"
            ) from error
        except ParamValidationError as error:
            raise ReadFailed("DYNAMODB_ERROR", f"a request to the ledger was not valid: {error}") from error
        except (BotoCoreError, ResponseParserError) as error:
            raise ReadFailed(
                "LEDGER_UNREACHABLE", f"the ledger in {self.region} does not answer: {error}; the operator keeps trying"
            ) from error

    def _refused(self, error: ClientError) -> ReadFailed:
        code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        message = f"{error.operation_name} on the ledger in {self.region}: {code}: {said}"
        if code in _PASSING or status >= 500:
            return ReadFailed("LEDGER_UNREACHABLE", f"{message}; the operator keeps trying")
        if code == "ResourceNotFoundException":
            return ReadFailed("DYNAMODB_ERROR", f"{message}; make the tables with: drs-operator init-ledger")
        return ReadFailed("DYNAMODB_ERROR", f"{message}; check the operator's IAM policy for its tables")

    async def get(self, table: Table, key: Mapping[str, str]) -> dict[str, Any] | None:
        """An item, by a consistent read."""
        answer = await self.call(
            lambda: self.client.get_item(TableName=table.name(self.prefix), Key=to_item(key), ConsistentRead=True)
        )
        return from_item(answer["Item"]) if "Item" in answer else None

    async def put(
        self, table: Table, values: Mapping[str, Any], condition: str, bound: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Writes an item if the condition holds; returns None, or the item that stands against it, {} if none does.

        `condition` may use `#name` for attribute `name` and `:name` for the values in `bound`.
        """
        arguments = _arguments(condition, bound or {})
        token = uuid.uuid4().hex
        try:
            await self.call(
                lambda: self.client.put_item(
                    TableName=table.name(self.prefix),
                    Item=to_item({**values, TOKEN: token}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
            )
        except LostRace as race:
            return _standing(race, token)
        return None

    async def update(
        self, table: Table, key: Mapping[str, str], expression: str, condition: str, bound: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Updates an item if the condition holds; returns None, or the item that stands against it, {} if none does.

        `expression` begins with SET or REMOVE.
        """
        token = uuid.uuid4().hex
        rest = f", {expression[4:]}" if expression.startswith("SET ") else f" {expression}"
        expression = f"SET #{TOKEN} = :{TOKEN}{rest}"
        arguments = _arguments(f"{expression} {condition}", {**bound, TOKEN: token})
        arguments["ConditionExpression"] = condition
        try:
            await self.call(
                lambda: self.client.update_item(
                    TableName=table.name(self.prefix),
                    Key=to_item(key),
                    UpdateExpression=expression,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
            )
        except LostRace as race:
            return _standing(race, token)
        return None

    async def delete(
        self, table: Table, key: Mapping[str, str], condition: str, bound: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Deletes an item if the condition holds; returns None, or the item that stands against it, {} if none does.

        {} also when the first try was done and its answer was lost: it is gone either way.
        """
        arguments = _arguments(condition, bound or {})
        try:
            await self.call(
                lambda: self.client.delete_item(
                    TableName=table.name(self.prefix),
                    Key=to_item(key),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
            )
        except LostRace as race:
            return _standing(race)
        return None

    async def query(
        self, table: Table, condition: str, bound: Mapping[str, Any], index: str | None = None
    ) -> list[dict[str, Any]]:
        """All items under a hash key, page by page: by a consistent read, or through an index (eventually)."""
        arguments = _arguments(condition, bound)
        arguments["KeyConditionExpression"] = arguments.pop("ConditionExpression")
        arguments |= {"IndexName": index} if index else {"ConsistentRead": True}

        def pages() -> list[dict[str, Any]]:
            paginator = self.client.get_paginator("query")
            return [
                from_item(item)
                for page in paginator.paginate(TableName=table.name(self.prefix), **arguments)
                for item in page["Items"]
            ]

        return await self.call(pages)

    async def scan(
        self, table: Table, attributes: Iterable[str], condition: str, bound: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """These attributes of all items that meet the condition, by a consistent read of the whole table."""
        projection = ", ".join(f"#{name}" for name in attributes)
        arguments = _arguments(f"{projection} {condition}", bound)
        arguments |= {"ProjectionExpression": projection, "ConsistentRead": True}
        del arguments["ConditionExpression"]
        arguments["FilterExpression"] = condition

        def pages() -> list[dict[str, Any]]:
            paginator = self.client.get_paginator("scan")
            return [
                from_item(item)
                for page in paginator.paginate(TableName=table.name(self.prefix), **arguments)
                for item in page["Items"]
            ]

        return await self.call(pages)


def _arguments(expression: str, bound: Mapping[str, Any]) -> dict[str, Any]:
    names = {f"#{word}": word for word in _words(expression, "#")}
    arguments: dict[str, Any] = {"ConditionExpression": expression}
    if names:
        arguments["ExpressionAttributeNames"] = names
    if bound:
        arguments["ExpressionAttributeValues"] = to_item({f":{key}": value for key, value in bound.items()})
    return arguments


def _words(expression: str, mark: str) -> set[str]:
    words = "".join(c if c.isalnum() or c == mark else " " for c in expression).split()
    return {word[1:] for word in words if word.startswith(mark)}


def _standing(race: LostRace, token: str | None = None) -> dict[str, Any] | None:
    """The item that broke the condition; None if the write with this token left it there."""
    error = race.__cause__
    response: Mapping[str, Any] = error.response if isinstance(error, ClientError) else {}
    item = from_item(response.get("Item", {}))
    return None if token is not None and item.get(TOKEN) == token else item
