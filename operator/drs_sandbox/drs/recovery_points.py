"""The recovery points of one source: DRS takes one every 10 minutes and thins them out as they age.

Kept are all of the last hour, one per hour for a day, one per day for `day_retention` days, and the newest whatever its
age (a source that stands still keeps its last consistent state). Ages are measured in progress, so that the speed of
the clock shortens them; timestamps are the moments on AWS's clock at which the points were taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from drs_sandbox.drs.ids import hex_id

INTERVAL = 600.0
HOUR = 3600.0
DAY = 86400.0
DEFAULT_DAY_RETENTION = 7


@dataclass(slots=True)
class RecoveryPoint:
    """A recovery point: pending until `taken`, seconds since the epoch, is known.

    `number` counts the points of the source; `progress` is the clock's progress at which it was due and `expected` the
    timestamp that belongs to it.
    """

    number: int
    progress: float
    expected: float
    taken: float | None


class RecoveryPoints:
    """What DescribeRecoverySnapshots shows of a source. `owner` makes the ids."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._count = 0
        self.day_retention = DEFAULT_DAY_RETENTION
        self._recent: deque[RecoveryPoint] = deque()
        self._hourly: deque[RecoveryPoint] = deque()
        self._daily: deque[RecoveryPoint] = deque()

    def snapshot_id(self, point: RecoveryPoint) -> str:
        """The id (`pit-…`) of one of these points."""
        return hex_id("pit", self._owner, point.number)

    def ebs_snapshot_ids(self, point: RecoveryPoint) -> list[str]:
        """The EBS snapshots (`snap-…`) of one of these points."""
        return [hex_id("snap", self._owner, point.number)]

    def begin(self, progress: float, expected: float) -> RecoveryPoint:
        """Adds a point that is pending."""
        point = RecoveryPoint(self._next_number(), progress, expected, None)
        self._recent.append(point)
        self.settle(progress)
        return point

    def replace(self, ages: list[float], progress: float, now: float) -> None:
        """Instead of what is there: points of these ages in seconds, on AWS's clock and in progress alike.

        A point of at least an hour stands for its hour, one of at least a day for its day.
        """
        self.clear()
        for age in sorted(ages, reverse=True):
            point = RecoveryPoint(self._next_number(), progress - age, now - age, now - age)
            kept = self._daily if age >= DAY else self._hourly if age >= HOUR else self._recent
            kept.append(point)
        self.settle(progress)

    def clear(self) -> None:
        """Deletes all points."""
        for kept in (self._recent, self._hourly, self._daily):
            kept.clear()

    def settle(self, progress: float) -> None:
        """Thins out what has aged."""
        while len(self._recent) > 1 and progress - self._recent[0].progress > HOUR:
            _promote(self._recent.popleft(), self._hourly, HOUR)
        while self._hourly and progress - self._hourly[0].progress > DAY and self._is_not_last(self._hourly[0]):
            _promote(self._hourly.popleft(), self._daily, DAY)
        limit = self.day_retention * DAY
        while self._daily and progress - self._daily[0].progress > limit and self._is_not_last(self._daily[0]):
            self._daily.popleft()

    def all(self, progress: float) -> list[RecoveryPoint]:
        """The points that exist at this progress, oldest first."""
        self.settle(progress)
        return [*self._daily, *self._hourly, *self._recent]

    def newest_taken(self, progress: float) -> RecoveryPoint | None:
        """The newest point that is not pending."""
        return next((point for point in self._newest_first(progress) if point.taken is not None), None)

    def find(self, snapshot_id: str, progress: float) -> RecoveryPoint | None:
        """The point with this id, if it still exists."""
        return next((point for point in self._newest_first(progress) if self.snapshot_id(point) == snapshot_id), None)

    def _newest_first(self, progress: float) -> Iterator[RecoveryPoint]:
        return reversed(self.all(progress))

    def _is_not_last(self, point: RecoveryPoint) -> bool:
        newest = (self._recent or self._hourly or self._daily)[-1]
        return newest is not point

    def _next_number(self) -> int:
        self._count += 1
        return self._count


def _promote(point: RecoveryPoint, kept: deque[RecoveryPoint], period: float) -> None:
    """Keeps the first point of each period; the others of it go."""
    if not kept or kept[-1].progress // period != point.progress // period:
        kept.append(point)
