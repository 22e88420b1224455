"""The world file's accounts in EC2 and IAM: what it names is there, with its ids, and in its own account and Region."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.worlds import GROUP, ONE, ORIGIN, ROLE, SERVER, SUBNET, TWO
from tests.contract.simulated_aws import SimulatedAws


def test_networks_have_the_ids_of_the_world_file(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    subnet = ec2.describe_subnets(SubnetIds=[SUBNET])["Subnets"][0]
    assert (subnet["VpcId"], subnet["CidrBlock"], subnet["OwnerId"]) == ("vpc-0aaa1111", "10.0.1.0/24", ONE)
    group = ec2.describe_security_groups(GroupIds=[GROUP])["SecurityGroups"][0]
    assert (group["VpcId"], group["OwnerId"]) == ("vpc-0aaa1111", ONE)
    assert ec2.describe_vpcs(VpcIds=["vpc-0bbb1111"])["Vpcs"], "named by a security group only"


def test_subnets_of_one_vpc_may_lie_far_apart(aws: SimulatedAws) -> None:
    vpc = aws.client("ec2", ONE).describe_vpcs(VpcIds=["vpc-0aaa1111"])["Vpcs"][0]
    blocks = {block["CidrBlock"] for block in vpc["CidrBlockAssociationSet"]}
    assert blocks == {"10.0.0.0/16", "10.1.0.0/16"}


def test_used_addresses_are_network_interfaces(aws: SimulatedAws) -> None:
    found = aws.client("ec2", ONE).describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": [SUBNET]}, {"Name": "private-ip-address", "Values": ["10.0.1.17"]}]
    )["NetworkInterfaces"]
    assert [interface["PrivateIpAddress"] for interface in found] == ["10.0.1.17"]
    subnet = aws.client("ec2", ONE).describe_subnets(SubnetIds=[SUBNET])["Subnets"][0]
    assert subnet["AvailableIpAddressCount"] == 256 - 5 - 1


def test_roles_and_instance_profiles_are_in_iam(aws: SimulatedAws) -> None:
    iam = aws.client("iam", ONE)
    assert ROLE in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    profile = iam.get_instance_profile(InstanceProfileName="DB-Role")["InstanceProfile"]
    assert profile["Arn"] == f"arn:aws:iam::{ONE}:instance-profile/DB-Role"


def test_origin_instances_run_in_their_own_region_with_their_tags(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE, "eu-west-1")
    instance = ec2.describe_instances(InstanceIds=[ORIGIN])["Reservations"][0]["Instances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags == {"Name": "db-01", "Owner": "payments"}
    assert instance["State"]["Name"] == "running"
    status = ec2.describe_instance_status(InstanceIds=[ORIGIN])["InstanceStatuses"][0]
    assert status["InstanceStatus"]["Status"] == "ok", "it has been up since before the world began"


def test_launch_templates_of_source_servers_hold_what_the_world_file_says(aws: SimulatedAws) -> None:
    template_id = aws.client("drs", ONE).get_launch_configuration(sourceServerID=SERVER)["ec2LaunchTemplateID"]
    version = aws.client("ec2", ONE).describe_launch_template_versions(
        LaunchTemplateId=template_id, Versions=["$Default"]
    )["LaunchTemplateVersions"][0]
    data = version["LaunchTemplateData"]
    assert data["InstanceType"] == "m5.xlarge"
    assert base64.b64decode(data["UserData"]).decode() == "echo hello"


@pytest.mark.parametrize(
    ("account", "region"),
    [
        pytest.param(TWO, "us-east-1", id="another account"),
        pytest.param(ONE, "us-west-2", id="another Region"),
        pytest.param(None, "us-east-1", id="the hub"),
    ],
)
def test_nothing_of_it_is_seen_elsewhere(aws: SimulatedAws, account: str | None, region: str) -> None:
    with pytest.raises(ClientError) as refused:
        aws.client("ec2", account, region).describe_subnets(SubnetIds=[SUBNET])
    assert refused.value.response["Error"]["Code"] == "InvalidSubnetID.NotFound"


def test_accounts_and_regions_are_kept_apart_in_every_service(aws: SimulatedAws) -> None:
    places: list[tuple[str, str]] = [(ONE, "us-east-1"), (ONE, "us-west-2"), (TWO, "us-east-1")]
    for account, region in places:
        aws.client("sns", account, region).create_topic(Name=f"topic-{account}-{region}")
        aws.client("ssm", account, region).put_parameter(Name=f"/{account}/{region}", Value="x", Type="String")
    for account, region in places:
        topics: list[Any] = aws.client("sns", account, region).list_topics()["Topics"]
        assert [topic["TopicArn"] for topic in topics] == [f"arn:aws:sns:{region}:{account}:topic-{account}-{region}"]
        parameters = aws.client("ssm", account, region).describe_parameters()["Parameters"]
        assert [parameter["Name"] for parameter in parameters] == [f"/{account}/{region}"]
