"""DRExecution: what is accepted and what is refused."""

from typing import Any

from tests.integration.crds.objects import NOON, A, Creation, Edit, drill, recovery

KIND = "DRExecution"

CREATIONS = [
    Creation(
        "plan is required",
        KIND,
        drill(),
        drill(recoveryPlanRef=None),
        "spec.recoveryPlanRef: Required value",
    ),
    Creation("type is required", KIND, drill(), drill(executionType=None), "spec.executionType: Required value"),
    Creation(
        "type",
        KIND,
        recovery(),
        drill(executionType="TEST"),
        'spec.executionType: Unsupported value: "TEST": supported values: "DRILL", "RECOVERY"',
    ),
    Creation(
        "recovery needs a reason",
        KIND,
        recovery(),
        recovery(reason=" \t "),
        "spec.reason: Required value: MISSING_PARAMETER: a RECOVERY needs a reason; say in spec.reason why",
    ),
    Creation(
        "drill needs no reason",
        KIND,
        drill(),
        recovery(reason=None),
        "spec.reason: Required value: MISSING_PARAMETER: a RECOVERY needs a reason",
    ),
    Creation(
        "recovery needs a recovery point",
        KIND,
        recovery(recoveryPoint={"policy": "ExistingLatest"}),
        recovery(recoveryPoint=None),
        "spec.recoveryPoint: Required value: MISSING_PARAMETER: a RECOVERY needs a recovery point; set "
        "recoveryPoint.policy to Latest, ExistingLatest or At",
    ),
    Creation(
        "recovery point has a policy",
        KIND,
        drill(),
        drill(recoveryPoint={}),
        "spec.recoveryPoint.policy: Required value",
    ),
    Creation(
        "policy At needs a time",
        KIND,
        recovery(recoveryPoint={"policy": "At", "time": NOON}),
        recovery(recoveryPoint={"policy": "At"}),
        "spec.recoveryPoint.time: Invalid value: INVALID_PARAMETER: policy At needs time, the other policies have none",
    ),
    Creation(
        "policy Latest has no time",
        KIND,
        drill(recoveryPoint={"policy": "Latest"}),
        drill(recoveryPoint={"policy": "Latest", "time": NOON}),
        "INVALID_PARAMETER: policy At needs time, the other policies have none",
    ),
    Creation(
        "times",
        KIND,
        drill(requestedAt=NOON, incidentTime="2026-01-31T12:00:00.123456+01:00"),
        drill(requestedAt="2026-01-31 12:00:00"),
        'spec.requestedAt in body must be of type date-time: "2026-01-31 12:00:00"',
    ),
    Creation(
        "source",
        KIND,
        drill(invocationSource="STEPFUNCTIONS", invocationDetails={"executionArn": "arn:aws:states"}),
        drill(invocationSource="CRON"),
        'spec.invocationSource: Unsupported value: "CRON"',
    ),
    Creation(
        "keys of details",
        KIND,
        drill(invocationDetails={"k" * 128: "v"}),
        drill(invocationDetails={"k" * 129: "v"}),
        "INVALID_PARAMETER: a key of invocationDetails has at most 128 characters; choose a shorter one",
    ),
    Creation(
        "run id",
        KIND,
        drill(runId="arn:aws:states:us-east-1:123456789012:execution/dr@2026+q1=1"),
        drill(runId="2026#q1"),
        'spec.runId: Invalid value: "2026#q1": INVALID_PARAMETER: a run id begins with a letter or digit and contains',
    ),
    Creation("run id has a length", KIND, drill(runId="r" * 128), drill(runId="r" * 129), "may not be more than 128"),
    Creation(
        "deadline",
        KIND,
        drill(startingDeadlineSeconds=600),
        drill(startingDeadlineSeconds=0),
        "spec.startingDeadlineSeconds in body should be greater than or equal to 1",
    ),
    Creation(
        "pauses are skipped in drills only",
        KIND,
        drill(pausePolicy="Skip"),
        recovery(pausePolicy="Skip"),
        "spec.pausePolicy: Invalid value: INVALID_PARAMETER: only a DRILL may skip pauses; remove pausePolicy",
    ),
    Creation(
        "ambiguous launch",
        KIND,
        recovery(ambiguousLaunchPolicy="Reissue"),
        recovery(ambiguousLaunchPolicy="Retry"),
        'spec.ambiguousLaunchPolicy: Unsupported value: "Retry"',
    ),
    Creation(
        "live instances in drills",
        KIND,
        recovery(liveRecoveryInstances="Replace"),
        drill(liveRecoveryInstances="Keep"),
        "spec.liveRecoveryInstances: Invalid value: INVALID_PARAMETER: a DRILL never touches servers that run as a "
        "real recovery; set liveRecoveryInstances to Refuse",
        lifted=True,
    ),
    Creation(
        "clean-up of drills only",
        KIND,
        drill(terminateDrillInstancesAfterSeconds=3600),
        recovery(terminateDrillInstancesAfterSeconds=3600),
        "INVALID_PARAMETER: only the instances of a DRILL are cleaned up; remove terminateDrillInstancesAfterSeconds",
        lifted=True,
    ),
    Creation(
        "scope",
        KIND,
        drill(scope={"waves": [1], "serverIds": [A], "excludeServerIds": [A]}),
        drill(scope={"serverIds": ["web-01"]}),
        "spec.scope.serverIds[0] in body should match",
        lifted=True,
    ),
    Creation(
        "a time to live",
        KIND,
        drill(ttlSecondsAfterFinished=0),
        drill(ttlSecondsAfterFinished=-1),
        "spec.ttlSecondsAfterFinished in body should be greater than or equal to 0",
    ),
]

FULL = drill(
    reason="quarterly drill",
    initiatedBy="cli",
    invocationSource="CLI",
    invocationDetails={"host": "laptop"},
    runId="2026-q1",
    dryRun=False,
    requestedAt=NOON,
    startingDeadlineSeconds=600,
    incidentTime=NOON,
    recoveryPoint={"policy": "Latest"},
    liveRecoveryInstances="Refuse",
    ambiguousLaunchPolicy="Hold",
    pausePolicy="Honor",
    scope={"waves": [1]},
)

OTHER: dict[str, Any] = {
    "recoveryPlanRef": {"name": "other"},
    "executionType": "RECOVERY",
    "reason": "another",
    "initiatedBy": "somebody",
    "invocationSource": "API",
    "invocationDetails": {"host": "server"},
    "runId": "2026-q2",
    "dryRun": True,
    "requestedAt": "2026-02-01T12:00:00Z",
    "startingDeadlineSeconds": 601,
    "incidentTime": "2026-02-01T12:00:00Z",
    "recoveryPoint": {"policy": "ExistingLatest"},
    "liveRecoveryInstances": "Keep",
    "ambiguousLaunchPolicy": "Reissue",
    "pausePolicy": "Skip",
    "scope": {"waves": [2]},
}


def _frozen(name: str) -> str:
    return f"spec.{name}: Forbidden: INVALID_PARAMETER: {name} is immutable, also when it was left out"


EDITABLE = {"terminateDrillInstancesAfterSeconds": 7200, "ttlSecondsAfterFinished": 86400}

EDITS = [
    *(
        Edit(f"{name} cannot be changed", KIND, FULL, EDITABLE, {name: value}, _frozen(name), lifted=True)
        for name, value in OTHER.items()
    ),
    *(
        Edit(f"{name} cannot be removed", KIND, FULL, EDITABLE, {name: None}, _frozen(name), lifted=True)
        for name in OTHER
        if name not in ("recoveryPlanRef", "executionType", "dryRun", "liveRecoveryInstances", "pausePolicy")
    ),
    *(
        Edit(f"{name} cannot be added", KIND, drill(), EDITABLE, {name: value}, _frozen(name), lifted=True)
        for name, value in FULL.items()
        if name not in ("recoveryPlanRef", "executionType", "dryRun", "liveRecoveryInstances", "pausePolicy")
    ),
]
