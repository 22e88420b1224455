"""RecoveryPlan: whether it would work now, from its groups, its executions and what is known of its servers."""

from __future__ import annotations

from datetime import timedelta

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlanStatus
from drs_operator.planning import plan_conflicts
from drs_operator.planning.facts import Failure, Inventory, Place
from drs_operator.planning.plan import Surroundings, evaluate, place_of, waits_for
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers import plan_ledger
from drs_operator.reconcilers.context import FINALIZER, Context, Outcome, record, tell
from drs_operator.reconcilers.plan_ledger import InLedger

FIRST_LOOK = timedelta(minutes=5)
"""How long a new plan waits for new groups of its to be looked at, rather than saying Pending and then again."""
STILL_EARLY_SECONDS = 20.0


async def reconcile(context: Context, plan: RecoveryPlan) -> Outcome:
    """Looks at the plan whenever it or what it is judged by changes. No call to AWS.

    Raises ReadFailed, after showing it in the status, when the ledger has failed: what is missing is tried again.
    """
    own = context.objects.executions_of(plan.metadata.namespace, plan.metadata.name)
    waits = waits_for(plan, own)
    leaving = plan.metadata.deletion_timestamp is not None
    if FINALIZER not in plan.metadata.finalizers:
        if not leaving:
            await context.cluster.add_finalizer(plan)
        return Outcome()  # it has changed, and comes again; or it is only others who keep it
    if not leaving and _is_early(context, plan):
        return Outcome(again_in=STILL_EARLY_SECONDS)
    if leaving and waits is None:
        failure = await _let_go(context, plan)
        if failure is None:
            await context.cluster.remove_finalizer(plan)
            return Outcome()
        kept = InLedger(failure=failure)
    else:
        kept = await _keep(context, plan)
    status = evaluate(plan, context.installation, _surroundings(context, plan, kept), context.clock.now())
    if await record(context, plan, plan.status, status):
        await tell(context, plan, plan.status, status)
        await _warn(context, plan, status, waits)
    if kept.failure is not None:
        raise ReadFailed(kept.failure.code, kept.failure.message)
    return Outcome(again_in=context.refresh_seconds if kept.name_holder is not None else None)


def _is_early(context: Context, plan: RecoveryPlan) -> bool:
    """Whether the plan is new and so is one of its groups, which nobody has looked at; the group will wake it."""
    if plan.status.observed_generation >= 0 or not _is_new(context, plan):
        return False
    names = {wave.protection_group_ref.name for wave in plan.spec.waves}
    groups = (context.objects.get(ProtectionGroup, plan.metadata.namespace, name) for name in names)
    return any(g is not None and g.status.observed_generation < 0 and _is_new(context, g) for g in groups)


def _is_new(context: Context, resource: RecoveryPlan | ProtectionGroup) -> bool:
    created = resource.metadata.creation_timestamp
    return created is not None and context.clock.now() - created < FIRST_LOOK


async def _keep(context: Context, plan: RecoveryPlan) -> InLedger:
    if (problem := context.ledger_problem()) is not None:
        return InLedger(failure=problem)
    return await plan_ledger.keep(context.claims, context.mirrors, plan, context.installation)


async def _let_go(context: Context, plan: RecoveryPlan) -> Failure | None:
    if (problem := context.ledger_problem()) is not None:
        return problem
    return await plan_ledger.let_go(context.claims, context.mirrors, plan, context.installation)


def _surroundings(context: Context, plan: RecoveryPlan, kept: InLedger) -> Surroundings:
    namespace = plan.metadata.namespace
    names = dict.fromkeys(wave.protection_group_ref.name for wave in plan.spec.waves)
    found = {name: context.objects.get(ProtectionGroup, namespace, name) for name in names}
    groups = {name: group for name, group in found.items() if group is not None}
    inventories: dict[Place, Inventory] = {}
    quotas = {}
    for group in groups.values():
        if (place := place_of(group)) is None:
            continue
        if (inventory := context.cloud.known_inventory(place)) is not None:
            inventories[place] = inventory
        account = context.objects.get(TargetAccount, None, group.spec.target_account_ref.name)
        for region in account.status.regions if account else []:
            if region.name == place.region and region.quotas is not None:
                quotas[place] = region.quotas
    return Surroundings(
        groups,
        context.objects.all(DRExecution, namespace),
        inventories,
        quotas,
        kept.name_holder,
        kept.failure,
        kept.version,
    )


async def _warn(context: Context, plan: RecoveryPlan, status: RecoveryPlanStatus, waits: str | None) -> None:
    """Events for what no condition loses its status by."""
    if status.has_server_conflict and not plan.status.has_server_conflict:
        message = plan_conflicts.told(status.conflicts) or ""
        await context.cluster.event(plan, True, "ServerConflict", message)
    if waits is not None and plan.status.observed_generation != plan.metadata.generation:
        # Deleting makes a new generation, so this is told once.
        await context.cluster.event(plan, True, "PlanHasActiveExecution", waits)
