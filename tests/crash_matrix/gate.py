"""The book of a run's requests, and the kill at one of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.crash_matrix.points import Call, Point, Side
from tests.crash_matrix.proxy import Dropped, Tap

Reaction = Callable[[Call, Side], None]
"""What a fault does at a request; it may raise Dropped."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which call of its name a request is."""

    ordinal: int


class Gate(Tap):
    """Counts every request by name and kills the operator at `point`, once. Used by many threads."""

    def __init__(self, point: Point | None = None) -> None:
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._mutations: list[tuple[str, int]] = []
        self._reads: list[str] = []
        self._point = point
        self.kill: Callable[[], None] = lambda: None
        self.react: Reaction = lambda _call, _side: None
        self.deaf = threading.Event()
        """While it is set, watches bring nothing, and what they should have brought is lost with their connection."""
        self.fired = False
        self.last_change = time.monotonic()

    def before(self, call: Call) -> Ticket:
        """Enters a request in the book."""
        with self._lock:
            self._seen[call.name] += 1
            ticket = Ticket(self._seen[call.name])
            if call.mutation:
                self._mutations.append((call.name, ticket.ordinal))
                if not call.renewal:
                    self.last_change = time.monotonic()
            elif ticket.ordinal == 1:
                self._reads.append(call.name)
        self._strike(call, ticket, "before")
        self.react(call, "before")
        return ticket

    def after(self, call: Call, ticket: Ticket) -> None:
        """The upstream has done it."""
        self._strike(call, ticket, "after")
        self.react(call, "after")

    def passes(self) -> bool:
        """Whether watches bring what they have."""
        return not self.deaf.is_set()

    @property
    def mutations(self) -> list[tuple[str, int]]:
        """Name and ordinal of each request that changes something, in their order."""
        with self._lock:
            return list(self._mutations)

    @property
    def reads(self) -> list[str]:
        """Names of the others, each once, in their order."""
        with self._lock:
            return list(self._reads)

    def _strike(self, call: Call, ticket: Ticket, side: Side) -> None:
        if self._point is None or Point(call.name, ticket.ordinal, side) != self._point:
            return
        self.kill()
        self.fired = True
        raise Dropped
