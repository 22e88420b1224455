"""The shared inventory: one sweep for all who ask, whole or not at all, and what a Region's failure is called."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drs_operator.aws import quotas
from drs_operator.planning.facts import Inventory, Place
from drs_operator.ports import ReadFailed
from tests.contract.operator_aws.setting import (
    EAST,
    MANY,
    NOT_INITIALIZED,
    ONE,
    PARTNER,
    PRODUCTION,
    SERVERS,
    WEST,
    Setting,
    ids,
    refused,
    web,
)

SWEEP = "DescribeSourceServers"


async def test_servers_come_with_what_decisions_need(setting: Setting) -> None:
    before = datetime.now(UTC)
    inventory = await setting.cloud().inventory(PRODUCTION, EAST)
    assert inventory.place == Place(ONE, EAST)
    assert before <= inventory.taken_at <= datetime.now(UTC)
    assert len(inventory.servers) == SERVERS + 1
    assert ids(inventory) == sorted(ids(inventory))
    server = inventory.by_id()[web(SERVERS)]
    assert (server.hostname, server.tags, server.replication_state) == (f"web-{SERVERS}", {"Tier": "web"}, "CONTINUOUS")
    assert server.lag == timedelta(seconds=2)
    assert (server.recovery_instance_id, server.staging_account_id) == (None, None)


async def test_one_sweep_serves_all_who_ask(setting: Setting) -> None:
    cloud = setting.cloud()
    inventories = await asyncio.gather(*(cloud.inventory(PRODUCTION, EAST) for _ in range(100)))
    assert all(inventory is inventories[0] for inventory in inventories)
    await cloud.inventory(PRODUCTION, EAST)
    await cloud.report(PRODUCTION, EAST)
    assert setting.count(SWEEP) == 1


async def test_a_place_of_many_servers_is_read_page_by_page(setting: Setting) -> None:
    assert len((await setting.cloud().inventory(PRODUCTION, WEST)).servers) == MANY
    assert setting.count(SWEEP) == 2


async def test_an_empty_page_is_not_the_end(setting: Setting) -> None:
    setting.inject(SWEEP, "emptyPage", times=1)
    assert len((await setting.cloud().inventory(PRODUCTION, WEST)).servers) == MANY
    assert setting.count(SWEEP) == 3


async def test_an_inventory_is_read_anew_when_it_is_old_or_older_than_wanted(setting: Setting) -> None:
    cloud = setting.cloud()
    first = await cloud.inventory(PRODUCTION, EAST)
    newer = await cloud.inventory(PRODUCTION, EAST, datetime.now(UTC))
    assert newer.taken_at > first.taken_at
    assert await cloud.inventory(PRODUCTION, EAST, first.taken_at) is newer
    assert setting.count(SWEEP) == 2
    hasty = setting.cloud(refresh_seconds=-1)
    await hasty.inventory(PRODUCTION, EAST)
    await hasty.inventory(PRODUCTION, EAST)
    assert setting.count(SWEEP) == 4


async def test_a_page_that_fails_fails_the_sweep_and_leaves_what_was_known(setting: Setting) -> None:
    told: list[Inventory] = []
    cloud = setting.cloud(on_refresh=told.append)
    known = await cloud.inventory(PRODUCTION, WEST)
    setting.inject(SWEEP, "delay", seconds=0.01, times=1)  # the first page is answered
    setting.inject(SWEEP, "error", code="InternalServerException")
    failed = await refused(cloud.inventory(PRODUCTION, WEST, datetime.now(UTC)))
    assert failed.code == "DRS_ERROR"
    assert [call["outcome"]["status"] for call in setting.calls(SWEEP)][2:] == [200, 500, 500]
    assert await cloud.inventory(PRODUCTION, WEST) is known, "half an inventory would look like servers that left"
    assert told == [known]


async def test_every_new_inventory_is_told_once(setting: Setting) -> None:
    told: list[Inventory] = []
    cloud = setting.cloud(on_refresh=told.append)
    await asyncio.gather(*(cloud.inventory(PRODUCTION, region) for region in (EAST, WEST) for _ in range(5)))
    assert {inventory.place.region for inventory in told} == {EAST, WEST}
    assert len(told) == 2


async def test_a_failure_is_remembered_for_a_moment(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = setting.cloud()
    setting.inject(SWEEP, "error", code="InternalServerException")
    await refused(cloud.inventory(PRODUCTION, EAST))
    tries = setting.count(SWEEP)
    for _ in range(20):
        assert (await refused(cloud.inventory(PRODUCTION, EAST))).code == "DRS_ERROR"
    assert setting.count(SWEEP) == tries
    await refused(cloud.inventory(PRODUCTION, EAST, datetime.now(UTC)))
    assert setting.count(SWEEP) > tries, "who must know now is not told what was"
    setting.aws.clear()
    monkeypatch.setattr("drs_operator.aws.inventories.FAILURE_SECONDS", 0.0)
    await cloud.inventory(PRODUCTION, EAST)


async def test_the_failure_of_one_region_is_not_anothers(setting: Setting) -> None:
    cloud = setting.cloud()
    setting.inject(SWEEP, "error", code="InternalServerException", region=EAST)
    await refused(cloud.inventory(PRODUCTION, EAST))
    await cloud.inventory(PRODUCTION, WEST)
    assert (await cloud.report(PARTNER, WEST)).state == "NOT_INITIALIZED"


async def test_a_region_that_hangs_delays_nobody_else(setting: Setting) -> None:
    """However many of its readers hang, and in however many accounts."""
    cloud = setting.cloud()
    for operation in (SWEEP, "DescribeRecoverySnapshots"):
        setting.inject(operation, "hang", region=EAST)
    hanging: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(cloud.inventory(access, EAST)) for access in (PRODUCTION, PARTNER)
    ]
    hanging += [asyncio.ensure_future(cloud.recovery_points(PRODUCTION, EAST, web(n))) for n in range(1, 20)]
    await setting.until_called("DescribeRecoverySnapshots")
    assert len((await cloud.inventory(PRODUCTION, WEST)).servers) == MANY
    assert not any(asker.done() for asker in hanging)
    setting.aws.clear()
    outcomes = await asyncio.gather(*hanging, return_exceptions=True)
    assert [o for o in outcomes if isinstance(o, BaseException) and not isinstance(o, ReadFailed)] == []


# --- what a Region is called ----------------------------------------------------------------------------------------


async def test_a_region_that_answers_is_active_and_has_its_quotas(setting: Setting) -> None:
    report = await setting.cloud().report(PRODUCTION, EAST)
    assert (report.name, report.state, report.code, report.message) == (EAST, "ACTIVE", "", "")
    assert report.inventory is not None
    assert len(report.inventory.servers) == SERVERS + 1
    assert report.quotas == {**quotas.PUBLISHED, "jobsInProgress": 12}


async def test_a_region_that_was_never_initialised_says_how_to(setting: Setting) -> None:
    report = await setting.cloud().report(PRODUCTION, NOT_INITIALIZED)
    assert (report.state, report.code, report.inventory) == ("NOT_INITIALIZED", "DRS_NOT_INITIALIZED", None)
    assert f"aws drs initialize-service --region {NOT_INITIALIZED}" in report.message
    assert f"https://{NOT_INITIALIZED}.console.aws.amazon.com/drs" in report.message


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        ({"effect": "error", "code": "AccessDeniedException"}, "ACCESS_DENIED", "ACCOUNT_UNAVAILABLE"),
        ({"effect": "error", "code": "UnrecognizedClientException"}, "NOT_OPTED_IN", "ACCOUNT_UNAVAILABLE"),
        ({"effect": "error", "code": "ThrottlingException"}, "THROTTLED", "DRS_ERROR"),
        ({"effect": "error", "code": "InternalServerException"}, "ERROR", "DRS_ERROR"),
        ({"effect": "hang"}, "UNREACHABLE", "DRS_ERROR"),
        ({"effect": "lostAnswer"}, "UNREACHABLE", "DRS_ERROR"),
    ],
    ids=str,
)
async def test_states_of_regions_that_fail(setting: Setting, fault: dict[str, Any], state: str, code: str) -> None:
    setting.aws.inject({"operation": SWEEP, **fault})
    report = await setting.cloud().report(PRODUCTION, EAST)
    assert (report.state, report.code, report.inventory) == (state, code, None)
    assert report.message


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        ({"effect": "error", "code": "AccessDenied"}, "ACCESS_DENIED", "ROLE_ASSUMPTION_FAILED"),
        ({"effect": "error", "code": "Throttling"}, "THROTTLED", "DRS_ERROR"),
        ({"effect": "lostAnswer"}, "UNREACHABLE", "DRS_ERROR"),
    ],
    ids=str,
)
async def test_states_of_regions_whose_account_cannot_be_entered(
    setting: Setting, fault: dict[str, Any], state: str, code: str
) -> None:
    setting.aws.inject({"operation": "AssumeRole", **fault})
    report = await setting.cloud(setting.sessions()).report(PRODUCTION, EAST)
    assert (report.state, report.code) == (state, code)


async def test_a_region_without_a_network_is_unreachable(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DRS", "http://127.0.0.1:9")
    report = await setting.cloud(setting.sessions()).report(PRODUCTION, EAST)
    assert (report.state, report.code) == ("UNREACHABLE", "DRS_ERROR")


# --- quotas ---------------------------------------------------------------------------------------------------------


async def test_quotas_are_asked_once_for_many(setting: Setting) -> None:
    cloud = setting.cloud()
    await asyncio.gather(*(cloud.report(PRODUCTION, EAST) for _ in range(10)))
    await cloud.report(PRODUCTION, EAST)
    assert setting.count("ListServiceQuotas") == 1


async def test_published_quotas_stand_in_and_a_failure_is_not_repeated_at_every_look(setting: Setting) -> None:
    cloud = setting.cloud()
    setting.inject("ListServiceQuotas", "error", code="AccessDeniedException")
    for _ in range(5):
        report = await cloud.report(PRODUCTION, EAST)
        assert (report.state, report.quotas) == ("ACTIVE", quotas.PUBLISHED)
        assert "quotas shown are AWS's published ones" in report.message
    assert setting.count("ListServiceQuotas") == 1


async def test_quotas_are_remembered_from_the_last_success(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drs_operator.aws.cloud.QUOTAS_SECONDS", -1.0)
    cloud = setting.cloud()
    await cloud.report(PRODUCTION, EAST)
    setting.inject("ListServiceQuotas", "error", code="InternalServerException")
    for _ in range(2):
        assert (await cloud.report(PRODUCTION, EAST)).quotas["jobsInProgress"] == 12
    assert setting.count("ListServiceQuotas") > 2


async def test_a_renamed_account_is_the_same_place(setting: Setting) -> None:
    cloud = setting.cloud()
    known = await cloud.inventory(PRODUCTION, EAST)
    assert await cloud.inventory(replace(PRODUCTION, account_name="renamed"), EAST) is known
