"""How the tables are asked for."""

from __future__ import annotations

import pytest

from drs_operator.ledger.tables import HISTORY, TABLES, Table, TablesMissing


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.suffix)
def test_every_table_is_on_demand_encrypted_and_protected(table: Table) -> None:
    definition = table.definition("prod")
    assert definition["TableName"] == f"prod-{table.suffix}"
    assert definition["BillingMode"] == "PAY_PER_REQUEST"
    assert definition["SSESpecification"] == {"Enabled": True}
    assert definition["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.suffix)
def test_attributes_are_defined_exactly_where_a_key_uses_them(table: Table) -> None:
    definition = table.definition("prod")
    schemas = [definition["KeySchema"], *(index["KeySchema"] for index in definition.get("GlobalSecondaryIndexes", []))]
    used = {key["AttributeName"] for schema in schemas for key in schema}
    assert {attribute["AttributeName"] for attribute in definition["AttributeDefinitions"]} == used


def test_history_is_found_by_plan_and_by_state() -> None:
    indexes = {index["IndexName"]: index["KeySchema"] for index in HISTORY.definition("p")["GlobalSecondaryIndexes"]}
    keys = {name: [key["AttributeName"] for key in schema] for name, schema in indexes.items()}
    assert keys == {"by-plan": ["planId", "startTime"], "by-state": ["installation", "state"]}


def test_missing_tables_are_named_with_what_to_do() -> None:
    missing = TablesMissing(["drs-ledger", "drs-recovery-plans"], "us-east-1")
    text = str(missing)
    assert all(part in text for part in ("drs-ledger", "drs-recovery-plans", "us-east-1", "drs-operator init-ledger"))
