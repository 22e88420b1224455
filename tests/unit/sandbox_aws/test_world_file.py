"""The world file: what it means, and what is said of one that is not right."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from drs_sandbox.world import SCHEMA_FILE, WorldError, json_schema, load_faults, load_world

WORLD = """
apiVersion: sandbox.drs-operator.io/v1alpha1
kind: World
accounts:
  - id: "123456789012"
    roles: [{name: DRSOrchestrationRole, externalId: unique-external-id-123}]
    regions:
      - name: us-east-1
        subnets: [{id: subnet-0aaa1111, vpcId: vpc-0aaa1111, cidr: 10.0.1.0/24, usedIps: [10.0.1.17]}]
        securityGroups: [{id: sg-0aaa1111, vpcId: vpc-0aaa1111}]
        instanceProfiles: [DB-Role]
        jobs: [{servers: [s-1234567890abcdef0], isDrill: true, status: STARTED}]
        sourceServers:
          - id: s-1234567890abcdef0
            hostname: db-01
            lag: PT1S
            snapshots: [PT5M, PT1H]
            origin: {instanceId: i-0aaa1111, region: eu-west-1, accountId: "123456789012"}
          - {count: 3, idPrefix: s-web, hostnamePrefix: web-, tags: {Tier: web}}
faults:
  - {operation: StartRecovery, effect: error, code: ThrottlingException, times: 2}
  - {phase: LAUNCH, serverId: s-1234567890abcdef0, effect: launchFailed, rawError: InsufficientInstanceCapacity}
"""


def _write(folder: Path, text: str) -> Path:
    file = folder / "world.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_whole_world(tmp_path: Path) -> None:
    world = load_world(_write(tmp_path, WORLD))
    region = world.accounts[0].regions[0]
    assert world.hub_account == "111111111111"
    assert region.initialized is True
    assert (region.quotas.jobs_in_progress, region.quotas.servers_per_job) == (20, 100)
    servers = region.servers()
    assert [server.id for server in servers[1:]] == [f"s-web{n:014d}" for n in (1, 2, 3)]
    assert [server.hostname for server in servers] == ["db-01", "web-1", "web-2", "web-3"]
    assert (servers[0].lag, servers[0].snapshots) == (timedelta(seconds=1), [timedelta(minutes=5), timedelta(hours=1)])
    assert (servers[1].tags, servers[1].snapshots) == ({"Tier": "web"}, [])
    assert [fault.effects for fault in world.faults] == [("error",), ("launchFailed",)]


def _account(document: dict[str, Any]) -> dict[str, Any]:
    account: dict[str, Any] = document["accounts"][0]
    return account


def _region(document: dict[str, Any]) -> dict[str, Any]:
    region: dict[str, Any] = _account(document)["regions"][0]
    return region


R = "accounts[0].regions[0]"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda it: it.update(kind="Word"), "kind: expected 'World', not 'Word'"),
        (lambda it: it.update(colour="red"), "colour: expected no such key"),
        (lambda it: it.pop("accounts"), "accounts: expected a value, it is missing"),
        (
            lambda it: _account(it).update(id=123456789012),
            "accounts[0].id: expected text (in quotes), not 123456789012",
        ),
        (lambda it: _account(it).update(id="12"), "accounts[0].id: expected text like ^[0-9]{12}$, not '12'"),
        (lambda it: it["accounts"].append(_account(it)), "accounts[1].id: expected every one once, 123456789012 is"),
        (lambda it: _account(it)["regions"].append({"name": "us-east-1"}), "accounts[0].regions[1].name: expected"),
        (
            lambda it: _account(it)["roles"].append({"name": "DRSOrchestrationRole"}),
            "accounts[0].roles[1].name: expected every one once, DRSOrchestrationRole is there twice",
        ),
        (
            lambda it: _region(it)["sourceServers"].append({"id": "s-1234567890abcdef0", "hostname": "x"}),
            f"{R}.sourceServers[2]: expected every one once, s-1234567890abcdef0 is there twice",
        ),
        (
            lambda it: _region(it)["sourceServers"].append({"count": 1, "idPrefix": "s-web", "hostnamePrefix": "x"}),
            f"{R}.sourceServers[2]: expected every one once, s-web00000000000001 is there twice",
        ),
        (
            lambda it: _region(it)["sourceServers"][0].update(replicationState="OK"),
            f"{R}.sourceServers[0].replicationState: expected 'STOPPED', 'INITIATING'",
        ),
        (
            lambda it: _region(it)["sourceServers"][0].update(lag="5 minutes"),
            f"{R}.sourceServers[0].lag: expected an ISO 8601 duration such as PT5M, not '5 minutes'",
        ),
        (
            lambda it: _region(it)["sourceServers"][0].update(stagingAccountId="123456789012"),
            f"{R}.sourceServers[0]: expected stagingAccountId and stagingServerId together",
        ),
        (
            lambda it: _region(it)["sourceServers"][1].update(idPrefix="s-0123456789abcdef", count=100),
            f"{R}.sourceServers[1]: expected a count of at most 1 digits after idPrefix s-0123456789abcdef",
        ),
        (
            lambda it: _region(it)["jobs"][0].update(servers=["s-web00000000000009"]),
            f"{R}.jobs[0].servers[0]: expected a source server of us-east-1, not s-web00000000000009",
        ),
        (
            lambda it: _region(it)["jobs"].append({"servers": ["s-1234567890abcdef0"]}),
            f"{R}.jobs[1].servers[0]: expected a server in one running job at most, s-1234567890abcdef0 is in two",
        ),
        (
            lambda it: _region(it)["subnets"][0].update(cidr="10.0.1.5/24"),
            f"{R}.subnets[0].cidr: expected an IPv4 network such as 10.0.1.0/24 (10.0.1.5/24 has host bits set)",
        ),
        (
            lambda it: _region(it)["subnets"][0].update(cidr="10.0.0.0/8"),
            f"{R}.subnets[0].cidr: expected a network of /16 to /28, as in EC2, not 10.0.0.0/8",
        ),
        (
            lambda it: _region(it)["subnets"].append(
                {"id": "subnet-0bbb1111", "vpcId": "vpc-0aaa1111", "cidr": "10.0.1.128/25"}
            ),
            f"{R}.subnets[1].cidr: expected a network that does not overlap subnet-0aaa1111 (10.0.1.0/24)",
        ),
        (
            lambda it: _region(it)["subnets"][0].update(usedIps=["10.0.2.17"]),
            f"{R}.subnets[0].usedIps[0]: expected an address that instances can have in 10.0.1.0/24, not '10.0.2.17'",
        ),
        (
            lambda it: _region(it)["subnets"][0].update(usedIps=["10.0.1.3"]),
            f"{R}.subnets[0].usedIps[0]: expected an address that instances can have",
        ),
        (
            lambda it: it["faults"].append({"operation": "DescribeJobs", "effect": "stuck"}),
            "faults[2]: expected one of error, lostAnswer",
        ),
        (lambda it: it["faults"].append({"effect": "hang"}), "faults[2]: expected either operation or phase"),
        (
            lambda it: it["faults"].append({"operation": "DescribeJobs", "effect": "delay"}),
            "faults[2]: expected seconds with effect delay",
        ),
        (lambda it: _region(it).update(name="xx-nowhere-1"), f"{R}.name: expected a Region of AWS, not 'xx-nowhere-1'"),
        (
            lambda it: _region(it)["sourceServers"][0]["origin"].update(region="xx-nowhere-1"),
            f"{R}.sourceServers[0].origin.region: expected a Region of AWS, not 'xx-nowhere-1'",
        ),
        *(
            (
                lambda it, fault=fault: it["faults"].append({"operation": "StartRecovery", "effect": "hang", **fault}),
                text,
            )
            for fault, text in [
                (
                    {"operation": "StartDrill"},
                    "faults[2].operation: expected an operation of a simulated service, not 'StartDrill'",
                ),
                ({"service": "ec2"}, "faults[2].operation: expected an operation of ec2, not 'StartRecovery'"),
                ({"service": "s3"}, "faults[2].service: expected one of drs, sts, dynamodb, service-quotas, iam,"),
                (
                    {"effect": "emptyPage"},
                    "faults[2].effect: expected an operation with pages for emptyPage, StartRecovery has none",
                ),
                (
                    {"operation": "DescribeJobs", "effect": "hideJob", "seconds": 1},
                    "faults[2].effect: expected one of StartRecovery, TerminateRecoveryInstances with hideJob, not",
                ),
            ]
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_path_and_expectation(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], finding: str
) -> None:
    document = yaml.safe_load(WORLD)
    change(document)
    file = _write(tmp_path, json.dumps(document))
    with pytest.raises(WorldError) as refused:
        load_world(file)
    assert str(refused.value).startswith(f"{file}: {finding}")
    assert "\n" not in str(refused.value)


def test_every_finding_has_its_line(tmp_path: Path) -> None:
    document = yaml.safe_load(WORLD)
    _region(document)["subnets"][0].update(cidr="nowhere")
    _region(document)["jobs"][0].update(servers=["s-00000000000000000"])
    file = _write(tmp_path, json.dumps(document))
    with pytest.raises(WorldError) as refused:
        load_world(file)
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        f"{R}.subnets[0].cidr",
        f"{R}.jobs[0].servers[0]",
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: [1", "expected YAML ("),
        ("- a", "expected a mapping with apiVersion and kind"),
        ("", "expected a mapping with apiVersion and kind"),
        ("kind: World\nkind: World\n", "expected YAML (the key kind only once, it is there twice at line 2)"),
    ],
)
def test_texts_that_are_no_world(tmp_path: Path, text: str, finding: str) -> None:
    file = _write(tmp_path, text)
    with pytest.raises(WorldError) as refused:
        load_world(file)
    assert str(refused.value).startswith(f"{file}: {finding}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="expected a readable file"):
        load_world(tmp_path / "nowhere.yaml")


def test_faults_alone() -> None:
    faults = load_faults("faults: [{operation: DescribeJobs, effect: [hang]}]", "-")
    assert [fault.operation for fault in faults] == ["DescribeJobs"]
    with pytest.raises(WorldError, match=r"^-: faults: expected a value, it is missing$"):
        load_faults("{}", "-")


def test_the_published_schema_is_that_of_the_models() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        (lambda it: None, True),
        (lambda it: it.update(colour="red"), False),
        (lambda it: _account(it).update(id="12"), False),
        (lambda it: _region(it)["sourceServers"][0].pop("hostname"), False),
        (lambda it: _region(it)["sourceServers"][1].update(count=0), False),
        (lambda it: it["faults"].append({"operation": "DescribeJobs", "effect": "explode"}), False),
    ],
)
def test_editors_that_know_the_schema_agree_with_the_loader(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], valid: bool
) -> None:
    document = yaml.safe_load(WORLD)
    change(document)
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(document) is valid
    file = _write(tmp_path, json.dumps(document))
    if valid:
        load_world(file)
    else:
        with pytest.raises(WorldError):
            load_world(file)
