"""Calls that launch or terminate instances: written down before they are made, so none is made twice or forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from drs_operator.planning.facts import Place
from drs_operator.planning.record import Record

IntentState = Literal["Planned", "Calling", "Started", "Ended"]


class Intent(Record):
    """A call that begins a job, and what has become of it."""

    shard: int
    token: str
    state: IntentState = "Planned"
    caller: str | None = None
    """The process that called: the intent of another process is resolved by looking, never by calling."""
    called_at: datetime | None = None
    """Wall clock."""
    called_at_aws: datetime | None = None
    """AWS's clock, as near as it is known: where the search for a lost job begins."""
    not_before: datetime | None = None
    """After a refusal that passes by itself: when to ask again."""
    tries: int = 0
    job_id: str | None = None
    job_status: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None

    @property
    def active(self) -> bool:
        """Something of it may happen on AWS, now or later."""
        return self.state != "Ended"

    def settled(self, aws_now: datetime, settle: timedelta) -> bool:
        """Whether a job of a call with an unknown outcome would be visible by now: what is not there never was.

        A clock that runs ahead of AWS's signs calls that AWS takes for longer: the window is longer by as much.
        """
        assert self.called_at_aws is not None  # written with CALLING
        ahead = max(timedelta(), (self.called_at or self.called_at_aws) - self.called_at_aws)
        return aws_now >= self.called_at_aws + settle + ahead


class LaunchIntent(Intent):
    """One StartRecovery call: written before it is made, so that it is made once and its job is never lost."""

    wave_number: int
    attempt: int
    server_ids: tuple[str, ...]
    snapshots: dict[str, str] = {}
    """Recovery point by server; a server that is not in it takes the latest."""

    @property
    def key(self) -> tuple[int, int, int]:
        """Wave, attempt, shard."""
        return (self.wave_number, self.attempt, self.shard)


class TerminateIntent(Intent):
    """One TerminateRecoveryInstances call: written before it is made, as a launch is."""

    account_name: str
    account_id: str
    region: str
    instance_ids: tuple[str, ...]
    server_ids: tuple[str, ...] = ()
    """The source servers of the instances, in the same order: a job that is not known yet is recognised by them."""
    error: str = ""
    """Why AWS does not take the call for its only instance."""

    @property
    def place(self) -> Place:
        """Where the instances run."""
        return Place(self.account_id, self.region)


class Cleanup(Record):
    """What becomes of a drill's instances after its end."""

    phase: Literal["Scheduled", "Running", "Completed", "CompletedWithExceptions"]
    due_time: datetime | None = None
    """When it begins by itself; None: when somebody asks for it."""
    requested_by: str | None = None
    """Who asked for it to begin at once."""
    intents: tuple[TerminateIntent, ...] = ()
    terminated: tuple[str, ...] = ()
    """Instances that are known to be gone."""
    remaining: tuple[str, ...] = ()
    """Instances of this run that were seen when it looked last."""
    message: str = ""
    end_time: datetime | None = None
