"""DynamoDB Local, AWS's own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from drs_sandbox.dynamodb import DynamoDbLocal
from drs_sandbox.processes import Processes
from drs_sandbox.toolchain import Toolchain
from drs_sandbox.toolchain.java import DynamoDbProgram, dynamodb_program
from tests.integration.sandbox.waiting import processes_of, refused


@pytest.fixture(scope="module")
def program() -> DynamoDbProgram:
    found = dynamodb_program(Toolchain())
    assert found is not None, "Maven is needed for this test"
    return found


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path / "logs") as running:
        yield running


def client(url: str) -> Any:
    return boto3.client(
        "dynamodb", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def test_conditions_hold_and_nothing_is_left(program: DynamoDbProgram, processes: Processes, tmp_path: Path) -> None:
    dynamodb = DynamoDbLocal(program, processes, tmp_path / "dynamodb")
    dynamodb.await_ready()
    table = client(dynamodb.url)
    table.create_table(
        TableName="runs",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    claim = {"TableName": "runs", "Item": {"pk": {"S": "run"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    table.put_item(**claim)
    with pytest.raises(table.exceptions.ConditionalCheckFailedException):
        table.put_item(**claim)
    processes.stop_all()
    assert refused(dynamodb.url)
    assert processes_of(tmp_path) == []


def test_port_that_somebody_took_meanwhile_is_no_failure(
    program: DynamoDbProgram, processes: Processes, tmp_path: Path
) -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], free.getsockname()[1]])
        free.close()
        dynamodb = DynamoDbLocal(program, processes, tmp_path / "dynamodb", choose_port=lambda: next(ports))
        dynamodb.await_ready()
        assert client(dynamodb.url).list_tables()["TableNames"] == []
    assert len(processes.children) == 1
