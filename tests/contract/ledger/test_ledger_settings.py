"""What the ledger remembers of launch settings, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import SettingsRecord
from drs_operator.ports import SettingsStore
from tests.contract.ledger.opened import InMemory, Opened
from tests.contract.ledger.setting import Setting
from tests.fakes.effects import Effects
from tests.fakes.launch_settings import FakeSettingsStore
from tests.fakes.tables import Tables

PLACE = Place("123456789012", "us-east-1")


@pytest.fixture
def store(opened: Opened, setting: Setting) -> SettingsStore:
    """The port, once in memory and once in DynamoDB."""
    return FakeSettingsStore(Tables(), Effects()) if isinstance(opened, InMemory) else setting.ledger()


def a_record(opened: Opened, **changes: Any) -> SettingsRecord:
    """A record of a server and an installation of this test's own."""
    made = SettingsRecord(PLACE, opened.new("s"), "pg-1", opened.new("prod"), "lt-1", 3, 0, "", writing="wanted")
    return replace(made, **changes)


async def test_a_record_is_found_again_by_its_installation(opened: Opened, store: SettingsStore) -> None:
    begun = a_record(opened)
    await store.save_settings(begun)
    await store.save_settings(a_record(opened))
    assert await store.settings_records(begun.installation) == [begun]
    done = replace(begun, verified_version=5, settings="wanted", writing=None)
    await store.save_settings(done)
    assert await store.settings_records(begun.installation) == [done]


async def test_the_earlier_version_is_that_of_the_first_write(opened: Opened, store: SettingsStore) -> None:
    first = a_record(opened)
    await store.save_settings(first)
    await store.save_settings(replace(first, earlier_version=9, group_id="pg-2"))
    (found,) = await store.settings_records(first.installation)
    assert (found.earlier_version, found.group_id) == (3, "pg-2")


async def test_another_template_has_an_earlier_version_of_its_own(opened: Opened, store: SettingsStore) -> None:
    first = a_record(opened)
    await store.save_settings(first)
    await store.save_settings(replace(first, template_id="lt-2", earlier_version=1))
    (found,) = await store.settings_records(first.installation)
    assert (found.template_id, found.earlier_version) == ("lt-2", 1)


async def test_another_installation_takes_the_record_over(opened: Opened, store: SettingsStore) -> None:
    first = a_record(opened)
    await store.save_settings(first)
    other = opened.new("other")
    await store.save_settings(replace(first, installation=other, earlier_version=7))
    assert await store.settings_records(first.installation) == []
    (found,) = await store.settings_records(other)
    assert found.earlier_version == 3, "it can still be put back as it was before any of the two"


async def test_the_key_tells_the_server(setting: Setting) -> None:
    record = SettingsRecord(PLACE, setting.new("s"), "pg-1", "prod", "lt-1", 3, 5, "settings")
    await setting.ledger().save_settings(record)
    item = await setting.store().get(LEDGER, {"pk": f"SETTINGS#123456789012#us-east-1#{record.server_id}"})
    assert item is not None
    assert (item["templateId"], item["earlierVersion"], item["verifiedVersion"]) == ("lt-1", 3, 5)
    assert "writing" not in item
