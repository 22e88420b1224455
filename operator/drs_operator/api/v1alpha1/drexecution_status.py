"""The status of a DRExecution: waves, jobs, servers, holds, findings, commands and the verdict."""

from typing import Annotated

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.enums import (
    CleanupPhase,
    ExecutionPhase,
    HoldReason,
    JobState,
    ObjectiveState,
    OnFailure,
    RequestOutcome,
    ServerPhase,
    Severity,
    WavePhase,
)
from drs_operator.api.v1alpha1.fields import (
    Count,
    Hostname,
    Id,
    Message,
    Name,
    Open,
    ShortMessage,
    Time,
    Word,
    clipped,
    doc,
    entries,
    items,
    number,
    text,
)
from drs_operator.api.v1alpha1.meta import ResourceStatus
from drs_operator.api.v1alpha1.recoveryplan import WaveNumber

ServerIdText = Annotated[str, text(19)]


class Finding(ApiModel):
    """What the validation of the run found, with the servers it concerns."""

    severity: Annotated[Open[Severity], doc("Refusal: the run does not start. Warning: it goes on.")]
    code: Annotated[Word, doc("Code of the finding, for example NO_RECOVERY_POINT.")]
    wave_number: Annotated[WaveNumber | None, doc("The wave it concerns; absent: the whole run.")] = None
    server_ids: Annotated[
        list[ServerIdText],
        items(limits.LISTED_SERVERS_PER_FINDING),
        doc("The first 5 servers it concerns."),
    ] = []
    count: Annotated[Count | None, doc("How many servers it concerns.")] = None
    message: Annotated[ShortMessage, doc("What was found and what to do next.")]


class HoldStatus(ApiModel):
    """What waits for a person."""

    id: Annotated[
        str,
        text(64, min_length=1),
        doc("Id of the hold, wave number and counter, for example 2.1; commands name it."),
    ]
    wave_number: Annotated[WaveNumber | None, doc("The wave that is held; absent: the whole run.")] = None
    reason: Annotated[Open[HoldReason], doc("Why it is held.")]
    since: Annotated[Time | None, doc("When the hold began.")] = None
    message: Annotated[ShortMessage | None, doc("The kubectl line that opens the hold.")] = None


class JobStatus(ApiModel):
    """One DRS job of a wave or of the clean-up."""

    shard: Annotated[
        int | None,
        number(1),
        doc("Which part of the wave, from 1; a job holds at most 100 servers."),
    ] = None
    attempt: Annotated[int | None, number(1), doc("Which attempt, from 1.")] = None
    state: Annotated[
        Open[JobState] | None,
        doc("How far the operator's call got; status has AWS's word."),
    ] = None
    job_id: Annotated[Id | None, doc("Id of the DRS job; absent until it is known.")] = None
    account_id: Annotated[str | None, text(12), doc("AWS account of the job.")] = None
    region: Annotated[str | None, text(32), doc("AWS Region of the job.")] = None
    servers: Annotated[Count | None, doc("How many servers the job holds.")] = None
    status: Annotated[Word | None, doc("State of the job, AWS's word, for example COMPLETED.")] = None
    start_time: Annotated[Time | None, doc("When the job started.")] = None
    end_time: Annotated[Time | None, doc("When the job ended.")] = None


class ServerError(ApiModel):
    """Why a server failed."""

    code: Annotated[Word, doc("Code of the error.")]
    message: Annotated[str | None, clipped(80), text(80), doc("What happened and what to do next.")] = None


class ServerStatus(ApiModel):
    """One server of a wave."""

    server_id: Annotated[ServerIdText, doc("Id of the DRS source server.")]
    hostname: Annotated[Hostname | None, doc("Host name that DRS knows.")] = None
    phase: Annotated[Open[ServerPhase], doc("State of the server in this run, in the operator's words.")]
    launch_status: Annotated[Word | None, doc("Result of the launch, AWS's word, for example LAUNCHED.")] = None
    recovery_instance_id: Annotated[Id | None, doc("Id of the recovery instance on EC2.")] = None
    private_ip: Annotated[str | None, text(45), doc("Private address of the recovery instance.")] = None
    recovery_point_time: Annotated[Time | None, doc("Time of the recovery point that was launched.")] = None
    attempt: Annotated[int | None, number(1), doc("Which attempt, from 1.")] = None
    error: Annotated[ServerError | None, doc("Why the server failed.")] = None


class WaveStatus(ApiModel):
    """One wave of the run, pinned when the run starts."""

    wave_number: Annotated[WaveNumber, doc("Number of the wave.")]
    name: Annotated[Name | None, doc("Name of the wave.")] = None
    phase: Annotated[Open[WavePhase], doc("State of the wave.")]
    on_failure: Annotated[Open[OnFailure] | None, doc("What a failure of the wave does, as in effect.")] = None
    attempt: Annotated[int | None, number(1), doc("Which attempt, from 1.")] = None
    jobs: Annotated[
        list[JobStatus],
        items(limits.LISTED_JOBS_PER_WAVE),
        doc("DRS jobs of the wave, the newest 20."),
    ] = []
    servers: Annotated[
        list[ServerStatus],
        items(limits.SERVERS_PER_GROUP),
        doc("Servers of the wave."),
    ] = []
    start_time: Annotated[Time | None, doc("When the wave's first job started.")] = None
    end_time: Annotated[Time | None, doc("When the wave became final.")] = None


class Durations(ApiModel):
    """Where the time went."""

    total_seconds: Annotated[Count | None, doc("From start to end, in seconds.")] = None
    active_seconds: Annotated[Count | None, doc("While something was launching, in seconds.")] = None
    paused_seconds: Annotated[Count | None, doc("While it was held, in seconds.")] = None
    queued_seconds: Annotated[Count | None, doc("While it waited for quota or servers, in seconds.")] = None
    since_incident_seconds: Annotated[Count | None, doc("From spec.incidentTime to the end, in seconds.")] = None


class ObjectiveResults(ApiModel):
    """Whether the plan's objectives were met; absent without a target."""

    rto: Annotated[Open[ObjectiveState] | None, doc("Whether the recovery time objective was met.")] = None
    rpo: Annotated[Open[ObjectiveState] | None, doc("Whether the recovery point objective was met.")] = None


class CleanupStatus(ApiModel):
    """Clean-up of the instances of a drill."""

    phase: Annotated[Open[CleanupPhase], doc("State of the clean-up.")]
    due_time: Annotated[Time | None, doc("When it begins by itself.")] = None
    terminated: Annotated[Count | None, doc("How many instances are terminated.")] = None
    remaining: Annotated[Count | None, doc("How many instances are still there.")] = None
    jobs: Annotated[
        list[JobStatus],
        items(limits.LISTED_CLEANUP_JOBS),
        doc("DRS jobs that terminate instances, the newest 20."),
    ] = []
    message: Annotated[Message | None, doc("What it waits for, or what could not be terminated.")] = None


class RequestStatus(ApiModel):
    """A command that was given by annotation, and the answer to it."""

    type: Annotated[Word, doc("The command, for example resume.")]
    value: Annotated[str | None, clipped(128), text(128), doc("The annotation's value.")] = None
    requested_by: Annotated[Name | None, doc("Authenticated name of who gave it; empty: unknown.")] = None
    observed_time: Annotated[Time | None, doc("When it was read.")] = None
    outcome: Annotated[Open[RequestOutcome], doc("Accepted or Refused.")]
    code: Annotated[Word | None, doc("Why it was refused.")] = None
    message: Annotated[ShortMessage | None, doc("What it did, or why it was refused and what to do.")] = None
    count: Annotated[int, number(1), doc("How often the same refusal was given within a minute.")] = 1


class ErrorStatus(ApiModel):
    """Why the run failed or was refused."""

    code: Annotated[Word, doc("Code of the error.")]
    message: Annotated[Message | None, doc("What happened and what to do next.")] = None
    details: Annotated[
        dict[str, Annotated[str, clipped(256), text(256)]],
        entries(limits.ERROR_DETAILS),
        doc("Further facts by name, for machines."),
    ] = {}


class DRExecutionStatus(ResourceStatus):
    """What is observed. Written by the operator only."""

    phase: Annotated[
        Open[ExecutionPhase] | None,
        doc("Summary of the run; it is final when finishTime is set."),
    ] = None
    execution_id: Annotated[
        Id | None,
        doc("Id of the run in the ledger, made of installation and run id: the same when the object is created again."),
    ] = None
    plan_version: Annotated[Count | None, doc("Version of the plan that the run was pinned to.")] = None
    requested_by: Annotated[
        str | None,
        clipped(512),
        text(512),
        doc("Authenticated name of who created the run; empty: unknown."),
    ] = None
    waiting_for: Annotated[
        str | None,
        clipped(256),
        text(256),
        doc("What the run waits for now: you (with the command), AWS, quota, another run."),
    ] = None
    current_wave: Annotated[WaveNumber | None, doc("Lowest number of a wave that is not final.")] = None
    total_waves: Annotated[Count | None, doc("How many waves the run has.")] = None
    wave_progress: Annotated[str | None, text(32), doc("Final waves of all waves, for example 2/3.")] = None
    server_progress: Annotated[
        str | None,
        text(32),
        doc("Launched servers of all servers, ! before the failed, for example 5/23 !1."),
    ] = None
    findings: Annotated[
        list[Finding],
        items(limits.LISTED_FINDINGS),
        doc("What the validation found, the first 50."),
    ] = []
    holds: Annotated[
        list[HoldStatus],
        items(limits.LISTED_HOLDS, list_type="map", keys=["id"]),
        doc("What waits for a person now."),
    ] = []
    waves: Annotated[
        list[WaveStatus],
        items(limits.WAVES_PER_PLAN, list_type="map", keys=["waveNumber"]),
        doc("The waves, pinned when the run starts."),
    ] = []
    start_time: Annotated[Time | None, doc("When the run started.")] = None
    last_observed_time: Annotated[
        Time | None,
        doc("A sign of life, at most once a minute while the run is not final."),
    ] = None
    finish_time: Annotated[Time | None, doc("When the run ended; set means final.")] = None
    durations: Annotated[Durations | None, doc("Where the time went.")] = None
    achieved_rpo_seconds: Annotated[
        Count | None,
        doc("Age of the oldest launched recovery point at spec.incidentTime (or the start), in seconds."),
    ] = None
    objectives: Annotated[ObjectiveResults | None, doc("Whether the plan's objectives were met.")] = None
    cleanup: Annotated[CleanupStatus | None, doc("Clean-up of a drill's instances.")] = None
    requests: Annotated[
        list[RequestStatus],
        items(limits.LISTED_REQUESTS),
        doc("The newest 20 commands and the answers to them."),
    ] = []
    error: Annotated[ErrorStatus | None, doc("Why the run failed or was refused.")] = None
