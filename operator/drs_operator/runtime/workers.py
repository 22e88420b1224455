"""Workers: take a key, reconcile its object, plan the next look. One bad object never hurts another.

Every key that is ready is worked on at once, so that looks that wait for a dead account keep no other from being
looked at. What bounds the work is where it is done: the threads of a place, of the ledger, the API client's pool.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from drs_operator.api.v1alpha1 import Resource
from drs_operator.observability import metrics
from drs_operator.observability.logs import log
from drs_operator.ports import Fenced, LostRace, ReadFailed
from drs_operator.reconcilers.context import Outcome
from drs_operator.runtime.cache import Cache, Key
from drs_operator.runtime.queue import WorkQueue

Reconcile = Callable[[Any], Awaitable[Outcome]]


class Workers:
    """Runs reconcilers by kind. `run` ends only when cancelled, or raises Fenced when another leader has taken over."""

    def __init__(self, cache: Cache, queue: WorkQueue, reconcilers: Mapping[type[Resource], Reconcile]) -> None:
        self._cache = cache
        self._queue = queue
        self._reconcilers = reconcilers

    async def run(self) -> None:
        """Works until cancelled, or fenced."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    key = await self._queue.get()
                    # Not in the task itself: one that is cancelled before its first step never gets to its `finally`.
                    group.create_task(self._one(key)).add_done_callback(functools.partial(self._done, key))
        except BaseExceptionGroup as errors:
            if (fenced := errors.subgroup(Fenced)) is not None:
                raise fenced.exceptions[0] from errors
            raise

    def _done(self, key: Key, _: asyncio.Task[None]) -> None:
        self._queue.done(key)

    async def _one(self, key: Key) -> None:
        found = self._cache.get(key.kind, key.namespace, key.name)
        if found is None:
            self._queue.forget(key)
            return
        kind = key.kind.definition.kind
        began = time.perf_counter()
        try:
            outcome = await self._reconcilers[key.kind](found)
        except Fenced:
            raise
        except LostRace as race:
            metrics.reconciles.labels(kind, "conflict").inc()
            seconds = self._queue.failed(key)
            log.debug("lost a race", object=str(key), detail=str(race), retry_seconds=seconds)
        except ReadFailed as error:
            metrics.reconciles.labels(kind, "failed").inc()
            seconds = self._queue.failed(key)
            log.warning("failed", object=str(key), code=error.code, detail=error.message, retry_seconds=seconds)
        except Exception:  # noqa: BLE001 - one bad object never hurts another; it is logged and retried
            metrics.reconciles.labels(kind, "error").inc()
            seconds = self._queue.failed(key)
            log.exception("a defect in a reconciler", object=str(key), retry_seconds=seconds)
        else:
            metrics.reconciles.labels(kind, "done").inc()
            self._queue.succeeded(key)
            if outcome.again_in is not None:
                self._queue.add_after(key, outcome.again_in)
        finally:
            metrics.reconcile_seconds.labels(kind).observe(time.perf_counter() - began)
