"""Jobs of the world file: started by somebody else before the world began."""

from __future__ import annotations

from drs_sandbox.drs.ids import hex_id
from drs_sandbox.drs.jobs import START_SECONDS, create_job
from drs_sandbox.drs.launching import launch_from_template
from drs_sandbox.drs.ports import LaunchRejected
from drs_sandbox.drs.recovery import Wanted, start_launch_job
from drs_sandbox.drs.recovery_instances import note_launched
from drs_sandbox.drs.simulation import Simulation
from drs_sandbox.drs.state import InitiatedBy, Job, Launch, LogItem, Participant, RegionState, SourceServer
from drs_sandbox.world import ForeignJob

PENDING_SECONDS = 60.0
ENDED_SECONDS_AGO = 60.0
_TOOK_SECONDS = 538.0


def start_foreign_job(simulation: Simulation, region: RegionState, entry: ForeignJob) -> None:
    """Adds a job: PENDING for another minute of progress, STARTED from now on, or COMPLETED a minute ago with its
    instances there.
    """
    servers = [region.servers[server_id] for server_id in dict.fromkeys(entry.servers)]
    initiated_by: InitiatedBy = "START_DRILL" if entry.is_drill else "START_RECOVERY"
    if entry.status == "COMPLETED":
        _completed(simulation, region, servers, initiated_by)
        return
    start_seconds = PENDING_SECONDS if entry.status == "PENDING" else 0.0
    wanted: list[Wanted] = [(server, None) for server in servers]
    start_launch_job(simulation, region, wanted, initiated_by, {}, start_seconds=start_seconds)


def _completed(
    simulation: Simulation, region: RegionState, servers: list[SourceServer], initiated_by: InitiatedBy
) -> None:
    clock = simulation.clock
    participants = [Participant(server.id, done=True) for server in servers]
    job = create_job(simulation, region, "LAUNCH", initiated_by, participants)
    job.ended = clock.timestamp() - ENDED_SECONDS_AGO
    job.ended_progress = clock.progress() - ENDED_SECONDS_AGO
    job.created = job.ended - _TOOK_SECONDS
    job.created_progress = job.ended_progress - _TOOK_SECONDS
    job.status = "COMPLETED"
    job.log.append(LogItem(job.created + START_SECONDS, "JOB_START", {}))
    for server, participant in zip(servers, participants, strict=True):
        region.busy.pop(server.id, None)
        server.launches.append(Launch(job, participant))
        _launch(simulation, region, job, server, participant)
    job.log.append(LogItem(job.ended, "JOB_END", {}))


def _launch(
    simulation: Simulation, region: RegionState, job: Job, server: SourceServer, participant: Participant
) -> None:
    """What the job has done for one server. The log is shorter than that of a job which runs here."""
    ended = job.ended or job.created
    data = {"sourceServerID": server.id}
    job.log.append(LogItem(job.created + 53.0, "CONVERSION_START", {
        **data, "conversionServerID": hex_id("i", job.id, server.id, "conversion")
    }))  # fmt: skip
    try:
        instance = launch_from_template(simulation, region, server)
    except LaunchRejected as rejected:
        participant.status = "FAILED"
        job.log.append(LogItem(ended - 2.0, "LAUNCH_FAILED", {**data, "rawError": rejected.raw_error}))
        return
    note_launched(
        simulation, region, job, server, instance, server.replication.points.newest_taken(simulation.clock.progress())
    )
    participant.status = "LAUNCHED"
    participant.instance_id = instance.instance_id
    job.log.append(LogItem(ended - 2.0, "LAUNCH_END", {**data, "targetInstanceID": instance.instance_id}))
