"""The CloudFormation template makes the tables that `init-ledger` makes. Its engine here is moto's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from drs_operator.ledger import cloudformation, tables
from drs_operator.ledger.tables import TABLES

FILE = Path(__file__).parents[3] / "manifests" / "aws" / "ledger.yaml"
SAME = ("AttributeDefinitions", "KeySchema", "BillingModeSummary", "DeletionProtectionEnabled")


@pytest.fixture
def moto_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto in this process, and nothing of the environment's AWS."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def client(service: str) -> Any:
    """A client for moto."""
    return boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]


def described(dynamodb: Any, name: str) -> dict[str, Any]:
    """What decides what a table is."""
    table = dynamodb.describe_table(TableName=name)["Table"]
    indexes = {
        index["IndexName"]: (index["KeySchema"], index["Projection"]) for index in table["GlobalSecondaryIndexes"]
    }
    return {**{field: table[field] for field in SAME}, "indexes": indexes}


def test_the_stack_and_init_ledger_make_the_same_tables(moto_aws: None) -> None:
    dynamodb = client("dynamodb")
    client("cloudformation").create_stack(
        StackName="ledger",
        TemplateBody=FILE.read_text(),
        Parameters=[{"ParameterKey": "TablePrefix", "ParameterValue": "stack"}],
    )
    tables.make(dynamodb, "made", lambda line: None)
    assert tables.missing(dynamodb, "stack") == []
    for table in TABLES:
        assert described(dynamodb, table.name("stack")) == described(dynamodb, table.name("made"))


def test_init_ledger_leaves_the_tables_of_a_stack_as_they_are(moto_aws: None) -> None:
    dynamodb = client("dynamodb")
    client("cloudformation").create_stack(StackName="ledger", TemplateBody=FILE.read_text())
    before = [described(dynamodb, table.name("drs")) for table in TABLES]
    assert tables.make(dynamodb, "drs", lambda line: None) == [], "the default of the prefix is the operator's"
    assert [described(dynamodb, table.name("drs")) for table in TABLES] == before


def test_every_property_is_the_one_of_create_table() -> None:
    """moto looks at neither encryption nor backups."""
    resources = yaml.safe_load(FILE.read_text())["Resources"].values()
    definitions = []
    for resource in resources:
        assert (resource["Type"], resource["DeletionPolicy"]) == ("AWS::DynamoDB::Table", "Retain")
        assert resource["UpdateReplacePolicy"] == "Retain"
        properties = dict(resource["Properties"])
        assert properties.pop("PointInTimeRecoverySpecification") == {"PointInTimeRecoveryEnabled": True}
        properties["TableName"] = properties["TableName"]["Fn::Sub"].replace("${TablePrefix}", "p")
        properties["SSESpecification"] = {"Enabled": properties["SSESpecification"]["SSEEnabled"]}
        definitions.append(properties)
    assert definitions == [table.definition("p") for table in TABLES]


def test_the_file_is_the_generated_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cloudformation.main([str(FILE), "--check"]) == 0
    old = tmp_path / "ledger.yaml"
    assert cloudformation.main([str(old), "--check"]) == 1
    assert "make generate" in capsys.readouterr().err
    assert cloudformation.main([str(old)]) == 0
    assert old.read_text() == FILE.read_text()
    old.write_text(old.read_text().replace("PAY_PER_REQUEST", "PROVISIONED"))
    assert cloudformation.main([str(old), "--check"]) == 1
