"""What is checked before launch settings are written: that EC2 has what they name, and that an address can be taken."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drs_operator.planning.claims import Standing
from drs_operator.planning.facts import Failure, SourceServer
from drs_operator.planning.launch_settings import TemplateSettings, Wanted

PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""Where a static address may be, as the CRD has it; the last are carrier-grade addresses, which VPCs may use."""
RESERVED_FIRST = 4
"""AWS keeps the first four addresses of a subnet, and its last."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the settings of some servers name; only this is asked of EC2 and IAM."""

    instance_types: frozenset[str] = frozenset()
    subnet_ids: frozenset[str] = frozenset()
    security_group_ids: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()
    """ARNs or names."""
    addresses: frozenset[tuple[str, str]] = frozenset()
    """Subnet and address."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet as EC2 has it."""

    vpc_id: str
    cidr: str
    """Its IPv4 range; empty for a subnet of IPv6 alone."""


@dataclass(frozen=True, slots=True)
class Interface:
    """The network interface that has an address."""

    interface_id: str
    instance_id: str | None


@dataclass(frozen=True, slots=True)
class Terrain:
    """What EC2 and IAM have of what was asked."""

    instance_types: frozenset[str] = frozenset()
    """Those offered in the Region."""
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    security_groups: Mapping[str, str] = field(default_factory=dict)
    """VPC by security group."""
    profiles: Mapping[str, bool | None] = field(default_factory=dict)
    """Whether each exists; None: the role may not look."""
    interfaces: Mapping[tuple[str, str], Interface] = field(default_factory=dict)
    """Who has an address, by subnet and address."""


def question(wanted: Iterable[Wanted]) -> Question:
    """What has to be asked for these settings."""
    templates = [settings.template for settings in wanted]
    return Question(
        instance_types=frozenset(t.instance_type for t in templates if t.instance_type),
        subnet_ids=frozenset(t.subnet_id for t in templates if t.subnet_id),
        security_group_ids=frozenset(g for t in templates for g in t.security_group_ids or ()),
        profiles=frozenset(t.profile for t in templates if t.profile),
        addresses=frozenset((t.subnet_id, t.private_ip) for t in templates if t.subnet_id and t.private_ip),
    )


def doubles(addresses: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Of servers with the same address, by id: which server before them has it. `addresses`: subnet and address."""
    first: dict[tuple[str, str], str] = {}
    return {
        server_id: first[address]
        for server_id, address in sorted(addresses.items())
        if first.setdefault(address, server_id) != server_id
    }


def flaws(
    wanted: Wanted, terrain: Terrain, server: SourceServer, region: str, claimed: Standing | str | None
) -> list[Failure]:
    """All that is wrong with the settings of a server.

    `claimed`: who else has its static address: another group by its claim, or a server of the same group by its id.
    """
    template = wanted.template
    found = [*_instance_type(template, terrain, region), *network(template, terrain, region)]
    if template.profile is not None and terrain.profiles.get(template.profile) is False:
        found.append(
            Failure(
                "INVALID_PARAMETER",
                f"instance profile {template.profile} does not exist in the account; name one that does: aws iam "
                "list-instance-profiles",
            )
        )
    return [*found, *_address(template, terrain, server, region, claimed)]


def _instance_type(template: TemplateSettings, terrain: Terrain, region: str) -> list[Failure]:
    wanted = template.instance_type
    if wanted is None or wanted in terrain.instance_types:
        return []
    return [
        Failure(
            "INSTANCE_TYPE_UNAVAILABLE",
            f"instanceType {wanted} is not offered in {region}; choose another: aws ec2 "
            f"describe-instance-type-offerings --region {region}",
        )
    ]


def network(template: TemplateSettings, terrain: Terrain, region: str) -> list[Failure]:
    """What is wrong with subnet and security groups."""
    groups, subnet_id = template.security_group_ids or (), template.subnet_id
    look_for_groups = f"aws ec2 describe-security-groups --region {region}"
    found = []
    subnet = terrain.subnets.get(subnet_id) if subnet_id else None
    if subnet_id is not None and subnet is None:
        look = f"aws ec2 describe-subnets --region {region}"
        message = f"subnet {subnet_id} does not exist in {region}; correct subnetId, see: {look}"
        found.append(Failure("SUBNET_NOT_FOUND", message))
    if absent := [group for group in groups if group not in terrain.security_groups]:
        message = f"security groups do not exist in {region}: {', '.join(absent)}; correct securityGroupIds, see: "
        found.append(Failure("SECURITY_GROUPS_NOT_FOUND", message + look_for_groups))
    if groups and subnet_id is None:
        found.append(Failure("INVALID_PARAMETER", "securityGroupIds need a subnetId in force; set one"))
    elif subnet is not None:
        vpc_of = terrain.security_groups
        if strangers := [group for group in groups if group in vpc_of and vpc_of[group] != subnet.vpc_id]:
            message = (
                f"security groups are not in {subnet.vpc_id}, the VPC of {subnet_id}: {', '.join(strangers)}; use "
                f"groups of that VPC: {look_for_groups} --filters Name=vpc-id,Values={subnet.vpc_id}"
            )
            found.append(Failure("SECURITY_GROUPS_NOT_FOUND", message))
    return found


def _address(
    template: TemplateSettings, terrain: Terrain, server: SourceServer, region: str, claimed: Standing | str | None
) -> list[Failure]:
    """The first thing that is wrong with a static address: each speaks of one that the ones before it let pass."""
    text, subnet_id = template.private_ip, template.subnet_id
    if text is None:
        return []
    if subnet_id is None:
        return [Failure("INVALID_PARAMETER", f"staticPrivateIp {text} needs a subnetId in force; set one")]
    if (failure := _not_private(text)) is not None:
        return [failure]
    subnet = terrain.subnets.get(subnet_id)
    if subnet is None:
        return []  # told already
    if (failure := _misplaced(text, subnet_id, subnet.cidr)) is not None:
        return [failure]
    if claimed is not None:
        holder = f"server {claimed}" if isinstance(claimed, str) else f"ProtectionGroup {claimed.owner}"
        message = f"staticPrivateIp {text} of {subnet_id} is claimed by {holder}; take another address"
        return [Failure("DUPLICATE_IP", message)]
    user = terrain.interfaces.get((subnet_id, text))
    if user is not None and (user.instance_id is None or user.instance_id != server.recovery_instance_id):
        by = f"{user.interface_id} of {user.instance_id}" if user.instance_id else user.interface_id
        look = f"aws ec2 describe-network-interfaces --region {region} --network-interface-ids {user.interface_id}"
        message = f"staticPrivateIp {text} is in use by {by}; free it, or take another address; see: {look}"
        return [Failure("IP_IN_USE", message)]
    return []


def _not_private(text: str) -> Failure | None:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return Failure("IP_NOT_PRIVATE", f"staticPrivateIp {text} is no IPv4 address; correct it")
    if any(address in private for private in PRIVATE):
        return None
    ranges = ", ".join(map(str, PRIVATE))
    return Failure("IP_NOT_PRIVATE", f"staticPrivateIp {text} is not private; take an address in one of {ranges}")


def _misplaced(text: str, subnet_id: str, cidr: str) -> Failure | None:
    address = ipaddress.IPv4Address(text)
    try:
        network = ipaddress.IPv4Network(cidr, strict=False)
    except ValueError:
        message = f"staticPrivateIp {text}: {subnet_id} has no IPv4 addresses; take another subnet"
        return Failure("IP_OUT_OF_RANGE", message)
    if address not in network:
        message = f"staticPrivateIp {text} is not in {subnet_id} ({cidr}); take an address of it, or another subnet"
        return Failure("IP_OUT_OF_RANGE", message)
    if int(address) - int(network.network_address) < RESERVED_FIRST or address == network.broadcast_address:
        first, last = network.network_address + RESERVED_FIRST, network.broadcast_address - 1
        message = f"staticPrivateIp {text} is reserved by AWS in {subnet_id}; take one from {first} to {last}"
        return Failure("IP_RESERVED", message)
    return None
