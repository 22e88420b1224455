"""Single items: conditional writes, what stands against them, reads in pages, and writes that meet themselves."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.ledger.store import TOKEN
from drs_operator.ledger.tables import HISTORY, LEDGER
from drs_operator.ports import ReadFailed
from tests.contract.ledger.setting import QUICK, Setting

NEW = "attribute_not_exists(#pk)"


def _plain(item: dict[str, Any] | None) -> dict[str, Any] | None:
    return {key: value for key, value in item.items() if key != TOKEN} if item is not None else None


async def _item(setting: Setting, pk: str) -> dict[str, Any] | None:
    return _plain(await setting.store().get(LEDGER, {"pk": pk}))


async def test_put_get_and_what_stands_against_a_put(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    assert await store.get(LEDGER, {"pk": pk}) is None
    assert await store.put(LEDGER, {"pk": pk, "by": "me", "deep": {"list": [1, 2.5, None]}}, NEW) is None
    assert await _item(setting, pk) == {"pk": pk, "by": "me", "deep": {"list": [1, 2.5, None]}}
    assert _plain(await store.put(LEDGER, {"pk": pk, "by": "you"}, NEW)) == await _item(setting, pk)
    assert await store.put(LEDGER, {"pk": pk, "by": "you"}, "#by = :old", {"old": "me"}) is None
    assert await _item(setting, pk) == {"pk": pk, "by": "you"}


async def test_a_condition_on_nothing_is_lost_against_nothing(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    assert await store.put(LEDGER, {"pk": pk}, "#by = :me", {"me": "me"}) == {}
    assert await store.update(LEDGER, {"pk": pk}, "SET #by = :me", "#by = :me", {"me": "me"}) == {}
    assert not await store.delete(LEDGER, {"pk": pk}, "#by = :me", {"me": "me"})
    assert await _item(setting, pk) is None


async def test_update_sets_and_removes_what_it_names(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    await store.put(LEDGER, {"pk": pk, "epoch": 1, "kept": "x"}, NEW)
    bump = ("SET #epoch = :new", "#epoch = :old")
    assert await store.update(LEDGER, {"pk": pk}, *bump, {"new": 2, "old": 1}) is None
    assert _plain(await store.update(LEDGER, {"pk": pk}, *bump, {"new": 3, "old": 1})) == {
        "pk": pk,
        "epoch": 2,
        "kept": "x",
    }
    assert await store.update(LEDGER, {"pk": pk}, "REMOVE #kept", "#epoch = :two", {"two": 2}) is None
    assert await _item(setting, pk) == {"pk": pk, "epoch": 2}


async def test_delete_only_under_its_condition(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    await store.put(LEDGER, {"pk": pk, "by": "me"}, NEW)
    standing = await store.delete(LEDGER, {"pk": pk}, "#by = :you", {"you": "you"})
    assert standing is not None
    assert standing["by"] == "me"
    assert await store.delete(LEDGER, {"pk": pk}, "#by = :me", {"me": "me"}) is None
    assert await _item(setting, pk) is None
    assert await store.delete(LEDGER, {"pk": pk}, "#by = :me", {"me": "me"}) == {}


async def test_query_reads_every_page_in_order(setting: Setting) -> None:
    store, execution = setting.store(), setting.new("exec")
    ballast = "x" * 300_000  # five of these are two pages of 1 MB
    for number in range(5):
        await store.put(
            HISTORY, {"executionId": execution, "item": f"I{number}", "ballast": ballast}, "attribute_not_exists(#item)"
        )
    before = setting.writes("Query")
    found = await store.query(HISTORY, "#executionId = :id", {"id": execution})
    assert [item["item"] for item in found] == ["I0", "I1", "I2", "I3", "I4"]
    assert all(item["ballast"] == ballast for item in found)
    assert setting.writes("Query") - before >= 2


async def test_query_goes_on_behind_an_empty_page(setting: Setting) -> None:
    store, execution = setting.store(), setting.new("exec")
    await store.put(HISTORY, {"executionId": execution, "item": "I"}, "attribute_not_exists(#item)")
    setting.inject("Query", "emptyPage", times=1)
    assert len(await store.query(HISTORY, "#executionId = :id", {"id": execution})) == 1


# --- answers that get lost: botocore tries again and meets what the first try has written ----------------------------


async def test_a_put_that_meets_itself_is_done(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    before = setting.writes("PutItem")
    setting.inject("PutItem", "lostAnswer", times=1)
    assert await store.put(LEDGER, {"pk": pk, "by": "me"}, NEW) is None
    assert setting.writes("PutItem") - before == 2
    assert await _item(setting, pk) == {"pk": pk, "by": "me"}


async def test_an_update_that_meets_itself_is_done_once(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    await store.put(LEDGER, {"pk": pk, "version": 1}, NEW)
    setting.inject("UpdateItem", "lostAnswer", times=2)
    before = setting.writes("UpdateItem")
    assert (
        await store.update(LEDGER, {"pk": pk}, "SET #version = :new", "#version = :old", {"new": 2, "old": 1}) is None
    )
    assert setting.writes("UpdateItem") - before == 3
    assert await _item(setting, pk) == {"pk": pk, "version": 2}


async def test_the_same_words_of_somebody_else_are_not_mine(setting: Setting) -> None:
    """Two writers with equal values: only the token tells whose write it was."""
    store, pk = setting.store(), setting.new("item")
    values = {"pk": pk, "version": 2}
    assert await store.put(LEDGER, values, NEW) is None
    assert _plain(await store.put(LEDGER, values, NEW)) == values


async def test_a_lost_answer_to_a_write_that_had_lost_stays_lost(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    await store.put(LEDGER, {"pk": pk, "by": "you"}, NEW)
    setting.inject("PutItem", "lostAnswer", times=1)
    assert _plain(await store.put(LEDGER, {"pk": pk, "by": "me"}, NEW)) == {"pk": pk, "by": "you"}


async def test_a_delete_that_meets_itself_has_deleted(setting: Setting) -> None:
    store, pk = setting.store(), setting.new("item")
    await store.put(LEDGER, {"pk": pk, "by": "me"}, NEW)
    setting.inject("DeleteItem", "lostAnswer", times=1)
    await store.delete(LEDGER, {"pk": pk}, "#by = :me", {"me": "me"})
    assert await _item(setting, pk) is None


# --- a DynamoDB in trouble -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "tries"),
    [
        ({"effect": "error", "code": "ThrottlingException"}, "LEDGER_UNREACHABLE", 2),
        ({"effect": "error", "code": "ProvisionedThroughputExceededException"}, "LEDGER_UNREACHABLE", 2),
        ({"effect": "error", "code": "InternalServerError"}, "LEDGER_UNREACHABLE", 2),
        ({"effect": "hang"}, "LEDGER_UNREACHABLE", 2),
        ({"effect": "lostAnswer"}, "LEDGER_UNREACHABLE", 2),
        ({"effect": "error", "code": "AccessDeniedException"}, "DYNAMODB_ERROR", 1),
        ({"effect": "error", "code": "ValidationException"}, "DYNAMODB_ERROR", 1),
    ],
    ids=str,
)
async def test_trouble_has_its_code_and_passes(setting: Setting, fault: dict[str, Any], code: str, tries: int) -> None:
    store, pk = setting.store(QUICK), setting.new("item")
    setting.aws.inject({"service": "dynamodb", "operation": "GetItem", **fault})
    before = setting.writes("GetItem")
    with pytest.raises(ReadFailed) as failed:
        await store.get(LEDGER, {"pk": pk})
    assert failed.value.code == code
    assert setting.writes("GetItem") - before == tries
    setting.aws.clear()
    assert await store.get(LEDGER, {"pk": pk}) is None


async def test_a_short_trouble_is_not_even_noticed(setting: Setting) -> None:
    setting.inject("PutItem", "error", code="ThrottlingException", times=2)
    assert await setting.store().put(LEDGER, {"pk": setting.new("item")}, NEW) is None


async def test_a_ledger_that_is_gone_is_unreachable(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    lonely = Setting(setting.aws, setting.prefix)
    with pytest.raises(ReadFailed, match="LEDGER_UNREACHABLE"):
        await lonely.store(QUICK).get(LEDGER, {"pk": "META"})
    lonely.close()
