"""Works side by side: the first to end decides, and none is left over."""

from __future__ import annotations

import asyncio

import pytest

from drs_operator.ports import LostRace, ReadFailed
from drs_operator.runtime import waiting
from drs_operator.runtime.waiting import Readiness, first_of


async def test_the_first_to_end_ends_the_others() -> None:
    ended: list[str] = []

    async def quick() -> None:
        await asyncio.sleep(0)
        ended.append("quick")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # putting things in order takes time
            ended.append("endless")

    await first_of(endless(), quick(), endless())
    assert ended == ["quick", "endless", "endless"]


async def test_what_it_raised_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        await first_of(asyncio.sleep(60), fails())


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    cleaned = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    task = asyncio.ensure_future(first_of(endless()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert cleaned.is_set()


async def test_what_cannot_be_reached_is_waited_for_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RETRY_SECONDS", 0.0)
    readiness, seen = Readiness(), list[str | None]()
    failures = [ReadFailed("LEDGER_UNREACHABLE", "no answer"), LostRace("moved")]

    async def attempt() -> str:
        seen.append(readiness.problem)
        if failures:
            raise failures.pop(0)
        return "found"

    assert await readiness.patiently(attempt) == "found"
    assert seen == ["starting", "LEDGER_UNREACHABLE: no answer", "moved"]
    assert readiness.problem == "starting"


async def test_what_comes_up_meanwhile_stays_up() -> None:
    readiness = Readiness()

    async def attempt() -> None:
        readiness.is_up = True  # the watch has begun while this was under way

    await readiness.patiently(attempt)
    assert readiness.problem is None


async def test_who_gives_up_waits_for_nothing() -> None:
    readiness = Readiness()
    readiness.is_up = True

    tried = asyncio.Event()

    async def attempt() -> None:
        tried.set()
        raise ReadFailed("LEDGER_UNREACHABLE", "no answer")

    task = asyncio.ensure_future(readiness.patiently(attempt))
    await tried.wait()
    assert readiness.problem == "LEDGER_UNREACHABLE: no answer"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert readiness.problem is None
