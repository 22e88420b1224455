"""Who leads an installation, as the ledger has it: one epoch after the other, and never two clusters at will."""

from __future__ import annotations

import asyncio

import pytest

from drs_operator.ledger import installation
from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.leadership import Known, Leader, Wish
from drs_operator.ports import LostRace
from tests.contract.ledger.setting import Setting

A, B = "cluster-a", "cluster-b"


async def take(setting: Setting, name: str, process: str, cluster: str = A, known: Known | None = None) -> Leader:
    """An operator starts."""
    return await installation.take(setting.store(), name, cluster, process, known or Known())


async def leads(setting: Setting, name: str) -> Leader:
    """Who leads now."""
    found = await installation.leader(setting.store(), name)
    assert found is not None
    return found


async def test_every_start_moves_the_epoch_on(setting: Setting) -> None:
    name = setting.new("installation")
    epochs = [(await take(setting, name, f"pod-{number}")).epoch for number in range(3)]
    assert epochs == [1, 2, 3]
    item = await setting.store().get(LEDGER, {"pk": f"INSTALLATION#{name}"})
    assert item is not None
    assert (item["epoch"], item["holder"], item["process"], item["installation"]) == (3, A, "pod-2", name)
    assert item["renewedTime"]


async def test_installations_do_not_know_each_other(setting: Setting) -> None:
    one, two = setting.new("installation"), setting.new("installation")
    await take(setting, one, "pod")
    assert (await take(setting, two, "pod", B)).epoch == 1


async def test_two_that_start_at_once_never_share_an_epoch(setting: Setting) -> None:
    name, seen = setting.new("installation"), list[int]()
    for _ in range(30):
        both = await asyncio.gather(*(take(setting, name, process) for process in ("pod-1", "pod-2")))
        seen += [leader.epoch for leader in both]
    assert sorted(seen) == list(range(1, 61))


@pytest.mark.parametrize(("operation", "earlier"), [("PutItem", 0), ("UpdateItem", 1)])
async def test_an_epoch_whose_answer_is_lost_is_ones_own(setting: Setting, operation: str, earlier: int) -> None:
    name = setting.new("installation")
    for _ in range(earlier):
        await take(setting, name, "pod-0")
    setting.inject(operation, "lostAnswer", times=1)
    assert (await take(setting, name, "pod-1")).epoch == earlier + 1


async def test_an_epoch_that_cannot_be_taken_is_told(setting: Setting) -> None:
    name = setting.new("installation")
    await take(setting, name, "pod-0")
    setting.inject("UpdateItem", "error", code="ConditionalCheckFailedException")
    with pytest.raises(LostRace, match=name):
        await take(setting, name, "pod-1")


async def test_of_two_clusters_that_start_at_once_one_leads(setting: Setting) -> None:
    for _ in range(20):
        name = setting.new("installation")
        both = await asyncio.gather(take(setting, name, "pod-1", A), take(setting, name, "pod-2", B))
        assert len({leader.cluster for leader in both}) == 1
        assert (await leads(setting, name)).epoch == 1


async def test_another_cluster_only_learns_who_leads(setting: Setting) -> None:
    name = setting.new("installation")
    first = await take(setting, name, "pod-1")
    writes = setting.writes("UpdateItem") + setting.writes("PutItem")
    assert await take(setting, name, "pod-2", B) == first
    assert setting.writes("UpdateItem") + setting.writes("PutItem") == writes


async def test_a_wish_lets_the_other_cluster_lead_once(setting: Setting) -> None:
    name = setting.new("installation")
    first = await take(setting, name, "pod-1")
    wish = Wish(B, "jane@laptop", "2026-01-01T00:00:00+00:00")
    assert await installation.wish_for(setting.store(), name, wish, first) is None
    assert (await leads(setting, name)).wish == wish, "who and when are on record"
    restarted = await take(setting, name, "pod-1b")
    assert (restarted.cluster, (await leads(setting, name)).wish) == (A, wish), "a restart does not undo it"
    second = await take(setting, name, "pod-2", B)
    assert (second.cluster, second.epoch) == (B, 3)
    assert (await leads(setting, name)).wish is None, "it is used up"
    assert (await take(setting, name, "pod-1c")).cluster == B


async def test_a_wish_over_somebody_who_leads_no_more_is_not_recorded(setting: Setting) -> None:
    name = setting.new("installation")
    first = await take(setting, name, "pod-1")
    await take(setting, name, "pod-2")
    other = await installation.wish_for(setting.store(), name, Wish(B, "jane", "now"), first)
    assert other is not None
    assert other.epoch == 2
    assert (await leads(setting, name)).wish is None


async def test_a_leader_renews_and_keeps_a_wish(setting: Setting) -> None:
    name = setting.new("installation")
    mine = await take(setting, name, "pod-1")
    await installation.wish_for(setting.store(), name, Wish(B, "jane", "now"), mine)
    assert await installation.renew(setting.store(), name, mine, await leads(setting, name)) is None
    assert (await leads(setting, name)).wish is not None


async def test_a_deposed_leader_learns_who_leads_and_changes_nothing(setting: Setting) -> None:
    name = setting.new("installation")
    mine = await take(setting, name, "pod-1")
    seen = await leads(setting, name)
    later = await take(setting, name, "pod-2")
    other = await installation.renew(setting.store(), name, mine, seen)
    assert other is not None
    assert (other.process, other.epoch) == ("pod-2", later.epoch)
    assert await leads(setting, name) == other


@pytest.mark.parametrize("restored", ["an earlier row", "no row"])
async def test_a_leader_puts_itself_back_into_a_ledger_that_was_restored(setting: Setting, restored: str) -> None:
    name, store = setting.new("installation"), setting.store()
    old = await take(setting, name, "pod-0", B)
    await installation.wish_for(store, name, Wish(A, "jane", "now"), old)
    row = await store.get(LEDGER, {"pk": f"INSTALLATION#{name}"})
    assert row is not None
    await take(setting, name, "pod-1")
    mine = await take(setting, name, "pod-2")
    await store.delete(LEDGER, {"pk": f"INSTALLATION#{name}"}, "attribute_exists(#pk)", {})
    if restored == "an earlier row":
        await store.put(LEDGER, row, "attribute_not_exists(#pk)")
    seen = await installation.leader(store, name)
    assert await installation.renew(store, name, mine, seen) is None
    now = await leads(setting, name)
    assert (now.cluster, now.process, now.epoch, now.wish) == (A, "pod-2", 3, None), "old wishes are no wishes"


async def test_a_rollback_after_the_look_is_left_to_the_next_look(setting: Setting) -> None:
    """Who puts itself back unseen would hide that runs were lost."""
    name, store = setting.new("installation"), setting.store()
    await take(setting, name, "pod-0")
    row = await store.get(LEDGER, {"pk": f"INSTALLATION#{name}"})
    assert row is not None
    mine = await take(setting, name, "pod-1")
    seen = await leads(setting, name)
    await store.put(LEDGER, row, "attribute_exists(#pk)")
    assert await installation.renew(store, name, mine, seen) is None
    assert (await leads(setting, name)).epoch == 1


async def test_an_epoch_goes_on_from_what_the_cluster_knows(setting: Setting) -> None:
    name = setting.new("installation")
    assert (await take(setting, name, "pod-1", known=Known("ledger-1", 41, A))).epoch == 42


async def test_find_says_which_tables_are_missing(bare: Setting) -> None:
    found, leader = await installation.find(bare.store(), "prod")
    assert len(found.missing_tables) == 4
    assert (found.ledger_id, found.epoch, leader) == (None, 0, None)
