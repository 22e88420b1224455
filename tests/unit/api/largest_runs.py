"""The largest RecoveryPlan, DRExecution and DRSchedule."""

from drs_operator.api.v1alpha1 import limits
from tests.unit.api.filling import TIME, Object, conditions, human, machine, server

JOBS_PER_WAVE = 3


def recovery_plan() -> Object:
    regions = [f"ap-southeast-{i}" for i in range(limits.REGIONS)]
    waves = range(1, limits.WAVES_PER_PLAN + 1)
    share = limits.SERVERS_PER_PLAN // limits.WAVES_PER_PLAN
    last = {"name": machine(63), "type": "RECOVERY", "phase": "CompletedWithExceptions"}
    return {
        "metadata": {"name": machine(63), "namespace": machine(63)},
        "spec": {
            "displayName": human(256),
            "description": human(1024),
            "priority": 1000,
            "waves": [
                {
                    "waveNumber": number,
                    "name": human(128),
                    "protectionGroupRef": {"name": machine(63, f"{number:02}")},
                    "launchOrder": number,
                    "pauseBeforeWave": False,
                    "dependsOnWaves": list(range(1, number)),
                    "onFailure": "Continue",
                    "readyWhen": "InstanceStatusOk",
                    "waitAfterSeconds": 86400,
                    "timeoutSeconds": 604800,
                    "optionalServerIds": [server(number * share + i) for i in range(share)],
                }
                for number in waves
            ],
            "splitOversizedWaves": False,
            "objectives": {"rtoSeconds": 31536000, "rpoSeconds": 31536000},
        },
        "status": {
            "observedGeneration": 1000,
            "lastHandledReconcile": machine(256),
            "conditions": conditions("Ready", "GroupsReady", "WavesValid", "Recoverable", "LedgerSynced"),
            "planId": machine(64),
            "version": 1000000,
            "totalWaves": limits.WAVES_PER_PLAN,
            "totalServers": limits.SERVERS_PER_PLAN,
            "sourceRegions": regions,
            "sourceRegionSummary": machine(1024),
            "targetRegions": regions,
            "targetRegionSummary": machine(1024),
            "hasServerConflict": False,
            "conflicts": [
                {
                    "serverId": server(number),
                    "hostname": machine(48),
                    "conflictingExecution": machine(127),
                    "conflictingPlan": human(256),
                    "conflictingJobId": machine(64),
                }
                for number in range(limits.LISTED_CONFLICTS)
            ],
            "waves": [
                {
                    "waveNumber": number,
                    "protectionGroupName": human(256),
                    "serverCount": limits.SERVERS_PER_GROUP,
                    "accountId": "999999999999",
                    "region": "ap-southeast-2",
                }
                for number in waves
            ],
            "activeExecutions": [{**last, "executionId": machine(64)}] * limits.LISTED_ACTIVE_EXECUTIONS,
            "lastExecution": {**last, "finishTime": TIME, "durationSeconds": 604800},
        },
    }


def _job(number: int) -> Object:
    return {
        "shard": number,
        "attempt": number,
        "state": "Planned",
        "jobId": machine(24),
        "accountId": "999999999999",
        "region": "ap-southeast-2",
        "servers": 100,
        "status": "COMPLETED",
        "startTime": TIME,
        "endTime": TIME,
    }


def execution() -> Object:
    share = limits.SERVERS_PER_PLAN // limits.WAVES_PER_PLAN
    return {
        "metadata": {"name": machine(63), "namespace": machine(63)},
        "spec": {
            "recoveryPlanRef": {"name": machine(63)},
            "executionType": "RECOVERY",
            "reason": human(1024),
            "initiatedBy": human(256),
            "invocationSource": "STEPFUNCTIONS",
            "invocationDetails": {machine(128, f"{i:02}"): human(256) for i in range(limits.INVOCATION_DETAILS)},
            "runId": machine(128),
            "dryRun": False,
            "requestedAt": TIME,
            "startingDeadlineSeconds": 31536000,
            "incidentTime": TIME,
            "recoveryPoint": {"policy": "At", "time": TIME},
            "liveRecoveryInstances": "Replace",
            "ambiguousLaunchPolicy": "Reissue",
            "pausePolicy": "Honor",
            "scope": {
                "waves": list(range(1, limits.WAVES_PER_PLAN + 1)),
                "serverIds": [server(number) for number in range(limits.SERVERS_PER_SCOPE)],
                "excludeServerIds": [server(number) for number in range(limits.SERVERS_PER_SCOPE)],
            },
            "ttlSecondsAfterFinished": 315360000,
        },
        "status": {
            "observedGeneration": 1000,
            "lastHandledReconcile": machine(256),
            "conditions": conditions("Succeeded", "Finished", "Ready", "Reconciling", "Stalled", "Paused"),
            "phase": "CompletedWithExceptions",
            "executionId": machine(64),
            "planVersion": 1000000,
            "requestedBy": machine(512),
            "waitingFor": machine(256),
            "currentWave": limits.WAVES_PER_PLAN,
            "totalWaves": limits.WAVES_PER_PLAN,
            "waveProgress": "50/50",
            "serverProgress": "1000/1000 !1000",
            "findings": [
                {
                    "severity": "Warning",
                    "code": "UNHEALTHY_SERVER_REPLICATION",
                    "waveNumber": limits.WAVES_PER_PLAN,
                    "serverIds": [server(number) for number in range(limits.LISTED_SERVERS_PER_FINDING)],
                    "count": limits.SERVERS_PER_PLAN,
                    "message": machine(384),
                }
            ]
            * limits.LISTED_FINDINGS,
            "holds": [
                {
                    "id": f"{number}.100",
                    "waveNumber": number,
                    "reason": "LiveRecoveryInstance",
                    "since": TIME,
                    "message": machine(384),
                }
                for number in range(1, limits.LISTED_HOLDS + 1)
            ],
            "waves": [
                {
                    "waveNumber": wave,
                    "name": human(128),
                    "phase": "CompletedWithExceptions",
                    "onFailure": "Continue",
                    "attempt": 99,
                    "jobs": [_job(number) for number in range(1, JOBS_PER_WAVE + 1)],
                    "servers": [
                        {
                            "serverId": server(wave * share + number),
                            "hostname": machine(48),
                            "phase": "Failed",
                            "launchStatus": "FAILED",
                            "recoveryPointTime": TIME,
                            "attempt": 99,
                            "error": {"code": "UNHEALTHY_SERVER_REPLICATION", "message": machine(80)},
                        }
                        for number in range(share)
                    ],
                    "startTime": TIME,
                    "endTime": TIME,
                }
                for wave in range(1, limits.WAVES_PER_PLAN + 1)
            ],
            "startTime": TIME,
            "lastObservedTime": TIME,
            "finishTime": TIME,
            "durations": dict.fromkeys(
                ("totalSeconds", "activeSeconds", "pausedSeconds", "queuedSeconds", "sinceIncidentSeconds"), 31536000
            ),
            "achievedRpoSeconds": 31536000,
            "objectives": {"rto": "Unknown", "rpo": "Unknown"},
            "cleanup": {
                "phase": "CompletedWithExceptions",
                "dueTime": TIME,
                "terminated": 1000,
                "remaining": 1000,
                "jobs": [_job(number) for number in range(1, limits.LISTED_CLEANUP_JOBS + 1)],
                "message": machine(1024),
            },
            "requests": [
                {
                    "type": "terminate-instances",
                    "value": machine(128),
                    "requestedBy": machine(256),
                    "observedTime": TIME,
                    "outcome": "Accepted",
                    "code": "SINGLE_WAVE_NOT_PAUSABLE",
                    "message": machine(384),
                    "count": 1000,
                }
            ]
            * limits.LISTED_REQUESTS,
            "error": {
                "code": "UNHEALTHY_SERVER_REPLICATION",
                "message": machine(1024),
                "details": {machine(64, f"{i:02}"): machine(256) for i in range(limits.ERROR_DETAILS)},
            },
        },
    }


def schedule() -> Object:
    template = {
        **execution()["spec"],
        "executionType": "DRILL",
        "liveRecoveryInstances": "Refuse",
        "pausePolicy": "Honor",
        "terminateDrillInstancesAfterSeconds": 31536000,
    }
    for field in ("runId", "requestedAt"):
        del template[field]
    return {
        "metadata": {"name": machine(52), "namespace": machine(63)},
        "spec": {
            "schedule": "0,15,30,45 " + machine(110, "0,") + " * * 6",
            "timeZone": machine(64),
            "suspend": False,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 86400,
            "successfulExecutionsHistoryLimit": 1000,
            "failedExecutionsHistoryLimit": 1000,
            "executionTemplate": {
                "metadata": {
                    "labels": {machine(63, f"{i:02}"): machine(63) for i in range(32)},
                    "annotations": {machine(63, f"{i:02}"): human(1024) for i in range(32)},
                },
                "spec": template,
            },
        },
        "status": {
            "observedGeneration": 1000,
            "lastHandledReconcile": machine(256),
            "conditions": conditions("Ready"),
            "lastScheduleTime": TIME,
            "lastSuccessfulTime": TIME,
            "nextScheduleTime": TIME,
            "active": [machine(63, f"{i:02}") for i in range(limits.LISTED_ACTIVE_EXECUTIONS)],
        },
    }
