"""AWS's clock in the sandbox: the wall clock plus an offset, and what becomes due on it.

Two notions of time live here.

* `now()` is AWS's time: wall clock plus an offset that only `advance()` moves. Every timestamp that the simulated AWS
  hands out comes from it.
* *Progress* is what passes on AWS while its time passes: `speed` units of it per second of AWS's time. Whatever takes
  time on AWS (job phases, session lifetimes, ages at which things are cleared) is measured in progress, so `speed=60`
  makes a job of nine minutes end after nine seconds and `speed=0` stops all jobs, while timestamps stay true.

Callbacks run in the order in which they become due, on the thread that asks the clock (`run_due`, `advance`), and see
`now()` as the moment at which they became due. The clock is not thread-safe by itself: whoever shares it holds one lock
around it (`lock`).
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """AWS's time, its speed, and a queue of what becomes due.

    `wall` gives the wall clock in seconds since the epoch; tests hand in their own.
    """

    def __init__(self, speed: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        if speed < 0:
            raise ValueError("speed must not be negative")
        self.lock = threading.RLock()
        self._wall = wall
        self._offset = 0.0
        self._speed = speed
        # Progress is piecewise linear in AWS's time; the last corner is kept.
        self._corner_time = wall()
        self._corner_progress = 0.0
        self._frozen_at: float | None = None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def speed(self) -> float:
        """Units of progress per second of AWS's time."""
        return self._speed

    @property
    def offset_seconds(self) -> float:
        """How far AWS's time is ahead of the wall clock."""
        return self._offset

    def timestamp(self) -> float:
        """AWS's time in seconds since the epoch."""
        return self._frozen_at if self._frozen_at is not None else self._wall() + self._offset

    def now(self) -> datetime:
        """AWS's time, in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def progress(self) -> float:
        """What has passed on AWS since the clock was made, in seconds at speed 1."""
        return self._corner_progress + max(0.0, self.timestamp() - self._corner_time) * self._speed

    def age(self, since_progress: float) -> float:
        """Progress since an earlier value of `progress()`: ages that the speed shortens."""
        return self.progress() - since_progress

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Runs `callback` once `seconds` of progress have passed."""
        with self.lock:
            heapq.heappush(self._due, (self.progress() + max(0.0, seconds), next(self._order), callback))

    def run_due(self) -> None:
        """Runs what has become due by now, in order, each at its own moment."""
        with self.lock:
            self._run_until(self._wall() + self._offset)

    def set_speed(self, speed: float) -> None:
        """Changes the speed from now on; what is under way keeps the progress that it has made."""
        if speed < 0:
            raise ValueError("speed must not be negative")
        with self.lock:
            self.run_due()
            self._turn_corner()
            self._speed = speed

    def advance(self, seconds: float) -> None:
        """Moves AWS's time forward; what becomes due on the way is done, in order, when this returns."""
        if seconds < 0:
            raise ValueError("AWS's time only moves forward")
        with self.lock:
            self.run_due()
            target = self._wall() + self._offset + seconds
            self._run_until(target)
            self._offset += seconds

    def delta(self, seconds: float) -> timedelta:
        """How much of AWS's time `seconds` of progress take at the present speed (a very long time at speed 0)."""
        return timedelta(seconds=seconds / self._speed) if self._speed else timedelta(days=36500)

    def _turn_corner(self) -> None:
        self._corner_progress = self.progress()
        self._corner_time = self.timestamp()

    def _run_until(self, target: float) -> None:
        if self._frozen_at is not None:  # a callback asked: the outer run goes on with what it adds
            return
        try:
            while self._due:
                due_progress = self._due[0][0]
                if self._speed == 0 and due_progress > self._corner_progress:
                    return
                due_time = self._corner_time
                if self._speed:
                    due_time += max(0.0, due_progress - self._corner_progress) / self._speed
                if due_time > target:
                    return
                _, _, callback = heapq.heappop(self._due)
                self._frozen_at = due_time
                callback()
        finally:
            self._frozen_at = None
