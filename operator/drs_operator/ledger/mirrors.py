"""Rows of `protection-groups` and `recovery-plans`: what each group and plan is, for whoever has no cluster to ask."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import PROTECTION_GROUPS, RECOVERY_PLANS, Table
from drs_operator.planning.claims import Mirror, MirrorHead
from drs_operator.ports import LostRace

HEAD = ("version", "digest", "namespace", "name", "accountId", "honoured")


def table_of(owner_id: str) -> Table:
    """The table that has the row of a group (`pg-…`) or plan (`plan-…`)."""
    return RECOVERY_PLANS if owner_id.startswith("plan-") else PROTECTION_GROUPS


class Mirrors:
    """Rows under the ids of groups and plans; each write moves `version` on by one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mirrors(self, installation: str) -> list[MirrorHead]:
        """The heads of all rows of an installation, in the order of the ids."""
        found = await asyncio.gather(
            *(self._heads(table, installation) for table in (PROTECTION_GROUPS, RECOVERY_PLANS))
        )
        return [head for heads in found for head in heads]

    async def _heads(self, table: Table, installation: str) -> list[MirrorHead]:
        (key,) = table.key
        items = await self._store.scan(table, (key, *HEAD), "#installation = :mine", {"mine": installation})
        heads = [
            MirrorHead(
                owner_id=item[key],
                version=int(item["version"]),
                digest=item["digest"],
                namespace=item["namespace"],
                name=item["name"],
                account_id=item.get("accountId"),
                honoured=tuple(item.get("honoured", ())),
            )
            for item in items
        ]
        return sorted(heads, key=lambda head: head.owner_id)

    async def save_mirror(self, mirror: Mirror, version: int | None, now: datetime) -> int:
        """Writes a row over the one at `version` (None: there is none). Raises LostRace.

        Raises ReadFailed (DYNAMODB_ERROR), too, for what does not fit into an item (400 KB).
        """
        owner, table = mirror.owner, table_of(mirror.owner.id)
        (key,) = table.key
        row = {key: owner.id}
        created = written = now.astimezone(UTC).isoformat(timespec="seconds")
        condition, bound = f"attribute_not_exists(#{key})", {}
        if version is not None:
            standing = await self._store.get(table, row)
            if standing is None or standing["version"] != version:
                raise _moved(owner.id, standing, version)
            created = standing["createdTime"]
            condition, bound = "#version = :old", {"old": version}
        values = {
            **mirror.content,
            **row,
            "installation": owner.installation,
            "namespace": owner.namespace,
            "name": owner.name,
            "displayName": owner.display_name,
            "digest": mirror.digest,
            "honoured": list(mirror.honoured),
            "version": (version or 0) + 1,
            "createdTime": created,
            "updatedTime": written,
        }
        standing = await self._store.put(table, values, condition, bound)
        if standing is not None:
            raise _moved(owner.id, standing, version)
        return (version or 0) + 1

    async def delete_mirror(self, owner_id: str) -> None:
        """Deletes a row, if there is one."""
        table = table_of(owner_id)
        (key,) = table.key
        await self._store.delete(table, {key: owner_id}, f"attribute_exists(#{key})")


def _moved(owner_id: str, standing: dict[str, object] | None, version: int | None) -> LostRace:
    found = standing.get("version") if standing else None
    return LostRace(f"row {owner_id} is at version {found}, not {version}")
