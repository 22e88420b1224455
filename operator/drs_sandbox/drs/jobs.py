"""Jobs: how they start, run their servers' scripts, and end; DescribeJobs, DescribeJobLogItems, DeleteJob.

A script is a generator that does a server's part of a job. It yields either seconds of progress to wait, or a function
that takes what resumes it. The job ends when the scripts of all its servers have ended, however they ended: its status
is COMPLETED, and the verdict is the launch status of each server.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from drs_sandbox.drs import times
from drs_sandbox.drs.errors import conflict, not_found, quota_exceeded, servers_in_a_job, validation_error
from drs_sandbox.drs.ids import hex_id
from drs_sandbox.drs.paging import page
from drs_sandbox.drs.simulation import Call, Resume, Simulation
from drs_sandbox.drs.state import InitiatedBy, Job, JobType, LogItem, Participant, RegionState

Step = float | Callable[[Resume], None]
Script = Generator[Step, None, None]
START_SECONDS = 0.4  # from PENDING to STARTED
END_SECONDS = 2.0  # from the last server's end to the job's
PARTICIPANTS_KEPT_SECONDS = 3600.0  # from the job's creation
VERDICT_KEPT_SECONDS = 600.0  # from the job's end, also of one that took longer than that
QUOTA_JOBS_IN_PROGRESS = "L-D88FAC3A"
QUOTA_SERVERS_PER_JOB = "L-B827C881"
QUOTA_SERVERS_IN_ALL_JOBS = "L-05AFA8C6"


def check_servers_per_job(region: RegionState, servers: int) -> None:
    """Raises ServiceQuotaExceededException when a job would have too many servers."""
    most = region.quotas.servers_per_job
    if servers > most:
        raise quota_exceeded(QUOTA_SERVERS_PER_JOB, f"A job can have {most} source servers at most, not {servers}")


def check_room_for_job(region: RegionState, servers: int) -> None:
    """Raises ServiceQuotaExceededException when the jobs in progress leave no room for another with these servers."""
    active = region.active_jobs()
    if len(active) + 1 > region.quotas.jobs_in_progress:
        raise quota_exceeded(
            QUOTA_JOBS_IN_PROGRESS, f"Concurrent jobs in progress: the limit is {region.quotas.jobs_in_progress}"
        )
    taken = sum(len(job.participants) for job in active)
    most = region.quotas.servers_in_all_jobs
    if taken + servers > most:
        raise quota_exceeded(
            QUOTA_SERVERS_IN_ALL_JOBS,
            f"Source servers in all jobs: the limit is {most}, {taken} are in jobs, {servers} more were asked for",
        )


def check_not_busy(region: RegionState, server_ids: Sequence[str]) -> None:
    """Raises ConflictException when a job works on one of the servers; a job that is hidden does, too."""
    if any(server_id in region.busy for server_id in server_ids):
        raise servers_in_a_job()


def create_job(
    simulation: Simulation,
    region: RegionState,
    job_type: JobType,
    initiated_by: InitiatedBy,
    participants: list[Participant],
    tags: Mapping[str, str] | None = None,
    hide_seconds: float = 0.0,
) -> Job:
    """Adds a job, PENDING, which holds its servers from now on."""
    position = next(region.positions)
    clock = simulation.clock
    job = Job(
        id=hex_id("drsjob", region.account, region.name, position),
        account=region.account,
        region=region.name,
        position=position,
        type=job_type,
        initiated_by=initiated_by,
        created=clock.timestamp(),
        created_progress=clock.progress(),
        participants=participants,
        tags=dict(tags or {}),
        hidden_until=clock.progress() + hide_seconds if hide_seconds else 0.0,
    )
    region.jobs[job.id] = job
    region.busy.update((participant.server_id, job) for participant in participants)
    return job


def run_job(
    simulation: Simulation, region: RegionState, job: Job, scripts: Sequence[Script], start_seconds: float
) -> None:
    """Starts a job after `start_seconds` of progress; `scripts` are those of its participants, in their order."""
    clock = simulation.clock

    def start() -> None:
        job.status = "STARTED"
        add_log(simulation, job, "JOB_START")
        for participant, script in zip(job.participants, scripts, strict=True):
            participant.status = "IN_PROGRESS"
            _advance(simulation, region, job, participant, script)

    clock.call_later(start_seconds, start)


def add_log(simulation: Simulation, job: Job, event: str, **data: Any) -> None:
    """Adds an entry to a job's log, at this moment."""
    job.log.append(LogItem(simulation.clock.timestamp(), event, data))


def _advance(simulation: Simulation, region: RegionState, job: Job, participant: Participant, script: Script) -> None:
    def resume() -> None:
        _advance(simulation, region, job, participant, script)

    step = next(script, None)
    if step is None:
        participant.done = True
        waiting, participant.waiting = participant.waiting, []
        for other_resume in waiting:
            other_resume()
        if all(other.done for other in job.participants):
            simulation.clock.call_later(END_SECONDS, lambda: _end(simulation, region, job))
    elif callable(step):
        step(resume)
    else:
        simulation.clock.call_later(step, resume)


def _end(simulation: Simulation, region: RegionState, job: Job) -> None:
    add_log(simulation, job, "JOB_END")
    job.status = "COMPLETED"
    job.ended = simulation.clock.timestamp()
    job.ended_progress = simulation.clock.progress()
    for participant in job.participants:
        region.busy.pop(participant.server_id, None)


def describe_jobs(call: Call) -> dict[str, Any]:
    """DescribeJobs: newest first, by ids and by the time of creation."""
    filters = call.parameters.get("filters", {})
    wanted = set(filters.get("jobIDs", ()))
    first, last = (times.parse(filters[name]) if name in filters else None for name in ("fromDate", "toDate"))
    rows = [
        job
        for job in reversed(call.region.jobs.values())
        if not job.hidden(call.progress)
        and (not wanted or job.id in wanted)
        and times.between(job.created, first, last)
    ]
    return page(
        call.operation, call.parameters, rows, lambda job: job.position, lambda job: show_job(job, call.progress),
        newest_first=True,
    )  # fmt: skip


def show_job(job: Job, progress: float) -> dict[str, Any]:
    """The `Job` structure of the service model."""
    cleared = (
        job.ended_progress is not None
        and progress - job.created_progress > PARTICIPANTS_KEPT_SECONDS
        and progress - job.ended_progress > VERDICT_KEPT_SECONDS
    )
    shown: dict[str, Any] = {
        "jobID": job.id,
        "arn": job.arn,
        "type": job.type,
        "initiatedBy": job.initiated_by,
        "creationDateTime": times.offset_form(job.created),
        "status": job.status,
        "participatingServers": [] if cleared else [_show_participant(job, one, progress) for one in job.participants],
        "tags": dict(job.tags),
    }
    if job.ended is not None:
        shown["endDateTime"] = times.offset_form(job.ended)
    return shown


def _show_participant(job: Job, participant: Participant, progress: float) -> dict[str, Any]:
    shown = {"sourceServerID": participant.server_id, "launchStatus": job.shown_status(participant, progress)}
    # A LAUNCH job names no instances, as observed: DescribeRecoveryInstances does, by jobID.
    if job.type == "TERMINATE" and participant.instance_id:
        shown["recoveryInstanceID"] = participant.instance_id
    return shown


def describe_job_log_items(call: Call) -> dict[str, Any]:
    """DescribeJobLogItems: oldest first."""
    job = call.job()
    if job is None:
        job_id = call.parameters["jobID"]
        raise validation_error(f"Job {job_id} does not exist", [("jobID", f"{job_id} does not exist")])
    rows = list(enumerate(job.log))
    return page(call.operation, call.parameters, rows, lambda row: row[0], lambda row: _show_log_item(row[1]))


def _show_log_item(item: LogItem) -> dict[str, Any]:
    return {"logDateTime": times.offset_form(item.time), "event": item.event, "eventData": dict(item.data)}


def delete_job(call: Call) -> dict[str, Any]:
    """DeleteJob: not while it runs."""
    job = call.job()
    if job is None:
        raise not_found("Job", call.parameters["jobID"])
    if job.status != "COMPLETED":
        raise conflict(f"Job {job.id} is {job.status}: only a job that is COMPLETED can be deleted", "Job", job.id)
    del call.region.jobs[job.id]
    return {}
