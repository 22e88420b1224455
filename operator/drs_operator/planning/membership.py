"""Who belongs to a group: the selection, and the one exception that nobody falls out of protection silently."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.enums import ConditionType, Membership, OnLeave, ServerSelectionMode
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.planning import tags
from drs_operator.planning.facts import Inventory, SourceServer
from drs_operator.planning.health import surely_recoverable


@dataclass(frozen=True, slots=True)
class Members:
    """Who should belong to a group now; whether nobody else has a server is another question."""

    servers: tuple[SourceServer, ...]
    """By id."""
    leaving: frozenset[str]
    """Members that no longer match but are kept (`onLeave: Hold`)."""
    unknown: tuple[str, ...]
    """Listed ids that the account's Region does not have."""


def held_servers(group: ProtectionGroup) -> list[str]:
    """Ids of the servers that the group holds; those that a suspended group only shows have no membership."""
    return [server.server_id for server in group.status.servers if server.membership is not None]


def status_is_lost(group: ProtectionGroup) -> bool:
    """Whether the object has no status: it is new, or it was restored without one."""
    return group.status.observed_generation < 0


def selects(group: ProtectionGroup, server: SourceServer) -> bool:
    """Whether a server of the group's place is meant by its selection."""
    if group.spec.server_selection_mode is ServerSelectionMode.EXPLICIT:
        return server.server_id in group.spec.source_server_ids
    return tags.matches(group.spec.server_selection_tags, server.tags)


def resolve(
    group: ProtectionGroup, inventory: Inventory, held: Collection[str], let_go: Collection[str] = ()
) -> Members:
    """Resolves the selection.

    A member that no longer matches, through a change outside of the object, stays as Leaving under `onLeave: Hold`, if
    the group holds it by the ledger (`held`), and neither another group nor a person asks for it (`let_go`).
    """
    by_id = inventory.by_id()
    spec = group.spec
    if spec.server_selection_mode is ServerSelectionMode.EXPLICIT:
        listed = sorted(spec.source_server_ids)
        found = tuple(by_id[server_id] for server_id in listed if server_id in by_id)
        return Members(found, frozenset(), tuple(server_id for server_id in listed if server_id not in by_id))
    servers = {server.server_id: server for server in inventory.matching(spec.server_selection_tags)}
    leaving = frozenset[str]()
    if spec.membership is None or spec.membership.on_leave is OnLeave.HOLD:
        stay = (_were_members(group, held) & set(held)) - servers.keys() - set(let_go)
        leaving = frozenset(server_id for server_id in stay if server_id in by_id)
    servers |= {server_id: by_id[server_id] for server_id in leaving}
    return Members(tuple(servers[key] for key in sorted(servers)), leaving, ())


def _were_members(group: ProtectionGroup, held: Collection[str]) -> set[str]:
    """Whom the group does not let go of by itself: a lost status is remembered by the ledger."""
    if status_is_lost(group):
        return set(held)
    # An edit of the selection takes effect at once: only what changed outside is held, also across an edit.
    edited = resolved_generation(group) != group.metadata.generation
    return {s.server_id for s in group.status.servers if not edited or s.membership == Membership.LEAVING}


def resolved_generation(group: ProtectionGroup) -> int:
    """The generation that the membership in status was resolved for: a read that failed leaves it behind."""
    stable = find_condition(group.status.conditions, ConditionType.MEMBERSHIP_STABLE)
    generation = stable.observed_generation if stable else None
    return group.status.observed_generation if generation is None else generation


def members(group: ProtectionGroup, inventory: Inventory, taken: Collection[str] = ()) -> Members:
    """Who belongs to a group by a fresh inventory, for a run: not what other groups have (`taken`).

    A suspended group has what it held when it was suspended.
    """
    held = held_servers(group)
    found = resolve(group, inventory, held)
    if group.spec.suspend:
        servers = [server for server in found.servers if server.server_id in set(held)]
    else:
        servers = [server for server in found.servers if server.server_id not in set(taken)]
    return Members(tuple(servers), found.leaving, found.unknown)


def doubtful(found: Members) -> list[SourceServer]:
    """Servers whose recovery points have to be looked for."""
    return [server for server in found.servers if surely_recoverable(server) is None]
