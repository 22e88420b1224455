"""The work of a leader: adapters behind ports, reconcilers, workers."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.launch_settings import BotoLaunchSettings
from drs_operator.aws.sessions import Sessions
from drs_operator.ledger.dynamo import DynamoLedger
from drs_operator.observability import metrics
from drs_operator.observability.logs import log
from drs_operator.planning.facts import Failure
from drs_operator.planning.leadership import Leader
from drs_operator.planning.polling import board_seconds
from drs_operator.planning.quota import Reserve
from drs_operator.ports import Fenced, LostRace, ReadFailed
from drs_operator.process import Process
from drs_operator.reconcilers import execution, protection_group, recovery_plan, target_account
from drs_operator.reconcilers.claiming import ClaimBook
from drs_operator.reconcilers.context import Context
from drs_operator.reconcilers.mirroring import MirrorBook
from drs_operator.reconcilers.orphans import Orphans
from drs_operator.reconcilers.quota_queue import QuotaQueue
from drs_operator.reconcilers.settings_book import SettingsBook
from drs_operator.runtime.cache import Key
from drs_operator.runtime.fence import FencedStore
from drs_operator.runtime.gate import LedgerGate
from drs_operator.runtime.leadership import Leadership, end_process_soon
from drs_operator.runtime.orphan_watch import OrphanWatch
from drs_operator.runtime.waiting import RETRY_SECONDS, first_of
from drs_operator.runtime.workers import Workers


async def lead(process: Process, gate: LedgerGate, leadership: Leadership, leader: Leader) -> None:
    settings = process.settings
    log.info("leading", installation=settings.installation, ledger=gate.known.ledger_id, epoch=leader.epoch)
    metrics.becomes("leader")
    metrics.leader_epoch.set(leader.epoch)
    with (
        closing(FencedStore(settings.table_prefix, settings.ledger_region, process.fence)) as store,
        closing(Sessions()) as sessions,
    ):
        ledger = DynamoLedger(store, leader.epoch)
        context = _context(process, gate.problem, sessions, ledger)
        await first_of(
            to_the_end(process, leadership.keep(leader)),
            to_the_end(process, _reconcile(process, gate, context, ledger)),
        )


async def _reconcile(process: Process, gate: LedgerGate, context: Context, ledger: DynamoLedger) -> None:
    """The work itself. With a ledger that is not the known one nothing is claimed, so nothing has to be read before."""
    if gate.problem() is None:
        await process.readiness.patiently(lambda: _adopt_runs(context, ledger, process.settings.installation))
        await process.readiness.patiently(context.load_books)
    workers = Workers(process.cache, process.queue, _reconcilers(context))
    orphans = OrphanWatch(Orphans(context), context.poll_seconds, context.refresh_seconds, gate.problem)
    await first_of(workers.run(), _keep_books(process, gate, context), orphans.run())


async def _keep_books(process: Process, gate: LedgerGate, context: Context) -> None:
    """Reads claims and mirrors anew with every full list, and when the ledger is right again."""
    while True:
        await process.books_due.wait()
        process.books_due.clear()
        if gate.problem() is not None:
            continue
        try:
            await context.load_books()
        except ReadFailed as error:
            log.warning("claims not read anew", detail=error.message)
            await asyncio.sleep(RETRY_SECONDS)
            process.books_due.set()


async def to_the_end(process: Process, work: Coroutine[Any, Any, None]) -> None:
    """A leader's work. When another leads, nothing more is written, and the process ends, whatever hangs in it."""
    try:
        await work
    except Fenced:
        process.fence.close()
        end_process_soon()
        raise


async def _adopt_runs(context: Context, ledger: DynamoLedger, name: str) -> None:
    """Moves the epoch on every active run: whoever led before fails at its next write, object or no object.

    The quota queue begins with what these runs have called and what they wait for.
    """
    for execution_id in await ledger.active_runs(name):
        with suppress(LostRace):  # the old leader was quicker once more; the first look at the run adopts it
            if (run := await ledger.load_run(execution_id)) is not None:
                context.quota.saw(run, context.clock.now())


def _context(
    process: Process, problem: Callable[[], Failure | None], sessions: Sessions, ledger: DynamoLedger
) -> Context:
    settings = process.settings
    return Context(
        objects=process.cache,
        cluster=process.cluster(),
        cloud=BotoCloud(
            sessions, settings.refresh_seconds, board_seconds(settings.poll_seconds), process.wakeups.refreshed
        ),
        ledger=ledger,
        claims=ClaimBook(ledger, process.clock, settings.installation, settings.refresh_seconds, process.wakeups.owner),
        mirrors=MirrorBook(ledger, process.clock, settings.installation),
        launch_settings=BotoLaunchSettings(sessions, settings.refresh_seconds),
        settings=SettingsBook(ledger, process.clock, settings.installation),
        clock=process.clock,
        installation=settings.installation,
        caller=process.identity,
        refresh_seconds=settings.refresh_seconds,
        poll_seconds=settings.poll_seconds,
        settle=timedelta(seconds=settings.settle_seconds),
        observation_gap=timedelta(seconds=settings.observation_gap_seconds),
        ledger_problem=problem,
        quota=_quota_queue(process),
        wake=lambda kind, namespace, name: process.queue.add(Key(kind, namespace, name)),
    )


def _quota_queue(process: Process) -> QuotaQueue:
    settings = process.settings
    return QuotaQueue(
        Reserve(settings.drill_reserve_jobs, settings.drill_reserve_servers),
        timedelta(seconds=settings.settle_seconds),
        wake=lambda kind, namespace, name: process.queue.add(Key(kind, namespace, name)),
    )


def _reconcilers(context: Context) -> dict[type[Resource], Any]:
    return {
        TargetAccount: functools.partial(target_account.reconcile, context),
        ProtectionGroup: functools.partial(protection_group.reconcile, context),
        RecoveryPlan: functools.partial(recovery_plan.reconcile, context),
        DRExecution: functools.partial(execution.reconcile, context),
    }
