"""The DRS simulator behind the real front door, through boto3: wire forms, and one world with EC2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.simulated_aws import AwsServer, SimulatedAws

TARGET, STAGING = "123456789012", "210987654321"
REGION = "us-east-1"
SUBNET, GROUP, VPC = "subnet-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaaa1", "vpc-0aaaaaaaaaaaaaaa1"
USED = "10.0.1.17"


def sid(name: str) -> str:
    return f"s-{name}".ljust(19, "0")


def server(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": sid(name), "hostname": name, "snapshots": ["PT5M", "PT1H"], **fields}


NAMES = ["plain", "drill", "again", "busy", "typed", "used", "nowhere", "copied", "hidden", "stuck", "tagged", "term"]
WORLD: dict[str, Any] = {
    "apiVersion": "sandbox.drs-operator.io/v1alpha1",
    "kind": "World",
    "accounts": [
        {
            "id": TARGET,
            "roles": [{"name": "DRSOrchestrationRole", "externalId": "unique-external-id-123"}],
            "regions": [
                {
                    "name": REGION,
                    "quotas": {"serversPerJob": 3},
                    "subnets": [{"id": SUBNET, "vpcId": VPC, "cidr": "10.0.1.0/24", "usedIps": [USED]}],
                    "securityGroups": [{"id": GROUP, "vpcId": VPC}],
                    "sourceServers": [
                        *(server(name) for name in NAMES),
                        server("ext", stagingAccountId=STAGING, stagingServerId=sid("stage")),
                        server("broken", replicationState="DISCONNECTED"),
                    ],
                },
                {"name": "eu-west-1", "initialized": False},
            ],
        },
        {
            "id": STAGING,
            "roles": [{"name": "StagingRole"}, {"name": f"DRSStagingAccountRole_{TARGET}"}],
            "regions": [{"name": REGION, "sourceServers": [server("stage"), server("more", tags={"Tier": "web"})]}],
        },
    ],
}


@pytest.fixture(scope="module")
def aws(aws_server: AwsServer) -> SimulatedAws:
    return aws_server(WORLD)


@pytest.fixture
def drs(aws: SimulatedAws) -> Any:
    aws.assume(TARGET)  # the tests move the clock by hours, sessions last one
    return aws.client("drs", TARGET)


@pytest.fixture
def ec2(aws: SimulatedAws, drs: Any) -> Any:
    return aws.client("ec2", TARGET)


def launch(drs: Any, *names: str, **arguments: Any) -> str:
    servers = [{"sourceServerID": sid(name)} for name in names]
    job: str = drs.start_recovery(sourceServers=servers, **arguments)["job"]["jobID"]
    return job


def statuses(drs: Any, job: str) -> list[str]:
    (shown,) = drs.describe_jobs(filters={"jobIDs": [job]})["items"]
    return [participant["launchStatus"] for participant in shown["participatingServers"]]


def instance_of(drs: Any, name: str) -> dict[str, Any]:
    (found,) = drs.describe_recovery_instances(filters={"sourceServerIDs": [sid(name)]})["items"]
    return found  # type: ignore[no-any-return]


def raw_error(drs: Any, job: str) -> str:
    items = drs.describe_job_log_items(jobID=job)["items"]
    return next(item["eventData"]["rawError"] for item in items if "rawError" in item["eventData"])  # type: ignore[no-any-return]


def add_default_version(drs: Any, ec2: Any, name: str, **changes: Any) -> None:
    """As the operator does it: a version from the default one, made the default."""
    drs.update_launch_configuration(sourceServerID=sid(name), targetInstanceTypeRightSizingMethod="NONE")
    template = drs.get_launch_configuration(sourceServerID=sid(name))["ec2LaunchTemplateID"]
    default = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]["DefaultVersionNumber"]
    version = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion=str(default), LaunchTemplateData=changes
    )["LaunchTemplateVersion"]["VersionNumber"]
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))


def test_a_drill_and_its_termination_are_seen_by_drs_and_by_ec2(aws: SimulatedAws, drs: Any, ec2: Any) -> None:
    answer = drs.start_recovery(sourceServers=[{"sourceServerID": sid("drill")}], isDrill=True, tags={"run": "7"})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    job = answer["job"]["jobID"]
    assert (answer["job"]["status"], answer["job"]["tags"]) == ("PENDING", {"run": "7"})
    aws.advance(600)
    assert statuses(drs, job) == ["LAUNCHED"]
    events = [item["event"] for item in drs.describe_job_log_items(jobID=job)["items"]]
    assert events[0] == "JOB_START"
    assert "LAUNCH_END" in events
    assert events[-1] == "JOB_END"
    shown = instance_of(drs, "drill")
    assert (shown["isDrill"], shown["jobID"], shown["ec2InstanceState"]) == (True, job, "RUNNING")
    instance_id = shown["ec2InstanceID"]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    tags = {tag["Key"]: tag["Value"] for tag in reservation["Instances"][0]["Tags"]}
    assert tags["AWSElasticDisasterRecoverySourceServerID"] == sid("drill")
    ec2.stop_instances(InstanceIds=[instance_id])
    assert instance_of(drs, "drill")["ec2InstanceState"] == "STOPPED"
    end = drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])["job"]
    assert (end["type"], end["initiatedBy"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES")
    aws.advance(120)
    assert statuses(drs, end["jobID"]) == ["TERMINATED"]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "terminated"
    changes = [call for call in aws.calls("ec2") if call["principal"] == "drs.amazonaws.com"]
    assert {"RunInstances", "TerminateInstances"} <= {call["operation"] for call in changes}


def test_a_new_launch_removes_the_earlier_instance_unless_it_is_protected(
    aws: SimulatedAws, drs: Any, ec2: Any
) -> None:
    ids = []
    for protect in (True, False, False):
        launch(drs, "again")
        aws.advance(660)
        filters = {"sourceServerIDs": [sid("again")]}
        ids.append(drs.describe_recovery_instances(filters=filters)["items"][-1]["ec2InstanceID"])
        if protect:
            ec2.modify_instance_attribute(InstanceId=ids[-1], DisableApiTermination={"Value": True})
    reservations = ec2.describe_instances(InstanceIds=ids)["Reservations"]
    states = {one["InstanceId"]: one["State"]["Name"] for each in reservations for one in each["Instances"]}
    assert [states[each] for each in ids] == ["running", "terminated", "running"]
    end = drs.terminate_recovery_instances(recoveryInstanceIDs=[ids[0]])["job"]["jobID"]
    aws.advance(120)
    assert statuses(drs, end) == ["FAILED"]
    assert "OperationNotPermitted" in raw_error(drs, end)


@pytest.mark.parametrize(
    ("call", "code", "status"),
    [
        (lambda drs: launch(drs, "nobody"), "ValidationException", 400),
        (lambda drs: launch(drs, "broken"), "ValidationException", 400),
        (lambda drs: launch(drs, "plain", "plain"), "ValidationException", 400),
        (lambda drs: launch(drs, *NAMES[:4]), "ServiceQuotaExceededException", 402),
        (lambda drs: drs.get_launch_configuration(sourceServerID=sid("nobody")), "ResourceNotFoundException", 404),
        (lambda drs: drs.list_extensible_source_servers(stagingAccountID="1" * 12), "AccessDeniedException", 403),
        (lambda drs: drs.list_recovery_plans(), "ValidationException", 400),
    ],
)
def test_errors_arrive_as_the_exceptions_of_boto3(drs: Any, call: Any, code: str, status: int) -> None:
    with pytest.raises(getattr(drs.exceptions, code)) as caught:
        call(drs)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["Error"]["Message"]
    if code == "ServiceQuotaExceededException":
        assert (response["serviceCode"], response["quotaCode"]) == ("drs", "L-B827C881")
    if code == "ResourceNotFoundException":
        assert (response["resourceId"], response["resourceType"]) == (sid("nobody"), "SourceServer")


def test_a_server_in_a_job_is_a_conflict_with_the_real_text(aws: SimulatedAws, drs: Any) -> None:
    launch(drs, "busy")
    with pytest.raises(drs.exceptions.ConflictException) as caught:
        launch(drs, "busy")
    assert caught.value.response["Error"]["Message"] == (
        "One or more of the Source Servers included in API call are currently being processed by a Job"
    )
    aws.advance(600)


def test_what_botocore_lets_through_is_refused_with_the_field(drs: Any) -> None:
    with pytest.raises(drs.exceptions.ValidationException) as caught:
        drs.update_launch_configuration(sourceServerID=sid("plain"), targetInstanceTypeRightSizingMethod="CUSTOM")
    assert caught.value.response["reason"] == "fieldValidationFailed"
    assert caught.value.response["fieldList"][0]["name"] == "targetInstanceTypeRightSizingMethod"


def test_a_region_that_is_not_initialised_says_so_until_it_is(aws: SimulatedAws) -> None:
    aws.assume(TARGET)
    drs = aws.client("drs", TARGET, "eu-west-1")
    with pytest.raises(drs.exceptions.UninitializedAccountException):
        drs.describe_source_servers()
    assert drs.initialize_service()["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert drs.describe_source_servers()["items"] == []


def test_paginators_see_everything_once(aws: SimulatedAws, drs: Any) -> None:
    job = launch(drs, "plain")
    aws.advance(600)
    for name, key, arguments in (
        ("describe_source_servers", "sourceServerID", {}),
        ("describe_jobs", "jobID", {}),
        ("describe_job_log_items", "logDateTime", {"jobID": job}),
        ("describe_recovery_instances", "recoveryInstanceID", {}),
        ("describe_recovery_snapshots", "snapshotID", {"sourceServerID": sid("plain"), "order": "DESC"}),
    ):
        pages = list(drs.get_paginator(name).paginate(**arguments, PaginationConfig={"PageSize": 1}))
        together = [item[key] for page in pages for item in page["items"]]
        assert together == [item[key] for item in getattr(drs, name)(**arguments)["items"]], name
        assert len(pages) == len(together) > 0, name
    accounts = drs.get_paginator("list_staging_accounts").paginate(PaginationConfig={"PageSize": 1})
    assert [each["accountID"] for page in accounts for each in page["accounts"]] == [STAGING]
    extensible = drs.get_paginator("list_extensible_source_servers").paginate(stagingAccountID=STAGING)
    assert sid("more") in [each["arn"].split("/")[1] for page in extensible for each in page["items"]]


def test_both_forms_of_time_go_out_and_come_in(aws: SimulatedAws, drs: Any) -> None:
    job = launch(drs, "copied")
    (shown,) = drs.describe_jobs(filters={"jobIDs": [job]})["items"]
    created = datetime.fromisoformat(shown["creationDateTime"])
    assert shown["creationDateTime"].endswith("+00:00")
    assert abs((datetime.now(UTC) - created).total_seconds()) < 86400
    for form in (shown["creationDateTime"], shown["creationDateTime"].replace("+00:00", "Z")):
        found = drs.describe_jobs(filters={"fromDate": form})["items"]
        assert job in [each["jobID"] for each in found]
    (newest, *_) = drs.describe_recovery_snapshots(sourceServerID=sid("copied"), order="DESC")["items"]
    assert newest["expectedTimestamp"].endswith("Z")
    aws.advance(600)


def test_tags_travel_in_the_path_and_the_query(drs: Any) -> None:
    arn = f"arn:aws:drs:{REGION}:{TARGET}:source-server/{sid('tagged')}"
    drs.tag_resource(resourceArn=arn, tags={"Tier": "database", "a b/c": "d&e=f"})
    assert drs.list_tags_for_resource(resourceArn=arn)["tags"] == {"Tier": "database", "a b/c": "d&e=f"}
    drs.untag_resource(resourceArn=arn, tagKeys=["a b/c", "Other"])
    (found,) = drs.describe_source_servers(filters={"sourceServerIDs": [sid("tagged")]})["items"]
    assert found["tags"] == {"Tier": "database"}


def test_the_default_version_of_the_template_decides(aws: SimulatedAws, drs: Any, ec2: Any) -> None:
    interface = {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP], "PrivateIpAddress": "10.0.1.50"}
    add_default_version(drs, ec2, "typed", InstanceType="c5.xlarge", NetworkInterfaces=[interface])
    launch(drs, "typed")
    aws.advance(600)
    instance_id = instance_of(drs, "typed")["ec2InstanceID"]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    (instance,) = reservation["Instances"]
    assert (instance["InstanceType"], instance["SubnetId"], instance["PrivateIpAddress"]) == (
        "c5.xlarge",
        SUBNET,
        "10.0.1.50",
    )


@pytest.mark.parametrize(
    ("name", "interface", "says"),
    [
        ("used", {"DeviceIndex": 0, "SubnetId": SUBNET, "PrivateIpAddress": USED}, "InvalidIPAddress.InUse"),
        ("nowhere", {"DeviceIndex": 0, "SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
    ],
)
def test_what_ec2_refuses_fails_the_server_with_its_words(
    aws: SimulatedAws, drs: Any, ec2: Any, name: str, interface: dict[str, Any], says: str
) -> None:
    add_default_version(drs, ec2, name, NetworkInterfaces=[interface])
    job = launch(drs, name)
    aws.advance(600)
    assert statuses(drs, job) == ["FAILED"]
    assert says in raw_error(drs, job)


def test_a_job_that_an_answer_hides_is_found_later(aws: SimulatedAws, drs: Any) -> None:
    aws.inject(
        {"operation": "StartRecovery", "serverId": sid("hidden"), "effect": ["hideJob", "lostAnswer"], "seconds": 60,
         "times": 1}
    )  # fmt: skip
    with pytest.raises(Exception, match="Connection was closed"):
        launch(drs, "hidden", tags={"token": "abc"})

    def found() -> list[str]:
        return [job["jobID"] for job in drs.describe_jobs()["items"] if job["tags"].get("token") == "abc"]

    assert found() == []
    with pytest.raises(drs.exceptions.ConflictException):
        launch(drs, "hidden")
    aws.advance(60)
    (job,) = found()
    aws.advance(600)
    assert statuses(drs, job) == ["LAUNCHED"]


def test_a_stuck_server_goes_on_when_the_faults_end(aws: SimulatedAws, drs: Any) -> None:
    aws.inject({"phase": "CONVERSION", "serverId": sid("stuck"), "effect": "stuck"})
    job = launch(drs, "stuck")
    aws.advance(1200)
    assert statuses(drs, job) == ["IN_PROGRESS"]
    aws.clear()
    aws.advance(600)
    assert statuses(drs, job) == ["LAUNCHED"]


def test_an_extended_server_is_recovered_by_two_jobs(aws: SimulatedAws, drs: Any) -> None:
    aws.assume(STAGING)
    staging = aws.client("drs", STAGING)
    job = launch(drs, "ext")
    conversion = staging.describe_jobs()["items"][0]
    assert (conversion["type"], conversion["initiatedBy"]) == ("CREATE_CONVERTED_SNAPSHOT", "TARGET_ACCOUNT")
    aws.advance(600)
    assert statuses(drs, job) == ["LAUNCHED"]
    created = drs.create_extended_source_server(
        sourceServerArn=f"arn:aws:drs:{REGION}:{STAGING}:source-server/{sid('more')}", tags={"Tier": "web"}
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["sourceServer"]["stagingArea"]["status"] == "EXTENDED"


def test_set_changes_what_drs_shows(aws: SimulatedAws, drs: Any) -> None:
    aws.set_server(sid("term"), {"replicationState": "STALLED", "lag": "PT5M", "tags.Tier": "cache"})
    (found,) = drs.describe_source_servers(filters={"sourceServerIDs": [sid("term")]})["items"]
    assert found["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    assert found["dataReplicationInfo"]["lagDuration"] == "PT5M"
    assert found["tags"] == {"Tier": "cache"}


def test_an_unknown_operation_is_a_client_error(drs: Any) -> None:
    with pytest.raises(ClientError, match="does not simulate CreateSourceNetwork"):
        drs.create_source_network(vpcID=VPC, originAccountID=TARGET, originRegion=REGION)
