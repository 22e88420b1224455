"""ProtectionGroup: resolve the selection from the shared inventory, claim what it means, say how it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning import group_conditions, launch_progress, membership
from drs_operator.planning.claims import Owner, Settled
from drs_operator.planning.facts import Failure
from drs_operator.planning.group import Sight, Users, seen, unseen
from drs_operator.planning.group_news import news
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.release import Release
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers import group_ledger, group_reading
from drs_operator.reconcilers.context import FINALIZER, Context, Outcome, record, tell
from drs_operator.reconcilers.group_commands import asked, is_honoured, release, take_off
from drs_operator.reconcilers.launch_settings import Look, sync

LATE = 2
"""So many refreshes without a new inventory, and a group is looked at all the same: its account may be refused."""


async def reconcile(context: Context, group: ProtectionGroup) -> Outcome:
    """Looks at the group whenever it, its account or the inventory changes.

    Raises ReadFailed, after showing it in the status, when the ledger has failed: what is missing is tried again.
    """
    owner = owner_of(group, context.installation)
    users = group_reading.users(context, group, group_ledger.held(context, owner))
    going, ours = group.metadata.deletion_timestamp is not None, FINALIZER in group.metadata.finalizers
    if going and not (ours and (users.plans or users.executions)):
        return await _end(context, group, owner)
    found = await group_reading.read(context, group, owner)
    account_id = group_reading.accepted_for(context, group, owner)
    if not ours and not group.spec.suspend and (account_id is not None or not isinstance(found, Failure)):
        await context.cluster.add_finalizer(group)  # before the first claim; the object has changed by that
        return Outcome(again_in=LATE * context.refresh_seconds)
    if isinstance(found, Failure):
        look = await _unread(context, group, owner, found, account_id, users)
    else:
        look = await _look(context, group, owner, found, users)
    status = look.status
    if going:
        text = group_conditions.users_text(users)
        status = status.model_copy(
            update={"conditions": group_conditions.waiting(group, status, text, context.clock.now())}
        )
    await _record(context, group, status, look.answered)
    if look.failure is not None:
        raise ReadFailed(look.failure.code, look.failure.message)
    return Outcome(again_in=look.soon or LATE * context.refresh_seconds)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look came to."""

    status: ProtectionGroupStatus
    failure: Failure | None = None
    """Of the ledger."""
    answered: Release | None = None
    soon: float | None = None
    """Seconds after which there is more to do."""


async def _look(
    context: Context, group: ProtectionGroup, owner: Owner, found: group_reading.Found, users: Users
) -> Seen:
    """Resolve, claim, look at the launch settings, mirror; in this order, each step possible again after a crash."""
    place, inventory = found.place, found.inventory
    by_id, suspended = inventory.by_id(), group.spec.suspend
    held = group_reading.remembered(context, group, owner)
    first = membership.resolve(group, inventory, held)
    answered = None if context.ledger_problem() else release(context, group, owner, first)
    gone = group_ledger.asked_for(context, owner, place, first.leaving, by_id)
    gone |= answered.released if answered else frozenset()
    members = membership.resolve(group, inventory, held, gone) if gone and not suspended else first
    try:
        with_point = await group_reading.points(context, group, owner, found, members)
    except ReadFailed as error:
        failure = Failure(error.code, error.message)
        account_id = group_reading.accepted_for(context, group, owner)
        return await _unread(context, group, owner, failure, account_id, users)
    if suspended:
        stand = group_ledger.Stand(Settled(context.claims.owned(owner.id)))
    else:
        stand = await group_ledger.claim(context, group, owner, place, members.servers)
    failure_now = stand.settled.failure
    shown = {s.server_id: s for s in members.servers if suspended or s.server_id in stand.servers}
    look = Look(context, group, owner.id, found.access, place, stand.settled.losses, failure_now)
    settings, soon = await sync(look, shown)
    sight = Sight(
        owner=owner,
        place=place,
        inventory=inventory,
        members=members,
        owned=stand.servers,
        lost=group_ledger.others_have(context, owner, place, members.servers),
        frozen=failure_now is not None,
        with_point=with_point,
        elsewhere=await group_reading.elsewhere(context, group, members.unknown),
        settings=settings,
    )
    status, in_ledger = seen(group, sight, users), stand.in_ledger
    if not suspended and failure_now is None:
        version, failure_now = await group_ledger.mirror(context, group, status, answered)
        status = status.model_copy(update={"version": version})
        in_ledger = replace(in_ledger, failure=failure_now)
    if failure_now is not None:
        answered = None  # an answer is remembered before it is given
    listed = group_conditions.concluded(group, status, sight, in_ledger, answered, context.clock.now())
    return Seen(status.model_copy(update={"conditions": listed}), failure_now, answered, soon)


async def _unread(
    context: Context, group: ProtectionGroup, owner: Owner, why: Failure, account_id: str | None, users: Users
) -> Seen:
    """Account or inventory do not answer: the membership stays, and so do the claims on its servers."""
    failure: Failure | None = None
    status = unseen(group, owner, account_id, group_ledger.held(context, owner), users)
    if account_id is not None and not group.spec.suspend:
        stand = await group_ledger.keep(context, group, owner, account_id)
        failure = stand.settled.failure
        if failure is None:
            version, failure = await group_ledger.mirror(context, group, status, None)
            status = status.model_copy(update={"version": version})
    accepted = account_id is not None
    listed = group_conditions.unread(group, why, failure, accepted, context.clock.now())
    return Seen(status.model_copy(update={"conditions": listed}), failure)


async def _record(
    context: Context, group: ProtectionGroup, status: ProtectionGroupStatus, answered: Release | None
) -> None:
    before = group.status
    if await record(context, group, before, status):
        await tell(context, group, before, status)
        for item in (*news(before, status), *launch_progress.news(before, status)):
            await context.cluster.event(group, item.warning, item.reason, item.message)
        await _tell_of_users(context, group, status)
    if answered is not None:
        word = "CommandAccepted" if answered.code is None else "CommandRefused"
        await context.cluster.event(group, answered.code is not None, word, str(answered))
    value = asked(group)
    if value is not None and (
        answered is not None or is_honoured(context, owner_of(group, context.installation), value)
    ):
        await take_off(context, group)


async def _tell_of_users(context: Context, group: ProtectionGroup, status: ProtectionGroupStatus) -> None:
    """Says once whom a deletion waits for."""
    old, new = (find_condition(s.conditions, "Ready") for s in (group.status, status))
    mark = group_conditions.GOING
    if new is not None and mark in new.message and (old is None or mark not in old.message):
        await context.cluster.event(group, True, reason(Code.PG_IN_USE), new.message.partition("; " + mark)[2])


async def _end(context: Context, group: ProtectionGroup, owner: Owner) -> Outcome:
    """Nobody uses it any more: claims and row go, then the finalizer."""
    failure, kept = await group_ledger.let_go(context, owner)
    if failure is None and not kept:
        await context.cluster.remove_finalizer(group)
        return Outcome()
    text = group_conditions.held_text(kept) if kept else "the ledger"
    listed = group_conditions.waiting(group, group.status, text, context.clock.now(), failure)
    await _record(context, group, group.status.model_copy(update={"conditions": listed}), None)
    if failure is not None:
        raise ReadFailed(failure.code, failure.message)
    return Outcome(again_in=context.refresh_seconds)
