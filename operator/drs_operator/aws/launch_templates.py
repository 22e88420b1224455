"""The data of EC2 launch templates: the settings that are managed, read from it, and what a new version has to say.

A new version is based on another one (`SourceVersion`): EC2 takes over every parameter that the request leaves out, and
replaces those that it names as a whole. So only the parameters that change are named, and of the network interfaces
the whole list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_operator.planning.launch_settings import TemplateSettings
from drs_operator.ports import ReadFailed

Data = Mapping[str, Any]


def settings_of(data: Data) -> TemplateSettings:
    """The managed settings of a version's data."""
    interface = _first(data.get("NetworkInterfaces") or [])
    profile = data.get("IamInstanceProfile") or {}
    groups = (interface or {}).get("Groups") or data.get("SecurityGroupIds") or []
    return TemplateSettings(
        instance_type=data.get("InstanceType"),
        subnet_id=(interface or {}).get("SubnetId"),
        security_group_ids=tuple(sorted(groups)),
        profile=profile.get("Arn") or profile.get("Name"),
        private_ip=_address(interface or {}),
    )


def changed(data: Data, change: TemplateSettings, template_id: str) -> dict[str, Any]:
    """The parameters of a version that is based on this data. Raises ReadFailed where EC2 could not launch from it."""
    named: dict[str, Any] = {}
    if change.instance_type is not None:
        if data.get("InstanceRequirements"):
            raise _obstacle(template_id, "chooses instance types by InstanceRequirements, which exclude instanceType")
        named["InstanceType"] = change.instance_type
    if change.profile is not None:
        named["IamInstanceProfile"] = {"Arn" if change.profile.startswith("arn:") else "Name": change.profile}
    if (change.subnet_id, change.security_group_ids, change.private_ip) != (None, None, None):
        named["NetworkInterfaces"] = _interfaces(data, change, template_id)
    return named


def _interfaces(data: Data, change: TemplateSettings, template_id: str) -> list[dict[str, Any]]:
    """All network interfaces as they are, the first one with the change."""
    interfaces = [_as_request(interface) for interface in data.get("NetworkInterfaces") or []]
    first = _first(interfaces)
    if first is None:
        if data.get("SecurityGroupIds") or data.get("SecurityGroups"):
            raise _obstacle(template_id, "has security groups outside of a network interface, which exclude one")
        first = {"DeviceIndex": 0}
        interfaces.insert(0, first)
    if first.get("NetworkInterfaceId"):
        raise _obstacle(template_id, f"attaches the existing network interface {first['NetworkInterfaceId']}")
    moved = change.subnet_id is not None and first.get("SubnetId") not in (None, change.subnet_id)
    if change.subnet_id is not None:
        first["SubnetId"] = change.subnet_id
    if change.security_group_ids is not None:
        first["Groups"] = list(change.security_group_ids)
    if change.private_ip is not None or moved:  # an address of the old subnet cannot be had in the new one
        first.pop("PrivateIpAddress", None)
        others = [] if moved else [a for a in first.get("PrivateIpAddresses") or [] if not a.get("Primary")]
        first.pop("PrivateIpAddresses", None)
        if others:
            first["PrivateIpAddresses"] = others
    if change.private_ip is not None:
        first["PrivateIpAddress"] = change.private_ip
    return interfaces


def _as_request(interface: Data) -> dict[str, Any]:
    """What EC2 answers of an interface, as it takes it: only of IPv6 addresses it tells more than it takes."""
    taken = dict(interface)
    if "Ipv6Addresses" in taken:
        taken["Ipv6Addresses"] = [{"Ipv6Address": item["Ipv6Address"]} for item in taken["Ipv6Addresses"]]
    return taken


def _first(interfaces: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one with device index 0, which DRS launches with."""
    return next((interface for interface in interfaces if int(interface.get("DeviceIndex") or 0) == 0), None)


def _address(interface: Data) -> str | None:
    primary = (a.get("PrivateIpAddress") for a in interface.get("PrivateIpAddresses") or [] if a.get("Primary"))
    return interface.get("PrivateIpAddress") or next(primary, None)


def _obstacle(template_id: str, what: str) -> ReadFailed:
    return ReadFailed(
        "INVALID_PARAMETER",
        f"launch template {template_id} {what}; take that out of its default version, or the setting out of the group; "
        f"see: aws ec2 describe-launch-template-versions --launch-template-id {template_id} --versions '$Default'",
    )
