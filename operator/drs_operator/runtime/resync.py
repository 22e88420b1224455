"""The full re-list: repairs what a watch lost and drops what is gone (kopf's own re-list keeps deleted objects)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.observability.logs import log
from drs_operator.ports import ReadFailed
from drs_operator.runtime.cache import Cache

WATCHED: tuple[type[Resource], ...] = (TargetAccount, ProtectionGroup, RecoveryPlan, DRExecution)
"""Kinds that this version acts on."""
EVERY_SECONDS = 600.0
AFTER_OUTAGE_SECONDS = 2.0

ListKind = Callable[[type[Resource]], Awaitable[list[dict[str, Any]]]]


class Resync:
    """Lists all kinds into the cache: once before anything else, then at intervals, sooner after a failure."""

    def __init__(self, cache: Cache, list_kind: ListKind) -> None:
        self._cache = cache
        self._list = list_kind

    async def once(self) -> None:
        """One pass over all kinds, in the order in which they depend on each other. Raises ReadFailed."""
        for kind in WATCHED:
            self._cache.replace(kind, await self._list(kind))

    async def run(self) -> None:
        """Passes until cancelled."""
        pause = EVERY_SECONDS
        while True:
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))
            try:
                await self.once()
                pause = EVERY_SECONDS
            except ReadFailed as error:
                pause = AFTER_OUTAGE_SECONDS
                log.warning("re-list failed", detail=error.message)
