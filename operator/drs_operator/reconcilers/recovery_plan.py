"""RecoveryPlan: whether it would work now, from its groups."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_operator.planning.plan import evaluate
from drs_operator.reconcilers.context import Context, Outcome, record, tell


async def reconcile(context: Context, plan: RecoveryPlan) -> Outcome:
    """Looks at the plan whenever it, one of its groups or one of its executions changes. No call to AWS."""
    namespace = plan.metadata.namespace
    groups = {group.metadata.name: group for group in context.objects.all(ProtectionGroup, namespace)}
    executions = [
        execution
        for execution in context.objects.all(DRExecution, namespace)
        if execution.spec.recovery_plan_ref.name == plan.metadata.name
    ]
    status = evaluate(plan, context.installation, groups, executions, context.clock.now())
    if await record(context, plan, plan.status, status):
        await tell(context, plan, plan.status, status)
    return Outcome()
