"""The launch settings in force at a launch: the group's as they are now, made sure of for just the servers of a call.

A run is pinned, its launch settings are not: whoever has edited the group meanwhile, to `retry` after a capacity
failure for one, launches with the edited settings. The servers are the run's by then, so nobody else writes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.api.v1alpha1.enums import ManagementPolicy
from drs_operator.planning.claims import Owner, Standing, address_key, server_key
from drs_operator.planning.facts import Failure, SourceServer
from drs_operator.planning.launch_checks import Terrain, doubles, flaws, question
from drs_operator.planning.launch_settings import Wanted, addresses, differences, effective
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.run import RunWave
from drs_operator.ports import Access, AccessDenied, LostRace, ReadFailed, Throttled
from drs_operator.reconcilers.context import LEDGER_FAILURES, Context, refuse_unknown_ledger
from drs_operator.reconcilers.session import Session
from drs_operator.reconcilers.settings_book import FIRST_RETRY
from drs_operator.reconcilers.settings_writing import mend

PARALLEL = 8
PATIENCE = 4 * FIRST_RETRY
"""A launch waits for settings that cannot be written until they have failed three times in a row: it may pass."""
BUSY = "SERVER_IN_JOB"


@dataclass(slots=True)
class InForce:
    """What is known of the launch settings of the servers of a call."""

    versions: dict[str, int] = field(default_factory=dict)
    """Launch template version that has them, by server; servers whose settings are not managed are left out."""
    failures: dict[str, Failure] = field(default_factory=dict)
    """Servers whose settings could not be made what is wanted."""
    busy: Failure | None = None
    """A server is in a job: its settings, and its launch, wait until that is over."""
    passing: list[ReadFailed] = field(default_factory=list)
    """Failures that may be over in a moment."""
    wrote: bool = False
    """Something was written, so that what was read before is no longer fresh."""


@dataclass(frozen=True, slots=True)
class _Group:
    """What is made sure of, for which servers."""

    session: Session
    access: Access
    wave: RunWave
    owner: Owner
    wanted: Mapping[str, Wanted]
    doubles: Mapping[str, str]


async def make_sure(session: Session, access: Access, wave: RunWave, servers: Mapping[str, SourceServer]) -> InForce:
    """Writes settings of these servers where they differ. Raises ReadFailed for what may pass, LostRace.

    Where the group is gone or suspended, or has nothing to say of a server, what AWS has is in force.
    """
    context, found = session.context, InForce()
    group = await context.cluster.fresh(ProtectionGroup, session.run.namespace, wave.group_name)
    if group is None or group.spec.suspend or not _is_of(group, wave):
        return found
    owner = owner_of(group, context.installation)
    own = [server_id for server_id in servers if _belongs(context, owner, wave, server_id)]
    wanted = {i: settings for i in sorted(own) if not (settings := effective(group, i)).is_nothing}
    if not wanted:
        return found
    asked = _Group(session, access, wave, owner, wanted, doubles(addresses(group, wanted)))
    try:
        versions = await context.launch_settings.default_versions(access, wave.region)
        terrain = await context.launch_settings.terrain(access, wave.region, question(wanted.values()))
    except ReadFailed as error:
        for server_id in wanted:
            _failed(asked, server_id, error, found)
        _wait_or_go_on(found)
        return found
    due = list(wanted)
    for start in range(0, len(due), PARALLEL):
        if found.wrote:
            await _may_still_write(context, wave)
        part = due[start : start + PARALLEL]
        await asyncio.gather(*(_one(asked, servers[i], terrain, versions, found) for i in part))
    _wait_or_go_on(found)
    return found


def _is_of(group: ProtectionGroup, wave: RunWave) -> bool:
    """Whether the group still means the place where the wave launches."""
    return group.spec.target_account_ref.name == wave.account_name and group.spec.region == wave.region


def _belongs(context: Context, owner: Owner, wave: RunWave, server_id: str) -> bool:
    """Whether no other group says what the settings of the server are."""
    standing = context.claims.standing(server_key(wave.place, server_id))
    return standing is None or standing.owner is None or standing.owner.id == owner.id


async def _one(
    asked: _Group, server: SourceServer, terrain: Terrain, versions: Mapping[str, int], found: InForce
) -> None:
    context, wave, server_id = asked.session.context, asked.wave, server.server_id
    wanted, book = asked.wanted[server_id], context.settings
    wrong = flaws(wanted, terrain, server, wave.region, _claimed(asked, server_id, wanted))
    # What has the address may be the server's own instance of before, which the launch replaces.
    if wrong := [failure for failure in wrong if failure.code != "IP_IN_USE"]:
        found.failures[server_id] = Failure(wrong[0].code, "; ".join(failure.message for failure in wrong))
        return
    record = book.record(wave.place, server_id)
    if record is None or not record.is_verified(wanted, versions.get(record.template_id)):
        try:
            await _write(asked, server_id, versions, found)
        except ReadFailed as error:
            _failed(asked, server_id, error, found)
            return
        record = book.record(wave.place, server_id)
    if record is not None:
        found.versions[server_id] = record.verified_version


async def _write(asked: _Group, server_id: str, versions: Mapping[str, int], found: InForce) -> None:
    context, place, wanted = asked.session.context, asked.wave.place, asked.wanted[server_id]
    actual = context.settings.seen(place, server_id, versions)
    if actual is None:
        actual = await context.launch_settings.actual(asked.access, place.region, server_id)
        context.settings.saw(place, server_id, actual)
    if different := differences(wanted, actual):
        refuse_unknown_ledger(context)
    await mend(context, asked.owner.id, asked.access, place, server_id, wanted, actual)
    found.wrote = found.wrote or bool(different)
    context.settings.succeeded(place, server_id)


def _claimed(asked: _Group, server_id: str, wanted: Wanted) -> Standing | str | None:
    """Who else has the server's static address."""
    template = wanted.template
    if (double := asked.doubles.get(server_id)) is not None or not (template.subnet_id and template.private_ip):
        return double
    key = address_key(asked.wave.place, template.subnet_id, template.private_ip)
    standing = asked.session.context.claims.standing(key)
    others = standing is not None and standing.owner is not None and standing.owner.id != asked.owner.id
    return standing if others else None


async def _may_still_write(context: Context, wave: RunWave) -> None:
    """Observe is the emergency stop, also in the middle of many writes."""
    account = await context.cluster.fresh(TargetAccount, None, wave.account_name)
    if account is None or account.spec.management_policy is ManagementPolicy.OBSERVE:
        raise LostRace("what allows the launch has changed while launch settings were written: it is decided anew")


def _failed(asked: _Group, server_id: str, error: ReadFailed, found: InForce) -> None:
    """Notes a failure, or raises it where it stops the run altogether."""
    failure = Failure(error.code, error.message)
    if error.code in LEDGER_FAILURES or error.code in ("LEDGER_REPLACED", "LEDGER_ROLLED_BACK"):
        raise error
    if error.code == BUSY:
        found.busy = failure
        return
    place, wanted = asked.wave.place, asked.wanted[server_id]
    pause = asked.session.context.settings.failed(place, server_id, wanted, failure)
    is_drill = asked.session.run.is_drill
    passing = not isinstance(error, AccessDenied) and (pause < PATIENCE or (is_drill and isinstance(error, Throttled)))
    if passing:
        found.passing.append(error)
    else:
        found.failures[server_id] = failure


def _wait_or_go_on(found: InForce) -> None:
    """Raises ReadFailed while a failure may pass: the launch is tried again with everything else."""
    if found.passing and found.busy is None:
        raise found.passing[0]
