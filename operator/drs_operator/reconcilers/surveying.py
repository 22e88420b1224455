"""What validation looks at, read fresh: plan, groups, accounts, inventories, instances, points, and who holds what."""

from __future__ import annotations

from datetime import timedelta

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.planning import ids, membership, scope
from drs_operator.planning.facts import Inventory, Place, RecoveryInstance, SourceServer
from drs_operator.planning.ground import Ground, Rival, candidates, place_of
from drs_operator.planning.mirrors import owner_of
from drs_operator.ports import Access, Holder, ReadFailed
from drs_operator.reconcilers.access import access_of, is_allowed
from drs_operator.reconcilers.context import LEDGER_FAILURES, Context
from drs_operator.reconcilers.displacing import Occupant, occupant
from drs_operator.reconcilers.group_ledger import held, others_have
from drs_operator.reconcilers.points import has_points

PASSING = LEDGER_FAILURES | {"DRS_ERROR", "INTERNAL_ERROR"}
"""Failures that may be gone in a moment: they never refuse a run, it waits."""
PATIENCE = timedelta(minutes=1)
"""How long a RECOVERY waits in validation for a place that does not answer, before it goes on with what is known."""
OF_A_PLACE = frozenset({"DRS_ERROR"})
"""Those of them for which a run need not wait longer than its patience: the rest of the world answers."""


async def survey(context: Context, execution: DRExecution, patient: bool) -> Ground:
    """Reads everything. Raises ReadFailed for what may pass.

    Without patience a place that does not answer is left out: what is known of it is from before. A group of which
    nothing is known is waited for all the same: a recovery that leaves it out silently is none.
    """
    namespace = execution.metadata.namespace or ""
    plan = await context.cluster.fresh(RecoveryPlan, namespace, execution.spec.recovery_plan_ref.name)
    groups: dict[str, ProtectionGroup] = {}
    accounts: dict[str, TargetAccount] = {}
    for wave in plan.spec.waves if plan else []:
        name = wave.protection_group_ref.name
        if name in groups or not scope.covers(execution.spec.scope, wave.wave_number):
            continue
        if (group := await context.cluster.fresh(ProtectionGroup, namespace, name)) is not None:
            groups[name] = group
            account_name = group.spec.target_account_ref.name
            if account_name not in accounts:
                account = await context.cluster.fresh(TargetAccount, None, account_name)
                if account is not None:
                    accounts[account_name] = account
    allowed = {name: await is_allowed(context, account, namespace) for name, account in accounts.items()}
    inventories: dict[Place, Inventory] = {}
    errors: dict[Place, ReadFailed] = {}
    instances: list[RecoveryInstance] = []
    with_point: dict[str, bool] = {}
    taken: dict[str, frozenset[str]] = {}
    known: dict[str, frozenset[str]] = {}
    for group in groups.values():
        owner = accounts.get(group.spec.target_account_ref.name)
        if owner is None:
            continue
        claims = owner_of(group, context.installation)
        known[group.metadata.name] = held(context, claims) or frozenset(group.spec.source_server_ids)
        place = Place(owner.spec.account_id, group.spec.region)
        try:
            if place in errors:
                raise errors[place]
            access = await access_of(context, owner)
            if place not in inventories:
                inventories[place] = await context.cloud.inventory(access, place.region, context.clock.now())
            selected = membership.members(group, inventories[place]).servers
            others = others_have(context, claims, place, selected)
            taken[group.metadata.name] = frozenset(i for i, standing in others.items() if standing.owner is not None)
            members = membership.members(group, inventories[place], taken[group.metadata.name])
            instances += await _instances(context, access, place.region, members.servers)
            with_point |= await has_points(context, access, place.region, membership.doubtful(members))
        except ReadFailed as error:
            can_wait = (
                patient or error.code not in OF_A_PLACE or not (group.status.servers or known[group.metadata.name])
            )
            if error.code in PASSING and can_wait:
                raise
            errors[place] = error
    failures = {place: f"{error.code}: {error.message}" for place, error in errors.items()}
    return Ground(plan, groups, accounts, allowed, inventories, failures, tuple(instances), with_point, taken, known)


async def _instances(
    context: Context, access: Access, region: str, servers: tuple[SourceServer, ...]
) -> tuple[RecoveryInstance, ...]:
    """Recovery instances of the servers that have one: those of the others need no call."""
    having = [server.server_id for server in servers if server.recovery_instance_id]
    return await context.cloud.recovery_instances(access, region, having) if having else ()


async def plan_rival(context: Context, execution: DRExecution, own: str) -> Rival | None:
    """The run that holds the plan, other than the run of this execution id. Takes nothing."""
    name = execution.spec.recovery_plan_ref.name
    plan_id = ids.plan_id(context.installation, execution.metadata.namespace or "", name)
    holder = await context.ledger.plan_holder(plan_id)
    if holder is None or holder.execution_id == own:
        return None
    found = await occupant(context, holder)
    return found.rival if found is not None else None


async def server_rivals(context: Context, ground: Ground, own: str) -> dict[str, Rival]:
    """The runs that hold servers of these groups, by server id. Takes nothing.

    The ledger is asked for each: who holds a server is not in memory until somebody has failed to claim it.
    """
    members: dict[Place, set[str]] = {}
    for group in ground.groups.values():
        if (place := place_of(group, ground)) is not None:
            members.setdefault(place, set()).update(c.server_id for c in candidates(group, ground))
    known: dict[Holder, Occupant | None] = {}
    found: dict[str, Rival] = {}
    for place, server_ids in members.items():
        for server_id, holder in (await context.ledger.server_holders(place, sorted(server_ids))).items():
            if holder.execution_id == own:
                continue
            if holder not in known:
                known[holder] = await occupant(context, holder)
            if (other := known[holder]) is not None:
                found[server_id] = other.rival
    return found
