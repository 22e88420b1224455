"""What EC2 and IAM have of what launch settings name: who holds an address, many names, and what may not be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drs_operator.aws.launch_settings import BotoLaunchSettings
from drs_operator.planning.launch_checks import Interface, Question, Subnet
from drs_operator.ports import AccessDenied, Throttled
from tests.contract.operator_aws.setting import (
    GROUP,
    ONE,
    OTHER_SUBNET,
    PRODUCTION,
    PROFILE,
    SUBNET,
    VPC,
    WEST,
    Setting,
    refused,
)

ADDRESS = (SUBNET, "10.0.1.200")
QUESTIONS = {
    "DescribeInstanceTypeOfferings": Question(instance_types=frozenset({"m5.large"})),
    "DescribeSubnets": Question(subnet_ids=frozenset({SUBNET})),
    "DescribeSecurityGroups": Question(security_group_ids=frozenset({GROUP})),
    "DescribeNetworkInterfaces": Question(addresses=frozenset({ADDRESS})),
}


@pytest.fixture
def settings(setting: Setting) -> BotoLaunchSettings:
    """An adapter that asks anew each time."""
    return BotoLaunchSettings(setting.shared, 0, patience_seconds=5)


@pytest.fixture(autouse=True)
def _no_sessions_left(setting: Setting) -> Iterator[None]:
    yield
    setting.shared.forget(PRODUCTION)


async def test_an_address_is_that_of_an_instance_until_it_is_terminated(
    setting: Setting, settings: BotoLaunchSettings
) -> None:
    question = Question(addresses=frozenset({ADDRESS, (OTHER_SUBNET, "10.0.2.200")}))
    ec2 = setting.aws.client("ec2", ONE, WEST)
    assert (await settings.terrain(PRODUCTION, WEST, question)).interfaces == {}
    (instance,) = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=SUBNET, PrivateIpAddress=ADDRESS[1]
    )["Instances"]
    (interface,) = instance["NetworkInterfaces"]
    held = {ADDRESS: Interface(interface["NetworkInterfaceId"], instance["InstanceId"])}
    assert (await settings.terrain(PRODUCTION, WEST, question)).interfaces == held
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert (await settings.terrain(PRODUCTION, WEST, question)).interfaces == {}


async def test_a_second_address_of_an_interface_is_taken_too(setting: Setting, settings: BotoLaunchSettings) -> None:
    ec2 = setting.aws.client("ec2", ONE, WEST)
    addresses = [{"PrivateIpAddress": "10.0.1.210", "Primary": True}, {"PrivateIpAddress": "10.0.1.211"}]
    made = ec2.create_network_interface(SubnetId=SUBNET, PrivateIpAddresses=addresses)["NetworkInterface"]
    second = (SUBNET, "10.0.1.211")
    found = await settings.terrain(PRODUCTION, WEST, Question(addresses=frozenset({second})))
    assert found.interfaces == {second: Interface(made["NetworkInterfaceId"], None)}


async def test_many_names_are_asked_for_in_as_few_calls_as_ec2_allows(
    setting: Setting, settings: BotoLaunchSettings
) -> None:
    unknown = {f"subnet-0bad{number:013}" for number in range(449)}
    found = await settings.terrain(PRODUCTION, WEST, Question(subnet_ids=frozenset({SUBNET, *unknown})))
    assert found.subnets == {SUBNET: Subnet(VPC, "10.0.1.0/24")}
    asked = [call["parameters"]["Filters"][0]["Values"] for call in setting.calls("DescribeSubnets")]
    assert sorted(map(len, asked)) == [50, 200, 200]


async def test_what_is_missing_is_seen_when_it_is_there(setting: Setting, settings: BotoLaunchSettings) -> None:
    group = setting.aws.client("ec2", ONE, WEST).create_security_group(GroupName="db", Description="db", VpcId=VPC)
    found = await settings.terrain(PRODUCTION, WEST, Question(security_group_ids=frozenset({GROUP})))
    assert found.security_groups == {GROUP: VPC}
    both = frozenset({GROUP, str(group["GroupId"])})
    assert (await settings.terrain(PRODUCTION, WEST, Question(security_group_ids=both))).security_groups.keys() == both


async def test_nothing_is_asked_of_nothing(setting: Setting, settings: BotoLaunchSettings) -> None:
    found = await settings.terrain(PRODUCTION, WEST, Question())
    assert (found.instance_types, found.subnets, found.profiles) == (frozenset(), {}, {})
    assert all(setting.count(operation) == 0 for operation in (*QUESTIONS, "ListInstanceProfiles"))


@pytest.mark.parametrize("operation", QUESTIONS)
async def test_a_missing_permission_is_named_and_nothing_is_called_missing(
    setting: Setting, settings: BotoLaunchSettings, operation: str
) -> None:
    needed = f"You are not authorized to perform: ec2:{operation}"
    setting.inject(operation, "error", code="UnauthorizedOperation", message=needed)
    error = await refused(settings.terrain(PRODUCTION, WEST, QUESTIONS[operation]))
    assert isinstance(error, AccessDenied)
    assert needed in error.message


@pytest.mark.parametrize("operation", QUESTIONS)
async def test_throttled_reads_say_so(setting: Setting, settings: BotoLaunchSettings, operation: str) -> None:
    setting.inject(operation, "error", code="RequestLimitExceeded")
    error = await refused(settings.terrain(PRODUCTION, WEST, QUESTIONS[operation]))
    assert (type(error), error.code) == (Throttled, "DRS_ERROR")


async def test_iam_that_fails_says_nothing_of_a_profile(setting: Setting, settings: BotoLaunchSettings) -> None:
    setting.inject("ListInstanceProfiles", "error", code="ServiceFailure")
    question = Question(profiles=frozenset({PROFILE}))
    error = await refused(settings.terrain(PRODUCTION, WEST, question))
    assert error.code == "DRS_ERROR"
