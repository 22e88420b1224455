"""The tables of the ledger, how they are made, and how a missing one is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

ACTIVE_WAITS = 120
BACKUP_WAIT_SECONDS = 120.0


class TablesMissing(Exception):
    """Tables of the ledger that do not exist."""

    def __init__(self, names: list[str], region: str) -> None:
        super().__init__(
            f"DynamoDB tables missing in {region}: {', '.join(names)}; make them with: drs-operator init-ledger "
            "(or the CloudFormation template in manifests/aws)"
        )
        self.names = names


@dataclass(frozen=True, slots=True)
class Table:
    """One table: key attributes (all strings) and secondary indexes `name -> (hash, range)`."""

    suffix: str
    key: tuple[str, ...]
    indexes: tuple[tuple[str, tuple[str, str]], ...] = ()

    def name(self, prefix: str) -> str:
        """The table's name under a prefix."""
        return f"{prefix}-{self.suffix}"

    def definition(self, prefix: str) -> dict[str, Any]:
        """Parameters of CreateTable: on demand, encrypted, protected against deletion."""
        attributes = sorted({*self.key, *(name for _, keys in self.indexes for name in keys)})
        definition: dict[str, Any] = {
            "TableName": self.name(prefix),
            "KeySchema": _schema(self.key),
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in attributes],
            "BillingMode": "PAY_PER_REQUEST",
            "SSESpecification": {"Enabled": True},
            "DeletionProtectionEnabled": True,
        }
        if self.indexes:
            definition["GlobalSecondaryIndexes"] = [
                {"IndexName": name, "KeySchema": _schema(keys), "Projection": {"ProjectionType": "KEYS_ONLY"}}
                for name, keys in self.indexes
            ]
        return definition


def _schema(key: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(key, ("HASH", "RANGE"), strict=False)]


PROTECTION_GROUPS = Table("protection-groups", ("groupId",))
RECOVERY_PLANS = Table("recovery-plans", ("planId",))
HISTORY = Table(
    "execution-history",
    ("executionId", "item"),
    (("by-plan", ("planId", "startTime")), ("by-state", ("installation", "state"))),
)
LEDGER = Table("ledger", ("pk",))
TABLES = (PROTECTION_GROUPS, RECOVERY_PLANS, HISTORY, LEDGER)


def missing(client: Any, prefix: str) -> list[str]:
    """Names of the tables that do not exist. Raises what botocore raises for anything else."""
    absent = []
    for table in TABLES:
        try:
            client.describe_table(TableName=table.name(prefix))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            absent.append(table.name(prefix))
    return absent


def make(client: Any, prefix: str, say: Callable[[str], None]) -> list[str]:
    """Makes what is missing, switches point-in-time recovery on; returns the names of the tables that were made.

    What an interrupted run left half done is completed. Raises what botocore raises, and TimeoutError.
    """
    made = []
    for table in TABLES:
        name = table.name(prefix)
        try:
            client.create_table(**table.definition(prefix))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ResourceInUseException", "TableAlreadyExistsException"):
                raise
        else:
            made.append(name)
    for table in TABLES:
        name = table.name(prefix)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": ACTIVE_WAITS})
        recovery = _recoverable(client, name)
        if name in made:
            say(f"{name}: made")
        else:
            say(f"{name}: exists, {'point-in-time recovery switched on' if recovery else 'left as it is'}")
    return made


def _recoverable(client: Any, name: str) -> bool:
    """Switches point-in-time recovery on; returns whether it was off. A new table may not be ready for it at once."""
    description = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if description.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED":
        return False
    deadline = time.monotonic() + BACKUP_WAIT_SECONDS
    while True:
        try:
            client.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ContinuousBackupsUnavailableException":
                raise
            if time.monotonic() > deadline:
                raise TimeoutError(f"table {name} is not ready for backups yet; run init-ledger again") from error
            time.sleep(1)
        else:
            return True
