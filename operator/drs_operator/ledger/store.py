"""DynamoDB items as plain values, one conditional write at a time.

Errors become the operator's: a lost condition is `LostRace`, a refusal DYNAMODB_ERROR, no answer LEDGER_UNREACHABLE.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, TypeVar

import botocore.session
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from drs_operator.ledger.tables import Table
from drs_operator.ports import LostRace, ReadFailed

T = TypeVar("T")

THREADS = 8
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_SERIALIZER, _DESERIALIZER = TypeSerializer(), TypeDeserializer()
_PASSING = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"})


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

    def __init__(self, prefix: str, region: str | None) -> None:
        self.prefix = prefix
        self.client: Any = botocore.session.get_session().create_client("dynamodb", region_name=region, config=_CONFIG)
        self.region: str = self.client.meta.region_name
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")

    def close(self) -> None:
        """Lets go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, operation: Callable[[], T]) -> T:
        """Runs a blocking operation. Raises LostRace or ReadFailed."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, operation)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise LostRace(str(error)) from error
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            message = f"{error.operation_name} on the ledger in {self.region}: {code}"
            if code in _PASSING or status >= 500:
                raise ReadFailed("LEDGER_UNREACHABLE", f"{message}; the operator keeps trying") from error
            raise ReadFailed("DYNAMODB_ERROR", f"{message}; check the operator's IAM policy for its tables") from error
        except BotoCoreError as error:
            raise ReadFailed(
                "LEDGER_UNREACHABLE", f"the ledger in {self.region} does not answer: {error}; the operator keeps trying"
            ) from error

    async def get(self, table: Table, key: Mapping[str, str]) -> dict[str, Any] | None:
        """An item, by a consistent read."""
        answer = await self.call(
            lambda: self.client.get_item(TableName=table.name(self.prefix), Key=to_item(key), ConsistentRead=True)
        )
        return from_item(answer["Item"]) if "Item" in answer else None

    async def put(
        self, table: Table, values: Mapping[str, Any], condition: str, bound: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Writes an item if the condition holds; returns None, or the item that stands against it.

        `condition` may use `#name` for attribute `name` and `:name` for the values in `bound`.
        """
        arguments = _arguments(condition, bound or {})
        try:
            await self.call(
                lambda: self.client.put_item(
                    TableName=table.name(self.prefix),
                    Item=to_item(values),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
            )
        except LostRace as race:
            return _standing(race)
        return None

    async def update(
        self, table: Table, key: Mapping[str, str], expression: str, condition: str, bound: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Updates an item if the condition holds; returns None, or the item that stands against it."""
        arguments = _arguments(f"{expression} {condition}", bound)
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
            return _standing(race)
        return None

    async def delete(self, table: Table, key: Mapping[str, str], condition: str, bound: Mapping[str, Any]) -> bool:
        """Deletes an item if the condition holds; returns whether it did."""
        arguments = _arguments(condition, bound)
        try:
            await self.call(
                lambda: self.client.delete_item(TableName=table.name(self.prefix), Key=to_item(key), **arguments)
            )
        except LostRace:
            return False
        return True

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


def _standing(race: LostRace) -> dict[str, Any]:
    error = race.__cause__
    response: Mapping[str, Any] = error.response if isinstance(error, ClientError) else {}
    return from_item(response.get("Item", {}))
