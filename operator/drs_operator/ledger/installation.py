"""Who this ledger is (`META`) and who leads in it (`INSTALLATION#name`): the epoch that fences runs."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER
from drs_operator.ports import LostRace

ATTEMPTS = 5


async def make_meta(store: Store) -> str:
    """Gives the ledger its id, once; returns the id in force."""
    ledger_id = f"ledger-{uuid.uuid4().hex[:17]}"
    made = datetime.now(UTC).isoformat(timespec="seconds")
    standing = await store.put(
        LEDGER, {"pk": "META", "ledgerId": ledger_id, "createdTime": made}, "attribute_not_exists(#pk)"
    )
    return str(standing["ledgerId"]) if standing else ledger_id


async def ledger_id(store: Store) -> str | None:
    """The ledger's id; None before `init-ledger`."""
    item = await store.get(LEDGER, {"pk": "META"})
    return str(item["ledgerId"]) if item else None


async def take_epoch(store: Store, installation: str, holder: str) -> int:
    """Moves the installation's epoch on and returns it: whoever led before fails at its next write of a run."""
    key = {"pk": f"INSTALLATION#{installation}"}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for _ in range(ATTEMPTS):
        item = await store.get(LEDGER, key)
        if item is None:
            values = {**key, "installation": installation, "epoch": 1, "holder": holder, "renewedTime": now}
            if await store.put(LEDGER, values, "attribute_not_exists(#pk)") is None:
                return 1
            continue
        epoch = int(item["epoch"])
        lost = await store.update(
            LEDGER,
            key,
            "SET #epoch = :new, #holder = :holder, #renewedTime = :now",
            "#epoch = :old",
            {"new": epoch + 1, "old": epoch, "holder": holder, "now": now},
        )
        if lost is None:
            return epoch + 1
    raise LostRace(
        f"installation {installation}: the epoch moves faster than it can be taken; is another one starting?"
    )
