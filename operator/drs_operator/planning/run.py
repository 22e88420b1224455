"""A run as the ledger keeps it: the truth of which an execution's status is the projection.

Values are never changed in place: every transition makes a new `Run`, which the ledger accepts only if nobody else has
moved it meanwhile (see `behaviour.md`, "The run's row is the unit of atomicity").
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from drs_operator.planning.facts import Place
from drs_operator.planning.intents import Cleanup, LaunchIntent
from drs_operator.planning.record import ErrorRecord, Record

WavePhase = Literal[
    "Pending",
    "Held",
    "Queued",
    "Launching",
    "Completed",
    "CompletedWithExceptions",
    "Failed",
    "TimedOut",
    "Skipped",
    "Cancelled",
]
FINAL_WAVE_PHASES = frozenset({"Completed", "CompletedWithExceptions", "Failed", "TimedOut", "Skipped", "Cancelled"})
ServerPhase = Literal[
    "Pending",
    "Queued",
    "Snapshot",
    "Conversion",
    "Launching",
    "Launched",
    "Ready",
    "Kept",
    "Failed",
    "Skipped",
    "Terminated",
]
UP_SERVER_PHASES = frozenset({"Ready", "Kept", "Terminated"})
"""It came up: launched and ready, left as it ran already, or terminated by the clean-up after it came up."""
FINAL_SERVER_PHASES = UP_SERVER_PHASES | {"Failed", "Skipped"}
Verdict = Literal["Completed", "CompletedWithExceptions", "Failed", "Cancelled", "TimedOut"]


class RunServer(Record):
    """A server of a wave and how far it is."""

    server_id: str
    hostname: str = ""
    optional: bool = False
    phase: ServerPhase = "Pending"
    launch_status: str | None = None
    recovery_instance_id: str | None = None
    private_ip: str | None = None
    recovery_point_time: datetime | None = None
    attempt: int = 0
    replaces: str | None = None
    """The live recovery instance that a launch may destroy, because the run was asked to."""
    launch_settings_version: int | None = None
    """Version of the launch settings that it was launched with; None: they are not managed."""
    error: ErrorRecord | None = None

    @property
    def up(self) -> bool:
        """It came up, as far as its wave asks for."""
        return self.phase in UP_SERVER_PHASES

    @property
    def launched(self) -> bool:
        """It came up, ready or not."""
        return self.phase == "Launched" or self.up

    @property
    def decided(self) -> bool:
        """It came up or failed. Only that stands: servers are recorded before the run's row and apart from it.

        So after a crash what else is said of them may be one step ahead of the row, whose intents say who is called.
        """
        return self.launched or self.phase == "Failed"


class Hold(Record):
    """What waits for a person."""

    id: str
    wave_number: int | None
    reason: str
    since: datetime
    detail: str = ""
    closed_at: datetime | None = None
    closed_by: str | None = None

    @property
    def open(self) -> bool:
        """Nobody has closed it yet."""
        return self.closed_at is None


class RunWave(Record):
    """A wave as it was pinned when the run started, and how far it is."""

    wave_number: int
    name: str
    group_name: str
    account_name: str
    account_id: str
    region: str
    waits_for: tuple[int, ...]
    launch_order: int
    pause_before_wave: bool
    on_failure: Literal["Fail", "Pause", "Continue"]
    ready_when: Literal["Launched", "InstanceStatusOk"]
    wait_after_seconds: int
    timeout_seconds: int
    servers: tuple[RunServer, ...]
    phase: WavePhase = "Pending"
    queued_reason: str | None = None
    queued_from: datetime | None = None
    """When it began to wait for quota or for a server that is in another job."""
    attempt: int = 1
    retry_time: datetime | None = None
    """When the present attempt was asked for; None: it is the first."""
    start_time: datetime | None = None
    """When the call was made that started its first job."""
    ready_time: datetime | None = None
    """When its last required server became ready: `waitAfterSeconds` counts from here."""
    end_time: datetime | None = None

    @property
    def place(self) -> Place:
        """Where it launches."""
        return Place(self.account_id, self.region)

    @property
    def final(self) -> bool:
        """Nothing of it will change any more, but what its jobs still do."""
        return self.phase in FINAL_WAVE_PHASES

    @property
    def satisfied(self) -> bool:
        """Whether waves that depend on it may start."""
        if self.phase in ("Failed", "TimedOut"):
            return self.on_failure == "Continue"
        return self.phase in ("Completed", "CompletedWithExceptions", "Skipped")


class FindingRecord(Record):
    """What validation has found; kept with the run, so that a crash before the status write loses nothing."""

    severity: Literal["Refusal", "Warning"]
    code: str
    wave_number: int | None = None
    server_ids: tuple[str, ...] = ()
    count: int | None = None
    message: str = ""


class Answer(Record):
    """What became of a command."""

    type: str
    value: str
    requested_by: str
    observed_time: datetime
    outcome: Literal["Accepted", "Refused"]
    code: str | None = None
    message: str = ""
    count: int = 1


class Cancel(Record):
    """That the run was cancelled, by whom and when."""

    requested_by: str
    time: datetime


class Run(Record):
    """The run's row: the unit of atomicity."""

    execution_id: str
    run_id: str
    digest: str
    installation: str
    namespace: str
    name: str
    uid: str
    version: int = 0
    """Goes up by one with every accepted write."""
    epoch: int = 0
    """The leader's epoch: whoever was leader before fails at its next write."""
    state: Literal["Claimed", "Running", "Ended"] = "Claimed"
    verdict: Verdict | None = None
    execution_type: Literal["DRILL", "RECOVERY"]
    requested_by: str = ""
    plan_name: str = ""
    plan_id: str = ""
    plan_version: int = 0
    recovery_point_policy: Literal["Latest", "ExistingLatest", "At"] = "Latest"
    recovery_point_time: datetime | None = None
    ambiguous_launch_policy: Literal["Hold", "Reissue"] = "Hold"
    live_recovery_instances: Literal["Refuse", "Keep", "Replace"] = "Refuse"
    dry_run: bool = False
    priority: int = 0
    """Of the plan, pinned: a higher one goes first where calls queue for quota."""
    incident_time: datetime | None = None
    rto_seconds: int | None = None
    rpo_seconds: int | None = None
    claimed_time: datetime
    start_time: datetime | None = None
    finish_time: datetime | None = None
    verdict_time: datetime | None = None
    cancel: Cancel | None = None
    pause_requested: bool = False
    """Somebody asked for a pause: each wave whose turn comes is held."""
    restored: bool = False
    """An object that was created anew shows the result of this run, which had ended."""
    blocked_by: str = ""
    """The drill, `namespace/name`, that has to end before this RECOVERY can start."""
    observed_time: datetime | None = None
    """When the row was written last, by the operator's clock: a run that nobody looked at writes nothing."""
    unobserved_since: datetime | None = None
    """Since when nobody had looked at the run, until a person has resumed it."""
    error: ErrorRecord | None = None
    findings: tuple[FindingRecord, ...] = ()
    waves: tuple[RunWave, ...] = ()
    intents: tuple[LaunchIntent, ...] = ()
    holds: tuple[Hold, ...] = ()
    answers: tuple[Answer, ...] = ()
    """Newest 20; the ledger keeps each under its own key."""
    honoured: tuple[str, ...] = ()
    """Marks of the commands that were honoured: each once, for ever."""
    cleanup: Cleanup | None = None
    """Of a drill that has ended, when it is to be cleaned up."""

    @property
    def is_drill(self) -> bool:
        """Whether its launches are drills."""
        return self.execution_type == "DRILL"

    @property
    def deciding(self) -> bool:
        """It runs, has no verdict yet and was not cancelled: waves may start."""
        return self.state == "Running" and self.verdict is None and self.cancel is None

    def wave(self, number: int) -> RunWave:
        """The wave of this number. Raises KeyError."""
        for wave in self.waves:
            if wave.wave_number == number:
                return wave
        raise KeyError(number)

    def servers_by_place(self) -> dict[Place, list[str]]:
        """Ids of all servers of the run, by where they launch: what it holds in the ledger."""
        by_place: dict[Place, list[str]] = {}
        for wave in self.waves:
            by_place.setdefault(wave.place, []).extend(server.server_id for server in wave.servers)
        return by_place

    def open_holds(self, number: int | None = None) -> list[Hold]:
        """What waits for a person, of one wave or of all."""
        return [hold for hold in self.holds if hold.open and number in (None, hold.wave_number)]

    def intents_of(self, number: int) -> list[LaunchIntent]:
        """The intents of the present attempt of a wave."""
        attempt = self.wave(number).attempt
        return [intent for intent in self.every_intent_of(number) if intent.attempt == attempt]

    def every_intent_of(self, number: int) -> list[LaunchIntent]:
        """The intents of every attempt of a wave, oldest first."""
        return [intent for intent in self.intents if intent.wave_number == number]

    def owners(self, number: int) -> dict[str, LaunchIntent]:
        """By server of a wave: the newest intent that may tell what became of it.

        None: an earlier attempt than the server's own, or one that surely launched nothing.
        """
        own = {server.server_id: server.attempt for server in self.wave(number).servers}
        return {
            server_id: intent
            for intent in self.every_intent_of(number)
            if intent.active or intent.job_id is not None
            for server_id in intent.server_ids
            if intent.attempt >= own.get(server_id, 0)
        }

    def with_wave(self, wave: RunWave) -> Run:
        """The run with this wave in place of the one of the same number."""
        return self.model_copy(
            update={"waves": tuple(wave if w.wave_number == wave.wave_number else w for w in self.waves)}
        )

    def with_intent(self, intent: LaunchIntent) -> Run:
        """The run with this intent in place of the one of the same key, or added."""
        others = [i for i in self.intents if i.key != intent.key]
        return self.model_copy(update={"intents": tuple(sorted([*others, intent], key=lambda i: i.key))})

    def with_servers(self, number: int, change: Callable[[RunServer], RunServer]) -> Run:
        """The run with every server of a wave passed through `change`."""
        wave = self.wave(number)
        return self.with_wave(wave.model_copy(update={"servers": tuple(change(server) for server in wave.servers)}))
