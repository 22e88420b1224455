"""Launch settings on the simulated AWS: what is read, what a change leaves alone, what it costs, what fails."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from drs_operator.aws.launch_settings import BotoLaunchSettings
from drs_operator.planning.launch_checks import Interface, Question, Subnet
from drs_operator.planning.launch_settings import Actual, DrsSettings, TemplateSettings
from drs_operator.ports import AccessDenied, ReadFailed, Throttled
from tests.contract.operator_aws.setting import (
    GROUP,
    MANY,
    ONE,
    OTHER_SUBNET,
    PARTNER,
    PRODUCTION,
    PROFILE,
    SUBNET,
    VPC,
    WEST,
    Setting,
    refused,
)
from tests.contract.operator_aws.templates import by_hand, template_of

PAGES = 2
"""Of the templates in WEST."""
_SERVERS = itertools.count(1)
TOKENS = (f"token-{number}" for number in itertools.count(1))


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


async def write(settings: BotoLaunchSettings, server_id: str, change: TemplateSettings) -> Actual:
    """A version with a change becomes the default; the settings after it."""
    actual = await settings.actual(PRODUCTION, WEST, server_id)
    version = await settings.add_version(PRODUCTION, WEST, actual, change, next(TOKENS))
    await settings.move_default(PRODUCTION, WEST, actual.template_id, version)
    return await settings.actual(PRODUCTION, WEST, server_id)


async def test_both_parts_are_read(setting: Setting, settings: BotoLaunchSettings, server: str) -> None:
    by_hand(
        setting,
        server,
        IamInstanceProfile={"Name": PROFILE},
        NetworkInterfaces=[
            {"DeviceIndex": 1, "SubnetId": OTHER_SUBNET},
            {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": ["sg-2", "sg-1"], "PrivateIpAddress": "10.0.1.9"},
        ],
    )
    actual = await settings.actual(PRODUCTION, WEST, server)
    assert actual.default_version == 2
    assert actual.template == TemplateSettings("m5.large", SUBNET, ("sg-1", "sg-2"), PROFILE, "10.0.1.9")
    assert actual.drs.launch_disposition == "STARTED"
    assert None not in (actual.drs.right_sizing, actual.drs.copy_tags, actual.drs.copy_private_ip, actual.drs.os_byol)


RICH: dict[str, Any] = {
    "UserData": "ZWNobyBoZWxsbw==",
    "KeyName": "operations",
    "EbsOptimized": True,
    "Monitoring": {"Enabled": True},
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    "Placement": {"Tenancy": "host", "AvailabilityZone": "us-west-2a"},
    "CreditSpecification": {"CpuCredits": "unlimited"},
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 80, "VolumeType": "gp3", "Iops": 4000}}],
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "Owner", "Value": "payments"}]},
        {"ResourceType": "volume", "Tags": [{"Key": "Backup", "Value": "daily"}]},
    ],
    "NetworkInterfaces": [
        {
            "DeviceIndex": 0,
            "DeleteOnTermination": True,
            "Description": "first",
            "AssociatePublicIpAddress": False,
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.77", "Primary": False}],
        },
        {"DeviceIndex": 1, "SubnetId": OTHER_SUBNET, "Groups": [GROUP], "DeleteOnTermination": False},
    ],
}


async def test_only_what_is_wanted_changes(setting: Setting, settings: BotoLaunchSettings, server: str) -> None:
    by_hand(setting, server, **RICH)
    before = template_of(setting, server)
    change = TemplateSettings(
        "r6i.large", SUBNET, (GROUP,), f"arn:aws:iam::{ONE}:instance-profile/{PROFILE}", "10.0.1.50"
    )
    actual = await write(settings, server, change)
    after = template_of(setting, server)
    assert actual.template == change
    assert after["VersionNumber"] == before["VersionNumber"] + 1
    expected = deepcopy(before["LaunchTemplateData"])
    expected["InstanceType"] = "r6i.large"
    expected["IamInstanceProfile"] = {"Arn": change.profile}
    expected["NetworkInterfaces"][0] |= {"SubnetId": SUBNET, "Groups": [GROUP], "PrivateIpAddress": "10.0.1.50"}
    assert after["LaunchTemplateData"] == expected, "everything else is as it was"
    assert before["LaunchTemplateData"]["UserData"] == "ZWNobyBoZWxsbw=="
    kept = template_of(setting, server, str(before["VersionNumber"]))
    assert kept["LaunchTemplateData"] == before["LaunchTemplateData"], "the earlier version can be put back"
    assert set(made(setting)["LaunchTemplateData"]) == {"InstanceType", "IamInstanceProfile", "NetworkInterfaces"}


def made(setting: Setting) -> dict[str, Any]:
    """The parameters of the one version that the operator has asked for."""
    calls = setting.calls("CreateLaunchTemplateVersion")
    (found,) = [call["parameters"] for call in calls if "VersionDescription" in call["parameters"]]
    return dict(found)


async def test_one_key_names_one_parameter(setting: Setting, settings: BotoLaunchSettings, server: str) -> None:
    await write(settings, server, TemplateSettings(instance_type="r6i.large"))
    assert made(setting)["LaunchTemplateData"] == {"InstanceType": "r6i.large"}
    assert made(setting)["SourceVersion"] == "1"


async def test_an_address_of_the_old_subnet_does_not_come_along(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    first = {"DeviceIndex": 0, "SubnetId": OTHER_SUBNET, "PrivateIpAddress": "10.0.2.9", "Description": "first"}
    by_hand(setting, server, NetworkInterfaces=[first])
    await write(settings, server, TemplateSettings(subnet_id=SUBNET))
    (interface,) = template_of(setting, server)["LaunchTemplateData"]["NetworkInterfaces"]
    assert interface == {"DeviceIndex": 0, "SubnetId": SUBNET, "Description": "first"}


@pytest.mark.parametrize(
    ("data", "change", "says"),
    [
        (
            {"InstanceRequirements": {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 4096}}},
            TemplateSettings(instance_type="r6i.large"),
            "InstanceRequirements",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-0123456789abcdef0"}]},
            TemplateSettings(subnet_id=SUBNET),
            "eni-0123456789abcdef0",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 1, "SubnetId": OTHER_SUBNET}], "SecurityGroupIds": [GROUP]},
            TemplateSettings(subnet_id=SUBNET),
            "security groups outside",
        ),
    ],
)
async def test_what_could_not_be_launched_is_not_written(
    setting: Setting,
    settings: BotoLaunchSettings,
    server: str,
    data: dict[str, Any],
    change: TemplateSettings,
    says: str,
) -> None:
    by_hand(setting, server, **data)
    error = await refused(write(settings, server, change))
    assert error.code == "INVALID_PARAMETER"
    assert says in error.message
    assert template_of(setting, server, "$Latest")["VersionNumber"] == 2


async def test_drs_is_told_only_what_changes(setting: Setting, settings: BotoLaunchSettings, server: str) -> None:
    before = await settings.actual(PRODUCTION, WEST, server)
    change = DrsSettings(right_sizing="NONE", copy_tags=not before.drs.copy_tags, os_byol=not before.drs.os_byol)
    await settings.change_drs(PRODUCTION, WEST, server, change)
    (call,) = setting.calls("UpdateLaunchConfiguration")
    assert set(call["parameters"]) == {
        "sourceServerID",
        "targetInstanceTypeRightSizingMethod",
        "copyTags",
        "licensing",
    }
    after = await settings.actual(PRODUCTION, WEST, server)
    assert (after.drs.right_sizing, after.drs.copy_tags) == ("NONE", change.copy_tags)
    assert after.drs.launch_disposition == before.drs.launch_disposition
    assert after.default_version > before.default_version, "DRS writes a version itself, which tells of every change"


async def test_one_sweep_serves_all_and_knows_own_writes(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    sweeps = await asyncio.gather(*(settings.default_versions(PRODUCTION, WEST) for _ in range(50)))
    assert setting.count("DescribeLaunchTemplates") == PAGES
    actual = await write(settings, server, TemplateSettings(instance_type="r6i.large"))
    assert sweeps[0][actual.template_id] == (await settings.default_versions(PRODUCTION, WEST))[actual.template_id]
    assert (await settings.default_versions(PRODUCTION, WEST))[actual.template_id] == actual.default_version
    assert setting.count("DescribeLaunchTemplates") == PAGES


async def test_templates_are_read_page_by_page(setting: Setting, settings: BotoLaunchSettings) -> None:
    setting.inject("DescribeLaunchTemplates", "emptyPage", times=1)
    versions = await settings.default_versions(PRODUCTION, WEST)
    assert len(versions) == MANY
    assert setting.count("DescribeLaunchTemplates") == PAGES + 1


async def test_what_ec2_and_iam_have(settings: BotoLaunchSettings) -> None:
    arn, other = f"arn:aws:iam::{ONE}:instance-profile/{PROFILE}", f"arn:aws:iam::{ONE}:instance-profile/nobody"
    found = await settings.terrain(
        PRODUCTION,
        WEST,
        Question(
            frozenset({"r6i.large", "z9.huge"}),
            frozenset({SUBNET, "subnet-0bad1111bbb22222c"}),
            frozenset({GROUP, "sg-0bad1111bbb22222c"}),
            frozenset({PROFILE, "nobody", arn, other}),
            frozenset({(SUBNET, "10.0.1.17"), (SUBNET, "10.0.1.18"), (OTHER_SUBNET, "10.0.1.17")}),
        ),
    )
    assert found.instance_types == {"r6i.large"}
    assert found.subnets == {SUBNET: Subnet(VPC, "10.0.1.0/24")}
    assert found.security_groups == {GROUP: VPC}
    assert found.profiles == {PROFILE: True, arn: True, "nobody": False, other: False}
    ((address, interface),) = found.interfaces.items()
    assert address == (SUBNET, "10.0.1.17")
    assert isinstance(interface, Interface)
    assert interface.instance_id is None


async def test_the_number_of_askers_does_not_matter(setting: Setting, settings: BotoLaunchSettings) -> None:
    asked = Question(subnet_ids=frozenset({SUBNET}), instance_types=frozenset({"r6i.large"}))
    await asyncio.gather(*(settings.terrain(PRODUCTION, WEST, asked) for _ in range(50)))
    assert (setting.count("DescribeSubnets"), setting.count("DescribeInstanceTypeOfferings")) == (1, 1)
    assert setting.count("DescribeSecurityGroups") == 0, "nobody asks, so nobody needs the permission"
    more = Question(subnet_ids=frozenset({SUBNET, OTHER_SUBNET}))
    for _ in range(3):
        assert (await settings.terrain(PRODUCTION, WEST, more)).subnets.keys() == {SUBNET, OTHER_SUBNET}
    assert setting.count("DescribeSubnets") == 2, "only what is new is asked for"
    assert setting.calls("DescribeSubnets")[1]["parameters"]["Filters"][0]["Values"] == [OTHER_SUBNET]


async def test_old_knowledge_is_read_together_in_one_call(setting: Setting) -> None:
    settings = BotoLaunchSettings(setting.shared, 0.2, patience_seconds=5)
    for subnet_id in (SUBNET, OTHER_SUBNET):
        await settings.terrain(PRODUCTION, WEST, Question(subnet_ids=frozenset({subnet_id})))
    await asyncio.sleep(0.3)
    setting.begin()
    await settings.terrain(PRODUCTION, WEST, Question(subnet_ids=frozenset({SUBNET})))
    (call,) = setting.calls("DescribeSubnets")
    assert sorted(call["parameters"]["Filters"][0]["Values"]) == sorted([SUBNET, OTHER_SUBNET])


async def test_without_the_right_to_look_into_iam_nothing_is_said_of_profiles(
    setting: Setting, settings: BotoLaunchSettings
) -> None:
    setting.inject("ListInstanceProfiles", "error", code="AccessDenied")
    found = await settings.terrain(PRODUCTION, WEST, Question(profiles=frozenset({PROFILE})))
    assert found.profiles == {PROFILE: None}


async def test_a_failed_read_is_remembered_for_a_moment(setting: Setting, settings: BotoLaunchSettings) -> None:
    setting.inject("DescribeLaunchTemplates", "error", code="UnauthorizedOperation")
    errors = [await refused(settings.default_versions(PRODUCTION, WEST)) for _ in range(20)]
    assert {type(error) for error in errors} == {AccessDenied}
    assert setting.count("DescribeLaunchTemplates") == 1


@pytest.mark.parametrize(
    ("operation", "answer", "kind", "code"),
    [
        ("UpdateLaunchConfiguration", "ThrottlingException", Throttled, "DRS_ERROR"),
        ("UpdateLaunchConfiguration", "ConflictException", ReadFailed, "SERVER_IN_JOB"),
        ("UpdateLaunchConfiguration", "AccessDeniedException", AccessDenied, "ACCOUNT_UNAVAILABLE"),
        ("CreateLaunchTemplateVersion", "RequestLimitExceeded", Throttled, "DRS_ERROR"),
        ("CreateLaunchTemplateVersion", "UnauthorizedOperation", AccessDenied, "ACCOUNT_UNAVAILABLE"),
        ("ModifyLaunchTemplate", "InternalError", ReadFailed, "DRS_ERROR"),
    ],
)
async def test_a_write_is_one_attempt(
    setting: Setting,
    settings: BotoLaunchSettings,
    server: str,
    operation: str,
    answer: str,
    kind: type[ReadFailed],
    code: str,
) -> None:
    actual = await settings.actual(PRODUCTION, WEST, server)
    setting.inject(operation, "error", code=answer)
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "UpdateLaunchConfiguration": lambda: settings.change_drs(
            PRODUCTION, WEST, server, DrsSettings(copy_tags=not actual.drs.copy_tags)
        ),
        "CreateLaunchTemplateVersion": lambda: settings.add_version(
            PRODUCTION, WEST, actual, TemplateSettings("r6i.large"), next(TOKENS)
        ),
        "ModifyLaunchTemplate": lambda: settings.move_default(PRODUCTION, WEST, actual.template_id, 1),
    }
    failed = await refused(calls[operation]())
    assert (type(failed), failed.code) == (kind, code)
    assert setting.count(operation) == 1


async def test_an_expired_session_is_renewed_and_the_write_made_once(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    actual = await settings.actual(PRODUCTION, WEST, server)
    setting.inject("CreateLaunchTemplateVersion", "error", code="ExpiredToken", times=1)
    version = await settings.add_version(PRODUCTION, WEST, actual, TemplateSettings("r6i.large"), next(TOKENS))
    assert version == 2
    assert [call["outcome"].get("code") for call in setting.calls("CreateLaunchTemplateVersion")] == [
        "ExpiredToken",
        None,
    ]
    assert template_of(setting, server, "$Latest")["VersionNumber"] == 2


async def test_a_lost_answer_makes_no_second_version(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    actual = await settings.actual(PRODUCTION, WEST, server)
    setting.inject("CreateLaunchTemplateVersion", "lostAnswer", times=1)
    token, change = next(TOKENS), TemplateSettings("r6i.large")
    await refused(settings.add_version(PRODUCTION, WEST, actual, change, token))
    assert template_of(setting, server, "$Latest")["VersionNumber"] == 2, "it was done"
    assert await settings.add_version(PRODUCTION, WEST, actual, change, token) == 2
    assert template_of(setting, server, "$Latest")["VersionNumber"] == 2


async def test_a_version_that_was_deleted_is_not_promised_for_ever(
    setting: Setting, settings: BotoLaunchSettings, server: str
) -> None:
    actual = await settings.actual(PRODUCTION, WEST, server)
    token, change = next(TOKENS), TemplateSettings("r6i.large")
    await settings.add_version(PRODUCTION, WEST, actual, change, token)
    with pytest.raises(ReadFailed):  # EC2 answers a known token as before, whatever became of the version
        await settings.move_default(PRODUCTION, WEST, actual.template_id, 99)
    assert await settings.add_version(PRODUCTION, WEST, actual, change, token) == 3


async def test_another_account_shares_nothing(setting: Setting, settings: BotoLaunchSettings) -> None:
    mine = await settings.default_versions(PRODUCTION, WEST)
    assert mine.keys().isdisjoint(await settings.default_versions(PARTNER, WEST))
    assert setting.count("DescribeLaunchTemplates") == PAGES + 1
