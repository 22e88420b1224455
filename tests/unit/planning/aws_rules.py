"""What the operator says and does, held against what AWS knows."""

from __future__ import annotations

from datetime import timedelta

from drs_operator.planning.intents import TerminateIntent
from drs_operator.planning.run import Run
from tests.unit.planning.simulated_drs import SimulatedDrs
from tests.unit.planning.simulated_jobs import SimulatedJob

GRACE = timedelta(minutes=5)


def own_instances(run: Run, aws: SimulatedDrs) -> set[str]:
    """What runs of the known jobs of a drill."""
    known = {intent.job_id for intent in run.intents if intent.job_id}
    return {i.instance_id for i in aws.there() if i.job.job_id in known and i.job.is_drill}


def check_evidence(after: Run, aws: SimulatedDrs) -> None:
    """What is said of a server is what AWS has said of it, or left of it."""
    ours = [job for job in aws.jobs if job.ours]
    said = {word for job in ours for word in job.said}
    alive = {server for job in ours for server in job.instances}
    over = {s for job in ours if job.ended_at and aws.time - job.ended_at > GRACE for s in job.servers}
    for server in [server for wave in after.waves for server in wave.servers]:
        name = server.server_id
        if server.phase == "Kept":
            assert after.live_recovery_instances == "Keep"
        elif server.launched:
            assert (name, "LAUNCHED") in said or name in alive, "what is said to be up is up"
        elif server.error is not None and server.error.code == "WAVE_LAUNCH_FAILED":
            assert (name, "FAILED") in said or name in over, "nobody is given up before its time"


def check_cleaned(before: Run, after: Run, aws: SimulatedDrs) -> None:
    """What is said to be gone is gone, and what is said to be complete leaves nothing."""
    there = {instance.instance_id for instance in aws.there()}
    gone = {s.recovery_instance_id for wave in after.waves for s in wave.servers if s.phase == "Terminated"}
    assert not there & gone, "what is said to be terminated is gone"
    if after.cleanup is None or after.cleanup == before.cleanup:
        return
    assert not there & set(after.cleanup.terminated), "what is said to be terminated is gone"
    if after.cleanup.phase == "Completed":
        assert not own_instances(after, aws), "a clean-up that is complete leaves nothing"


def check_termination(run: Run, intent: TerminateIntent, aws: SimulatedDrs) -> None:
    """What must hold when AWS is called to terminate."""
    assert run.state == "Ended", "nothing is cleaned up before the end"
    assert run.is_drill, "what a recovery launched may serve users"
    assert set(intent.instance_ids) <= own_instances(run, aws), "only what runs, and never another run's"
    going = {i.instance_id for job in aws.running() for i in job.terminates}
    assert not going & set(intent.instance_ids), "no instance is terminated while a job of before does that"


def check_adopted(run: Run, job: SimulatedJob, aws: SimulatedDrs) -> None:
    """What a person may call the lost launch: exactly its servers, in its kind, and the launch of no other call."""
    (intent,) = [intent for intent in run.intents if intent.job_id == job.job_id]
    assert job.launches, "a termination launches nothing"
    assert job.is_drill == aws.drill, "a drill is no recovery"
    assert set(job.servers) == set(intent.server_ids), "the servers of the call, all of them and no others"
    assert job.token in (None, intent.token), "the launch of another call"
