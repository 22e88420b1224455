"""The rows of this installation's groups and plans: written when they would say something else, and not otherwise."""

from __future__ import annotations

import asyncio

from drs_operator.planning.claims import Mirror, MirrorHead
from drs_operator.ports import ClaimStore, Clock, LostRace

ATTEMPTS = 3


class MirrorBook:
    """Rows by owner id, known in memory by their heads. Calls for the same owner must not overlap."""

    def __init__(self, store: ClaimStore, clock: Clock, installation: str) -> None:
        self._store = store
        self._clock = clock
        self._installation = installation
        self._heads: dict[str, MirrorHead] = {}
        self._doubts: set[str] = set()
        """Owners of writes that were not answered, or not yet."""
        self._loading = asyncio.Lock()
        self._learnt: set[str] = set()
        """Owners of which something was learnt since the scan that is under way began."""

    async def load(self) -> None:
        """Reads the heads of all rows: at the start, and to repair what others have changed. Raises ReadFailed.

        What was learnt by own writes meanwhile is newer than the scan and stands.
        """
        async with self._loading:
            self._learnt = set()
            found = {head.owner_id: head for head in await self._store.mirrors(self._installation)}
            known = {owner_id: self._heads[owner_id] for owner_id in self._learnt if owner_id in self._heads}
            rest = {owner_id: head for owner_id, head in found.items() if owner_id not in self._learnt}
            self._heads = {**rest, **known}

    def head(self, owner_id: str) -> MirrorHead | None:
        """What is known of a row."""
        return self._heads.get(owner_id)

    async def keep(self, mirror: Mirror) -> int:
        """Makes the row say this; returns its version, which went up if it said something else. Raises ReadFailed.

        Raises LostRace, too, when somebody else keeps on writing it.
        """
        owner = mirror.owner
        if owner.id in self._doubts:
            await self.load()
        for attempt in range(1, ATTEMPTS + 1):
            head = self._heads.get(owner.id)
            if head is not None and head.digest == mirror.digest and head.honoured == mirror.honoured:
                self._doubts.discard(owner.id)
                return head.version
            self._doubts.add(owner.id)
            try:
                version = await self._store.save_mirror(mirror, head.version if head else None, self._clock.now())
            except LostRace:
                if attempt == ATTEMPTS:
                    raise
                await self.load()
            else:
                self._learn(_head(mirror, version))
                return version
        raise AssertionError("unreachable")

    async def drop(self, owner_id: str) -> None:
        """Deletes the row of an object that is gone. Raises ReadFailed."""
        if owner_id not in self._heads and owner_id not in self._doubts:
            return
        self._doubts.add(owner_id)
        await self._store.delete_mirror(owner_id)
        self._learnt.add(owner_id)
        self._heads.pop(owner_id, None)
        self._doubts.discard(owner_id)

    def _learn(self, head: MirrorHead) -> None:
        self._learnt.add(head.owner_id)
        self._heads[head.owner_id] = head
        self._doubts.discard(head.owner_id)


def _head(mirror: Mirror, version: int) -> MirrorHead:
    owner = mirror.owner
    account_id = mirror.content.get("accountId")
    return MirrorHead(owner.id, version, mirror.digest, owner.namespace, owner.name, account_id, mirror.honoured)
