"""Waiting for what is not there yet, and for the first of several works that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from drs_operator.observability.logs import log
from drs_operator.ports import LostRace, ReadFailed

T = TypeVar("T")

RETRY_SECONDS = 2.0


class Readiness:
    """What /readyz answers. Several things may be waited for at once, each under a key of its own."""

    def __init__(self) -> None:
        self.is_up = False
        """Whether the process has come to where it wants to be; it stays so."""
        self._waits: dict[object, str] = {}

    @property
    def problem(self) -> str | None:
        """What is still waited for, or None."""
        return next(iter(self._waits.values()), None if self.is_up else "starting")

    def waits_for(self, key: object, problem: str) -> None:
        """Says it in the log, too, once."""
        if self._waits.get(key) != problem:
            log.warning("waiting", problem=problem)
        self._waits[key] = problem

    def has(self, key: object) -> None:
        """That is not waited for any more."""
        self._waits.pop(key, None)

    async def patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Tries until it succeeds: what cannot be reached now is waited for, the operator stays up."""
        key = object()
        try:
            while True:
                try:
                    return await attempt()
                except (ReadFailed, LostRace) as error:
                    self.waits_for(key, str(error))
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self.has(key)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Runs them side by side until the first one ends, ends the others, and raises what it has raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()
