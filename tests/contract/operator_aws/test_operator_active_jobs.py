"""The inventory tells which job is at work on a server, whoever began it: foreign jobs cost no call of their own."""

from __future__ import annotations

from datetime import UTC, datetime

from drs_operator.planning.facts import Inventory, Place, SourceServer
from drs_operator.ports import Started
from tests.contract.operator_aws.setting import EAST, ONE, PRODUCTION, RUN, Setting, intent, new_servers, tags_of, web


def _shown(inventory: Inventory, server_id: str) -> SourceServer:
    return inventory.by_id()[server_id]


async def test_a_job_shows_on_its_servers_while_it_works_on_them(setting: Setting) -> None:
    cloud = setting.cloud()
    first, second = new_servers(2)
    before = await cloud.inventory(PRODUCTION, EAST)
    assert (_shown(before, first).active_job_id, _shown(before, first).last_launch_job_id) == (None, None)
    wanted = intent(first, second)
    answer = await cloud.start_recovery(RUN, EAST, wanted, True, tags_of(wanted))
    assert isinstance(answer, Started)

    during = await cloud.inventory(PRODUCTION, EAST, datetime.now(UTC))
    assert [_shown(during, server).active_job_id for server in (first, second)] == [answer.job_id] * 2
    assert _shown(during, web(1)).active_job_id is None

    setting.finish_jobs()
    after = await cloud.inventory(PRODUCTION, EAST, datetime.now(UTC))
    assert [_shown(after, server).active_job_id for server in (first, second)] == [None, None]
    assert _shown(after, first).last_launch_job_id == answer.job_id


async def test_what_is_known_of_a_place_needs_no_call(setting: Setting) -> None:
    cloud = setting.cloud()
    assert cloud.known_inventory(Place(ONE, EAST)) is None, "nobody has looked"
    first = await cloud.inventory(PRODUCTION, EAST)
    made = len(setting.aws.calls())
    assert cloud.known_inventory(Place(ONE, EAST)) is first
    assert cloud.known_inventory(Place(ONE, "us-west-2")) is None
    assert len(setting.aws.calls()) == made
    second = await cloud.inventory(PRODUCTION, EAST, datetime.now(UTC))
    assert cloud.known_inventory(Place(ONE, EAST)) is second


async def test_a_sweep_that_fails_leaves_what_is_known(setting: Setting) -> None:
    cloud = setting.cloud()
    first = await cloud.inventory(PRODUCTION, EAST)
    setting.inject("DescribeSourceServers", "error", code="InternalServerException")
    report = await cloud.report(PRODUCTION, EAST, datetime.now(UTC))
    assert report.inventory is None
    assert cloud.known_inventory(Place(ONE, EAST)) is first
