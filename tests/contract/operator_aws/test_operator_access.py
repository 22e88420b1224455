"""Entering accounts: roles with their external ids, the hub's own account, sessions made once and renewed in time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drs_operator.planning.launching import Refused
from drs_operator.ports import AccessDenied, ReadFailed
from tests.contract.operator_aws.deceiving import deceiving_sts
from tests.contract.operator_aws.setting import (
    EAST,
    EXTERNAL_ID,
    HUB,
    NOT_INITIALIZED,
    ONE,
    OWN,
    PARTNER,
    PRODUCTION,
    ROLE,
    RUN,
    TWO,
    WEST,
    WORLD,
    Setting,
    ago,
    intent,
    new_servers,
    refused,
    web,
)
from tests.contract.simulated_aws import AwsServer


async def test_a_role_with_its_external_id_and_one_without_are_entered(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    assert (await cloud.inventory(PRODUCTION, EAST)).place.account_id == ONE
    await cloud.inventory(PARTNER, EAST)
    assert [call["outcome"]["status"] for call in setting.calls("AssumeRole")] == [200, 200]


@pytest.mark.parametrize("external_id", ["another-external-id", None, "unique-external-id-12"])
async def test_a_wrong_or_missing_external_id_is_refused(setting: Setting, external_id: str | None) -> None:
    access = replace(PRODUCTION, external_id=external_id)
    failed = await refused(setting.cloud().inventory(access, EAST))
    assert isinstance(failed, AccessDenied)
    assert failed.code == "ROLE_ASSUMPTION_FAILED"
    assert f"arn:aws:iam::{ONE}:role/{ROLE}" in failed.message
    assert f"TargetAccount {PRODUCTION.account_name}" in failed.message
    assert f"aws iam get-role --role-name {ROLE}" in failed.message
    assert "expects the external id of this TargetAccount" in failed.message
    assert setting.count("DescribeSourceServers") == 0


async def test_an_external_id_that_aws_does_not_allow_says_what_is_usually_wrong(setting: Setting) -> None:
    failed = await refused(setting.cloud().inventory(replace(PRODUCTION, external_id=f"{EXTERNAL_ID}\n"), EAST))
    assert (type(failed), failed.code) == (AccessDenied, "ROLE_ASSUMPTION_FAILED")
    assert "a line break at the end of a Secret's value" in failed.message


async def test_a_role_that_is_not_there_is_refused(setting: Setting) -> None:
    failed = await refused(setting.cloud().inventory(replace(PRODUCTION, role_name="Nobody"), EAST))
    assert (type(failed), failed.code) == (AccessDenied, "ROLE_ASSUMPTION_FAILED")
    assert "role/Nobody" in failed.message


async def test_who_has_another_external_id_does_not_see_what_was_read_with_the_right_one(setting: Setting) -> None:
    cloud = setting.cloud()
    await cloud.inventory(PRODUCTION, EAST)
    intruder = replace(PRODUCTION, external_id="another-external-id")
    assert (await refused(cloud.inventory(intruder, EAST))).code == "ROLE_ASSUMPTION_FAILED"
    assert (await refused(cloud.jobs(intruder, EAST, ago(hours=1)))).code == "ROLE_ASSUMPTION_FAILED"


async def test_a_corrected_external_id_works_at_once(setting: Setting) -> None:
    cloud = setting.cloud()
    await refused(cloud.inventory(replace(PRODUCTION, external_id="wrong"), EAST))
    await cloud.inventory(PRODUCTION, EAST)


async def test_the_hubs_own_account_needs_no_role(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    await cloud.inventory(OWN, EAST)
    assert setting.count("AssumeRole") == 0
    assert {call["account"] for call in setting.calls("DescribeSourceServers")} == {HUB}


async def test_credentials_of_another_account_are_noticed(setting: Setting) -> None:
    """Without a role nothing but the caller's identity tells whose account it is."""
    failed = await refused(setting.cloud().inventory(replace(PRODUCTION, role_name=None, external_id=None), EAST))
    assert (type(failed), failed.code) == (AccessDenied, "ACCOUNT_CHANGED")
    assert all(part in failed.message for part in ("production", HUB, ONE, "spec.assumeRoleName"))
    assert setting.count("DescribeSourceServers") == 0


async def test_a_session_of_a_run_is_verified_before_it_launches(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    await cloud.start_recovery(RUN, EAST, intent(*new_servers()), True, {})
    assert [call["principal"].rsplit("/", 1)[-1] for call in setting.calls("GetCallerIdentity")] == [RUN.session_name]
    assert setting.count("StartRecovery") == 1


async def test_a_role_that_leads_into_another_account_is_noticed_and_nothing_else_is_called(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something between the operator and STS: its answers are well formed, and of another account."""
    async with deceiving_sts(TWO) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint)
        cloud = setting.cloud(setting.sessions())
        failed = await refused(cloud.inventory(PRODUCTION, EAST))
        launch = await cloud.start_recovery(RUN, EAST, intent(*new_servers()), True, {})
    assert (type(failed), failed.code) == (AccessDenied, "ROLE_ASSUMPTION_FAILED")
    assert all(part in failed.message for part in ("production", ONE, TWO, "AWS_ENDPOINT_URL_STS"))
    assert isinstance(launch, Refused)
    assert setting.count("DescribeSourceServers") == setting.count("StartRecovery") == 0


async def test_an_operator_without_credentials_says_so(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    cloud = setting.cloud(setting.sessions())
    for access in (PRODUCTION, OWN):
        failed = await refused(cloud.inventory(access, EAST))
        assert (type(failed), failed.code) == (AccessDenied, "ROLE_ASSUMPTION_FAILED")
        assert "give its pod an IAM role" in failed.message


# --- one session ----------------------------------------------------------------------------------------------------


async def test_a_role_is_assumed_once_however_many_ask(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    now = datetime.now(UTC)
    await asyncio.gather(
        *(cloud.jobs(PRODUCTION, region, now - timedelta(minutes=n)) for region in (EAST, WEST) for n in range(5)),
        *(cloud.inventory(PRODUCTION, region) for region in (EAST, WEST) for _ in range(10)),
        *(cloud.recovery_points(PRODUCTION, EAST, web(number)) for number in range(1, 9)),
    )
    assert setting.count("AssumeRole") == 1
    assert setting.count("GetCallerIdentity") == 1, "the account behind it is verified once a session"


async def test_reads_on_behalf_of_runs_share_the_accounts_session(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    for run in ("exec-1", "exec-2"):
        await cloud.recovery_points(replace(PRODUCTION, session_name=run), EAST, web(1))
    assert setting.count("AssumeRole") == 1
    principals = {call["principal"] for call in setting.calls("DescribeRecoverySnapshots")}
    assert principals == {f"arn:aws:sts::{ONE}:assumed-role/{ROLE}/drs-operator"}


async def test_a_role_that_is_refused_is_tried_once_for_all_who_wait(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    wrong = replace(PRODUCTION, external_id="wrong")
    setting.inject("AssumeRole", "delay", seconds=0.3)
    reports = await asyncio.gather(*(cloud.report(wrong, region) for region in (EAST, WEST, NOT_INITIALIZED)))
    assert [report.state for report in reports] == ["ACCESS_DENIED"] * 3
    assert setting.count("AssumeRole") == 1


async def test_roles_are_assumed_in_the_operators_own_region(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without one in the target's: never in us-east-1 for want of anything better."""
    await setting.cloud(setting.sessions()).inventory(PRODUCTION, WEST)
    monkeypatch.delenv("AWS_REGION")
    await setting.cloud(setting.sessions()).inventory(PRODUCTION, WEST)
    assert [call["region"] for call in setting.calls("AssumeRole")] == [EAST, WEST]


async def test_sessions_that_nobody_uses_are_dropped(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run has one: an operator of a thousand runs must not keep a thousand."""
    monkeypatch.setattr("drs_operator.aws.sessions.IDLE_SECONDS", -1.0)
    sessions = setting.sessions()
    for number in range(4):
        sessions.client(replace(PRODUCTION, session_name=f"exec-{number}"), "drs", EAST)
    assert len(sessions._accounts) == 1


# --- sessions that end ----------------------------------------------------------------------------------------------


async def test_an_expired_session_is_renewed_and_the_read_done(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    await cloud.inventory(PRODUCTION, EAST)
    setting.inject("DescribeJobs", "expireCredentials", times=1)
    await cloud.jobs(PRODUCTION, EAST, ago(hours=1))
    assert setting.count("AssumeRole") == 2
    assert [call["outcome"].get("code") for call in setting.calls("DescribeJobs")] == ["ExpiredTokenException", None]


async def test_many_that_meet_an_expired_session_renew_it_once(setting: Setting) -> None:
    cloud = setting.cloud(setting.sessions())
    await cloud.inventory(PRODUCTION, EAST)
    setting.inject("DescribeRecoverySnapshots", "expireCredentials", times=1)
    servers = [web(number) for number in range(1, 5)]
    await asyncio.gather(*(cloud.recovery_points(PRODUCTION, EAST, server) for server in servers))
    assert setting.count("AssumeRole") == 2


async def test_a_session_that_expires_again_and_again_is_told(setting: Setting) -> None:
    setting.inject("DescribeSourceServers", "expireCredentials")
    failed = await refused(setting.cloud(setting.sessions()).inventory(PRODUCTION, EAST))
    assert (type(failed), failed.code) == (ReadFailed, "DRS_ERROR")
    assert setting.count("AssumeRole") == 2


async def test_short_sessions_are_renewed_before_they_end(setting: Setting) -> None:
    """At speed 450 an hour lasts 8 s: the session is renewed when 2 s are left, and no call meets an expired one."""
    setting.aws.set_speed(450)
    cloud = setting.cloud(setting.sessions())
    async with asyncio.timeout(30):
        while setting.count("AssumeRole") < 2:
            await cloud.recovery_points(PRODUCTION, EAST, web(1))
            await asyncio.sleep(0.1)
    reads = setting.calls("DescribeRecoverySnapshots")
    assert {call["outcome"].get("code") for call in reads} == {None}
    assert len(reads) > 5, "the first session served until then"
    assert setting.count("GetCallerIdentity") == 1, "renewed credentials are of the same role"


async def test_a_session_that_cannot_be_renewed_is_told_as_such(setting: Setting) -> None:
    setting.aws.set_speed(3600)
    cloud = setting.cloud(setting.sessions())
    await cloud.inventory(PRODUCTION, EAST)
    setting.inject("AssumeRole", "error", code="AccessDenied")
    failed: ReadFailed | None = None
    async with asyncio.timeout(30):
        while failed is None:
            try:
                await cloud.recovery_points(PRODUCTION, EAST, web(1))
            except ReadFailed as error:
                failed = error
    assert (type(failed), failed.code) == (AccessDenied, "ROLE_ASSUMPTION_FAILED")


async def test_awss_clock_is_known_from_its_answers(
    setting: Setting, aws_server: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = aws_server(WORLD)
    ahead.advance(7200)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ahead.endpoint)
    cloud = setting.cloud(setting.sessions())
    await cloud.inventory(PRODUCTION, EAST)
    difference = cloud.aws_time(PRODUCTION, EAST) - datetime.fromisoformat(ahead.clock()["time"])
    assert abs(difference) < timedelta(minutes=1)
    assert cloud.aws_time(PRODUCTION, WEST) < ago() + timedelta(minutes=1), "of a place that never answered: ours"
