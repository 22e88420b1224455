"""What a DRS job says about each of its servers.

The verdict is per server: a job's COMPLETED says nothing. Unknown values are kept and conclude nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drs_operator.planning.facts import Job, Jobs, JobServer, Observed, RecoveryInstance
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.naming import few
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import FINAL_SERVER_PHASES, Run, RunServer, RunWave

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


def names(servers: Sequence[RunServer]) -> str:
    """The first few of them, and how many more there are: a message has to fit into a line."""
    return few([label(server) for server in servers])


def all_final(wave: RunWave) -> bool:
    """Every server of the wave came up or is known not to."""
    return all(server.phase in FINAL_SERVER_PHASES for server in wave.servers)


@dataclass(frozen=True, slots=True)
class _View:
    """What was seen of the job of one intent, and of the instances that it launched."""

    wave: RunWave
    intent: LaunchIntent
    members: frozenset[str]
    """Its servers, but those that a later attempt has taken over."""
    job: Job | None
    board: Jobs | None
    instances: tuple[RecoveryInstance, ...]
    observed: Observed

    def participant(self, server_id: str) -> JobServer | None:
        return next((p for p in self.job.servers if p.server_id == server_id), None) if self.job else None

    def instance(self, server_id: str) -> RecoveryInstance | None:
        return next((i for i in self.instances if i.server_id == server_id), None)

    @property
    def gone(self) -> bool:
        """AWS does not know the job any more: it was deleted, which AWS allows of ended jobs alone."""
        called = self.intent.called_at_aws
        return self.job is None and self.board is not None and called is not None and self.board.since <= called

    @property
    def gave_up(self) -> bool:
        """The job's end is so long ago that a status which is still missing will not come."""
        if self.job is None or self.job.running or self.board is None or self.intent.end_time is None:
            return False
        return self.board.aws_time - self.intent.end_time > STATUS_GRACE


def absorb(run: Run, number: int, observed: Observed) -> Run:
    """The run with all that was seen of one wave's jobs and instances written into it."""
    wave = run.wave(number)
    board = observed.jobs.get(wave.place)
    owners = run.owners(number)
    for intent in run.every_intent_of(number):
        if intent.job_id is None:
            continue
        mine = frozenset(s for s in intent.server_ids if s in owners and owners[s].key == intent.key)
        job = board.by_id().get(intent.job_id) if board else None
        instances = tuple(i for i in observed.instances.get(wave.place, ()) if i.job_id == intent.job_id)
        if intent.state == "Started" and job is not None and board is not None:
            intent = _followed(intent, job, board.aws_time)
        run = _absorbed(run, _View(wave, intent, mine, job, board, instances, observed))
    return run


def _followed(intent: LaunchIntent, job: Job, aws_now: datetime) -> LaunchIntent:
    """The intent with what its job says of itself. The grace of a job that names no end counts from now."""
    end = None if job.running else job.ended_at or intent.end_time or aws_now
    return intent.model_copy(
        update={"job_status": job.status, "start_time": intent.start_time or job.created_at, "end_time": end}
    )


def _absorbed(run: Run, view: _View) -> Run:
    intent, number, members = view.intent, view.wave.wave_number, view.members
    run = run.with_servers(
        number, lambda s: s if s.server_id not in members or s.phase in ("Failed", "Skipped") else _server(s, view)
    )
    decided = all(
        server.launched or server.phase in FINAL_SERVER_PHASES
        for server in run.wave(number).servers
        if server.server_id in members
    )
    over = view.gone or (view.job is not None and not view.job.running)
    if intent.state == "Started" and over and decided and view.board is not None:
        intent = intent.model_copy(update={"state": "Ended", "end_time": intent.end_time or view.board.aws_time})
    return run.with_intent(intent)


def _server(server: RunServer, view: _View) -> RunServer:
    intent, participant, instance = view.intent, view.participant(server.server_id), view.instance(server.server_id)
    status = participant.launch_status if participant else None
    update: dict[str, object] = {}
    if participant is not None:
        update["launch_status"] = status
        update["recovery_instance_id"] = participant.recovery_instance_id or server.recovery_instance_id
    if instance is not None:
        update["recovery_instance_id"] = instance.instance_id
        update["private_ip"] = instance.private_ip or server.private_ip
        update["recovery_point_time"] = instance.recovery_point_time or server.recovery_point_time
    # Participants of old jobs vanish, and a status may trail its job: then the instance is the evidence.
    running = view.job is not None and view.job.running
    evident = instance is not None and instance.live and not running
    if server.launched or status == "LAUNCHED" or (evident and status not in ("FAILED", "TERMINATED")):
        instance_id = update.get("recovery_instance_id", server.recovery_instance_id)
        healthy = view.wave.ready_when == "Launched" or instance_id in view.observed.healthy_instances
        update["phase"] = "Ready" if healthy or server.phase == "Ready" else "Launched"
        update["launch_status"] = "LAUNCHED"
    elif status in ("FAILED", "TERMINATED"):
        update["phase"] = "Failed"
        raw = view.observed.raw_errors.get((intent.job_id or "", server.server_id))
        update["error"] = ErrorRecord(code="WAVE_LAUNCH_FAILED", message=f"{raw or status} ({intent.job_id})")
    elif view.gave_up:
        update["phase"] = "Failed"
        message = f"{intent.job_id} ended without launch status or instance"
        update["error"] = ErrorRecord(code="WAVE_LAUNCH_FAILED", message=message)
    else:
        progress = view.observed.progress.get((intent.job_id or "", server.server_id), "")
        update["phase"] = _PHASES.get(progress, "Launching" if server.phase in ("Pending", "Queued") else server.phase)
    return server.model_copy(update=update)
