"""The one call that terminates instances: one request whatever happens, signed with the time of its intent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drs_operator.aws.cloud import BotoCloud
from drs_operator.planning.facts import RecoveryInstance
from drs_operator.planning.intents import TerminateIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.ports import Started
from tests.contract.operator_aws.setting import (
    EAST,
    ONE,
    PRODUCTION,
    ROLE,
    RUN,
    Setting,
    ago,
    intent,
    new_servers,
    tags_of,
)

TERMINATE = "TerminateRecoveryInstances"


def termination(*instance_ids: str, called_at: datetime | None = None, **changes: Any) -> TerminateIntent:
    """An intent that is being called, now unless told."""
    called = called_at or datetime.now(UTC)
    fields = {
        "shard": 1,
        "token": "exec-1/clean-up/1",
        "account_name": "production",
        "account_id": ONE,
        "region": EAST,
        "instance_ids": instance_ids,
        "state": "Calling",
        "caller": "me",
        "called_at": called,
        "called_at_aws": called,
    }
    return TerminateIntent.model_validate({**fields, **changes})


async def drilled(setting: Setting, cloud: BotoCloud, count: int = 1) -> tuple[RecoveryInstance, ...]:
    """The instances of a drill that has ended."""
    servers = new_servers(count)
    wanted = intent(*servers)
    answer = await cloud.start_recovery(RUN, EAST, wanted, True, tags_of(wanted))
    assert isinstance(answer, Started)
    setting.finish_jobs()
    found = await cloud.recovery_instances(PRODUCTION, EAST, servers)
    assert {(i.job_id, i.is_drill, i.live) for i in found} == {(answer.job_id, True, True)}
    return found


async def live(cloud: BotoCloud, instances: tuple[RecoveryInstance, ...]) -> list[str]:
    """Those that still exist."""
    found = await cloud.recovery_instances(PRODUCTION, EAST, [i.server_id for i in instances])
    return [instance.instance_id for instance in found if instance.live]


async def test_instances_are_terminated_by_a_job_that_the_board_shows(setting: Setting) -> None:
    cloud = setting.cloud()
    instances = await drilled(setting, cloud, 2)
    wanted = termination(*(i.instance_id for i in instances))
    answer = await cloud.terminate_recovery_instances(RUN, wanted)
    assert isinstance(answer, Started)
    (request,) = setting.calls(TERMINATE)
    assert request["parameters"] == {"recoveryInstanceIDs": list(wanted.instance_ids)}
    assert request["principal"] == f"arn:aws:sts::{ONE}:assumed-role/{ROLE}/{RUN.session_name}"
    job = (await cloud.jobs(PRODUCTION, EAST, ago(days=1))).by_id()[answer.job_id]
    assert job.type == "TERMINATE"
    assert {server.server_id for server in job.servers} == {i.server_id for i in instances}
    setting.finish_jobs()
    assert await live(cloud, instances) == []


async def test_a_signature_that_is_too_old_terminates_nothing(setting: Setting) -> None:
    """A process that slept between intent and call cannot send it late."""
    cloud = setting.cloud()
    instances = await drilled(setting, cloud)
    answer = await cloud.terminate_recovery_instances(
        RUN, termination(instances[0].instance_id, called_at=ago(minutes=10))
    )
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.NOT_SENT
    assert await live(cloud, instances) == [instances[0].instance_id]


async def test_a_lost_answer_is_unknown_and_the_call_is_sent_once(setting: Setting) -> None:
    cloud = setting.cloud()
    instances = await drilled(setting, cloud)
    setting.begin()
    setting.inject(TERMINATE, "lostAnswer", times=1)
    answer = await cloud.terminate_recovery_instances(RUN, termination(instances[0].instance_id))
    assert isinstance(answer, Unknown)
    assert setting.count(TERMINATE) == 1
    board = await cloud.jobs(PRODUCTION, EAST, ago(days=1))
    found = [job for job in board.jobs if [s.server_id for s in job.servers] == [instances[0].server_id]]
    assert "TERMINATE" in {job.type for job in found}, "the job exists and is found by its servers"


async def test_an_instance_that_does_not_exist_is_invalid(setting: Setting) -> None:
    answer = await setting.cloud().terminate_recovery_instances(RUN, termination("i-0123456789abcdef0"))
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.INVALID


async def test_a_second_call_during_the_first_is_a_conflict(setting: Setting) -> None:
    cloud = setting.cloud()
    instances = await drilled(setting, cloud)
    wanted = termination(instances[0].instance_id)
    assert isinstance(await cloud.terminate_recovery_instances(RUN, wanted), Started)
    answer = await cloud.terminate_recovery_instances(RUN, wanted)
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.SERVER_IN_JOB
