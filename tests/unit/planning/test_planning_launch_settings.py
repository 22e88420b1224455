"""Launch settings compared with what AWS has: what differs, what has to be changed where, what a record vouches for."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import (
    Actual,
    DrsSettings,
    SettingsRecord,
    TemplateSettings,
    Wanted,
    differences,
    drs_change,
    same_profile,
    template_change,
)

SERVER = "s-00000000000000001"
SUBNET, OTHER_SUBNET = "subnet-0aaa1111bbb22222c", "subnet-0ccc1111bbb22222c"
ARN = "arn:aws:iam::123456789012:instance-profile/DB-Role"
NOTHING, BARE = DrsSettings(), TemplateSettings()
HAS = Actual(
    "lt-1",
    7,
    DrsSettings("BASIC", True, False, "STARTED", False),
    TemplateSettings("m5.large", SUBNET, ("sg-1", "sg-2"), "DB-Role", "10.0.1.9"),
)


class Change(NamedTuple):
    """What is wanted, and what of it has to be changed where AWS has `HAS`."""

    wanted: Wanted
    drs: DrsSettings
    template: TemplateSettings
    words: list[str]
    because: str


CHANGES = [
    Change(Wanted(), NOTHING, BARE, [], "nothing is managed: a key that was taken out is left as AWS has it"),
    Change(Wanted(HAS.drs, HAS.template), NOTHING, BARE, [], "AWS has it all"),
    Change(
        Wanted(DrsSettings(right_sizing="NONE", copy_tags=False)),
        DrsSettings(right_sizing="NONE"),
        BARE,
        ["targetInstanceTypeRightSizingMethod BASIC, wanted NONE"],
        "one of two differs",
    ),
    Change(
        Wanted(DrsSettings(copy_private_ip=False, os_byol=True, launch_disposition="STOPPED")),
        DrsSettings(copy_private_ip=False, os_byol=True, launch_disposition="STOPPED"),
        BARE,
        [
            "copyPrivateIp true, wanted false",
            "launchDisposition STARTED, wanted STOPPED",
            "licensing.osByol false, wanted true",
        ],
        "all differ, and false is told as a value",
    ),
    Change(
        Wanted(template=TemplateSettings("r6i.large", SUBNET, ("sg-1", "sg-3"))),
        NOTHING,
        TemplateSettings("r6i.large", None, ("sg-1", "sg-3")),
        ["instanceType m5.large, wanted r6i.large", "securityGroupIds sg-1 sg-2, wanted sg-1 sg-3"],
        "a list is written whole",
    ),
    Change(
        Wanted(template=TemplateSettings(security_group_ids=("sg-2", "sg-1"))),
        NOTHING,
        BARE,
        [],
        "security groups are a set: another order is no difference",
    ),
    Change(
        Wanted(template=TemplateSettings(security_group_ids=("sg-1",))),
        NOTHING,
        TemplateSettings(security_group_ids=("sg-1",)),
        ["securityGroupIds sg-1 sg-2, wanted sg-1"],
        "one too many differs",
    ),
    Change(
        Wanted(template=TemplateSettings(subnet_id=OTHER_SUBNET)),
        NOTHING,
        TemplateSettings(subnet_id=OTHER_SUBNET),
        [f"subnetId {SUBNET}, wanted {OTHER_SUBNET}"],
        "the address that AWS still has is not managed any more",
    ),
    Change(
        Wanted(template=TemplateSettings(private_ip="10.0.1.10")),
        NOTHING,
        TemplateSettings(private_ip="10.0.1.10"),
        ["staticPrivateIp 10.0.1.9, wanted 10.0.1.10"],
        "another address",
    ),
    Change(Wanted(template=TemplateSettings(profile=ARN)), NOTHING, BARE, [], "the name that AWS has is the ARN's"),
    Change(
        Wanted(template=TemplateSettings(profile="Other")),
        NOTHING,
        TemplateSettings(profile="Other"),
        ["iamInstanceProfile DB-Role, wanted Other"],
        "another profile",
    ),
    Change(
        Wanted(DrsSettings(copy_tags=True), TemplateSettings("r6i.large")),
        DrsSettings(copy_tags=True),
        TemplateSettings("r6i.large"),
        ["copyTags false, wanted true", "instanceType m5.large, wanted r6i.large"],
        "DRS's part is told and written first",
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.because)
def test_only_what_differs_is_changed(change: Change) -> None:
    assert drs_change(change.wanted, HAS) == change.drs
    assert template_change(change.wanted, HAS) == change.template
    assert differences(change.wanted, HAS) == change.words


def test_what_is_not_there_is_called_unset() -> None:
    """Also of a template that has no security groups, in both of the forms that this can take."""
    bare = Actual("lt-1", 1, DrsSettings(), TemplateSettings(security_group_ids=()))
    wanted = Wanted(template=TemplateSettings(subnet_id=SUBNET, security_group_ids=("sg-1",)))
    told = [f"subnetId unset, wanted {SUBNET}", "securityGroupIds unset, wanted sg-1"]
    assert differences(wanted, bare) == told
    assert differences(wanted, Actual("lt-1", 1, DrsSettings(), BARE)) == told
    assert differences(Wanted(DrsSettings(copy_tags=False)), bare) == ["copyTags unset, wanted false"]


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
