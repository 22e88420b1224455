"""DynamoDB behind the door: what DynamoDB Local answers passes, what it has not is answered for it.

The stand-in refuses what DynamoDB Local 3.1 refuses, in its words, and knows as little of encryption.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.contract.aws.worlds import HUB, world
from tests.contract.simulated_aws import AwsServer, SimulatedAws

LOCAL_ARN = "arn:aws:dynamodb:ddblocal:000000000000:table/"
TABLE = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.document = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}


class _LocalTables:
    """Tables, their protection and their items, as DynamoDB Local keeps them."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("TableName", "")
        if operation == "CreateTable":
            protection = asked.get("DeletionProtectionEnabled", False)
            self.tables[name] = {
                "TableName": name,
                "TableStatus": "ACTIVE",
                "TableArn": LOCAL_ARN + name,
                "DeletionProtectionEnabled": protection,
            }
            return {"TableDescription": self.tables[name]}
        if operation == "ListTables":
            return {"TableNames": sorted(self.tables)}
        if operation not in ("DescribeTable", "UpdateTable", "DeleteTable", "PutItem", "GetItem"):
            raise _Refused("UnknownOperationException", "An unknown operation was requested.")
        if name not in self.tables:
            raise _Refused("ResourceNotFoundException", "Cannot do operations on a non-existent table")
        if operation == "DescribeTable":
            return {"Table": self.tables[name]}
        if operation == "UpdateTable":
            if set(asked) <= {"TableName", "SSESpecification"}:
                raise _Refused("ValidationException", "Nothing to update")
            self.tables[name]["DeletionProtectionEnabled"] = asked["DeletionProtectionEnabled"]
            return {"TableDescription": self.tables[name]}
        if operation == "DeleteTable":
            return {"TableDescription": self.tables.pop(name)}
        key = json.dumps([name, (asked.get("Item") or asked["Key"])["pk"]])
        if operation == "PutItem":
            self.items[key] = asked["Item"]
            return {}
        return {"Item": self.items[key]} if key in self.items else {}


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    tables = _LocalTables()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 200
            try:
                document = tables.answer(self.headers["X-Amz-Target"].split(".")[1], asked)
            except _Refused as refused:
                status, document = 400, refused.document
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def forwarded(aws_server: AwsServer, local: str) -> SimulatedAws:
    return aws_server(world(), dynamodb_endpoint=local)


@pytest.fixture(scope="module")
def by_moto(aws_server: AwsServer) -> SimulatedAws:
    return aws_server(world())


@pytest.fixture(params=["forwarded", "by_moto"])
def aws(request: pytest.FixtureRequest) -> SimulatedAws:
    """Both ways to have DynamoDB: what the ledger needs must work in each."""
    server: SimulatedAws = request.getfixturevalue(request.param)
    server.clear()
    return server


def _error(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_tables_are_the_callers_own(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    created = dynamodb.create_table(TableName="own", **TABLE)["TableDescription"]
    arn = f"arn:aws:dynamodb:us-east-1:{HUB}:table/own"
    assert created["TableArn"] == arn
    assert dynamodb.describe_table(TableName="own")["Table"]["TableArn"] == arn


def test_items_pass(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(TableName="items", **TABLE)
    dynamodb.put_item(TableName="items", Item={"pk": {"S": "META"}, "n": {"N": "1"}})
    assert dynamodb.get_item(TableName="items", Key={"pk": {"S": "META"}})["Item"]["n"] == {"N": "1"}
    assert "items" in dynamodb.list_tables()["TableNames"]


def test_point_in_time_recovery_is_remembered(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(TableName="recovered", **TABLE)

    def status() -> str:
        described = dynamodb.describe_continuous_backups(TableName="recovered")["ContinuousBackupsDescription"]
        return str(described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])

    assert status() == "DISABLED"
    dynamodb.update_continuous_backups(
        TableName="recovered", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    assert status() == "ENABLED"
    dynamodb.delete_table(TableName="recovered")
    with pytest.raises(ClientError) as refused:
        status()
    assert _error(refused) == "TableNotFoundException"
    dynamodb.create_table(TableName="recovered", **TABLE)
    assert status() == "DISABLED", "a new table of that name starts anew"


def test_encryption_is_reported(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(TableName="encrypted", SSESpecification={"Enabled": True, "SSEType": "KMS"}, **TABLE)
    description = dynamodb.describe_table(TableName="encrypted")["Table"]["SSEDescription"]
    assert (description["Status"], description["SSEType"]) == ("ENABLED", "KMS")
    dynamodb.create_table(TableName="plain", **TABLE)
    assert "SSEDescription" not in dynamodb.describe_table(TableName="plain")["Table"]


def test_encryption_may_be_updated_alone_or_with_the_rest(forwarded: SimulatedAws) -> None:
    dynamodb = forwarded.client("dynamodb")
    for name, others in (("later", {}), ("later-too", {"DeletionProtectionEnabled": True})):
        dynamodb.create_table(TableName=name, **TABLE)
        updated = dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True}, **others)
        assert updated["TableDescription"]["SSEDescription"]["Status"] == "ENABLED"
        table = dynamodb.describe_table(TableName=name)["Table"]
        assert table["SSEDescription"]["Status"] == "ENABLED"
        assert table["DeletionProtectionEnabled"] is bool(others)


def test_tags_are_remembered(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    arn = dynamodb.create_table(TableName="tagged", Tags=[{"Key": "a", "Value": "1"}], **TABLE)["TableDescription"][
        "TableArn"
    ]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_table_that_is_not_there(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    with pytest.raises(ClientError) as refused:
        dynamodb.describe_table(TableName="nowhere")
    assert _error(refused) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as refused:
        dynamodb.update_continuous_backups(
            TableName="nowhere", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    assert _error(refused) == "TableNotFoundException"


def test_faults_act_on_dynamodb(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(TableName="faulty", **TABLE)
    aws.inject(
        {"operation": "PutItem", "effect": "error", "code": "ProvisionedThroughputExceededException", "times": 1},
        {"operation": "PutItem", "effect": "lostAnswer", "times": 1},
    )
    item = {"pk": {"S": "one"}}
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException):
        dynamodb.put_item(TableName="faulty", Item=item)
    assert "Item" not in dynamodb.get_item(TableName="faulty", Key=item)
    with pytest.raises(ConnectionClosedError):
        dynamodb.put_item(TableName="faulty", Item=item)
    assert dynamodb.get_item(TableName="faulty", Key=item)["Item"] == item


def test_a_dynamodb_local_that_is_gone_is_an_internal_error(aws_server: AwsServer) -> None:
    aws = aws_server(world(), dynamodb_endpoint="http://127.0.0.1:1")
    with pytest.raises(ClientError) as refused:
        aws.client("dynamodb").list_tables()
    assert _error(refused) == "InternalServerError"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    aws.client("sts").get_caller_identity()
