"""The wave engine: from a run and what was seen to the next run and what has to be done.

`plan_next_steps` is level-triggered: called twice, late or after a crash it comes to the same end. It never acts; what
it returns as steps is done by the reconciler, in the order intent, act, record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from drs_operator.planning import ending, gaps, holds, ids, launching, verdicts
from drs_operator.planning.facts import Observed
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Run, RunWave
from drs_operator.planning.spans import covered

SERVERS_PER_JOB = 100
"""AWS's quota L-B827C881."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Make the call of this intent, after its guards."""

    intent: LaunchIntent


@dataclass(frozen=True, slots=True)
class Resolve:
    """Find out by looking what became of a call whose answer is unknown."""

    intent: LaunchIntent


@dataclass(frozen=True, slots=True)
class Finish:
    """Let go of the locks, then write the end."""


Step = Launch | Resolve | Finish


@dataclass(frozen=True, slots=True)
class Decision:
    """The run as it should be recorded, what has to be done after that, and when time alone changes something."""

    run: Run
    steps: tuple[Step, ...]
    wake_at: datetime | None


def plan_next_steps(run: Run, observed: Observed, now: datetime, starts: bool = True) -> Decision:
    """Decides. Whoever asks has no call of this run under way: one that is CALLING has an unknown outcome.

    Without `starts` no wave's turn comes: what runs is followed, and ends as it would.
    """
    if run.state != "Running":
        return Decision(run, (), None)
    for wave in run.waves:
        run = verdicts.absorb(run, wave.wave_number, observed)
    run = _settled(run, now, starts)
    return Decision(run, tuple(_steps(run, now)), _wake_at(run, now))


def _settled(run: Run, now: datetime, starts: bool) -> Run:
    """All that follows from what is known: the end of a wave lets the next one start, which may end at once."""
    while True:
        before = run
        for wave in run.waves:
            run = _conclude(run, wave.wave_number, now)
        run = _verdict(run)
        if run.verdict is None:
            run = _start_waves(run, now) if starts else run
        else:
            run = ending.stop_waiting(run.model_copy(update={"verdict_time": run.verdict_time or now}), now)
        if run == before:
            return run


# --- waves that run -------------------------------------------------------------------------------------------------


def _conclude(run: Run, number: int, now: datetime) -> Run:
    """Ends a wave whose servers say so; evidence comes before the clock."""
    wave = run.wave(number)
    if wave.phase != "Launching":
        return run
    required = [server for server in wave.servers if not server.optional]
    failed = [server for server in required if server.phase == "Failed"]
    # The wave does not wait for the jobs of optional servers, but their calls have to be made.
    called = not any(intent.state in ("Planned", "Calling") for intent in run.every_intent_of(number))
    if called and all(server.up for server in required) and (required or verdicts.all_final(wave)):
        if wave.ready_time is None:
            wave = wave.model_copy(update={"ready_time": now})
        if now < wave_is_over_at(wave):
            return run.with_wave(wave)
        exceptions = any(server.phase == "Failed" for server in wave.servers)
        phase = "CompletedWithExceptions" if exceptions else "Completed"
        return run.with_wave(wave.model_copy(update={"phase": phase, "end_time": now}))
    if failed and verdicts.all_final(wave):
        return _failed(run, wave, "Failed", now)
    if (deadline := wave_deadline(run, wave)) is not None and now >= deadline:
        return _failed(run, wave, "TimedOut", now)
    return run


def _failed(run: Run, wave: RunWave, phase: str, now: datetime) -> Run:
    missing = verdicts.names([server for server in wave.servers if not server.up])
    run = run.with_wave(wave.model_copy(update={"phase": phase, "end_time": now}))
    run = ending.drop_planned(run, wave.wave_number, now)
    if wave.on_failure != "Pause" or run.verdict is not None:
        return run
    return holds.opened(run, wave.wave_number, "WaveFailed", now, detail=f"{missing} did not come up")


def wave_is_over_at(wave: RunWave) -> datetime:
    """When a wave whose servers are ready has waited long enough."""
    assert wave.ready_time is not None
    return wave.ready_time + timedelta(seconds=wave.wait_after_seconds)


def wave_deadline(run: Run, wave: RunWave) -> datetime | None:
    """When the wave times out: counted from the call that started its attempt's first job, on the operator's clock.

    Of a retry that launches nothing anew it counts from the command. Holds of the wave do not count; None while one is
    open, and before the first job.
    """
    intents = run.intents_of(wave.wave_number)
    started = [i.called_at for i in intents if i.job_id and i.called_at is not None]
    if wave.retry_time is not None and not any(i.active or i.job_id for i in intents):
        started.append(wave.retry_time)
    if not started or run.open_holds(wave.wave_number):
        return None
    first = min(started)
    mine = [(max(h.since, first), h.closed_at) for h in run.holds if h.wave_number == wave.wave_number]
    held = covered((since, until) for since, until in mine if until is not None)
    return first + timedelta(seconds=wave.timeout_seconds) + held


# --- the verdict ----------------------------------------------------------------------------------------------------


def _verdict(run: Run) -> Run:
    if run.verdict is not None:
        return run
    if run.cancel is not None:
        return run.model_copy(update={"verdict": "Cancelled"})
    for wave in run.waves:
        if wave.phase in ("Failed", "TimedOut") and wave.on_failure == "Fail":
            return _lost(run, wave)
    if not all(wave.final for wave in run.waves) or run.open_holds():
        return run
    for wave in run.waves:
        if wave.phase in ("Failed", "TimedOut") and not wave.satisfied:
            return _lost(run, wave)
    clean = all(wave.phase == "Completed" for wave in run.waves)
    return run.model_copy(update={"verdict": "Completed" if clean else "CompletedWithExceptions"})


def _lost(run: Run, wave: RunWave) -> Run:
    timed_out = wave.phase == "TimedOut"
    names = verdicts.names([server for server in wave.servers if not server.up])
    error = ErrorRecord(
        code="WAVE_TIMED_OUT" if timed_out else "WAVE_LAUNCH_FAILED",
        message=f"wave {wave.wave_number} ({wave.name}) {'timed out' if timed_out else 'failed'}: {names}; "
        "see status.waves for each server's error, mend it, then start a new run",
    )
    return run.model_copy(update={"verdict": "TimedOut" if timed_out else "Failed", "error": error})


# --- waves whose turn it is -----------------------------------------------------------------------------------------


def _start_waves(run: Run, now: datetime) -> Run:
    if run.pause_requested:
        run = _hold_calls(run, now)
    if run.unobserved_since is not None:
        run = gaps.hold_calls(run, now)
    for wave in sorted(run.waves, key=lambda w: (w.launch_order, w.wave_number)):
        if wave.phase not in ("Pending", "Held"):
            continue
        if not all(run.wave(number).satisfied for number in wave.waits_for):
            continue
        if run.open_holds(wave.wave_number):
            continue
        if (reason := _hold_before(run, wave)) is not None:
            detail = gaps.detail(run) if reason == gaps.REASON else ""
            run = holds.opened(run, wave.wave_number, reason, now, detail)
        elif run.intents_of(wave.wave_number):  # held after it was planned: goes on where it was
            run = run.with_wave(wave.model_copy(update={"phase": "Queued"}))
        else:
            run = _plan_launch(run, wave)
    return run


def _hold_calls(run: Run, now: datetime) -> Run:
    """A pause also stops calls that are planned and not made: those of a wave in the queue, or of its next jobs."""
    for wave in run.waves:
        number = wave.wave_number
        planned = any(intent.state == "Planned" for intent in run.intents_of(number))
        if planned and not wave.final and not run.open_holds(number):
            run = holds.opened(run, number, "Requested", now)
    return run


def _hold_before(run: Run, wave: RunWave) -> str | None:
    """Why a wave whose turn has come must wait for a person. A hold that somebody opened is not asked for again."""
    asked = any(h.wave_number == wave.wave_number and h.reason == "PauseBeforeWave" for h in run.holds)
    if wave.pause_before_wave and not asked:
        return "PauseBeforeWave"  # before a requested pause: one `resume` answers both
    if run.unobserved_since is not None:
        return gaps.REASON
    return "Requested" if run.pause_requested else None


def _plan_launch(run: Run, wave: RunWave) -> Run:
    """Writes the intents of a wave, for the servers that are still to be launched.

    An earlier attempt that may still launch a server keeps it: it is followed there.
    """
    going = {server_id for server_id, intent in run.owners(wave.wave_number).items() if intent.active}
    members = [s.server_id for s in wave.servers if not s.decided and s.server_id not in going]
    if not members:
        return run.with_wave(wave.model_copy(update={"phase": "Launching"}))
    for shard, begin in enumerate(range(0, len(members), SERVERS_PER_JOB), start=1):
        run = run.with_intent(
            LaunchIntent(
                wave_number=wave.wave_number,
                attempt=wave.attempt,
                shard=shard,
                token=ids.launch_token(run.execution_id, wave.wave_number, wave.attempt, shard),
                server_ids=tuple(members[begin : begin + SERVERS_PER_JOB]),
            )
        )
    run = run.with_wave(wave.model_copy(update={"phase": "Queued"}))
    return run.with_servers(
        wave.wave_number,
        lambda s: s.model_copy(update={"phase": "Queued", "attempt": wave.attempt}) if s.server_id in members else s,
    )


# --- what has to be done --------------------------------------------------------------------------------------------


def _steps(run: Run, now: datetime) -> list[Step]:
    steps: list[Step] = []
    for intent in run.intents:
        if launching.may_call(run, intent) and (intent.not_before is None or intent.not_before <= now):
            steps.append(Launch(intent))
        elif intent.state == "Calling":
            steps.append(Resolve(intent))
    if ending.drained(run):
        steps.append(Finish())
    return steps


def _wake_at(run: Run, now: datetime) -> datetime | None:
    moments = [intent.not_before for intent in run.intents if intent.state == "Planned" and intent.not_before]
    if run.verdict_time is not None:
        moments.append(run.verdict_time + ending.DRAIN_LIMIT)
    for wave in run.waves:
        if wave.phase != "Launching":
            continue
        if wave.ready_time is not None:
            moments.append(wave_is_over_at(wave))
        if (deadline := wave_deadline(run, wave)) is not None:
            moments.append(deadline)
    later = [moment for moment in moments if moment > now]
    return min(later) if later else None
