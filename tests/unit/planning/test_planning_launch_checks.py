"""What launch settings name must exist and fit together, before anything is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest

from drs_operator.planning.claims import Owner, Standing
from drs_operator.planning.facts import SourceServer
from drs_operator.planning.launch_checks import (
    Interface,
    Question,
    Subnet,
    Terrain,
    doubles,
    flaws,
    question,
)
from drs_operator.planning.launch_settings import DrsSettings, TemplateSettings, Wanted

SUBNET, SMALL, GROUP, FOREIGN_GROUP = "subnet-1", "subnet-small", "sg-1", "sg-foreign"
SERVER = SourceServer(
    "s-1", "db-01", {}, "CONTINUOUS", timedelta(), "eu-west-1", "123456789012", recovery_instance_id="i-own"
)
TERRAIN = Terrain(
    frozenset({"m5.large"}),
    {SUBNET: Subnet("vpc-1", "10.0.1.0/24"), SMALL: Subnet("vpc-1", "100.64.0.16/28")},
    {GROUP: "vpc-1", FOREIGN_GROUP: "vpc-2"},
    {"DB-Role": True, "nobody": False, "unseen": None},
    {
        (SUBNET, "10.0.1.50"): Interface("eni-stranger", "i-stranger"),
        (SUBNET, "10.0.1.51"): Interface("eni-own", "i-own"),
        (SUBNET, "10.0.1.52"): Interface("eni-loose", None),
        (SMALL, "100.64.0.21"): Interface("eni-elsewhere", "i-stranger"),
    },
)
RIVAL = Standing("IP#…", Owner("pg-2", "prod", "dr", "web", "Web"))


class Case(NamedTuple):
    """Settings, and the codes of what is wrong with them."""

    template: TemplateSettings
    codes: list[str]
    says: str = ""
    because: str = ""


def address(text: str, subnet: str | None = SUBNET) -> TemplateSettings:
    """A static address."""
    return TemplateSettings(subnet_id=subnet, private_ip=text)


CASES = [
    Case(TemplateSettings(), []),
    Case(TemplateSettings(instance_type="m5.large"), []),
    Case(
        TemplateSettings(instance_type="z9.huge"), ["INSTANCE_TYPE_UNAVAILABLE"], "z9.huge is not offered in us-east-1"
    ),
    Case(TemplateSettings(subnet_id=SUBNET, security_group_ids=(GROUP,)), []),
    Case(TemplateSettings(subnet_id="subnet-gone"), ["SUBNET_NOT_FOUND"], "subnet-gone"),
    Case(
        TemplateSettings(subnet_id=SUBNET, security_group_ids=(GROUP, "sg-gone")),
        ["SECURITY_GROUPS_NOT_FOUND"],
        "do not exist in us-east-1: sg-gone",
    ),
    Case(
        TemplateSettings(subnet_id=SUBNET, security_group_ids=(GROUP, FOREIGN_GROUP)),
        ["SECURITY_GROUPS_NOT_FOUND"],
        f"not in vpc-1, the VPC of {SUBNET}: {FOREIGN_GROUP}",
    ),
    Case(TemplateSettings(security_group_ids=(GROUP,)), ["INVALID_PARAMETER"], "need a subnetId"),
    Case(
        TemplateSettings("z9.huge", "subnet-gone", ("sg-gone",), "nobody"),
        ["INSTANCE_TYPE_UNAVAILABLE", "SUBNET_NOT_FOUND", "SECURITY_GROUPS_NOT_FOUND", "INVALID_PARAMETER"],
        because="all that is wrong is told",
    ),
    Case(TemplateSettings(profile="DB-Role"), []),
    Case(TemplateSettings(profile="nobody"), ["INVALID_PARAMETER"], "nobody does not exist"),
    Case(TemplateSettings(profile="unseen"), [], because="who may not look does not refuse"),
    Case(address("10.0.1.4"), [], because="the first that AWS leaves"),
    Case(address("10.0.1.254"), [], because="the last that AWS leaves"),
    Case(address("10.0.1.0"), ["IP_RESERVED"], "from 10.0.1.4 to 10.0.1.254"),
    Case(address("10.0.1.1"), ["IP_RESERVED"]),
    Case(address("10.0.1.2"), ["IP_RESERVED"]),
    Case(address("10.0.1.3"), ["IP_RESERVED"]),
    Case(address("10.0.1.255"), ["IP_RESERVED"]),
    Case(address("10.0.2.7"), ["IP_OUT_OF_RANGE"], "10.0.1.0/24"),
    Case(address("8.8.8.8"), ["IP_NOT_PRIVATE"]),
    Case(address("10.0.1.300"), ["IP_NOT_PRIVATE"]),
    Case(address("100.64.0.20", SMALL), [], because="carrier-grade addresses are for VPCs, too"),
    Case(address("100.64.0.19", SMALL), ["IP_RESERVED"]),
    Case(address("100.64.0.31", SMALL), ["IP_RESERVED"]),
    Case(address("100.64.0.32", SMALL), ["IP_OUT_OF_RANGE"]),
    Case(address("100.64.0.21", SMALL), ["IP_IN_USE"]),
    Case(address("10.0.1.5", None), ["INVALID_PARAMETER"], "needs a subnetId"),
    Case(address("10.0.1.5", "subnet-gone"), ["SUBNET_NOT_FOUND"], because="one fault, told once"),
    Case(address("10.0.1.50"), ["IP_IN_USE"], "eni-stranger of i-stranger"),
    Case(address("10.0.1.51"), [], because="its own earlier instance goes when it is launched again"),
    Case(address("10.0.1.52"), ["IP_IN_USE"], "eni-loose"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.template)[17:-1])
def test_what_is_wrong(case: Case) -> None:
    found = flaws(Wanted(template=case.template), TERRAIN, SERVER, "us-east-1", None)
    assert [failure.code for failure in found] == case.codes, case.because
    if case.says:
        assert case.says in found[0].message


def test_without_an_earlier_instance_a_loose_interface_is_not_its_own() -> None:
    never = replace(SERVER, recovery_instance_id=None)
    found = flaws(Wanted(template=address("10.0.1.52")), TERRAIN, never, "us-east-1", None)
    assert [failure.code for failure in found] == ["IP_IN_USE"]


@pytest.mark.parametrize(("claimed", "says"), [(RIVAL, "ProtectionGroup dr/web"), ("s-2", "s-2")], ids=["group", "own"])
def test_an_address_that_somebody_else_claims(claimed: Standing | str, says: str) -> None:
    (found,) = flaws(Wanted(template=address("10.0.1.7")), TERRAIN, SERVER, "us-east-1", claimed)
    assert found.code == "DUPLICATE_IP"
    assert f"claimed by {says}" in found.message


def test_the_first_of_several_servers_keeps_an_address() -> None:
    same = {
        "s-3": (SUBNET, "10.0.1.7"),
        "s-1": (SUBNET, "10.0.1.7"),
        "s-2": (SMALL, "10.0.1.7"),
        "s-4": (SUBNET, "10.0.1.7"),
    }
    assert doubles(same) == {"s-3": "s-1", "s-4": "s-1"}


def test_only_what_is_named_is_asked() -> None:
    assert question([Wanted(DrsSettings(copy_tags=True))]) == Question()
    one = Wanted(template=TemplateSettings("m5.large", SUBNET, (GROUP,), "DB-Role", "10.0.1.7"))
    two = Wanted(template=TemplateSettings(subnet_id=SUBNET))
    assert question([one, two]) == Question(
        frozenset({"m5.large"}),
        frozenset({SUBNET}),
        frozenset({GROUP}),
        frozenset({"DB-Role"}),
        frozenset({(SUBNET, "10.0.1.7")}),
    )
