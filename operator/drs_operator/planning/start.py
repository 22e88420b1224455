"""How a run begins: what it asks for, until when it may start, and the row that claims it."""

from __future__ import annotations

from datetime import datetime, timedelta

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.enums import ExecutionType, LiveRecoveryInstances
from drs_operator.planning import ids
from drs_operator.planning.run import Run

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
    drill = spec.execution_type is ExecutionType.DRILL
    live = LiveRecoveryInstances.REFUSE if drill else spec.live_recovery_instances
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
        live_recovery_instances=live.value,
        dry_run=spec.dry_run,
        incident_time=spec.incident_time,
        claimed_time=now,
    )
