"""A static address in a launch template: a server's next launch has it again, whatever stands in its way by then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.aws.worlds import GROUP, ONE, OTHER_SERVER, SERVER, SUBNET
from tests.contract.simulated_aws import SimulatedAws

ADDRESS = "10.0.1.120"


def _template_with(aws: SimulatedAws, server_id: str, address: str) -> None:
    """As the operator does it: right-sizing off, then a version from the default one, made the default."""
    drs, ec2 = aws.client("drs", ONE), aws.client("ec2", ONE)
    drs.update_launch_configuration(
        sourceServerID=server_id, targetInstanceTypeRightSizingMethod="NONE", copyPrivateIp=False
    )
    template = drs.get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]
    interface = {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP], "PrivateIpAddress": address}
    version = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="$Default", LaunchTemplateData={"NetworkInterfaces": [interface]}
    )["LaunchTemplateVersion"]["VersionNumber"]
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))


def _launch(aws: SimulatedAws, server_id: str) -> str:
    """A drill of one server; its status."""
    drs = aws.client("drs", ONE)
    job = drs.start_recovery(sourceServers=[{"sourceServerID": server_id}], isDrill=True)["job"]["jobID"]
    aws.advance(1200)
    aws.renew_sessions()
    (shown,) = aws.client("drs", ONE).describe_jobs(filters={"jobIDs": [job]})["items"]
    return str(shown["participatingServers"][0]["launchStatus"])


def _instance(aws: SimulatedAws, server_id: str) -> dict[str, Any]:
    (found,) = aws.client("drs", ONE).describe_recovery_instances(filters={"sourceServerIDs": [server_id]})["items"]
    (reservation,) = aws.client("ec2", ONE).describe_instances(InstanceIds=[found["ec2InstanceID"]])["Reservations"]
    instance: dict[str, Any] = reservation["Instances"][0]
    return instance


def _holders(aws: SimulatedAws, address: str) -> list[str]:
    """Instances whose interface has the address."""
    named = [
        {"Name": "subnet-id", "Values": [SUBNET]},
        {"Name": "addresses.private-ip-address", "Values": [address]},
    ]
    found = aws.client("ec2", ONE).describe_network_interfaces(Filters=named)["NetworkInterfaces"]
    return [str(interface["Attachment"]["InstanceId"]) for interface in found]


@pytest.fixture
def launched(aws: SimulatedAws) -> dict[str, Any]:
    """The recovery instance of a server with a static address."""
    _template_with(aws, SERVER, ADDRESS)
    assert _launch(aws, SERVER) == "LAUNCHED"
    return _instance(aws, SERVER)


def test_the_earlier_instance_of_the_server_makes_room(aws: SimulatedAws, launched: dict[str, Any]) -> None:
    assert launched["PrivateIpAddress"] == ADDRESS
    assert _holders(aws, ADDRESS) == [launched["InstanceId"]]
    assert _launch(aws, SERVER) == "LAUNCHED"
    second = _instance(aws, SERVER)
    assert second["InstanceId"] != launched["InstanceId"]
    assert second["PrivateIpAddress"] == ADDRESS
    assert _holders(aws, ADDRESS) == [second["InstanceId"]]


def test_the_instance_of_another_server_does_not(aws: SimulatedAws, launched: dict[str, Any]) -> None:
    _template_with(aws, OTHER_SERVER, ADDRESS)
    assert _launch(aws, OTHER_SERVER) == "FAILED"
    assert _holders(aws, ADDRESS) == [launched["InstanceId"]]
