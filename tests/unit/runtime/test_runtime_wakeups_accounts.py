"""Who is looked at when an account, its groups or the labels of a namespace change."""

from __future__ import annotations

import asyncio

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.runtime.cache import Cache, Key
from drs_operator.runtime.queue import WorkQueue
from drs_operator.runtime.wakeups import Wakeups
from tests.unit.runtime import raw

PRODUCTION, COPY = (Key(TargetAccount, None, name) for name in ("production", "copy"))
DB, WEB = (Key(ProtectionGroup, "dr", name) for name in ("db", "web"))


def settled() -> tuple[Cache, WorkQueue, Wakeups]:
    """An account with groups `db` and `web`, and nothing to do."""
    cache, queue = Cache(), WorkQueue()
    cache.observe(TargetAccount, account("production", 1), gone=False)
    for name in ("db", "web"):
        cache.observe(ProtectionGroup, raw.group(name), gone=False)
    wakeups = Wakeups(cache, queue)
    cache.on_change(wakeups.changed)
    return cache, queue, wakeups


def account(name: str, version: int, generation: int = 1, account_id: str = "123456789012", **meta: str) -> raw.Raw:
    """A TargetAccount of this generation."""
    found = raw.account(name, version, uid=f"uid-{name}", accountId=account_id)
    found["metadata"] |= {"generation": generation, **meta}
    return found


async def ready(queue: WorkQueue) -> set[Key]:
    """What is to be looked at now."""
    found = set[Key]()
    while True:
        try:
            async with asyncio.timeout(0.01):
                found.add(await queue.get())
        except TimeoutError:
            return found


async def test_an_edit_of_an_account_reaches_its_groups_and_a_status_does_not() -> None:
    cache, queue, _ = settled()
    cache.observe(TargetAccount, account("production", 2, generation=2), gone=False)
    assert await ready(queue) == {PRODUCTION, DB, WEB}
    for key in (PRODUCTION, DB, WEB):
        queue.done(key)
    cache.observe(TargetAccount, account("production", 3, generation=2), gone=False)
    assert await ready(queue) == {PRODUCTION}


async def test_another_object_for_the_same_account_concerns_the_first_one_and_its_groups() -> None:
    cache, queue, _ = settled()
    cache.observe(TargetAccount, account("copy", 2), gone=False)
    assert await ready(queue) == {COPY, PRODUCTION, DB, WEB}
    for key in (COPY, PRODUCTION, DB, WEB):
        queue.done(key)
    cache.observe(TargetAccount, account("copy", 3), gone=True)
    assert await ready(queue) == {COPY, PRODUCTION, DB, WEB}, "whoever waited for the id has it now"


async def test_an_object_for_another_account_concerns_nobody() -> None:
    cache, queue, _ = settled()
    cache.observe(TargetAccount, account("copy", 2, account_id="210987654321"), gone=False)
    assert await ready(queue) == {COPY}


async def test_groups_that_come_wake_their_account_once_and_later() -> None:
    cache, queue, _ = settled()
    more = [Key(ProtectionGroup, "dr", f"more-{number}") for number in range(50)]
    for key in more:
        cache.observe(ProtectionGroup, raw.group(key.name), gone=False)
    assert await ready(queue) == set(more)
    assert set(queue._timers) == {PRODUCTION}


async def test_the_last_group_of_an_account_that_is_deleted_lets_it_go_at_once() -> None:
    cache, queue, _ = settled()
    cache.observe(TargetAccount, account("production", 2, deletionTimestamp="2026-01-31T12:00:00Z"), gone=False)
    await ready(queue)
    queue.done(PRODUCTION)
    cache.observe(ProtectionGroup, raw.group("db"), gone=True)
    assert PRODUCTION in await ready(queue)


async def test_labels_of_a_namespace_concern_its_groups_and_no_others() -> None:
    cache, queue, wakeups = settled()
    other = raw.group("db")
    other["metadata"]["namespace"] = "elsewhere"
    cache.observe(ProtectionGroup, other, gone=False)
    await ready(queue)
    queue.done(Key(ProtectionGroup, "elsewhere", "db"))
    wakeups.relabelled("dr")
    assert await ready(queue) == {DB, WEB}
