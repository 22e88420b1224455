"""The quota queue of a leader: who stands in line for the quotas of each account and Region, and who goes.

It is kept in memory. What it must not forget is in the rows of the runs: calls that were made, and waves that wait.
A new leader reads the row of every active run before it works, so it begins with the line and the calls as they were;
what it cannot know, the jobs that others begin meanwhile, AWS's own refusal (402) stops, and the call is queued again.

Admission needs no lock: counting and reserving are one step without a pause in between, on the one event loop. The
reservation stands before CALLING is recorded, and until the board shows the job or the intent is not CALLING any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1 import DRExecution, Resource
from drs_operator.planning import quota
from drs_operator.planning.facts import Jobs, Place
from drs_operator.planning.launching import Refusal
from drs_operator.planning.quota import Call, Limits, Made, Reserve, Standing, Waiting
from drs_operator.planning.run import Run

REACH = timedelta(hours=24)
"""How far back a job board must reach to count by: no job runs for longer."""
PATIENCE = timedelta(seconds=90)
"""A few polls: whoever has not asked again by then does not stand in line any more."""

Wake = Callable[[type[Resource], str | None, str], None]


@dataclass(slots=True)
class _Ticket:
    waiting: Waiting
    asked_at: datetime
    told: Refusal | None = None
    """Why it waits; None: it is its turn, and its guards are being read."""
    woken: bool = False

    @property
    def call(self) -> Call:
        return self.waiting.call


@dataclass(slots=True)
class _Line:
    """One place."""

    limits: Limits = field(default_factory=Limits)
    board: Jobs | None = None
    tickets: dict[str, _Ticket] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)


class QuotaQueue:
    """One for a leader. Every method is one step on the event loop."""

    def __init__(
        self,
        reserve: Reserve = Reserve(),  # noqa: B008 - a value that never changes
        settle: timedelta = timedelta(minutes=6),
        patience: timedelta = PATIENCE,
        wake: Wake = lambda kind, namespace, name: None,
    ) -> None:
        self.reserve = reserve
        self._settle = settle
        self._patience = patience
        self._wake = wake
        self._lines: defaultdict[Place, _Line] = defaultdict(_Line)

    # --- what is seen -----------------------------------------------------------------------------------------------

    def look(self, board: Jobs, now: datetime, by: str = "") -> None:
        """A job board, which a run has read. Older than the last, or not reaching back enough, it says nothing new."""
        line = self._lines[board.place]
        if board.since > board.aws_time - REACH:
            return
        if line.board is None or line.board.aws_time <= board.aws_time:
            line.board = board
            self._call_next(line, now, by)

    def allow(self, place: Place, limits: Limits) -> None:
        """The quotas of a place, as they are known now."""
        self._lines[place].limits = limits

    def limits(self, place: Place) -> Limits:
        """The quotas that are counted with."""
        return self._lines[place].limits

    def saw(self, run: Run, now: datetime) -> None:
        """A run as it is recorded: its calls, made and waiting. What it has given up, it loses."""
        made = {item.call.token: item for item in quota.made_by(run)}
        may_wait = quota.may_wait(run)
        places = {wave.place for wave in run.waves} | {item.call.place for item in made.values()}
        for place in places:
            line = self._lines[place]
            for token in [t for t, item in line.made.items() if item.call.execution_id == run.execution_id]:
                if token not in made:
                    del line.made[token]
            for token in [t for t, item in line.tickets.items() if item.call.execution_id == run.execution_id]:
                if token not in may_wait:
                    del line.tickets[token]
        for token, item in made.items():
            self._lines[item.call.place].made[token] = item
        for waiting in quota.in_line(run):
            self._stands(waiting, now)
        for place in places:
            self._call_next(self._lines[place], now, run.execution_id)

    def _stands(self, waiting: Waiting, now: datetime) -> None:
        """Only who asks is patiently waited for: a run without an object is followed, and never asks."""
        tickets, token = self._lines[waiting.call.place].tickets, waiting.call.token
        if token in tickets:
            tickets[token].waiting = waiting
        else:
            tickets[token] = _Ticket(waiting, now, told=waiting.refused)

    # --- whose turn it is -------------------------------------------------------------------------------------------

    def ask(self, call: Call, now: datetime) -> Refusal | None:
        """None: it is this call's turn, until `admit` or `leave`. Else what it waits for, now standing in line."""
        line = self._lines[call.place]
        self._drop_silent(line, now)
        line.tickets[call.token] = ticket = _Ticket(Waiting(call), now)
        ticket.told = self._answers(line, now)[call.token]
        return ticket.told

    def admit(self, call: Call, now: datetime, aws_now: datetime) -> Refusal | None:
        """The last word, right before CALLING is recorded. None: what the call needs is reserved for it."""
        short = self.ask(call, now)
        if short is None:
            line = self._lines[call.place]
            del line.tickets[call.token]
            line.made[call.token] = Made(call, aws_now)
        return short

    def leave(self, call: Call, now: datetime) -> None:
        """The turn of a call is over. It stays in line only if it was told to wait."""
        line = self._lines[call.place]
        ticket = line.tickets.get(call.token)
        if ticket is not None and ticket.told is None:
            del line.tickets[call.token]
        self._call_next(line, now)

    def standings(self, run: Run) -> dict[int, Standing]:
        """Where the waves of a run stand in line, by number."""
        found: dict[int, Standing] = {}
        for place in {wave.place for wave in run.waves}:
            line = self._lines[place]
            told = {token: ticket.told for token, ticket in line.tickets.items() if ticket.told is not None}
            waiting = [ticket.waiting for ticket in line.tickets.values()]
            for (execution_id, number), standing in quota.standings(waiting, told).items():
                if execution_id == run.execution_id:
                    found[number] = standing
        return found

    def _answers(self, line: _Line, now: datetime) -> dict[str, Refusal | None]:
        used = quota.usage(line.board, line.made.values(), self._settle)
        waiting = [ticket.waiting for ticket in line.tickets.values()]
        return quota.answers(waiting, used, line.limits, self.reserve, now)

    def _drop_silent(self, line: _Line, now: datetime) -> None:
        for token in [t for t, ticket in line.tickets.items() if now - ticket.asked_at > self._patience]:
            del line.tickets[token]

    def _call_next(self, line: _Line, now: datetime, by: str = "") -> None:
        """Wakes those whose turn has come, each once: their own look is what asks, and the run `by` is at it."""
        self._drop_silent(line, now)
        asleep = [t for t in line.tickets.values() if t.told and not t.woken and t.call.execution_id != by]
        if not asleep:
            return
        answers = self._answers(line, now)
        for ticket in asleep:
            if answers[ticket.call.token] is None:
                ticket.woken = True
                self._wake(DRExecution, ticket.call.namespace, ticket.call.name)
