"""Servers of a plan that somebody else is using now: another plan's run, or a DRS job that is not ours.

It is a warning and takes nothing away: such a drill would be refused (SERVER_CONFLICT) or queue (SERVER_IN_JOB), a
recovery goes on without the server or queues, and by the time that a run starts it may all be over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.recoveryplan import PlanConflict, RecoveryPlan
from drs_operator.planning.facts import Inventory, Place
from drs_operator.planning.naming import few


@dataclass(frozen=True, slots=True)
class Member:
    """A server of the plan."""

    server_id: str
    hostname: str | None
    place: Place


def is_active(execution: DRExecution) -> bool:
    """The operator has begun with it and it has not ended."""
    return execution.status.phase is not None and execution.status.finish_time is None


def held(execution: DRExecution) -> frozenset[str]:
    """The servers that a run holds: all that it has pinned, until it ends, whatever became of them."""
    if not is_active(execution):
        return frozenset()
    return frozenset(server.server_id for wave in execution.status.waves for server in wave.servers)


def conflicts(
    plan: RecoveryPlan,
    members: Iterable[Member],
    executions: Sequence[DRExecution],
    inventories: Mapping[Place, Inventory],
) -> list[PlanConflict]:
    """All conflicts by server id; `executions` are those of the namespace, `inventories` what is known of places.

    Names from other namespaces are not told. The servers of the plan's own runs are those runs' matter. Where no
    inventory is known yet, after a start, what was said of jobs before still stands.
    """
    own: set[str] = set()
    holders: dict[str, DRExecution] = {}
    active = (execution for execution in executions if is_active(execution))
    for execution in sorted(active, key=lambda e: e.metadata.name):
        if execution.spec.recovery_plan_ref.name == plan.metadata.name:
            own |= held(execution)
        else:
            holders |= dict.fromkeys(held(execution) - holders.keys(), execution)
    before = {conflict.server_id: conflict.conflicting_job_id for conflict in plan.status.conflicts}
    ours = _Jobs(executions)
    found = []
    for member in sorted(members, key=lambda m: m.server_id):
        inventory = inventories.get(member.place)
        seen = inventory.by_id().get(member.server_id) if inventory else None
        job_id = (seen.active_job_id if seen else None) if inventory else before.get(member.server_id)
        holder = holders.get(member.server_id)
        if holder is None and (job_id is None or member.server_id in own or job_id in ours):
            continue
        found.append(
            PlanConflict(
                server_id=member.server_id,
                hostname=member.hostname,
                conflicting_execution=holder.metadata.name if holder else None,
                conflicting_plan=holder.spec.recovery_plan_ref.name if holder else None,
                conflicting_job_id=job_id,
            )
        )
    return found


class _Jobs:
    """The jobs of all runs, ended ones included: an inventory may be older than their end. Looked up when needed."""

    def __init__(self, executions: Sequence[DRExecution]) -> None:
        self._executions = executions
        self._ids: set[str] | None = None

    def __contains__(self, job_id: str) -> bool:
        if self._ids is None:
            waves = (wave for execution in self._executions for wave in execution.status.waves)
            self._ids = {job.job_id for wave in waves for job in wave.jobs if job.job_id}
        return job_id in self._ids


def told(found: Sequence[PlanConflict]) -> str | None:
    """The conflicts in one line, with what they mean; None if there are none."""
    parts = []
    runs = [conflict for conflict in found if conflict.conflicting_execution]
    jobs = [conflict for conflict in found if not conflict.conflicting_execution]
    if runs:
        who = sorted({f"{c.conflicting_execution} (plan {c.conflicting_plan})" for c in runs})
        parts.append(f"{_servers(runs)} held by {few(who)} until it ends: a drill is refused, a recovery goes without")
    if jobs:
        who = sorted({c.conflicting_job_id or "" for c in jobs})
        parts.append(f"{_servers(jobs)} in DRS job {few(who)} of somebody else: their waves queue until it ends")
    return "; ".join(parts) + "; see status.conflicts" if parts else None


def _servers(found: Sequence[PlanConflict]) -> str:
    names = few([conflict.hostname or conflict.server_id for conflict in found], 3)
    return f"{names} {'is' if len(found) == 1 else 'are'}"
