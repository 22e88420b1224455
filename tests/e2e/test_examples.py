"""Every folder of `examples/`, applied as it stands to the world that comes with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from drs_sandbox.up import Sandbox
from tests.e2e.harness import ROOT, Kubectl, Operator, eventually, execution, installed

EXAMPLES = ROOT / "examples"
MUTATING = ("Create", "Update", "Modify", "Delete", "Start", "Terminate", "Tag", "Untag", "Put", "Run")


@contextmanager
def applied(example: str, folder: Path, **settings: str) -> Iterator[tuple[Sandbox, Kubectl]]:
    """The example's world with a running operator, and the example applied."""
    with Sandbox(folder / "sandbox", world=EXAMPLES / example / "world.yaml", speed=200) as sandbox:
        kubectl = installed(sandbox)
        operator = Operator(sandbox, folder / "operator.log", **settings)
        operator.start()
        try:
            kubectl("apply", "-k", f"examples/{example}")
            yield sandbox, kubectl
        finally:
            operator.kill()
        assert "a defect in a reconciler" not in operator.log, operator.log


def ready(kubectl: Kubectl, namespace: str, *objects: str) -> None:
    """Waits until all of the objects are Ready."""
    kubectl("wait", "-n", namespace, "--for=condition=Ready", *objects, "--timeout=90s")


def finished(kubectl: Kubectl, namespace: str, plan: str) -> dict[str, Any]:
    """Runs a drill of a plan to its end and returns its status."""
    kubectl.apply(execution(namespace, "drill", plan))
    kubectl("wait", "-n", namespace, "--for=condition=Finished", "drx/drill", "--timeout=90s")
    return kubectl.status("drx", "drill", namespace)


def test_every_example_has_a_test() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == {
        "quickstart",
        "tags",
        "explicit-servers",
        "multi-account",
        "large-waves",
        "onboarding",
        "evacuation",
        "commands",
        "region-loss",
    }


def test_tags(tmp_path: Path) -> None:
    with applied("tags", tmp_path) as (sandbox, kubectl):
        ready(kubectl, "dr-tags", "drplan/orders")
        assert kubectl.status("drplan", "orders", "dr-tags")["totalServers"] == 5, (
            "not the server of another application"
        )
        sandbox.control.set_server("s-0db00000000000001", {"tags.Tier": "databse"})

        def leaving() -> dict[str, Any]:
            condition = kubectl.condition("drpg", "orders-db", "dr-tags", "MembershipStable")
            return condition if condition.get("status") == "False" else {}

        assert "db-1" in eventually("the change is told", leaving)["message"]
        status = kubectl.status("drpg", "orders-db", "dr-tags")
        assert status["serverCount"] == 2, "a tag removed by mistake leaves the server protected"
        assert kubectl.condition("drpg", "orders-db", "dr-tags", "Ready")["status"] == "True"


def test_explicit_servers(tmp_path: Path) -> None:
    with applied("explicit-servers", tmp_path) as (sandbox, kubectl):
        ready(kubectl, "dr-explicit", "drpg/ledger-db", "drplan/ledger")
        status = kubectl.status("drpg", "ledger-db", "dr-explicit")
        assert {server["launchConfiguration"] for server in status["servers"]} == {"Synced"}

        ec2, template_id = template_of(sandbox, "s-0db00000000000001")
        first, last = version(ec2, template_id, "1"), version(ec2, template_id, "$Default")
        kept = ("UserData", "TagSpecifications", "BlockDeviceMappings", "MetadataOptions", "EbsOptimized")
        assert first["UserData"], "there is something to lose"
        assert {key: first.get(key) for key in kept} == {key: last.get(key) for key in kept}
        assert (first["InstanceType"], last["InstanceType"]) == ("m5.large", "r6i.2xlarge")
        (interface,) = last["NetworkInterfaces"]
        assert interface["PrivateIpAddress"] == "10.0.1.100"

        made = ec2.create_launch_template_version(
            LaunchTemplateId=template_id, SourceVersion="$Default", LaunchTemplateData={"InstanceType": "t3.micro"}
        )["LaunchTemplateVersion"]["VersionNumber"]
        ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(made))
        mended = eventually("the drift is told", lambda: drifts(kubectl))
        assert "db-01: instanceType t3.micro, wanted r6i.2xlarge" in mended[0]
        eventually("it is mended", lambda: version(ec2, template_id, "$Default")["InstanceType"] == "r6i.2xlarge")
        ready(kubectl, "dr-explicit", "drpg/ledger-db", "drplan/ledger")

        assert finished(kubectl, "dr-explicit", "ledger")["phase"] == "Completed"
        (wave,) = kubectl.status("drx", "drill", "dr-explicit")["waves"]
        addresses = {server["serverId"]: server["privateIp"] for server in wave["servers"]}
        assert addresses["s-0db00000000000001"] == "10.0.1.100"
        assert addresses["s-0db00000000000002"] == "10.0.1.101"


def drifts(kubectl: Kubectl) -> list[str]:
    """What Events have said of drift."""
    return [e["message"] for e in kubectl.events("dr-explicit", "ledger-db") if e["reason"] == "Drifted"]


def template_of(sandbox: Sandbox, server_id: str) -> tuple[Any, str]:
    """EC2 of the target account as a person there has it, and the launch template of a server."""
    target, door = account_session(sandbox), sandbox.aws_endpoint
    configuration = target.client("drs", endpoint_url=door).get_launch_configuration(sourceServerID=server_id)
    return target.client("ec2", endpoint_url=door), configuration["ec2LaunchTemplateID"]


def account_session(sandbox: Sandbox) -> boto3.Session:
    """The target account's role, entered without the operator."""
    env = sandbox.environment
    hub = boto3.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env.get("AWS_SESSION_TOKEN"), "us-east-1"
    )
    found = hub.client("sts", endpoint_url=sandbox.aws_endpoint).assume_role(
        RoleArn="arn:aws:iam::123456789012:role/DRSOrchestrationRole",
        RoleSessionName="a-person",
        ExternalId="unique-external-id-123",
    )["Credentials"]
    return boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], "us-east-1")


def version(ec2: Any, template_id: str, number: str) -> dict[str, Any]:
    """The data of a template version."""
    found = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=[number])
    return dict(found["LaunchTemplateVersions"][0]["LaunchTemplateData"])


def test_multi_account(tmp_path: Path) -> None:
    with applied("multi-account", tmp_path) as (_, kubectl):
        ready(kubectl, "dr-multi", "drplan/everywhere")
        assert kubectl.status("drplan", "everywhere", "dr-multi")["targetRegions"] == [
            "eu-central-1",
            "us-east-1",
            "us-west-2",
        ]
        status = finished(kubectl, "dr-multi", "everywhere")
        assert status["phase"] == "Completed"
        jobs = {(job["accountId"], job["region"]) for wave in status["waves"] for job in wave["jobs"]}
        assert len(jobs) == 3, "each wave was launched in its own place"


def test_large_waves(tmp_path: Path) -> None:
    with applied("large-waves", tmp_path) as (sandbox, kubectl):
        ready(kubectl, "dr-large", "drplan/farm")
        status = finished(kubectl, "dr-large", "farm")
        assert (status["phase"], status["serverProgress"]) == ("Completed", "150/150")
        made = [call for call in sandbox.control.calls("drs") if call["operation"] == "StartRecovery"]
        assert sorted(len(call["parameters"]["sourceServers"]) for call in made) == [50, 100]


def test_onboarding(tmp_path: Path) -> None:
    with applied("onboarding", tmp_path) as (sandbox, kubectl):
        ready(kubectl, "dr-onboarding", "drplan/legacy")
        account = eventually(
            "what nobody protects is counted",
            lambda: [
                r
                for r in kubectl.status("drta", "onboarding-account").get("regions", [])
                if r.get("unprotectedServers") == 1
            ],
        )
        assert account[0]["sourceServers"] == 3
        status = kubectl.status("drpg", "legacy", "dr-onboarding")
        assert {server["launchConfiguration"] for server in status["servers"]} == {"WouldChange"}
        refused = finished(kubectl, "dr-onboarding", "legacy")
        assert refused["error"]["code"] == "ACCOUNT_OBSERVE_ONLY"
        made = [
            call["operation"]
            for call in sandbox.control.calls()
            if call["account"] == "123456789012"
            and call["operation"].startswith(MUTATING)
            and "drs.amazonaws.com" not in call["principal"]
        ]
        assert made == [], "not one mutating call"


@pytest.mark.parametrize(
    "example",
    ["tags", "explicit-servers", "multi-account", "large-waves", "onboarding", "quickstart", "evacuation"],
)
def test_an_example_is_one_kustomization(example: str) -> None:
    named = (EXAMPLES / example / "kustomization.yaml").read_text()
    assert f"examples/{example}" in named, "its first line says how to apply it"
