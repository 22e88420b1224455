"""The work queue: each key at most once in it, never twice at work, again when it was added meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.runtime import queue as module
from drs_operator.runtime.cache import Key
from drs_operator.runtime.queue import WorkQueue

A, B = Key(ProtectionGroup, "dr", "a"), Key(ProtectionGroup, "dr", "b")
SOON = 0.01
LONG = 3600.0


@pytest.fixture
def queue() -> WorkQueue:
    return WorkQueue()


async def drained(queue: WorkQueue) -> list[Key]:
    """The keys that are to be had without waiting."""
    found: list[Key] = []
    while True:
        getter = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        if not getter.done():
            getter.cancel()
            return found
        found.append(getter.result())


async def test_a_key_is_in_it_once(queue: WorkQueue) -> None:
    for key in (A, B, A, A):
        queue.add(key)
    assert await drained(queue) == [A, B]


async def test_a_key_at_work_is_never_given_out_twice_and_comes_again(queue: WorkQueue) -> None:
    queue.add(A)
    assert await drained(queue) == [A]
    queue.add(A)
    queue.add(A)
    assert await drained(queue) == [], "it is at work"
    queue.done(A)
    assert await drained(queue) == [A], "what happened meanwhile is looked at"
    queue.done(A)
    assert await drained(queue) == [], "once"


async def test_a_key_that_is_done_may_be_added_again(queue: WorkQueue) -> None:
    queue.add(A)
    await queue.get()
    queue.done(A)
    queue.add(A)
    assert await drained(queue) == [A]


async def test_a_wish_for_later_comes_later(queue: WorkQueue) -> None:
    queue.add_after(A, SOON)
    assert await drained(queue) == []
    assert await queue.get() == A


async def test_a_sooner_wish_stands(queue: WorkQueue) -> None:
    queue.add_after(A, SOON)
    queue.add_after(A, LONG)
    assert await asyncio.wait_for(queue.get(), 5) == A


async def test_a_sooner_wish_replaces_a_later_one(queue: WorkQueue) -> None:
    queue.add_after(A, LONG)
    queue.add_after(A, SOON)
    assert await asyncio.wait_for(queue.get(), 5) == A


async def test_work_fulfils_the_wish_for_later(queue: WorkQueue) -> None:
    queue.add_after(A, SOON)
    queue.add_after(B, 2 * SOON)
    queue.add(A)
    assert await queue.get() == A
    queue.done(A)
    assert await asyncio.wait_for(queue.get(), 5) == B, "the wish for A was fulfilled, so only B comes"


async def test_a_wish_that_comes_due_at_work_is_not_lost(queue: WorkQueue) -> None:
    queue.add(A)
    await queue.get()
    queue.add_after(A, SOON)
    queue.add_after(B, 2 * SOON)
    assert await queue.get() == B
    queue.done(A)
    assert await drained(queue) == [A]


async def test_back_off_doubles_to_its_limit_and_starts_anew_after_a_success(queue: WorkQueue) -> None:
    waits = [queue.failed(A) for _ in range(12)]
    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert waits[-1] == module.LAST_RETRY_SECONDS
    assert queue.failed(B) == 0.2, "each key has its own"
    queue.succeeded(A)
    assert queue.failed(A) == 0.2


async def test_a_failed_key_comes_again(queue: WorkQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", SOON)
    queue.add(A)
    await queue.get()
    queue.failed(A)
    queue.done(A)
    assert await asyncio.wait_for(queue.get(), 5) == A


async def test_what_is_forgotten_does_not_come_again(queue: WorkQueue) -> None:
    queue.add_after(A, SOON)
    queue.add_after(B, 2 * SOON)
    queue.forget(A)
    assert await queue.get() == B
