"""What a run begins on: everything that validation looks at, and the servers that a run would launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan
from drs_operator.api.v1alpha1.targetaccount import TargetAccount
from drs_operator.planning import membership
from drs_operator.planning.facts import Inventory, Place, RecoveryInstance
from drs_operator.planning.health import STALLED, recoverable


@dataclass(frozen=True, slots=True)
class Rival:
    """Another run that holds the plan or a server."""

    execution: str
    """`namespace/name`."""
    displaceable: bool = False
    """It is a drill of this installation: a RECOVERY cancels it and waits for its end."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that validation looks at, read fresh."""

    plan: RecoveryPlan | None
    groups: Mapping[str, ProtectionGroup]
    """By name: those of the waves in scope."""
    accounts: Mapping[str, TargetAccount]
    """By name."""
    allowed: Mapping[str, bool]
    """By account name: whether it lets this namespace in."""
    inventories: Mapping[Place, Inventory]
    failures: Mapping[Place, str]
    """Places that could not be read, and why."""
    instances: tuple[RecoveryInstance, ...]
    with_point: Mapping[str, bool]
    """Of servers whose state leaves a doubt."""
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By group name: servers that it selects and that other groups have claimed."""
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By group name: servers that it has by the ledger, or lists; for a place that does not answer."""
    plan_held_by: Rival | None = None
    servers_held_by: Mapping[str, Rival] = field(default_factory=dict)
    """By server id."""

    @property
    def real_recoveries(self) -> dict[str, RecoveryInstance]:
        """Live instances of real recoveries, by server id."""
        return {i.server_id: i for i in self.instances if i.live and not i.is_drill}


def place_of(group: ProtectionGroup, ground: Ground) -> Place | None:
    """Where a group recovers into."""
    account = ground.accounts.get(group.spec.target_account_ref.name)
    return Place(account.spec.account_id, group.spec.region) if account else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that a run would launch."""

    server_id: str
    hostname: str
    recoverable: bool
    stalled: bool


def candidates(group: ProtectionGroup, ground: Ground) -> list[Candidate]:
    """The members of a group by the fresh inventory; where its place does not answer, those that were known last.

    A group whose status is lost, in a rebuilt cluster, is known by the ledger.
    """
    place = place_of(group, ground)
    inventory = ground.inventories.get(place) if place else None
    if inventory is None and not group.status.servers:
        ids = ground.known.get(group.metadata.name, frozenset()) if place else frozenset[str]()
        return [Candidate(server_id, "", True, False) for server_id in sorted(ids)]
    if inventory is None:
        return [
            Candidate(s.server_id, s.hostname or "", bool(s.recoverable), s.replication_state == STALLED)
            for s in group.status.servers
            if s.membership is not None or not group.spec.suspend
        ]
    return [
        Candidate(
            server.server_id,
            server.hostname,
            recoverable(server, ground.with_point.get(server.server_id, False)),
            server.replication_state == STALLED,
        )
        for server in membership.members(group, inventory, ground.taken.get(group.metadata.name, ())).servers
    ]
