"""The command `retry`: a failed wave's next attempt, for the servers that did not come up and no others.

What launched stays. What an earlier job still works on is followed there: a server is never launched while a call of
before may still launch it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from drs_operator.planning import ending, holds, verdicts
from drs_operator.planning.facts import RecoveryInstance
from drs_operator.planning.naming import NAMED
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.requests import Command, Evidence, No
from drs_operator.planning.run import Hold, Run, RunServer, RunWave

REASON = "WaveFailed"
CONFLICT = "SERVER_CONFLICT"
_GOING_AWAY = frozenset({"SHUTTING-DOWN"})
"""EC2 states of an instance that still exists and is no launch any more."""


def targets(run: Run, command: Command) -> list[RunWave]:
    """The failed waves that a `retry` means: those with an open hold that it names."""
    if command.type != "retry" or not run.deciding or command.honoured(run):
        return []
    return [run.wave(hold.wave_number) for hold in _failures(run) if hold.wave_number and command.means(hold)]


def missing(run: Run, wave: RunWave) -> list[RunServer]:
    """The servers of a failed wave that did not come up and that nothing works on: to be launched again."""
    owners = run.owners(wave.wave_number)
    called = {server_id for intent in run.every_intent_of(wave.wave_number) for server_id in intent.server_ids}

    def again(server: RunServer) -> bool:
        owner = owners.get(server.server_id)
        if server.phase == "Failed":  # its call may be open after a crash: servers are recorded before the row
            return owner is None or owner.state != "Calling"
        # Its call was planned and given up when the wave timed out; what was left out on purpose had none.
        going = owner is not None and owner.active
        return not server.launched and server.server_id in called and not going

    return [server for server in wave.servers if again(server)]


def conflicting(run: Run, wave: RunWave) -> list[str]:
    """Ids of the servers to be launched again that another run held: the ledger has to be asked for them first."""
    return [s.server_id for s in missing(run, wave) if s.error is not None and s.error.code == CONFLICT]


def retry(run: Run, command: Command, evidence: Evidence, now: datetime) -> Run | No:
    """The run with the next attempt of each wave that is meant; its engine plans the calls."""
    waves = targets(run, command)
    if not waves:
        return No("NOTHING_TO_RETRY", f"no failed wave is meant by retry={command.value}; {_offers(run)}")
    shares = {wave.wave_number: _shared_out(run, wave, evidence) for wave in waves}
    waves = [wave for wave in waves if not shares[wave.wave_number].held_back]
    if not waves:
        held = {name: by for share in shares.values() for name, by in share.held.items()}
        told = ", ".join(f"{name} by {by}" for name, by in list(held.items())[:NAMED])
        return No(
            "NOTHING_TO_RETRY",
            f"every server that could be launched again is held by another run ({told}); retry when it has ended",
        )
    for wave in waves:
        run = _next_attempt(run, wave, shares[wave.wave_number], now)
        closing = [hold.id for hold in _failures(run) if hold.wave_number == wave.wave_number]
        run = holds.closed(run, closing, now, command.requested_by)
    return run


def with_found(run: Run, number: int, instances: Iterable[RecoveryInstance]) -> Run:
    """The run with every server that is up as an instance of this run, whatever its job has said: it is not relaunched.

    Servers that are up already stay as they are.
    """
    attempts = {i.job_id: i.attempt for i in run.every_intent_of(number) if i.job_id is not None}
    found = {i.server_id: i for i in instances if i.job_id in attempts and i.live and i.state not in _GOING_AWAY}
    ready_when = run.wave(number).ready_when

    def adopt(server: RunServer) -> RunServer:
        instance = found.get(server.server_id)
        if instance is None or server.launched:
            return server
        return server.model_copy(
            update={
                "phase": "Ready" if ready_when == "Launched" else "Launched",
                "launch_status": "LAUNCHED",
                "recovery_instance_id": instance.instance_id,
                "private_ip": instance.private_ip,
                "recovery_point_time": instance.recovery_point_time,
                "attempt": attempts[instance.job_id],
                "error": None,
            }
        )

    return run.with_servers(number, adopt)


@dataclass(frozen=True, slots=True)
class _Share:
    """What becomes of the servers of a wave that did not come up."""

    adopted: tuple[RecoveryInstance, ...]
    relaunched: frozenset[str]
    waited_for: frozenset[str]
    """Still being launched by an earlier job, or launched and not ready."""
    held: dict[str, str]
    """Held by another run, by their name: they stay failed."""

    @property
    def held_back(self) -> bool:
        """Another run holds all that is missing. Where nothing is missing any more, the next attempt just ends well."""
        return bool(self.held) and not (self.adopted or self.relaunched or self.waited_for)


def _shared_out(run: Run, wave: RunWave, evidence: Evidence) -> _Share:
    gone = missing(run, wave)
    wanted = {server.server_id for server in gone}
    seen = [i for i in evidence.instances[wave.place] if i.server_id in wanted] if wanted else []
    found = with_found(run, wave.wave_number, seen).wave(wave.wave_number)
    up = {server.server_id for server in found.servers if server.launched}
    return _Share(
        adopted=tuple(i for i in seen if i.server_id in up),
        relaunched=frozenset(wanted - up - evidence.held_by.keys()),
        waited_for=frozenset(s.server_id for s in wave.servers if not s.up and s.server_id not in wanted and _goes(s)),
        held={verdicts.label(s): evidence.held_by[s.server_id] for s in gone if s.server_id in evidence.held_by},
    )


def _goes(server: RunServer) -> bool:
    return server.phase != "Skipped"


def _next_attempt(run: Run, wave: RunWave, share: _Share, now: datetime) -> Run:
    number, attempt = wave.wave_number, wave.attempt + 1
    run = ending.drop_planned(run, number, now)
    run = with_found(run, number, share.adopted)
    again = {"phase": "Pending", "attempt": attempt, **dict.fromkeys(_OF_THE_ATTEMPT)}
    held = {s.server_id: by for s in wave.servers if (by := share.held.get(verdicts.label(s))) is not None}

    def change(server: RunServer) -> RunServer:
        if server.server_id in share.relaunched:
            return server.model_copy(update=again)
        if server.server_id in held:
            error = ErrorRecord(code=CONFLICT, message=f"held by {held[server.server_id]}; retry when it has ended")
            return server.model_copy(update={"error": error})
        return server

    run = run.with_servers(number, change)
    # The points of calls that are over are known to AWS; the row does not grow with each attempt.
    over = {i.key: i.model_copy(update={"snapshots": {}}) for i in run.every_intent_of(number) if not i.active}
    run = run.model_copy(update={"intents": tuple(over.get(i.key, i) for i in run.intents)})
    return run.with_wave(
        run.wave(number).model_copy(
            update={
                "phase": "Pending",
                "attempt": attempt,
                "retry_time": now,
                "ready_time": None,
                "end_time": None,
                "queued_reason": None,
            }
        )
    )


_OF_THE_ATTEMPT = (
    "launch_status",
    "recovery_instance_id",
    "private_ip",
    "recovery_point_time",
    "launch_settings_version",
    "error",
)
"""What is known of a server's launch and does not hold for the next one."""


def _failures(run: Run) -> list[Hold]:
    return [hold for hold in run.open_holds() if hold.reason == REASON]


def _offers(run: Run) -> str:
    """What there is to retry, for whoever has named something else."""
    if not run.deciding:
        return "the run starts no wave any more; start a new one"
    offered: Sequence[Hold] = _failures(run)
    if not offered:
        unknown = [hold.id for hold in run.open_holds() if hold.reason == "LaunchOutcomeUnknown"]
        return f"of {unknown[0]} the outcome is unknown: adopt its job or skip it" if unknown else "no wave has failed"
    waves = [(hold, run.wave(hold.wave_number)) for hold in offered if hold.wave_number is not None]
    return "to be retried: " + "; ".join(
        f"retry={hold.id} (wave {wave.wave_number}, {wave.name}: {len(missing(run, wave))} servers)"
        for hold, wave in waves[:NAMED]
    )
