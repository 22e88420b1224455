"""The job board, shared by all runs of a place, and what else is read of jobs, instances and recovery points."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from drs_operator.aws.cloud import BotoCloud
from drs_operator.planning.facts import Job
from drs_operator.planning.intents import LaunchIntent
from drs_operator.ports import Started
from tests.contract.operator_aws.setting import (
    EAST,
    PARTNER,
    PRODUCTION,
    TOKEN_TAG,
    Setting,
    ago,
    intent,
    new_servers,
    refused,
    tags_of,
    web,
)

BOARD = "DescribeJobs"


async def start(cloud: BotoCloud, wanted: LaunchIntent) -> str:
    """Launches; returns the job."""
    answer = await cloud.start_recovery(PRODUCTION, EAST, wanted, True, tags_of(wanted))
    assert isinstance(answer, Started), answer
    return answer.job_id


async def job_of(cloud: BotoCloud, job_id: str) -> Job:
    """The job as the board shows it."""
    return (await cloud.jobs(PRODUCTION, EAST, ago(days=1))).by_id()[job_id]


async def test_one_read_a_tick_for_runs_of_any_age(setting: Setting) -> None:
    cloud = setting.cloud()
    moments = [ago(minutes=minutes) for minutes in (15, 300, 60, 1, 1000)]
    first = await asyncio.gather(*(cloud.jobs(PRODUCTION, EAST, since) for since in moments))
    assert all(board.since <= since for board, since in zip(first, moments, strict=True))
    reads = setting.count(BOARD)
    assert reads <= 2, "those who came before the earliest was known, and all others"
    again = await asyncio.gather(*(cloud.jobs(PRODUCTION, EAST, since) for since in moments))
    assert all(board is again[0] for board in again)
    assert again[0].since == min(moments)
    assert setting.count(BOARD) == reads


async def test_the_next_tick_reaches_as_far_back_as_any_run_needs(setting: Setting) -> None:
    cloud = setting.cloud(tick_seconds=-1)
    old, young = ago(hours=20), ago(minutes=5)
    await cloud.jobs(PRODUCTION, EAST, old)
    assert (await cloud.jobs(PRODUCTION, EAST, young)).since == old
    asked = setting.calls(BOARD)[-1]["parameters"]["filters"]["fromDate"]
    assert asked == old.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert setting.count(BOARD) == 2


async def test_a_run_that_asks_no_more_has_no_say(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = setting.cloud(tick_seconds=-1)
    await cloud.jobs(PRODUCTION, EAST, ago(hours=20))
    monkeypatch.setattr("drs_operator.aws.cloud.ASKED_SECONDS", -1.0)
    young = ago(minutes=5)
    board = await cloud.jobs(PRODUCTION, EAST, young)
    assert board.since == young, "and who asks now always has one"


async def test_a_board_is_as_old_as_its_reading(setting: Setting) -> None:
    """What came after the first page is not missing: nothing may be concluded for that time."""
    cloud = setting.cloud()
    setting.inject(BOARD, "delay", seconds=1.8, times=1)
    board = await cloud.jobs(PRODUCTION, EAST, ago(hours=1))
    taken = datetime.fromisoformat(setting.calls(BOARD)[0]["time"])
    assert board.aws_time < taken + timedelta(seconds=0.5)
    assert board.aws_time > taken - timedelta(minutes=1)


async def test_a_launch_is_on_the_next_board_whatever_the_tick(setting: Setting) -> None:
    cloud = setting.cloud()
    before = await cloud.jobs(PRODUCTION, EAST, ago(hours=1))
    wanted = intent(*new_servers())
    job_id = await start(cloud, wanted)
    assert job_id not in before.by_id()
    after = await cloud.jobs(PRODUCTION, EAST, ago(hours=1))
    found = after.by_token(TOKEN_TAG, wanted.token)
    assert found is not None
    assert (found.job_id, found.type, found.initiated_by) == (job_id, "LAUNCH", "START_DRILL")
    setting.finish_jobs()


async def test_a_board_that_was_being_read_does_not_hide_a_launch(setting: Setting) -> None:
    cloud = setting.cloud()
    setting.inject(BOARD, "delay", seconds=1, times=1)
    reading = asyncio.ensure_future(cloud.jobs(PRODUCTION, EAST, ago(hours=1)))
    await setting.until_called(BOARD)
    job_id = await start(cloud, intent(*new_servers()))
    assert job_id in (await cloud.jobs(PRODUCTION, EAST, ago(hours=1))).by_id()
    assert job_id not in (await reading).by_id()
    assert job_id in (await cloud.jobs(PRODUCTION, EAST, ago(hours=1))).by_id()
    setting.finish_jobs()


async def test_a_job_from_its_start_to_its_end(setting: Setting) -> None:
    cloud = setting.cloud(tick_seconds=-1)
    servers = new_servers(2)
    job_id = await start(cloud, intent(*servers))
    running = await job_of(cloud, job_id)
    assert running.running
    assert running.ended_at is None
    assert {server.server_id for server in running.servers} == set(servers)
    assert abs(running.created_at - cloud.aws_time(PRODUCTION, EAST)) < timedelta(minutes=5)
    setting.finish_jobs()
    ended = await job_of(cloud, job_id)
    assert not ended.running
    assert ended.ended_at is not None
    assert [server.launch_status for server in ended.servers] == ["LAUNCHED", "LAUNCHED"]

    log = await cloud.job_log(PRODUCTION, EAST, job_id)
    assert [item.time for item in log] == sorted(item.time for item in log)
    assert (log[0].event, log[-1].event) == ("JOB_START", "JOB_END")
    assert {item.server_id for item in log if item.event == "LAUNCH_END"} == set(servers)

    instances = await cloud.recovery_instances(PRODUCTION, EAST, servers)
    assert {(i.server_id, i.job_id, i.is_drill, i.state) for i in instances} == {
        (server, job_id, True, "RUNNING") for server in servers
    }
    assert all(i.private_ip and i.recovery_point_time for i in instances)
    assert await cloud.recovery_instances(PRODUCTION, EAST, [web(999)]) == ()
    assert await cloud.recovery_instances(PRODUCTION, EAST, []) == (), "no ids is none, not all"

    ids = [i.instance_id for i in instances]
    healthy = await cloud.healthy_instances(PRODUCTION, EAST, [*ids, "i-0123456789abcdef0"])
    assert healthy == frozenset(ids), "one that is gone does not hide the others"
    assert await cloud.healthy_instances(PRODUCTION, EAST, ["i-0123456789abcdef0"]) == frozenset()
    assert await cloud.healthy_instances(PRODUCTION, EAST, []) == frozenset()


async def test_what_went_wrong_is_in_the_jobs_log(setting: Setting) -> None:
    cloud = setting.cloud(tick_seconds=-1)
    (server,) = new_servers()
    setting.aws.inject(
        {"phase": "LAUNCH", "serverId": server, "effect": "launchFailed", "rawError": "InsufficientInstanceCapacity"}
    )
    job_id = await start(cloud, intent(server))
    setting.finish_jobs()
    assert [s.launch_status for s in (await job_of(cloud, job_id)).servers] == ["FAILED"]
    log = await cloud.job_log(PRODUCTION, EAST, job_id)
    assert [(i.event, i.server_id) for i in log if i.raw_error] == [("LAUNCH_FAILED", server)]
    assert next(i.raw_error for i in log if i.raw_error) == "InsufficientInstanceCapacity"


async def test_recovery_points_come_newest_first_and_none_is_none(setting: Setting) -> None:
    cloud = setting.cloud()
    points = await cloud.recovery_points(PRODUCTION, EAST, web(1))
    assert len(points) >= 2
    assert [point.time for point in points] == sorted((point.time for point in points), reverse=True)
    assert all(point.snapshot_id.startswith("pit-") for point in points)
    assert await cloud.recovery_points(PRODUCTION, EAST, "s-0000000000nopoint") == ()


async def test_pages_of_jobs_may_be_empty(setting: Setting) -> None:
    cloud = setting.cloud()
    job_id = await start(cloud, intent(*new_servers()))
    setting.inject(BOARD, "emptyPage", times=1)
    assert job_id in (await cloud.jobs(PRODUCTION, EAST, ago(hours=1))).by_id()
    setting.finish_jobs()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
async def test_a_board_that_fails_is_told_and_read_again(setting: Setting, code: str) -> None:
    cloud = setting.cloud()
    setting.inject(BOARD, "error", code=code, times=2)
    assert (await refused(cloud.jobs(PARTNER, EAST, ago(hours=1)))).code == "DRS_ERROR"
    assert (await cloud.jobs(PARTNER, EAST, ago(hours=1))).jobs == ()
