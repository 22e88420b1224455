"""Launch settings that cannot be had, or are not written."""

from __future__ import annotations

from typing import Any

from tests.e2e.reasons import (
    REGION,
    STRANGE_GROUP,
    SUBNET,
    Object,
    Situation,
    account_id,
    group,
    server,
    server_id,
    target,
    world_account,
)


def _refused(name: str, word: str, says: tuple[str, ...], because: str, **spec: Any) -> Situation:
    return Situation(
        name=name,
        word=word,
        kind="drpg",
        condition="LaunchConfigurationSynced",
        status="False",
        says=(f"{name}-1", *says),
        objects=(group(name, **spec),),
        servers=(server(name),),
        event=word,
        because=because,
    )


def _static(situation: str, address: str, number: int = 1) -> list[Object]:
    settings = {"subnetId": SUBNET, "staticPrivateIp": address}
    return [{"serverId": server_id(situation, number), "launchConfiguration": settings}]


def _own(situation: str) -> Object:
    """A Region of the situation's own account, with its server in it."""
    return {"name": REGION, "sourceServers": [server(situation)]}


LAUNCH_SETTINGS: tuple[Situation, ...] = (
    _refused(
        "no-such-type",
        "InstanceTypeUnavailable",
        ("z9.huge", REGION, "aws ec2 describe-instance-type-offerings"),
        "EC2 refuses the launch of a type that the Region does not offer",
        launchConfiguration={"instanceType": "z9.huge"},
    ),
    _refused(
        "no-such-subnet",
        "SubnetNotFound",
        ("subnet-0bad1111bbb22222c", REGION, "correct subnetId"),
        "the subnet was deleted, or is of another Region",
        launchConfiguration={"subnetId": "subnet-0bad1111bbb22222c"},
    ),
    _refused(
        "strange-security-group",
        "SecurityGroupsNotFound",
        (STRANGE_GROUP, SUBNET, "VPC"),
        "a security group of another VPC cannot be used in the subnet",
        launchConfiguration={"subnetId": SUBNET, "securityGroupIds": [STRANGE_GROUP]},
    ),
    _refused(
        "used-address",
        "IpInUse",
        ("10.0.1.17", "take another address"),
        "another interface of the subnet has the address",
        servers=_static("used-address", "10.0.1.17"),
    ),
    _refused(
        "address-outside",
        "IpOutOfRange",
        ("10.0.9.5", SUBNET, "10.0.1.0/24"),
        "the address is not of the subnet",
        servers=_static("address-outside", "10.0.9.5"),
    ),
    _refused(
        "reserved-address",
        "IpReserved",
        ("10.0.1.3", SUBNET, "10.0.1.4"),
        "AWS keeps the first four addresses of every subnet, and the last",
        servers=_static("reserved-address", "10.0.1.3"),
    ),
    Situation(
        name="claimed-address",
        word="DuplicateIp",
        kind="drpg",
        condition="LaunchConfigurationSynced",
        status="False",
        says=("claimed-address-2", "10.0.1.40", "ProtectionGroup claimed-address/first", "take another address"),
        objects=(
            group(
                "claimed-address",
                "first",
                serverSelectionTags={"Tier": "first"},
                servers=_static("claimed-address", "10.0.1.40"),
            ),
        ),
        servers=(
            server("claimed-address", 1, tags={"Tier": "first"}),
            server("claimed-address", 2),
            server("claimed-address", 3),
        ),
        until=("drpg", "first", "LaunchConfigurationSynced"),
        later=(
            group(
                "claimed-address",
                launchConfiguration={"copyTags": True},
                servers=_static("claimed-address", "10.0.1.40", 2),
            ),
        ),
        details={"servers": ("DUPLICATE_IP: staticPrivateIp 10.0.1.40", "Failed", "Synced")},
        event="DuplicateIp",
        because="the first claim has the address, and the other servers of the group are written all the same",
    ),
    _refused(
        "no-such-profile",
        "InvalidParameter",
        ("instance profile nobody", "aws iam list-instance-profiles"),
        "EC2 refuses the launch with a profile that IAM does not have",
        launchConfiguration={"iamInstanceProfileName": "nobody"},
    ),
    Situation(
        name="observed-settings",
        word="WouldChange",
        kind="drpg",
        condition="LaunchConfigurationSynced",
        status="False",
        says=("observed-settings-1", "instanceType", "wanted m6i.large", "Observe"),
        objects=(
            target("observed-settings", REGION, managementPolicy="Observe"),
            group("observed-settings", account="observed-settings", launchConfiguration={"instanceType": "m6i.large"}),
        ),
        accounts=(world_account("observed-settings", _own("observed-settings")),),
        event="WouldChange",
        because="under Observe it is shown what would be changed, and nothing is",
    ),
    Situation(
        name="refused-settings",
        word="SyncFailed",
        kind="drpg",
        condition="LaunchConfigurationSynced",
        status="False",
        says=("refused-settings-1", "CreateLaunchTemplateVersion", "InvalidParameterValue"),
        objects=(
            target("refused-settings", REGION),
            group("refused-settings", account="refused-settings", launchConfiguration={"instanceType": "m6i.large"}),
        ),
        accounts=(world_account("refused-settings", _own("refused-settings")),),
        faults=(
            {
                "operation": "CreateLaunchTemplateVersion",
                "account": account_id("refused-settings"),
                "effect": "error",
                "code": "InvalidParameterValue",
                "httpStatus": 400,
            },
        ),
        event="SyncFailed",
        because="EC2 refuses what is to be written, in words of its own",
    ),
)
