"""Launch settings on real parts: from `kubectl apply` to the EC2 launch template, and back when somebody drifts."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually, group
from tests.e2e.world import ACCOUNT, server_id

pytestmark = pytest.mark.usefixtures("operator")
SYNCED = "LaunchConfigurationSynced"


class Aws:
    """EC2 and DRS of the account, as one of its people uses them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def ec2(self) -> Any:
        """EC2, entered now: sessions of a fast sandbox end soon."""
        return self._client("ec2")

    @property
    def drs(self) -> Any:
        """DRS, entered now."""
        return self._client("drs")

    def _client(self, service: str) -> Any:
        settings = self._sandbox.environment
        hub = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
        found = hub.client("sts", endpoint_url=settings["AWS_ENDPOINT_URL"]).assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/DRSOrchestrationRole",
            RoleSessionName="somebody",
            ExternalId="unique-external-id-123",
        )["Credentials"]
        session: Any = boto3.Session(
            found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], region_name="us-east-1"
        )
        return session.client(service, endpoint_url=settings["AWS_ENDPOINT_URL"])

    def template(self, server: str) -> dict[str, Any]:
        """The default version of a server's launch template."""
        answer = self.ec2.describe_launch_template_versions(
            LaunchTemplateId=self.template_id(server), Versions=["$Default"]
        )
        return dict(answer["LaunchTemplateVersions"][0]["LaunchTemplateData"])

    def template_id(self, server: str) -> str:
        """The id of a server's launch template."""
        return str(self.drs.get_launch_configuration(sourceServerID=server)["ec2LaunchTemplateID"])

    def by_hand(self, server: str, **data: Any) -> None:
        """A version with other data becomes the default."""
        template_id = self.template_id(server)
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=template_id, SourceVersion="$Default", LaunchTemplateData=data
        )["LaunchTemplateVersion"]["VersionNumber"]
        self.ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(made))

    def network(self) -> tuple[str, str]:
        """A subnet with room, and a security group of its VPC."""
        subnet = self.ec2.describe_subnets()["Subnets"][0]
        named = [{"Name": "vpc-id", "Values": [subnet["VpcId"]]}]
        groups = self.ec2.describe_security_groups(Filters=named)["SecurityGroups"]
        return str(subnet["SubnetId"]), str(groups[0]["GroupId"])


@pytest.fixture
def aws(sandbox: Sandbox) -> Aws:
    """The account."""
    return Aws(sandbox)


def states(kubectl: Kubectl, namespace: str) -> list[str]:
    """How the launch settings of the group's servers stand."""
    servers = kubectl.status("drpg", "web", namespace).get("servers", [])
    return [str(server.get("launchConfiguration")) for server in servers]


def says(kubectl: Kubectl, namespace: str, reason: str) -> str:
    """The message of the condition once it has this reason."""

    def found() -> str | None:
        condition = kubectl.condition("drpg", "web", namespace, SYNCED)
        return str(condition["message"]) if condition.get("reason") == reason else None

    return str(eventually(f"{SYNCED} is {reason}", found))


def with_settings(namespace: str, launch: dict[str, Any], *overrides: dict[str, Any]) -> dict[str, Any]:
    """The group `web` with launch settings."""
    made = group(namespace, "web", "web")
    made["spec"] |= {"launchConfiguration": launch, "servers": list(overrides)}
    return made


def test_from_the_manifest_to_the_template_and_back_from_drift(kubectl: Kubectl, namespace: str, aws: Aws) -> None:
    first, second = (server_id(namespace, "web", number) for number in (1, 2))
    subnet, security_group = aws.network()
    before = aws.template(first)
    kubectl.apply(
        with_settings(
            namespace,
            {"copyTags": True, "instanceType": "r6i.large", "subnetId": subnet, "securityGroupIds": [security_group]},
            {"serverId": second, "launchConfiguration": {"instanceType": "r6i.2xlarge"}},
        )
    )
    eventually("both are written", lambda: states(kubectl, namespace) == ["Synced", "Synced"])
    after = aws.template(first)
    assert (after["InstanceType"], aws.template(second)["InstanceType"]) == ("r6i.large", "r6i.2xlarge")
    assert after["NetworkInterfaces"][0]["SubnetId"] == subnet
    assert after["NetworkInterfaces"][0]["Groups"] == [security_group]
    untouched = before.keys() - {"InstanceType", "NetworkInterfaces"}
    assert {key: after[key] for key in untouched} == {key: before[key] for key in untouched}
    shown = aws.drs.get_launch_configuration(sourceServerID=first)
    assert (shown["copyTags"], shown["targetInstanceTypeRightSizingMethod"]) == (True, "NONE")
    assert kubectl.condition("drpg", "web", namespace, "Ready")["status"] == "True"

    aws.by_hand(second, InstanceType="t3.micro", KeyName="mine")
    told = eventually(
        "the drift is told", lambda: [e for e in kubectl.events(namespace, "web") if e["reason"] == "Drifted"]
    )
    assert "instanceType t3.micro, wanted r6i.2xlarge" in told[0]["message"]
    assert told[0]["type"] == "Warning"
    eventually("it is mended", lambda: aws.template(second)["InstanceType"] == "r6i.2xlarge")
    assert aws.template(second)["KeyName"] == "mine", "what nobody manages stays as somebody made it"
    eventually("it is synced again", lambda: states(kubectl, namespace) == ["Synced", "Synced"])

    kubectl.apply(with_settings(namespace, {"instanceType": "m6i.large"}))
    eventually("the edit is written", lambda: aws.template(second)["InstanceType"] == "m6i.large")
    assert aws.template(second)["NetworkInterfaces"][0]["SubnetId"] == subnet, "a key that is left out stays"


@pytest.mark.parametrize(
    ("launch", "reason", "names"),
    [
        ({"instanceType": "z9.huge"}, "InstanceTypeUnavailable", "z9.huge"),
        ({"subnetId": "subnet-0bad1111bbb22222c"}, "SubnetNotFound", "subnet-0bad1111bbb22222c"),
        ({"iamInstanceProfileName": "nobody"}, "InvalidParameter", "nobody"),
    ],
)
def test_what_aws_does_not_have_is_told_and_not_written(
    kubectl: Kubectl, namespace: str, aws: Aws, launch: dict[str, Any], reason: str, names: str
) -> None:
    kubectl.apply(with_settings(namespace, launch))
    assert names in says(kubectl, namespace, reason)
    ready = eventually(
        "the group is not Ready",
        lambda: (found := kubectl.condition("drpg", "web", namespace, "Ready")).get("reason") == reason and found,
    )
    assert ready["status"] == "False"
    assert set(states(kubectl, namespace)) == {"Failed"}
    template_id = aws.template_id(server_id(namespace, "web"))
    described = aws.ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"][0]
    assert described["LatestVersionNumber"] == 1
    kubectl.apply(with_settings(namespace, {"copyTags": True}))
    eventually("corrected, it is written", lambda: states(kubectl, namespace) == ["Synced", "Synced"])


def test_one_bad_address_does_not_stop_the_other_server(kubectl: Kubectl, namespace: str, aws: Aws) -> None:
    first, second = (server_id(namespace, "web", number) for number in (1, 2))
    subnet, _ = aws.network()
    kubectl.apply(
        with_settings(
            namespace,
            {"subnetId": subnet},
            {"serverId": first, "launchConfiguration": {"staticPrivateIp": "10.99.0.1"}},
            {"serverId": second, "launchConfiguration": {"launchDisposition": "STOPPED"}},
        )
    )
    message = says(kubectl, namespace, "IpOutOfRange")
    assert "1 of 2" in message
    assert "10.99.0.1" in message
    eventually("the other one is written", lambda: states(kubectl, namespace) == ["Failed", "Synced"])
    assert aws.drs.get_launch_configuration(sourceServerID=second)["launchDisposition"] == "STOPPED"


def test_a_suspended_group_only_says_what_would_change(kubectl: Kubectl, namespace: str, aws: Aws) -> None:
    made = with_settings(namespace, {"instanceType": "r6i.large"})
    made["spec"]["suspend"] = True
    kubectl.apply(made)
    assert "wanted r6i.large" in says(kubectl, namespace, "Suspended")
    assert set(states(kubectl, namespace)) == {"WouldChange"}
    template_id = aws.template_id(server_id(namespace, "web"))
    described = aws.ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"][0]
    assert described["LatestVersionNumber"] == 1


def test_once_written_nothing_more_happens(
    sandbox: Sandbox, kubectl: Kubectl, namespace: str, aws: Aws, operator: Operator
) -> None:
    kubectl.apply(with_settings(namespace, {"instanceType": "r6i.large"}))
    eventually("both are written", lambda: states(kubectl, namespace) == ["Synced", "Synced"])
    version = kubectl.get("drpg", "web", namespace)["metadata"]["resourceVersion"]
    began = len(sandbox.control.calls("ec2"))
    eventually(
        "some refreshes have passed",
        lambda: sum(c["operation"] == "DescribeLaunchTemplates" for c in sandbox.control.calls("ec2")[began:]) >= 4,
    )
    assert kubectl.get("drpg", "web", namespace)["metadata"]["resourceVersion"] == version
    mine = {server_id(namespace, "web", number) for number in (1, 2)}
    later = [c for c in sandbox.control.calls() if c["operation"] == "GetLaunchConfiguration" and _server(c) in mine]
    restarted = len(later)
    operator.kill()
    operator.start()
    seen = len(sandbox.control.calls("ec2"))
    eventually(
        "the new process has looked",
        lambda: sum(c["operation"] == "DescribeLaunchTemplates" for c in sandbox.control.calls("ec2")[seen:]) >= 4,
    )
    read = [c for c in sandbox.control.calls() if c["operation"] == "GetLaunchConfiguration" and _server(c) in mine]
    assert len(read) == restarted, "what the ledger vouches for is not read again"


def _server(call: dict[str, Any]) -> str:
    return str(call["parameters"].get("sourceServerID"))
