"""The Ledger port over DynamoDB."""

from __future__ import annotations

from drs_operator.ledger.claims import Claims
from drs_operator.ledger.runs import Runs
from drs_operator.ledger.store import Store


class DynamoLedger(Claims, Runs):
    """Claims and runs of one leader."""

    def __init__(self, store: Store, epoch: int) -> None:
        Claims.__init__(self, store)
        Runs.__init__(self, store, epoch)
