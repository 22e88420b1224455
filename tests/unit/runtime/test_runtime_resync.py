"""The full re-list: at its time, soon after an outage, again when it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, Resource
from drs_operator.ports import ReadFailed
from drs_operator.runtime.cache import Cache
from drs_operator.runtime.resync import WATCHED, Resync
from tests.unit.runtime import raw

NEVER = 3600.0


class Lists:
    """What the API server lists; `asked` has every question."""

    def __init__(self) -> None:
        self.groups: list[dict[str, Any]] = []
        self.asked: list[type[Resource]] = []
        self.failures = 0
        self.passed = asyncio.Event()

    async def list_kind(self, kind: type[Resource]) -> list[dict[str, Any]]:
        """One list; the first ones fail as often as the test wants."""
        self.asked.append(kind)
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise ReadFailed("INTERNAL_ERROR", "the API server does not answer")
        if kind is WATCHED[-1]:
            self.passed.set()
        return self.groups if kind is ProtectionGroup else []


async def _passed(lists: Lists, resync: Resync) -> None:
    """Runs until a whole pass has succeeded."""
    task = asyncio.create_task(resync.run())
    await asyncio.wait_for(lists.passed.wait(), 10)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_pass_lists_every_kind_and_repairs_the_cache() -> None:
    cache, lists = Cache(), Lists()
    cache.observe(ProtectionGroup, raw.group("lost"), gone=False)
    lists.groups = [raw.group("found")]
    await Resync(cache, lists.list_kind).once()
    assert tuple(lists.asked) == WATCHED
    assert [found.metadata.name for found in cache.all(ProtectionGroup)] == ["found"]


async def test_it_passes_at_intervals() -> None:
    cache, lists = Cache(), Lists()
    lists.groups = [raw.group("found")]
    await _passed(lists, Resync(cache, lists.list_kind, every_seconds=0.001))
    assert cache.get(ProtectionGroup, "dr", "found") is not None


async def test_a_watch_that_began_anew_is_followed_by_a_pass() -> None:
    cache, lists = Cache(), Lists()
    cache.observe(ProtectionGroup, raw.group("deleted-in-the-outage"), gone=False)
    cache.doubt.set()
    await _passed(lists, Resync(cache, lists.list_kind, every_seconds=NEVER, after_outage_seconds=0.001))
    assert cache.all(ProtectionGroup) == []
    assert not cache.doubt.is_set()


async def test_a_pass_that_fails_is_repeated_soon() -> None:
    cache, lists = Cache(), Lists()
    lists.failures = 3
    cache.doubt.set()
    await _passed(lists, Resync(cache, lists.list_kind, every_seconds=NEVER, after_outage_seconds=0.001))
    assert len(lists.asked) == 3 + len(WATCHED)


async def test_the_first_pass_fails_aloud() -> None:
    lists = Lists()
    lists.failures = 1
    with pytest.raises(ReadFailed):
        await Resync(Cache(), lists.list_kind).once()
