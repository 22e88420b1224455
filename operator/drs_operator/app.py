"""The operator as a whole: the way from a process to a leader.

A process waits for the Lease of its cluster, fills its cache, looks in the ledger whether its cluster leads the
installation, and works, or stands by until a person lets it lead. Whoever has led and does not any more ends its
process: threads that wait for AWS end with it, and what comes after begins with nothing left over.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import uuid
from contextlib import AsyncExitStack, closing

from drs_operator.handlers.watch import watch
from drs_operator.kube.client import KubeClient, connect
from drs_operator.kube.identity import cluster_identity
from drs_operator.kube.lease import Elector, Timings
from drs_operator.kube.ledger_memory import LedgerMemory
from drs_operator.kube.lister import list_kind, missing_kinds
from drs_operator.leading import lead, to_the_end
from drs_operator.ledger.store import Store
from drs_operator.observability import health, metrics
from drs_operator.observability.logs import log
from drs_operator.planning.leadership import Leader, standby_message
from drs_operator.ports import ReadFailed
from drs_operator.process import Process, lease_of
from drs_operator.reconcilers import standby
from drs_operator.runtime.fence import Fence, uptime
from drs_operator.runtime.gate import LedgerGate
from drs_operator.runtime.leadership import Leadership, end_process_soon
from drs_operator.runtime.resync import WATCHED, Resync
from drs_operator.runtime.waiting import Readiness, first_of
from drs_operator.runtime.workers import Workers
from drs_operator.settings import Settings

STOP_SECONDS = 10.0
"""How long the process takes to stop at most: a call to AWS that hangs must not outlast what Kubernetes grants."""


class WatchEnded(Exception):
    """The watch has ended by itself: without it the operator is blind, so the process ends and is started anew."""


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises TablesMissing, NoCluster, WatchEnded, Fenced, ReadFailed (no Region)."""
    readiness, stop = Readiness(), asyncio.Event()
    _stop_on_signals(stop)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(closing(Store(settings.table_prefix, settings.ledger_region)))
        identity = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        client = await stack.enter_async_context(connect(f"drs-operator {identity}"))
        fence = Fence() if not settings.leader_election else Fence(until=0.0)
        process = Process(settings, client, store, fence, readiness, stop, identity)
        port = await stack.enter_async_context(
            health.serve(settings.metrics_address, lambda: readiness.problem, process.cache.deaf)
        )
        log.info("serving metrics and health", port=port)
        await first_of(_stopped(stop), _take_part(process))
    log.info("stopped")


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()


def _stop_on_signals(stop: asyncio.Event) -> None:
    def asked() -> None:
        if not stop.is_set():
            end_process_soon(0, STOP_SECONDS)
            stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, asked)


async def _take_part(process: Process) -> None:
    await process.readiness.patiently(lambda: _find_types(process.client))
    if not process.settings.leader_election:
        await _serve(process)
        return
    async with connect(
        f"drs-operator {process.identity}"
    ) as client:  # a pool of its own: work that waits must not delay a renewal
        settings = process.settings
        timings = Timings(settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds)

        def renewed(until: float) -> None:
            process.fence.until = until

        elector = Elector(lease_of(client, settings), process.identity, timings, uptime, renewed)
        metrics.becomes("candidate")
        await elector.campaign(functools.partial(_waiting, process.readiness, elector.name))
        process.readiness.has(elector.name)
        log.info("elected", lease=elector.name, identity=process.identity)
        try:
            await first_of(to_the_end(process, elector.hold()), _serve(process))
        finally:
            await elector.release()


def _waiting(readiness: Readiness, lease: str, holder: str, trouble: str | None) -> None:
    """A process that waits for another one's lease is as ready as it can be."""
    if trouble is not None:
        readiness.waits_for(lease, trouble)
        return
    readiness.has(lease)
    if not readiness.is_up:
        readiness.is_up = True
        log.info("standing by in this cluster", lease=lease, holder=holder)


async def _find_types(client: KubeClient) -> None:
    """kopf skips a CRD that is missing at its start for good, so all of them are waited for."""
    if absent := await missing_kinds(client):
        raise ReadFailed("NOT_FOUND", f"CRDs missing: {', '.join(absent)}; kubectl apply --server-side -f crds/")


async def _serve(process: Process) -> None:
    """The cluster's own: watches, and works or stands by."""
    settings, readiness = process.settings, process.readiness
    resync = Resync(
        process.cache,
        lambda kind: list_kind(process.client, kind, settings.namespaces),
        passed=process.books_due.set,
    )
    gate = LedgerGate(process.store, LedgerMemory(process.lease), settings.installation)
    gate.on_change(process.books_due.set)
    gate.on_change(process.wakeups.everything)
    cluster = await readiness.patiently(lambda: cluster_identity(process.client))
    leadership = Leadership(
        process.store, gate, settings.installation, cluster, process.identity, settings.ledger_renew_seconds
    )
    leader = await readiness.patiently(leadership.stand)
    await readiness.patiently(resync.once)
    await first_of(_watch(process), resync.run(), _work(process, gate, leadership, leader))


async def _watch(process: Process) -> None:
    watching = asyncio.Event()

    async def ready() -> None:
        await watching.wait()
        _stop_on_signals(process.stop)  # kopf has put its own handlers in their place
        process.readiness.is_up = True
        log.info("ready", pid=os.getpid())
        await asyncio.Event().wait()

    await first_of(
        watch(process.cache, WATCHED, process.settings.namespaces, watching, asyncio.Event(), process.labels),
        ready(),
    )
    raise WatchEnded("the watch on the API server has ended; the operator starts anew")


async def _work(process: Process, gate: LedgerGate, leadership: Leadership, leader: Leader) -> None:
    """Stands by as long as another cluster leads, then leads to the end of the process."""
    while not leadership.leads(leader):
        await _stand_by(process, leadership, leader)
        leader = await process.readiness.patiently(leadership.stand)
        process.wakeups.everything()
    await lead(process, gate, leadership, leader)


async def _stand_by(process: Process, leadership: Leadership, leader: Leader) -> None:
    message = standby_message(process.settings.installation, leader)
    log.warning("standing by", detail=message, last_seen=leader.renewed)
    metrics.becomes("standby")
    say = functools.partial(standby.reconcile, process.cluster(), process.clock, message)
    workers = Workers(process.cache, process.queue, dict.fromkeys(WATCHED, say))
    await first_of(leadership.stand_by(leader), workers.run())
