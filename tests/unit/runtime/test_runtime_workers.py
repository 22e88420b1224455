"""Workers: each kind has its reconciler, one that fails never stops another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.ports import Fenced, LostRace, ReadFailed
from drs_operator.reconcilers.context import Outcome
from drs_operator.runtime import queue as queue_module
from drs_operator.runtime.cache import Cache, Key
from drs_operator.runtime.queue import WorkQueue
from drs_operator.runtime.workers import Workers
from tests.unit.runtime import raw


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "FIRST_RETRY_SECONDS", 0.001)


class Shop:
    """Groups, and workers that look at them; `looks` counts by name."""

    def __init__(self, *names: str) -> None:
        self.cache, self.queue, self.looks = Cache(), WorkQueue(), Counter[str]()
        self.seen = asyncio.Condition()
        for name in names:
            self.cache.observe(ProtectionGroup, raw.group(name), gone=False)
            self.queue.add(Key(ProtectionGroup, "dr", name))
        self.doing: Callable[[str, int], Awaitable[Outcome]] = self.nothing

    async def nothing(self, name: str, look: int) -> Outcome:
        """Every look succeeds."""
        return Outcome()

    async def reconcile(self, group: ProtectionGroup) -> Outcome:
        """Counts, and does what the test wants."""
        name = group.metadata.name
        self.looks[name] += 1
        async with self.seen:
            self.seen.notify_all()
        return await self.doing(name, self.looks[name])

    async def work_until(self, reached: Callable[[], bool]) -> None:
        """Lets the workers work until something is the case."""
        workers = asyncio.create_task(Workers(self.cache, self.queue, {ProtectionGroup: self.reconcile}).run())
        try:
            async with asyncio.timeout(10), self.seen:
                await self.seen.wait_for(reached)
        finally:
            workers.cancel()
            await asyncio.gather(workers, return_exceptions=True)


async def test_every_key_is_looked_at_once() -> None:
    shop = Shop("a", "b", "c")
    await shop.work_until(lambda: shop.looks.total() == 3)
    assert shop.looks == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "error",
    [ValueError("a defect"), LostRace("moved"), ReadFailed("DRS_ERROR", "no answer")],
    ids=["defect", "lost race", "failed read"],
)
async def test_a_look_that_fails_is_repeated_and_stops_no_other(error: Exception) -> None:
    shop = Shop("bad", "good")

    async def doing(name: str, look: int) -> Outcome:
        if name == "bad" and look < 4:
            raise error
        return Outcome()

    shop.doing = doing
    await shop.work_until(lambda: shop.looks["bad"] == 4)
    assert shop.looks == {"bad": 4, "good": 1}


async def test_the_next_look_comes_when_the_reconciler_wants_it() -> None:
    shop = Shop("a")

    async def doing(name: str, look: int) -> Outcome:
        return Outcome(again_in=0.001)

    shop.doing = doing
    await shop.work_until(lambda: shop.looks["a"] == 5)


async def test_a_new_leader_ends_the_workers() -> None:
    shop = Shop("a", "b")

    async def doing(name: str, look: int) -> Outcome:
        raise Fenced("epoch 2 leads")

    shop.doing = doing
    with pytest.raises(Fenced, match="epoch 2 leads"):
        await asyncio.wait_for(Workers(shop.cache, shop.queue, {ProtectionGroup: shop.reconcile}).run(), 10)


async def test_an_object_that_is_gone_is_not_looked_at() -> None:
    shop = Shop("gone", "there")
    shop.cache.observe(ProtectionGroup, raw.group("gone", version=2), gone=True)
    await shop.work_until(lambda: shop.looks["there"] == 1)
    assert shop.looks == {"there": 1}


async def test_looks_that_hang_hold_up_no_other_and_no_key_is_at_work_twice() -> None:
    """Fifty groups of an account that does not answer, and ten of one that does."""
    dead, well = [f"dead-{n}" for n in range(50)], [f"well-{n}" for n in range(10)]
    shop = Shop(*dead, *well)
    at_work: Counter[str] = Counter()

    async def doing(name: str, look: int) -> Outcome:
        at_work[name] += 1
        assert at_work[name] == 1, f"{name} is at work twice"
        shop.queue.add(Key(ProtectionGroup, "dr", name))
        if name in dead or look == 3:
            await asyncio.Event().wait()  # until cancelled
        at_work[name] -= 1
        return Outcome()

    shop.doing = doing
    await shop.work_until(lambda: all(shop.looks[name] == 3 for name in well))
    assert [shop.looks[name] for name in dead] == [1] * 50


async def test_keys_that_were_at_work_when_the_workers_ended_are_free_for_the_next_ones() -> None:
    """As when a cluster that stood by begins to lead: no key stays marked as being at work."""
    names = [f"g{n}" for n in range(20)]
    shop = Shop(*names)
    workers = asyncio.create_task(Workers(shop.cache, shop.queue, {ProtectionGroup: shop.reconcile}).run())
    await asyncio.sleep(0)  # tasks are made in one step of the loop and begin in the next
    workers.cancel()
    await asyncio.gather(workers, return_exceptions=True)
    for name in names:
        shop.queue.add(Key(ProtectionGroup, "dr", name))
    await shop.work_until(lambda: all(shop.looks[name] >= 1 for name in names))
