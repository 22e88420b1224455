"""What a run waits for, in words for a tired person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from drs_operator.planning.holds import PERSONS_ONLY
from drs_operator.planning.quota import REASONS, Standing
from drs_operator.planning.run import Run, RunWave

_WORDS = {
    "Queued": "queued",
    "Snapshot": "taking a snapshot",
    "Conversion": "converting",
    "Launching": "launching",
    "Launched": "booting",
}


def waiting_for(
    run: Run, now: datetime, minutes: bool = True, standings: Mapping[int, Standing] | None = None
) -> str | None:
    """`you: resume 2.1`, `AWS: 4 servers converting, 6 min`, `quota: 3rd in us-east-1 (…)`; None: the run has ended.

    Without `minutes` the words change only when something happens. `standings`: where waves stand in line, by number.
    """
    if run.state == "Ended":
        return None
    if run.state == "Claimed":
        return f"drill {run.blocked_by} to end" if run.blocked_by else "AWS: validation"
    open_holds = run.open_holds()
    needing = [h for h in open_holds if h.reason in PERSONS_ONLY]
    if needing:
        return f"you: {needing[0].reason} {needing[0].id}"
    if open_holds and run.verdict is None:
        return f"you: resume {', '.join(hold.id for hold in open_holds)}"
    running = [wave for wave in run.waves if wave.phase == "Launching"]
    in_line = _in_line(run, standings or {})
    if running:
        said = f"AWS: {_servers(running)}" + (f", {_minutes(running, now)}" if minutes else "")
        return f"{said}; {in_line}" if in_line else said
    if in_line:
        return in_line
    queued = [wave for wave in run.waves if wave.phase == "Queued" and wave.queued_reason]
    if queued:
        first = queued[0]
        who = "quota" if first.queued_reason in REASONS else "AWS"
        return f"{who}: wave {first.wave_number} in {first.region} ({first.queued_reason})"
    return "AWS: the launch call" if any(intent.active for intent in run.intents) else "the next step"


def _in_line(run: Run, standings: Mapping[int, Standing]) -> str | None:
    """Where the wave stands that is nearest to its turn."""
    if not standings:
        return None
    number = min(standings, key=lambda wave: (standings[wave].position, wave))
    place = run.wave(number).region
    return f"quota: {_ordinal(standings[number].position)} in {place} ({standings[number].reason})"


def _ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _servers(waves: list[RunWave]) -> str:
    counts = Counter(_WORDS[server.phase] for wave in waves for server in wave.servers if server.phase in _WORDS)
    if not counts:
        return "the pause after the launch"
    return ", ".join(f"{n} server{'s' if n > 1 else ''} {word}" for word, n in counts.most_common())


def _minutes(waves: list[RunWave], now: datetime) -> str:
    since = min((wave.start_time for wave in waves if wave.start_time), default=now)
    return f"{max(0, int((now - since).total_seconds() // 60))} min"  # `now` may be the last sign of life
