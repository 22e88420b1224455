"""The worlds of the crash matrix: each has an account, a namespace, servers and an installation of its own.

A drill of three waves in two Regions; the second wave waits for a person. The group of the third sets an instance
type, so that launch settings are written to AWS, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from tests.e2e.harness import account, execution, group, plan

REGIONS = ("us-east-1", "eu-west-1")
ROLE = "DRSOrchestrationRole"
EXTERNAL_ID = "matrix-external-id"
RUN = "drill"
TIERS = {"db": REGIONS[0], "app": REGIONS[1], "web": REGIONS[0]}
"""The waves, in order, and where each recovers."""
SERVERS_PER_TIER = 2
_HASHED = re.compile(r"\b(exec|pg|plan)-[0-9a-f]{17}\b")


@dataclass(frozen=True, slots=True)
class World:
    """One of the worlds of a sandbox, by its number from 1."""

    number: int

    @property
    def name(self) -> str:
        """Namespace, TargetAccount and installation."""
        return f"matrix-{self.number}"

    @property
    def account_id(self) -> str:
        """Its AWS account."""
        return f"7{self.number:011d}"

    def server_id(self, tier: str, number: int) -> str:
        """A source server's id."""
        return f"s-{self.number:04d}{tier:0>3}{number:010d}"

    @property
    def server_ids(self) -> list[str]:
        """All source servers that its plan names."""
        return [self.server_id(tier, number) for tier in TIERS for number in range(1, SERVERS_PER_TIER + 1)]

    def plain(self, text: str) -> str:
        """A text without what only this world has in it."""
        text = text.replace(self.account_id, "ACCOUNT").replace(f"s-{self.number:04d}", "s-")
        text = re.sub(rf"\b{self.name}\b", "WORLD", text)
        return _HASHED.sub(r"\1-ID", text)

    def objects(self) -> list[dict[str, Any]]:
        """Everything but the execution."""
        target = account(self.name, self.account_id, EXTERNAL_ID, list(REGIONS))
        groups = [group(self.name, tier, tier, self.name) for tier in TIERS]
        for made, region in zip(groups, TIERS.values(), strict=True):
            made["spec"]["region"] = region
        groups[-1]["spec"]["launchConfiguration"] = {"instanceType": "r6i.xlarge"}
        made_plan = plan(self.name, "three", *TIERS)
        made_plan["spec"]["waves"][1]["pauseBeforeWave"] = True
        return [target, *groups, made_plan]

    def execution(self) -> dict[str, Any]:
        """The drill."""
        return execution(self.name, RUN, "three")

    def entry(self) -> dict[str, Any]:
        """Its account in the world file."""
        regions = [
            {
                "name": region,
                "sourceServers": [
                    {
                        "id": self.server_id(tier, number),
                        "hostname": f"{tier}-{number}",
                        "tags": {"Tier": tier, "Namespace": self.name},
                        "snapshots": ["PT5M"],
                    }
                    for tier, where in TIERS.items()
                    if where == region
                    for number in range(1, SERVERS_PER_TIER + 1)
                ],
            }
            for region in REGIONS
        ]
        return {"id": self.account_id, "roles": [{"name": ROLE, "externalId": EXTERNAL_ID}], "regions": regions}


def world_file(worlds: int) -> str:
    """The text of a world file with so many worlds."""
    return yaml.safe_dump(
        {
            "apiVersion": "sandbox.drs-operator.io/v1alpha1",
            "kind": "World",
            "hubAccount": "111111111111",
            "accounts": [World(number).entry() for number in range(1, worlds + 1)],
        },
        sort_keys=False,
    )
