"""The recovery points that appear by themselves: each source gets one every ten minutes of progress."""

from __future__ import annotations

from zlib import crc32

from drs_sandbox.clock import Clock
from drs_sandbox.drs.recovery_points import INTERVAL, RecoveryPoint
from drs_sandbox.drs.state import CONSISTENT, Replication

TAKING_SECONDS = 20.0
_ROUNDS = 10  # the sources are spread over the ten minutes


class SnapshotRounds:
    """Goes round all sources, a tenth of them every minute of progress; each has its own minute.

    One timer for all: a world of thousands of servers must not slow down the clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._members: list[list[Replication]] = [[] for _ in range(_ROUNDS)]
        self._round = 0
        clock.call_later(INTERVAL / _ROUNDS, self._take)

    def add(self, replication: Replication, owner: str) -> None:
        """Includes a source from now on; `owner` decides on its minute."""
        self._members[crc32(owner.encode()) % _ROUNDS].append(replication)

    def _take(self) -> None:
        members = self._members[self._round]
        self._round = (self._round + 1) % _ROUNDS
        progress, now = self._clock.progress(), self._clock.timestamp()
        begun = [replication.points.begin(progress, now) for replication in members if replication.state in CONSISTENT]
        self._clock.call_later(TAKING_SECONDS, lambda: self._taken(begun))
        self._clock.call_later(INTERVAL / _ROUNDS, self._take)

    def _taken(self, begun: list[RecoveryPoint]) -> None:
        now = self._clock.timestamp()
        for point in begun:
            point.taken = now
