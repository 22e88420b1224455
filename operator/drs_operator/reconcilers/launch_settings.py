"""The launch settings of a group's servers: compared with AWS at every look, written where they differ.

In bounded batches, so that a group of hundreds shows how far it is: the next look goes on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.api.v1alpha1.enums import LaunchConfigurationState as State
from drs_operator.api.v1alpha1.enums import ManagementPolicy
from drs_operator.planning import ids
from drs_operator.planning.claims import Standing, address_key
from drs_operator.planning.facts import Failure, Place, SourceServer
from drs_operator.planning.launch_checks import Terrain, flaws, question
from drs_operator.planning.launch_progress import Progress, Restraint, ServerSettings
from drs_operator.planning.launch_settings import (
    Actual,
    DrsSettings,
    SettingsRecord,
    TemplateSettings,
    Wanted,
    differences,
    drs_change,
    effective,
    template_change,
)
from drs_operator.ports import Access, ReadFailed
from drs_operator.reconcilers.context import Context

BATCH = 40
"""Servers that are read or written in one look."""
PARALLEL = 4
SOON_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the settings of a group."""

    context: Context
    group: ProtectionGroup
    owner_id: str
    access: Access
    place: Place
    losses: Mapping[str, Standing]
    """Claims that others have, by key."""
    executions: tuple[str, ...]
    """Active runs that hold the group."""
    ledger: Failure | None = None
    """Why nothing is compared: the ledger does not answer, and an intent could not be written."""

    @property
    def managed(self) -> bool:
        """Whether the group says anything about launch settings."""
        return self.group.spec.launch_configuration is not None or bool(self.group.spec.servers)


async def sync(look: Look, members: Mapping[str, SourceServer]) -> tuple[Progress, float | None]:
    """Compares, and writes what differs and may be written; returns what is to be said, and when to look again."""
    if not look.managed:
        return Progress(), None
    wanted = {server_id: effective(look.group, server_id) for server_id in sorted(members)}
    wanted = {server_id: settings for server_id, settings in wanted.items() if not settings.is_nothing}
    if not wanted:
        return Progress(), None
    if look.ledger is not None:
        return Progress(unread=look.ledger), None
    cloud, region = look.context.launch_settings, look.place.region
    try:
        versions = dict(await cloud.default_versions(look.access, region))
        terrain = await cloud.terrain(look.access, region, question(wanted.values()))
        restraint = await _restraint(look)
    except ReadFailed as error:
        return Progress(unread=Failure(error.code, error.message)), None
    found = {i: _known(look, members[i], settings, terrain, versions) for i, settings in wanted.items()}
    due = [server_id for server_id, known in found.items() if known is None]
    slots = asyncio.Semaphore(PARALLEL)

    async def one(server_id: str) -> ServerSettings:
        async with slots:
            return await _server(look, server_id, wanted[server_id], restraint, versions)

    batch = due[:BATCH]
    outcomes = dict(zip(batch, await asyncio.gather(*map(one, batch)), strict=True))
    servers = {i: known or outcomes.get(i) or ServerSettings(State.PENDING) for i, known in found.items()}
    unfinished = len(due) > len(batch) or any(s.state is State.DRIFTED for s in outcomes.values())
    again = SOON_SECONDS if unfinished and (restraint is None or len(due) > len(batch)) else None
    return Progress(servers, restraint), again


async def _restraint(look: Look) -> Restraint | None:
    """Why nothing may be written now; the account is read fresh, because Observe is the emergency stop."""
    group, context = look.group, look.context
    if group.spec.suspend:
        return Restraint(State.WOULD_CHANGE, "Suspended", "suspended, nothing is written")
    name = group.spec.target_account_ref.name
    account = await context.cluster.fresh(TargetAccount, None, name)
    if account is None or account.spec.management_policy is ManagementPolicy.OBSERVE:
        return Restraint(State.WOULD_CHANGE, "WouldChange", f"TargetAccount {name} is in Observe, nothing is written")
    if look.executions:
        text = f"written when {', '.join(look.executions)} has ended"
        return Restraint(State.PENDING, "Pending", text)
    if (problem := context.ledger_problem()) is not None:
        return Restraint(State.PENDING, "Pending", problem.message, ready=False)
    return None


def _known(
    look: Look, server: SourceServer, wanted: Wanted, terrain: Terrain, versions: Mapping[str, int]
) -> ServerSettings | None:
    """What can be said without a read of the server's settings; None: it has to be looked at."""
    template, book = wanted.template, look.context.settings
    claimed = None
    if template.subnet_id and template.private_ip:
        claimed = look.losses.get(address_key(look.place, template.subnet_id, template.private_ip))
    if found := flaws(wanted, terrain, server, look.place.region, claimed):
        return ServerSettings(State.FAILED, failure=found[0])
    if (failure := book.trouble(look.place, server.server_id, wanted)) is not None:
        return ServerSettings(State.FAILED, failure=failure)
    record = book.record(look.place, server.server_id)
    if record is not None and record.is_verified(wanted, versions.get(record.template_id)):
        return ServerSettings(State.SYNCED)
    return None


async def _server(
    look: Look, server_id: str, wanted: Wanted, restraint: Restraint | None, versions: dict[str, int]
) -> ServerSettings:
    """Compares one server, and mends it if that may be. Its failure is its own."""
    book, place = look.context.settings, look.place
    try:
        actual = book.seen(place, server_id, versions)
        if actual is None:
            actual = await look.context.launch_settings.actual(look.access, place.region, server_id)
            book.saw(place, server_id, actual)
        different = tuple(differences(wanted, actual))
        if restraint is not None:
            if not different:
                return ServerSettings(State.SYNCED)
            drifted = restraint.state is State.PENDING and _was_right(look, server_id, wanted)
            return ServerSettings(State.DRIFTED if drifted else restraint.state, different)
        if different and _was_right(look, server_id, wanted) and not _was_told(look, server_id):
            return ServerSettings(State.DRIFTED, different)
        await _mend(look, server_id, wanted, actual)
    except ReadFailed as error:
        failure = Failure(error.code, error.message)
        book.failed(place, server_id, wanted, failure)
        return ServerSettings(State.FAILED, failure=failure)
    book.succeeded(place, server_id)
    return ServerSettings(State.SYNCED)


def _was_right(look: Look, server_id: str, wanted: Wanted) -> bool:
    """Whether AWS had just this before: then somebody else has changed it."""
    record = look.context.settings.record(look.place, server_id)
    return record is not None and record.writing is None and record.settings == wanted.version


def _was_told(look: Look, server_id: str) -> bool:
    before = next((server for server in look.group.status.servers if server.server_id == server_id), None)
    return before is not None and before.launch_configuration == State.DRIFTED


async def _mend(look: Look, server_id: str, wanted: Wanted, actual: Actual) -> None:
    """Intent, DRS's part, the template's part, read back, record. Each step may be repeated. Raises ReadFailed."""
    book, cloud, region = look.context.settings, look.context.launch_settings, look.place.region
    before = book.record(look.place, server_id)
    record = SettingsRecord(
        place=look.place,
        server_id=server_id,
        group_id=look.owner_id,
        installation=look.context.installation,
        template_id=actual.template_id,
        earlier_version=before.earlier_version if before else actual.default_version,
        verified_version=before.verified_version if before else 0,
        settings=before.settings if before else "",
    )
    if differences(wanted, actual):
        await book.keep(replace(record, writing=wanted.version))
        if (change := drs_change(wanted, actual)) != DrsSettings():
            await cloud.change_drs(look.access, region, server_id, change)
            actual = await cloud.actual(look.access, region, server_id)
        if (part := template_change(wanted, actual)) != TemplateSettings():
            token = ids.digest({"template": actual.template_id, "base": actual.default_version, "to": wanted.version})
            version = await cloud.add_version(look.access, region, actual, part, token[:32])
            await cloud.move_default(look.access, region, actual.template_id, version)
            actual = await cloud.actual(look.access, region, server_id)
        book.saw(look.place, server_id, actual)
        if left := differences(wanted, actual):
            raise ReadFailed("SYNC_FAILED", f"written, but AWS still has {'; '.join(left)}; it is tried again")
    verified = replace(record, verified_version=actual.default_version, settings=wanted.version, writing=None)
    await book.keep(verified)
