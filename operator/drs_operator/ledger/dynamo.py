"""The ports Ledger, ClaimStore and SettingsStore over DynamoDB."""

from __future__ import annotations

from drs_operator.ledger.claims import RunClaims
from drs_operator.ledger.mirrors import Mirrors
from drs_operator.ledger.object_claims import ObjectClaims
from drs_operator.ledger.runs import Runs
from drs_operator.ledger.settings import Settings
from drs_operator.ledger.store import Store


class DynamoLedger(RunClaims, ObjectClaims, Mirrors, Settings, Runs):
    """Runs of one leader, and what its groups and plans claim."""

    def __init__(self, store: Store, epoch: int) -> None:
        RunClaims.__init__(self, store)
        ObjectClaims.__init__(self, store)
        Mirrors.__init__(self, store)
        Settings.__init__(self, store)
        Runs.__init__(self, store, epoch)
