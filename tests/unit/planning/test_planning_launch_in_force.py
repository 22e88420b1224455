"""Launch settings in force: the group's, the server's own over them, and which addresses they take."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.planning.launch_settings import DrsSettings, TemplateSettings, Wanted, addresses, effective

SERVER, OTHER = "s-00000000000000001", "s-00000000000000002"
SUBNET, OTHER_SUBNET = "subnet-0aaa1111bbb22222c", "subnet-0ccc1111bbb22222c"
ARN = "arn:aws:iam::123456789012:instance-profile/DB-Role"


def group(launch: dict[str, Any] | None = None, *overrides: dict[str, Any]) -> ProtectionGroup:
    """A group with settings of its own and of servers."""
    spec = {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "explicit",
        "sourceServerIds": [SERVER, OTHER],
        "launchConfiguration": launch,
        "servers": list(overrides),
    }
    return ProtectionGroup.model_validate({"metadata": {"name": "db", "namespace": "dr"}, "spec": spec})


def own(defaults: bool = True, **settings: Any) -> dict[str, Any]:
    """Settings of the server."""
    return {"serverId": SERVER, "useGroupDefaults": defaults, "launchConfiguration": settings}


class Case(NamedTuple):
    """What is written, and what is in force for the server."""

    name: str
    launch: dict[str, Any] | None
    override: dict[str, Any] | None
    drs: DrsSettings
    template: TemplateSettings
    because: str


NOTHING, BARE = DrsSettings(), TemplateSettings()
CASES = [
    Case("nothing", None, None, NOTHING, BARE, "nothing is managed"),
    Case("defaults", {"copyTags": True}, None, DrsSettings(copy_tags=True), BARE, "absent keys are not wanted"),
    Case("false is a value", {"copyTags": False}, None, DrsSettings(copy_tags=False), BARE, "it is not absent"),
    Case(
        "own key over the group's",
        {"copyTags": True, "launchDisposition": "STARTED"},
        own(launchDisposition="STOPPED"),
        DrsSettings(copy_tags=True, launch_disposition="STOPPED"),
        BARE,
        "key by key",
    ),
    Case(
        "a null key takes nothing away",
        {"copyTags": True},
        own(copyTags=None),
        DrsSettings(copy_tags=True),
        BARE,
        "only what is not null replaces",
    ),
    Case(
        "lists whole",
        {"subnetId": SUBNET, "securityGroupIds": ["sg-00000001", "sg-00000002"]},
        own(securityGroupIds=["sg-00000003"]),
        NOTHING,
        TemplateSettings(subnet_id=SUBNET, security_group_ids=("sg-00000003",)),
        "a list is one value",
    ),
    Case(
        "alone",
        {"copyTags": True, "instanceType": "m5.large"},
        own(defaults=False, launchDisposition="STOPPED"),
        DrsSettings(launch_disposition="STOPPED"),
        BARE,
        "nothing of the group's applies",
    ),
    Case(
        "alone with nothing",
        {"copyTags": True},
        {"serverId": SERVER, "useGroupDefaults": False},
        NOTHING,
        BARE,
        "such a server is not managed",
    ),
    Case(
        "for another server",
        {"copyTags": True},
        {**own(copyTags=False), "serverId": OTHER},
        DrsSettings(copy_tags=True),
        BARE,
        "settings of one server are its own",
    ),
    Case(
        "CUSTOM is NONE with a type",
        {"targetInstanceTypeRightSizingMethod": "CUSTOM", "instanceType": "r6i.large"},
        None,
        DrsSettings(right_sizing="NONE"),
        TemplateSettings(instance_type="r6i.large"),
        "AWS does not know CUSTOM",
    ),
    Case(
        "a type forces NONE",
        {"targetInstanceTypeRightSizingMethod": "BASIC"},
        own(instanceType="r6i.large"),
        DrsSettings(right_sizing="NONE"),
        TemplateSettings(instance_type="r6i.large"),
        "DRS would overwrite the type",
    ),
    Case(
        "BASIC without a type",
        {"targetInstanceTypeRightSizingMethod": "BASIC"},
        None,
        DrsSettings(right_sizing="BASIC"),
        BARE,
        "as it is written",
    ),
    Case(
        "a static address forces copyPrivateIp off",
        {"copyPrivateIp": True, "subnetId": SUBNET},
        own(staticPrivateIp="10.0.1.5"),
        DrsSettings(copy_private_ip=False),
        TemplateSettings(subnet_id=SUBNET, private_ip="10.0.1.5"),
        "the two exclude each other",
    ),
    Case(
        "own profile by name over the group's by ARN",
        {"iamInstanceProfileArn": ARN},
        own(iamInstanceProfileName="Other"),
        NOTHING,
        TemplateSettings(profile="Other"),
        "it is one setting in two forms",
    ),
    Case(
        "own profile by ARN over the group's by name",
        {"iamInstanceProfileName": "Other"},
        own(iamInstanceProfileArn=ARN),
        NOTHING,
        TemplateSettings(profile=ARN),
        "it is one setting in two forms",
    ),
    Case(
        "false over true",
        {"copyTags": True},
        own(copyTags=False),
        DrsSettings(copy_tags=False),
        BARE,
        "false is not null, so it replaces",
    ),
    Case(
        "an empty override",
        {"copyTags": True},
        own(),
        DrsSettings(copy_tags=True),
        BARE,
        "it replaces nothing",
    ),
    Case(
        "an override without settings",
        {"copyTags": True},
        {"serverId": SERVER},
        DrsSettings(copy_tags=True),
        BARE,
        "useGroupDefaults is true by default",
    ),
    Case(
        "own settings without any of the group's",
        None,
        own(launchDisposition="STOPPED"),
        DrsSettings(launch_disposition="STOPPED"),
        BARE,
        "defaults need not be there",
    ),
    Case(
        "another type over the group's",
        {"instanceType": "m5.large", "subnetId": SUBNET},
        own(instanceType="r6i.large"),
        DrsSettings(right_sizing="NONE"),
        TemplateSettings(instance_type="r6i.large", subnet_id=SUBNET),
        "what the server leaves out stays the group's",
    ),
    Case(
        "own BASIC under the group's type",
        {"instanceType": "m5.large"},
        own(targetInstanceTypeRightSizingMethod="BASIC"),
        DrsSettings(right_sizing="NONE"),
        TemplateSettings(instance_type="m5.large"),
        "the type is still in force, and DRS would overwrite it",
    ),
    Case(
        "own BASIC alone",
        {"instanceType": "m5.large"},
        own(defaults=False, targetInstanceTypeRightSizingMethod="BASIC"),
        DrsSettings(right_sizing="BASIC"),
        BARE,
        "so a server gets right-sizing back although its group names a type",
    ),
    Case(
        "own CUSTOM with the group's type",
        {"instanceType": "m5.large"},
        own(targetInstanceTypeRightSizingMethod="CUSTOM"),
        DrsSettings(right_sizing="NONE"),
        TemplateSettings(instance_type="m5.large"),
        "CUSTOM needs a type in force, wherever it is from",
    ),
    Case(
        "IN_AWS",
        {"targetInstanceTypeRightSizingMethod": "IN_AWS"},
        None,
        DrsSettings(right_sizing="IN_AWS"),
        BARE,
        "as it is written",
    ),
    Case(
        "a static address in a group whose subnet has changed",
        {"subnetId": OTHER_SUBNET},
        own(staticPrivateIp="10.0.1.5"),
        DrsSettings(copy_private_ip=False),
        TemplateSettings(subnet_id=OTHER_SUBNET, private_ip="10.0.1.5"),
        "the subnet is the group's, whatever it was: that the address is not in it is for the checks to say",
    ),
    Case(
        "a static address in its own subnet",
        {"subnetId": OTHER_SUBNET},
        own(subnetId=SUBNET, staticPrivateIp="10.0.1.5"),
        DrsSettings(copy_private_ip=False),
        TemplateSettings(subnet_id=SUBNET, private_ip="10.0.1.5"),
        "a change of the group's subnet does not concern it",
    ),
    Case(
        "a static address alone",
        {"subnetId": SUBNET, "copyPrivateIp": True},
        own(defaults=False, staticPrivateIp="10.0.1.5"),
        DrsSettings(copy_private_ip=False),
        TemplateSettings(private_ip="10.0.1.5"),
        "the group's subnet is not in force: for the checks to say",
    ),
    Case(
        "security groups in any order",
        {"subnetId": SUBNET, "securityGroupIds": ["sg-00000002", "sg-00000001"]},
        None,
        NOTHING,
        TemplateSettings(subnet_id=SUBNET, security_group_ids=("sg-00000001", "sg-00000002")),
        "the order says nothing",
    ),
    Case(
        "the group's licence",
        {"licensing": {"osByol": False}},
        own(copyTags=True),
        DrsSettings(copy_tags=True, os_byol=False),
        BARE,
        "false is a value inside of licensing, too",
    ),
    Case(
        "own licence",
        {"licensing": {"osByol": True}},
        own(licensing={"osByol": False}),
        DrsSettings(os_byol=False),
        BARE,
        "the server's replaces the group's",
    ),
    Case(
        "licence",
        {"licensing": {"osByol": True}},
        own(licensing={}),
        NOTHING,
        BARE,
        "the merge is shallow: the server's licensing replaces the group's, and says nothing",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_in_force(case: Case) -> None:
    made = group(case.launch, *([case.override] if case.override else []))
    assert effective(made, SERVER) == Wanted(case.drs, case.template), case.because
    assert effective(made, SERVER).is_nothing == (case.drs == NOTHING and case.template == BARE)


def test_addresses_are_claimed_with_the_subnet_in_force() -> None:
    fixed = {"serverId": OTHER, "launchConfiguration": {"subnetId": OTHER_SUBNET, "staticPrivateIp": "10.0.2.5"}}
    made = group({"subnetId": SUBNET}, own(staticPrivateIp="10.0.1.5"), fixed)
    assert addresses(made, [SERVER, OTHER]) == {SERVER: (SUBNET, "10.0.1.5"), OTHER: (OTHER_SUBNET, "10.0.2.5")}
    assert addresses(made, [OTHER]) == {OTHER: (OTHER_SUBNET, "10.0.2.5")}, "only of servers in the group"
    assert addresses(group(None, own(staticPrivateIp="10.0.1.5")), [SERVER]) == {}, "without a subnet it claims nothing"
    alone = group({"subnetId": SUBNET}, own(defaults=False, staticPrivateIp="10.0.1.5"))
    assert addresses(alone, [SERVER]) == {}, "the group's subnet is not in force for it"
    moved = group({"subnetId": OTHER_SUBNET}, own(staticPrivateIp="10.0.1.5"))
    assert addresses(moved, [SERVER]) == {SERVER: (OTHER_SUBNET, "10.0.1.5")}, "the claim moves with the subnet"


def test_two_servers_with_one_address_are_both_named() -> None:
    """The CRD refuses it; whoever got around it is caught by `launch_checks.doubles`, which needs both."""
    fixed = own(subnetId=SUBNET, staticPrivateIp="10.0.1.5")
    made = group(None, fixed, {**fixed, "serverId": OTHER})
    assert addresses(made, [SERVER, OTHER]) == dict.fromkeys((SERVER, OTHER), (SUBNET, "10.0.1.5"))
