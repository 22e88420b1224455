"""The command `adopt`: a person says which job is the launch whose outcome is unknown. It is checked, then followed."""

from __future__ import annotations

from datetime import datetime, timedelta

from drs_operator.planning import launching
from drs_operator.planning.facts import Job
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.launching import TOKEN_TAG
from drs_operator.planning.naming import few
from drs_operator.planning.requests import Command, Evidence, No
from drs_operator.planning.run import Run, RunWave

REASON = "LaunchOutcomeUnknown"
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far before the call the job may have begun: a clock that is further off cannot sign a request at all."""
_KINDS = {True: "START_DRILL", False: "START_RECOVERY"}
"""What AWS says of a launch job, by whether the run is a drill."""
JOB_DOES_NOT_MATCH = "JOB_DOES_NOT_MATCH"


def candidates(run: Run, command: Command) -> list[LaunchIntent]:
    """The calls that an `adopt` may be about: of unknown outcome, and a person was asked."""
    if command.type != "adopt" or run.state != "Running" or command.honoured(run):
        return []
    asked = {hold.wave_number for hold in run.open_holds() if hold.reason == REASON}
    return [intent for intent in run.intents if intent.state == "Calling" and intent.wave_number in asked]


def adopt(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    """CALLING to STARTED with the job that a person has named, if it can be this launch; the hold closes with it.

    Where the run has found that very job meanwhile by itself, it is as the person wants it.
    """
    calls = candidates(run, command)
    known = next((intent for intent in run.intents if intent.job_id == command.value), None)
    if not calls and known is not None and run.state == "Running":
        return run
    if not calls:
        return No(JOB_DOES_NOT_MATCH, "no launch of this run is on hold with an unknown outcome: nothing to adopt for")
    if known is not None:
        text = f"{command.value} is the known launch of wave {known.wave_number}, attempt {known.attempt}"
        return No(JOB_DOES_NOT_MATCH, f"{text}; name another job, or skip the wave")
    differences: list[tuple[int, str]] = []
    for intent in calls:
        wave = run.wave(intent.wave_number)
        job = evidence.jobs[wave.place].by_id().get(command.value)
        mismatch = difference(run, wave, intent, job)
        if mismatch is None:
            assert job is not None
            run = launching.started(run, intent, job.job_id, job.status, job.created_at)
            return launching.known(run, intent.wave_number, now, command.requested_by)
        likeness = len(_members(job) & set(intent.server_ids)) if job is not None else -1
        differences.append((likeness, f"of wave {wave.wave_number}: {mismatch}"))
    _, nearest = max(differences, key=lambda item: item[0])
    return No(JOB_DOES_NOT_MATCH, f"{command.value} is not the launch {nearest}; name another job, or skip the wave")


def difference(run: Run, wave: RunWave, intent: LaunchIntent, job: Job | None) -> str | None:
    """Why the job cannot be the launch of this call; None: it can be.

    There is no latest time: a launch that was made by hand because this one was lost serves as well.
    """
    assert intent.called_at_aws is not None  # it is CALLING
    earliest = intent.called_at_aws - CLOCK_TOLERANCE
    if job is None:
        return f"AWS has no such job in {wave.place} since {earliest:%Y-%m-%dT%H:%M:%SZ}"
    if job.initiated_by != _KINDS[run.is_drill]:
        return f"it was begun by {job.initiated_by}, not {_KINDS[run.is_drill]}"
    token = job.tags.get(TOKEN_TAG)
    if token is not None and token != intent.token:
        return f"its tag {TOKEN_TAG} says that it is the launch {token}"
    if job.created_at < earliest:
        return (
            f"it began at {job.created_at:%Y-%m-%dT%H:%M:%SZ}, before the call at "
            f"{intent.called_at_aws:%Y-%m-%dT%H:%M:%SZ}"
        )
    members, wanted = _members(job), set(intent.server_ids)
    if members == wanted:
        return None
    parts = [
        f"{what} {few(sorted(servers))}"
        for what, servers in (("it lacks", wanted - members), ("it has besides", members - wanted))
        if servers
    ]
    return " and ".join(parts)


def _members(job: Job) -> set[str]:
    return {server.server_id for server in job.servers}
