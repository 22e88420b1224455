"""What a command does to a run, and how it is answered.

The answer and the act are one transition of the run's row, so a crash can neither lose a command nor honour it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drs_operator.planning import ending, holds, ids
from drs_operator.planning.run import Answer, Cancel, Hold, Run, RunWave

ORDER = ("cancel", "pause", "skip", "retry", "adopt", "resume", "terminate-instances")
"""The order in which commands that are read together are taken."""
NEWEST = 20
REPEAT_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Command:
    """An annotation `drs-operator.io/<type>` and who set it, as far as the API server stamped it."""

    type: str
    value: str
    requested_by: str


@dataclass(frozen=True, slots=True)
class _No:
    code: str
    message: str


def take(run: Run, commands: Iterable[Command], now: datetime) -> tuple[Run, list[Answer]]:
    """Takes commands that were read together; returns the answers to new ones (not to those seen before)."""
    answers: list[Answer] = []
    superseded = False
    for command in sorted(commands, key=lambda c: ORDER.index(c.type) if c.type in ORDER else len(ORDER)):
        mark = ids.command_mark(command.type, command.value)
        if mark in run.honoured:
            continue
        verdict: Run | _No
        if superseded:
            verdict = _No("SUPERSEDED", "the run was cancelled in the same moment")
        else:
            verdict = _ACTS.get(command.type, _unavailable)(run, command, now)
        answer = Answer(
            type=command.type,
            value=command.value,
            requested_by=command.requested_by,
            observed_time=now,
            outcome="Refused" if isinstance(verdict, _No) else "Accepted",
            code=verdict.code if isinstance(verdict, _No) else None,
            message=verdict.message if isinstance(verdict, _No) else "",
        )
        if isinstance(verdict, Run):
            run = verdict.model_copy(update={"honoured": (*verdict.honoured, mark)})
            superseded = superseded or command.type == "cancel"
        run = run.model_copy(update={"answers": remembered(run.answers, answer)})
        answers.append(answer)
    return run, answers


def remembered(answers: tuple[Answer, ...], new: Answer) -> tuple[Answer, ...]:
    """The newest answers; the same refusal within a minute only raises the count of the first."""
    for old in answers:
        same = (old.type, old.value, old.outcome, old.code) == (new.type, new.value, new.outcome, new.code)
        if same and new.outcome == "Refused" and new.observed_time - old.observed_time < REPEAT_WINDOW:
            again = old.model_copy(update={"count": old.count + 1})
            return tuple(again if a is old else a for a in answers)
    return (new, *answers)[:NEWEST]


def _unavailable(run: Run, command: Command, now: datetime) -> Run | _No:
    return _No("NOT_AVAILABLE", f"{command.type} is not available in this version")


def _cancel(run: Run, command: Command, now: datetime) -> Run | _No:
    if run.state == "Ended":
        return _No("EXECUTION_NOT_CANCELLABLE", "the run has ended")
    if run.verdict is not None:
        return _No(
            "EXECUTION_NOT_CANCELLABLE", f"the run's verdict is {run.verdict}; it only follows its jobs to their end"
        )
    if run.cancel is not None:
        return _No("EXECUTION_NOT_CANCELLABLE", f"it was cancelled by {run.cancel.requested_by or 'unknown'} already")
    return run.model_copy(update={"cancel": Cancel(requested_by=command.requested_by, time=now)})


def _pause(run: Run, command: Command, now: datetime) -> Run | _No:
    if not run.deciding:
        return _No("EXECUTION_NOT_PAUSABLE", "the run starts no wave any more; watch it end")
    to_come = any(wave.phase in ("Pending", "Held") for wave in run.waves)
    if not to_come and not any(intent.state == "Planned" for intent in run.intents):
        if len(run.waves) == 1:
            return _No("SINGLE_WAVE_NOT_PAUSABLE", "its only wave has started; cancel is what is left")
        return _No("NO_PENDING_WAVES", "every wave has started; nothing is left to hold")
    return run.model_copy(update={"pause_requested": True})


def _resume(run: Run, command: Command, now: datetime) -> Run | _No:
    wanted = [h for h in run.open_holds() if h.reason not in holds.PERSONS_ONLY and _means(command.value, h)]
    if not run.deciding or not (wanted or (run.pause_requested and command.value == "true")):
        waiting = ", ".join(f"{hold.id} ({hold.reason})" for hold in run.open_holds()) or "nothing"
        return _No("EXECUTION_NOT_PAUSED", f"nothing that resume={command.value} could open; on hold: {waiting}")
    run = holds.closed(run, [hold.id for hold in wanted], now, command.requested_by)
    return run.model_copy(update={"pause_requested": False})


def _skip(run: Run, command: Command, now: datetime) -> Run | _No:
    meant = {h.wave_number for h in run.open_holds() if command.value != "true" and _means(command.value, h)}
    if not meant or not run.deciding:
        return _No("NOTHING_TO_SKIP", f"no held or failed wave is meant by skip={command.value}; name its hold id")
    for wave in run.waves:
        if wave.wave_number in meant:
            run = _skipped(run, wave, now)
            run = holds.closed(run, [h.id for h in run.open_holds(wave.wave_number)], now, command.requested_by)
    return run


def _skipped(run: Run, wave: RunWave, now: datetime) -> Run:
    something = any(server.launched for server in wave.servers)
    phase = "CompletedWithExceptions" if something else "Skipped"
    run = run.with_wave(
        wave.model_copy(update={"phase": phase, "end_time": wave.end_time or now, "queued_reason": None})
    )
    run = ending.drop_planned(run, wave.wave_number, now)
    return run.with_servers(
        wave.wave_number, lambda s: s.model_copy(update={"phase": "Skipped"}) if s.phase == "Pending" else s
    )


def _means(value: str, hold: Hold) -> bool:
    return value == "true" or value == hold.id or value == str(hold.wave_number)


_ACTS: dict[str, Callable[[Run, Command, datetime], Run | _No]] = {
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "skip": _skip,
}
