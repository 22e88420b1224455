"""Claims and mirrors in memory: the same rules as in DynamoDB, over `Tables` that several operators can share."""

from __future__ import annotations

from datetime import datetime

from drs_operator.planning.claims import Mirror, MirrorHead, Owner, Standing
from drs_operator.ports import LostRace
from tests.fakes.effects import Effects
from tests.fakes.tables import Row, Tables


class FakeClaims:
    """Port ClaimStore. A write that would change nothing is none, and no effect."""

    def __init__(self, tables: Tables, effects: Effects) -> None:
        self._tables = tables
        self._effect = effects

    def _reach(self) -> Tables:
        if self._tables.failure is not None:
            raise self._tables.failure
        return self._tables

    async def standings(self) -> list[Standing]:
        """Everything that is claimed or held."""
        tables = self._reach()
        return [standing for key in tables.claimed_keys() if (standing := tables.standing(key)) is not None]

    async def standing(self, key: str) -> Standing | None:
        """One claim."""
        return self._reach().standing(key)

    async def take(self, key: str, owner: Owner) -> Standing | None:
        """Takes what is free or the owner's; returns what stands against it."""
        standing = self._reach().standing(key)
        if standing is None:
            self._effect("take claim", lambda: self._tables.claims.update({key: owner}))
            return None
        if standing.owner is None or standing.owner.id != owner.id:
            return standing
        if standing.owner != owner:  # it calls itself something else by now
            self._effect("rename claim", lambda: self._tables.claims.update({key: owner}))
        return None

    async def let_go(self, key: str, owner_id: str) -> Standing | None:
        """Releases an own claim that no run holds; returns what a run holds."""
        standing = self._reach().standing(key)
        if standing is None or standing.owner is None or standing.owner.id != owner_id:
            return None
        if standing.held_by is not None:
            return standing
        self._effect("let go claim", lambda: self._tables.claims.pop(key))
        return None

    async def mirrors(self, installation: str) -> list[MirrorHead]:
        """Heads of the rows of an installation."""
        return [
            MirrorHead(
                owner_id=owner_id,
                version=row.version,
                digest=row.mirror.digest,
                namespace=row.mirror.owner.namespace,
                name=row.mirror.owner.name,
                account_id=row.mirror.content.get("accountId"),
                honoured=row.mirror.honoured,
            )
            for owner_id, row in sorted(self._reach().mirrors.items())
            if row.mirror.owner.installation == installation
        ]

    async def save_mirror(self, mirror: Mirror, version: int | None, now: datetime) -> int:
        """Writes a row over the one at `version`. Raises LostRace."""
        row = self._reach().mirrors.get(mirror.owner.id)
        if (row.version if row else None) != version:
            raise LostRace(f"row {mirror.owner.id} is at version {row.version if row else None}, not {version}")
        saved = Row(mirror, (version or 0) + 1, row.created if row else now, now)
        self._effect("save mirror", lambda: self._tables.mirrors.update({mirror.owner.id: saved}))
        return saved.version

    async def delete_mirror(self, owner_id: str) -> None:
        """Deletes a row, if there is one."""
        if owner_id in self._reach().mirrors:
            self._effect("delete mirror", lambda: self._tables.mirrors.pop(owner_id))
