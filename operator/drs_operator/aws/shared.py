"""Reads that many objects share: one under way at a time, its answer kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shared(Generic[K, V]):
    """Answers by key. Whoever asks while a read is under way waits for that one; a failed read is kept by nobody."""

    def __init__(self) -> None:
        self._answers: dict[K, tuple[float, V]] = {}
        self._running: dict[K, asyncio.Task[V]] = {}

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
        self, key: K, max_age: float, read: Callable[[], Awaitable[V]], fits: Callable[[V], bool] = lambda _: True
    ) -> V:
        """The kept answer if it is at most `max_age` seconds old and fits, else a new one. Raises what `read` raises.

        An asker that goes away does not end the read of the others.
        """
        kept = self.young(key, max_age)
        if kept is not None and fits(kept):
            return kept
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(self._read(key, read))
            self._running[key] = running
            running.add_done_callback(lambda task: self._done(key, task))
            return await asyncio.shield(running)
        answer = await asyncio.shield(running)
        return answer if fits(answer) else await self.get(key, max_age, read, fits)

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
