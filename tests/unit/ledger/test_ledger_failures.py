"""What the ledger answers, in the operator's vocabulary; and that nothing is asked where nothing can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from drs_operator.ledger.store import Store
from drs_operator.ports import LostRace, ReadFailed

URL = "https://dynamodb.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A store; nothing here asks DynamoDB for anything."""
    made = Store("drs", "us-east-1")
    yield made
    made.close()


def answered(code: str, status: int = 400, message: str = "") -> ClientError:
    """An error as botocore makes it of DynamoDB's answer."""
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutItem",
    )


def failing(error: Exception) -> Callable[[], None]:
    """An operation that fails."""

    def operation() -> None:
        raise error

    return operation


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (answered("ThrottlingException"), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("ProvisionedThroughputExceededException"), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("RequestLimitExceeded"), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("ReplicatedWriteConflictException"), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("ExpiredTokenException"), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("InternalServerError", 500), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("ServiceUnavailable", 503), "LEDGER_UNREACHABLE", "keeps trying"),
        (answered("AccessDeniedException", 400, "role x may not PutItem"), "DYNAMODB_ERROR", "role x may not PutItem"),
        (answered("UnrecognizedClientException"), "DYNAMODB_ERROR", "IAM policy"),
        (answered("ValidationException", 400, "Item size has exceeded"), "DYNAMODB_ERROR", "Item size has exceeded"),
        (answered("ResourceNotFoundException"), "DYNAMODB_ERROR", "drs-operator init-ledger"),
        (ReadTimeoutError(endpoint_url=URL), "LEDGER_UNREACHABLE", "does not answer"),
        (ConnectTimeoutError(endpoint_url=URL), "LEDGER_UNREACHABLE", "does not answer"),
        (EndpointConnectionError(endpoint_url=URL), "LEDGER_UNREACHABLE", "does not answer"),
        (NoCredentialsError(), "DYNAMODB_ERROR", "IAM role"),
        (ParamValidationError(report="no such parameter"), "DYNAMODB_ERROR", "no such parameter"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_failures_of_the_ledger(store: Store, error: Exception, code: str, hint: str) -> None:
    with pytest.raises(ReadFailed) as failed:
        await store.call(failing(error))
    assert failed.value.code == code
    assert hint in failed.value.message
    assert "us-east-1" in failed.value.message or isinstance(error, ParamValidationError)
    assert failed.value.__cause__ is error


async def test_a_broken_condition_is_a_lost_race(store: Store) -> None:
    with pytest.raises(LostRace):
        await store.call(failing(answered("ConditionalCheckFailedException")))


@pytest.mark.parametrize(
    ("given", "environment", "region"),
    [
        ("eu-west-1", {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        (None, {"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-east-1"}, "us-west-2"),
        (None, {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
    ],
)
def test_the_ledgers_region(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environment: dict[str, str], region: str
) -> None:
    _only(monkeypatch, environment)
    store = Store("drs", given)
    store.close()
    assert (store.region, store.client.meta.region_name) == (region, region)


def test_a_ledger_without_a_region_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, {})
    with pytest.raises(ReadFailed, match=r"DYNAMODB_ERROR: .*set DRS_OPERATOR_LEDGER_REGION or AWS_REGION"):
        Store("drs", None)


def _only(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    wanted: dict[str, Any] = {"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", **environment}
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
