"""A run told in the order in which things happened, from its row in the ledger alone: no cluster is needed for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.run import Run, RunWave


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, and to what: the run (wave None) or a wave."""

    time: datetime
    wave: int | None
    what: str


def timeline(run: Run) -> list[Moment]:
    """Everything that the row has a time for, oldest first; of the same time in the order of cause."""
    return sorted([*_beginning(run), *_waves(run), *_holds(run), *_answers(run), *_end(run)], key=lambda m: m.time)


def _beginning(run: Run) -> Iterator[Moment]:
    by = run.requested_by or "unknown"
    yield Moment(run.claimed_time, None, f"{run.execution_type} of plan {run.plan_name} claimed, asked for by {by}")
    if run.start_time is not None:
        servers = sum(len(wave.servers) for wave in run.waves)
        yield Moment(run.start_time, None, f"started: {servers} servers in {len(run.waves)} waves")


def _waves(run: Run) -> Iterator[Moment]:
    for wave in run.waves:
        number = wave.wave_number
        if wave.queued_from is not None:
            yield Moment(wave.queued_from, number, "waits for quota, or for a server that is in another job")
        for intent in run.intents:
            if intent.wave_number == number:
                yield from _job(wave, intent)
        if wave.ready_time is not None:
            yield Moment(wave.ready_time, number, "every required server is ready")
        if wave.end_time is not None:
            launched = sum(1 for server in wave.servers if server.launched)
            yield Moment(
                wave.end_time,
                number,
                f"{wave.phase}: {launched} of {len(wave.servers)} servers launched in attempt {wave.attempt}",
            )


def _job(wave: RunWave, intent: LaunchIntent) -> Iterator[Moment]:
    what = f"shard {intent.shard} of attempt {intent.attempt}"
    if intent.called_at is not None:
        yield Moment(
            intent.called_at,
            intent.wave_number,
            f"StartRecovery in {wave.account_id}/{wave.region}, {what}: {len(intent.server_ids)} servers, "
            f"job {intent.job_id or 'unknown'}",
        )
    if intent.end_time is not None and intent.job_id is not None:
        yield Moment(intent.end_time, intent.wave_number, f"job {intent.job_id} ended, {what}")


def _holds(run: Run) -> Iterator[Moment]:
    for hold in run.holds:
        yield Moment(hold.since, hold.wave_number, f"held: {hold.id} ({hold.reason})")
        if hold.closed_at is not None:
            yield Moment(hold.closed_at, hold.wave_number, f"hold {hold.id} closed by {hold.closed_by or 'unknown'}")


def _answers(run: Run) -> Iterator[Moment]:
    for answer in reversed(run.answers):
        said = answer.outcome if answer.code is None else f"{answer.outcome}, {answer.code}"
        by = answer.requested_by or "unknown"
        yield Moment(answer.observed_time, None, f"command {answer.type}={answer.value} by {by}: {said}")


def _end(run: Run) -> Iterator[Moment]:
    if run.cancel is not None:
        yield Moment(run.cancel.time, None, f"cancelled by {run.cancel.requested_by or 'unknown'}")
    if run.verdict_time is not None:
        text = f"verdict: {run.verdict}"
        yield Moment(run.verdict_time, None, f"{text}, {run.error.code}: {run.error.message}" if run.error else text)
    if run.finish_time is not None:
        yield Moment(run.finish_time, None, "ended: every job is over, plan and servers are free")
