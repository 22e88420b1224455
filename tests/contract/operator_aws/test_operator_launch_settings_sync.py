"""A group's launch settings from the object to EC2: the reconciler over the real adapter, on a simulated AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.aws.launch_settings import BotoLaunchSettings
from drs_operator.aws.sessions import Sessions
from drs_operator.planning.facts import Place
from tests.contract.conftest import AwsServer
from tests.contract.operator_aws.setting import EXTERNAL_ID, HUB, ONE, READ, ROLE
from tests.contract.simulated_aws import SimulatedAws
from tests.unit.reconcilers.world import NAMESPACE, World

EAST = "us-east-1"
PLACE = Place(ONE, EAST)
SUBNET, VPC, GROUP = "subnet-0aaa1111bbb22222c", "vpc-0aaa1111bbb22222c", "sg-0aaa1111bbb22222c"
BULK, SINGLES = 300, 60
PAGES = 2
"""Of all their templates."""
USER_DATA = "#!/bin/sh\necho started\n"
AWS_WORLD: dict[str, Any] = {
    "apiVersion": "sandbox.drs-operator.io/v1alpha1",
    "kind": "World",
    "hubAccount": HUB,
    "accounts": [
        {
            "id": ONE,
            "roles": [{"name": ROLE, "externalId": EXTERNAL_ID}],
            "regions": [
                {
                    "name": EAST,
                    "subnets": [{"id": SUBNET, "vpcId": VPC, "cidr": "10.0.0.0/22", "usedIps": ["10.0.1.17"]}],
                    "securityGroups": [{"id": GROUP, "vpcId": VPC}],
                    "instanceProfiles": ["DB-Role"],
                    "sourceServers": [
                        {"count": BULK, "idPrefix": "s-bulk", "hostnamePrefix": "bulk-", "snapshots": ["PT5M"]},
                        {
                            "count": SINGLES,
                            "idPrefix": "s-one",
                            "hostnamePrefix": "one-",
                            "snapshots": ["PT5M"],
                            "launchTemplate": {"userData": USER_DATA},
                        },
                    ],
                }
            ],
        }
    ],
}
MUTATING = ("Create", "Modify", "Update", "Put", "Delete", "Start", "Terminate", "Tag", "Untag")
_singles = (f"s-one{number:014}" for number in range(1, SINGLES + 1))
BOTH = {"copyTags": True, "instanceType": "r6i.large", "subnetId": SUBNET, "securityGroupIds": [GROUP]}


class Scene:
    """A world whose launch settings are those of the simulated AWS; everything else is in memory."""

    def __init__(self, aws: SimulatedAws) -> None:
        self.aws = aws
        self.sessions = Sessions(READ)
        self.world = World()
        self.world.cloud.account(ONE, EXTERNAL_ID)
        self.world.account("production")
        self.restart()
        self.begin()

    def restart(self, refresh_seconds: float = 0.0) -> None:
        """A new process, which looks for itself at every look."""
        self.world.start_operator()
        self.world.context = replace(
            self.world.context, launch_settings=BotoLaunchSettings(self.sessions, refresh_seconds)
        )

    def begin(self) -> None:
        """Counts calls from now on."""
        self._began = len(self.aws.calls())

    def calls(self) -> list[dict[str, Any]]:
        """The operator's calls in the account since then."""
        return [
            call
            for call in self.aws.calls()[self._began :]
            if str(call["principal"]).endswith("/drs-operator") and call["account"] == ONE
        ]

    def counts(self) -> dict[str, int]:
        """How many there were, by operation."""
        found: dict[str, int] = {}
        for call in self.calls():
            found[call["operation"]] = found.get(call["operation"], 0) + 1
        return found

    def group(self, launch: dict[str, Any] | None, *server_ids: str, **fields: Any) -> None:
        """The group `db` of these servers."""
        for server_id in server_ids:
            self.world.cloud.server(PLACE, server_id)
        spec = {
            "targetAccountRef": {"name": "production"},
            "region": EAST,
            "serverSelectionMode": "explicit",
            "sourceServerIds": list(server_ids),
            **({"launchConfiguration": launch} if launch else {}),
            **fields,
        }
        self.world.cluster.create(ProtectionGroup, NAMESPACE, "db", spec)

    def states(self) -> list[str]:
        """Of its servers."""
        found = self.world.cluster.now(ProtectionGroup, NAMESPACE, "db")
        assert found is not None
        return [str(server.launch_configuration) for server in found.status.servers]

    def synced(self) -> Any:
        """Its condition."""
        return self.world.condition(ProtectionGroup, "db", "LaunchConfigurationSynced")

    def until(self, reached: Callable[[], bool]) -> None:
        """Lets the operator work."""
        self.world.until(reached, ProtectionGroup, TargetAccount, hours=3)

    def until_synced(self, count: int = 1) -> None:
        """Lets it work until all is written."""
        self.until(lambda: self.states() == ["Synced"] * count)

    def template(self, server_id: str, version: str = "$Default") -> dict[str, Any]:
        """A version of a server's template as anybody reads it."""
        template_id = self.drs(server_id)["ec2LaunchTemplateID"]
        answer = self.aws.client("ec2", ONE).describe_launch_template_versions(
            LaunchTemplateId=template_id, Versions=[version]
        )
        found: dict[str, Any] = answer["LaunchTemplateVersions"][0]
        return found

    def drs(self, server_id: str) -> dict[str, Any]:
        """What DRS keeps of a server."""
        found: dict[str, Any] = self.aws.client("drs", ONE).get_launch_configuration(sourceServerID=server_id)
        return found

    def by_hand(self, server_id: str, **data: Any) -> None:
        """Somebody writes a version and makes it the default."""
        ec2, template_id = self.aws.client("ec2", ONE), self.drs(server_id)["ec2LaunchTemplateID"]
        made = ec2.create_launch_template_version(
            LaunchTemplateId=template_id, SourceVersion="$Default", LaunchTemplateData=data
        )["LaunchTemplateVersion"]["VersionNumber"]
        ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(made))


@pytest.fixture(scope="module")
def sync_aws(aws_server: AwsServer) -> SimulatedAws:
    """A simulated AWS of this module's own."""
    return aws_server(AWS_WORLD)


@pytest.fixture
def scene(sync_aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """An operator that has just started."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", sync_aws.endpoint)
    made = Scene(sync_aws)
    yield made
    made.sessions.close()
    sync_aws.clear()


@pytest.fixture
def server() -> str:
    """A server of the test's own."""
    return next(_singles)


def test_hundreds_of_servers_are_written_in_one_pass_and_then_cost_nothing(scene: Scene) -> None:
    servers = [f"s-bulk{number:013}" for number in range(1, BULK + 1)]
    scene.group({"subnetId": SUBNET, "securityGroupIds": [GROUP]}, *servers)
    scene.restart(refresh_seconds=3600)
    scene.begin()
    scene.until_synced(BULK)
    assert scene.counts() == {
        "DescribeLaunchTemplates": PAGES,
        "DescribeSubnets": 1,
        "DescribeSecurityGroups": 1,
        "GetLaunchConfiguration": 2 * BULK,  # before, and to read it back
        "DescribeLaunchTemplateVersions": 3 * BULK,  # the same, and what the new version is based on
        "CreateLaunchTemplateVersion": BULK,
        "ModifyLaunchTemplate": BULK,
    } | {key: value for key, value in scene.counts().items() if key == "GetCallerIdentity"}
    assert scene.world.tables.settings.keys() == {(PLACE, server_id) for server_id in servers}
    scene.restart()
    scene.begin()
    scene.world.wait(600, ProtectionGroup, TargetAccount)
    found = scene.counts()
    looks = found["DescribeSubnets"]
    assert looks >= 5
    assert found == {
        "DescribeLaunchTemplates": looks * PAGES,
        "DescribeSubnets": looks,
        "DescribeSecurityGroups": looks,
    }, "neither a restart nor any look reads a single server"


def test_template_before_and_after(scene: Scene, server: str) -> None:
    scene.by_hand(
        server,
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 80, "VolumeType": "gp3"}}],
        MetadataOptions={"HttpTokens": "required"},
        Placement={"Tenancy": "host"},
        KeyName="operations",
    )
    before, drs_before = scene.template(server), scene.drs(server)
    scene.group(
        {**BOTH, "iamInstanceProfileName": "DB-Role"},
        server,
        servers=[{"serverId": server, "launchConfiguration": {"staticPrivateIp": "10.0.1.50"}}],
    )
    scene.until_synced()
    after, drs_after = scene.template(server), scene.drs(server)
    expected = deepcopy(before["LaunchTemplateData"])
    expected |= {"InstanceType": "r6i.large", "IamInstanceProfile": {"Name": "DB-Role"}}
    expected["NetworkInterfaces"][0] |= {"SubnetId": SUBNET, "Groups": [GROUP], "PrivateIpAddress": "10.0.1.50"}
    assert after["LaunchTemplateData"] == expected, "user data, tags, disks and all the rest are as they were"
    assert "UserData" in expected
    assert "TagSpecifications" in expected
    changed = {key for key in drs_before if drs_before[key] != drs_after[key]} - {"ResponseMetadata"}
    assert changed <= {"targetInstanceTypeRightSizingMethod", "copyTags", "copyPrivateIp"}
    assert (drs_after["targetInstanceTypeRightSizingMethod"], drs_after["copyTags"]) == ("NONE", True)
    record = scene.world.tables.settings[(PLACE, server)]
    assert record.earlier_version == before["VersionNumber"]
    kept = scene.template(server, str(record.earlier_version))["LaunchTemplateData"]
    assert kept == before["LaunchTemplateData"], "it can be put back"


@pytest.mark.parametrize("where", ["EC2", "DRS"])
def test_drift_made_by_hand_is_shown_and_mended(scene: Scene, server: str, where: str) -> None:
    scene.group(BOTH, server)
    scene.until_synced()
    if where == "EC2":
        scene.by_hand(server, InstanceType="t3.micro", KeyName="mine")
    else:
        scene.aws.client("drs", ONE).update_launch_configuration(sourceServerID=server, copyTags=False)
    scene.until(lambda: scene.states() == ["Drifted"])
    words = "instanceType t3.micro, wanted r6i.large" if where == "EC2" else "copyTags false, wanted true"
    assert words in scene.synced().message
    scene.until_synced()
    assert scene.template(server)["LaunchTemplateData"]["InstanceType"] == "r6i.large"
    assert scene.drs(server)["copyTags"] is True
    if where == "EC2":
        assert scene.template(server)["LaunchTemplateData"]["KeyName"] == "mine", "what is not managed is theirs"


def test_the_earlier_default_put_back_by_hand_is_drift_as_well(scene: Scene, server: str) -> None:
    scene.group(BOTH, server)
    scene.until_synced()
    record = scene.world.tables.settings[(PLACE, server)]
    latest = scene.template(server, "$Latest")["VersionNumber"]
    scene.aws.client("ec2", ONE).modify_launch_template(
        LaunchTemplateId=record.template_id, DefaultVersion=str(record.earlier_version)
    )
    scene.until(lambda: scene.states() == ["Drifted"])
    scene.until_synced()
    assert scene.template(server)["LaunchTemplateData"]["InstanceType"] == "r6i.large"
    assert scene.template(server, "$Latest")["VersionNumber"] <= latest + 1


def test_in_observe_not_one_mutating_call_is_made(scene: Scene, server: str) -> None:
    scene.world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")
    scene.group(BOTH, server)
    scene.world.wait(600, ProtectionGroup, TargetAccount)
    assert scene.states() == ["WouldChange"]
    assert "instanceType" in scene.synced().message
    assert [call["operation"] for call in scene.calls() if call["operation"].startswith(MUTATING)] == []
    assert scene.counts()["GetLaunchConfiguration"] == 1, "it is read once, not at every look"
    assert scene.template(server, "$Latest")["VersionNumber"] == 1
    scene.world.cluster.edit(TargetAccount, None, "production", managementPolicy="Manage")
    scene.until_synced()


@pytest.mark.parametrize(
    "operation", ["UpdateLaunchConfiguration", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate"]
)
@pytest.mark.parametrize("effect", ["lostAnswer", "error"])
def test_a_failed_or_unanswered_step_is_mended_without_a_surplus_version(
    scene: Scene, server: str, operation: str, effect: str
) -> None:
    code = {"code": "InternalError"} if effect == "error" else {}
    scene.aws.inject({"operation": operation, "effect": effect, "times": 1, **code})
    scene.group(BOTH, server)
    scene.until_synced()
    assert scene.template(server)["LaunchTemplateData"]["InstanceType"] == "r6i.large"
    assert scene.drs(server)["copyTags"] is True
    assert scene.template(server, "$Latest")["VersionNumber"] == 3, "the first, DRS's own, ours"


def test_killed_at_any_write_of_the_ledger_it_ends_well(scene: Scene) -> None:
    for number in range(12):
        server_id = next(_singles)
        scene.world = World()
        scene.world.cloud.account(ONE, EXTERNAL_ID)
        scene.world.account("production")
        scene.restart()
        start = scene.world.start_operator

        def again(start: Callable[[], None] = start) -> None:
            start()
            scene.world.context = replace(scene.world.context, launch_settings=BotoLaunchSettings(scene.sessions, 0.0))

        scene.world.start_operator = again  # type: ignore[method-assign]
        scene.group(BOTH, server_id)
        scene.world.effects.kill_at(number, applied=number % 2 == 0)
        scene.until_synced()
        assert scene.template(server_id)["LaunchTemplateData"]["InstanceType"] == "r6i.large"
        assert scene.template(server_id, "$Latest")["VersionNumber"] == 3


def test_throttled_it_slows_down_and_goes_on(scene: Scene) -> None:
    servers = [next(_singles) for _ in range(12)]
    throttled = {"effect": "error", "code": "RequestLimitExceeded", "times": 10}
    scene.aws.inject({"operation": "CreateLaunchTemplateVersion", **throttled})
    scene.group(BOTH, *servers)
    scene.until_synced(len(servers))
    assert scene.counts()["CreateLaunchTemplateVersion"] == len(servers) + 10, (
        "nothing is asked for in vain beyond that"
    )
    for server_id in servers:
        assert scene.template(server_id, "$Latest")["VersionNumber"] == 3


def test_a_missing_permission_is_named_and_waited_for(scene: Scene, server: str) -> None:
    needed = "You are not authorized to perform this operation: ec2:ModifyLaunchTemplate"
    denied = {"effect": "error", "code": "UnauthorizedOperation", "message": needed}
    scene.aws.inject({"operation": "ModifyLaunchTemplate", **denied})
    scene.group(BOTH, server)
    scene.until(lambda: scene.states() == ["Failed"])
    assert scene.synced().reason == "AccountUnavailable"
    assert "ec2:ModifyLaunchTemplate" in scene.synced().message
    scene.aws.clear()
    scene.until_synced()
    assert scene.template(server, "$Latest")["VersionNumber"] == 3


def test_an_expired_session_costs_nothing_but_a_new_one(scene: Scene, server: str) -> None:
    for operation in ("UpdateLaunchConfiguration", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate"):
        scene.aws.inject({"operation": operation, "effect": "error", "code": "ExpiredTokenException", "times": 1})
    scene.group(BOTH, server)
    scene.until_synced()
    assert scene.template(server, "$Latest")["VersionNumber"] == 3


def test_one_bad_template_does_not_stop_the_others(scene: Scene) -> None:
    servers = sorted(next(_singles) for _ in range(3))
    bad = servers[1]
    scene.by_hand(bad, NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": "eni-0123456789abcdef0"}])
    scene.group(BOTH, *servers)
    scene.until(lambda: scene.states() == ["Synced", "Failed", "Synced"])
    assert (scene.synced().status, scene.synced().reason) == ("False", "InvalidParameter")
    assert "eni-0123456789abcdef0" in scene.synced().message
    assert "1 of 3" in scene.synced().message
