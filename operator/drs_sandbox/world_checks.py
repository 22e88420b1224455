"""What no single field of a world file shows: what is there twice, what does not fit together, what AWS has not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from drs_sandbox.aws.catalog import SERVICES, operations, pages_of, regions
from drs_sandbox.world_text import Findings

if TYPE_CHECKING:
    from drs_sandbox.world import Fault, Region, Subnet, World

Finding = tuple[str, str]
_SMALLEST, _LARGEST = 28, 16
_RESERVED_AT_START = 4
_JOB_STARTERS = ("StartRecovery", "TerminateRecoveryInstances")


def check_world(world: World) -> None:
    """Raises Findings with everything that does not fit."""
    if findings := [*_of_world(world), *_of_faults(world.faults)]:
        raise Findings(findings)


def check_faults(faults: list[Fault]) -> None:
    """Raises Findings with every fault that could never act."""
    if findings := list(_of_faults(faults)):
        raise Findings(findings)


def _of_world(world: World) -> Iterator[Finding]:
    yield from _twice((f"accounts[{n}].id", account.id) for n, account in enumerate(world.accounts))
    for number, account in enumerate(world.accounts):
        path = f"accounts[{number}]"
        yield from _twice((f"{path}.roles[{n}].name", role.name) for n, role in enumerate(account.roles))
        its_regions = [(f"{path}.regions[{n}]", region) for n, region in enumerate(account.regions)]
        yield from _twice((f"{where}.name", region.name) for where, region in its_regions)
        yield from _twice(
            (f"{where}.sourceServers[{n}]", server.id)
            for where, region in its_regions
            for n, entry in enumerate(region.source_servers)
            for server in entry.expand()
        )
        for where, region in its_regions:
            yield from _of_region(where, region)


def _of_region(path: str, region: Region) -> Iterator[Finding]:
    if region.name not in regions():
        yield f"{path}.name", f"expected a Region of AWS, not {region.name!r}"
    for n, entry in enumerate(region.source_servers):
        if entry.origin is not None and entry.origin.region not in regions():
            yield f"{path}.sourceServers[{n}].origin.region", f"expected a Region of AWS, not {entry.origin.region!r}"
    yield from _twice((f"{path}.subnets[{n}].id", subnet.id) for n, subnet in enumerate(region.subnets))
    yield from _twice((f"{path}.securityGroups[{n}].id", group.id) for n, group in enumerate(region.security_groups))
    yield from _twice((f"{path}.instanceProfiles[{n}]", name) for n, name in enumerate(region.instance_profiles))
    yield from _networks(path, region.subnets)
    yield from _jobs(path, region)


def _networks(path: str, subnets: list[Subnet]) -> Iterator[Finding]:
    earlier: list[tuple[Subnet, ipaddress.IPv4Network]] = []
    for number, subnet in enumerate(subnets):
        where = f"{path}.subnets[{number}]"
        try:
            network = ipaddress.IPv4Network(subnet.cidr)
        except ValueError as error:
            yield f"{where}.cidr", f"expected an IPv4 network such as 10.0.1.0/24 ({error})"
            continue
        if not _LARGEST <= network.prefixlen <= _SMALLEST:
            yield f"{where}.cidr", f"expected a network of /{_LARGEST} to /{_SMALLEST}, as in EC2, not {subnet.cidr}"
        for other, its_network in earlier:
            if other.vpc_id == subnet.vpc_id and its_network.overlaps(network):
                yield f"{where}.cidr", f"expected a network that does not overlap {other.id} ({other.cidr})"
        earlier.append((subnet, network))
        yield from _twice((f"{where}.usedIps[{n}]", address) for n, address in enumerate(subnet.used_ips))
        for n, text in enumerate(subnet.used_ips):
            if not _usable(text, network):
                yield f"{where}.usedIps[{n}]", f"expected an address that instances can have in {network}, not {text!r}"


def _usable(text: str, network: ipaddress.IPv4Network) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    reserved = int(address) - int(network.network_address) < _RESERVED_AT_START
    return address in network and not reserved and address != network.broadcast_address


def _jobs(path: str, region: Region) -> Iterator[Finding]:
    known = {server.id for server in region.servers()}
    busy: set[str] = set()
    for number, job in enumerate(region.jobs):
        for n, server_id in enumerate(job.servers):
            where = f"{path}.jobs[{number}].servers[{n}]"
            if server_id not in known:
                yield where, f"expected a source server of {region.name}, not {server_id}"
            elif server_id in busy and job.status != "COMPLETED":
                yield where, f"expected a server in one running job at most, {server_id} is in two"
            if job.status != "COMPLETED":
                busy.add(server_id)


def _of_faults(faults: list[Fault]) -> Iterator[Finding]:
    for number, fault in enumerate(faults):
        if fault.operation is None:
            continue
        path, services = f"faults[{number}]", [fault.service] if fault.service else list(SERVICES.values())
        if not set(services) <= set(SERVICES.values()):
            yield f"{path}.service", f"expected one of {', '.join(SERVICES.values())}, not {fault.service!r}"
        elif not any(fault.operation in operations(service) for service in services):
            owner = fault.service or "a simulated service"
            yield f"{path}.operation", f"expected an operation of {owner}, not {fault.operation!r}"
        elif "hideJob" in fault.effects and fault.operation not in _JOB_STARTERS:
            yield f"{path}.effect", f"expected one of {', '.join(_JOB_STARTERS)} with hideJob, not {fault.operation}"
        elif "emptyPage" in fault.effects and not any(pages_of(service, fault.operation) for service in services):
            yield f"{path}.effect", f"expected an operation with pages for emptyPage, {fault.operation} has none"


def _twice(names: Iterable[Finding]) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, name in names:
        if name in seen:
            yield path, f"expected every one once, {name} is there twice"
        seen.add(name)
