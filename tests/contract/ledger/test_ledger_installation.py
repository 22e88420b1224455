"""The epoch of an installation: moved on at every start, never taken twice."""

from __future__ import annotations

import asyncio

import pytest

from drs_operator.ledger import installation
from drs_operator.ledger.tables import LEDGER
from drs_operator.ports import LostRace
from tests.contract.ledger.setting import Setting


async def test_every_start_moves_the_epoch_on(setting: Setting) -> None:
    name = setting.new("installation")
    epochs = [await installation.take_epoch(setting.store(), name, f"pod-{number}") for number in range(3)]
    assert epochs == [1, 2, 3]
    item = await setting.store().get(LEDGER, {"pk": f"INSTALLATION#{name}"})
    assert item is not None
    assert (item["epoch"], item["holder"], item["installation"]) == (3, "pod-2", name)
    assert item["renewedTime"]


async def test_installations_do_not_know_each_other(setting: Setting) -> None:
    one, two = setting.new("installation"), setting.new("installation")
    await installation.take_epoch(setting.store(), one, "pod")
    assert await installation.take_epoch(setting.store(), two, "pod") == 1


async def test_two_that_start_at_once_never_share_an_epoch(setting: Setting) -> None:
    name, seen = setting.new("installation"), []
    for _ in range(30):
        starts = (installation.take_epoch(setting.store(), name, holder) for holder in ("pod-1", "pod-2"))
        seen += await asyncio.gather(*starts)
    assert sorted(seen) == list(range(1, 61))


@pytest.mark.parametrize(("operation", "earlier"), [("PutItem", 0), ("UpdateItem", 1)])
async def test_an_epoch_whose_answer_is_lost_is_ones_own(setting: Setting, operation: str, earlier: int) -> None:
    name = setting.new("installation")
    for _ in range(earlier):
        await installation.take_epoch(setting.store(), name, "pod-0")
    setting.inject(operation, "lostAnswer", times=1)
    assert await installation.take_epoch(setting.store(), name, "pod-1") == earlier + 1


async def test_an_epoch_that_cannot_be_taken_is_told(setting: Setting) -> None:
    name = setting.new("installation")
    await installation.take_epoch(setting.store(), name, "pod-0")
    setting.inject("UpdateItem", "error", code="ConditionalCheckFailedException")
    with pytest.raises(LostRace, match=name):
        await installation.take_epoch(setting.store(), name, "pod-1")
