"""Whom a change concerns: of our objects, or of what AWS shows."""

from __future__ import annotations

from collections.abc import Iterable

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.planning.facts import Inventory
from drs_operator.planning.plan_conflicts import held, is_active
from drs_operator.ports import Objects
from drs_operator.runtime.cache import Key


def concerned(key: Key, before: Resource | None, now: Resource | None, objects: Objects) -> set[Key]:
    """Whom a change of an object concerns, besides itself. `objects` know the change already."""
    match now or before:
        case ProtectionGroup() as group:
            keys = _plans(objects, key.namespace, [key.name])
            if before is None or now is None:
                keys.add(Key(TargetAccount, None, group.spec.target_account_ref.name))
            return keys
        case RecoveryPlan():
            return _groups_of(key, _plan(before), _plan(now))
        case DRExecution() as execution:
            plan = Key(RecoveryPlan, key.namespace, execution.spec.recovery_plan_ref.name)
            return _of_run(plan, _execution(before), _execution(now), objects)
        case TargetAccount():
            return _with_quotas(key, before, now, objects)
    return set()


def plans_concerned(before: Inventory | None, now: Inventory, objects: Objects) -> set[Key]:
    """The plans with a server on which a job has begun or ended from one inventory of a place to the next."""
    old, new = _jobs(before), _jobs(now)
    changed = {server_id for server_id in old.keys() | new.keys() if old.get(server_id) != new.get(server_id)}
    if not changed:
        return set()
    there = (
        group
        for group in objects.all(ProtectionGroup)
        if group.spec.region == now.place.region and group.status.account_id == now.place.account_id
    )
    return _plans_with(objects, there, changed)


def _jobs(inventory: Inventory | None) -> dict[str, str]:
    servers = inventory.servers if inventory else ()
    return {server.server_id: server.active_job_id for server in servers if server.active_job_id}


def _plans(objects: Objects, namespace: str | None, groups: Iterable[str]) -> set[Key]:
    return {
        Key(RecoveryPlan, namespace, plan.metadata.name)
        for name in groups
        for plan in objects.plans_using(namespace, name)
    }


def _plans_with(objects: Objects, groups: Iterable[ProtectionGroup], server_ids: set[str]) -> set[Key]:
    keys: set[Key] = set()
    for group in groups:
        if any(server.server_id in server_ids for server in group.status.servers):
            keys |= _plans(objects, group.metadata.namespace, [group.metadata.name])
    return keys


def _plan(resource: Resource | None) -> RecoveryPlan | None:
    return resource if isinstance(resource, RecoveryPlan) else None


def _execution(resource: Resource | None) -> DRExecution | None:
    return resource if isinstance(resource, DRExecution) else None


def _groups_of(key: Key, before: RecoveryPlan | None, now: RecoveryPlan | None) -> set[Key]:
    """Groups that a plan has taken in or dropped (they name their plans), or whose data must be fresher or less so."""
    old, new = _names(before), _names(now)
    names = old | new if _target(before) != _target(now) else old ^ new
    return {Key(ProtectionGroup, key.namespace, name) for name in names}


def _names(plan: RecoveryPlan | None) -> set[str]:
    return {wave.protection_group_ref.name for wave in plan.spec.waves} if plan else set()


def _target(plan: RecoveryPlan | None) -> int | None:
    return plan.spec.objectives.rpo_seconds if plan and plan.spec.objectives else None


def _of_run(plan: Key, before: DRExecution | None, now: DRExecution | None, objects: Objects) -> set[Key]:
    """Its plan, when it shows something else of the run; the groups that name the run, and the plans that share servers
    with it, when it takes them or lets them go. What happens within the run concerns nobody.
    """
    keys = {plan} if _shown(before) != _shown(now) else set[Key]()
    if (before is not None and is_active(before)) != (now is not None and is_active(now)):
        found = objects.get(RecoveryPlan, plan.namespace, plan.name)
        keys |= {Key(ProtectionGroup, plan.namespace, name) for name in _names(found)}
    changed = _held(before) ^ _held(now)
    if changed:
        keys |= {plan} | _plans_with(objects, objects.all(ProtectionGroup, plan.namespace), set(changed))
    return keys


def _shown(execution: DRExecution | None) -> tuple[object, ...] | None:
    if execution is None:
        return None
    status = execution.status
    return (status.phase, status.execution_id, status.start_time, status.finish_time)


def _held(execution: DRExecution | None) -> frozenset[str]:
    return held(execution) if execution is not None else frozenset()


def _with_quotas(key: Key, before: Resource | None, now: Resource | None, objects: Objects) -> set[Key]:
    """The plans into an account whose quotas have changed: what would queue is foreseen by them."""
    if _quotas(before) == _quotas(now):
        return set()
    keys: set[Key] = set()
    for group in objects.all(ProtectionGroup):
        if group.spec.target_account_ref.name == key.name:
            keys |= _plans(objects, group.metadata.namespace, [group.metadata.name])
    return keys


def _quotas(account: Resource | None) -> dict[str, object]:
    regions = account.status.regions if isinstance(account, TargetAccount) else []
    return {region.name: region.quotas for region in regions}
