"""A queue of keys: each at most once in it, never twice at work, again later when asked."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict

from drs_operator.runtime.cache import Key

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 60.0
JITTER = 0.1


class WorkQueue:
    """Level-triggered: a key that is added while it is at work is worked on once more."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._at_work: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: defaultdict[Key, int] = defaultdict(int)

    def add(self, key: Key) -> None:
        """As soon as possible."""
        if key in self._at_work:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """After a while, with a little jitter; a sooner wish for the same key stands."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds * (1 + random.uniform(0, JITTER))
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def get(self) -> Key:
        """The next key; it is at work until `done`."""
        key = await self._ready.get()
        self._waiting.discard(key)
        self._at_work.add(key)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        return key

    def done(self, key: Key) -> None:
        """The work on a key has ended, however."""
        self._at_work.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def succeeded(self, key: Key) -> None:
        """Back-off starts anew."""
        self._failures.pop(key, None)

    def failed(self, key: Key) -> float:
        """Plans a retry with exponential back-off; returns the seconds."""
        self._failures[key] += 1
        seconds = float(min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (self._failures[key] - 1)))
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._failures.pop(key, None)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
