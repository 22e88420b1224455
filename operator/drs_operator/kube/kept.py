"""Answers of the API server that many objects ask for, kept for a while and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from drs_operator.ports import AccessDenied

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Answers by key: asked for once, however many want them, and forgotten after `seconds` by itself.

    A refused permission is an answer, too: a thousand groups must not ask for it a thousand times. Other failures are
    kept by nobody.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]], fresh: bool = False) -> V:
        """The kept answer, or, `fresh`, one that is read now and kept from now on. Raises what `read` raises."""
        task = None if fresh else self._answers.get(key)
        if task is None:
            task = self._answers[key] = asyncio.ensure_future(read())
            task.add_done_callback(lambda done: self._settle(key, done))
        return await asyncio.shield(task)

    def _settle(self, key: K, task: asyncio.Task[V]) -> None:
        failure = None if task.cancelled() else task.exception()
        if task.cancelled() or (failure is not None and not isinstance(failure, AccessDenied)):
            self._forget(key, task)
        else:
            task.get_loop().call_later(self._seconds, self._forget, key, task)

    def _forget(self, key: K, task: asyncio.Task[V]) -> None:
        if self._answers.get(key) is task:
            del self._answers[key]
