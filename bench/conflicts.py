"""The conflict check of one changed group against a rebuild of all claims, both in memory."""

from __future__ import annotations

import asyncio
import time

from bench.rows import Row
from bench.scale import Fleet, account_id
from drs_operator.planning.claims import Owner, server_key
from drs_operator.planning.facts import Place
from drs_operator.reconcilers.claiming import ClaimBook
from tests.fakes.claims import FakeClaims
from tests.fakes.clock import FakeClock
from tests.fakes.effects import Effects
from tests.fakes.tables import Tables

CHEAPER = 100.0
ROUNDS = 200


def measure(fleet: Fleet) -> list[Row]:
    """How many incremental checks cost as much as one rebuild."""
    return [asyncio.run(_measure(fleet))]


async def _measure(fleet: Fleet) -> Row:
    store, clock = FakeClaims(Tables(), Effects()), FakeClock()
    wanted = {_owner(number): _keys(fleet, number) for number in range(fleet.groups)}
    await _rebuilt(store, clock, wanted)
    began = time.perf_counter()
    book = await _rebuilt(store, clock, wanted)
    rebuild = time.perf_counter() - began
    changed, contested = _owner(0), _keys(fleet, 1)
    began = time.perf_counter()
    for number in range(ROUNDS):
        # Each time a server of the neighbour more or less: a change that has to be checked for conflicts.
        settled = await book.settle(changed, wanted[changed] | ({min(contested)} if number % 2 else set()))
        assert bool(settled.losses) == bool(number % 2)
    incremental = (time.perf_counter() - began) / ROUNDS
    return Row(
        "conflict check of one group: how many cost as much as a rebuild", round(rebuild / incremental), least=CHEAPER
    )


async def _rebuilt(store: FakeClaims, clock: FakeClock, wanted: dict[Owner, set[str]]) -> ClaimBook:
    book = ClaimBook(store, clock, "bench", 60, lambda _: None)
    await book.load()
    for owner, keys in wanted.items():
        settled = await book.settle(owner, keys)
        assert not settled.losses
    return book


def _owner(number: int) -> Owner:
    return Owner(f"pg-{number}", "bench", "fleet", f"group-{number}", f"group-{number}")


def _keys(fleet: Fleet, number: int) -> set[str]:
    account, region = fleet.place_of(number)
    place = Place(account_id(account), region)
    return {server_key(place, f"s-{number:06d}{n:011d}") for n in range(fleet.servers_per_group)}
