"""`init-ledger`: tables made once, whole, and completed after an interruption; missing ones are named."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_operator.ledger import installation, tables
from drs_operator.ledger.tables import HISTORY, LEDGER, TABLES
from drs_operator.ports import ReadFailed
from tests.contract.ledger.setting import Setting


def _description(setting: Setting, suffix: str) -> dict[str, Any]:
    described: dict[str, Any] = setting.store().client.describe_table(TableName=f"{setting.prefix}-{suffix}")["Table"]
    return described


def _recovery(setting: Setting, suffix: str) -> str:
    client = setting.store().client
    described = client.describe_continuous_backups(TableName=f"{setting.prefix}-{suffix}")
    return str(described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])


def test_missing_tables_are_named(bare: Setting) -> None:
    store = bare.store()
    assert tables.missing(store.client, bare.prefix) == [f"{bare.prefix}-{table.suffix}" for table in TABLES]
    store.client.create_table(**LEDGER.definition(bare.prefix))
    assert f"{bare.prefix}-ledger" not in tables.missing(store.client, bare.prefix)
    assert len(tables.missing(store.client, bare.prefix)) == 3


def test_a_ledger_that_cannot_be_asked_is_not_called_missing(setting: Setting) -> None:
    setting.inject("DescribeTable", "error", code="AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        tables.missing(setting.store().client, setting.prefix)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.suffix)
def test_tables_are_whole(setting: Setting, table: tables.Table) -> None:
    described = _description(setting, table.suffix)
    assert [key["AttributeName"] for key in described["KeySchema"]] == list(table.key)
    assert described["TableStatus"] == "ACTIVE"
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["DeletionProtectionEnabled"] is True
    assert described["SSEDescription"]["Status"] == "ENABLED"
    assert _recovery(setting, table.suffix) == "ENABLED"


def test_a_second_time_nothing_changes_and_says_so(bare: Setting) -> None:
    names = [f"{bare.prefix}-{table.suffix}" for table in TABLES]
    assert bare.make() == [f"{name}: made" for name in names]
    before = [_description(bare, table.suffix) for table in TABLES]
    calls = bare.writes("UpdateContinuousBackups")
    assert bare.make() == [f"{name}: exists, left as it is" for name in names]
    assert [_description(bare, table.suffix) for table in TABLES] == before
    assert bare.writes("UpdateContinuousBackups") == calls
    assert tables.missing(bare.store().client, bare.prefix) == []


def test_what_was_interrupted_is_completed(bare: Setting) -> None:
    bare.inject("UpdateContinuousBackups", "error", code="InternalServerError", httpStatus=400, times=1)
    with pytest.raises(ClientError):
        bare.make()
    assert _recovery(bare, "protection-groups") == "DISABLED"
    said = bare.make()
    assert said[0] == f"{bare.prefix}-protection-groups: exists, point-in-time recovery switched on"
    assert {_recovery(bare, table.suffix) for table in TABLES} == {"ENABLED"}
    assert tables.missing(bare.store().client, bare.prefix) == []


def test_a_table_that_is_not_ready_for_backups_is_waited_for(bare: Setting) -> None:
    bare.inject("UpdateContinuousBackups", "error", code="ContinuousBackupsUnavailableException", times=1)
    bare.make()
    assert {_recovery(bare, table.suffix) for table in TABLES} == {"ENABLED"}


async def test_the_ledgers_id_is_given_once(fresh: Setting) -> None:
    assert await installation.ledger_id(fresh.store()) is None
    first = await installation.make_meta(fresh.store())
    assert first.startswith("ledger-")
    assert await installation.make_meta(fresh.store()) == first
    assert await installation.ledger_id(fresh.store()) == first


async def test_a_lost_answer_does_not_change_the_ledgers_id(fresh: Setting) -> None:
    fresh.inject("PutItem", "lostAnswer", times=1)
    made = await installation.make_meta(fresh.store())
    assert fresh.writes("PutItem") == 2
    assert await installation.ledger_id(fresh.store()) == made


async def test_asking_a_table_that_is_gone_says_how_to_make_it(bare: Setting) -> None:
    with pytest.raises(ReadFailed, match="drs-operator init-ledger") as failed:
        await bare.ledger().load_run("exec-1")
    assert failed.value.code == "DYNAMODB_ERROR"
    assert HISTORY.suffix in HISTORY.name(bare.prefix)
