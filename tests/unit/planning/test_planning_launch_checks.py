"""What launch settings name must exist and fit together, before anything is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest

from drs_operator.planning.claims import Owner, Standing, address_key
from drs_operator.planning.facts import Place, SourceServer
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

SUBNET, SMALL, LARGE, V6 = "subnet-1", "subnet-small", "subnet-large", "subnet-v6"
GROUP, FOREIGN_GROUP = "sg-1", "sg-foreign"
SERVER = SourceServer(
    "s-1", "db-01", {}, "CONTINUOUS", timedelta(), "eu-west-1", "123456789012", recovery_instance_id="i-own"
)
TERRAIN = Terrain(
    frozenset({"m5.large"}),
    {
        SUBNET: Subnet("vpc-1", "10.0.1.0/24"),
        SMALL: Subnet("vpc-1", "100.64.0.16/28"),
        LARGE: Subnet("vpc-1", "172.16.0.0/16"),
        V6: Subnet("vpc-1", ""),
    },
    {GROUP: "vpc-1", FOREIGN_GROUP: "vpc-2"},
    {"DB-Role": True, "nobody": False, "unseen": None},
    {
        (SUBNET, "10.0.1.50"): Interface("eni-stranger", "i-stranger"),
        (SUBNET, "10.0.1.51"): Interface("eni-own", "i-own"),
        (SUBNET, "10.0.1.52"): Interface("eni-loose", None),
        (SMALL, "100.64.0.21"): Interface("eni-elsewhere", "i-stranger"),
        ("subnet-other", "10.0.1.53"): Interface("eni-other", "i-stranger"),
    },
)
RIVAL = Standing("IP#…", Owner("pg-2", "prod", "dr", "web", "Web"))


class Case(NamedTuple):
    """Settings, the codes of what is wrong with them, and what the first message says."""

    template: TemplateSettings
    codes: list[str]
    because: str
    says: str = ""


def address(text: str, subnet: str | None = SUBNET) -> TemplateSettings:
    """A static address."""
    return TemplateSettings(subnet_id=subnet, private_ip=text)


def in_subnet(*groups: str, subnet: str | None = SUBNET) -> TemplateSettings:
    """Security groups."""
    return TemplateSettings(subnet_id=subnet, security_group_ids=groups)


THINGS = [
    Case(TemplateSettings(), [], "nothing is named"),
    Case(TemplateSettings(instance_type="m5.large"), [], "the Region offers it"),
    Case(
        TemplateSettings(instance_type="z9.huge"),
        ["INSTANCE_TYPE_UNAVAILABLE"],
        "the Region does not offer it",
        "z9.huge is not offered in us-east-1; choose another: aws ec2 describe-instance-type-offerings",
    ),
    Case(TemplateSettings(subnet_id=SUBNET), [], "it exists"),
    Case(
        TemplateSettings(subnet_id="subnet-gone"),
        ["SUBNET_NOT_FOUND"],
        "EC2 has no such subnet",
        "subnet subnet-gone does not exist in us-east-1; correct subnetId",
    ),
    Case(in_subnet(GROUP), [], "both are of one VPC"),
    Case(
        in_subnet(GROUP, "sg-gone", "sg-lost"),
        ["SECURITY_GROUPS_NOT_FOUND"],
        "all that EC2 does not have are named, in one flaw",
        "do not exist in us-east-1: sg-gone, sg-lost;",
    ),
    Case(
        in_subnet(GROUP, FOREIGN_GROUP),
        ["SECURITY_GROUPS_NOT_FOUND"],
        "EC2 refuses a launch over two VPCs",
        f"security groups are not in vpc-1, the VPC of {SUBNET}: {FOREIGN_GROUP};",
    ),
    Case(
        in_subnet(FOREIGN_GROUP, "sg-gone"),
        ["SECURITY_GROUPS_NOT_FOUND", "SECURITY_GROUPS_NOT_FOUND"],
        "one is of another VPC, of the other nobody knows the VPC",
        "do not exist in us-east-1: sg-gone;",
    ),
    Case(
        in_subnet(FOREIGN_GROUP, subnet="subnet-gone"),
        ["SUBNET_NOT_FOUND"],
        "of a subnet that is not there nobody knows the VPC",
    ),
    Case(
        in_subnet(GROUP, subnet=None),
        ["INVALID_PARAMETER"],
        "DRS takes security groups with a subnet only",
        "need a subnetId in force; set one",
    ),
    Case(TemplateSettings(profile="DB-Role"), [], "IAM has it"),
    Case(
        TemplateSettings(profile="nobody"),
        ["INVALID_PARAMETER"],
        "IAM does not have it",
        "instance profile nobody does not exist in the account; name one that does: aws iam list-instance-profiles",
    ),
    Case(TemplateSettings(profile="unseen"), [], "who may not look does not refuse"),
    Case(TemplateSettings(profile="not asked"), [], "nothing is concluded from what was not answered"),
    Case(
        TemplateSettings("z9.huge", "subnet-gone", ("sg-gone",), "nobody", "8.8.8.8"),
        [
            "INSTANCE_TYPE_UNAVAILABLE",
            "SUBNET_NOT_FOUND",
            "SECURITY_GROUPS_NOT_FOUND",
            "INVALID_PARAMETER",
            "IP_NOT_PRIVATE",
        ],
        "all that is wrong is told",
    ),
    Case(
        TemplateSettings(security_group_ids=(GROUP,), private_ip="10.0.1.7"),
        ["INVALID_PARAMETER", "INVALID_PARAMETER"],
        "both need a subnet",
        "securityGroupIds need",
    ),
]
ADDRESSES = [
    Case(address("10.0.1.0"), ["IP_RESERVED"], "/24: the network", "take one from 10.0.1.4 to 10.0.1.254"),
    Case(address("10.0.1.1"), ["IP_RESERVED"], "/24: the router"),
    Case(address("10.0.1.2"), ["IP_RESERVED"], "/24: DNS"),
    Case(address("10.0.1.3"), ["IP_RESERVED"], "/24: kept by AWS"),
    Case(address("10.0.1.4"), [], "/24: the first that AWS leaves"),
    Case(address("10.0.1.254"), [], "/24: the last that AWS leaves"),
    Case(address("10.0.1.255"), ["IP_RESERVED"], "/24: broadcast"),
    Case(address("10.0.0.255"), ["IP_OUT_OF_RANGE"], "/24: just before it"),
    Case(address("10.0.2.0"), ["IP_OUT_OF_RANGE"], "/24: just behind it", f"not in {SUBNET} (10.0.1.0/24)"),
    Case(address("100.64.0.15", SMALL), ["IP_OUT_OF_RANGE"], "/28: just before it"),
    Case(address("100.64.0.16", SMALL), ["IP_RESERVED"], "/28: the network", "from 100.64.0.20 to 100.64.0.30"),
    Case(address("100.64.0.19", SMALL), ["IP_RESERVED"], "/28: the fourth"),
    Case(address("100.64.0.20", SMALL), [], "/28: the first that AWS leaves"),
    Case(address("100.64.0.30", SMALL), [], "/28: the last that AWS leaves"),
    Case(address("100.64.0.31", SMALL), ["IP_RESERVED"], "/28: broadcast"),
    Case(address("100.64.0.32", SMALL), ["IP_OUT_OF_RANGE"], "/28: just behind it"),
    Case(address("172.15.255.255", LARGE), ["IP_NOT_PRIVATE"], "/16: just before it, and not private"),
    Case(address("172.16.0.3", LARGE), ["IP_RESERVED"], "/16: the fourth"),
    Case(address("172.16.0.4", LARGE), [], "/16: the first that AWS leaves"),
    Case(address("172.16.1.0", LARGE), [], "/16: zero in the middle is an address like any other"),
    Case(address("172.16.0.255", LARGE), [], "/16: so is 255"),
    Case(address("172.16.255.254", LARGE), [], "/16: the last that AWS leaves"),
    Case(address("172.16.255.255", LARGE), ["IP_RESERVED"], "/16: broadcast"),
    Case(address("172.17.0.0", LARGE), ["IP_OUT_OF_RANGE"], "/16: just behind it"),
    Case(address("10.0.1.5", V6), ["IP_OUT_OF_RANGE"], "the subnet has IPv6 alone", "subnet-v6 has no IPv4 addresses"),
    Case(address("8.8.8.8"), ["IP_NOT_PRIVATE"], "public", "in one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"),
    Case(address("169.254.1.1"), ["IP_NOT_PRIVATE"], "link-local addresses are not for interfaces"),
    Case(address("127.0.0.1"), ["IP_NOT_PRIVATE"], "nor is the loop"),
    Case(address("100.128.0.1"), ["IP_NOT_PRIVATE"], "just behind carrier-grade addresses"),
    Case(address("10.0.1.300"), ["IP_NOT_PRIVATE"], "no address at all", "10.0.1.300 is no IPv4 address"),
    Case(address("fd00::1"), ["IP_NOT_PRIVATE"], "IPv6"),
    Case(
        address("10.0.1.5", None),
        ["INVALID_PARAMETER"],
        "nobody knows where it would be",
        "staticPrivateIp 10.0.1.5 needs a subnetId in force",
    ),
    Case(address("10.0.1.5", "subnet-gone"), ["SUBNET_NOT_FOUND"], "one fault, told once"),
    Case(
        address("10.0.1.50"),
        ["IP_IN_USE"],
        "a stranger's instance has it",
        "in use by eni-stranger of i-stranger; free it, or take another address; see: aws ec2 "
        "describe-network-interfaces --region us-east-1 --network-interface-ids eni-stranger",
    ),
    Case(address("10.0.1.51"), [], "its own earlier instance goes when it is launched again"),
    Case(address("10.0.1.52"), ["IP_IN_USE"], "an interface of no instance has it", "in use by eni-loose;"),
    Case(address("10.0.1.53"), [], "what has the same address in another subnet is not in the way"),
    Case(address("100.64.0.21", SMALL), ["IP_IN_USE"], "in use in a small subnet, too"),
]


@pytest.mark.parametrize("case", [*THINGS, *ADDRESSES], ids=lambda case: case.because)
def test_what_is_wrong(case: Case) -> None:
    found = flaws(Wanted(template=case.template), TERRAIN, SERVER, "us-east-1", None)
    assert [failure.code for failure in found] == case.codes, case.because
    if case.says:
        assert case.says in found[0].message, case.because


@pytest.mark.parametrize("used", ["10.0.1.51", "10.0.1.52"])
def test_without_an_earlier_instance_no_interface_is_its_own(used: str) -> None:
    """Above all, an interface of no instance does not belong to a server without one."""
    never = replace(SERVER, recovery_instance_id=None)
    found = flaws(Wanted(template=address(used)), TERRAIN, never, "us-east-1", None)
    assert [failure.code for failure in found] == ["IP_IN_USE"]


@pytest.mark.parametrize(
    ("claimed", "holder"), [(RIVAL, "ProtectionGroup dr/web"), ("s-2", "server s-2")], ids=["other group", "own group"]
)
@pytest.mark.parametrize(
    ("text", "code", "because"),
    [
        ("10.0.1.7", "DUPLICATE_IP", "a claim counts though nothing has the address yet"),
        ("10.0.1.50", "DUPLICATE_IP", "the claim tells more than who has it now"),
        ("10.0.1.51", "DUPLICATE_IP", "its own earlier instance has it, and the next launch would be the other's"),
        ("10.0.1.3", "IP_RESERVED", "nobody can have it, whoever claims it"),
        ("10.0.2.7", "IP_OUT_OF_RANGE", "it must be changed in any case"),
    ],
)
def test_an_address_that_somebody_else_claims(
    claimed: Standing | str, holder: str, text: str, code: str, because: str
) -> None:
    (found,) = flaws(Wanted(template=address(text)), TERRAIN, SERVER, "us-east-1", claimed)
    assert found.code == code, because
    assert f"staticPrivateIp {text}" in found.message
    assert (f"claimed by {holder}; take another address" in found.message) == (code == "DUPLICATE_IP")


def test_a_claim_is_no_flaw_where_no_address_is_wanted() -> None:
    assert flaws(Wanted(template=TemplateSettings(subnet_id=SUBNET)), TERRAIN, SERVER, "us-east-1", RIVAL) == []


def test_two_servers_of_a_group_with_one_address_make_one_claim_and_one_flaw() -> None:
    """The CRD refuses it; this is the second line."""
    both = {"s-1": (SUBNET, "10.0.1.7"), "s-2": (SUBNET, "10.0.1.7")}
    place = Place("123456789012", "us-east-1")
    assert len({address_key(place, *where) for where in both.values()}) == 1
    second = doubles(both)
    wanted = Wanted(template=address("10.0.1.7"))
    codes = {i: [f.code for f in flaws(wanted, TERRAIN, SERVER, "us-east-1", second.get(i))] for i in both}
    assert codes == {"s-1": [], "s-2": ["DUPLICATE_IP"]}, "the first keeps it"


@pytest.mark.parametrize(
    ("cidr", "codes"),
    [
        ("10.0.1.4/30", ["IP_RESERVED"]),
        ("10.0.1.6/31", ["IP_RESERVED"]),
        ("10.0.1.7/32", ["IP_RESERVED"]),
        ("10.0.1.9/24", []),
        ("nonsense", ["IP_OUT_OF_RANGE"]),
    ],
)
def test_a_range_that_aws_never_has_breaks_nothing(cidr: str, codes: list[str]) -> None:
    terrain = replace(TERRAIN, subnets={SUBNET: Subnet("vpc-1", cidr)})
    found = flaws(Wanted(template=address("10.0.1.7")), terrain, SERVER, "us-east-1", None)
    assert [failure.code for failure in found] == codes


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
