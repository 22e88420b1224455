"""What may never happen to a run, whatever happens around it: rules on two records of it, the older one first."""

from __future__ import annotations

from collections import Counter

from drs_operator.planning.run import FINAL_WAVE_PHASES, LaunchIntent, Run, RunWave

DECIDED = {"Ready", "Failed"}
SKIPPED = {"Skipped", "CompletedWithExceptions"}


def satisfies(wave: RunWave) -> bool:
    """The contract's words, apart from the code's."""
    if wave.phase in ("Failed", "TimedOut"):
        return wave.on_failure == "Continue"
    return wave.phase in ("Completed", "CompletedWithExceptions", "Skipped")


def check_waves(before: Run, after: Run, command: bool) -> None:
    for old, new in zip(before.waves, after.waves, strict=True):
        if old.phase in FINAL_WAVE_PHASES and old.phase != new.phase:
            allowed = command and old.phase in ("Failed", "TimedOut") and new.phase in SKIPPED
            assert allowed, f"a final wave phase is for ever: {old.phase} -> {new.phase}"
        if old.phase == "Pending" and new.phase in ("Held", "Queued", "Launching"):
            assert all(satisfies(after.wave(n)) for n in new.waits_for), "no wave before what it waits for"
        assert new.final or not old.final
        if new.phase in ("Completed", "CompletedWithExceptions") and not old.final and not command:
            assert all(s.launched for s in new.servers if not s.optional), "what is required came up"


def check_servers(before: Run, after: Run) -> None:
    for old, new in zip(before.waves, after.waves, strict=True):
        for was, now in zip(old.servers, new.servers, strict=True):
            assert was.server_id == now.server_id
            if was.phase in DECIDED or (was.phase == "Skipped" and old.final):
                assert now.phase == was.phase, f"a final server phase is for ever: {was.phase} -> {now.phase}"
            if was.launched:
                assert now.launched, "what came up came up"
    active = Counter(server for intent in after.intents if intent.active for server in intent.server_ids)
    assert max(active.values(), default=0) <= 1, "at most one active attempt for a server"


def check_run(before: Run, after: Run) -> None:
    if before.verdict is not None:
        assert (after.verdict, after.verdict_time) == (before.verdict, before.verdict_time), "a verdict is for ever"
    if before.cancel is not None:
        assert after.cancel == before.cancel
    if before.state == "Ended":
        assert after.model_copy(update={"answers": before.answers}) == before, "what has ended never changes"
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
