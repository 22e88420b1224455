"""What has to be read before commands can be answered. It is read first, so that answering is a pure decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from drs_operator.planning import adopting, retrying
from drs_operator.planning.facts import Failure, Jobs, Place, RecoveryInstance
from drs_operator.planning.launching import LOOK_BACK
from drs_operator.planning.requests import Command, Evidence
from drs_operator.planning.run import RunWave
from drs_operator.ports import Access, ReadFailed
from drs_operator.reconcilers.access import access_of, account_of
from drs_operator.reconcilers.session import Session


@dataclass(slots=True)
class Read:
    """What was read, and the commands that have to wait because something could not be."""

    evidence: Evidence
    postponed: dict[Command, Failure] = field(default_factory=dict)


async def read(session: Session, asked: Iterable[Command]) -> Read:
    """Reads what these commands need and no more; with a cancel among them nothing: it supersedes the others."""
    asked = list(asked)
    instances: dict[Place, tuple[RecoveryInstance, ...]] = {}
    held_by: dict[str, str] = {}
    jobs: dict[Place, Jobs] = {}
    found = Read(Evidence(instances, held_by, jobs))
    if any(command.type == "cancel" for command in asked):
        return found
    for command in asked:
        try:
            for wave in retrying.targets(session.run, command):
                await _for_retry(session, wave, instances, held_by)
            await _for_adopt(session, command, jobs)
        except ReadFailed as error:
            found.postponed[command] = Failure(error.code, f"{command.type}={command.value} waits: {error.message}")
    return found


async def _for_retry(
    session: Session, wave: RunWave, instances: dict[Place, tuple[RecoveryInstance, ...]], held_by: dict[str, str]
) -> None:
    """Instances of the servers to be launched again; those that another run held are asked for anew.

    A server that is got now stays held to the end of the run, whatever becomes of the command.
    """
    run = session.run
    servers = [server.server_id for server in retrying.missing(run, wave)]
    if not servers:
        return
    if conflicting := retrying.conflicting(run, wave):
        name = f"{run.namespace}/{run.name}"
        held_by |= await session.context.ledger.hold_servers(wave.place, conflicting, run.execution_id, name)
    access = await _access(session, wave)
    seen = await session.context.cloud.recovery_instances(access, wave.region, servers)
    instances[wave.place] = (*instances.get(wave.place, ()), *seen)


async def _for_adopt(session: Session, command: Command, jobs: dict[Place, Jobs]) -> None:
    """The jobs of the places in which a launch is looked for, since the first of the calls there."""
    calls = adopting.candidates(session.run, command)
    since = min((intent.called_at_aws for intent in calls if intent.called_at_aws), default=None)
    if since is None:
        return
    for wave in [session.run.wave(number) for number in sorted({intent.wave_number for intent in calls})]:
        if wave.place not in jobs:
            access = await _access(session, wave)
            jobs[wave.place] = await session.context.cloud.jobs(access, wave.region, since - LOOK_BACK)


async def _access(session: Session, wave: RunWave) -> Access:
    account = account_of(session.context, wave.account_name, wave.place)
    if account is None:
        raise ReadFailed(
            "ACCOUNT_UNAVAILABLE", f"TargetAccount {wave.account_name} is gone or another account; put it back"
        )
    return await access_of(session.context, account)
