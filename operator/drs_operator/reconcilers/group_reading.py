"""What is read to judge a group: who uses it, its account, the shared inventory, recovery points."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, TargetAccount
from drs_operator.planning.claims import Owner
from drs_operator.planning.facts import Failure, Inventory, Place
from drs_operator.planning.group import Users
from drs_operator.planning.health import surely_recoverable
from drs_operator.planning.membership import Members, status_is_lost
from drs_operator.planning.plan_conflicts import held, is_active
from drs_operator.ports import Access, ReadFailed
from drs_operator.reconcilers import group_ledger
from drs_operator.reconcilers.access import entry, is_allowed
from drs_operator.reconcilers.context import Context, asked_now
from drs_operator.reconcilers.points import has_points


@dataclass(frozen=True, slots=True)
class Found:
    """The group's place, entered and read."""

    access: Access
    inventory: Inventory

    @property
    def place(self) -> Place:
        """The account and Region of the group."""
        return self.inventory.place


def users(context: Context, group: ProtectionGroup, servers: Collection[str]) -> Users:
    """Plans with a wave of the group, and active runs of theirs or with servers that it holds."""
    namespace = group.metadata.namespace
    plans = context.objects.plans_using(namespace, group.metadata.name)
    names = {plan.metadata.name for plan in plans}
    active = [
        execution.metadata.name
        for execution in context.objects.all(DRExecution, namespace)
        if is_active(execution)
        and (execution.spec.recovery_plan_ref.name in names or not held(execution).isdisjoint(servers))
    ]
    targets = [plan.spec.objectives.rpo_seconds for plan in plans if plan.spec.objectives]
    smallest = min((target for target in targets if target is not None), default=None)
    return Users(tuple(sorted(names)), tuple(sorted(active)), smallest)


def accepted_for(context: Context, group: ProtectionGroup, owner: Owner) -> str | None:
    """The account that the group was accepted for, by its status or, where that was lost, by its row."""
    head = context.mirrors.head(owner.id)
    return group.status.account_id or (head.account_id if head else None)


def remembered(context: Context, group: ProtectionGroup, owner: Owner) -> frozenset[str]:
    """Ids of the servers that the group holds and is known for: what was claimed and never said is no membership."""
    if status_is_lost(group) and context.mirrors.head(owner.id) is None:
        return frozenset()
    return group_ledger.held(context, owner)


async def read(context: Context, group: ProtectionGroup, owner: Owner) -> Found | Failure:
    """The shared inventory of the group's place, or why there is none."""
    name = group.spec.target_account_ref.name
    found = await entry(context, name, group.metadata.namespace or "", accepted_for(context, group, owner))
    if isinstance(found, Failure):
        return found
    try:
        newer_than = context.clock.now() if asked_now(group, group.status) else None
        return Found(found[1], await context.cloud.inventory(found[1], group.spec.region, newer_than))
    except ReadFailed as error:
        return Failure(error.code, error.message)


async def points(
    context: Context, group: ProtectionGroup, owner: Owner, found: Found, members: Members
) -> dict[str, bool]:
    """Of members whose state leaves a doubt, whether a recovery point exists. Raises ReadFailed."""
    by_id = found.inventory.by_id()
    before = (by_id[server.server_id] for server in group.status.servers if server.server_id in by_id)
    servers = {server.server_id: server for server in (*members.servers, *before)}
    doubtful = [server for server in servers.values() if surely_recoverable(server) is None]
    lost = group_ledger.others_have(context, owner, found.place, doubtful)
    mine = [server for server in doubtful if server.server_id not in lost]
    return await has_points(context, found.access, found.place.region, mine)


async def elsewhere(context: Context, group: ProtectionGroup, unknown: Iterable[str]) -> dict[str, str]:
    """Where servers are that the group's place does not have, as far as is known without asking AWS.

    Only accounts that the group's namespace may use are told.
    """
    missing, found = set(unknown), dict[str, str]()
    if not missing:
        return found
    for account in sorted(context.objects.all(TargetAccount), key=lambda a: a.metadata.name):
        if not await is_allowed(context, account, group.metadata.namespace or ""):
            continue
        for region in sorted({*account.spec.regions, *(region.name for region in account.status.regions)}):
            inventory = context.cloud.known_inventory(Place(account.spec.account_id, region))
            for server_id in sorted(missing & inventory.by_id().keys()) if inventory else ():
                found.setdefault(server_id, f"{region} of TargetAccount {account.metadata.name}")
    return found
