"""Reads that many objects share: one under way at a time, its answer kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an asker bears to hear nothing. A read that goes on for long, page by page, is not silent."""

    seconds: float
    heard: Callable[[], float] = lambda: 0.0
    """When the place that is read has answered last, by `time.monotonic`."""


class Silent(Exception):
    """A read under way has not been heard of for longer than its asker bears. The read goes on."""


class Shared(Generic[K, V]):
    """Answers by key. Whoever asks while a read is under way waits for that one; a failed read is kept by nobody."""

    def __init__(self) -> None:
        self._answers: dict[K, tuple[float, V]] = {}
        self._running: dict[K, asyncio.Task[V]] = {}
        self._began: dict[K, float] = {}

    def peek(self, key: K) -> V | None:
        """The last answer, however old."""
        kept = self._answers.get(key)
        return kept[1] if kept else None

    def young(self, key: K, max_age: float) -> V | None:
        """The last answer, if it was asked for at most `max_age` seconds ago."""
        kept = self._answers.get(key)
        return kept[1] if kept and time.monotonic() - kept[0] <= max_age else None

    def drop(self, key: K) -> None:
        """The next one who asks gets an answer that was read after this; a read under way is for its askers only."""
        self._answers.pop(key, None)
        self._running.pop(key, None)

    async def get(
        self,
        key: K,
        max_age: float,
        read: Callable[[], Awaitable[V]],
        fits: Callable[[V], bool] = lambda _: True,
        patience: Patience | None = None,
    ) -> V:
        """The kept answer if it is at most `max_age` seconds old and fits, else a new one.

        Raises what `read` raises, and Silent. An asker that goes away does not end the read of the others.
        """
        kept = self.young(key, max_age)
        if kept is not None and fits(kept):
            return kept
        running = self._under_way(key)
        if running is None:
            return await self._wait(key, self.start(key, read), patience)
        answer = await self._wait(key, running, patience)
        return answer if fits(answer) else await self.get(key, max_age, read, fits, patience)

    def start(self, key: K, read: Callable[[], Awaitable[V]]) -> asyncio.Task[V]:
        """Begins a read, or joins the one that is under way; nobody has to wait for it."""
        running = self._under_way(key)
        if running is None:
            self._began[key] = time.monotonic()
            running = asyncio.ensure_future(self._read(key, read))
            self._running[key] = running
            running.add_done_callback(lambda task: self._done(key, task))
        return running

    def _under_way(self, key: K) -> asyncio.Task[V] | None:
        """The read that goes on. One that has just ended is none, even where its callback has not run yet."""
        running = self._running.get(key)
        return None if running is None or running.done() else running

    async def _wait(self, key: K, running: asyncio.Task[V], patience: Patience | None) -> V:
        while not running.done():
            left = None
            if patience is not None:
                left = max(self._began[key], patience.heard()) + patience.seconds - time.monotonic()
                if left <= 0:
                    raise Silent(f"nothing was heard for {patience.seconds:g} s")
            await asyncio.wait({running}, timeout=left)  # never ends the read, as awaiting it would
        return running.result()

    async def _read(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        began = time.monotonic()
        answer = await read()
        if self._running.get(key) is asyncio.current_task():
            self._answers[key] = (began, answer)
        return answer

    def _done(self, key: K, task: asyncio.Task[V]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # told to whoever still waits; nobody else needs a line in the log
