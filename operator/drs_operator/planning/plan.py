"""Whether a RecoveryPlan would work now, and its status."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.enums import ConditionType, ExecutionType
from drs_operator.api.v1alpha1.limits import LISTED_ACTIVE_EXECUTIONS, SERVERS_PER_PLAN
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import (
    ActiveExecution,
    LastExecution,
    PlanWaveStatus,
    RecoveryPlan,
    RecoveryPlanStatus,
    WaveSpec,
)
from drs_operator.planning import ids, waves
from drs_operator.planning.aspects import Aspect, bad, conditions, good, is_ready, is_settled, why_not_ready
from drs_operator.planning.engine import SERVERS_PER_JOB


@dataclass(frozen=True, slots=True)
class WaveFinding:
    """What is wrong with a wave."""

    code: str
    wave_number: int | None
    message: str


def wave_findings(plan: RecoveryPlan, members: Mapping[str, Collection[str]]) -> list[WaveFinding]:
    """All findings about the waves themselves; `members` are the server ids of each group that exists, by name."""
    found: list[WaveFinding] = []
    listed = plan.spec.waves
    if not listed:
        found.append(WaveFinding("PLAN_HAS_NO_WAVES", None, "the plan has no waves; add one to spec.waves"))
    by_number = {wave.wave_number: wave for wave in listed}
    used: dict[str, int] = {}
    for wave in listed:
        number, group = wave.wave_number, wave.protection_group_ref.name
        if group in used:
            message = f"group {group} is in wave {used[group]} already; a group may be in one wave only"
            found.append(WaveFinding("INVALID_WAVE_DATA", number, message))
        used.setdefault(group, number)
        found += _dependencies(wave, by_number)
        if group not in members:
            message = f"ProtectionGroup {group} does not exist in this namespace; create it or correct the wave"
            found.append(WaveFinding("PROTECTION_GROUP_NOT_FOUND", number, message))
            continue
        if strangers := sorted(set(wave.optional_server_ids) - set(members[group])):
            message = f"optionalServerIds names servers that are not in group {group}: {', '.join(strangers[:5])}"
            found.append(WaveFinding("INVALID_WAVE_DATA", number, message))
        if len(members[group]) > SERVERS_PER_JOB and not plan.spec.split_oversized_waves:
            message = f"{len(members[group])} servers, a drill takes at most {SERVERS_PER_JOB} in a wave; "
            found.append(WaveFinding("WAVE_SIZE_EXCEEDED", number, message + "split the group"))
    found += _shared(plan, members)
    total = sum(len(members[name]) for name in used if name in members)
    if total > SERVERS_PER_PLAN:
        message = f"{total} servers, a plan takes at most {SERVERS_PER_PLAN}; make two plans of it"
        found.append(WaveFinding("PLAN_TOO_LARGE", None, message))
    return found


def launched_by(plan: RecoveryPlan, members: Mapping[str, Collection[str]]) -> dict[str, int]:
    """The wave that launches each server: the first that has it. A second launch would destroy the first's instance."""
    first: dict[str, int] = {}
    for wave in waves.in_order(plan.spec.waves):
        for server_id in members.get(wave.protection_group_ref.name, ()):
            first.setdefault(server_id, wave.wave_number)
    return first


def _shared(plan: RecoveryPlan, members: Mapping[str, Collection[str]]) -> list[WaveFinding]:
    first = launched_by(plan, members)
    found = []
    for wave in plan.spec.waves:
        group = wave.protection_group_ref.name
        shared = sorted(s for s in members.get(group, ()) if first[s] != wave.wave_number)
        if shared:
            message = f"group {group} shares servers with wave {first[shared[0]]}: {', '.join(shared[:5])}; a run "
            message += "launches a server once, in the first of its waves; keep it in one group"
            found.append(WaveFinding("SERVER_CONFLICT", wave.wave_number, message))
    return found


def _dependencies(wave: WaveSpec, by_number: Mapping[int, WaveSpec]) -> list[WaveFinding]:
    found = []
    for number in wave.depends_on_waves:
        if number not in by_number:
            message = f"dependsOnWaves names wave {number}, which does not exist"
            found.append(WaveFinding("INVALID_WAVE_DATA", wave.wave_number, message))
        elif waves.order(by_number[number]) >= waves.order(wave):
            message = f"wave {number} is not launched earlier; give it a lower launchOrder"
            found.append(WaveFinding("CIRCULAR_DEPENDENCY", wave.wave_number, message))
    return found


def evaluate(
    plan: RecoveryPlan,
    installation: str,
    groups: Mapping[str, ProtectionGroup],
    executions: Sequence[DRExecution],
    now: datetime,
) -> RecoveryPlanStatus:
    """The whole status; `groups` and `executions` are those of the plan's namespace."""
    status = plan.status
    used = [groups[w.protection_group_ref.name] for w in plan.spec.waves if w.protection_group_ref.name in groups]
    servers = [server for group in used for server in group.status.servers]
    changed = status.version is None or status.observed_generation != plan.metadata.generation
    members = {name: [server.server_id for server in group.status.servers] for name, group in groups.items()}
    aspects = [_groups_ready(plan, groups), _waves_valid(wave_findings(plan, members)), _recoverable(used)]
    sources = sorted({region for group in used for region in group.status.source_regions})
    targets = sorted({group.spec.region for group in used})
    ready = good(ConditionType.READY, "Ready", f"{len(servers)} servers in {len(plan.spec.waves)} waves")
    return status.model_copy(
        update={
            "observed_generation": plan.metadata.generation or 0,
            "plan_id": ids.plan_id(installation, plan.metadata.namespace or "", plan.metadata.name),
            "version": (status.version or 0) + 1 if changed else status.version,
            "total_waves": len(plan.spec.waves),
            "total_servers": len(servers),
            "source_regions": sources,
            "source_region_summary": ",".join(sources) or None,
            "target_regions": targets,
            "target_region_summary": ",".join(targets) or None,
            "has_server_conflict": False,
            "conflicts": [],
            "waves": [_wave(wave, groups.get(wave.protection_group_ref.name)) for wave in plan.spec.waves],
            "active_executions": _active(executions),
            "last_execution": _last(executions, status.last_execution),
            "conditions": conditions(status.conditions, aspects, ready, plan.metadata.generation or 0, now),
        }
    )


def _wave(wave: WaveSpec, group: ProtectionGroup | None) -> PlanWaveStatus:
    name = wave.protection_group_ref.name
    if group is None:
        return PlanWaveStatus(wave_number=wave.wave_number, protection_group_name=name)
    return PlanWaveStatus(
        wave_number=wave.wave_number,
        protection_group_name=group.spec.display_name or name,
        server_count=len(group.status.servers),
        account_id=group.status.account_id,
        region=group.spec.region,
    )


def _groups_ready(plan: RecoveryPlan, groups: Mapping[str, ProtectionGroup]) -> Aspect:
    for wave in plan.spec.waves:
        name = wave.protection_group_ref.name
        if name not in groups:
            return bad(
                ConditionType.GROUPS_READY,
                "PROTECTION_GROUP_NOT_FOUND",
                f"wave {wave.wave_number}: ProtectionGroup {name} does not exist; create it or correct the wave",
            )
    waiting = [(name, group) for name, group in sorted(groups.items()) if not is_ready(group.status.conditions)]
    used = {wave.protection_group_ref.name for wave in plan.spec.waves}
    for name, group in waiting:
        if name in used:
            reason, message = why_not_ready(group.status.conditions)
            met = False if is_settled(group.status.conditions) else None
            return Aspect(ConditionType.GROUPS_READY, met, reason, f"ProtectionGroup {name}: {message}")
    return good(ConditionType.GROUPS_READY, "GroupsReady", f"{len(used)} groups are Ready")


def _waves_valid(found: list[WaveFinding]) -> Aspect:
    real = [finding for finding in found if finding.code != "PROTECTION_GROUP_NOT_FOUND"]
    if not real:
        return good(ConditionType.WAVES_VALID, "WavesValid", "the waves can be launched in their order")
    text = "; ".join(f"wave {f.wave_number}: {f.message}" if f.wave_number is not None else f.message for f in real)
    return bad(ConditionType.WAVES_VALID, real[0].code, text)


def _recoverable(groups: Sequence[ProtectionGroup]) -> Aspect:
    lost = [s for group in groups for s in group.status.servers if not s.recoverable]
    total = sum(len(group.status.servers) for group in groups)
    if not lost:
        return good(ConditionType.RECOVERABLE, "Recoverable", f"{total} of {total} servers are recoverable")
    names = ", ".join(server.hostname or server.server_id for server in lost[:5])
    message = f"{len(lost)} of {total} servers are not recoverable: {names}; see invalidServers of their groups"
    return bad(ConditionType.RECOVERABLE, "NO_RECOVERY_POINT", message)


def _active(executions: Sequence[DRExecution]) -> list[ActiveExecution]:
    return [
        ActiveExecution(
            name=execution.metadata.name,
            execution_id=execution.status.execution_id,
            type=execution.spec.execution_type,
            phase=execution.status.phase,
        )
        for execution in sorted(executions, key=lambda e: e.metadata.name)
        if execution.status.finish_time is None and execution.status.phase is not None
    ][:LISTED_ACTIVE_EXECUTIONS]


def _last(executions: Sequence[DRExecution], known: LastExecution | None) -> LastExecution | None:
    """The run that ended last; one whose object is gone is remembered."""
    ended = [(e.status.finish_time, e) for e in executions if e.status.finish_time and e.status.start_time]
    if not ended:
        return known
    finished, last = max(ended, key=lambda pair: pair[0])
    if known is not None and known.finish_time is not None and known.finish_time > finished:
        return known
    return LastExecution(
        name=last.metadata.name,
        type=ExecutionType(last.spec.execution_type),
        phase=last.status.phase,
        finish_time=finished,
        duration_seconds=last.status.durations.total_seconds if last.status.durations else None,
    )
