"""A Region that hangs: its account is told within a bound, the others at once, and nobody asks it again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from drs_operator.aws import quotas
from drs_operator.aws.cloud import BotoCloud
from drs_operator.aws.shared import Shared
from drs_operator.planning.facts import Inventory
from tests.contract.operator_aws.setting import EAST, MANY, ONE, PRODUCTION, WEST, Setting, refused

SWEEP = "DescribeSourceServers"
IMPATIENT = 1.0
"""Seconds; the client itself gives up after two attempts of two seconds each."""


class Impatient:
    """Adapters that hear nothing for a second at most, on sessions and clients that are there already."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._made: list[BotoCloud] = []

    def cloud(self, **options: Any) -> BotoCloud:
        """A new one."""
        self._made.append(self._setting.cloud(patience_seconds=IMPATIENT, **options))
        return self._made[-1]

    async def ended(self) -> None:
        """Returns when none of their reads is under way any more: the next test counts its own calls only."""
        for cloud in self._made:
            shared: list[Shared[Any, Any]] = [cloud._inventories._kept, cloud._jobs, cloud._quotas]
            reads = [task for answers in shared for task in answers._running.values()]
            await asyncio.gather(*reads, return_exceptions=True)


@pytest.fixture
async def impatient(setting: Setting) -> AsyncIterator[Impatient]:
    """Adapters that are told within a second; ends when their last read has."""
    await asyncio.gather(*(setting.cloud().report(PRODUCTION, region) for region in (EAST, WEST)))
    setting.begin()
    made = Impatient(setting)
    yield made
    setting.aws.clear()
    await made.ended()


async def test_an_account_is_told_of_its_regions_while_one_of_them_still_hangs(
    setting: Setting, impatient: Impatient
) -> None:
    cloud = impatient.cloud()
    setting.inject(SWEEP, "hang", region=EAST)
    hanging, other = await asyncio.gather(*(cloud.report(PRODUCTION, region) for region in (EAST, WEST)))
    assert (hanging.state, hanging.code) == ("UNREACHABLE", "DRS_ERROR")
    assert all(part in hanging.message for part in (ONE, EAST, "aws drs describe-source-servers"))
    assert (other.state, len(other.inventory.servers) if other.inventory else 0) == ("ACTIVE", MANY)
    assert setting.count(SWEEP, region=EAST) <= 1, "its first attempt is still out"


async def test_nobody_waits_for_a_silent_region_or_asks_it_again_and_its_answer_wakes_everyone(
    setting: Setting, impatient: Impatient
) -> None:
    told: list[Inventory] = []
    cloud = impatient.cloud(on_refresh=told.append)
    setting.inject(SWEEP, "hang", region=EAST)
    first = await refused(cloud.inventory(PRODUCTION, EAST))
    for _ in range(50):
        again = await refused(cloud.inventory(PRODUCTION, EAST))
        assert again is first, "at once, in the same words"
    assert (await cloud.report(PRODUCTION, EAST)).state == "UNREACHABLE"
    assert setting.count(SWEEP) <= 1
    setting.aws.clear()
    async with asyncio.timeout(30):
        while not told:  # noqa: ASYNC110 - a thread reads
            await asyncio.sleep(0.02)
    assert [inventory.place.region for inventory in told] == [EAST]
    assert (await cloud.report(PRODUCTION, EAST)).state == "ACTIVE"
    cloud._inventories._refresh = -1.0
    assert await cloud.inventory(PRODUCTION, EAST) is not told[0], (
        "an old silence does not stand in the way of a refresh"
    )


async def test_a_silent_region_is_tried_again_by_itself(
    setting: Setting, impatient: Impatient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says the same for as long as it is silent: its status would be written anew each time."""
    cloud = impatient.cloud()
    setting.inject(SWEEP, "hang", region=EAST)
    first = await refused(cloud.inventory(PRODUCTION, EAST))
    monkeypatch.setattr("drs_operator.aws.inventories.FAILURE_SECONDS", 0.0)
    async with asyncio.timeout(30):
        while setting.count(SWEEP) < 4:  # two attempts each: the read has ended and another one has begun
            assert (await refused(cloud.inventory(PRODUCTION, EAST))) is first
            await asyncio.sleep(0.05)


async def test_who_needs_to_know_now_is_not_kept_for_minutes_either(setting: Setting, impatient: Impatient) -> None:
    cloud = impatient.cloud()
    setting.inject(SWEEP, "hang", region=EAST)
    setting.inject("DescribeJobs", "hang", region=EAST)
    now = datetime.now(UTC)
    assert (await refused(cloud.inventory(PRODUCTION, EAST, now))).code == "DRS_ERROR"
    assert (await refused(cloud.jobs(PRODUCTION, EAST, now))).code == "DRS_ERROR"


async def test_quotas_that_hang_hold_nothing_up(setting: Setting, impatient: Impatient) -> None:
    cloud = impatient.cloud()
    setting.inject("ListServiceQuotas", "hang")
    report = await cloud.report(PRODUCTION, EAST)
    assert (report.state, report.quotas) == ("ACTIVE", quotas.PUBLISHED)
    assert "AWS's published ones" in report.message


async def test_an_answered_error_ends_the_silence(
    setting: Setting, impatient: Impatient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = impatient.cloud()
    setting.inject(SWEEP, "hang", region=EAST)
    await refused(cloud.inventory(PRODUCTION, EAST))
    setting.aws.clear()
    setting.inject(SWEEP, "error", code="AccessDeniedException")
    monkeypatch.setattr("drs_operator.aws.inventories.FAILURE_SECONDS", 0.0)
    async with asyncio.timeout(30):
        while (await cloud.report(PRODUCTION, EAST)).state != "ACCESS_DENIED":  # noqa: ASYNC110 - another process answers
            await asyncio.sleep(0.05)
