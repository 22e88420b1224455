"""What becomes of a drill's instances after its end: when the clean-up is due, how it goes on, and when it is over.

Begun when somebody asks for it or when `terminateDrillInstancesAfterSeconds` are over, in every final phase. It changes
nothing of the run's result: only `cleanup`, and the phase of servers whose instances are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1.drexecution_status import CleanupStatus
from drs_operator.api.v1alpha1.enums import CleanupPhase
from drs_operator.api.v1alpha1.limits import LISTED_CLEANUP_JOBS
from drs_operator.planning import terminating
from drs_operator.planning.facts import Place
from drs_operator.planning.intents import Cleanup
from drs_operator.planning.job_status import job_status
from drs_operator.planning.requests import Command, Evidence, No
from drs_operator.planning.run import Run, RunServer
from drs_operator.planning.terminating import GOING, Sight

LOOK = "look at them: aws drs describe-recovery-instances"
NAMED = 10
"""How many instances a message names."""


def over(cleanup: Cleanup | None) -> bool:
    """Nothing of it is to come."""
    return cleanup is None or cleanup.phase in ("Completed", "CompletedWithExceptions")


def may(run: Run) -> bool:
    """Whether there is anything that it might be about: a drill that has ended and launched something."""
    return run.is_drill and run.state == "Ended" and bool(terminating.launched(run))


def scheduled(run: Run, after_seconds: int | None) -> Run:
    """The run with the due time that its object asks for now; what has begun is not taken back."""
    cleanup = run.cleanup
    if not may(run) or run.finish_time is None or (cleanup is not None and cleanup.phase != "Scheduled"):
        return run
    if after_seconds is None:
        return run.model_copy(update={"cleanup": None})
    due = run.finish_time + timedelta(seconds=after_seconds)
    return run.model_copy(update={"cleanup": Cleanup(phase="Scheduled", due_time=due)})


def begun(run: Run, now: datetime) -> Run:
    """The run with its clean-up running, if it is due by now."""
    cleanup = run.cleanup
    due = cleanup is not None and cleanup.phase == "Scheduled" and cleanup.due_time is not None
    if not due or cleanup is None or cleanup.due_time is None or now < cleanup.due_time:
        return run
    return run.model_copy(update={"cleanup": cleanup.model_copy(update={"phase": "Running"})})


def asked(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    """`terminate-instances`: begins at once; one that runs is left as it is.

    One that is over looks anew: what failed is tried again, and a job that the run gave up may have launched since.
    """
    if not run.is_drill:
        return No(
            "INSTANCES_NOT_TERMINABLE", "the run is a RECOVERY: what it launched may serve users; nothing is done"
        )
    if run.state != "Ended":
        text = "the run has not ended; wait until it has (kubectl wait --for=condition=Finished), then ask again"
        return No("INSTANCES_NOT_TERMINABLE", text)
    old = run.cleanup
    if not may(run) or (old is not None and old.phase == "Running"):
        return run
    cleanup = Cleanup(
        phase="Running",
        due_time=old.due_time if old else None,
        requested_by=command.requested_by,
        terminated=old.terminated if old else (),
        remaining=old.remaining if old else (),
    )
    return run.model_copy(update={"cleanup": cleanup})


def decided(
    run: Run, sights: Mapping[Place, Sight], troubles: Mapping[Place, str], settle: timedelta, now: datetime
) -> Run:
    """What is seen, made of the clean-up: intents followed and planned, instances that are gone, and the end.

    Nothing is concluded of a place that could not be read (`troubles`: why).
    """
    cleanup = run.cleanup
    if cleanup is None or cleanup.phase != "Running":
        return run
    names = {wave.place: wave.account_name for wave in run.waves}
    terminated, remaining = set(cleanup.terminated), set(cleanup.remaining)
    complete = not troubles and set(terminating.launched(run)) <= set(sights)
    everywhere: set[str] = set()
    for place, sight in sights.items():
        cleanup = terminating.followed(cleanup, place, sight, settle, now)
        there = [i for i in sight.instances if i.state not in GOING]
        going = {i.instance_id for i in sight.instances if i.state == "SHUTTING-DOWN"}
        cleanup = terminating.planned(run, cleanup, place, names[place], there)
        seen = {i.instance_id for i in there} | going
        known = {i for intent in cleanup.intents if intent.place == place for i in intent.instance_ids}
        terminated |= known - seen
        everywhere |= seen
        remaining = (remaining - known) | seen
    if complete:  # also what no intent names any more, because others have terminated it
        terminated |= remaining - everywhere
    terminated -= everywhere
    remaining -= terminated
    update: dict[str, object] = {"terminated": tuple(sorted(terminated)), "remaining": tuple(sorted(remaining))}
    if troubles:
        update["message"] = "; ".join(f"{place}: {text}" for place, text in sorted(troubles.items(), key=str))
    elif cleanup.message and not any(intent.state == "Planned" for intent in cleanup.intents):
        update["message"] = ""
    cleanup = cleanup.model_copy(update=update)
    if complete:
        cleanup = _ended(cleanup, now)
    return _with_servers(run.model_copy(update={"cleanup": cleanup}), terminated)


def _ended(cleanup: Cleanup, now: datetime) -> Cleanup:
    left = terminating.given_up(cleanup)
    if any(intent.state != "Ended" for intent in cleanup.intents) or set(cleanup.remaining) - left.keys():
        return cleanup
    named = [f"{i}: {left[i]}" for i in cleanup.remaining]
    if not named:
        return cleanup.model_copy(update={"phase": "Completed", "message": "", "end_time": now})
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    text = f"not terminated: {'; '.join(named[:NAMED])}{more}; {LOOK}"
    return cleanup.model_copy(update={"phase": "CompletedWithExceptions", "message": text, "end_time": now})


def _with_servers(run: Run, terminated: set[str]) -> Run:
    def change(server: RunServer) -> RunServer:
        gone = server.recovery_instance_id in terminated and server.phase in ("Launched", "Ready")
        return server.model_copy(update={"phase": "Terminated"}) if gone else server

    for wave in run.waves:
        if any(server.recovery_instance_id in terminated for server in wave.servers):
            run = run.with_servers(wave.wave_number, change)
    return run


def leave_at(run: Run | None, finish_time: datetime, ttl_seconds: int | None) -> datetime | None:
    """When the object is to be deleted; None: not at all, or not yet known because a clean-up is to come."""
    cleanup = run.cleanup if run else None
    if ttl_seconds is None or not over(cleanup):
        return None
    since = (cleanup.end_time if cleanup else None) or finish_time
    return since + timedelta(seconds=ttl_seconds)


def status(run: Run) -> CleanupStatus | None:
    """The clean-up as the status shows it."""
    cleanup = run.cleanup
    if cleanup is None:
        return None
    launched = [s for wave in run.waves for s in wave.servers if s.recovery_instance_id and s.phase != "Kept"]
    jobs = [intent for intent in cleanup.intents if intent.job_id or intent.state in ("Calling", "Started")]
    return CleanupStatus(
        phase=CleanupPhase(cleanup.phase),
        due_time=cleanup.due_time,
        terminated=len(cleanup.terminated),
        remaining=len(launched) if cleanup.phase == "Scheduled" else len(cleanup.remaining),
        jobs=[job_status(intent, intent.place, len(intent.instance_ids)) for intent in jobs][-LISTED_CLEANUP_JOBS:],
        message=cleanup.message or None,
    )
