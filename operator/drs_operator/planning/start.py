"""How a run begins: what it asks for, what refuses it, and what is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.enums import (
    ExecutionType,
    ManagementPolicy,
    OnFailure,
    PausePolicy,
    RecoveryPointPolicy,
    Severity,
)
from drs_operator.api.v1alpha1.limits import LISTED_SERVERS_PER_FINDING
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan, WaveSpec
from drs_operator.api.v1alpha1.targetaccount import TargetAccount
from drs_operator.planning import group as membership
from drs_operator.planning import ids, waves
from drs_operator.planning.facts import Inventory, Place, RecoveryInstance
from drs_operator.planning.health import recoverable
from drs_operator.planning.plan import wave_findings
from drs_operator.planning.run import Run, RunServer, RunWave

REQUESTED_BY = "drs-operator.io/requested-by"
DEADLINES = {ExecutionType.RECOVERY: 600, ExecutionType.DRILL: 3600}


def run_id(execution: DRExecution) -> str:
    """The run id: explicit, or namespace and name."""
    return execution.spec.run_id or f"{execution.metadata.namespace}/{execution.metadata.name}"


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
    seconds = execution.spec.starting_deadline_seconds or DEADLINES[execution.spec.execution_type]
    return asked + timedelta(seconds=seconds)


def claimed(execution: DRExecution, installation: str, now: datetime) -> Run:
    """The run as it is first written: claimed, nothing pinned."""
    spec, meta = execution.spec, execution.metadata
    identity = run_id(execution)
    recovery = spec.execution_type is ExecutionType.RECOVERY
    point = spec.recovery_point
    return Run(
        execution_id=ids.execution_id(installation, identity),
        run_id=identity,
        digest=digest(execution),
        installation=installation,
        namespace=meta.namespace or "",
        name=meta.name,
        uid=meta.uid or "",
        execution_type=spec.execution_type.value,
        requested_by=meta.annotations.get(REQUESTED_BY, ""),
        plan_name=spec.recovery_plan_ref.name,
        plan_id=ids.plan_id(installation, meta.namespace or "", spec.recovery_plan_ref.name),
        recovery_point_policy=point.policy.value if point else RecoveryPointPolicy.LATEST.value,
        recovery_point_time=point.time if point else None,
        ambiguous_launch_policy=(
            spec.ambiguous_launch_policy.value if spec.ambiguous_launch_policy else "Hold" if recovery else "Reissue"
        ),
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


def place_of(group: ProtectionGroup, ground: Ground) -> Place | None:
    """Where a group recovers into."""
    account = ground.accounts.get(group.spec.target_account_ref.name)
    return Place(account.spec.account_id, group.spec.region) if account else None


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
    for wave_finding in wave_findings(ground.plan, ground.groups):
        missing = wave_finding.code in ("PROTECTION_GROUP_NOT_FOUND", "PLAN_HAS_NO_WAVES", "CIRCULAR_DEPENDENCY")
        add(Severity.REFUSAL if missing else lenient, wave_finding.code, wave_finding.message, wave_finding.wave_number)
    total = lost = 0
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
            message = (
                f"TargetAccount {account_name} is in Observe: nothing may be launched; set managementPolicy Manage"
            )
            add(Severity.REFUSAL, "ACCOUNT_OBSERVE_ONLY", message, number)
        place = Place(account.spec.account_id, group.spec.region)
        if place in ground.failures:
            add(Severity.REFUSAL, "ACCOUNT_UNAVAILABLE", ground.failures[place], number)
            continue
        servers = membership.members(group, ground.inventories[place]).servers
        total += len(servers)
        if not servers:
            add(lenient, "TOO_FEW_SERVERS", f"group {group.metadata.name} has no servers", number, [])
        bad = [s for s in servers if not recoverable(s, ground.with_point.get(s.server_id, False))]
        lost += len(bad)
        if bad:
            message = f"{len(bad)} of {len(servers)} servers have no usable recovery point or are not replicating"
            add(lenient, "UNHEALTHY_SERVER_REPLICATION", message, number, [s.server_id for s in bad])
        live = {i.server_id for i in ground.instances if i.live and not i.is_drill}
        if alive := [s.server_id for s in servers if s.server_id in live]:
            message = (
                f"{len(alive)} servers run as a real recovery already; a launch would destroy those instances. "
                "Terminate or disconnect them first if they are not needed any more"
            )
            add(Severity.REFUSAL, "LIVE_RECOVERY_INSTANCE", message, number, alive)
    if total and lost == total and not drill:
        add(Severity.REFUSAL, "NO_RECOVERY_POINT", "no server of the plan is recoverable", None)
    return found


def pinned(run: Run, execution: DRExecution, ground: Ground) -> Run:
    """The run with plan version, wave graph, servers, accounts and Regions as they are now; edits touch later runs."""
    plan = ground.plan
    assert plan is not None
    objectives = plan.spec.objectives
    return run.model_copy(
        update={
            "plan_version": plan.status.version or 0,
            "rto_seconds": objectives.rto_seconds if objectives else None,
            "rpo_seconds": objectives.rpo_seconds if objectives else None,
            "waves": tuple(
                _wave(wave, plan, execution, ground)
                for wave in sorted(plan.spec.waves, key=lambda w: (waves.order(w), w.wave_number))
            ),
        }
    )


def _wave(wave: WaveSpec, plan: RecoveryPlan, execution: DRExecution, ground: Ground) -> RunWave:
    group = ground.groups[wave.protection_group_ref.name]
    place = place_of(group, ground)
    assert place is not None
    members = membership.members(group, ground.inventories[place]).servers
    recovery = execution.spec.execution_type is ExecutionType.RECOVERY
    honour = execution.spec.pause_policy is PausePolicy.HONOR
    default = OnFailure.PAUSE if recovery else OnFailure.FAIL
    return RunWave(
        wave_number=wave.wave_number,
        name=wave.name,
        group_name=group.metadata.name,
        account_name=group.spec.target_account_ref.name,
        account_id=place.account_id,
        region=place.region,
        waits_for=waves.waits_for(wave, plan.spec.waves),
        launch_order=waves.order(wave),
        pause_before_wave=wave.pause_before_wave and honour,
        on_failure=(wave.on_failure or default).value,
        ready_when=wave.ready_when.value,
        wait_after_seconds=wave.wait_after_seconds,
        timeout_seconds=wave.timeout_seconds,
        servers=tuple(
            RunServer(
                server_id=server.server_id,
                hostname=server.hostname[:64],
                optional=server.server_id in wave.optional_server_ids,
            )
            for server in members
        ),
    )
