"""What groups and plans claim: the first one has it, until it lets go; the same in memory and in DynamoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from drs_operator.planning.claims import Owner, Standing, group_name_key, server_key
from drs_operator.ports import ClaimStore
from tests.contract.ledger.opened import PLACE, Opened
from tests.contract.ledger.setting import Setting

ROUNDS = 100


def group(name: str = "web", installation: str = "prod", display_name: str = "Web servers") -> Owner:
    """A group that claims."""
    return Owner(f"pg-{installation}-{name}", installation, "dr", name, display_name)


MINE, YOURS, ELSEWHERE = group(), group("db"), group("web", "test")


async def test_the_first_one_has_it_and_the_loser_is_told_who(opened: Opened) -> None:
    key = opened.server()
    assert await opened.ledger.standing(key) is None
    assert await opened.ledger.take(key, MINE) is None
    stands = Standing(key, MINE)
    assert await opened.ledger.take(key, YOURS) == stands
    assert await opened.ledger.take(key, ELSEWHERE) == stands
    assert await opened.ledger.standing(key) == stands


async def test_an_own_claim_is_taken_again_without_a_change(opened: Opened) -> None:
    key = opened.server()
    await opened.ledger.take(key, MINE)
    mark = await opened.mark(key)
    assert await opened.ledger.take(key, MINE) is None
    assert await opened.mark(key) == mark


async def test_an_owner_that_was_renamed_is_told_by_its_new_name(opened: Opened) -> None:
    key = opened.server()
    renamed = replace(MINE, display_name="Web servers, Frankfurt")
    await opened.ledger.take(key, MINE)
    await opened.hold(key, "exec-1", "dr/first")
    assert await opened.ledger.take(key, renamed) is None
    assert await opened.ledger.standing(key) == Standing(key, renamed, "exec-1", "dr/first")


async def test_whoever_lets_go_makes_room_and_only_the_owner_can(opened: Opened) -> None:
    key = opened.server()
    await opened.ledger.take(key, MINE)
    assert await opened.ledger.let_go(key, YOURS.id) is None
    assert await opened.ledger.standing(key) == Standing(key, MINE), "nobody lets go of another's claim"
    assert await opened.ledger.let_go(key, MINE.id) is None
    assert await opened.ledger.standing(key) is None
    assert await opened.ledger.let_go(key, MINE.id) is None, "again, after a crash"
    assert await opened.ledger.take(key, YOURS) is None


async def test_what_a_run_holds_is_not_let_go_until_it_ends(opened: Opened) -> None:
    key = opened.server()
    await opened.ledger.take(key, MINE)
    await opened.hold(key, "exec-1", "dr/first")
    held = Standing(key, MINE, "exec-1", "dr/first")
    assert await opened.ledger.let_go(key, MINE.id) == held
    assert await opened.ledger.let_go(key, YOURS.id) is None, "it is not theirs, held or not"
    assert await opened.ledger.take(key, YOURS) == held
    assert await opened.ledger.take(key, MINE) is None, "a run holds its group's servers"
    assert await opened.ledger.standing(key) == held
    await opened.release(key, "exec-1")
    assert await opened.ledger.standing(key) == Standing(key, MINE)
    assert await opened.ledger.let_go(key, MINE.id) is None
    assert await opened.ledger.standing(key) is None


async def test_what_a_run_holds_for_nobody_is_not_taken(opened: Opened) -> None:
    key = opened.server()
    await opened.hold(key, "exec-1", "dr/first")
    held = Standing(key, None, "exec-1", "dr/first")
    assert await opened.ledger.take(key, MINE) == held
    assert await opened.ledger.let_go(key, MINE.id) is None
    assert await opened.ledger.standing(key) == held
    await opened.release(key, "exec-1")
    assert await opened.ledger.take(key, MINE) is None


async def test_standings_are_every_claim_and_hold_and_nothing_else(opened: Opened) -> None:
    claimed, held, named = opened.server(), opened.server(), opened.name()
    plan = Owner("plan-1", "test", "dr", "production", "Production")
    await opened.ledger.take(claimed, MINE)
    await opened.ledger.take(named, plan)
    await opened.hold(held, "exec-1", "dr/first")
    await opened.ledger.lock_plan(opened.new("plan"), "exec-1", "dr/first")
    expected = sorted(
        [Standing(claimed, MINE), Standing(held, None, "exec-1", "dr/first"), Standing(named, plan)],
        key=lambda standing: standing.key,
    )
    assert await opened.standings() == expected


async def test_the_longest_display_name_is_a_key(opened: Opened) -> None:
    """No character takes more room in a key than these: six bytes when its case is folded."""
    widest = max((chr(code) for code in range(0xD800)), key=lambda character: len(character.casefold().encode()))
    key = group_name_key("i" * 63, "n" * 63, opened.new("x") + widest * 250)
    assert len(key.encode()) < 2048
    assert await opened.ledger.take(key, replace(MINE, display_name=widest * 256)) is None
    assert await opened.ledger.let_go(key, MINE.id) is None


async def test_two_installations_that_claim_at_once_never_both_have_it(opened: Opened) -> None:
    rivals = {MINE.id: (opened.open(), MINE), ELSEWHERE.id: (opened.open(), ELSEWHERE)}
    keys = [opened.server() for _ in range(3)]
    for _ in range(ROUNDS):
        answers = await asyncio.gather(*(ledger.take(key, owner) for ledger, owner in rivals.values() for key in keys))
        for number, key in enumerate(keys):
            told = dict(zip(rivals, (answers[number], answers[number + len(keys)]), strict=True))
            (winner,) = [owner_id for owner_id, standing in told.items() if standing is None]
            (loser,) = [owner_id for owner_id in told if owner_id != winner]
            assert told[loser] == Standing(key, rivals[winner][1]) == await opened.ledger.standing(key)
        await asyncio.gather(*(ledger.let_go(key, owner.id) for ledger, owner in rivals.values() for key in keys))
        assert [await opened.ledger.standing(key) for key in keys] == [None] * 3


async def test_a_run_and_a_deletion_at_once_leave_the_run_its_hold(opened: Opened) -> None:
    """Whichever comes first: what is let go is not held by anybody, what is held stays."""
    key = opened.server()
    for _ in range(ROUNDS):
        await opened.ledger.take(key, MINE)
        _, stands = await asyncio.gather(opened.hold(key, "exec-1", "dr/first"), opened.open().let_go(key, MINE.id))
        found = await opened.ledger.standing(key)
        assert found is not None, "a hold that was granted stands"
        assert found.held_by == "exec-1"
        assert stands == (found if found.owner else None)
        await opened.release(key, "exec-1")
        await opened.ledger.let_go(key, MINE.id)
        assert await opened.ledger.standing(key) is None


async def test_a_successor_and_a_deletion_at_once(opened: Opened) -> None:
    """The successor gets it or is told who has it; the late one never takes it away again."""
    key = opened.server()
    for _ in range(ROUNDS):
        await opened.ledger.take(key, MINE)
        _, stands = await asyncio.gather(opened.ledger.let_go(key, MINE.id), opened.open().take(key, YOURS))
        assert stands in (None, Standing(key, MINE))
        await opened.ledger.let_go(key, MINE.id)
        assert await opened.ledger.standing(key) == (Standing(key, YOURS) if stands is None else None)
        await opened.ledger.let_go(key, YOURS.id)


# --- only DynamoDB loses answers and throttles ----------------------------------------------------------------------


async def test_a_claim_whose_answer_is_lost_is_ones_own(setting: Setting) -> None:
    ledger, key = setting.ledger(), server_key(PLACE, setting.new("s"))
    setting.inject("UpdateItem", "lostAnswer", times=1)
    before = setting.writes("UpdateItem")
    assert await ledger.take(key, MINE) is None
    assert setting.writes("UpdateItem") - before == 2
    assert await ledger.standing(key) == Standing(key, MINE)


async def test_an_own_claim_costs_one_failed_condition(setting: Setting) -> None:
    ledger, key = setting.ledger(), server_key(PLACE, setting.new("s"))
    await ledger.take(key, MINE)
    before = setting.writes("UpdateItem")
    assert await ledger.take(key, MINE) is None
    assert setting.writes("UpdateItem") - before == 1


async def test_a_claim_that_was_let_go_with_a_lost_answer_is_gone(setting: Setting) -> None:
    ledger, key = setting.ledger(), server_key(PLACE, setting.new("s"))
    await ledger.take(key, MINE)
    setting.inject("DeleteItem", "lostAnswer", times=1)
    assert await ledger.let_go(key, MINE.id) is None
    assert await ledger.standing(key) is None


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ("UpdateItem", lambda ledger, key: ledger.take(key, MINE)),
        ("DeleteItem", lambda ledger, key: ledger.let_go(key, MINE.id)),
        ("GetItem", lambda ledger, key: ledger.standing(key)),
        ("Scan", lambda ledger, key: ledger.standings()),
    ],
)
async def test_throttling_is_waited_out(
    setting: Setting, operation: str, act: Callable[[ClaimStore, str], object]
) -> None:
    setting.inject(operation, "error", code="ThrottlingException", times=2)
    await act(setting.ledger(), server_key(PLACE, setting.new("s")))  # type: ignore[misc]


async def test_a_hundred_claims_in_parallel_are_a_hundred_writes(setting: Setting) -> None:
    ledger, name = setting.ledger(), setting.new("s")
    keys = [server_key(PLACE, f"{name}-{number}") for number in range(100)]
    before = setting.writes("UpdateItem")
    assert set(await asyncio.gather(*(ledger.take(key, MINE) for key in keys))) == {None}
    assert setting.writes("UpdateItem") - before == 100
    assert {standing.key for standing in await ledger.standings()} >= set(keys)


async def test_standings_are_read_to_the_last_page(fresh: Setting) -> None:
    ledger = fresh.ledger()
    wide = "w" * 300_000  # five of these are two pages of 1 MB
    owners = [group(f"g{number}", display_name=wide) for number in range(5)]
    for number, owner in enumerate(owners):
        await ledger.take(server_key(PLACE, f"s-{number}"), owner)
    before = fresh.writes("Scan")
    assert [standing.owner for standing in await ledger.standings()] == owners
    assert fresh.writes("Scan") - before >= 2
