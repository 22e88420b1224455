"""What groups and plans claim: names, tag sets, servers and addresses, each an item of table `ledger`.

The item of a server is shared with the run that holds it (`heldBy`): whoever claims it, a run may hold it, and what a
run holds is neither taken nor let go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.claims import Owner, Standing
from drs_operator.ports import LostRace

PREFIXES = ("NAME#", "TAGS#", "SERVER#", "IP#")
ATTRIBUTES = ("pk", "groupId", "installation", "namespace", "name", "displayName", "heldBy", "heldByName")
_IS_CLAIM = " OR ".join(f"begins_with(#pk, :{prefix.rstrip('#')})" for prefix in PREFIXES)
_OWNER = "SET #groupId = :groupId, #installation = :installation, #namespace = :namespace, #name = :name, " + (
    "#displayName = :displayName"
)


class ObjectClaims:
    """Claims of groups and plans."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def standings(self) -> list[Standing]:
        """Every claim of every installation, in the order of the keys."""
        bound = {prefix.rstrip("#"): prefix for prefix in PREFIXES}
        found = map(_standing, await self._store.scan(LEDGER, ATTRIBUTES, _IS_CLAIM, bound))
        return sorted((standing for standing in found if standing is not None), key=lambda standing: standing.key)

    async def standing(self, key: str) -> Standing | None:
        """One claim, by a consistent read."""
        return _standing(await self._store.get(LEDGER, {"pk": key}) or {})

    async def take(self, key: str, owner: Owner) -> Standing | None:
        """Takes a claim that is free or the owner's. Returns None, or what stands against it. Raises LostRace."""
        fields = {
            "groupId": owner.id,
            "installation": owner.installation,
            "namespace": owner.namespace,
            "name": owner.name,
            "displayName": owner.display_name,
        }
        free = "attribute_not_exists(#groupId) AND attribute_not_exists(#heldBy)"
        item = await self._store.update(LEDGER, {"pk": key}, _OWNER, free, fields)
        if item is None:
            return None
        standing = _standing(item)
        if standing is not None and standing.owner is not None and standing.owner.id == owner.id:
            if standing.owner == owner:
                return None
            # Ours under an earlier display name, which others would be told: the hold of a run stays as it is.
            item = await self._store.update(LEDGER, {"pk": key}, _OWNER, "#groupId = :groupId", fields)
            if item is None:
                return None
            standing = _standing(item)
        if standing is None:
            raise LostRace(f"claim {key} was let go while it was taken")
        return standing

    async def let_go(self, key: str, owner_id: str) -> Standing | None:
        """Releases an own claim. Returns None when it is gone or not ours, or what a run holds."""
        item = await self._store.delete(
            LEDGER, {"pk": key}, "#groupId = :mine AND attribute_not_exists(#heldBy)", {"mine": owner_id}
        )
        standing = _standing(item or {})
        if standing is None or standing.owner is None or standing.owner.id != owner_id:
            return None
        return standing


def _standing(item: Mapping[str, Any]) -> Standing | None:
    """What an item says; None for one that nobody claims or holds."""
    if "groupId" not in item and "heldBy" not in item:
        return None
    owner = None
    if "groupId" in item:
        words = (str(item.get(name, "")) for name in ("groupId", "installation", "namespace", "name", "displayName"))
        owner = Owner(*words)
    return Standing(item["pk"], owner, item.get("heldBy"), item.get("heldByName"))
