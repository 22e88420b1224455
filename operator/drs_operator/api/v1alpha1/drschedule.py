"""DRSchedule: starts drills by cron, like a CronJob."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.drexecution import ExecutionRequest
from drs_operator.api.v1alpha1.enums import ConcurrencyPolicy
from drs_operator.api.v1alpha1.fields import Rule, Time, doc, entries, items, number, text
from drs_operator.api.v1alpha1.meta import AGE_COLUMN, Column, Definition, Resource, ResourceStatus

_FIELD = "[0-9A-Za-z*/,?#L-]+"


class TemplateMetadata(ApiModel):
    """Labels and annotations of the executions."""

    labels: Annotated[
        dict[str, Annotated[str, text(63)]], entries(32), doc("Labels of every execution. Default: none.")
    ] = {}
    annotations: Annotated[
        dict[str, Annotated[str, text(1024)]],
        entries(32),
        doc(
            "Annotations of every execution; commands are not among them. Default: none.",
            Rule(
                Code.INVALID_PARAMETER,
                "self.all(k, !k.contains('drs-operator.io/'))",
                "commands cannot be given at creation; remove the annotations of drs-operator.io",
            ),
        ),
    ] = {}


class ExecutionTemplateSpec(ExecutionRequest):
    """The spec of every execution: a DRExecution's, without what only a single run has."""

    cel_rules = (
        Rule(
            Code.INVALID_EXECUTION_TYPE,
            "self.executionType == 'DRILL'",
            "a schedule starts drills only; set executionType to DRILL and create recoveries by hand",
            field_path=".executionType",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.runId)",
            "a run id is used once, so a template has none; remove runId",
            field_path=".runId",
            reason="FieldValueForbidden",
        ),
        Rule(
            Code.INVALID_PARAMETER,
            "!has(self.requestedAt)",
            "the schedule sets the time of each run; remove requestedAt",
            field_path=".requestedAt",
            reason="FieldValueForbidden",
        ),
    )


class ExecutionTemplate(ApiModel):
    """The executions that the schedule creates."""

    metadata: Annotated[TemplateMetadata | None, doc("Labels and annotations of every execution. Default: none.")] = (
        None
    )
    spec: Annotated[ExecutionTemplateSpec, doc("The spec of every execution, executionType DRILL. Required.")]


class DRScheduleSpec(ApiModel):
    """What is wanted. Written by users only."""

    schedule: Annotated[
        str,
        text(128),
        doc(
            "When drills start: five cron fields (minute, hour, day of month, month, day of week), for example "
            "0 3 * * 6. Required.",
            Rule(
                Code.INVALID_PARAMETER,
                f"self.matches('^{_FIELD}( {_FIELD}){{4}}$')",
                "write five cron fields with single blanks between them, for example 0 3 * * 6",
            ),
        ),
    ]
    time_zone: Annotated[
        str | None,
        text(64, min_length=1, pattern=r"^[A-Za-z0-9_+/-]+$"),
        doc("Name of the time zone of schedule, for example Europe/Berlin. Default: UTC."),
    ] = None
    suspend: Annotated[bool, doc("true: no drill is started. Default: false.")] = False
    concurrency_policy: Annotated[
        ConcurrencyPolicy,
        doc(
            "Forbid: no drill is started while an earlier one of this schedule is active. Allow: it is. Default: "
            "Forbid."
        ),
    ] = ConcurrencyPolicy.FORBID
    starting_deadline_seconds: Annotated[
        int,
        number(10, 86400),
        doc(
            "How late a drill may start, in seconds, 10 to 86400; one that is missed by more is left out, and at most "
            "one is made up for. Default: 600."
        ),
    ] = 600
    successful_executions_history_limit: Annotated[
        int,
        number(0, 1000),
        doc("How many successful executions are kept as objects, 0 to 1000; the ledger keeps all. Default: 3."),
    ] = 3
    failed_executions_history_limit: Annotated[
        int,
        number(0, 1000),
        doc("How many failed executions are kept as objects, 0 to 1000; the ledger keeps all. Default: 1."),
    ] = 1
    execution_template: Annotated[ExecutionTemplate, doc("The executions that the schedule creates. Required.")]


class DRScheduleStatus(ResourceStatus):
    """What is observed. Written by the operator only."""

    last_schedule_time: Annotated[Time | None, doc("The time that a drill was started for last.")] = None
    last_successful_time: Annotated[Time | None, doc("When a drill of this schedule succeeded last.")] = None
    next_schedule_time: Annotated[Time | None, doc("When the next drill starts.")] = None
    active: Annotated[
        list[Annotated[str, text(63)]],
        items(limits.LISTED_ACTIVE_EXECUTIONS),
        doc("Names of the executions of this schedule that are not final."),
    ] = []


class DRSchedule(Resource):
    """Starts drills by cron, like a CronJob."""

    definition: ClassVar[Definition] = Definition(
        kind="DRSchedule",
        plural="drschedules",
        short_name="drsched",
        scope="Namespaced",
        columns=(
            Column("Plan", ".spec.executionTemplate.spec.recoveryPlanRef.name"),
            Column("Schedule", ".spec.schedule"),
            Column("Suspend", ".spec.suspend", "boolean"),
            Column("Last-Run", ".status.lastScheduleTime", "date"),
            # A date column shows an age, and that of a time to come is "<invalid>".
            Column("Next-Run", ".status.nextScheduleTime"),
            AGE_COLUMN,
        ),
        selectable_fields=(".spec.executionTemplate.spec.recoveryPlanRef.name",),
        # Executions are named <schedule>-<minutes since the epoch>, and a name has at most 63 characters.
        max_name_length=52,
    )

    kind: Literal["DRSchedule"] = "DRSchedule"
    spec: DRScheduleSpec
    status: DRScheduleStatus = Field(default_factory=DRScheduleStatus)
