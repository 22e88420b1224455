"""Launch settings as decided: what is in force for a server, what differs, what has to be changed where."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import (
    Actual,
    DrsSettings,
    SettingsRecord,
    TemplateSettings,
    Wanted,
    addresses,
    differences,
    drs_change,
    effective,
    same_profile,
    template_change,
)

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


HAS = Actual(
    "lt-1",
    7,
    DrsSettings("BASIC", True, False, "STARTED", False),
    TemplateSettings("m5.large", SUBNET, ("sg-1", "sg-2"), "DB-Role", "10.0.1.9"),
)


@pytest.mark.parametrize(
    ("wanted", "drs", "template", "words"),
    [
        (Wanted(), NOTHING, BARE, []),
        (Wanted(HAS.drs, HAS.template), NOTHING, BARE, []),
        (
            Wanted(DrsSettings(right_sizing="NONE", copy_tags=False)),
            DrsSettings(right_sizing="NONE"),
            BARE,
            ["targetInstanceTypeRightSizingMethod BASIC, wanted NONE"],
        ),
        (
            Wanted(DrsSettings(copy_private_ip=False, os_byol=True)),
            DrsSettings(copy_private_ip=False, os_byol=True),
            BARE,
            ["copyPrivateIp true, wanted false", "licensing.osByol false, wanted true"],
        ),
        (
            Wanted(template=TemplateSettings("r6i.large", SUBNET, ("sg-1", "sg-3"))),
            NOTHING,
            TemplateSettings("r6i.large", None, ("sg-1", "sg-3")),
            ["instanceType m5.large, wanted r6i.large", "securityGroupIds sg-1 sg-2, wanted sg-1 sg-3"],
        ),
        (Wanted(template=TemplateSettings(profile=ARN)), NOTHING, BARE, []),
        (
            Wanted(template=TemplateSettings(profile="Other")),
            NOTHING,
            TemplateSettings(profile="Other"),
            ["iamInstanceProfile DB-Role, wanted Other"],
        ),
    ],
)
def test_only_what_differs_is_changed(
    wanted: Wanted, drs: DrsSettings, template: TemplateSettings, words: list[str]
) -> None:
    assert drs_change(wanted, HAS) == drs
    assert template_change(wanted, HAS) == template
    assert differences(wanted, HAS) == words


def test_what_is_not_there_is_called_unset() -> None:
    bare = Actual("lt-1", 1, DrsSettings(), TemplateSettings(security_group_ids=()))
    wanted = Wanted(template=TemplateSettings(subnet_id=SUBNET, security_group_ids=("sg-1",)))
    assert differences(wanted, bare) == [f"subnetId unset, wanted {SUBNET}", "securityGroupIds unset, wanted sg-1"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ARN, ARN, True),
        (ARN, "DB-Role", True),
        ("DB-Role", ARN, True),
        ("DB-Role", "Other", False),
        (ARN, ARN.replace("123456789012", "210987654321"), False),
        ("DB-Role", "arn:aws:iam::123456789012:instance-profile/path/DB-Role", True),
        (None, "DB-Role", False),
        (None, None, True),
    ],
)
def test_a_profile_is_the_same_by_arn_and_by_name(one: str | None, other: str | None, same: bool) -> None:
    assert same_profile(one, other) is same


def test_the_version_of_settings_tells_them_apart() -> None:
    one = Wanted(DrsSettings(copy_tags=True))
    assert one.version == Wanted(DrsSettings(copy_tags=True)).version
    others = [Wanted(DrsSettings(copy_tags=False)), Wanted(DrsSettings(copy_private_ip=True)), Wanted()]
    assert len({one.version, *(other.version for other in others)}) == 4


def test_a_record_vouches_only_for_what_it_has_seen() -> None:
    wanted = Wanted(DrsSettings(copy_tags=True))
    record = SettingsRecord(Place("1", "r"), SERVER, "pg-1", "prod", "lt-1", 3, 5, wanted.version)
    assert record.is_verified(wanted, 5)
    assert not record.is_verified(wanted, 6), "each change on AWS makes a new default version"
    assert not record.is_verified(wanted, None), "the template is gone"
    assert not record.is_verified(Wanted(DrsSettings(copy_tags=False)), 5), "something else is wanted"
    begun = SettingsRecord(Place("1", "r"), SERVER, "pg-1", "prod", "lt-1", 3, 5, wanted.version, wanted.version)
    assert not begun.is_verified(wanted, 5), "a write had begun, and whether it was done is open"
    assert record.version == f"{wanted.version}@5"
