"""The claims of this installation, known in memory: what does not change is neither read nor written.

One scan tells everything at the start; afterwards own writes do. Of claims that other installations hold, memory is a
hint only: who wants one reads it again, once a refresh. A write whose answer was lost is read again before anything
else is done for its owner.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from drs_operator.planning.claims import Owner, Settled, Standing, is_lost, server_of, surplus
from drs_operator.planning.facts import Failure
from drs_operator.ports import ClaimStore, Clock, LostRace, ReadFailed

PARALLEL = 8
"""Ledger requests at a time, for one owner."""
AGAIN_AFTER = 0.8
"""A lost claim is read again after this part of a refresh: refreshes come with jitter, and none is to be missed."""


class ClaimBook:
    """Claims of groups and plans. `look_again` is told of owners for whom something has changed.

    That is an owner who wanted a key that is free now, and one whose server another group has begun to want. Calls for
    the same owner must not overlap; those for different owners may.
    """

    def __init__(
        self,
        store: ClaimStore,
        clock: Clock,
        installation: str,
        refresh_seconds: float,
        look_again: Callable[[Owner], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._installation = installation
        self._again_after = timedelta(seconds=AGAIN_AFTER * refresh_seconds)
        self._look_again = look_again
        self._standings: dict[str, Standing] = {}
        self._owned: defaultdict[str, set[str]] = defaultdict(set)
        """Keys by owner id."""
        self._doubts: defaultdict[str, set[str]] = defaultdict(set)
        """By owner id: keys of own writes that were not answered, or not yet."""
        self._wanting: defaultdict[str, dict[str, Owner]] = defaultdict(dict)
        """By key: who wants it and has not got it, by owner id, the first one first."""
        self._wants: defaultdict[str, set[str]] = defaultdict(set)
        """The same by owner id."""
        self._looked: dict[str, datetime] = {}
        """When a key that somebody else has was read last."""
        self._loading = asyncio.Lock()
        self._learnt: set[str] = set()
        """Keys of which something was learnt since the scan that is under way began."""

    # --- what is known --------------------------------------------------------------------------------------------

    def owned(self, owner_id: str) -> frozenset[str]:
        """Keys that an owner has."""
        return frozenset(self._owned.get(owner_id, ()))

    def standing(self, key: str) -> Standing | None:
        """A claim as it was seen last; None: free."""
        return self._standings.get(key)

    def wanted_by(self, key: str, owner_id: str) -> list[Owner]:
        """Who else, of this installation, wants a key and has not got it; the first one first."""
        return [owner for other, owner in self._wanting.get(key, {}).items() if other != owner_id]

    # --- the scan -------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Reads all claims: at the start, and to repair what others have changed. Raises ReadFailed.

        What was learnt by own requests meanwhile is newer than the scan and stands.
        """
        async with self._loading:
            self._learnt = set()
            owners: dict[Owner, Owner] = {}  # thousands of claims have few owners: each is kept once
            found = {
                standing.key: Standing(
                    standing.key,
                    owners.setdefault(standing.owner, standing.owner) if standing.owner else None,
                    standing.held_by,
                    standing.held_by_name,
                )
                for standing in await self._store.standings()
            }
            for key in (self._standings.keys() | found.keys()) - self._learnt:
                before, now = self._standings.get(key), found.get(key)
                if before == now:
                    continue
                self._learn(key, now)
                if before is not None and before.owner is not None and (now is None or now.owner != before.owner):
                    self._tell(before.owner)

    # --- changes --------------------------------------------------------------------------------------------------

    async def take(self, owner: Owner, wanted: Iterable[str]) -> Settled:
        """Takes what is missing and releases nothing. Raises Fenced."""
        return await self._change(owner, set(wanted), release=False)

    async def settle(self, owner: Owner, wanted: Iterable[str]) -> Settled:
        """Takes what is missing, then releases what is not wanted, but for what a run holds. Raises Fenced."""
        return await self._change(owner, set(wanted), release=True)

    async def release_all(self, owner: Owner) -> Settled:
        """Lets go of everything, but for what a run holds."""
        return await self.settle(owner, ())

    async def _change(self, owner: Owner, wanted: set[str], release: bool) -> Settled:
        kept: dict[str, Standing] = {}
        failure: Failure | None = None
        try:
            await _each(sorted(self._doubts.get(owner.id, ())), lambda key: self._read(key, owner))
            missing = [key for key in sorted(wanted) if not self._has(key, owner)]
            await _each(missing, lambda key: self._take(key, owner))
            if release:
                self._stop_wanting(owner, wanted)
                await _each(surplus(self.owned(owner.id), wanted), lambda key: self._let_go(key, owner, kept))
        except ReadFailed as error:
            failure = Failure(error.code, error.message)
        except LostRace as race:
            failure = Failure("DYNAMODB_ERROR", f"{race}; it is tried again")
        losses = {key: found for key in wanted if (found := self._standings.get(key)) and is_lost(found, owner.id)}
        return Settled(self.owned(owner.id), losses, kept, failure)

    async def _take(self, key: str, owner: Owner) -> None:
        if is_lost(self._standings.get(key), owner.id):
            self._want(key, owner)
            if self._is_certain(key):
                return
            await self._read(key, owner)
            if is_lost(self._standings.get(key), owner.id):
                return
        self._doubts[owner.id].add(key)
        standing = await self._store.take(key, owner)
        self._learn(key, standing or Standing(key, owner), owner)
        self._settled(key, owner)
        if standing is not None:
            self._looked[key] = self._clock.now()
            self._want(key, owner)

    async def _let_go(self, key: str, owner: Owner, kept: dict[str, Standing]) -> None:
        known = self._standings.get(key)
        if known is not None and known.held_by is not None and not self._is_due(key):
            kept[key] = known
            return
        self._doubts[owner.id].add(key)
        standing = await self._store.let_go(key, owner.id)
        self._learn(key, standing, owner)
        self._settled(key, owner)
        if standing is not None:
            self._looked[key] = self._clock.now()
            kept[key] = standing

    async def _read(self, key: str, owner: Owner) -> None:
        self._looked[key] = self._clock.now()
        self._learn(key, await self._store.standing(key), owner)
        self._settled(key, owner)

    # --- memory ---------------------------------------------------------------------------------------------------

    def _has(self, key: str, owner: Owner) -> bool:
        """Whether the owner has it, under the display name that it has now."""
        known = self._standings.get(key)
        return known is not None and known.owner == owner

    def _is_certain(self, key: str) -> bool:
        """Whether a claim that somebody else has need not be read again now."""
        known = self._standings.get(key)
        ours = known is not None and known.owner is not None and known.owner.installation == self._installation
        return ours or not self._is_due(key)

    def _is_due(self, key: str) -> bool:
        looked = self._looked.get(key)
        return looked is None or self._clock.now() - looked >= self._again_after

    def _learn(self, key: str, now: Standing | None, by: Owner | None = None) -> None:
        """Takes in how a claim stands. Who wants it is told when it has become free, but for `by`, who asked."""
        self._learnt.add(key)
        before = self._standings.pop(key, None)
        if before is not None and before.owner is not None:
            self._owned[before.owner.id].discard(key)
        if now is not None:
            self._standings[key] = now
            if now.owner is not None:
                self._owned[now.owner.id].add(key)
            return
        self._looked.pop(key, None)
        for owner in list(self._wanting.get(key, {}).values()):
            if by is None or owner.id != by.id:
                self._tell(owner)

    def _settled(self, key: str, owner: Owner) -> None:
        self._doubts[owner.id].discard(key)

    def _want(self, key: str, owner: Owner) -> None:
        """Remembers who has lost. A group of ours that has the server is asked whether it still wants it, once."""
        if owner.id in self._wanting[key]:
            return
        self._wanting[key][owner.id] = owner
        self._wants[owner.id].add(key)
        known = self._standings.get(key)
        if known is not None and known.owner is not None and server_of(key) is not None:
            self._tell(known.owner)

    def _stop_wanting(self, owner: Owner, keys: set[str]) -> None:
        """Forgets what the owner has by now, or does not want any more."""
        lost = {key for key in keys if is_lost(self._standings.get(key), owner.id)}
        for key in self._wants.pop(owner.id, set()) - lost:
            del self._wanting[key][owner.id]
            if not self._wanting[key]:
                del self._wanting[key]
        if lost:
            self._wants[owner.id] = lost

    def _tell(self, owner: Owner) -> None:
        if owner.installation == self._installation:
            self._look_again(owner)


async def _each(keys: Iterable[str], act: Callable[[str], Awaitable[None]]) -> None:
    """Acts on all, a few at a time. After a failure no more is begun; when nothing is under way any more, it raises."""
    waiting = iter(list(keys))
    failures: list[ReadFailed | LostRace] = []

    async def work() -> None:
        for key in waiting:
            if failures:
                return
            try:
                await act(key)
            except (ReadFailed, LostRace) as error:
                failures.append(error)

    await asyncio.gather(*(work() for _ in range(PARALLEL)))
    if failures:
        raise failures[0]
