"""What a run waits for, in words for a tired person."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from drs_operator.planning.holds import PERSONS_ONLY
from drs_operator.planning.launching import Refusal
from drs_operator.planning.run import Run, RunWave

_WORDS = {
    "Queued": "queued",
    "Snapshot": "taking a snapshot",
    "Conversion": "converting",
    "Launching": "launching",
    "Launched": "booting",
}


def waiting_for(run: Run, now: datetime, minutes: bool = True) -> str | None:
    """`you: resume 2.1`, `AWS: 4 servers converting, 6 min`, `quota: …`; None when the run has ended.

    Without `minutes` the words change only when something happens.
    """
    if run.state == "Ended":
        return None
    if run.state == "Claimed":
        return "AWS: validation"
    open_holds = run.open_holds()
    needing = [h for h in open_holds if h.reason in PERSONS_ONLY]
    if needing:
        return f"you: {needing[0].reason} {needing[0].id}"
    if open_holds and run.verdict is None:
        return f"you: resume {', '.join(hold.id for hold in open_holds)}"
    running = [wave for wave in run.waves if wave.phase == "Launching"]
    if running:
        return f"AWS: {_servers(running)}" + (f", {_minutes(running, now)}" if minutes else "")
    queued = [wave for wave in run.waves if wave.phase == "Queued" and wave.queued_reason]
    if queued:
        first = queued[0]
        who = "quota" if first.queued_reason in (Refusal.JOBS_QUOTA, Refusal.SERVERS_QUOTA) else "AWS"
        return f"{who}: wave {first.wave_number} in {first.region} ({first.queued_reason})"
    return "AWS: the launch call" if any(intent.active for intent in run.intents) else "the next step"


def _servers(waves: list[RunWave]) -> str:
    counts = Counter(_WORDS[server.phase] for wave in waves for server in wave.servers if server.phase in _WORDS)
    if not counts:
        return "the pause after the launch"
    return ", ".join(f"{n} server{'s' if n > 1 else ''} {word}" for word, n in counts.most_common())


def _minutes(waves: list[RunWave], now: datetime) -> str:
    since = min((wave.start_time for wave in waves if wave.start_time), default=now)
    return f"{int((now - since).total_seconds() // 60)} min"
