"""From the launch template to the instance: default version, right-sizing, tags, address, disposition."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.sandbox_drs.bench import ACCOUNT, ORIGIN, REGION, Bench, server, server_id, world

ALLOWED = {"AWSDRS": "AllowLaunchingIntoThisInstance"}


def add_version(bench: Bench, make_default: bool, **changes: Any) -> None:
    data = {**bench.template_data("db"), **changes}
    bench.ec2.add_template_version(ACCOUNT, REGION, bench.template_id("db"), data, make_default)


def update(bench: Bench, **changes: Any) -> dict[str, Any]:
    return bench.call("UpdateLaunchConfiguration", sourceServerID=server_id("db"), **changes)


def test_the_launch_template_holds_what_the_world_file_says() -> None:
    bench = Bench(world(server("db", launchTemplate={"userData": "echo hello", "instanceType": "r5.xlarge"})))
    data = bench.template_data("db")
    assert data["InstanceType"] == "r5.xlarge"
    assert base64.b64decode(data["UserData"]) == b"echo hello"


def test_the_default_version_is_launched_and_no_other() -> None:
    bench = Bench(world(server("db")))
    update(bench, targetInstanceTypeRightSizingMethod="NONE")
    add_version(bench, True, InstanceType="c5.large")
    add_version(bench, False, InstanceType="c5.24xlarge")
    instance = bench.launched("db")
    assert bench.ec2.instances[instance["ec2InstanceID"]].instance_type == "c5.large"
    assert bench.ec2.launches[0].version.number == 3


def test_the_default_version_is_looked_up_when_the_instance_is_made() -> None:
    bench = Bench(world(server("db")))
    update(bench, targetInstanceTypeRightSizingMethod="NONE")
    bench.launch("db")
    bench.advance(300)
    add_version(bench, True, InstanceType="c5.large")
    bench.advance(300)
    assert bench.ec2.launches[0].version.data["InstanceType"] == "c5.large"


@pytest.mark.parametrize("method", ["BASIC", "IN_AWS"])
def test_right_sizing_overwrites_a_pinned_type_within_90_minutes(method: str) -> None:
    bench = Bench(world(server("db", launchTemplate={"instanceType": "m5.large"})))
    update(bench, targetInstanceTypeRightSizingMethod="NONE")
    update(bench, targetInstanceTypeRightSizingMethod=method)
    add_version(bench, True, InstanceType="c5.24xlarge")
    bench.advance(5400)
    assert bench.template_data("db")["InstanceType"] == "m5.large"


def test_right_sizing_overwrites_a_pinned_type_at_the_latest_when_it_launches() -> None:
    bench = Bench(world(server("db", launchTemplate={"instanceType": "m5.large"})))
    add_version(bench, True, InstanceType="c5.24xlarge", KeyName="kept")
    instance = bench.launched("db")
    assert bench.ec2.instances[instance["ec2InstanceID"]].instance_type == "m5.large"
    assert bench.template_data("db")["KeyName"] == "kept"


def test_without_right_sizing_a_pinned_type_stays() -> None:
    bench = Bench(world(server("db")))
    update(bench, targetInstanceTypeRightSizingMethod="NONE")
    add_version(bench, True, InstanceType="c5.24xlarge")
    bench.advance(2 * 5400)
    assert bench.template_data("db")["InstanceType"] == "c5.24xlarge"


def test_an_update_writes_a_version_of_the_template_and_makes_it_the_default() -> None:
    bench = Bench(world(server("db")))
    template = bench.template_id("db")
    add_version(bench, True, KeyName="ours")
    update(bench, copyTags=True, name="database")
    assert bench.ec2.defaults[template] == len(bench.ec2.templates[template]) == 3
    assert bench.template_data("db")["KeyName"] == "ours"


def test_an_update_that_changes_nothing_writes_no_version() -> None:
    bench = Bench(world(server("db")))
    before = bench.call("GetLaunchConfiguration", sourceServerID=server_id("db"))
    after = update(bench, copyTags=before["copyTags"], launchDisposition=before["launchDisposition"])
    assert after == before
    assert bench.ec2.defaults[bench.template_id("db")] == 1


def test_the_launch_configuration_is_kept_and_its_template_cannot_be_named() -> None:
    bench = Bench(world(server("db", origin=ORIGIN)))
    wanted = {
        "name": "database",
        "launchDisposition": "STOPPED",
        "targetInstanceTypeRightSizingMethod": "IN_AWS",
        "copyPrivateIp": True,
        "copyTags": True,
        "licensing": {"osByol": True},
        "postLaunchEnabled": True,
        "recoveryMode": "FAST",
    }
    assert wanted.items() <= update(bench, **wanted).items()
    assert wanted.items() <= bench.call("GetLaunchConfiguration", sourceServerID=server_id("db")).items()
    error = bench.refusal("UpdateLaunchConfiguration", sourceServerID=server_id("db"), ec2LaunchTemplateID="lt-1")
    assert error.code == "ValidationException"


def test_a_server_in_a_job_cannot_be_updated() -> None:
    bench = Bench(world(server("db")))
    bench.launch("db")
    error = bench.refusal("UpdateLaunchConfiguration", sourceServerID=server_id("db"), copyTags=True)
    assert error.code == "ConflictException"


def test_an_unknown_server_has_no_launch_configuration() -> None:
    error = Bench(world()).refusal("GetLaunchConfiguration", sourceServerID=server_id("db"))
    assert (error.code, error.http_status) == ("ResourceNotFoundException", 404)
    assert error.extra == {"resourceId": server_id("db"), "resourceType": "SourceServer"}


def test_the_instance_carries_drs_tags_and_tags_of_the_template_beat_those_of_the_source() -> None:
    bench = Bench(world(server("db", tags={"Tier": "database", "Cost": "source"})))
    specification = {"ResourceType": "instance", "Tags": [{"Key": "Cost", "Value": "template"}]}
    add_version(bench, True, TagSpecifications=[specification])
    update(bench, copyTags=True)
    bench.launched("db")
    assert bench.ec2.launches[0].tags == {
        "Tier": "database",
        "Cost": "template",
        "AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com",
        "AWSElasticDisasterRecoverySourceServerID": server_id("db"),
    }


def test_tags_of_the_source_are_copied_only_when_asked_for() -> None:
    bench = Bench(world(server("db", tags={"Tier": "database"})))
    bench.launched("db")
    assert "Tier" not in bench.ec2.launches[0].tags


def test_the_private_address_is_copied_only_when_asked_for_and_is_one_of_the_regions_subnet() -> None:
    subnet = {"id": "subnet-0aaaaaaa", "vpcId": "vpc-0aaaaaaa", "cidr": "10.7.1.0/24", "usedIps": ["10.7.1.10"]}
    bench = Bench(world(server("db"), server("web"), subnets=[subnet]))
    update(bench, copyPrivateIp=True)
    bench.launched("db", "web")
    source = bench.server("db")["sourceProperties"]["networkInterfaces"][0]["ips"]
    assert source == ["10.7.1.11"]
    assert [launch.private_ip for launch in bench.ec2.launches] in ([source[0], None], [None, source[0]])


def test_a_launch_may_end_stopped() -> None:
    bench = Bench(world(server("db")))
    update(bench, launchDisposition="STOPPED")
    assert bench.launched("db")["ec2InstanceState"] == "STOPPED"


def test_what_ec2_refuses_is_in_the_log() -> None:
    bench = Bench(world(server("db")))
    bench.ec2.refuse = "InvalidSubnetID.NotFound: The subnet ID 'subnet-1' does not exist"
    job = bench.launch("db")
    bench.advance(600)
    last = bench.log(job, "db")[-1]
    assert (last["event"], last["eventData"]["rawError"]) == ("LAUNCH_FAILED", bench.ec2.refuse)
    assert bench.instances("db") == []


def test_a_deleted_launch_template_fails_launch_and_update() -> None:
    bench = Bench(world(server("db")))
    bench.ec2.delete_launch_template(ACCOUNT, REGION, bench.template_id("db"))
    job = bench.launch("db")
    bench.advance(600)
    assert bench.log(job, "db")[-1]["eventData"]["rawError"].startswith("InvalidLaunchTemplateId.NotFound")
    error = bench.refusal("UpdateLaunchConfiguration", sourceServerID=server_id("db"), copyTags=True)
    assert error.code == "ResourceNotFoundException"


def test_the_fast_mode_skips_the_conversion_and_is_for_sources_in_aws() -> None:
    bench = Bench(world(server("db", origin=ORIGIN), server("web")))
    update(bench, recoveryMode="FAST")
    job = bench.launch("db")
    bench.advance(600)
    assert bench.events(job, "db") == ["SNAPSHOT_START", "SNAPSHOT_END", "LAUNCH_START", "LAUNCH_END"]
    error = bench.refusal("UpdateLaunchConfiguration", sourceServerID=server_id("web"), recoveryMode="FAST")
    assert error.code == "ValidationException"


@pytest.mark.parametrize(
    ("fields", "raw_error", "because"),
    [
        ({"state": "stopped", "tags": ALLOWED}, None, "it is stopped and allows it"),
        ({"state": "running", "tags": ALLOWED}, "IncorrectInstanceState", "it runs"),
        ({"state": "stopped", "tags": {}}, "AWSDRS=", "it does not allow it"),
        ({"state": "terminated", "tags": ALLOWED}, "InvalidInstanceID.NotFound", "it is gone"),
    ],
)
def test_an_instance_can_be_launched_into(fields: dict[str, Any], raw_error: str | None, because: str) -> None:
    bench = Bench(world(server("db")))
    target = bench.ec2.add_instance(**fields).instance_id
    update(bench, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target})
    job = bench.launch("db")
    bench.advance(600)
    if raw_error is None:
        assert [instance["ec2InstanceID"] for instance in bench.instances("db")] == [target], because
        assert bench.ec2.instances[target].state == "running"
    else:
        assert raw_error in bench.log(job, "db")[-1]["eventData"]["rawError"], because
    assert bench.ec2.launches == []


def test_an_instance_that_is_launched_into_again_is_listed_once_and_last() -> None:
    bench = Bench(world(server("db"), server("web")))
    target = bench.ec2.add_instance("stopped", tags=ALLOWED).instance_id
    update(bench, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target})
    bench.launched("db")
    web = bench.launched("web")["recoveryInstanceID"]
    bench.ec2.change(target, state="stopped")
    bench.launched("db")
    first = bench.call("DescribeRecoveryInstances", maxResults=1)
    second = bench.call("DescribeRecoveryInstances", maxResults=1, nextToken=first["nextToken"])
    assert [item["recoveryInstanceID"] for item in first["items"] + second["items"]] == [web, target]
    assert "nextToken" not in second


@pytest.mark.parametrize("field", ["copyPrivateIp", "copyTags"])
def test_launching_into_an_instance_goes_without_copies(field: str) -> None:
    bench = Bench(world(server("db")))
    target = {"launchIntoEC2InstanceID": "i-0123456789abcdef0"}
    arguments = {"launchIntoInstanceProperties": target, field: True}
    error = bench.refusal("UpdateLaunchConfiguration", sourceServerID=server_id("db"), **arguments)
    assert (error.code, error.extra["fieldList"][0]["name"]) == ("ValidationException", field)
