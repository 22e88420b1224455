"""The operator as a whole: adapters behind ports, reconcilers, workers, the watch."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.sessions import Sessions
from drs_operator.handlers.watch import watch
from drs_operator.kube.client import KubeClient, connect
from drs_operator.kube.cluster import KubeCluster
from drs_operator.kube.lister import list_kind, missing_kinds
from drs_operator.ledger import installation
from drs_operator.ledger.dynamo import DynamoLedger
from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import TablesMissing, missing
from drs_operator.observability import health
from drs_operator.observability.logs import log
from drs_operator.planning.facts import Inventory
from drs_operator.ports import LostRace, ReadFailed
from drs_operator.reconcilers import execution, protection_group, recovery_plan, target_account
from drs_operator.reconcilers.context import Context
from drs_operator.runtime.cache import Cache, Key, concerned
from drs_operator.runtime.queue import WorkQueue
from drs_operator.runtime.resync import WATCHED, Resync
from drs_operator.runtime.workers import Workers
from drs_operator.settings import Settings

T = TypeVar("T")

RETRY_SECONDS = 2.0


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


class NoMeta(Exception):
    """The tables are there, but `init-ledger` never finished."""


class WatchEnded(Exception):
    """The watch has ended by itself: without it the operator is blind, so the process ends and is started anew."""


@dataclass(slots=True)
class Readiness:
    """What /readyz answers: what is still waited for, or None."""

    problem: str | None = "starting"

    def waits_for(self, problem: str) -> None:
        """Says it in the log, too, once."""
        if problem != self.problem:
            log.warning("waiting", problem=problem)
        self.problem = problem


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises TablesMissing, NoMeta, NoCluster, WatchEnded, Fenced."""
    readiness = Readiness()
    async with health.serve(settings.metrics_address, lambda: readiness.problem, lambda: None) as port:
        log.info("serving metrics and health", port=port)
        store = Store(settings.table_prefix, settings.ledger_region)
        try:
            ledger_id = await _patiently(readiness, lambda: _find_ledger(store))
            async with connect() as client:
                await _patiently(readiness, lambda: _find_types(client))
                await _lead(settings, store, client, ledger_id, readiness)
        finally:
            store.close()


async def _patiently(readiness: Readiness, attempt: Callable[[], Awaitable[T]]) -> T:
    """Tries until it succeeds: what cannot be reached now is waited for, the operator stays up."""
    while True:
        try:
            return await attempt()
        except ReadFailed as error:
            readiness.waits_for(error.message)
            await asyncio.sleep(RETRY_SECONDS)


async def _find_ledger(store: Store) -> str:
    absent = await store.call(lambda: missing(store.client, store.prefix))
    if absent:
        raise TablesMissing(absent, store.region)
    ledger_id = await installation.ledger_id(store)
    if ledger_id is None:
        raise NoMeta(f"the ledger in {store.region} has no META item; run: drs-operator init-ledger")
    return ledger_id


async def _find_types(client: KubeClient) -> None:
    """kopf skips a CRD that is missing at its start for good, so all of them are waited for."""
    if absent := await missing_kinds(client):
        raise ReadFailed("NOT_FOUND", f"CRDs missing: {', '.join(absent)}; kubectl apply --server-side -f crds/")


async def _lead(settings: Settings, store: Store, client: KubeClient, ledger_id: str, readiness: Readiness) -> None:
    identity = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    epoch = await _patiently(readiness, lambda: installation.take_epoch(store, settings.installation, identity))
    log.info("leading", installation=settings.installation, ledger=ledger_id, epoch=epoch)
    ledger = DynamoLedger(store, epoch)
    await _patiently(readiness, lambda: _adopt_runs(ledger, settings.installation))
    cache, queue, sessions = Cache(), WorkQueue(), Sessions()
    cache.on_change(functools.partial(_enqueue, cache, queue))
    context = Context(
        objects=cache,
        cluster=KubeCluster(client, identity),
        cloud=BotoCloud(
            sessions,
            settings.refresh_seconds,
            settings.poll_seconds / 2,
            functools.partial(_refreshed, cache, queue),
        ),
        ledger=ledger,
        clock=SystemClock(),
        installation=settings.installation,
        caller=identity,
        refresh_seconds=settings.refresh_seconds,
        poll_seconds=settings.poll_seconds,
        settle=timedelta(seconds=settings.settle_seconds),
    )
    resync = Resync(cache, lambda kind: list_kind(client, kind, settings.namespaces))
    await _patiently(readiness, resync.once)
    try:
        await _until_stopped(readiness, context, cache, queue, resync, settings)
    finally:
        sessions.close()


async def _adopt_runs(ledger: DynamoLedger, name: str) -> None:
    """Moves the epoch on every active run: whoever led before fails at its next write, object or no object."""
    for execution_id in await ledger.active_runs(name):
        with suppress(LostRace):  # the old leader was quicker once more; the first look at the run adopts it
            await ledger.load_run(execution_id)


async def _until_stopped(
    readiness: Readiness, context: Context, cache: Cache, queue: WorkQueue, resync: Resync, settings: Settings
) -> None:
    reconcilers: dict[type[Resource], Any] = {
        TargetAccount: functools.partial(target_account.reconcile, context),
        ProtectionGroup: functools.partial(protection_group.reconcile, context),
        RecoveryPlan: functools.partial(recovery_plan.reconcile, context),
        DRExecution: functools.partial(execution.reconcile, context),
    }
    stop, watching = asyncio.Event(), asyncio.Event()
    tasks = [
        asyncio.create_task(watch(cache, WATCHED, settings.namespaces, watching, stop), name="watch"),
        asyncio.create_task(Workers(cache, queue, reconcilers).run(), name="workers"),
        asyncio.create_task(resync.run(), name="resync"),
        asyncio.create_task(_ready(readiness, watching, stop), name="signals"),
    ]
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in [*tasks, stopping]:
        task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
    for task in done - {stopping}:
        if (error := task.exception()) is not None:
            raise error
    if not stop.is_set():
        raise WatchEnded("the watch on the API server has ended; the operator starts anew")
    log.info("stopped")


async def _ready(readiness: Readiness, watching: asyncio.Event, stop: asyncio.Event) -> None:
    """kopf overwrites signal handlers when it starts, so ours are set after that."""
    await watching.wait()
    readiness.problem = None
    log.info("ready", pid=os.getpid())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await asyncio.Event().wait()


def _enqueue(cache: Cache, queue: WorkQueue, key: Key, before: Resource | None, now: Resource | None) -> None:
    queue.add(key)
    for other in concerned(key, before, now):
        queue.add(other)
    if key.kind is TargetAccount and _generation(before) != _generation(now):
        for group in cache.all(ProtectionGroup):
            if group.spec.target_account_ref.name == key.name:
                queue.add(Key(ProtectionGroup, group.metadata.namespace, group.metadata.name))


def _generation(resource: Resource | None) -> int | None:
    return resource.metadata.generation if resource else None


def _refreshed(cache: Cache, queue: WorkQueue, inventory: Inventory) -> None:
    """A new inventory concerns the groups of its place."""
    accounts = {
        account.metadata.name
        for account in cache.all(TargetAccount)
        if account.spec.account_id == inventory.place.account_id
    }
    for group in cache.all(ProtectionGroup):
        if group.spec.target_account_ref.name in accounts and group.spec.region == inventory.place.region:
            queue.add(Key(ProtectionGroup, group.metadata.namespace, group.metadata.name))
