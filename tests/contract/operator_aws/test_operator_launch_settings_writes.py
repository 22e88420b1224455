"""Writes of launch settings that meet somebody else, a refusal or a lost answer: nothing lost, nothing done twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from drs_operator.aws.launch_settings import BotoLaunchSettings
from drs_operator.planning.launch_settings import Actual, DrsSettings, TemplateSettings
from drs_operator.ports import AccessDenied, ReadFailed, Throttled
from tests.contract.operator_aws.setting import (
    EAST,
    GROUP,
    MANY,
    ONE,
    OTHER_SUBNET,
    PRODUCTION,
    SUBNET,
    WEST,
    Setting,
    new_servers,
    refused,
)
from tests.contract.operator_aws.templates import by_hand, template_of

_SERVERS = itertools.count(151)
TYPE = TemplateSettings(instance_type="r6i.large")
Write = Callable[[BotoLaunchSettings, str], Awaitable[object]]


@pytest.fixture
def server() -> str:
    """A server whose settings no other test changes."""
    return f"s-app{next(_SERVERS):014}"


@pytest.fixture
def settings(setting: Setting) -> BotoLaunchSettings:
    """The adapter with nothing remembered."""
    return BotoLaunchSettings(setting.shared, 3600, patience_seconds=5)


@pytest.fixture(autouse=True)
def _no_sessions_left(setting: Setting) -> Iterator[None]:
    yield
    setting.shared.forget(PRODUCTION)


async def actual_of(settings: BotoLaunchSettings, server_id: str) -> Actual:
    """The settings as the operator reads them."""
    return await settings.actual(PRODUCTION, WEST, server_id)


async def change_drs(settings: BotoLaunchSettings, server_id: str) -> None:
    """DRS is told not to start the instance."""
    await settings.change_drs(PRODUCTION, WEST, server_id, DrsSettings(launch_disposition="STOPPED"))


async def add_version(settings: BotoLaunchSettings, server_id: str) -> int:
    """A version with another instance type."""
    actual = await actual_of(settings, server_id)
    return await settings.add_version(PRODUCTION, WEST, actual, TYPE, f"token-of-{server_id}")


async def move_default(settings: BotoLaunchSettings, server_id: str) -> None:
    """The newest version becomes the default."""
    template_id = (await actual_of(settings, server_id)).template_id
    await settings.move_default(PRODUCTION, WEST, template_id, 2)


# --- somebody else ----------------------------------------------------------------------------------------------------


async def test_a_version_that_was_made_meanwhile_is_not_passed_over(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    await settings.default_versions(PRODUCTION, WEST)
    seen = await actual_of(settings, server)
    by_hand(setting, server, UserData="bmV3")
    error = await refused(settings.add_version(PRODUCTION, WEST, seen, TYPE, "token"))
    assert error.code == "SYNC_FAILED"
    assert "from 1 to 2" in error.message
    assert setting.count("CreateLaunchTemplateVersion") == 1, "that of the other one"
    assert (await settings.default_versions(PRODUCTION, WEST))[seen.template_id] == 2, "nobody takes it for 1 any more"
    version = await add_version(settings, server)
    written = template_of(setting, server, str(version))["LaunchTemplateData"]
    assert (written["UserData"], written["InstanceType"]) == ("bmV3", "r6i.large")


async def test_a_server_in_a_job_is_told_apart_from_a_failure(setting: Setting, settings: BotoLaunchSettings) -> None:
    (busy,) = new_servers()
    change = DrsSettings(launch_disposition="STOPPED")
    drs = setting.aws.client("drs", ONE, EAST)
    drs.start_recovery(sourceServers=[{"sourceServerID": busy}], isDrill=True)
    before = await settings.actual(PRODUCTION, EAST, busy)
    error = await refused(settings.change_drs(PRODUCTION, EAST, busy, change))
    assert type(error) is ReadFailed
    assert error.code == "SERVER_IN_JOB"
    assert await settings.actual(PRODUCTION, EAST, busy) == before
    setting.finish_jobs()
    await settings.change_drs(PRODUCTION, EAST, busy, change)
    assert (await settings.actual(PRODUCTION, EAST, busy)).drs.launch_disposition == "STOPPED"


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "answer", "write"),
    [
        ("UpdateLaunchConfiguration", "ValidationException", change_drs),
        ("CreateLaunchTemplateVersion", "InvalidParameterValue", add_version),
        ("CreateLaunchTemplateVersion", "IdempotentParameterMismatch", add_version),
        ("ModifyLaunchTemplate", "InvalidLaunchTemplateId.NotFound", move_default),
    ],
)
async def test_what_aws_refuses_is_told_in_its_words(
    setting: Setting, settings: BotoLaunchSettings, server: str, operation: str, answer: str, write: Write
) -> None:
    by_hand(setting, server, EbsOptimized=True)
    setting.inject(operation, "error", code=answer, message="That is not to be had.")
    error = await refused(write(settings, server))
    assert type(error) is ReadFailed
    assert error.code == "SYNC_FAILED"
    assert f"{operation}: {answer}: That is not to be had." in error.message


async def test_a_version_that_is_not_there_is_refused_by_ec2_itself(settings: BotoLaunchSettings, server: str) -> None:
    template_id = (await actual_of(settings, server)).template_id
    error = await refused(settings.move_default(PRODUCTION, WEST, template_id, 99))
    assert error.code == "SYNC_FAILED"
    assert "VersionNotFound" in error.message
    assert (await actual_of(settings, server)).default_version == 1


@pytest.mark.parametrize(
    ("operation", "answer", "write", "kind"),
    [
        ("UpdateLaunchConfiguration", "InternalServerException", change_drs, ReadFailed),
        ("CreateLaunchTemplateVersion", "Unavailable", add_version, ReadFailed),
        ("ModifyLaunchTemplate", "RequestLimitExceeded", move_default, Throttled),
        ("GetLaunchConfiguration", "ThrottlingException", add_version, Throttled),
    ],
)
async def test_what_passes_by_itself_is_no_fault_of_the_settings(
    setting: Setting,
    settings: BotoLaunchSettings,
    server: str,
    operation: str,
    answer: str,
    write: Write,
    kind: type[ReadFailed],
) -> None:
    by_hand(setting, server, EbsOptimized=True)
    setting.inject(operation, "error", code=answer)
    error = await refused(write(settings, server))
    assert (type(error), error.code) == (kind, "DRS_ERROR")


@pytest.mark.parametrize(
    ("operation", "write"),
    [
        ("GetLaunchConfiguration", actual_of),
        ("DescribeLaunchTemplateVersions", actual_of),
        ("UpdateLaunchConfiguration", change_drs),
        ("CreateLaunchTemplateVersion", add_version),
        ("ModifyLaunchTemplate", move_default),
    ],
)
async def test_a_missing_permission_is_named(
    setting: Setting, settings: BotoLaunchSettings, server: str, operation: str, write: Write
) -> None:
    by_hand(setting, server, EbsOptimized=True)
    needed = f"is not authorized to perform: {operation}"
    setting.inject(operation, "error", code="AccessDeniedException", message=needed)
    error = await refused(write(settings, server))
    assert isinstance(error, AccessDenied)
    assert needed in error.message
    assert "list-role-policies --role-name" in error.message


# --- lost answers and expired sessions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "write"),
    [
        ("UpdateLaunchConfiguration", change_drs),
        ("CreateLaunchTemplateVersion", add_version),
        ("ModifyLaunchTemplate", move_default),
    ],
)
async def test_a_write_whose_answer_is_lost_can_be_repeated(
    setting: Setting, settings: BotoLaunchSettings, server: str, operation: str, write: Write
) -> None:
    by_hand(setting, server, EbsOptimized=True)
    setting.inject(operation, "lostAnswer", times=1)
    before = setting.count(operation)
    assert (await refused(write(settings, server))).code == "DRS_ERROR"
    assert setting.count(operation) - before == 1, "it is not repeated unseen"
    done = (await actual_of(settings, server), template_of(setting, server, "$Latest"))
    await write(settings, server)
    assert (await actual_of(settings, server), template_of(setting, server, "$Latest")) == done


@pytest.mark.parametrize(
    ("operation", "answer", "write"),
    [
        ("UpdateLaunchConfiguration", "ExpiredTokenException", change_drs),
        ("CreateLaunchTemplateVersion", "RequestExpired", add_version),
        ("ModifyLaunchTemplate", "RequestExpired", move_default),
    ],
)
async def test_an_expired_session_is_renewed_with_its_kept_client(
    setting: Setting, settings: BotoLaunchSettings, server: str, operation: str, answer: str, write: Write
) -> None:
    by_hand(setting, server, EbsOptimized=True)
    await write(settings, server)
    setting.begin()
    setting.inject(operation, "expireCredentials", times=1)
    await write(settings, server)
    assert [call["outcome"].get("code") for call in setting.calls(operation)] == [answer, None]
    assert setting.count("AssumeRole") == 1


# --- what it costs ----------------------------------------------------------------------------------------------------


async def test_the_default_versions_of_a_place_are_two_pages(setting: Setting, settings: BotoLaunchSettings) -> None:
    versions = await settings.default_versions(PRODUCTION, WEST)
    assert len(versions) == MANY
    assert setting.count("DescribeLaunchTemplates") == 2


async def test_a_change_of_many_servers_takes_one_session(setting: Setting, settings: BotoLaunchSettings) -> None:
    servers = [f"s-app{number:014}" for number in range(101, 141)]
    setting.shared.forget(PRODUCTION)
    setting.begin()
    await asyncio.gather(*(add_version(settings, server_id) for server_id in servers))
    assert setting.count("CreateLaunchTemplateVersion") == len(servers)
    assert setting.count("AssumeRole") == 1
    assert {template_of(setting, each, "$Latest")["VersionNumber"] for each in servers} == {2}


# --- network interfaces -----------------------------------------------------------------------------------------------


async def test_of_several_addresses_the_primary_one_is_shown_and_replaced(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    primary = {"PrivateIpAddress": "10.0.1.40", "Primary": True}
    second = {"PrivateIpAddress": "10.0.1.41", "Primary": False}
    both = {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP], "PrivateIpAddresses": [primary, second]}
    by_hand(setting, server, NetworkInterfaces=[both])
    actual = await actual_of(settings, server)
    assert actual.template.private_ip == "10.0.1.40"
    change = TemplateSettings(private_ip="10.0.1.50")
    version = await settings.add_version(PRODUCTION, WEST, actual, change, "token-of-addresses")
    written = template_of(setting, server, str(version))["LaunchTemplateData"]["NetworkInterfaces"]
    assert written == [
        {
            "DeviceIndex": 0,
            "SubnetId": SUBNET,
            "Groups": [GROUP],
            "PrivateIpAddress": "10.0.1.50",
            "PrivateIpAddresses": [second],
        }
    ]
    await settings.move_default(PRODUCTION, WEST, actual.template_id, version)
    after = await actual_of(settings, server)
    assert after.template == replace(actual.template, private_ip="10.0.1.50")


async def test_the_others_stay_when_there_is_no_first_interface(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    other = {"DeviceIndex": 1, "SubnetId": OTHER_SUBNET, "Groups": [GROUP], "DeleteOnTermination": False}
    by_hand(setting, server, NetworkInterfaces=[other])
    actual = await actual_of(settings, server)
    assert (actual.template.subnet_id, actual.template.private_ip) == (None, None)
    change = TemplateSettings(subnet_id=SUBNET)
    version = await settings.add_version(PRODUCTION, WEST, actual, change, "token-of-others")
    written = template_of(setting, server, str(version))["LaunchTemplateData"]["NetworkInterfaces"]
    assert written == [{"DeviceIndex": 0, "SubnetId": SUBNET}, other]


def test_ec2_takes_all_that_it_answers_of_an_interface_but_for_one_member() -> None:
    """A list of interfaces is replaced as a whole: a member that botocore learns to read, it must learn to write."""
    model = botocore.session.get_session().get_service_model("ec2")
    read: Any = model.operation_model("DescribeLaunchTemplateVersions").output_shape
    written: Any = model.operation_model("CreateLaunchTemplateVersion").input_shape
    data = read.members["LaunchTemplateVersions"].member.members["LaunchTemplateData"]
    answered, taken = (each.members["NetworkInterfaces"] for each in (data, written.members["LaunchTemplateData"]))
    assert _only_answered(answered, taken) == ["[].Ipv6Addresses[].IsPrimaryIpv6"]


def _only_answered(answered: Any, taken: Any, path: str = "") -> list[str]:
    """Members of an answer that the request does not have, or has as something else."""
    if answered.type_name != taken.type_name:
        return [path]
    if answered.type_name == "list":
        return _only_answered(answered.member, taken.member, f"{path}[]")
    found = []
    if answered.type_name == "structure":
        for name, member in answered.members.items():
            there = taken.members.get(name)
            found += [f"{path}.{name}"] if there is None else _only_answered(member, there, f"{path}.{name}")
    return found
