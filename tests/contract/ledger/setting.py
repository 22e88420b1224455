"""What ledger tests are given: fresh tables in a real DynamoDB, and processes that use them."""

from __future__ import annotations

import itertools
from typing import Any

from botocore.config import Config

from drs_operator.ledger import tables
from drs_operator.ledger.dynamo import DynamoLedger
from drs_operator.ledger.store import Store
from tests.contract.simulated_aws import SimulatedAws

REGION = "us-east-1"
WORLD = {
    "apiVersion": "sandbox.drs-operator.io/v1alpha1",
    "kind": "World",
    "hubAccount": "111111111111",
    "accounts": [{"id": "123456789012", "regions": [{"name": REGION}]}],
}
_NUMBERS = itertools.count(1)
QUICK = Config(connect_timeout=2, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 2})
"""For a DynamoDB that does not answer: the operator's own patience is a minute."""


class Setting:
    """A prefix of its own. A store keeps nothing but its client, so that the ledgers of several leaders share one."""

    def __init__(self, aws: SimulatedAws, prefix: str) -> None:
        self.aws = aws
        self.prefix = prefix
        self._stores: dict[Config | None, Store] = {}

    def store(self, config: Config | None = None) -> Store:
        """The store, or one of another patience."""
        if config not in self._stores:
            self._stores[config] = Store(self.prefix, None, config) if config else Store(self.prefix, None)
        return self._stores[config]

    def ledger(self, epoch: int = 1, config: Config | None = None) -> DynamoLedger:
        """The ledger of a leader."""
        return DynamoLedger(self.store(config), epoch)

    def new(self, what: str) -> str:
        """An id that no other test has: `exec-7` for `exec`."""
        return f"{what}-{next(_NUMBERS)}"

    def make(self) -> list[str]:
        """`init-ledger`, without META; returns what it says."""
        said: list[str] = []
        tables.make(self.store().client, self.prefix, said.append)
        return said

    def inject(self, operation: str, effect: str | list[str], **more: Any) -> None:
        """A fault of DynamoDB."""
        self.aws.inject({"service": "dynamodb", "operation": operation, "effect": effect, **more})

    def writes(self, operation: str) -> int:
        """How many calls of this operation DynamoDB has seen on these tables."""
        return sum(
            call["operation"] == operation and str(call["parameters"].get("TableName", "")).startswith(self.prefix)
            for call in self.aws.calls("dynamodb")
        )

    def close(self) -> None:
        """Lets go of all threads."""
        for store in self._stores.values():
            store.close()
