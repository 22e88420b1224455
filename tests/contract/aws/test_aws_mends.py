"""What is put right about moto's EC2; one test, or more, for each mend."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_sandbox.aws.mends.status_checks import STATUS_CHECK_SECONDS
from tests.contract.aws.worlds import GROUP, ONE, OTHER_SERVER, SERVER, SUBNET
from tests.contract.simulated_aws import SimulatedAws

SMALL_SUBNET = "subnet-0aaa2222"
USER_DATA = base64.b64encode(b"echo hello").decode()


def _run(ec2: Any, **parameters: Any) -> dict[str, Any]:
    wanted = {"ImageId": "ami-12345678", "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1, **parameters}
    instance: dict[str, Any] = ec2.run_instances(**wanted)["Instances"][0]
    return instance


def _error(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("10.0.1.17", "InvalidIPAddress.InUse", "Address 10.0.1.17 is in use."),
        ("10.0.1.3", "InvalidParameterValue", "Address 10.0.1.3 is in subnet's reserved address range"),
        ("10.0.1.255", "InvalidParameterValue", "Address 10.0.1.255 is in subnet's reserved address range"),
        ("10.0.2.17", "InvalidParameterValue", "Address 10.0.2.17 does not fall within the subnet's address range"),
    ],
)
def test_an_address_that_cannot_be_had_is_refused(aws: SimulatedAws, address: str, code: str, message: str) -> None:
    ec2 = aws.client("ec2", ONE)
    before = ec2.describe_instances()["Reservations"]
    for create in (
        lambda: ec2.create_network_interface(SubnetId=SUBNET, PrivateIpAddress=address),
        lambda: _run(ec2, SubnetId=SUBNET, PrivateIpAddress=address),
        lambda: _run(ec2, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": SUBNET, "PrivateIpAddress": address}]),
    ):
        with pytest.raises(ClientError) as refused:
            create()
        assert _error(refused) == (code, message)
    assert ec2.describe_instances()["Reservations"] == before, "a refused launch leaves nothing behind"


def test_an_address_is_free_again_when_its_instance_is_terminated(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    first = _run(ec2, SubnetId=SUBNET, PrivateIpAddress="10.0.1.50")
    with pytest.raises(ClientError):
        _run(ec2, SubnetId=SUBNET, PrivateIpAddress="10.0.1.50")
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    assert _run(ec2, SubnetId=SUBNET, PrivateIpAddress="10.0.1.50")["PrivateIpAddress"] == "10.0.1.50"


def test_addresses_run_out(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    given = [_run(ec2, SubnetId=SMALL_SUBNET)["PrivateIpAddress"] for _ in range(16 - 5)]
    assert len(set(given)) == 11
    with pytest.raises(ClientError) as refused:
        _run(ec2, SubnetId=SMALL_SUBNET)
    assert _error(refused)[0] == "InsufficientFreeAddressesInSubnet"


def test_an_instance_without_a_subnet_goes_to_the_default_one(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    instance = _run(ec2)
    subnet = ec2.describe_subnets(SubnetIds=[instance["SubnetId"]])["Subnets"][0]
    assert subnet["DefaultForAz"] is True


@pytest.mark.parametrize(
    ("group", "code"),
    [
        pytest.param("sg-0123456789abcdef0", "InvalidGroup.NotFound", id="unknown"),
        pytest.param("sg-0bbb1111", "InvalidParameter", id="of another VPC"),
    ],
)
def test_security_groups_must_exist_in_the_vpc(aws: SimulatedAws, group: str, code: str) -> None:
    ec2 = aws.client("ec2", ONE)
    with pytest.raises(ClientError) as refused:
        _run(ec2, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [group]}])
    assert _error(refused)[0] == code
    placed = _run(ec2, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP]}])
    assert [item["GroupId"] for item in placed["SecurityGroups"]] == [GROUP]


def test_an_instance_type_must_exist(aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as refused:
        _run(aws.client("ec2", ONE), InstanceType="m99.large")
    assert _error(refused)[0].startswith("InvalidInstanceType")


def test_status_checks_initialize_first_and_again_after_a_stop(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    instance_id = _run(ec2, SubnetId=SUBNET)["InstanceId"]

    def checks() -> set[str]:
        status = ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]
        details = {detail["Status"] for detail in status["InstanceStatus"]["Details"]}
        return {status["InstanceStatus"]["Status"], status["SystemStatus"]["Status"], *details}

    assert checks() == {"initializing"}
    aws.advance(STATUS_CHECK_SECONDS - 10)
    assert checks() == {"initializing"}
    aws.advance(10)
    assert checks() == {"ok", "passed"}
    ec2.stop_instances(InstanceIds=[instance_id])
    ec2.start_instances(InstanceIds=[instance_id])
    assert checks() == {"initializing"}
    aws.set_speed(60)
    aws.advance(STATUS_CHECK_SECONDS / 60)
    assert checks() == {"ok", "passed"}, "speed shortens them"


def test_ec2s_times_are_awss(aws: SimulatedAws) -> None:
    aws.advance(7200)
    instance = _run(aws.client("ec2", ONE), SubnetId=SUBNET)
    now = datetime.fromisoformat(aws.clock()["time"])
    assert abs(instance["LaunchTime"] - now) < timedelta(minutes=1)


def _template(ec2: Any, name: str) -> str:
    data = {
        "InstanceType": "m5.large",
        "UserData": USER_DATA,
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP]}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "db-01"}]}],
    }
    created = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return str(created["LaunchTemplate"]["LaunchTemplateId"])


def test_a_version_inherits_from_its_source_version_what_the_request_does_not_name(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    template = _template(ec2, "inherits")
    version = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "m5.xlarge"}
    )["LaunchTemplateVersion"]
    assert version["VersionNumber"] == 2
    assert version["DefaultVersion"] is False
    read = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["2"])
    for data in (version["LaunchTemplateData"], read["LaunchTemplateVersions"][0]["LaunchTemplateData"]):
        assert data["InstanceType"] == "m5.xlarge"
        assert data["UserData"] == USER_DATA
        assert data["NetworkInterfaces"][0]["SubnetId"] == SUBNET
        assert data["TagSpecifications"][0]["Tags"] == [{"Key": "Name", "Value": "db-01"}]


@pytest.mark.parametrize("source", ["$Latest", "$Default", "1"])
def test_the_source_version_may_be_named_in_three_ways(aws: SimulatedAws, source: str) -> None:
    ec2 = aws.client("ec2", ONE)
    name = f"named-{source.strip('$')}"
    _template(ec2, name)
    version = ec2.create_launch_template_version(
        LaunchTemplateName=name, SourceVersion=source, LaunchTemplateData={"EbsOptimized": True}
    )["LaunchTemplateVersion"]
    assert version["LaunchTemplateData"]["UserData"] == USER_DATA


def test_what_the_request_names_replaces_the_whole_parameter(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    template = _template(ec2, "replaces")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Owner", "Value": "payments"}]}]
    data = ec2.create_launch_template_version(
        LaunchTemplateId=template,
        SourceVersion="1",
        LaunchTemplateData={"TagSpecifications": tags, "UserData": base64.b64encode(b"other").decode()},
    )["LaunchTemplateVersion"]["LaunchTemplateData"]
    assert data["TagSpecifications"] == tags
    assert base64.b64decode(data["UserData"]) == b"other"
    assert data["InstanceType"] == "m5.large"


def test_without_a_source_version_a_version_holds_only_what_the_request_names(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    template = _template(ec2, "bare")
    data = ec2.create_launch_template_version(
        LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m5.xlarge"}
    )["LaunchTemplateVersion"]["LaunchTemplateData"]
    assert data == {"InstanceType": "m5.xlarge"}


@pytest.mark.parametrize("source", ["0", "3"])
def test_a_source_version_must_exist(aws: SimulatedAws, source: str) -> None:
    ec2 = aws.client("ec2", ONE)
    template = _template(ec2, f"missing-{source}")
    with pytest.raises(ClientError) as refused:
        ec2.create_launch_template_version(
            LaunchTemplateId=template, SourceVersion=source, LaunchTemplateData={"InstanceType": "m5.xlarge"}
        )
    assert _error(refused)[0] == "InvalidLaunchTemplateId.VersionNotFound"
    assert ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]["LatestVersionNumber"] == 1


def test_a_repeated_request_makes_no_second_version(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    template = _template(ec2, "repeated")
    asked = {"LaunchTemplateId": template, "SourceVersion": "1", "ClientToken": "again"}

    def create(instance_type: str) -> int:
        data = {"InstanceType": instance_type}
        answer = ec2.create_launch_template_version(LaunchTemplateData=data, **asked)["LaunchTemplateVersion"]
        assert answer["LaunchTemplateData"]["InstanceType"] == instance_type
        return int(answer["VersionNumber"])

    assert [create("m5.xlarge"), create("m5.xlarge")] == [2, 2]
    with pytest.raises(ClientError) as refused:
        create("m5.2xlarge")
    assert _error(refused)[0] == "IdempotentParameterMismatch"


def test_the_default_of_a_template_that_is_gone_cannot_be_moved(aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as refused:
        aws.client("ec2", ONE).modify_launch_template(LaunchTemplateId="lt-0123456789abcdef0", DefaultVersion="1")
    assert _error(refused)[0] == "InvalidLaunchTemplateId.NotFound"


def test_an_interface_is_found_by_each_of_its_addresses(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    addresses = [{"PrivateIpAddress": "10.0.1.60", "Primary": True}, {"PrivateIpAddress": "10.0.1.61"}]
    made = ec2.create_network_interface(SubnetId=SUBNET, PrivateIpAddresses=addresses)["NetworkInterface"]
    for address in ("10.0.1.60", "10.0.1.61"):
        named = [{"Name": "addresses.private-ip-address", "Values": [address, "10.9.9.9"]}]
        found = ec2.describe_network_interfaces(Filters=named)["NetworkInterfaces"]
        assert [item["NetworkInterfaceId"] for item in found] == [made["NetworkInterfaceId"]]


def test_lists_of_templates_and_versions_have_pages(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", ONE)
    template = _template(ec2, "paged-0")
    for number in range(1, 20):
        _template(ec2, f"paged-{number}")
        ec2.create_launch_template_version(LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={})
    names = {
        item["LaunchTemplateName"]
        for page in ec2.get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": 6})
        for item in page["LaunchTemplates"]
    }
    assert {f"paged-{number}" for number in range(20)} <= names
    numbers = [
        item["VersionNumber"]
        for page in ec2.get_paginator("describe_launch_template_versions").paginate(
            LaunchTemplateId=template, PaginationConfig={"PageSize": 6}
        )
        for item in page["LaunchTemplateVersions"]
    ]
    assert numbers == list(range(1, 21))


def test_a_recovery_instance_has_what_the_default_version_of_its_template_says(aws: SimulatedAws) -> None:
    ec2, drs = aws.client("ec2", ONE), aws.client("drs", ONE)
    template = drs.get_launch_configuration(sourceServerID=SERVER)["ec2LaunchTemplateID"]
    # Without this DRS would write the type that it finds right into the template.
    drs.update_launch_configuration(sourceServerID=SERVER, targetInstanceTypeRightSizingMethod="NONE")
    version = ec2.create_launch_template_version(
        LaunchTemplateId=template,
        SourceVersion="$Default",
        LaunchTemplateData={
            "InstanceType": "c5.large",
            "IamInstanceProfile": {"Name": "DB-Role"},
            "NetworkInterfaces": [
                {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP], "PrivateIpAddress": "10.0.1.99"}
            ],
        },
    )["LaunchTemplateVersion"]["VersionNumber"]
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))
    drs.start_recovery(sourceServers=[{"sourceServerID": SERVER}], isDrill=True)
    aws.advance(1200)
    drs = aws.client("drs", ONE)
    found = drs.describe_recovery_instances(filters={"sourceServerIDs": [SERVER]})["items"][0]
    instance = ec2.describe_instances(InstanceIds=[found["ec2InstanceID"]])["Reservations"][0]["Instances"][0]
    assert (instance["InstanceType"], instance["PrivateIpAddress"]) == ("c5.large", "10.0.1.99")
    assert [item["GroupId"] for item in instance["SecurityGroups"]] == [GROUP]
    profile = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance["InstanceId"]]}]
    )["IamInstanceProfileAssociations"][0]["IamInstanceProfile"]
    assert profile["Arn"].endswith(":instance-profile/DB-Role")
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert (tags["aws:ec2launchtemplate:id"], tags["aws:ec2launchtemplate:version"]) == (template, str(version))
    user_data = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert base64.b64decode(user_data["UserData"]["Value"]) == b"echo hello"
    drs.terminate_recovery_instances(recoveryInstanceIDs=[found["recoveryInstanceID"]])
    aws.advance(600)
    state = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]["State"]
    assert state["Name"] == "terminated"


@pytest.mark.parametrize(
    ("data", "raw_error"),
    [
        (
            {"IamInstanceProfile": {"Name": "No-Role"}},
            "InvalidParameterValue: Value (No-Role) for parameter iamInstanceProfile.name is invalid. "
            "Invalid IAM Instance Profile name",
        ),
        ({"InstanceType": "m99.large"}, "InvalidInstanceType.NotFound: The instance type 'm99.large' does not exist"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": SUBNET, "PrivateIpAddress": "10.0.1.17"}]},
            "InvalidIPAddress.InUse: Address 10.0.1.17 is in use.",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0fff1111"}]},
            "InvalidSubnetID.NotFound: The subnet ID 'subnet-0fff1111' does not exist",
        ),
    ],
)
def test_what_ec2_refuses_is_what_the_job_log_says(aws: SimulatedAws, data: dict[str, Any], raw_error: str) -> None:
    ec2, drs = aws.client("ec2", ONE), aws.client("drs", ONE)
    drs.update_launch_configuration(sourceServerID=OTHER_SERVER, targetInstanceTypeRightSizingMethod="NONE")
    template = drs.get_launch_configuration(sourceServerID=OTHER_SERVER)["ec2LaunchTemplateID"]
    version = ec2.create_launch_template_version(LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData=data)[
        "LaunchTemplateVersion"
    ]["VersionNumber"]
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))
    before = {reservation["ReservationId"] for reservation in ec2.describe_instances()["Reservations"]}
    job = drs.start_recovery(sourceServers=[{"sourceServerID": OTHER_SERVER}], isDrill=True)["job"]["jobID"]
    aws.advance(1200)
    items = drs.describe_job_log_items(jobID=job)["items"]
    (failed,) = [item for item in items if item["event"] == "LAUNCH_FAILED"]
    assert failed["eventData"]["rawError"] == raw_error
    assert {reservation["ReservationId"] for reservation in ec2.describe_instances()["Reservations"]} == before
    assert aws.calls("ec2")[-2]["outcome"] == {"status": 400, "code": raw_error.split(":")[0]}
