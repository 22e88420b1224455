"""RecoveryPlan: waves of protection groups, with order, dependencies and pauses."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.enums import ExecutionPhase, ExecutionType, OnFailure, ReadyWhen
from drs_operator.api.v1alpha1.fields import (
    DISPLAY_NAME,
    Count,
    Hostname,
    Id,
    Name,
    Open,
    RegionName,
    Rule,
    ServerId,
    Time,
    clipped,
    doc,
    items,
    number,
    text,
)
from drs_operator.api.v1alpha1.meta import (
    AGE_COLUMN,
    MESSAGE_COLUMN,
    READY_COLUMN,
    REFERENCE,
    Column,
    Definition,
    LocalReference,
    Resource,
    ResourceStatus,
)

WaveNumber = Annotated[int, number(1, 999)]


def _order(wave: str) -> str:
    return f"(has({wave}.launchOrder) ? {wave}.launchOrder : {wave}.waveNumber)"


class WaveSpec(ApiModel):
    """One step of a plan: the servers of one protection group."""

    cel_rules = (
        Rule(
            Code.CIRCULAR_DEPENDENCY,
            "!has(self.dependsOnWaves) || !(self.waveNumber in self.dependsOnWaves)",
            "a wave cannot wait for itself; remove its own number from dependsOnWaves",
            field_path=".dependsOnWaves",
        ),
    )

    wave_number: Annotated[WaveNumber, doc("Number of the wave, unique in the plan, 1 to 999. Required.")]
    name: Annotated[
        str,
        text(128),
        doc("Name of the wave in messages, 1 to 128 characters. Required.", DISPLAY_NAME),
    ]
    protection_group_ref: Annotated[
        LocalReference,
        REFERENCE,
        doc("The ProtectionGroup, in the plan's namespace; in one wave of the plan only. Required."),
    ]
    launch_order: Annotated[
        int | None,
        number(0, 999),
        doc(
            "Place of the wave in the order, 0 to 999. A wave without dependsOnWaves waits for every wave with a "
            "lower launchOrder; waves with the same run side by side. Default: waveNumber."
        ),
    ] = None
    pause_before_wave: Annotated[
        bool, doc("true: a run waits before this wave until it is resumed. Default: false.")
    ] = False
    depends_on_waves: Annotated[
        list[WaveNumber],
        items(limits.DEPENDENCIES_PER_WAVE, list_type="set"),
        doc(
            "Numbers of the waves that must be done before this one, each with a lower launchOrder, at most 49. "
            "Default or empty: every wave with a lower launchOrder."
        ),
    ] = []
    on_failure: Annotated[
        OnFailure | None,
        doc(
            "What a failure of this wave does. Fail: the run fails. Pause: it waits for retry or skip. Continue: the "
            "waves after it start nevertheless. Default: Pause in a RECOVERY, Fail in a DRILL."
        ),
    ] = None
    ready_when: Annotated[
        ReadyWhen,
        doc(
            "When a server counts as ready. Launched: DRS says so. InstanceStatusOk: the EC2 status checks pass, "
            "too. Default: Launched."
        ),
    ] = ReadyWhen.LAUNCHED
    wait_after_seconds: Annotated[
        int,
        number(0, 86400),
        doc("How long to wait when the servers are ready, before the wave is done, in seconds. Default: 0."),
    ] = 0
    timeout_seconds: Annotated[
        int,
        number(60, 604800),
        doc(
            "How long the wave may take, in seconds, 60 to 604800, counted from the first started job of an attempt; "
            "queueing and holds do not count. Default: 14400."
        ),
    ] = 14400
    optional_server_ids: Annotated[
        list[ServerId],
        items(limits.SERVERS_PER_GROUP, list_type="set"),
        doc("Servers of the group whose failure does not fail the wave. Default: none."),
    ] = []

    @property
    def effective_launch_order(self) -> int:
        """`launchOrder`, by default the wave's number."""
        return self.wave_number if self.launch_order is None else self.launch_order

    def effective_on_failure(self, execution_type: ExecutionType) -> OnFailure:
        """`onFailure`, by default Pause in a RECOVERY and Fail in a DRILL."""
        if self.on_failure is not None:
            return self.on_failure
        return OnFailure.PAUSE if execution_type is ExecutionType.RECOVERY else OnFailure.FAIL


class Objectives(ApiModel):
    """What a run of the plan is measured against."""

    rto_seconds: Annotated[
        int | None,
        number(1, 31536000),
        doc("Longest time until the servers run, in seconds. Default: not measured."),
    ] = None
    rpo_seconds: Annotated[
        int | None,
        number(1, 31536000),
        doc("Longest span of data that may be lost, in seconds. Default: not measured."),
    ] = None


_WAVES = (
    Rule(Code.PLAN_HAS_NO_WAVES, "size(self) > 0", "a plan needs at least one wave; add one"),
    Rule(
        Code.INVALID_WAVE_DATA,
        "self.all(w, self.exists_one(x, x.protectionGroupRef.name == w.protectionGroupRef.name))",
        "a protection group is in two waves; keep it in one of them",
    ),
    Rule(
        Code.INVALID_WAVE_DATA,
        "self.all(w, !has(w.dependsOnWaves)"
        " || size(self.filter(x, x.waveNumber in w.dependsOnWaves)) == size(w.dependsOnWaves))",
        "dependsOnWaves names a wave that the plan does not have; correct the number or add the wave",
    ),
    Rule(
        Code.CIRCULAR_DEPENDENCY,
        "self.all(w, !has(w.dependsOnWaves)"
        f" || self.all(x, !(x.waveNumber in w.dependsOnWaves) || {_order('x')} < {_order('w')}))",
        "a wave may depend only on waves with a lower launchOrder (default: waveNumber); set launchOrder so that "
        "dependencies come first",
    ),
    Rule(
        Code.PLAN_TOO_LARGE,
        f"self.map(w, has(w.optionalServerIds) ? size(w.optionalServerIds) : 0).sum() <= {limits.SERVERS_PER_PLAN}",
        f"a plan has at most {limits.SERVERS_PER_PLAN} servers, but optionalServerIds of all waves name more; "
        "shorten them",
    ),
)


class RecoveryPlanSpec(ApiModel):
    """What is wanted. Written by users only."""

    display_name: Annotated[
        str | None,
        text(256),
        doc(
            "Name of the plan in messages and in the ledger, 1 to 256 characters, unique in the namespace whatever "
            "the case. Default: metadata.name.",
            DISPLAY_NAME,
        ),
    ] = None
    description: Annotated[str | None, text(1024), doc("Free text, up to 1024 characters. Default: none.")] = None
    priority: Annotated[
        int,
        number(0, 1000),
        doc("Rank among recoveries that wait for quota, 0 to 1000, higher first. Default: 500."),
    ] = 500
    waves: Annotated[
        list[WaveSpec],
        items(limits.WAVES_PER_PLAN, list_type="map", keys=["waveNumber"]),
        doc(
            "The steps of the plan, 1 to 50, each waveNumber once. Edits during a run touch later runs only. Required.",
            *_WAVES,
        ),
    ]
    split_oversized_waves: Annotated[
        bool,
        doc(
            "Whether a drill splits a wave of more than 100 servers into several jobs; false refuses it. Recoveries "
            "always split. Default: false."
        ),
    ] = False
    objectives: Annotated[Objectives | None, doc("What runs are measured against. Default: nothing.")] = None


class PlanConflict(ApiModel):
    """A server of the plan that another run or job holds now."""

    server_id: Annotated[str, text(19), doc("Id of the DRS source server.")]
    hostname: Annotated[Hostname | None, doc("Host name that DRS knows.")] = None
    conflicting_execution: Annotated[Name | None, doc("The execution that holds the server.")] = None
    conflicting_plan: Annotated[Name | None, doc("The plan of that execution.")] = None
    conflicting_job_id: Annotated[Id | None, doc("The DRS job that the server is in.")] = None


class PlanWaveStatus(ApiModel):
    """One wave as it would run now."""

    wave_number: Annotated[WaveNumber, doc("Number of the wave.")]
    protection_group_name: Annotated[Name | None, doc("Display name of the protection group.")] = None
    server_count: Annotated[Count | None, doc("How many servers the group has.")] = None
    account_id: Annotated[str | None, text(12), doc("AWS account that the wave recovers into.")] = None
    region: Annotated[str | None, text(32), doc("AWS Region that the wave recovers into.")] = None


class ActiveExecution(ApiModel):
    """A run of the plan that is not final."""

    name: Annotated[str, text(63), doc("metadata.name of the DRExecution.")]
    execution_id: Annotated[Id | None, doc("Id of the run in the ledger.")] = None
    type: Annotated[Open[ExecutionType] | None, doc("DRILL or RECOVERY.")] = None
    phase: Annotated[Open[ExecutionPhase] | None, doc("Phase of the run.")] = None


class LastExecution(ApiModel):
    """The run of the plan that ended last."""

    name: Annotated[str, text(63), doc("metadata.name of the DRExecution.")]
    type: Annotated[Open[ExecutionType] | None, doc("DRILL or RECOVERY.")] = None
    phase: Annotated[Open[ExecutionPhase] | None, doc("How it ended.")] = None
    finish_time: Annotated[Time | None, doc("When it ended.")] = None
    duration_seconds: Annotated[Count | None, doc("How long it took, in seconds.")] = None


class RecoveryPlanStatus(ResourceStatus):
    """What is observed. Written by the operator only."""

    plan_id: Annotated[
        Id | None,
        doc("Id of the plan in the ledger, made of installation, namespace and name: the same in a rebuilt cluster."),
    ] = None
    version: Annotated[Count | None, doc("Goes up by one with every accepted change; the ledger's version.")] = None
    total_waves: Annotated[Count | None, doc("How many waves the plan has.")] = None
    total_servers: Annotated[Count | None, doc("How many servers its groups have.")] = None
    source_regions: Annotated[list[RegionName], items(limits.REGIONS), doc("Regions that the servers run in.")] = []
    source_region_summary: Annotated[
        str | None,
        clipped(1024),
        text(1024),
        doc("The names in sourceRegions, separated by commas, for the column FROM."),
    ] = None
    target_regions: Annotated[
        list[RegionName], items(limits.REGIONS), doc("Regions that the servers recover into.")
    ] = []
    target_region_summary: Annotated[
        str | None,
        clipped(1024),
        text(1024),
        doc("The names in targetRegions, separated by commas, for the column INTO."),
    ] = None
    has_server_conflict: Annotated[bool | None, doc("Whether another run or job holds a server of the plan now.")] = (
        None
    )
    conflicts: Annotated[
        list[PlanConflict],
        items(limits.LISTED_CONFLICTS),
        doc("The first 50 servers that another run or job holds now."),
    ] = []
    waves: Annotated[
        list[PlanWaveStatus],
        items(limits.WAVES_PER_PLAN, list_type="map", keys=["waveNumber"]),
        doc("The waves as they would run now."),
    ] = []
    active_executions: Annotated[
        list[ActiveExecution],
        items(limits.LISTED_ACTIVE_EXECUTIONS),
        doc(
            "Runs of the plan that are not final, at most 64; the plan cannot be deleted meanwhile. A recovery may "
            "wait here for a drill to end."
        ),
    ] = []
    last_execution: Annotated[LastExecution | None, doc("The run that ended last.")] = None


class RecoveryPlan(Resource):
    """Waves of protection groups, with order, dependencies and pauses."""

    definition: ClassVar[Definition] = Definition(
        kind="RecoveryPlan",
        plural="recoveryplans",
        short_name="drplan",
        scope="Namespaced",
        columns=(
            Column("From", ".status.sourceRegionSummary"),
            Column("Into", ".status.targetRegionSummary"),
            Column("Waves", ".status.totalWaves", "integer"),
            Column("Servers", ".status.totalServers", "integer"),
            READY_COLUMN,
            Column("Last-Run", ".status.lastExecution.finishTime", "date"),
            Column("Last-Result", ".status.lastExecution.phase"),
            AGE_COLUMN,
            Column("Priority", ".spec.priority", "integer", wide=True),
            MESSAGE_COLUMN,
        ),
    )

    kind: Literal["RecoveryPlan"] = "RecoveryPlan"
    spec: RecoveryPlanSpec
    status: RecoveryPlanStatus = Field(default_factory=RecoveryPlanStatus)

    @property
    def display_name(self) -> str:
        """The plan's name in messages and in the ledger."""
        return self.spec.display_name or self.metadata.name
