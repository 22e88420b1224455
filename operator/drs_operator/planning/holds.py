"""Holds: what waits for a person, and the line by which the person goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from drs_operator.planning.run import Hold, Run

PERSONS_ONLY = frozenset({"WaveFailed", "LaunchOutcomeUnknown"})
"""Holds that `resume` never opens: they need a decision of their own."""


def opened(run: Run, number: int, reason: str, now: datetime, detail: str = "") -> Run:
    """The run with one more hold of a wave. The wave is Held, unless it is final or a job of it goes on meanwhile."""
    count = 1 + sum(1 for hold in run.holds if hold.wave_number == number)
    hold = Hold(id=f"{number}.{count}", wave_number=number, reason=reason, since=now, detail=detail)
    run = run.model_copy(update={"holds": (*run.holds, hold)})
    wave = run.wave(number)
    if wave.final or any(intent.state == "Started" for intent in run.every_intent_of(number)):
        return run
    return run.with_wave(wave.model_copy(update={"phase": "Held"}))


def closed(run: Run, ids: Collection[str], now: datetime, by: str) -> Run:
    """The run with these holds closed; those that were closed before stay as they are."""
    update = {"closed_at": now, "closed_by": by or "unknown"}
    return run.model_copy(
        update={"holds": tuple(h.model_copy(update=update) if h.open and h.id in ids else h for h in run.holds)}
    )


def annotate(run: Run, command: str, value: str) -> str:
    """The kubectl line that gives a command."""
    return f"kubectl annotate -n {run.namespace} drx/{run.name} drs-operator.io/{command}={value}"


def way_on(run: Run, hold: Hold) -> str:
    """The kubectl line that goes on past a hold; where there are two ways, the other follows as its comment."""
    if hold.reason not in PERSONS_ONLY:
        return annotate(run, "resume", hold.id)
    first = annotate(run, "retry", hold.id) if hold.reason == "WaveFailed" else annotate(run, "adopt", "drsjob-…")
    return f"{first}  # or skip={hold.id}"
