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

    def drop(self, key: K) -> None:
        """The next one who asks gets a new answer."""
        self._answers.pop(key, None)

    async def get(
        self, key: K, max_age: float, read: Callable[[], Awaitable[V]], fits: Callable[[V], bool] = lambda _: True
    ) -> V:
        """The kept answer if it is at most `max_age` seconds old and fits, else a new one."""
        kept = self._answers.get(key)
        if kept and time.monotonic() - kept[0] <= max_age and fits(kept[1]):
            return kept[1]
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(self._read(key, read))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key, None))
            return await asyncio.shield(running)
        answer = await asyncio.shield(running)
        return answer if fits(answer) else await self.get(key, max_age, read, fits)

    async def _read(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        began = time.monotonic()
        answer = await read()
        self._answers[key] = (began, answer)
        return answer
