"""Private addresses: one network interface each, inside the subnet, none of those that AWS reserves.

moto accepts an address twice, hands out random ones that may be taken, keeps the primary interface of a terminated
instance, makes up security groups that do not exist, does not show the interface's groups as the instance's, and does
not find interfaces by their secondary addresses.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidSecurityGroupNotFoundError
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.ec2.models.instances import Instance
from moto.ec2.models.subnets import Subnet

_RESERVED_AT_START = 4


def mend_addresses() -> None:
    """Makes the network interfaces of EC2 the one truth about addresses."""
    Subnet.request_ip = lambda self, ip, instance: _check_free(self, ip)
    Subnet.get_available_subnet_ip = lambda self, instance: _free_address(self)
    Instance.prep_nics = _one_with_the_instance(Instance.prep_nics)
    NetworkInterfaceBackend.create_network_interface = _checked(NetworkInterfaceBackend.create_network_interface)
    NetworkInterfaceBackend.get_all_network_interfaces = _by_any_address(
        NetworkInterfaceBackend.get_all_network_interfaces
    )


def _by_any_address(original: Any) -> Any:
    @functools.wraps(original)
    def get_all_network_interfaces(self: Any, eni_ids: Any = None, filters: Any = None) -> Any:
        rest = dict(filters or {})
        wanted = rest.pop("addresses.private-ip-address", None)
        return [
            interface
            for interface in original(self, eni_ids, rest)
            if wanted is None or any(item["PrivateIpAddress"] in wanted for item in interface.private_ip_addresses)
        ]

    return get_all_network_interfaces


def _checked(original: Any) -> Any:
    @functools.wraps(original)
    def create(
        self: Any,
        subnet: Any,
        private_ip_address: Any,
        private_ip_addresses: Any = None,
        group_ids: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        subnet = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        wanted = [item["PrivateIpAddress"] if isinstance(item, dict) else item for item in private_ip_addresses or []]
        if private_ip_address:
            wanted.append(private_ip_address)
        for address in dict.fromkeys(wanted):
            _check_free(subnet, address)
        for group_id in group_ids or []:
            _check_group(self, group_id, subnet)
        if not wanted:
            private_ip_address = _free_address(subnet)
        return original(self, subnet, private_ip_address, private_ip_addresses, group_ids, *args, **kwargs)

    return create


def _one_with_the_instance(original: Any) -> Any:
    @functools.wraps(original)
    def prep_nics(self: Any, nic_spec: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        kept = {int(nic["DeviceIndex"]) for nic in nic_spec if nic.get("DeleteOnTermination") is False}
        brought = {int(nic["DeviceIndex"]) for nic in nic_spec if nic.get("NetworkInterfaceId")}
        original(self, nic_spec, *args, **kwargs)
        for index, interface in self.nics.items():
            if index not in kept | brought:
                interface.delete_on_termination = True
        if not self.security_groups and 0 in self.nics:
            self.security_groups = list(self.nics[0].group_set)

    return prep_nics


def _used(subnet: Any) -> set[str]:
    return {
        address["PrivateIpAddress"]
        for interface in subnet.ec2_backend.enis.values()
        if interface.subnet.id == subnet.id
        for address in interface.private_ip_addresses
    }


def _reserved(subnet: Any, address: Any) -> bool:
    return bool(
        int(address) - int(subnet.cidr.network_address) < _RESERVED_AT_START or address == subnet.cidr.broadcast_address
    )


def _check_free(subnet: Any, text: str) -> None:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise EC2ClientError("InvalidParameterValue", f"Invalid IPv4 address: {text}") from None
    if address not in subnet.cidr:
        raise EC2ClientError("InvalidParameterValue", f"Address {text} does not fall within the subnet's address range")
    if _reserved(subnet, address):
        raise EC2ClientError("InvalidParameterValue", f"Address {text} is in subnet's reserved address range")
    if text in _used(subnet):
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {text} is in use.")


def _free_address(subnet: Any) -> str:
    used = _used(subnet)
    for address in subnet.cidr:
        if not _reserved(subnet, address) and str(address) not in used:
            return str(address)
    raise EC2ClientError(
        "InsufficientFreeAddressesInSubnet",
        f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of instances.",
    )


def _check_group(backend: Any, group_id: str, subnet: Any) -> None:
    group = backend.get_security_group_from_id(group_id)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(group_id)
    if group.vpc_id != subnet.vpc_id:
        raise EC2ClientError(
            "InvalidParameter", f"Security group {group_id} and subnet {subnet.id} belong to different networks."
        )
