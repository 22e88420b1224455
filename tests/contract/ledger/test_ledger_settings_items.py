"""Records of launch settings beside all else in DynamoDB: no claims, one write each, whatever becomes of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from drs_operator.planning.claims import Owner, server_key
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import SettingsRecord
from drs_operator.ports import SettingsStore
from tests.contract.ledger.setting import Setting

PLACE = Place("123456789012", "us-east-1")


@pytest.fixture
def record(setting: Setting) -> SettingsRecord:
    """What was verified of a server that no other test has, under an installation that no other test has."""
    return SettingsRecord(
        place=PLACE,
        server_id=setting.new("s"),
        group_id="pg-1",
        installation=setting.new("installation"),
        template_id="lt-0123456789abcdef0",
        earlier_version=3,
        verified_version=5,
        settings="0123456789abcdef",
    )


async def remembered(store: SettingsStore, record: SettingsRecord) -> list[SettingsRecord]:
    """What its installation remembers."""
    return await store.settings_records(record.installation)


async def test_settings_are_no_claims_and_claims_no_settings(setting: Setting, record: SettingsRecord) -> None:
    ledger, key = setting.ledger(), server_key(record.place, record.server_id)
    await ledger.save_settings(record)
    assert [each for each in await ledger.standings() if record.server_id in each.key] == []
    owner = Owner(record.group_id, record.installation, "dr", "web", "Web servers")
    assert await ledger.take(key, owner) is None
    assert await remembered(ledger, record) == [record]
    await ledger.let_go(key, owner.id)
    assert await remembered(ledger, record) == [record], "it outlives the group's claim"


async def test_the_same_server_id_elsewhere_is_another_server(setting: Setting, record: SettingsRecord) -> None:
    ledger = setting.ledger()
    places = [Place("123456789012", "eu-west-1"), PLACE, Place("210987654321", "eu-west-1")]
    records = [replace(record, place=place, verified_version=number) for number, place in enumerate(places)]
    for each in records:
        await ledger.save_settings(each)
    assert await remembered(ledger, record) == records


async def test_a_save_is_one_write(setting: Setting, record: SettingsRecord) -> None:
    ledger = setting.ledger()
    for version in (5, 6):
        before = setting.writes("UpdateItem")
        await ledger.save_settings(replace(record, verified_version=version))
        assert setting.writes("UpdateItem") - before == 1


@pytest.mark.parametrize("template_id", ["lt-0123456789abcdef0", "lt-0fedcba9876543210"])
async def test_a_save_whose_answer_is_lost_is_done(setting: Setting, record: SettingsRecord, template_id: str) -> None:
    ledger = setting.ledger()
    await ledger.save_settings(record)
    later = replace(record, template_id=template_id, verified_version=9)
    before = setting.writes("UpdateItem")
    setting.inject("UpdateItem", "lostAnswer", times=1)
    await ledger.save_settings(later)
    assert setting.writes("UpdateItem") - before >= 2
    assert await remembered(ledger, record) == [later]


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ("UpdateItem", lambda store, record: store.save_settings(record)),
        ("Scan", lambda store, record: store.settings_records(record.installation)),
    ],
)
async def test_throttling_is_waited_out(
    setting: Setting, record: SettingsRecord, operation: str, act: Callable[[SettingsStore, SettingsRecord], object]
) -> None:
    setting.inject(operation, "error", code="ThrottlingException", times=2)
    await act(setting.ledger(), record)  # type: ignore[misc]


async def test_all_records_are_read_to_the_last_page(fresh: Setting, record: SettingsRecord) -> None:
    ledger = fresh.ledger()
    wide = "g" * 300_000  # five of these are two pages of 1 MB
    records = [replace(record, server_id=f"s-{number}", group_id=wide) for number in range(5)]
    await asyncio.gather(*(ledger.save_settings(each) for each in records))
    before = fresh.writes("Scan")
    assert await remembered(ledger, record) == records
    assert fresh.writes("Scan") - before >= 2
