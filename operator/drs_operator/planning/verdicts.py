"""What a DRS job says about each of its servers.

The verdict is per server: a job's COMPLETED says nothing. Unknown values are kept and conclude nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from drs_operator.planning.facts import Job, Observed, RecoveryInstance
from drs_operator.planning.run import FINAL_SERVER_PHASES, ErrorRecord, LaunchIntent, Run, RunServer, RunWave

STATUS_GRACE = timedelta(minutes=5)
"""How long after a job's end a server may still wait for its launch status (it trails the job, seen on AWS)."""

_PHASES = {
    "SNAPSHOT_START": "Snapshot",
    "SNAPSHOT_END": "Conversion",
    "USING_PREVIOUS_SNAPSHOT": "Conversion",
    "CONVERSION_START": "Conversion",
    "CONVERSION_END": "Launching",
    "LAUNCH_START": "Launching",
}
"""What a server is at after an event of the job's log; events that are not named change nothing."""


def label(server: RunServer) -> str:
    """How a person knows the server."""
    return server.hostname or server.server_id


def all_final(wave: RunWave) -> bool:
    """Every server of the wave came up or is known not to."""
    return all(server.phase in FINAL_SERVER_PHASES for server in wave.servers)


def absorb(run: Run, number: int, observed: Observed, now: datetime) -> Run:
    """The run with all that was seen of one wave's jobs and instances written into it."""
    wave = run.wave(number)
    seen_jobs = observed.jobs[wave.place].by_id() if wave.place in observed.jobs else {}
    seen_instances = observed.instances.get(wave.place, ())
    for intent in run.intents_of(number):
        if intent.job_id is None:
            continue
        members = set(intent.server_ids)
        by_server = {i.server_id: i for i in seen_instances if i.job_id == intent.job_id}
        job = seen_jobs.get(intent.job_id)
        if job is None and not by_server and intent.state == "Ended":
            continue

        def observe(
            server: RunServer,
            job: Job | None = job,
            by_server: Mapping[str, RecoveryInstance] = by_server,
            members: set[str] = members,
            intent: LaunchIntent = intent,
        ) -> RunServer:
            if server.server_id not in members or server.phase in ("Failed", "Skipped"):
                return server
            return _server(server, wave, job, by_server.get(server.server_id), observed, now, intent)

        run = run.with_servers(number, observe)
        if intent.state == "Started" and job is not None:
            run = run.with_intent(_intent(intent, job, run.wave(number)))
    return run


def _server(
    server: RunServer,
    wave: RunWave,
    job: Job | None,
    instance: RecoveryInstance | None,
    observed: Observed,
    now: datetime,
    intent: LaunchIntent,
) -> RunServer:
    participant = next((p for p in job.servers if p.server_id == server.server_id), None) if job else None
    update: dict[str, object] = {}
    if participant is not None:
        update["launch_status"] = participant.launch_status
        if participant.recovery_instance_id:
            update["recovery_instance_id"] = participant.recovery_instance_id
    if instance is not None:
        update["recovery_instance_id"] = instance.instance_id
        update["private_ip"] = instance.private_ip or server.private_ip
        update["recovery_point_time"] = instance.recovery_point_time or server.recovery_point_time
    status = participant.launch_status if participant else None
    # Participants of old jobs vanish, and a status may trail its job: then the instance is the evidence.
    launched = status == "LAUNCHED" or server.launched
    if not launched and instance is not None and instance.live and (job is None or not job.running):
        launched = True
        update["launch_status"] = "LAUNCHED"
    if launched:
        instance_id = update.get("recovery_instance_id", server.recovery_instance_id)
        ready = wave.ready_when == "Launched" or server.phase == "Ready" or instance_id in observed.healthy_instances
        update["phase"] = "Ready" if ready else "Launched"
    elif status in ("FAILED", "TERMINATED"):
        update["phase"] = "Failed"
        raw = observed.raw_errors.get((intent.job_id or "", server.server_id))
        message = f"{raw or status} ({intent.job_id})"
        update["error"] = ErrorRecord(code="WAVE_LAUNCH_FAILED", message=message)
    elif job is not None and _gave_up(job, observed.jobs[wave.place].aws_time):
        update["phase"] = "Failed"
        update["error"] = ErrorRecord(
            code="WAVE_LAUNCH_FAILED",
            message=f"{intent.job_id} ended without launch status or instance",
        )
    elif server.phase not in FINAL_SERVER_PHASES:
        progress = observed.progress.get((intent.job_id or "", server.server_id))
        update["phase"] = _PHASES.get(
            progress or "", "Launching" if server.phase in ("Pending", "Queued") else server.phase
        )
    return server.model_copy(update=update)


def _gave_up(job: Job, aws_now: datetime) -> bool:
    return not job.running and aws_now - (job.ended_at or job.created_at) > STATUS_GRACE


def _intent(intent: LaunchIntent, job: Job, wave: RunWave) -> LaunchIntent:
    members = [server for server in wave.servers if server.server_id in intent.server_ids]
    over = not job.running and all(server.launched or server.phase in FINAL_SERVER_PHASES for server in members)
    update: dict[str, object] = {"job_status": job.status, "start_time": intent.start_time or job.created_at}
    if over:
        update |= {"state": "Ended", "end_time": job.ended_at or job.created_at}
    return intent.model_copy(update=update)
