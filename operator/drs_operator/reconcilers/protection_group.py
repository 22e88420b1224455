"""ProtectionGroup: resolve the selection from the shared inventory."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning import group as membership
from drs_operator.planning.facts import Failure
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.access import entry
from drs_operator.reconcilers.context import Context, Outcome, asked_now, record, tell
from drs_operator.reconcilers.points import has_points

LATE = 2
"""So many refreshes without a new inventory, and a group is looked at all the same: its account may be refused."""


async def reconcile(context: Context, group: ProtectionGroup) -> Outcome:
    """Looks at the group whenever it, its account or the inventory changes."""
    status = await _status(context, group)
    active = sorted(
        execution.metadata.name
        for execution in context.objects.all(DRExecution, group.metadata.namespace)
        if execution.status.phase is not None
        and execution.status.finish_time is None
        and execution.spec.recovery_plan_ref.name in status.used_by_plans
    )
    status = status.model_copy(update={"active_executions": active[:64]})
    if await record(context, group, group.status, status):
        await tell(context, group, group.status, status)
    return Outcome(again_in=LATE * context.refresh_seconds)


async def _status(context: Context, group: ProtectionGroup) -> ProtectionGroupStatus:
    namespace = group.metadata.namespace or ""
    used_by = [
        plan.metadata.name
        for plan in context.objects.all(RecoveryPlan, namespace)
        if any(wave.protection_group_ref.name == group.metadata.name for wave in plan.spec.waves)
    ]
    now = context.clock.now()
    found = await entry(context, group.spec.target_account_ref.name, namespace)
    if isinstance(found, Failure):
        return membership.unreadable(group, found, used_by, now)
    account, access = found
    try:
        newer_than = now if asked_now(group, group.status) else None
        inventory = await context.cloud.inventory(access, group.spec.region, newer_than)
        members = membership.members(group, inventory)
        points = await has_points(context, access, group.spec.region, membership.doubtful(members))
    except ReadFailed as error:
        return membership.unreadable(group, Failure(error.code, error.message), used_by, now)
    return membership.evaluate(group, context.installation, account.spec.account_id, members, points, used_by, now)
