"""How a run begins: what it asks for, what refuses it, and what is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.enums import (
    ExecutionType,
    ManagementPolicy,
    PausePolicy,
    Severity,
)
from drs_operator.api.v1alpha1.limits import LISTED_SERVERS_PER_FINDING
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan, WaveSpec
from drs_operator.api.v1alpha1.targetaccount import TargetAccount
from drs_operator.planning import account as accounts
from drs_operator.planning import ids, membership, waves
from drs_operator.planning.facts import Inventory, Place, RecoveryInstance
from drs_operator.planning.flaws import launched_by, wave_findings
from drs_operator.planning.health import STALLED, recoverable
from drs_operator.planning.run import Run, RunServer, RunWave

REQUESTED_BY = "drs-operator.io/requested-by"


def digest(execution: DRExecution) -> str:
    """What the run asks for: another request under the same run id has another digest."""
    spec = execution.spec
    asked = spec.model_dump(
        by_alias=True,
        mode="json",
        exclude_none=True,
        include={
            "recovery_plan_ref",
            "execution_type",
            "recovery_point",
            "live_recovery_instances",
            "ambiguous_launch_policy",
            "pause_policy",
            "scope",
            "dry_run",
        },
    )
    return ids.digest({"namespace": execution.metadata.namespace, **asked})


def expires_at(execution: DRExecution) -> datetime:
    """Until when the run may start: counted from `requestedAt`, else from the object's creation."""
    asked = execution.spec.requested_at or execution.metadata.creation_timestamp
    assert asked is not None  # the API server sets it
    return asked + timedelta(seconds=execution.spec.effective_starting_deadline_seconds)


def claimed(execution: DRExecution, installation: str, now: datetime) -> Run:
    """The run as it is first written: claimed, nothing pinned."""
    spec, meta = execution.spec, execution.metadata
    point = spec.effective_recovery_point
    return Run(
        execution_id=ids.execution_id(installation, execution.run_id),
        run_id=execution.run_id,
        digest=digest(execution),
        installation=installation,
        namespace=meta.namespace or "",
        name=meta.name,
        uid=meta.uid or "",
        execution_type=spec.execution_type.value,
        requested_by=meta.annotations.get(REQUESTED_BY, ""),
        plan_name=spec.recovery_plan_ref.name,
        plan_id=ids.plan_id(installation, meta.namespace or "", spec.recovery_plan_ref.name),
        recovery_point_policy=point.policy.value,
        recovery_point_time=point.time,
        ambiguous_launch_policy=spec.effective_ambiguous_launch_policy.value,
        incident_time=spec.incident_time,
        claimed_time=now,
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that validation looks at, read fresh."""

    plan: RecoveryPlan | None
    groups: Mapping[str, ProtectionGroup]
    accounts: Mapping[str, TargetAccount]
    """By name."""
    allowed: Mapping[str, bool]
    """By account name: whether it lets this namespace in."""
    inventories: Mapping[Place, Inventory]
    failures: Mapping[Place, str]
    """Places that could not be read, and why."""
    instances: tuple[RecoveryInstance, ...]
    with_point: Mapping[str, bool]
    """Of servers whose state leaves a doubt."""
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By group name: servers that it selects and that other groups have claimed."""


def place_of(group: ProtectionGroup, ground: Ground) -> Place | None:
    """Where a group recovers into."""
    account = ground.accounts.get(group.spec.target_account_ref.name)
    return Place(account.spec.account_id, group.spec.region) if account else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that a run would launch."""

    server_id: str
    hostname: str
    recoverable: bool
    stalled: bool


def candidates(group: ProtectionGroup, ground: Ground) -> list[Candidate]:
    """The members of a group by the fresh inventory; where its place does not answer, those that were known last."""
    place = place_of(group, ground)
    inventory = ground.inventories.get(place) if place else None
    if inventory is None:
        return [
            Candidate(s.server_id, s.hostname or "", bool(s.recoverable), s.replication_state == STALLED)
            for s in group.status.servers
            if s.membership is not None or not group.spec.suspend
        ]
    return [
        Candidate(
            server.server_id,
            server.hostname,
            recoverable(server, ground.with_point.get(server.server_id, False)),
            server.replication_state == STALLED,
        )
        for server in membership.members(group, inventory, ground.taken.get(group.metadata.name, ())).servers
    ]


def _members(ground: Ground) -> dict[str, list[str]]:
    return {name: [c.server_id for c in candidates(group, ground)] for name, group in ground.groups.items()}


def findings(execution: DRExecution, ground: Ground) -> list[Finding]:
    """All findings at once. Refusals refuse; what a RECOVERY may not be refused for is a Warning there."""
    drill = execution.spec.execution_type is ExecutionType.DRILL
    lenient = Severity.REFUSAL if drill else Severity.WARNING
    found: list[Finding] = []

    def add(
        severity: Severity, code: str, message: str, wave: int | None = None, servers: list[str] | None = None
    ) -> None:
        named = sorted(servers or [])
        found.append(
            Finding(
                severity=severity,
                code=code,
                wave_number=wave,
                server_ids=named[:LISTED_SERVERS_PER_FINDING],
                count=len(named) if servers is not None else None,
                message=message,
            )
        )

    if ground.plan is None:
        name = execution.spec.recovery_plan_ref.name
        add(Severity.REFUSAL, "RECOVERY_PLAN_NOT_FOUND", f"RecoveryPlan {name} does not exist; correct the reference")
        return found
    members = _members(ground)
    for flaw in wave_findings(ground.plan, members):
        if flaw.code == "WAVE_SIZE_EXCEEDED" and not drill:
            continue  # recoveries always split
        fatal = flaw.code in ("PROTECTION_GROUP_NOT_FOUND", "PLAN_HAS_NO_WAVES", "CIRCULAR_DEPENDENCY")
        add(Severity.REFUSAL if fatal else lenient, flaw.code, flaw.message, flaw.wave_number)
    able = 0
    for wave in ground.plan.spec.waves:
        group = ground.groups.get(wave.protection_group_ref.name)
        if group is None:
            continue
        number = wave.wave_number
        account_name = group.spec.target_account_ref.name
        account = ground.accounts.get(account_name)
        if account is None:
            message = f"TargetAccount {account_name} does not exist; create it or point the group elsewhere"
            add(Severity.REFUSAL, "TARGET_ACCOUNT_NOT_FOUND", message, number)
            continue
        if not ground.allowed.get(account_name, False):
            message = f"TargetAccount {account_name} does not allow this namespace; see its spec.allowedNamespaces"
            add(Severity.REFUSAL, "NAMESPACE_NOT_ALLOWED", message, number)
        if account.spec.management_policy is ManagementPolicy.OBSERVE:
            add(Severity.REFUSAL, "ACCOUNT_OBSERVE_ONLY", accounts.observed_only(account), number)
        place = Place(account.spec.account_id, group.spec.region)
        if place in ground.failures:
            message = f"{ground.failures[place]}; what is known of its servers is from before"
            add(lenient, "ACCOUNT_UNAVAILABLE", message, number)
        servers = candidates(group, ground)
        if not servers:
            add(lenient, "TOO_FEW_SERVERS", f"group {group.metadata.name} has no servers", number, [])
        able += sum(1 for server in servers if server.recoverable)
        if lost := [s.server_id for s in servers if not s.recoverable]:
            message = f"{len(lost)} of {len(servers)} servers have no usable recovery point or are not replicating"
            add(lenient, "UNHEALTHY_SERVER_REPLICATION", message, number, lost)
        if others := sorted(ground.taken.get(group.metadata.name, ())):
            message = f"{len(others)} servers that group {group.metadata.name} selects are in another group, and are "
            message += "not launched here; see the group's status.conflicts"
            add(lenient, "SERVER_CONFLICT", message, number, others)
        if old := [s.server_id for s in servers if s.recoverable and s.stalled]:
            message = f"{len(old)} of {len(servers)} servers are stalled: they launch from their newest recovery point"
            add(Severity.WARNING, "UNHEALTHY_SERVER_REPLICATION", message, number, old)
        live = {i.server_id for i in ground.instances if i.live and not i.is_drill}
        if alive := [s.server_id for s in servers if s.server_id in live]:
            message = (
                f"{len(alive)} servers run as a real recovery already; a launch would destroy those instances. "
                "Terminate or disconnect them first if they are not needed any more"
            )
            add(Severity.REFUSAL, "LIVE_RECOVERY_INSTANCE", message, number, alive)
    if not able and not drill:
        add(Severity.REFUSAL, "NO_RECOVERY_POINT", "no server of the plan is recoverable; see its groups' status", None)
    return found


def pinned(run: Run, execution: DRExecution, ground: Ground) -> Run:
    """The run with plan version, wave graph, servers, accounts and Regions as they are now; edits touch later runs."""
    plan = ground.plan
    assert plan is not None
    objectives = plan.spec.objectives
    launching = launched_by(plan, _members(ground))
    return run.model_copy(
        update={
            "plan_version": plan.status.version or 0,
            "rto_seconds": objectives.rto_seconds if objectives else None,
            "rpo_seconds": objectives.rpo_seconds if objectives else None,
            "waves": tuple(_wave(wave, plan, execution, ground, launching) for wave in waves.in_order(plan.spec.waves)),
        }
    )


def _wave(
    wave: WaveSpec, plan: RecoveryPlan, execution: DRExecution, ground: Ground, launching: Mapping[str, int]
) -> RunWave:
    group = ground.groups[wave.protection_group_ref.name]
    place = place_of(group, ground)
    assert place is not None
    skip_pauses = (
        execution.spec.execution_type is ExecutionType.DRILL and execution.spec.pause_policy is PausePolicy.SKIP
    )
    return RunWave(
        wave_number=wave.wave_number,
        name=wave.name,
        group_name=group.metadata.name,
        account_name=group.spec.target_account_ref.name,
        account_id=place.account_id,
        region=place.region,
        waits_for=waves.waits_for(wave, plan.spec.waves),
        launch_order=waves.order(wave),
        pause_before_wave=wave.pause_before_wave and not skip_pauses,
        on_failure=wave.effective_on_failure(execution.spec.execution_type).value,
        ready_when=wave.ready_when.value,
        wait_after_seconds=wave.wait_after_seconds,
        timeout_seconds=wave.timeout_seconds,
        servers=tuple(
            RunServer(
                server_id=candidate.server_id,
                hostname=candidate.hostname[:64],
                optional=candidate.server_id in wave.optional_server_ids,
            )
            for candidate in candidates(group, ground)
            if launching[candidate.server_id] == wave.wave_number
        ),
    )
