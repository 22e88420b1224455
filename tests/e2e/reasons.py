"""Situations: what has to be the case for a reason to be seen, and how it must look then.

All of them live in one sandbox at the same time, each in a namespace of its own name, with source servers that carry
the tag `Situation` and its name. To add one, write a row in one of the `reason_*.py` files: objects, source servers
and accounts of the world, faults, and what is expected of the object that has the situation's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl

Object = dict[str, Any]
HUB = "111111111111"
HOME = "123456789012"
"""The account in which everything works; its source servers are those of the situations."""
REGION = "us-east-1"
ROLE = "DRSOrchestrationRole"
EXTERNAL_ID = "unique-external-id-123"
SUBNET = "subnet-0aaa1111bbb22222c"
"""10.0.1.0/24, in which 10.0.1.17 is taken."""
STRANGE_GROUP = "sg-0bbb1111bbb22222c"
"""Of another VPC than the subnet."""
NETWORK: dict[str, Any] = {
    "subnets": [{"id": SUBNET, "vpcId": "vpc-0aaa1111bbb22222c", "cidr": "10.0.1.0/24", "usedIps": ["10.0.1.17"]}],
    "securityGroups": [
        {"id": "sg-0aaa1111bbb22222c", "vpcId": "vpc-0aaa1111bbb22222c"},
        {"id": STRANGE_GROUP, "vpcId": "vpc-0bbb1111bbb22222c"},
    ],
}


@dataclass(frozen=True, slots=True)
class Situation:
    """A row. The object that is looked at has the situation's name, in the namespace of that name."""

    name: str
    word: str
    """The reason that the condition has."""
    kind: str
    condition: str
    status: str
    says: tuple[str, ...]
    """What the condition's message contains: object, value, next step."""
    objects: tuple[Object, ...]
    because: str
    servers: tuple[Object, ...] = ()
    """Source servers of account HOME."""
    accounts: tuple[Object, ...] = ()
    """More accounts of the world."""
    faults: tuple[Object, ...] = ()
    event: str | None = None
    """Reason of an Event about the object; None: none is expected."""
    details: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words in fields of the status, by their names there."""
    hides: tuple[str, ...] = ()
    """What must not stand anywhere in the status."""
    until: tuple[str, str, str] | None = None
    """Before what follows: kind, name and a condition that has to be True."""
    then: Callable[[Sandbox, Kubectl], None] | None = None
    """What happens after that."""
    later: tuple[Object, ...] = ()
    """Objects that are applied after that."""
    shows: str | None = None
    """The reason that the situation is about, where it is seen elsewhere than as the condition's."""

    @property
    def where(self) -> str | None:
        """The namespace of the object that is looked at."""
        return None if self.kind == "drta" else self.name


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of what the API server refuses."""

    name: str
    code: str
    says: tuple[str, ...]
    wanted: Object
    because: str
    before: Object | None = None
    """The object as it is stored first, where an edit is refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of how a command is answered; it is given to the run of a situation."""

    situation: str
    command: str
    value: str
    code: str
    says: tuple[str, ...]
    because: str


def server_id(situation: str, number: int = 1) -> str:
    """Id of a situation's source server."""
    return f"s-{hashlib.sha256(situation.encode()).hexdigest()[:14]}{number:03d}"


def server(situation: str, number: int = 1, **more: Any) -> Object:
    """A source server of a situation, replicating and with a recovery point unless `more` says otherwise."""
    return {
        "id": server_id(situation, number),
        "hostname": f"{situation}-{number}"[:48],
        "tags": {"Situation": situation},
        "snapshots": ["PT5M"],
        **more,
    }


def account_id(situation: str) -> str:
    """Id of a situation's own AWS account."""
    return f"9{int(hashlib.sha256(situation.encode()).hexdigest(), 16) % 10**11:011d}"


def world_account(situation: str, *regions: Object, external_id: str = EXTERNAL_ID) -> Object:
    """A situation's own AWS account."""
    return {
        "id": account_id(situation),
        "roles": [{"name": ROLE, "externalId": external_id}],
        "regions": list(regions) or [{"name": REGION}],
    }


def target(situation: str, *regions: str, **spec: Any) -> Object:
    """The TargetAccount of a situation's own AWS account, for every namespace unless `spec` says otherwise."""
    wanted = {
        "accountId": account_id(situation),
        "assumeRoleName": ROLE,
        "externalId": EXTERNAL_ID,
        "regions": list(regions) or None,
        "allowedNamespaces": {"from": "All"},
        **spec,
    }
    return _object("TargetAccount", situation, None, {k: v for k, v in wanted.items() if v is not None})


def group(situation: str, name: str | None = None, account: str = "home", **spec: Any) -> Object:
    """A group of all servers of a situation, of the situation's name unless another one is given."""
    wanted: Object = {"targetAccountRef": {"name": account}, "region": REGION, "serverSelectionMode": "tags", **spec}
    if wanted["serverSelectionMode"] == "tags":
        wanted.setdefault("serverSelectionTags", {"Situation": situation})
    return _object("ProtectionGroup", name or situation, situation, wanted)


def plan(situation: str, *waves: Object, name: str | None = None, **spec: Any) -> Object:
    """A plan of a situation; without waves one wave with the situation's group."""
    return _object("RecoveryPlan", name or situation, situation, {"waves": list(waves) or [wave(1, situation)], **spec})


def wave(number: int, group_name: str, **more: Any) -> Object:
    """A wave."""
    return {"waveNumber": number, "name": f"wave {number}", "protectionGroupRef": {"name": group_name}, **more}


def run(situation: str, type: str = "DRILL", name: str | None = None, **spec: Any) -> Object:
    """An execution of the situation's plan."""
    asked: Object = {"recoveryPlanRef": {"name": situation}, "executionType": type, **spec}
    if type == "RECOVERY":
        asked = {"reason": "test", "recoveryPoint": {"policy": "ExistingLatest"}, **asked}
    return _object("DRExecution", name or situation, situation, asked)


def _object(kind: str, name: str, namespace: str | None, spec: Object) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "drs-operator.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


HOME_ACCOUNT = _object(
    "TargetAccount",
    "home",
    None,
    {
        "accountId": HOME,
        "assumeRoleName": ROLE,
        "externalId": EXTERNAL_ID,
        "regions": [REGION],
        "allowedNamespaces": {"from": "All"},
    },
)


def world(situations: Iterable[Situation]) -> str:
    """The world file in which all of them are the case."""
    listed = list(situations)
    home = {
        "id": HOME,
        "roles": [{"name": ROLE, "externalId": EXTERNAL_ID}],
        "regions": [
            {"name": REGION, "sourceServers": [s for situation in listed for s in situation.servers], **NETWORK}
        ],
    }
    return yaml.safe_dump(
        {
            "apiVersion": "sandbox.drs-operator.io/v1alpha1",
            "kind": "World",
            "hubAccount": HUB,
            "accounts": [home, *(a for situation in listed for a in situation.accounts)],
            "faults": [fault for situation in listed for fault in situation.faults],
        },
        sort_keys=False,
    )


def namespaces(situations: Iterable[Situation]) -> list[Object]:
    """A namespace for each."""
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": s.name}} for s in situations]
