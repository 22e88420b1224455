"""Rows of groups and plans: each version over the one before, never over somebody else's; in memory as in DynamoDB."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from drs_operator.ledger.tables import PROTECTION_GROUPS, RECOVERY_PLANS
from drs_operator.planning.claims import Mirror, MirrorHead, Owner
from drs_operator.planning.mirrors import group_mirror, plan_mirror
from drs_operator.ports import LostRace
from tests.builders import NOW
from tests.contract.ledger.opened import Opened
from tests.contract.ledger.setting import Setting
from tests.unit.api.largest import LARGEST

ROUNDS = 20
ITEM_BYTES = 400_000
"""DynamoDB's limit, 400 KB, with some room left."""


def mirror(opened: Opened | Setting, kind: str = "pg", **content: Any) -> Mirror:
    """The row of an object that no other test has, in an installation of its own."""
    name = opened.new("web")
    owner = Owner(f"{kind}-{name}", f"prod-{name}", "dr", name, f"Web of {name}")
    return Mirror(owner, {"accountId": "123456789012", "sourceServerIds": ["s-1"], **content})


def head(mirror: Mirror, version: int) -> MirrorHead:
    """What is known of its row."""
    account_id = mirror.content["accountId"]
    return MirrorHead(mirror.owner.id, version, mirror.digest, mirror.owner.namespace, mirror.owner.name, account_id)


async def stored(setting: Setting, mirror: Mirror) -> dict[str, Any]:
    """The row in DynamoDB without the token."""
    plan = mirror.owner.id.startswith("plan-")
    table, key = (RECOVERY_PLANS, "planId") if plan else (PROTECTION_GROUPS, "groupId")
    item = await setting.store().get(table, {key: mirror.owner.id})
    assert item is not None
    del item["writeToken"]
    return item


@pytest.mark.parametrize("kind", ["pg", "plan"])
async def test_every_version_goes_over_the_one_before(opened: Opened, kind: str) -> None:
    first = mirror(opened, kind)
    second = replace(first, content={**first.content, "sourceServerIds": ["s-1", "s-2"]})
    installation = first.owner.installation
    assert await opened.ledger.mirrors(installation) == []
    assert await opened.ledger.save_mirror(first, None, NOW) == 1
    assert await opened.ledger.mirrors(installation) == [head(first, 1)]
    assert await opened.ledger.save_mirror(second, 1, NOW) == 2
    assert await opened.ledger.mirrors(installation) == [head(second, 2)]
    await opened.ledger.delete_mirror(first.owner.id)
    await opened.ledger.delete_mirror(first.owner.id)
    assert await opened.ledger.mirrors(installation) == []
    assert await opened.ledger.save_mirror(first, None, NOW) == 1, "an object of the same name later on"


async def test_marks_of_honoured_commands_are_kept_and_say_nothing_of_the_object(opened: Opened) -> None:
    row = mirror(opened)
    marked = replace(row, honoured=("mark-1", "mark-2"))
    assert marked.digest == row.digest
    await opened.ledger.save_mirror(marked, None, NOW)
    (found,) = await opened.ledger.mirrors(row.owner.installation)
    assert found == replace(head(row, 1), honoured=("mark-1", "mark-2"))


async def test_heads_are_those_of_one_installation(opened: Opened) -> None:
    mine, theirs = mirror(opened), mirror(opened)
    await opened.ledger.save_mirror(theirs, None, NOW)
    await opened.ledger.save_mirror(mine, None, NOW)
    assert await opened.ledger.mirrors(mine.owner.installation) == [head(mine, 1)]


@pytest.mark.parametrize(
    ("stands", "version", "because"),
    [
        (2, 1, "the row has moved on"),
        (2, None, "there is a row already"),
        (0, 1, "the row is gone"),
        (1, 2, "there never was such a version"),
    ],
)
async def test_no_version_is_written_over_another(
    opened: Opened, stands: int, version: int | None, because: str
) -> None:
    row = mirror(opened)
    for number in range(stands):
        await opened.ledger.save_mirror(row, number or None, NOW)
    late = replace(row, content={**row.content, "late": True})
    with pytest.raises(LostRace, match=row.owner.id):
        await opened.ledger.save_mirror(late, version, NOW)
    assert await opened.ledger.mirrors(row.owner.installation) == ([head(row, stands)] if stands else []), because


async def test_of_two_who_write_at_once_one_must_read_again(opened: Opened) -> None:
    row, ledgers = mirror(opened), (opened.open(), opened.open())
    for version in range(ROUNDS):
        writes = (ledger.save_mirror(row, version or None, NOW) for ledger in ledgers)
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        (lost,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert isinstance(lost, LostRace)
        assert version + 1 in outcomes
        assert [head.version for head in await opened.ledger.mirrors(row.owner.installation)] == [version + 1]


# --- what stands in DynamoDB ----------------------------------------------------------------------------------------


async def test_a_row_says_who_what_and_since_when(setting: Setting) -> None:
    ledger, row = setting.ledger(), mirror(setting, selection={"Tier": "web", "Empty": ""}, old="gone later")
    await ledger.save_mirror(row, None, NOW)
    changed = replace(row, content={key: value for key, value in row.content.items() if key != "old"})
    changed = replace(changed, owner=replace(row.owner, display_name="Another"))
    await ledger.save_mirror(changed, 1, NOW + timedelta(hours=2))
    assert await stored(setting, row) == {
        "groupId": row.owner.id,
        "installation": row.owner.installation,
        "namespace": "dr",
        "name": row.owner.name,
        "displayName": "Another",
        "accountId": "123456789012",
        "sourceServerIds": ["s-1"],
        "selection": {"Tier": "web", "Empty": ""},
        "digest": changed.digest,
        "honoured": [],
        "version": 2,
        "createdTime": NOW.astimezone(UTC).isoformat(timespec="seconds"),
        "updatedTime": (NOW + timedelta(hours=2)).astimezone(UTC).isoformat(timespec="seconds"),
    }


@pytest.mark.parametrize("version", [None, 1])
async def test_a_row_whose_answer_is_lost_is_ones_own(setting: Setting, version: int | None) -> None:
    ledger, row = setting.ledger(), mirror(setting)
    if version:
        await ledger.save_mirror(row, None, NOW)
    before = setting.writes("PutItem")
    setting.inject("PutItem", "lostAnswer", times=1)
    assert await ledger.save_mirror(row, version, NOW) == (version or 0) + 1
    assert setting.writes("PutItem") - before == 2
    setting.inject("DeleteItem", "lostAnswer", times=1)
    await ledger.delete_mirror(row.owner.id)
    assert await ledger.mirrors(row.owner.installation) == []


@pytest.mark.parametrize(
    "effect", [{"code": "ThrottlingException"}, {"code": "InternalServerError", "httpStatus": 500}]
)
async def test_throttling_and_errors_are_waited_out(setting: Setting, effect: dict[str, Any]) -> None:
    ledger, row = setting.ledger(), mirror(setting)
    for operation in ("PutItem", "Scan", "GetItem"):
        setting.inject(operation, "error", **effect, times=2)
    assert await ledger.save_mirror(row, None, NOW) == 1
    assert await ledger.save_mirror(row, 1, NOW) == 2
    assert await ledger.mirrors(row.owner.installation) == [head(row, 2)]


async def test_heads_are_read_to_the_last_page(setting: Setting) -> None:
    ledger = setting.ledger()
    rows = [mirror(setting, ballast="x" * 300_000) for _ in range(5)]
    rows = [replace(row, owner=replace(row.owner, installation="large")) for row in rows]
    for row in rows:
        await ledger.save_mirror(row, None, NOW)
    assert len(await ledger.mirrors("large")) == 5


def _largest_group() -> Mirror:
    group = ProtectionGroup.model_validate(LARGEST[ProtectionGroup]())
    for tag in list(group.spec.server_selection_tags):  # four bytes a character is the worst that UTF-8 has
        del group.spec.server_selection_tags[tag]
    for number in range(50):
        group.spec.server_selection_tags[f"{number:02}" + "\U0001f600" * 126] = "\U0001f600" * 256
    return group_mirror(group, "i" * 63)


def _largest_plan() -> Mirror:
    return plan_mirror(RecoveryPlan.model_validate(LARGEST[RecoveryPlan]()), "i" * 63)


@pytest.mark.parametrize("largest", [_largest_group, _largest_plan], ids=["group", "plan"])
async def test_the_largest_object_fits_into_an_item(setting: Setting, largest: Any) -> None:
    """500 servers, 300 of them with settings of their own, 50 tags; 50 waves."""
    row: Mirror = largest()
    assert await setting.ledger().save_mirror(row, None, datetime(2026, 1, 1, tzinfo=UTC)) == 1
    item = await stored(setting, row)
    assert row.content.items() <= item.items()
    assert len(str(item).encode()) < ITEM_BYTES
    if row.owner.id.startswith("pg-"):
        assert (len(item["sourceServerIds"]), len(item["servers"])) == (500, 300)
