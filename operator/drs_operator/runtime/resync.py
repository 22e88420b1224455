"""The full re-list: repairs what a watch lost and drops what is gone (kopf's own re-list keeps deleted objects)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.observability.logs import log
from drs_operator.ports import ReadFailed
from drs_operator.runtime.cache import Cache

WATCHED: tuple[type[Resource], ...] = (TargetAccount, ProtectionGroup, RecoveryPlan, DRExecution)
"""Kinds that this version acts on."""
EVERY_SECONDS = 600.0
AFTER_OUTAGE_SECONDS = 2.0
"""Pause after a failed list, and between the first sign of an outage and the list that repairs it."""
JITTER = 0.1

ListKind = Callable[[type[Resource]], Awaitable[list[dict[str, Any]]]]


class Resync:
    """Lists all kinds into the cache: once before anything else, then at intervals, and soon after every outage.

    `passed` is told after each pass of `run`.
    """

    def __init__(
        self,
        cache: Cache,
        list_kind: ListKind,
        every_seconds: float = EVERY_SECONDS,
        after_outage_seconds: float = AFTER_OUTAGE_SECONDS,
        passed: Callable[[], None] = lambda: None,
    ) -> None:
        self._cache = cache
        self._list = list_kind
        self._every = every_seconds
        self._after_outage = after_outage_seconds
        self._passed = passed

    async def once(self) -> None:
        """One pass over all kinds, in the order in which they depend on each other. Raises ReadFailed."""
        for kind in WATCHED:
            known = self._cache.known(kind)
            self._cache.replace(kind, await self._list(kind), known)

    async def run(self) -> None:
        """Passes until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._cache.doubt.wait(), _jittered(self._every))
                await asyncio.sleep(_jittered(self._after_outage))
            self._cache.doubt.clear()
            try:
                await self.once()
            except ReadFailed as error:
                self._cache.doubt.set()
                log.warning("re-list failed", detail=error.message)
            else:
                self._passed()


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)
