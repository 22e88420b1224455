"""The command of a group, `release-servers`: read from its annotations, taken off once it is answered."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.enums import Membership
from drs_operator.planning import ids
from drs_operator.planning.claims import Owner
from drs_operator.planning.membership import Members
from drs_operator.planning.release import COMMAND, Release, answer
from drs_operator.reconcilers.context import Context

KEY = f"drs-operator.io/{COMMAND}"
BY = f"requested-by.drs-operator.io/{COMMAND}"


def asked(group: ProtectionGroup) -> str | None:
    """The command's value, if it was given."""
    return group.metadata.annotations.get(KEY)


def is_honoured(context: Context, owner: Owner, value: str) -> bool:
    """Whether this value was honoured before: then it is consumed for good, and taken off silently."""
    head = context.mirrors.head(owner.id)
    return head is not None and ids.command_mark(COMMAND, value) in head.honoured


def release(context: Context, group: ProtectionGroup, owner: Owner, members: Members) -> Release | None:
    """The answer to the command; None without one, and for a value that was honoured before.

    Servers that the status shows as Leaving are meant, too: after a crash they may be let go of already.
    """
    value = asked(group)
    if value is None or is_honoured(context, owner, value):
        return None
    leaving = {
        s.server_id: s.hostname or s.server_id for s in group.status.servers if s.membership == Membership.LEAVING
    }
    leaving |= {s.server_id: s.hostname or s.server_id for s in members.servers if s.server_id in members.leaving}
    matching = {s.server_id for s in members.servers} - members.leaving
    leaving = {server_id: name for server_id, name in leaving.items() if server_id not in matching}
    return answer(value, group.metadata.annotations.get(BY, ""), leaving, group.spec.suspend)


async def take_off(context: Context, group: ProtectionGroup) -> None:
    """Takes the answered command off. The object may have changed by the status write, so it is read anew."""
    now = await context.cluster.fresh(ProtectionGroup, group.metadata.namespace, group.metadata.name)
    if now is not None and now.metadata.uid == group.metadata.uid and asked(now) == asked(group):
        await context.cluster.take_off(now, (KEY, BY))
