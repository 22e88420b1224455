"""From a source server's EC2 launch template to its recovery instance.

DRS makes one launch template per source server and launches from the version that is the default at that moment.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from drs_sandbox.drs.ports import Instance, InstanceLaunch, LaunchRejected, TemplateVersion
from drs_sandbox.drs.simulation import Simulation
from drs_sandbox.drs.state import RegionState, SourceServer

MANAGED_TAG = "AWSElasticDisasterRecoveryManaged"
SOURCE_SERVER_TAG = "AWSElasticDisasterRecoverySourceServerID"
LAUNCH_INTO_TAG = ("AWSDRS", "AllowLaunchingIntoThisInstance")
RIGHT_SIZING_SECONDS = 5400.0
MANAGED_BY = "drs.amazonaws.com"


def first_template_data(hostname: str, server_id: str, instance_type: str, user_data: str | None) -> dict[str, Any]:
    """The data of version 1 of a new source server's launch template."""
    data: dict[str, Any] = {
        "InstanceType": instance_type,
        "NetworkInterfaces": [{"DeviceIndex": 0, "DeleteOnTermination": True}],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": hostname}, *_managed_tags(server_id)]}
        ],
    }
    if user_data is not None:
        data["UserData"] = base64.b64encode(user_data.encode()).decode()
    return data


def create_template(simulation: Simulation, server: SourceServer, user_data: str | None = None) -> str:
    """Creates a source server's launch template; returns its id."""
    data = first_template_data(server.hostname, server.id, server.instance_type, user_data)
    tags = {MANAGED_TAG: MANAGED_BY, SOURCE_SERVER_TAG: server.id}
    return simulation.ec2.create_launch_template(
        server.account, server.region, f"created-and-used-by-drs-{server.id}", data, tags
    )


def write_default_version(simulation: Simulation, server: SourceServer, changes: Mapping[str, Any]) -> bool:
    """Adds a version, the default's data with changes, and makes it the default; False when there is no template."""
    current = default_version(simulation, server)
    if current is None:
        return False
    data = {**deepcopy(dict(current.data)), **changes}
    simulation.ec2.add_template_version(server.account, server.region, server.template_id, data, make_default=True)
    return True


def default_version(simulation: Simulation, server: SourceServer) -> TemplateVersion | None:
    """The version of a source server's launch template that is the default now."""
    return simulation.ec2.default_template_version(server.account, server.region, server.template_id)


def right_size(simulation: Simulation, server: SourceServer) -> None:
    """With right-sizing on, DRS's choice of an instance type overwrites whatever the template says."""
    if server.launch_settings.right_sizing == "NONE":
        return
    current = default_version(simulation, server)
    if current is not None and current.data.get("InstanceType") != server.instance_type:
        write_default_version(simulation, server, {"InstanceType": server.instance_type})


def start_right_sizing(simulation: Simulation) -> None:
    """Looks at all launch templates every 90 minutes of progress, the longest that right-sizing takes on AWS."""

    def sweep() -> None:
        for server in simulation.servers():
            right_size(simulation, server)
        simulation.clock.call_later(RIGHT_SIZING_SECONDS, sweep)

    simulation.clock.call_later(RIGHT_SIZING_SECONDS, sweep)


def launch_from_template(simulation: Simulation, region: RegionState, server: SourceServer) -> Instance:
    """Makes the recovery instance. Raises LaunchRejected with what EC2 says."""
    right_size(simulation, server)
    version = default_version(simulation, server)
    if version is None:
        raise LaunchRejected(
            f"InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID {server.template_id}, "
            "does not exist."
        )
    settings = server.launch_settings
    if settings.launch_into_instance_id:
        return _launch_into(simulation, region, settings.launch_into_instance_id)
    tags = dict(server.tags) if settings.copy_tags else {}
    tags |= _template_tags(version.data)
    tags |= {MANAGED_TAG: MANAGED_BY, SOURCE_SERVER_TAG: server.id}
    return simulation.ec2.run_instance(
        region.account,
        region.name,
        InstanceLaunch(
            template_id=server.template_id,
            version=version,
            tags=tags,
            private_ip=server.private_ip if settings.copy_private_ip else None,
            started=settings.launch_disposition == "STARTED",
        ),
    )


def _launch_into(simulation: Simulation, region: RegionState, instance_id: str) -> Instance:
    """Puts the volumes into an instance that is stopped and allows it, and starts it."""
    instance = simulation.ec2.instance(region.account, region.name, instance_id)
    if instance is None or instance.state == "terminated":
        raise LaunchRejected(f"InvalidInstanceID.NotFound: The instance ID '{instance_id}' does not exist")
    key, value = LAUNCH_INTO_TAG
    if instance.tags.get(key) != value:
        raise LaunchRejected(f"The instance {instance_id} does not carry the tag {key}={value}")
    if instance.state != "stopped":
        raise LaunchRejected(f"IncorrectInstanceState: The instance '{instance_id}' is not in a stopped state")
    simulation.ec2.start_instance(region.account, region.name, instance_id)
    return simulation.ec2.instance(region.account, region.name, instance_id) or instance


def _template_tags(data: Mapping[str, Any]) -> dict[str, str]:
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in data.get("TagSpecifications", ())
        if specification.get("ResourceType") == "instance"
        for tag in specification.get("Tags", ())
    }


def _managed_tags(server_id: str) -> list[dict[str, str]]:
    return [{"Key": MANAGED_TAG, "Value": MANAGED_BY}, {"Key": SOURCE_SERVER_TAG, "Value": server_id}]
