"""The operator as a whole: adapters behind ports, reconcilers, workers, the watch."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

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
from drs_operator.reconcilers import execution, protection_group, recovery_plan, target_account
from drs_operator.reconcilers.context import Context
from drs_operator.runtime.cache import Cache, Key, concerned
from drs_operator.runtime.queue import WorkQueue
from drs_operator.runtime.resync import WATCHED, Resync
from drs_operator.runtime.workers import Workers
from drs_operator.settings import Settings

CRD_WAIT_SECONDS = 2.0


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


class NoMeta(Exception):
    """The tables are there, but `init-ledger` never finished."""


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises TablesMissing, NoMeta, NoCluster, ReadFailed, Fenced."""
    store = Store(settings.table_prefix, settings.ledger_region)
    absent = await store.call(lambda: missing(store.client, store.prefix))
    if absent:
        raise TablesMissing(absent, store.region)
    async with connect() as client:
        try:
            await _serve(settings, store, client)
        finally:
            store.close()


async def _serve(settings: Settings, store: Store, client: KubeClient) -> None:
    stop = asyncio.Event()
    ready = asyncio.Event()
    problem = "starting"
    identity = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"

    def not_ready() -> str | None:
        return None if ready.is_set() else problem

    async with health.serve(settings.metrics_address, not_ready, lambda: None) as port:
        log.info("serving metrics and health", port=port)
        # kopf skips a CRD that is missing at its start for good, so wait for all of them first.
        while absent := await missing_kinds(client):
            problem = f"CRDs missing: {', '.join(absent)}; kubectl apply --server-side -f crds/"
            log.warning(problem)
            await asyncio.sleep(CRD_WAIT_SECONDS)
        ledger_id = await installation.ledger_id(store)
        if ledger_id is None:
            raise NoMeta(f"the ledger in {store.region} has no META item; run: drs-operator init-ledger")
        epoch = await installation.take_epoch(store, settings.installation, identity)
        log.info("leading", installation=settings.installation, ledger=ledger_id, epoch=epoch)
        cache, queue, sessions = Cache(), WorkQueue(), Sessions()
        cache.on_change(functools.partial(_enqueue, queue))
        context = Context(
            objects=cache,
            cluster=KubeCluster(client, identity),
            cloud=BotoCloud(
                sessions,
                settings.refresh_seconds,
                settings.poll_seconds / 2,
                functools.partial(_refreshed, cache, queue),
            ),
            ledger=DynamoLedger(store, epoch),
            clock=SystemClock(),
            installation=settings.installation,
            caller=identity,
            refresh_seconds=settings.refresh_seconds,
            poll_seconds=settings.poll_seconds,
            settle=timedelta(seconds=settings.settle_seconds),
        )
        resync = Resync(cache, lambda kind: list_kind(client, kind, settings.namespaces))
        await resync.once()
        try:
            await _until_stopped(stop, ready, context, cache, queue, resync, settings)
        finally:
            sessions.close()


async def _until_stopped(
    stop: asyncio.Event,
    ready: asyncio.Event,
    context: Context,
    cache: Cache,
    queue: WorkQueue,
    resync: Resync,
    settings: Settings,
) -> None:
    reconcilers: dict[type[Resource], Any] = {
        TargetAccount: functools.partial(target_account.reconcile, context),
        ProtectionGroup: functools.partial(protection_group.reconcile, context),
        RecoveryPlan: functools.partial(recovery_plan.reconcile, context),
        DRExecution: functools.partial(execution.reconcile, context),
    }
    tasks = [
        asyncio.create_task(watch(cache, WATCHED, settings.namespaces, ready, stop), name="watch"),
        asyncio.create_task(Workers(cache, queue, reconcilers).run(), name="workers"),
        asyncio.create_task(resync.run(), name="resync"),
        asyncio.create_task(_signals(stop, ready), name="signals"),
    ]
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in [*tasks, stopping]:
        task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
    for task in done:
        if task is not stopping and not task.cancelled() and (error := task.exception()) is not None:
            raise error
    log.info("stopped")


async def _signals(stop: asyncio.Event, ready: asyncio.Event) -> None:
    """kopf overwrites signal handlers when it starts, so ours are set after that."""
    await ready.wait()
    log.info("ready", pid=os.getpid())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await asyncio.Event().wait()


def _enqueue(queue: WorkQueue, key: Key, before: Resource | None, now: Resource | None) -> None:
    queue.add(key)
    for other in concerned(key, before, now):
        queue.add(other)


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
