"""A fleet of any size: accounts, Regions, source servers and the objects that protect them, spread evenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

API_VERSION = "drs-operator.io/v1alpha1"
REGIONS = ("us-east-1", "us-west-2", "eu-central-1")
ROLE = "DRSOrchestrationRole"
NAMESPACE = "fleet"


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many groups of ten servers, over accounts and three Regions; ten groups to a plan."""

    groups: int
    accounts: int = 20
    servers_per_group: int = 10
    groups_per_plan: int = 10

    @property
    def servers(self) -> int:
        """Source servers in all."""
        return self.groups * self.servers_per_group

    @property
    def plans(self) -> int:
        """Recovery plans; the last may be smaller."""
        return -(-self.groups // self.groups_per_plan)

    @property
    def places(self) -> int:
        """Accounts times Regions."""
        return self.accounts * len(REGIONS)

    def place_of(self, group: int) -> tuple[int, str]:
        """Account number and Region of a group."""
        place = group % self.places
        return place // len(REGIONS), REGIONS[place % len(REGIONS)]

    def world(self) -> str:
        """The world file's text."""
        in_place: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for group in range(self.groups):
            in_place.setdefault(self.place_of(group), []).append(
                {
                    "count": self.servers_per_group,
                    "idPrefix": f"s-{group:06d}",
                    "hostnamePrefix": f"app{group}-",
                    "tags": {"App": f"app-{group}"},
                    "snapshots": ["PT5M"],
                }
            )
        accounts = [
            {
                "id": account_id(number),
                "roles": [{"name": ROLE, "externalId": external_id(number)}],
                "regions": [
                    {"name": region, "sourceServers": in_place.get((number, region), [])} for region in REGIONS
                ],
            }
            for number in range(self.accounts)
        ]
        return yaml.safe_dump(
            {
                "apiVersion": "sandbox.drs-operator.io/v1alpha1",
                "kind": "World",
                "hubAccount": "111111111111",
                "accounts": accounts,
            },
            sort_keys=False,
        )

    def objects(self) -> list[dict[str, Any]]:
        """TargetAccounts, ProtectionGroups and RecoveryPlans, in this order."""
        accounts = [_account(number) for number in range(self.accounts)]
        groups = [self.group(number) for number in range(self.groups)]
        plans = [self._plan(number) for number in range(self.plans)]
        return [*accounts, *groups, *plans]

    def group(self, number: int) -> dict[str, Any]:
        """A group that selects its ten servers by their tag."""
        account, region = self.place_of(number)
        return _object(
            "ProtectionGroup",
            f"group-{number}",
            {
                "targetAccountRef": {"name": f"account-{account}"},
                "region": region,
                "serverSelectionMode": "tags",
                "serverSelectionTags": {"App": f"app-{number}"},
            },
        )

    def _plan(self, number: int) -> dict[str, Any]:
        first = number * self.groups_per_plan
        members = range(first, min(first + self.groups_per_plan, self.groups))
        waves = [
            {"waveNumber": wave, "name": f"wave {wave}", "protectionGroupRef": {"name": f"group-{group}"}}
            for wave, group in enumerate(members, start=1)
        ]
        return _object("RecoveryPlan", f"plan-{number}", {"waves": waves})


def account_id(number: int) -> str:
    """Twelve digits."""
    return f"{200000000000 + number}"


def external_id(number: int) -> str:
    """What the account's role asks for."""
    return f"external-id-{number}"


def _account(number: int) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "TargetAccount",
        "metadata": {"name": f"account-{number}"},
        "spec": {
            "accountId": account_id(number),
            "assumeRoleName": ROLE,
            "externalId": external_id(number),
            "regions": list(REGIONS),
            "allowedNamespaces": {"from": "All"},
        },
    }


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }
