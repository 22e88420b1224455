"""What may never happen to a run, whatever happens around it: rules on two records of it, the older one first."""

from __future__ import annotations

from collections import Counter

from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.run import FINAL_WAVE_PHASES, Run, RunServer, RunWave

DECIDED = {"Ready", "Kept", "Failed", "Terminated"}
SKIPPED = {"Skipped", "CompletedWithExceptions"}


def satisfies(wave: RunWave) -> bool:
    """The contract's words, apart from the code's."""
    if wave.phase in ("Failed", "TimedOut"):
        return wave.on_failure == "Continue"
    return wave.phase in ("Completed", "CompletedWithExceptions", "Skipped")


def retried(old: RunWave, new: RunWave) -> bool:
    """Whether a failed wave is at its next attempt."""
    return old.phase in ("Failed", "TimedOut") and new.phase == "Pending" and new.attempt == old.attempt + 1


def check_waves(before: Run, after: Run, command: bool) -> None:
    for old, new in zip(before.waves, after.waves, strict=True):
        if old.phase in FINAL_WAVE_PHASES and old.phase != new.phase:
            allowed = command and old.phase in ("Failed", "TimedOut") and (new.phase in SKIPPED or retried(old, new))
            assert allowed, f"a final wave phase is for ever: {old.phase} -> {new.phase}"
        if old.phase == "Pending" and new.phase in ("Held", "Queued", "Launching"):
            assert all(satisfies(after.wave(n)) for n in new.waits_for), "no wave before what it waits for"
        assert new.final or not old.final or retried(old, new)
        assert new.attempt == old.attempt or (command and retried(old, new)), "an attempt is asked for by a person"
        if new.phase in ("Completed", "CompletedWithExceptions") and not old.final and not command:
            assert all(s.launched for s in new.servers if not s.optional), "what is required came up"


def check_servers(before: Run, after: Run) -> None:
    for old, new in zip(before.waves, after.waves, strict=True):
        for was, now in zip(old.servers, new.servers, strict=True):
            assert was.server_id == now.server_id
            if was.phase in DECIDED or (was.phase == "Skipped" and old.final):
                again = retried(old, new) and was.phase != "Ready" and (now.launched or now.attempt == new.attempt)
                kept = now.phase == was.phase or again or terminated(before, was, now)
                assert kept, f"a final server phase is for ever: {was.phase} -> {now.phase}"
            if was.launched:
                assert now.launched, "what came up came up"
    check_attempts(after)


def terminated(before: Run, was: RunServer, now: RunServer) -> bool:
    """Whether the clean-up has terminated what came up: that is all that it may change of a server."""
    return before.state == "Ended" and now == was.model_copy(update={"phase": "Terminated"}) and was.launched


def check_ended(before: Run, after: Run) -> None:
    """What has ended is history: only late commands are answered, and drills cleaned up."""
    waves = []
    for old, new in zip(before.waves, after.waves, strict=True):
        servers = [
            was if terminated(before, was, now) else now for was, now in zip(old.servers, new.servers, strict=True)
        ]
        waves.append(new.model_copy(update={"servers": tuple(servers)}))
    may_change = ("answers", "honoured", "cleanup", "observed_time")
    same = {name: getattr(before, name) for name in may_change}
    assert after.model_copy(update={**same, "waves": tuple(waves)}) == before, "what has ended never changes"


def check_attempts(run: Run) -> None:
    """An earlier attempt of a server may still be active when its job lingers, but for the server it is over."""
    present = {server.server_id: server.attempt for wave in run.waves for server in wave.servers}
    active: Counter[str] = Counter()
    for intent in run.intents:
        for server in intent.server_ids if intent.active else ():
            if intent.attempt < present[server]:
                assert intent.state == "Started", "what may yet launch a server is its only attempt"
            else:
                active[server] += 1
    assert max(active.values(), default=0) <= 1, "at most one active attempt for a server"


def check_run(before: Run, after: Run) -> None:
    if before.verdict is not None:
        assert (after.verdict, after.verdict_time) == (before.verdict, before.verdict_time), "a verdict is for ever"
    if before.cancel is not None:
        assert after.cancel == before.cancel
    if before.state == "Ended":
        check_ended(before, after)
    assert set(before.honoured) <= set(after.honoured)
    kept = {hold.id: hold for hold in after.holds}
    assert len(kept) == len(after.holds), "ids of holds are unique"
    for hold in before.holds:
        assert kept[hold.id] == hold or hold.open, "a hold that was closed stays closed"
    assert len({intent.token for intent in after.intents}) == len(after.intents), "a token is one for each call"
    jobs = {intent.key: intent.job_id for intent in after.intents}
    for intent in before.intents:
        assert intent.key in jobs, "no intent is forgotten"
        assert intent.job_id in (None, jobs[intent.key]), "a job that is known is never forgotten"


def check_call(run: Run, intent: LaunchIntent) -> None:
    """What must hold when AWS is called."""
    wave = run.wave(intent.wave_number)
    assert run.state == "Running"
    assert run.verdict is None, "no launch after a verdict"
    assert run.cancel is None, "no launch after a cancel"
    assert not run.pause_requested, "no launch while a pause is asked for"
    assert all(satisfies(run.wave(number)) for number in wave.waits_for), "no wave before what it waits for"
    asked = any(h.wave_number == wave.wave_number and h.reason == "PauseBeforeWave" for h in run.holds)
    assert asked or not wave.pause_before_wave, "no wave that a person was to be asked about"
    assert not run.open_holds(wave.wave_number), "no launch of what is held"
    assert not wave.final, "no launch of what is over"
