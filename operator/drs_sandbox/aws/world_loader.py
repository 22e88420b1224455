"""Puts what a world file says about IAM and EC2 into moto: roles, networks with the ids given, origin instances."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from moto.ec2.models import ec2_backends, instances, security_groups, subnets, vpcs
from moto.iam.models import iam_backends

from drs_sandbox.aws.mends.status_checks import has_run_long
from drs_sandbox.aws.trust import trust_policy
from drs_sandbox.world import Account, Origin, Region, Subnet, World

_PARTITION = "aws"
_EC2_TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)
_FALLBACK_CIDR = "10.0.0.0/16"


def load_into_moto(world: World) -> None:
    """Loads roles, instance profiles, VPCs, subnets, security groups, used addresses and origin instances."""
    for account in world.accounts:
        _load_iam(account, world.hub_account)
        for region in account.regions:
            _load_network(account.id, region)
    for account in world.accounts:
        for region in account.regions:
            for server in region.servers():
                if server.origin is not None:
                    _load_origin(server.origin, server.hostname)


def _load_iam(account: Account, hub_account: str) -> None:
    backend = iam_backends[account.id][_PARTITION]
    for role in account.roles:
        _create_role(backend, role.name, trust_policy(hub_account, role.external_id))
    for profile in dict.fromkeys(name for region in account.regions for name in region.instance_profiles):
        if not any(role.name == profile for role in backend.roles.values()):
            _create_role(backend, profile, _EC2_TRUST)
        backend.create_instance_profile(profile, "/", [profile])


def _create_role(backend: Any, name: str, policy: str) -> None:
    backend.create_role(
        role_name=name,
        assume_role_policy_document=policy,
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration=None,
    )


def _load_network(account: str, region: Region) -> None:
    backend = ec2_backends[account][region.name]
    zones = [zone.name for zone in backend.describe_availability_zones()]
    vpc_ids = [subnet.vpc_id for subnet in region.subnets] + [group.vpc_id for group in region.security_groups]
    for vpc_id in dict.fromkeys(vpc_ids):
        _create_vpc(backend, vpc_id, [subnet for subnet in region.subnets if subnet.vpc_id == vpc_id])
    for number, subnet in enumerate(region.subnets):
        with _given_id(subnets, "random_subnet_id", subnet.id):
            backend.create_subnet(subnet.vpc_id, subnet.cidr, availability_zone=zones[number % len(zones)])
        for address in subnet.used_ips:
            backend.create_network_interface(subnet.id, address, description="in use before this world began")
    for group in region.security_groups:
        with _given_id(security_groups, "random_security_group_id", group.id):
            backend.create_security_group(group.id, "security group of the world file", vpc_id=group.vpc_id)


def _create_vpc(backend: Any, vpc_id: str, its_subnets: list[Subnet]) -> None:
    networks = [ipaddress.IPv4Network(subnet.cidr) for subnet in its_subnets]
    blocks = list(dict.fromkeys(str(network.supernet(new_prefix=16)) for network in networks)) or [_FALLBACK_CIDR]
    with _given_id(vpcs, "random_vpc_id", vpc_id):
        vpc = backend.create_vpc(blocks[0])
    for block in blocks[1:]:
        vpc.associate_vpc_cidr_block(block)


def _load_origin(origin: Origin, hostname: str) -> None:
    backend = ec2_backends[origin.account_id][origin.region]
    if backend.get_instance_by_id(origin.instance_id) is not None:
        return
    with _given_id(instances, "random_instance_id", origin.instance_id):
        reservation = backend.run_instances(
            image_id="ami-0000000000000000a",
            count=1,
            user_data=None,
            security_group_names=[],
            instance_type="m5.large",
            is_instance_type_default=False,
            region_name=origin.region,
            tags={"instance": {"Name": hostname, **origin.tags}},
        )
    has_run_long(reservation.instances[0])


@contextmanager
def _given_id(module: ModuleType, function: str, value: str) -> Iterator[None]:
    """moto draws ids at random and takes none: for the time of a creation the draw is ours."""
    original = getattr(module, function)
    setattr(module, function, lambda: value)
    try:
        yield
    finally:
        setattr(module, function, original)
