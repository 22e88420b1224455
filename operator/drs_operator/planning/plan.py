"""Whether a RecoveryPlan would work now, and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.enums import ConditionType, ExecutionType
from drs_operator.api.v1alpha1.limits import LISTED_ACTIVE_EXECUTIONS, LISTED_CONFLICTS
from drs_operator.api.v1alpha1.protectiongroup import GroupServerStatus, ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import (
    ActiveExecution,
    LastExecution,
    PlanWaveStatus,
    RecoveryPlan,
    RecoveryPlanStatus,
    WaveSpec,
)
from drs_operator.api.v1alpha1.targetaccount import RegionQuotas
from drs_operator.planning import ids, plan_conflicts
from drs_operator.planning.aspects import (
    Aspect,
    bad,
    conditions,
    good,
    is_ready,
    is_settled,
    unclear,
    why_not_ready,
)
from drs_operator.planning.claims import Owner
from drs_operator.planning.facts import Failure, Inventory, Place
from drs_operator.planning.flaws import WaveFinding, launched_by, wave_findings
from drs_operator.planning.foresight import Load, shortages
from drs_operator.planning.health import STALLED
from drs_operator.planning.naming import few, joined
from drs_operator.planning.plan_conflicts import Member, conflicts, is_active

MESSAGE_LENGTH = 1000
"""A condition's message is cut at 1024 characters; ours end with a whole word before."""
WAITS = "its deletion waits for the end of"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that a plan is judged by, as far as it is known without asking AWS."""

    groups: Mapping[str, ProtectionGroup]
    """The groups of its waves that exist, by name."""
    executions: Sequence[DRExecution] = ()
    """Those of its namespace, of every plan."""
    inventories: Mapping[Place, Inventory] = field(default_factory=dict)
    """What is known of the places that it recovers into."""
    quotas: Mapping[Place, RegionQuotas] = field(default_factory=dict)
    name_holder: Owner | None = None
    """The plan that has claimed the same display name before."""
    ledger: Failure | None = None
    """Why claim and row could not be written."""
    version: int | None = None
    """Version of the plan's row in the ledger; None while it could not be written."""


def place_of(group: ProtectionGroup) -> Place | None:
    """Where a group recovers into; None until it was accepted for an account."""
    return Place(group.status.account_id, group.spec.region) if group.status.account_id else None


def evaluate(plan: RecoveryPlan, installation: str, seen: Surroundings, now: datetime) -> RecoveryPlanStatus:
    """The whole status."""
    status, groups = plan.status, seen.groups
    used = [groups[w.protection_group_ref.name] for w in plan.spec.waves if w.protection_group_ref.name in groups]
    servers = {server.server_id: server for group in used for server in _servers(group)}
    sources = sorted({region for group in used for region in group.status.source_regions})
    targets = sorted({group.spec.region for group in used})
    others = conflicts(plan, members_of(used), seen.executions, seen.inventories)
    own = [e for e in seen.executions if e.spec.recovery_plan_ref.name == plan.metadata.name]
    aspects = [
        _groups_ready(plan, groups),
        _waves_valid(plan, seen),
        _recoverable(list(servers.values())),
        _ledger_synced(seen),
    ]
    text = f"{len(servers)} servers in {len(plan.spec.waves)} waves"
    if (warning := plan_conflicts.told(others)) is not None:
        text += f"; {warning}"
    shown = conditions(
        status.conditions, aspects, good(ConditionType.READY, "Ready", text), plan.metadata.generation or 0, now
    )
    if waits := waits_for(plan, own):
        first = shown[0].model_copy(update={"message": f"{waits}; {shown[0].message}"})
        shown = [first, *shown[1:]]
    return status.model_copy(
        update={
            "observed_generation": plan.metadata.generation or 0,
            "plan_id": ids.plan_id(installation, plan.metadata.namespace or "", plan.metadata.name),
            "version": status.version if seen.version is None else seen.version,
            "total_waves": len(plan.spec.waves),
            "total_servers": len(servers),
            "source_regions": sources,
            "source_region_summary": ",".join(sources) or None,
            "target_regions": targets,
            "target_region_summary": ",".join(targets) or None,
            "has_server_conflict": bool(others),
            "conflicts": others[:LISTED_CONFLICTS],
            "waves": [_wave(wave, groups.get(wave.protection_group_ref.name)) for wave in plan.spec.waves],
            "active_executions": _active(own),
            "last_execution": _last(own, status.last_execution),
            "conditions": shown,
        }
    )


def members_of(groups: Sequence[ProtectionGroup]) -> list[Member]:
    """The servers of groups that were accepted for an account, each once."""
    found: dict[str, Member] = {}
    for group in groups:
        if (place := place_of(group)) is not None:
            for server in _servers(group):
                found.setdefault(server.server_id, Member(server.server_id, server.hostname, place))
    return list(found.values())


def waits_for(plan: RecoveryPlan, executions: Sequence[DRExecution]) -> str | None:
    """What holds up the deletion of a plan, in words; None if it is not being deleted or nothing does."""
    active = sorted(execution.metadata.name for execution in executions if is_active(execution))
    if plan.metadata.deletion_timestamp is None or not active:
        return None
    return f"{WAITS} execution {few(active)}: until then the plan stays usable; cancel it or let it end"


def _servers(group: ProtectionGroup) -> list[GroupServerStatus]:
    """The servers that a group holds; those that a suspended one only shows are launched by nobody."""
    return [server for server in group.status.servers if server.membership is not None]


def _wave(wave: WaveSpec, group: ProtectionGroup | None) -> PlanWaveStatus:
    name = wave.protection_group_ref.name
    if group is None:
        return PlanWaveStatus(wave_number=wave.wave_number, protection_group_name=name)
    return PlanWaveStatus(
        wave_number=wave.wave_number,
        protection_group_name=group.spec.display_name or name,
        server_count=len(_servers(group)),
        account_id=group.status.account_id,
        region=group.spec.region,
    )


def _groups_ready(plan: RecoveryPlan, groups: Mapping[str, ProtectionGroup]) -> Aspect:
    """All groups that are not ready, in the order of the waves; the reason is that of the worst."""
    found: list[tuple[int, str, str, str]] = []
    waves_of: dict[str, int] = {}
    for wave in plan.spec.waves:
        waves_of.setdefault(wave.protection_group_ref.name, wave.wave_number)
    for name, number in waves_of.items():
        where = f"wave {number}: ProtectionGroup {name}"
        if name not in groups:
            why = reason(Code.PROTECTION_GROUP_NOT_FOUND)
            found.append((0, why, f"{where} does not exist; create it or correct the wave", f"{where} does not exist"))
        elif not is_ready(groups[name].status.conditions):
            why, message = why_not_ready(groups[name].status.conditions)
            rank = 1 if is_settled(groups[name].status.conditions) else 2
            found.append((rank, why, f"{where}: {message}", f"{where}: {why}"))
    if not found:
        return good(ConditionType.GROUPS_READY, "GroupsReady", f"{len(waves_of)} groups are Ready")
    worst, why, _, _ = min(found, key=lambda entry: entry[0])
    count = f"{len(found)} of {len(waves_of)} groups are not ready: " if len(found) > 1 else ""
    text = joined([e[2] for e in found], [e[3] for e in found], MESSAGE_LENGTH - len(count))
    return Aspect(ConditionType.GROUPS_READY, None if worst == 2 else False, why, count + text)


def _waves_valid(plan: RecoveryPlan, seen: Surroundings) -> Aspect:
    """All that is wrong; a group that does not exist is said by GroupsReady. What would queue is a warning."""
    type = ConditionType.WAVES_VALID
    known = {name: [s.server_id for s in _servers(group)] or None for name, group in seen.groups.items()}
    found = [flaw for flaw in wave_findings(plan, known) if flaw.code != "PROTECTION_GROUP_NOT_FOUND"]
    if (holder := seen.name_holder) is not None:
        name = plan.spec.display_name or plan.metadata.name
        message = f"plan {holder} already has the name {name!r}; choose another spec.displayName, or delete that plan"
        found.insert(0, WaveFinding("RP_NAME_EXISTS", None, message))
    if found:
        where = [f"wave {flaw.wave_number}: " if flaw.wave_number is not None else "" for flaw in found]
        full = [place + flaw.message for place, flaw in zip(where, found, strict=True)]
        short = [place + flaw.code for place, flaw in zip(where, found, strict=True)]
        return bad(type, found[0].code, joined(full, short, MESSAGE_LENGTH))
    launching = launched_by(plan, known)
    loads = {}
    for wave in plan.spec.waves:
        group = seen.groups.get(wave.protection_group_ref.name)
        if group is not None and (place := place_of(group)) is not None:
            count = sum(1 for s in _servers(group) if launching[s.server_id] == wave.wave_number)
            loads[wave.wave_number] = Load(place, count)
    if short_of := shortages(plan.spec.waves, loads, seen.quotas):
        text = joined([s.message for s in short_of], [s.code for s in short_of], MESSAGE_LENGTH)
        return good(type, reason(Code(short_of[0].code)), text)
    return good(type, "WavesValid", "the waves can be launched in their order")


def _recoverable(servers: Sequence[GroupServerStatus]) -> Aspect:
    type, total = ConditionType.RECOVERABLE, len(servers)
    if not servers:
        return unclear(type, Failure("TOO_FEW_SERVERS", "no server of its groups is known yet; see their conditions"))
    if lost := [server for server in servers if not server.recoverable]:
        names = few([server.hostname or server.server_id for server in lost])
        message = f"{len(lost)} of {total} servers are not recoverable: {names}; see invalidServers of their groups"
        return bad(type, "NO_RECOVERY_POINT", message)
    text = f"{total} of {total} servers are recoverable"
    if old := [server.hostname or server.server_id for server in servers if server.replication_state == STALLED]:
        text += f"; stalled, so from their newest recovery point only: {few(old)}"
    return good(type, "Recoverable", text)


def _ledger_synced(seen: Surroundings) -> Aspect:
    type = ConditionType.LEDGER_SYNCED
    if seen.ledger is not None:
        return bad(type, seen.ledger.code, seen.ledger.message)
    if seen.name_holder is not None:
        message = f"not written while plan {seen.name_holder} has the name"
        return bad(type, "RP_NAME_EXISTS", message)
    return good(type, "Synced", "name and row are in the ledger")


def _active(executions: Sequence[DRExecution]) -> list[ActiveExecution]:
    return [
        ActiveExecution(
            name=execution.metadata.name,
            execution_id=execution.status.execution_id,
            type=execution.spec.execution_type,
            phase=execution.status.phase,
        )
        for execution in sorted(executions, key=lambda e: e.metadata.name)
        if is_active(execution)
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
