"""What a command does to a run, and how it is answered.

The answer and the act are one transition of the run's row, so a crash can neither lose a command nor honour it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from drs_operator.planning import adopting, cleanup, ending, gaps, holds, ids, retrying
from drs_operator.planning.requests import Command, Evidence, No
from drs_operator.planning.run import Answer, Cancel, Run, RunWave

ORDER = ("cancel", "pause", "skip", "retry", "adopt", "resume", "terminate-instances")
"""The order in which commands that are read together are taken."""
NEWEST = 20
REPEAT_WINDOW = timedelta(minutes=1)


Act = Callable[[Run, Command, Evidence, datetime], Run | No]
"""What a command does: the run after it, or why it cannot apply."""


def take(run: Run, commands: Iterable[Command], evidence: Evidence, now: datetime) -> tuple[Run, list[Answer]]:
    """Takes commands that were read together; returns the answers to new ones (not to those seen before).

    `evidence` has what was read for those that need more than the run (`retrying.targets`, `adopting.candidates`).
    """
    answers: list[Answer] = []
    superseded = False
    for command in sorted(commands, key=lambda c: ORDER.index(c.type)):
        if command.honoured(run):
            continue
        verdict: Run | No
        if superseded:
            verdict = No("SUPERSEDED", "the run was cancelled in the same moment")
        else:
            verdict = ACTS[command.type](run, command, evidence, now)
        answer = Answer(
            type=command.type,
            value=command.value,
            requested_by=command.requested_by,
            observed_time=now,
            outcome="Refused" if isinstance(verdict, No) else "Accepted",
            code=verdict.code if isinstance(verdict, No) else None,
            message=verdict.message if isinstance(verdict, No) else "",
        )
        if isinstance(verdict, Run):
            verdict = gaps.looked(verdict, command.type)
            run = verdict.model_copy(
                update={"honoured": (*verdict.honoured, ids.command_mark(command.type, command.value))}
            )
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


def _cancel(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    if run.state == "Ended":
        return No("EXECUTION_NOT_CANCELLABLE", "the run has ended")
    if run.verdict is not None:
        return No(
            "EXECUTION_NOT_CANCELLABLE", f"the run's verdict is {run.verdict}; it only follows its jobs to their end"
        )
    if run.cancel is not None:
        return No("EXECUTION_NOT_CANCELLABLE", f"it was cancelled by {run.cancel.requested_by or 'unknown'} already")
    return run.model_copy(update={"cancel": Cancel(requested_by=command.requested_by, time=now)})


def _pause(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    if not run.deciding:
        return No("EXECUTION_NOT_PAUSABLE", "the run starts no wave any more; watch it end")
    to_come = any(wave.phase in ("Pending", "Held") for wave in run.waves)
    if not to_come and not any(intent.state == "Planned" for intent in run.intents):
        if len(run.waves) == 1:
            return No("SINGLE_WAVE_NOT_PAUSABLE", "its only wave has started; cancel is what is left")
        return No("NO_PENDING_WAVES", "every wave has started; nothing is left to hold")
    return run.model_copy(update={"pause_requested": True})


def _resume(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    wanted = [
        h
        for h in run.open_holds()
        if h.reason not in holds.PERSONS_ONLY and (command.value == "true" or command.means(h))
    ]
    if not run.deciding or not (wanted or (run.pause_requested and command.value == "true")):
        waiting = ", ".join(f"{hold.id} ({hold.reason})" for hold in run.open_holds()) or "nothing"
        return No("EXECUTION_NOT_PAUSED", f"nothing that resume={command.value} could open; on hold: {waiting}")
    run = holds.closed(run, [hold.id for hold in wanted], now, command.requested_by)
    return run.model_copy(update={"pause_requested": False})


def _skip(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    meant = {h.wave_number for h in run.open_holds() if command.means(h)}
    if not meant or not run.deciding:
        return No("NOTHING_TO_SKIP", f"no held or failed wave is meant by skip={command.value}; name its hold id")
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


ACTS: dict[str, Act] = {
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "skip": _skip,
    "retry": retrying.retry,
    "adopt": adopting.adopt,
    "terminate-instances": cleanup.asked,
}
