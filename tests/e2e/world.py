"""The world of the end-to-end tests: each namespace has servers of its own, because a server has one owner.

Small and full of trouble: good tiers, a server that cannot be recovered, an account that refuses, a Region that was
never initialised.
"""

from __future__ import annotations

from typing import Any

import yaml

ACCOUNT = "123456789012"
NAMESPACES = 60
SPARES = tuple(f"3{number:011d}" for number in range(1, 17))
"""Accounts for tests about accounts, one for each: two servers in us-east-1, one in eu-central-1."""
SPARE_EXTERNAL_ID = "spare-external-id"
TIERS: dict[str, dict[str, Any]] = {
    "database": {"count": 2, "short": "db"},
    "application": {"count": 2, "short": "app"},
    "web": {"count": 2, "short": "web"},
    "live": {"count": 1, "short": "live"},
    "new": {"count": 1, "short": "new", "replicationState": "INITIAL_SYNC", "snapshots": []},
}


def server_id(namespace: str, tier: str, number: int = 1) -> str:
    """Id of a tier's server of a namespace `dr-7`, counted from 1."""
    prefix = _prefix(int(namespace.removeprefix("dr-")), tier)
    return f"{prefix}{number:0{19 - len(prefix)}d}"


def _prefix(namespace: int, tier: str) -> str:
    return f"s-{namespace:02d}{TIERS[tier]['short']}"


def world() -> str:
    """The world file's text."""
    servers = [
        {
            "count": tier["count"],
            "idPrefix": _prefix(number, name),
            "hostnamePrefix": f"{tier['short']}-",
            "tags": {"Tier": name, "Namespace": f"dr-{number}"},
            "replicationState": tier.get("replicationState", "CONTINUOUS"),
            "snapshots": tier.get("snapshots", ["PT5M"]),
        }
        for number in range(1, NAMESPACES + 1)
        for name, tier in TIERS.items()
    ]
    roles = {"name": "DRSOrchestrationRole"}
    return yaml.safe_dump(
        {
            "apiVersion": "sandbox.drs-operator.io/v1alpha1",
            "kind": "World",
            "hubAccount": "111111111111",
            "accounts": [
                {
                    "id": ACCOUNT,
                    "roles": [{**roles, "externalId": "unique-external-id-123"}],
                    "regions": [
                        {"name": "us-east-1", "sourceServers": servers},
                        {"name": "eu-west-1", "initialized": False},
                    ],
                },
                {
                    "id": "210987654321",
                    "roles": [{**roles, "externalId": "another-external-id"}],
                    "regions": [{"name": "us-east-1"}],
                },
                *(_spare(account_id, {**roles, "externalId": SPARE_EXTERNAL_ID}) for account_id in SPARES),
            ],
        },
        sort_keys=False,
    )


def _spare(account_id: str, role: dict[str, str]) -> dict[str, Any]:
    def server(tier: str) -> dict[str, Any]:
        return {"id": f"s-{account_id}{tier:0>5}", "hostname": tier, "tags": {"Tier": tier}, "snapshots": ["PT5M"]}

    return {
        "id": account_id,
        "roles": [role],
        "regions": [
            {"name": "us-east-1", "sourceServers": [server("one"), server("two")]},
            {"name": "eu-central-1", "sourceServers": [server("three")]},
        ],
    }
