"""Source servers by their ids, read now: what a lost launch and a silent source are told by."""

from __future__ import annotations

import pytest

from drs_operator.ports import AccessDenied, ReadFailed, Started
from tests.contract.operator_aws.setting import (
    EAST,
    MANY,
    PRODUCTION,
    RUN,
    WEST,
    Setting,
    intent,
    new_servers,
    tags_of,
    web,
)


async def test_just_the_servers_that_are_asked_for_and_that_exist(setting: Setting) -> None:
    cloud = setting.cloud()
    asked = [web(2), "s-0000000000nopoint", web(1), web(999)]
    found = {server.server_id: server for server in await cloud.source_servers(PRODUCTION, EAST, asked)}
    assert found.keys() == {web(1), web(2), "s-0000000000nopoint"}, "one that does not exist is left out"
    assert found["s-0000000000nopoint"].replication_state == "INITIAL_SYNC"
    assert found == {i: (await cloud.inventory(PRODUCTION, EAST)).by_id()[i] for i in found}
    assert await cloud.source_servers(PRODUCTION, EAST, []) == (), "no ids is none, not all"


async def test_more_servers_than_one_request_may_name(setting: Setting) -> None:
    cloud = setting.cloud()
    everyone = (await cloud.inventory(PRODUCTION, WEST)).by_id()
    assert len(everyone) == MANY
    found = await cloud.source_servers(PRODUCTION, WEST, everyone)
    assert sorted(server.server_id for server in found) == sorted(everyone)


async def test_a_launch_without_its_answer_shows_as_the_last_launch_at_once(setting: Setting) -> None:
    cloud = setting.cloud()
    first, second = new_servers(2)
    assert {s.last_launch_job_id for s in await cloud.source_servers(PRODUCTION, EAST, (first, second))} == {None}
    wanted = intent(first, second)
    answer = await cloud.start_recovery(RUN, EAST, wanted, True, tags_of(wanted))
    assert isinstance(answer, Started)
    found = await cloud.source_servers(PRODUCTION, EAST, (first, second))
    assert {server.last_launch_job_id for server in found} == {answer.job_id}


async def test_a_read_that_fails_is_none_without_servers(setting: Setting) -> None:
    cloud = setting.cloud()
    setting.inject("DescribeSourceServers", "error", code="AccessDeniedException")
    with pytest.raises(AccessDenied):
        await cloud.source_servers(PRODUCTION, EAST, [web(1)])
    setting.inject("DescribeSourceServers", "error", code="InternalServerException")
    with pytest.raises(ReadFailed):
        await cloud.source_servers(PRODUCTION, EAST, [web(1)])
