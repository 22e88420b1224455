"""Reads that many share: one under way at a time, kept for a while, dropped when something has changed."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from drs_operator.aws.shared import Patience, Shared, Silent

LONG = 3600.0
KEY = "place"


class Source:
    """Answers 1, 2, 3, … when it is let; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.began = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    async def reading(self) -> None:
        """Returns when one more read has begun."""
        await asyncio.wait_for(self.began.acquire(), 10)

    async def read(self) -> int:
        self.asked += 1
        number = self.asked
        self.began.release()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return number


async def test_many_askers_share_one_read() -> None:
    shared, source = Shared[str, int](), Source()
    answers = await asyncio.gather(*(shared.get(KEY, LONG, source.read) for _ in range(100)))
    assert (set(answers), source.asked) == ({1}, 1)


async def test_an_answer_is_kept_for_its_age_and_no_longer() -> None:
    shared, source = Shared[str, int](), Source()
    assert await shared.get(KEY, LONG, source.read) == 1
    assert await shared.get(KEY, LONG, source.read) == 1
    assert await shared.get(KEY, -1.0, source.read) == 2, "nothing is younger than -1 s"


async def test_keys_do_not_wait_for_each_other() -> None:
    shared, slow, quick = Shared[str, int](), Source(), Source()
    slow.gate.clear()
    hanging = asyncio.ensure_future(shared.get("dead region", LONG, slow.read))
    assert await shared.get("live region", LONG, quick.read) == 1
    assert not hanging.done()
    slow.gate.set()
    assert await hanging == 1


async def test_an_answer_that_does_not_fit_is_read_anew() -> None:
    shared, source = Shared[str, int](), Source()
    await shared.get(KEY, LONG, source.read)
    assert await shared.get(KEY, LONG, source.read, lambda kept: kept >= 2) == 2


async def test_whom_the_read_under_way_does_not_fit_gets_one_that_does() -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    first = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await source.reading()
    later = [asyncio.ensure_future(shared.get(KEY, LONG, source.read, lambda kept: kept >= 2)) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2] * 5
    assert source.asked == 2, "those whom it did not fit share the next one"


async def test_a_failure_reaches_all_who_wait_and_is_kept_by_nobody() -> None:
    shared, source = Shared[str, int](), Source()
    source.failure = OSError("gone")
    outcomes = await asyncio.gather(*(shared.get(KEY, LONG, source.read) for _ in range(3)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["gone"] * 3
    assert source.asked == 1
    source.failure = None
    assert await shared.get(KEY, LONG, source.read) == 2


async def test_a_failure_never_replaces_an_answer() -> None:
    shared, source = Shared[str, int](), Source()
    await shared.get(KEY, LONG, source.read)
    source.failure = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await shared.get(KEY, -1.0, source.read)
    assert shared.peek(KEY) == 1
    assert await shared.get(KEY, LONG, source.read) == 1


async def test_after_a_drop_nobody_gets_what_was_read_before_it() -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    before = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await source.reading()
    shared.drop(KEY)
    after = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await source.reading()
    source.gate.set()
    assert (await before, await after) == (1, 2)
    assert await shared.get(KEY, LONG, source.read) == 2, "the late answer of the earlier read is not kept"
    shared.drop(KEY)
    assert shared.peek(KEY) is None
    assert await shared.get(KEY, LONG, source.read) == 3


async def test_an_asker_that_goes_away_does_not_end_the_read_of_the_others() -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    first = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await source.reading()
    second = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    source.gate.set()
    assert await second == 1
    assert source.asked == 1


async def test_a_failure_that_nobody_waits_for_any_more_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    source.failure = OSError("gone")
    asker = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await source.reading()
    asker.cancel()
    await asyncio.gather(asker, return_exceptions=True)
    source.gate.set()
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    gc.collect()  # a task that fails unseen says so when it goes
    source.failure = None
    assert await shared.get(KEY, LONG, source.read) == 2
    assert "never retrieved" not in caplog.text


# --- patience -------------------------------------------------------------------------------------------------------


async def test_a_silent_read_is_given_up_by_its_askers_and_goes_on() -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    patience = Patience(0.01)
    async with asyncio.timeout(10):
        with pytest.raises(Silent, match=r"nothing was heard for 0\.01 s"):
            await shared.get(KEY, LONG, source.read, patience=patience)
        with pytest.raises(Silent):
            await shared.get(KEY, LONG, source.read, patience=patience)
    waiting = asyncio.ensure_future(shared.get(KEY, LONG, source.read))
    await asyncio.sleep(0)
    source.gate.set()
    assert await waiting == 1, "who has more patience gets what it brings"
    assert await shared.get(KEY, LONG, source.read, patience=patience) == 1
    assert source.asked == 1


async def test_a_read_that_is_heard_of_is_waited_for() -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    pages = iter(range(3))

    def heard() -> float:
        if next(pages, None) is None:
            source.gate.set()
        return time.monotonic()

    assert await shared.get(KEY, LONG, source.read, patience=Patience(0.01, heard)) == 1


async def test_an_old_silence_is_not_held_against_a_new_read() -> None:
    shared, source = Shared[str, int](), Source()
    source.gate.clear()
    async with asyncio.timeout(10):
        with pytest.raises(Silent):
            await shared.get(KEY, LONG, source.read, patience=Patience(0.01))
    source.gate.set()
    assert await shared.get(KEY, LONG, source.read) == 1
    assert await shared.get(KEY, -1.0, source.read, patience=Patience(LONG)) == 2


async def test_a_read_can_be_begun_without_waiting() -> None:
    shared, source = Shared[str, int](), Source()
    task = shared.start(KEY, source.read)
    assert shared.start(KEY, source.read) is task, "one at a time"
    assert await shared.get(KEY, LONG, source.read) == 1
    assert source.asked == 1


async def test_who_asks_in_the_moment_in_which_a_read_ends_gets_a_new_one() -> None:
    shared, gate, numbers = Shared[str, int](), asyncio.Event(), iter((1, 2))

    async def read() -> int:
        number = next(numbers)
        if number == 1:
            await gate.wait()
        return number

    async def ask() -> int:
        await gate.wait()  # woken after the read, before the callbacks of its end
        return await shared.get("place", 0, read, fits=lambda answer: answer == 2)

    shared.start("place", read)
    await asyncio.sleep(0)
    asker = asyncio.ensure_future(ask())
    await asyncio.sleep(0)
    gate.set()
    assert await asker == 2
