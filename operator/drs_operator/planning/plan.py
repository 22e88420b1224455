"""Whether a RecoveryPlan would work now, and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.enums import ConditionType, ExecutionType
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

MOST_SERVERS = 1000


@dataclass(frozen=True, slots=True)
class WaveFinding:
    """What is wrong with a wave."""

    code: str
    wave_number: int | None
    message: str


def wave_findings(plan: RecoveryPlan, groups: Mapping[str, ProtectionGroup]) -> list[WaveFinding]:
    """All findings about the waves, as far as they do not depend on the state of AWS."""
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
        if group not in groups:
            message = f"ProtectionGroup {group} does not exist in this namespace; create it or correct the wave"
            found.append(WaveFinding("PROTECTION_GROUP_NOT_FOUND", number, message))
            continue
        members = {server.server_id for server in groups[group].status.servers}
        if strangers := sorted(set(wave.optional_server_ids) - members):
            message = f"optionalServerIds names servers that are not in group {group}: {', '.join(strangers[:5])}"
            found.append(WaveFinding("INVALID_WAVE_DATA", number, message))
        if len(members) > SERVERS_PER_JOB and not plan.spec.split_oversized_waves:
            message = f"{len(members)} servers, a drill takes at most {SERVERS_PER_JOB} in a wave; split the group"
            found.append(WaveFinding("WAVE_SIZE_EXCEEDED", number, message))
    total = sum(len(groups[name].status.servers) for name in used if name in groups)
    if total > MOST_SERVERS:
        message = f"{total} servers, a plan takes at most {MOST_SERVERS}; make two plans of it"
        found.append(WaveFinding("PLAN_TOO_LARGE", None, message))
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
    aspects = [_groups_ready(plan, groups), _waves_valid(wave_findings(plan, groups)), _recoverable(used)]
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
            "last_execution": _last(executions) or status.last_execution,
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
    ][:64]


def _last(executions: Sequence[DRExecution]) -> LastExecution | None:
    ended = [e for e in executions if e.status.finish_time is not None and e.status.start_time is not None]
    if not ended:
        return None
    last = max(ended, key=lambda e: e.status.finish_time.timestamp() if e.status.finish_time else 0.0)
    return LastExecution(
        name=last.metadata.name,
        type=ExecutionType(last.spec.execution_type),
        phase=last.status.phase,
        finish_time=last.status.finish_time,
        duration_seconds=last.status.durations.total_seconds if last.status.durations else None,
    )
