"""The world of these tests: a hub, two accounts, two Regions."""

from __future__ import annotations

from typing import Any

HUB = "111111111111"
ONE = "123456789012"
TWO = "210987654321"
ROLE = "DRSOrchestrationRole"
EXTERNAL_ID = "unique-external-id-123"
SERVER = "s-1234567890abcdef0"
OTHER_SERVER = "s-1234567890abcdef1"
SUBNET = "subnet-0aaa1111"
GROUP = "sg-0aaa1111"
ORIGIN = "i-0aaa11112222"
ROLE_ARN = f"arn:aws:iam::{ONE}:role/{ROLE}"


def world(faults: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A new copy of the world, with faults."""
    return {
        "apiVersion": "sandbox.drs-operator.io/v1alpha1",
        "kind": "World",
        "hubAccount": HUB,
        "accounts": [
            {
                "id": ONE,
                "roles": [{"name": ROLE, "externalId": EXTERNAL_ID}],
                "regions": [
                    {
                        "name": "us-east-1",
                        "quotas": {"jobsInProgress": 7},
                        "subnets": [
                            {"id": SUBNET, "vpcId": "vpc-0aaa1111", "cidr": "10.0.1.0/24", "usedIps": ["10.0.1.17"]},
                            {"id": "subnet-0aaa2222", "vpcId": "vpc-0aaa1111", "cidr": "10.1.0.0/28"},
                        ],
                        "securityGroups": [
                            {"id": GROUP, "vpcId": "vpc-0aaa1111"},
                            {"id": "sg-0bbb1111", "vpcId": "vpc-0bbb1111"},
                        ],
                        "instanceProfiles": ["DB-Role"],
                        "sourceServers": [
                            {
                                "id": SERVER,
                                "hostname": "db-01",
                                "tags": {"Tier": "database"},
                                "snapshots": ["PT5M"],
                                "origin": {
                                    "instanceId": ORIGIN,
                                    "region": "eu-west-1",
                                    "accountId": ONE,
                                    "tags": {"Owner": "payments"},
                                },
                                "launchTemplate": {"userData": "echo hello", "instanceType": "m5.xlarge"},
                            },
                            {"id": OTHER_SERVER, "hostname": "db-02", "snapshots": ["PT5M"]},
                        ],
                    },
                    {"name": "us-west-2"},
                ],
            },
            {"id": TWO, "roles": [{"name": "Recovery"}], "regions": [{"name": "us-east-1"}]},
        ],
        "faults": faults or [],
    }
