"""DRExecution: one run of a plan. What is asked for; what is observed is in drexecution_status."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.api.v1alpha1.enums import (
    AmbiguousLaunchPolicy,
    ExecutionType,
    InvocationSource,
    LiveRecoveryInstances,
    PausePolicy,
    RecoveryPointPolicy,
)
from drs_operator.api.v1alpha1.fields import Rule, ServerId, Time, doc, entries, items, number, text
from drs_operator.api.v1alpha1.meta import (
    AGE_COLUMN,
    MESSAGE_COLUMN,
    REFERENCE,
    Column,
    Definition,
    LocalReference,
    Resource,
)
from drs_operator.api.v1alpha1.recoveryplan import WaveNumber

RunId = Annotated[str, text(128, min_length=1)]
_RUN_ID = Rule(
    Code.INVALID_PARAMETER,
    "self.matches('^[A-Za-z0-9][A-Za-z0-9._:/@+=-]*$')",
    "a run id begins with a letter or digit and contains only letters, digits and . _ : / @ + = -; correct it",
)


class RecoveryPoint(ApiModel):
    """Which recovery point servers are launched from."""

    cel_rules = (
        Rule(
            Code.INVALID_PARAMETER,
            "(self.policy == 'At') == has(self.time)",
            "policy At needs time, the other policies have none; correct one of them",
            field_path=".time",
        ),
    )

    policy: Annotated[
        RecoveryPointPolicy,
        doc(
            "Latest: DRS takes a snapshot now. ExistingLatest: the newest that exists. At: the newest that is not "
            "younger than time. Required."
        ),
    ]
    time: Annotated[
        Time | None, doc("With policy At: the point in time to go back to. Required there, else left out.")
    ] = None


class Scope(ApiModel):
    """Narrows a run to a part of the plan."""

    waves: Annotated[
        list[WaveNumber],
        items(limits.WAVES_PER_PLAN, list_type="set"),
        doc("Numbers of the waves to run. Default or empty: all."),
    ] = []
    server_ids: Annotated[
        list[ServerId],
        items(limits.SERVERS_PER_SCOPE, list_type="set"),
        doc("Servers to launch, at most 300. Default or empty: all of these waves."),
    ] = []
    exclude_server_ids: Annotated[
        list[ServerId],
        items(limits.SERVERS_PER_SCOPE, list_type="set"),
        doc("Servers to leave out, at most 300, stronger than serverIds. Default: none."),
    ] = []


class ExecutionRequest(ApiModel):
    """What a run is asked to do; a schedule's template has the same fields."""

    cel_rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            Code.MISSING_PARAMETER,
            "self.executionType != 'RECOVERY' || (has(self.reason) && self.reason.matches('[^\\\\s]'))",
            "a RECOVERY needs a reason; say in spec.reason why servers are recovered",
            field_path=".reason",
            reason="FieldValueRequired",
        ),
        Rule(
            Code.MISSING_PARAMETER,
            "self.executionType != 'RECOVERY' || has(self.recoveryPoint)",
            "a RECOVERY needs a recovery point; set recoveryPoint.policy to Latest, ExistingLatest or At",
            field_path=".recoveryPoint",
            reason="FieldValueRequired",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "self.executionType == 'DRILL' || !has(self.terminateDrillInstancesAfterSeconds)",
            "only the instances of a DRILL are cleaned up; remove terminateDrillInstancesAfterSeconds",
            field_path=".terminateDrillInstancesAfterSeconds",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "self.executionType == 'DRILL' || self.pausePolicy == 'Honor'",
            "only a DRILL may skip pauses; remove pausePolicy and resume each wave",
            field_path=".pausePolicy",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "self.executionType != 'DRILL' || self.liveRecoveryInstances == 'Refuse'",
            "a DRILL never touches servers that run as a real recovery; set liveRecoveryInstances to Refuse",
            field_path=".liveRecoveryInstances",
        ),
    )

    recovery_plan_ref: Annotated[
        LocalReference,
        REFERENCE,
        doc(
            "The RecoveryPlan to run, in the same namespace; whoever creates the run needs the verb drill or recover "
            "on it. Required, immutable."
        ),
    ]
    execution_type: Annotated[
        ExecutionType,
        doc(
            "DRILL: a rehearsal, replication goes on untouched. RECOVERY: the real thing. Required, no default, "
            "immutable."
        ),
    ]
    reason: Annotated[
        str | None,
        text(1024),
        doc("Why the run is made, up to 1024 characters. Required for RECOVERY, immutable."),
    ] = None
    initiated_by: Annotated[
        str | None,
        text(256),
        doc(
            "Who asked for the run, as the caller claims; the authenticated name is in status.requestedBy. Immutable. "
            "Default: none."
        ),
    ] = None
    invocation_source: Annotated[
        InvocationSource | None, doc("Where the run was asked for. Immutable. Default: unknown.")
    ] = None
    invocation_details: Annotated[
        dict[str, Annotated[str, text(256)]],
        entries(limits.INVOCATION_DETAILS),
        doc(
            "What the caller wants to keep with the run, at most 16 entries of up to 256 characters. Immutable. "
            "Default: none.",
            Rule(
                Code.INVALID_PARAMETER,
                "self.all(k, size(k) <= 128)",
                "a key of invocationDetails has at most 128 characters; choose a shorter one",
            ),
        ),
    ] = {}
    run_id: Annotated[
        RunId | None,
        doc(
            "Id of the run, 1 to 128 characters. A run id is used once, for ever, whatever happens to the object. "
            "Immutable. Default: namespace/name.",
            _RUN_ID,
        ),
    ] = None
    dry_run: Annotated[
        bool,
        doc(
            "true: nothing is claimed and nothing launched; findings and waves are filled, and the run ends "
            "Completed, reason DryRun. Immutable. Default: false."
        ),
    ] = False
    requested_at: Annotated[
        Time | None, doc("When the run was asked for. Immutable. Default: metadata.creationTimestamp.")
    ] = None
    starting_deadline_seconds: Annotated[
        int | None,
        number(1, 31536000),
        doc(
            "How long after requestedAt the run may still start, in seconds; later it expires. Immutable. Default: "
            "600 in a RECOVERY, 3600 in a DRILL."
        ),
    ] = None
    incident_time: Annotated[
        Time | None,
        doc(
            "When the incident began; the achieved RPO and durations.sinceIncidentSeconds count from here. Immutable. "
            "Default: status.startTime."
        ),
    ] = None
    recovery_point: Annotated[
        RecoveryPoint | None,
        doc(
            "Which recovery point servers are launched from. Required for RECOVERY, immutable. Default in a DRILL: "
            "policy Latest."
        ),
    ] = None
    live_recovery_instances: Annotated[
        LiveRecoveryInstances,
        doc(
            "What to do with servers that already run as a real recovery. Refuse: the run is refused. Keep: they stay "
            "as they are. Replace: they are launched anew and the running instance is lost. A DRILL only refuses. "
            "Immutable. Default: Refuse."
        ),
    ] = LiveRecoveryInstances.REFUSE
    ambiguous_launch_policy: Annotated[
        AmbiguousLaunchPolicy | None,
        doc(
            "What to do when it cannot be found out whether a launch happened. Hold: wait for a person. Reissue: "
            "launch again. Immutable. Default: Hold in a RECOVERY, Reissue in a DRILL."
        ),
    ] = None
    pause_policy: Annotated[
        PausePolicy,
        doc("Honor: wait before waves with pauseBeforeWave. Skip: do not, in a DRILL only. Immutable. Default: Honor."),
    ] = PausePolicy.HONOR
    scope: Annotated[Scope | None, doc("Narrows the run to a part of the plan. Immutable. Default: everything.")] = None
    terminate_drill_instances_after_seconds: Annotated[
        int | None,
        number(0, 31536000),
        doc(
            "DRILL only: when the run's instances are terminated, in seconds from the end of the run, however it "
            "ended. May be edited. Default: they stay until asked for."
        ),
    ] = None
    ttl_seconds_after_finished: Annotated[
        int | None,
        number(0, 315360000),
        doc(
            "When the object deletes itself, in seconds from the end of the clean-up; the ledger keeps the history. "
            "May be edited. Default: it is kept."
        ),
    ] = None

    @property
    def effective_starting_deadline_seconds(self) -> int:
        """`startingDeadlineSeconds`, by default 600 in a RECOVERY and 3600 in a DRILL."""
        if self.starting_deadline_seconds is not None:
            return self.starting_deadline_seconds
        return 600 if self.execution_type is ExecutionType.RECOVERY else 3600

    @property
    def effective_ambiguous_launch_policy(self) -> AmbiguousLaunchPolicy:
        """`ambiguousLaunchPolicy`, by default Hold in a RECOVERY and Reissue in a DRILL."""
        if self.ambiguous_launch_policy is not None:
            return self.ambiguous_launch_policy
        is_recovery = self.execution_type is ExecutionType.RECOVERY
        return AmbiguousLaunchPolicy.HOLD if is_recovery else AmbiguousLaunchPolicy.REISSUE

    @property
    def effective_recovery_point(self) -> RecoveryPoint:
        """`recoveryPoint`, by default policy Latest."""
        return self.recovery_point or RecoveryPoint(policy=RecoveryPointPolicy.LATEST)


class DRExecutionSpec(ExecutionRequest):
    """What is wanted. Written by whoever creates the run, once."""

    frozen_except = frozenset({"terminateDrillInstancesAfterSeconds", "ttlSecondsAfterFinished"})


class DRExecution(Resource):
    """One run of a plan, DRILL or RECOVERY; created once, never edited."""

    definition: ClassVar[Definition] = Definition(
        kind="DRExecution",
        plural="drexecutions",
        short_name="drx",
        scope="Namespaced",
        columns=(
            Column("Plan", ".spec.recoveryPlanRef.name"),
            Column("Type", ".spec.executionType"),
            Column("Phase", ".status.phase"),
            Column("Wave", ".status.waveProgress"),
            Column("Servers", ".status.serverProgress"),
            Column("Waiting-For", ".status.waitingFor"),
            Column("Started", ".status.startTime", "date"),
            AGE_COLUMN,
            Column("Requested-By", ".status.requestedBy", wide=True),
            Column("Cleanup", ".status.cleanup.phase", wide=True),
            MESSAGE_COLUMN,
        ),
        selectable_fields=(".spec.recoveryPlanRef.name", ".spec.executionType", ".status.phase"),
    )

    kind: Literal["DRExecution"] = "DRExecution"
    spec: DRExecutionSpec
    status: DRExecutionStatus = Field(default_factory=DRExecutionStatus)

    @property
    def run_id(self) -> str:
        """`runId`, by default namespace/name."""
        return self.spec.run_id or f"{self.metadata.namespace}/{self.metadata.name}"
