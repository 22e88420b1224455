"""DRSchedule: what is accepted and what is refused."""

from tests.integration.crds.objects import NOON, Creation, drill, recovery, schedule

KIND = "DRSchedule"

CREATIONS = [
    Creation(
        "no schedules yet",
        KIND,
        schedule(),
        schedule(),
        "NOT_AVAILABLE: DRSchedule is not available in this version; start drills by creating a DRExecution",
    ),
    Creation(
        "five fields",
        KIND,
        schedule(schedule="*/15 0-5 1,15 JAN-JUN mon#1"),
        schedule(schedule="@daily"),
        "INVALID_PARAMETER: write five cron fields with single blanks between them",
        lifted=True,
    ),
    Creation(
        "no sixth field",
        KIND,
        schedule(schedule="0 3 * * 6"),
        schedule(schedule="0 3 * * 6 2026"),
        "INVALID_PARAMETER: write five cron fields with single blanks between them, for example 0 3 * * 6",
        lifted=True,
    ),
    Creation(
        "time zone",
        KIND,
        schedule(timeZone="America/Argentina/Buenos_Aires"),
        schedule(timeZone="UTC +1"),
        "spec.timeZone in body should match",
        lifted=True,
    ),
    Creation(
        "concurrency",
        KIND,
        schedule(concurrencyPolicy="Allow"),
        schedule(concurrencyPolicy="Replace"),
        'Unsupported value: "Replace": supported values: "Allow", "Forbid"',
        lifted=True,
    ),
    Creation(
        "deadline",
        KIND,
        schedule(startingDeadlineSeconds=10),
        schedule(startingDeadlineSeconds=9),
        "spec.startingDeadlineSeconds in body should be greater than or equal to 10",
        lifted=True,
    ),
    Creation(
        "drills only",
        KIND,
        schedule(),
        schedule(recovery()),
        "spec.executionTemplate.spec.executionType: Invalid value: INVALID_EXECUTION_TYPE: a schedule starts drills "
        "only; set executionType to DRILL and create recoveries by hand",
        lifted=True,
    ),
    Creation(
        "no run id",
        KIND,
        schedule(drill(reason="weekly")),
        schedule(drill(runId="weekly")),
        "spec.executionTemplate.spec.runId: Forbidden: INVALID_PARAMETER: a run id is used once, so a template has",
        lifted=True,
    ),
    Creation(
        "no time of request",
        KIND,
        schedule(drill(startingDeadlineSeconds=60)),
        schedule(drill(requestedAt=NOON)),
        "spec.executionTemplate.spec.requestedAt: Forbidden: INVALID_PARAMETER: the schedule sets the time of each run",
        lifted=True,
    ),
    Creation(
        "no commands",
        KIND,
        schedule(metadata={"annotations": {"example.com/team": "dr"}, "labels": {"team": "dr"}}),
        schedule(metadata={"annotations": {"drs-operator.io/cancel": "true"}}),
        "INVALID_PARAMETER: commands cannot be given at creation; remove the annotations of drs-operator.io",
        lifted=True,
    ),
    Creation(
        "rules of an execution hold in the template",
        KIND,
        schedule(drill(recoveryPoint={"policy": "At", "time": NOON})),
        schedule(drill(recoveryPoint={"policy": "At"})),
        "spec.executionTemplate.spec.recoveryPoint.time: Invalid value: INVALID_PARAMETER: policy At needs time",
        lifted=True,
    ),
]
