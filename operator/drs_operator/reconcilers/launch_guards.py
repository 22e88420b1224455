"""What is read right before a launch call, and what it says of each server of the call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from drs_operator.planning import guards, holds, launching, retrying
from drs_operator.planning.facts import RecoveryInstance, RecoveryPoint, SourceServer
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.launching import Refusal, Refused
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import RunWave
from drs_operator.ports import Access, AccessDenied
from drs_operator.reconcilers.points import points_of
from drs_operator.reconcilers.session import Session


@dataclass(frozen=True, slots=True)
class Passed:
    """The servers of a call after the guards."""

    to_launch: Mapping[str, SourceServer]
    excluded: Mapping[str, ErrorRecord]
    kept: Mapping[str, RecoveryInstance]
    points: Mapping[str, RecoveryPoint]
    """What to launch from; a server that is not named takes a new snapshot."""

    @property
    def snapshots(self) -> dict[str, str]:
        """Recovery point by server, as the call names it."""
        return {server_id: point.snapshot_id for server_id, point in self.points.items()}

    @property
    def point_times(self) -> dict[str, datetime]:
        """When the recovery points are of."""
        return {server_id: point.time for server_id, point in self.points.items()}


async def passed(session: Session, wave: RunWave, intent: LaunchIntent, access: Access) -> Passed | None:
    """Reads everything fresh; None: the wave was held or queued. Raises ReadFailed if a guard cannot be evaluated."""
    context, cloud = session.context, session.context.cloud
    since = cloud.aws_time(access, wave.region) - launching.LOOK_BACK
    try:
        found, instances, jobs = await asyncio.gather(
            cloud.source_servers(access, wave.region, intent.server_ids),
            cloud.recovery_instances(access, wave.region, intent.server_ids),
            cloud.jobs(access, wave.region, since),
        )
        servers = {server.server_id: server for server in found}
        points = await points_of(context, access, wave.region, servers)
    except AccessDenied as error:
        now = context.clock.now()
        await session.move(holds.opened(session.run, wave.wave_number, "AccountUnavailable", now, error.message))
        return None
    await session.move(retrying.with_found(session.run, wave.wave_number, instances))  # never launched over
    run = session.run
    usable = guards.usable_points(run, points)
    guarded = guards.guarded(run, wave.wave_number, intent.server_ids, instances, usable)
    if guarded.barred:
        detail = guards.barrier(guarded.barred)
        held = holds.opened(run, wave.wave_number, "LiveRecoveryInstance", context.clock.now(), detail)
        await session.move(held)
        return None
    excluded = guards.with_gone(guarded.excluded, servers)
    decided = {server.server_id for server in run.wave(wave.wave_number).servers if server.decided}
    to_launch = set(intent.server_ids) - excluded.keys() - guarded.kept.keys() - decided
    if (job := guards.foreign_job(to_launch, jobs)) is not None:
        busy = Refused(Refusal.SERVER_IN_JOB, "SERVER_IN_JOB", f"{job.job_id} is running on a server of this wave")
        await session.move(launching.refused(run, intent, busy, context.clock.now()))
        return None
    excluded = {**excluded, **await _lost(session, wave, to_launch)}
    to_launch -= excluded.keys()
    silent = guards.silent(servers.values())
    chosen = guards.points_to_launch(run, {i: usable[i] for i in sorted(to_launch)}, silent)
    return Passed({i: servers[i] for i in sorted(to_launch)}, excluded, guarded.kept, chosen)


async def _lost(session: Session, wave: RunWave, server_ids: Iterable[str]) -> dict[str, ErrorRecord]:
    """Servers that this run does not hold any more and cannot get back: another run may be launching them."""
    run, ledger, wanted = session.run, session.context.ledger, sorted(server_ids)
    holders = await ledger.server_holders(wave.place, wanted)
    loose = [i for i in wanted if i not in holders or holders[i].execution_id != run.execution_id]
    if not loose:
        return {}
    held = await ledger.hold_servers(wave.place, loose, run.execution_id, f"{run.namespace}/{run.name}")
    return {i: guards.conflict(by) for i, by in held.items()}
