"""The launch settings of a group's servers: compared with AWS at every look, written where they differ.

In bounded batches, so that a group of hundreds shows how far it is: the next look goes on at once. Before each few
servers that may be written, everything that speaks against it is read anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.api.v1alpha1.enums import LaunchConfigurationState as State
from drs_operator.api.v1alpha1.enums import ManagementPolicy
from drs_operator.planning import account as accounts
from drs_operator.planning.claims import Standing, address_key, server_key
from drs_operator.planning.facts import Failure, Place, SourceServer
from drs_operator.planning.launch_checks import Terrain, doubles, flaws, question
from drs_operator.planning.launch_progress import Progress, Restraint, ServerSettings
from drs_operator.planning.launch_settings import Wanted, addresses, differences, effective
from drs_operator.planning.naming import few
from drs_operator.ports import Access, AccessDenied, LostRace, ReadFailed, Throttled
from drs_operator.reconcilers import group_reading
from drs_operator.reconcilers.context import LEDGER_FAILURES, Context
from drs_operator.reconcilers.settings_writing import mend

BATCH = 40
"""Servers that are read or written in one look."""
PARALLEL = 8
"""Of them at a time. The place's threads bound what reaches AWS of all groups together."""
SOON_SECONDS = 0.5
_PASSING = ("SERVER_IN_JOB",)
"""Failures that say nothing of the settings: they are written when it is over."""


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
    book, place = look.context.settings, look.place
    waiting = tuple(sorted(o.server_id for o in look.group.spec.servers if o.server_id not in members))
    wanted = {server_id: effective(look.group, server_id) for server_id in sorted(members)}
    wanted = {server_id: settings for server_id, settings in wanted.items() if not settings.is_nothing}
    if not wanted:
        return Progress(waiting=waiting), None
    if look.ledger is not None:
        return Progress(unread=look.ledger), None
    cloud = look.context.launch_settings
    try:
        versions = await cloud.default_versions(look.access, place.region)
        terrain = await cloud.terrain(look.access, place.region, question(wanted.values()))
        restraint = await _restraint(look, members)
    except ReadFailed as error:
        return Progress(unread=Failure(error.code, error.message)), None
    taken = doubles(addresses(look.group, wanted))
    running = bool(group_reading.users(look.context, look.group, members).executions)
    found = {i: _known(look, members[i], wanted[i], terrain, versions, taken.get(i), running) for i in wanted}
    due = [server_id for server_id, known in found.items() if known is None]
    # Where nothing is written, what was read before costs nothing and does not count.
    read = {i for i in due if book.seen(place, i, versions) is not None} if restraint is not None else set()
    due.sort(key=lambda server_id: server_id not in read)
    servers = {i: known or ServerSettings(State.PENDING) for i, known in found.items()}
    tried = 0
    for few_servers in _in_parts(due[: len(read) + BATCH]):
        if tried and restraint is None:  # what the look began with is as old as the look
            restraint = await _restraint_now(look, members)
        if book.pause(place) is not None:
            break
        one = (_server(look, server_id, wanted[server_id], restraint, versions) for server_id in few_servers)
        servers |= dict(zip(few_servers, await asyncio.gather(*one), strict=True))
        tried += len(few_servers)
    if (pause := book.pause(place)) is not None:
        rest = {i: ServerSettings(State.PENDING, failure=pause) for i in due[tried:]}
        return Progress(servers | rest, restraint, waiting=waiting), book.pause_seconds(place)
    drifted = restraint is None and any(servers[i].state is State.DRIFTED for i in due[:tried])
    again = SOON_SECONDS if drifted or len(due) > tried else None
    return Progress(servers, restraint, waiting=waiting), again


def _in_parts(server_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(server_ids), PARALLEL):
        yield server_ids[start : start + PARALLEL]


async def _restraint(look: Look, members: Mapping[str, SourceServer]) -> Restraint | None:
    """Why nothing may be written now; the account is read fresh, because Observe is the emergency stop."""
    group, context = look.group, look.context
    if group.spec.suspend:
        return Restraint(State.WOULD_CHANGE, "Suspended", "suspended, nothing is written")
    name = group.spec.target_account_ref.name
    account = await context.cluster.fresh(TargetAccount, None, name)
    if account is None or account.spec.account_id != look.place.account_id:
        text = f"TargetAccount {name} is gone or another account by now"
        return Restraint(State.PENDING, "Pending", text, ready=False)
    if account.spec.management_policy is ManagementPolicy.OBSERVE:
        return Restraint(State.WOULD_CHANGE, "WouldChange", accounts.observed_only(account))
    if executions := group_reading.users(context, group, members).executions:
        return Restraint(State.PENDING, "Pending", f"written when DRExecution {few(executions)} has ended")
    if (problem := context.ledger_problem()) is not None:
        return Restraint(State.PENDING, "Pending", problem.message, ready=False)
    return None


async def _restraint_now(look: Look, members: Mapping[str, SourceServer]) -> Restraint | None:
    """The same in the middle of a look, where a read that fails is a restraint itself."""
    try:
        return await _restraint(look, members)
    except ReadFailed as error:
        return Restraint(State.PENDING, "Pending", error.message, ready=False)


def _known(
    look: Look,
    server: SourceServer,
    wanted: Wanted,
    terrain: Terrain,
    versions: Mapping[str, int],
    double: str | None,
    running: bool,
) -> ServerSettings | None:
    """What can be said without a read of the server's settings; None: it has to be looked at."""
    template, book = wanted.template, look.context.settings
    claimed: Standing | str | None = double
    if claimed is None and template.subnet_id and template.private_ip:
        claimed = look.losses.get(address_key(look.place, template.subnet_id, template.private_ip))
    found = flaws(wanted, terrain, server, look.place.region, claimed)
    if running or _holder(look, server.server_id) is not None:
        # The instance that is being launched has the address before DRS names it.
        found = [failure for failure in found if failure.code != "IP_IN_USE"]
    if found:
        text = "; ".join(failure.message for failure in found)
        return ServerSettings(State.FAILED, failure=Failure(found[0].code, text))
    if (failure := book.trouble(look.place, server.server_id, wanted)) is not None:
        return ServerSettings(State.PENDING if failure.code in _PASSING else State.FAILED, failure=failure)
    record = book.record(look.place, server.server_id)
    if record is not None and record.is_verified(wanted, versions.get(record.template_id)):
        return ServerSettings(State.SYNCED)
    return None


async def _server(
    look: Look, server_id: str, wanted: Wanted, restraint: Restraint | None, versions: Mapping[str, int]
) -> ServerSettings:
    """Compares one server, and mends it if that may be. Its failure is its own, unless it tells of the whole place."""
    book, place = look.context.settings, look.place
    try:
        done = await _compared(look, server_id, wanted, restraint, versions)
    except ReadFailed as error:
        failure = Failure(error.code, error.message)
        if isinstance(error, Throttled | AccessDenied) or error.code in LEDGER_FAILURES:
            book.slow_down(place, failure)
        if isinstance(error, Throttled) or error.code in LEDGER_FAILURES:
            return ServerSettings(State.PENDING, failure=failure)
        book.failed(place, server_id, wanted, failure)
        return ServerSettings(State.PENDING if error.code in _PASSING else State.FAILED, failure=failure)
    except LostRace as race:
        return ServerSettings(State.PENDING, failure=Failure("DYNAMODB_ERROR", f"{race}; it is tried again"))
    book.speed_up(place)
    if done.state is State.SYNCED:
        book.succeeded(place, server_id)
    return done


async def _compared(
    look: Look, server_id: str, wanted: Wanted, restraint: Restraint | None, versions: Mapping[str, int]
) -> ServerSettings:
    book, place = look.context.settings, look.place
    actual = book.seen(place, server_id, versions)
    if actual is None:
        actual = await look.context.launch_settings.actual(look.access, place.region, server_id)
        book.saw(place, server_id, actual)
    different = tuple(differences(wanted, actual))
    holder = _holder(look, server_id)
    if restraint is not None or holder is not None:
        if not different:
            return ServerSettings(State.SYNCED)
        state = restraint.state if restraint is not None else State.PENDING
        if state is State.PENDING and _was_right(look, server_id, wanted):
            state = State.DRIFTED
        notes = (f"written when run {holder} has ended",) if restraint is None else ()
        return ServerSettings(state, different + notes)
    if different and _was_right(look, server_id, wanted) and not _was_told(look, server_id):
        return ServerSettings(State.DRIFTED, different)
    await mend(look.context, look.owner_id, look.access, place, server_id, wanted, actual)
    return ServerSettings(State.SYNCED)


def _holder(look: Look, server_id: str) -> str | None:
    """The run that holds the server, wherever it comes from."""
    standing = look.context.claims.standing(server_key(look.place, server_id))
    return (standing.held_by_name or standing.held_by) if standing is not None else None


def _was_right(look: Look, server_id: str, wanted: Wanted) -> bool:
    """Whether AWS had just this before: then somebody else has changed it."""
    record = look.context.settings.record(look.place, server_id)
    return record is not None and record.writing is None and record.settings == wanted.version


def _was_told(look: Look, server_id: str) -> bool:
    before = next((server for server in look.group.status.servers if server.server_id == server_id), None)
    return before is not None and before.launch_configuration == State.DRIFTED
