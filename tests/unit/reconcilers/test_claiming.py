"""The claims in memory: what is read and written, and how a scan is merged with what was learnt meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from drs_operator.planning.claims import Owner, Standing
from drs_operator.planning.facts import Place
from drs_operator.reconcilers.claiming import ClaimBook
from tests.fakes.clock import FakeClock
from tests.fakes.effects import Effects
from tests.fakes.ledger import FakeLedger
from tests.fakes.tables import Tables

MINE = Owner("pg-mine", "east", "dr", "mine", "mine")
OTHER = Owner("pg-other", "east", "dr", "other", "other")
FOREIGN = Owner("pg-foreign", "west", "dr", "foreign", "foreign")
KEY, SECOND = "SERVER#1#r#s-1", "SERVER#1#r#s-2"


class CountingLedger(FakeLedger):
    """Counts reads of single claims, and lets something happen in the middle of a scan."""

    reads = 0

    async def standing(self, key: str) -> Standing | None:
        self.reads += 1
        return await super().standing(key)

    async def standings(self) -> list[Standing]:
        found = await super().standings()
        self._effect.moment("scan")
        return found


class Bench:
    """A book, and what it works on."""

    def __init__(self) -> None:
        self.clock, self.effects, self.tables = FakeClock(), Effects(), Tables()
        self.ledger = CountingLedger(self.tables, 1, self.effects)
        self.told: list[str] = []
        self.book = ClaimBook(self.ledger, self.clock, "east", 60, lambda owner: self.told.append(owner.name))


async def test_what_is_owned_is_neither_read_nor_written_again() -> None:
    bench = Bench()
    await bench.book.settle(MINE, {KEY, SECOND})
    done = len(bench.effects.done)
    for _ in range(10):
        settled = await bench.book.settle(MINE, {KEY, SECOND})
    assert settled.owned == {KEY, SECOND}
    assert not settled.losses
    assert (len(bench.effects.done), bench.ledger.reads) == (done, 0)


async def test_a_claim_of_another_installation_is_read_once_a_refresh() -> None:
    bench = Bench()
    bench.tables.claims[KEY] = FOREIGN
    for _ in range(5):
        assert (await bench.book.settle(MINE, {KEY})).losses[KEY].owner == FOREIGN
    assert bench.ledger.reads == 0, "the attempt to take it has told"
    bench.clock.advance(60)
    for _ in range(5):
        await bench.book.settle(MINE, {KEY})
    assert bench.ledger.reads == 1
    del bench.tables.claims[KEY]
    bench.clock.advance(60)
    assert (await bench.book.settle(MINE, {KEY})).owned == {KEY}


async def test_a_claim_of_this_installation_is_not_read_and_its_loser_is_told() -> None:
    bench = Bench()
    await bench.book.settle(OTHER, {KEY})
    bench.clock.advance(600)
    assert (await bench.book.settle(MINE, {KEY})).losses[KEY].owner == OTHER
    assert bench.told == ["other"], "somebody wants its server"
    await bench.book.settle(MINE, {KEY})
    assert bench.told == ["other"], "asked once"
    assert bench.ledger.reads == 0
    await bench.book.release_all(OTHER)
    assert bench.told == ["other", "mine"]
    assert (await bench.book.settle(MINE, {KEY})).owned == {KEY}
    assert bench.book.wanted_by(KEY, "") == []


async def test_what_is_written_during_a_scan_is_newer_than_it() -> None:
    bench = Bench()
    await bench.book.settle(MINE, {KEY})

    async def write() -> None:
        await bench.book.settle(MINE, {SECOND})

    bench.effects.meanwhile["scan"] = lambda: _run(write())
    await bench.book.load()
    assert bench.book.owned(MINE.id) == {SECOND}


def _run(work: Coroutine[Any, Any, None]) -> None:
    """To its end, in the middle of something else."""
    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, work).result()


async def test_a_scan_finds_what_others_have_changed_and_tells_whom_it_concerns() -> None:
    bench = Bench()
    await bench.book.settle(OTHER, {KEY, SECOND})
    await bench.book.settle(MINE, {KEY})
    bench.told.clear()
    del bench.tables.claims[KEY]
    bench.tables.claims[SECOND] = FOREIGN
    await bench.book.load()
    assert bench.book.owned(OTHER.id) == set()
    assert sorted(set(bench.told)) == ["mine", "other"]
    assert (await bench.book.settle(MINE, {KEY})).owned == {KEY}


async def test_what_a_run_holds_is_asked_for_once_a_refresh_until_it_ends() -> None:
    bench = Bench()
    await bench.book.settle(MINE, {KEY})
    bench.tables.holds[(Place("1", "r"), "s-1")] = ("exec-1", "dr/drill")
    for _ in range(3):
        settled = await bench.book.settle(MINE, set())
        assert settled.kept[KEY].held_by_name == "dr/drill"
        assert settled.owned == {KEY}
    bench.tables.holds.clear()
    assert (await bench.book.settle(MINE, set())).owned == {KEY}, "not asked again yet"
    bench.clock.advance(60)
    assert (await bench.book.settle(MINE, set())).owned == set()
