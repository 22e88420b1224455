"""Who this ledger is (`META`) and who leads in it (`INSTALLATION#name`): the epoch that fences runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER, missing
from drs_operator.planning.leadership import Known, Leader, Ledger, Wish, may_lead, next_epoch
from drs_operator.ports import LostRace

ATTEMPTS = 5


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def make_meta(store: Store) -> str:
    """Gives the ledger its id, once; returns the id in force."""
    ledger_id = f"ledger-{uuid.uuid4().hex[:17]}"
    standing = await store.put(
        LEDGER, {"pk": "META", "ledgerId": ledger_id, "createdTime": _now()}, "attribute_not_exists(#pk)"
    )
    return str(standing["ledgerId"]) if standing else ledger_id


async def ledger_id(store: Store) -> str | None:
    """The ledger's id; None before `init-ledger`."""
    item = await store.get(LEDGER, {"pk": "META"})
    return str(item["ledgerId"]) if item else None


async def leader(store: Store, installation: str) -> Leader | None:
    """Who leads; None: nobody has led yet."""
    item = await store.get(LEDGER, _key(installation))
    return _leader(item) if item else None


async def find(store: Store, installation: str) -> tuple[Ledger, Leader | None]:
    """What the ledger says of itself, and who leads in it. Raises ReadFailed."""
    absent = await store.call(lambda: missing(store.client, store.prefix))
    if LEDGER.name(store.prefix) in absent:
        return Ledger(store.region, absent, None, 0), None
    leads = await leader(store, installation)
    found = Ledger(store.region, absent, await ledger_id(store), leads.epoch if leads else 0)
    return found, leads


async def take(store: Store, installation: str, cluster: str, process: str, known: Known) -> Leader:
    """Leads, under a new epoch, if this cluster may; returns who leads now.

    Whoever led before fails at its next write of a run. Raises LostRace, ReadFailed.
    """
    for _ in range(ATTEMPTS):
        before = await leader(store, installation)
        if not may_lead(before, cluster):
            assert before is not None
            return before
        mine = Leader(cluster, process, next_epoch(before, known), _now())
        granted = before is not None and before.wish is not None and before.wish.cluster == cluster
        if await _write(store, installation, mine, before, drop_wish=granted) is None:
            return mine
    raise LostRace(
        f"installation {installation}: the epoch moves faster than it can be taken; is another one starting?"
    )


async def renew(store: Store, installation: str, mine: Leader, seen: Leader | None) -> Leader | None:
    """Says that this leader is alive; returns None, or who leads instead.

    `seen` is what was read before, and judged: only where that is of an earlier epoch, or nothing (the ledger was
    restored or replaced), this leader puts itself back.
    """
    if seen is None or seen.epoch < mine.epoch:
        lost = await _write(store, installation, mine, seen, drop_wish=True)  # it was made before the restore
    else:
        lost = await store.update(
            LEDGER,
            _key(installation),
            "SET #renewedTime = :now",
            "#epoch = :mine AND #holder = :cluster",
            {"now": _now(), "mine": mine.epoch, "cluster": mine.cluster},
        )
    stands = _leader(lost) if lost else None
    return stands if stands is not None and stands.epoch >= mine.epoch else None  # earlier: seen at the next look


async def wish_for(store: Store, installation: str, wish: Wish, over: Leader) -> Leader | None:
    """Records that a cluster shall lead; returns None, or who leads meanwhile instead of `over`."""
    lost = await store.update(
        LEDGER,
        _key(installation),
        "SET #takeOver = :wish",
        "#epoch = :seen",
        {"wish": {"cluster": wish.cluster, "by": wish.by, "time": wish.time}, "seen": over.epoch},
    )
    return None if lost is None else _leader(lost)


async def _write(
    store: Store, installation: str, mine: Leader, before: Leader | None, drop_wish: bool
) -> dict[str, Any] | None:
    values = {"epoch": mine.epoch, "holder": mine.cluster, "process": mine.process, "renewedTime": _now()}
    if before is None:
        row = {**_key(installation), "installation": installation, **values}
        return await store.put(LEDGER, row, "attribute_not_exists(#pk)")
    # An update, not a put: a wish that comes meanwhile stays.
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    expression += " REMOVE #takeOver" if drop_wish else ""
    return await store.update(LEDGER, _key(installation), expression, "#epoch = :old", {**values, "old": before.epoch})


def _key(installation: str) -> dict[str, str]:
    return {"pk": f"INSTALLATION#{installation}"}


def _leader(item: Mapping[str, Any]) -> Leader:
    wish = item.get("takeOver")
    return Leader(
        cluster=str(item["holder"]),
        process=str(item.get("process", "")),
        epoch=int(item["epoch"]),
        renewed=str(item["renewedTime"]),
        wish=Wish(str(wish["cluster"]), str(wish["by"]), str(wish["time"])) if wish else None,
    )
