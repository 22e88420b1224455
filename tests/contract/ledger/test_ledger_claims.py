"""Claims and locks: run ids once for ever, plans and servers by one run at a time, whoever asks at the same moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.facts import Place
from drs_operator.ports import ReadFailed, RunIdClaim
from tests.contract.ledger.setting import Setting

PLACE = Place("123456789012", "us-east-1")
ROUNDS = 100


def claim(run_id: str, by: str = "me", digest: str = "d1") -> RunIdClaim:
    """A claim of a run id."""
    return RunIdClaim(run_id, f"exec-{by}", digest, "prod", "dr", by)


async def held_by(setting: Setting, server_id: str, place: Place = PLACE) -> Any:
    """Who holds a server; None for nobody."""
    item = await setting.store().get(LEDGER, {"pk": f"SERVER#{place.account_id}#{place.region}#{server_id}"})
    return item.get("heldBy") if item else None


# --- run ids --------------------------------------------------------------------------------------------------------


async def test_a_run_id_is_claimed_once_for_ever(setting: Setting) -> None:
    ledger, run_id = setting.ledger(), setting.new("run")
    mine = claim(run_id)
    assert await ledger.claim_run_id(mine) == mine
    assert await ledger.claim_run_id(mine) == mine
    assert await ledger.claim_run_id(replace(mine, digest="d2")) == mine, "with what it asked for then"
    assert await ledger.claim_run_id(claim(run_id, "you")) == mine
    assert await setting.ledger(epoch=9).claim_run_id(claim(run_id, "later")) == mine


async def test_two_who_claim_one_run_id_see_the_same_winner(setting: Setting) -> None:
    ledger = setting.ledger()
    for _ in range(ROUNDS):
        run_id = setting.new("run")
        rivals = [claim(run_id, "me"), claim(run_id, "you")]
        first, second = await asyncio.gather(*map(ledger.claim_run_id, rivals))
        assert first == second
        assert first in rivals


async def test_a_claim_whose_answer_is_lost_is_ones_own(setting: Setting) -> None:
    mine = claim(setting.new("run"))
    setting.inject("PutItem", "lostAnswer", times=1)
    assert await setting.ledger().claim_run_id(mine) == mine


# --- plans ----------------------------------------------------------------------------------------------------------


async def test_a_plan_is_held_by_one_run_and_names_it_to_others(setting: Setting) -> None:
    ledger, plan = setting.ledger(), setting.new("plan")
    assert await ledger.lock_plan(plan, "exec-1", "dr/first") is None
    assert await ledger.lock_plan(plan, "exec-1", "dr/first") is None, "again by the same run, after a crash"
    assert await ledger.lock_plan(plan, "exec-2", "dr/second") == "dr/first"
    await ledger.unlock_plan(plan, "exec-2")
    assert await ledger.lock_plan(plan, "exec-2", "dr/second") == "dr/first", "nobody lets go of another's lock"
    await ledger.unlock_plan(plan, "exec-1")
    await ledger.unlock_plan(plan, "exec-1")
    assert await ledger.lock_plan(plan, "exec-2", "dr/second") is None


async def test_two_runs_never_hold_one_plan(setting: Setting) -> None:
    ledger, plan = setting.ledger(), setting.new("plan")
    names = {"exec-1": "dr/first", "exec-2": "dr/second"}
    for _ in range(ROUNDS):
        holders = await asyncio.gather(*(ledger.lock_plan(plan, run, name) for run, name in names.items()))
        (winner,) = [run for run, holder in zip(names, holders, strict=True) if holder is None]
        assert [holder for holder in holders if holder is not None] == [names[winner]]
        await ledger.unlock_plan(plan, winner)


async def test_a_lock_whose_answer_is_lost_is_held_and_let_go(setting: Setting) -> None:
    ledger, plan = setting.ledger(), setting.new("plan")
    setting.inject("PutItem", "lostAnswer", times=1)
    assert await ledger.lock_plan(plan, "exec-1", "dr/first") is None
    setting.inject("DeleteItem", "lostAnswer", times=1)
    await ledger.unlock_plan(plan, "exec-1")
    assert await ledger.lock_plan(plan, "exec-2", "dr/second") is None


# --- servers --------------------------------------------------------------------------------------------------------


async def test_servers_are_held_and_losses_name_the_holder(setting: Setting) -> None:
    ledger = setting.ledger()
    one, two, three = (setting.new("s") for _ in range(3))
    assert await ledger.hold_servers(PLACE, [one, two], "exec-1", "dr/first") == {}
    assert await ledger.hold_servers(PLACE, [one, two], "exec-1", "dr/first") == {}, (
        "again by the same run, after a crash"
    )
    assert await ledger.hold_servers(PLACE, [two, three], "exec-2", "dr/second") == {two: "dr/first"}
    assert [await held_by(setting, server) for server in (one, two, three)] == ["exec-1", "exec-1", "exec-2"]


async def test_a_run_lets_go_of_its_own_servers_only(setting: Setting) -> None:
    ledger = setting.ledger()
    one, two = setting.new("s"), setting.new("s")
    await ledger.hold_servers(PLACE, [one], "exec-1", "dr/first")
    await ledger.hold_servers(PLACE, [two], "exec-2", "dr/second")
    await ledger.release_servers(PLACE, [one, two, setting.new("s")], "exec-1")
    assert [await held_by(setting, one), await held_by(setting, two)] == [None, "exec-2"]
    assert await ledger.hold_servers(PLACE, [one], "exec-2", "dr/second") == {}


async def test_a_server_is_another_one_in_another_place(setting: Setting) -> None:
    ledger, server = setting.ledger(), setting.new("s")
    await ledger.hold_servers(PLACE, [server], "exec-1", "dr/first")
    elsewhere = Place(PLACE.account_id, "us-west-2")
    assert await ledger.hold_servers(elsewhere, [server], "exec-2", "dr/second") == {}
    await ledger.release_servers(elsewhere, [server], "exec-1")
    assert await held_by(setting, server, elsewhere) == "exec-2"


async def test_the_claim_of_a_group_outlives_the_hold_of_a_run(setting: Setting) -> None:
    ledger, server = setting.ledger(), setting.new("s")
    key = {"pk": f"SERVER#{PLACE.account_id}#{PLACE.region}#{server}"}
    await setting.store().put(LEDGER, {**key, "groupId": "pg-1"}, "attribute_not_exists(#pk)")
    assert await ledger.hold_servers(PLACE, [server], "exec-1", "dr/first") == {}
    await ledger.release_servers(PLACE, [server], "exec-1")
    item = await setting.store().get(LEDGER, key)
    assert item is not None
    assert (item["groupId"], "heldBy" in item) == ("pg-1", False)


async def test_nothing_is_left_of_a_hold_without_a_claim(setting: Setting) -> None:
    ledger, server = setting.ledger(), setting.new("s")
    await ledger.hold_servers(PLACE, [server], "exec-1", "dr/first")
    await ledger.release_servers(PLACE, [server], "exec-1")
    key = {"pk": f"SERVER#{PLACE.account_id}#{PLACE.region}#{server}"}
    assert await setting.store().get(LEDGER, key) is None


async def test_two_runs_never_hold_one_server(setting: Setting) -> None:
    ledger = setting.ledger()
    servers = [setting.new("s") for _ in range(2)]
    for _ in range(ROUNDS):
        runs = ("exec-1", "exec-2")
        told = await asyncio.gather(*(ledger.hold_servers(PLACE, servers, run, f"dr/{run}") for run in runs))
        losses = dict(zip(runs, told, strict=True))
        for server in servers:
            (loser,) = [run for run in runs if server in losses[run]]
            (winner,) = [run for run in runs if run != loser]
            assert losses[loser][server] == f"dr/{winner}"
            assert await held_by(setting, server) == winner
        await asyncio.gather(*(ledger.release_servers(PLACE, servers, run) for run in runs))
        assert [await held_by(setting, server) for server in servers] == [None] * 2


async def test_two_hundred_servers_each_named_once(setting: Setting) -> None:
    ledger, name = setting.ledger(), setting.new("s")
    servers = [f"{name}-{number}" for number in range(200)]
    before = setting.writes("UpdateItem")
    assert await ledger.hold_servers(PLACE, [*servers, *servers[:5]], "exec-1", "dr/first") == {}
    assert setting.writes("UpdateItem") - before == 200
    losses = await ledger.hold_servers(PLACE, servers, "exec-2", "dr/second")
    assert losses == dict.fromkeys(servers, "dr/first")
    await ledger.release_servers(PLACE, servers, "exec-1")
    assert await ledger.hold_servers(PLACE, servers, "exec-2", "dr/second") == {}


@pytest.mark.parametrize("operation", ["UpdateItem", "DeleteItem"])
async def test_holds_and_releases_survive_lost_answers(setting: Setting, operation: str) -> None:
    ledger = setting.ledger()
    servers = [setting.new("s") for _ in range(4)]
    setting.inject(operation, "lostAnswer", times=2)
    assert await ledger.hold_servers(PLACE, servers, "exec-1", "dr/first") == {}
    assert [await held_by(setting, server) for server in servers] == ["exec-1"] * 4
    await ledger.release_servers(PLACE, servers, "exec-1")
    assert [await held_by(setting, server) for server in servers] == [None] * 4


async def test_when_a_hold_fails_nothing_of_it_is_under_way_any_more(setting: Setting) -> None:
    """What would be written after the failure was told would be let go of by nobody."""
    ledger = setting.ledger()
    servers = [setting.new("s") for _ in range(20)]
    setting.inject("UpdateItem", "error", code="AccessDeniedException", times=1)
    with pytest.raises(ReadFailed):
        await ledger.hold_servers(PLACE, servers, "exec-1", "dr/first")
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await ledger.release_servers(PLACE, servers, "exec-1")
    assert [await held_by(setting, server) for server in servers] == [None] * 20
