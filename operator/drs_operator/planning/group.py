"""The status of a ProtectionGroup: what it holds and what was seen of it. Its conditions are in `group_conditions`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from drs_operator.api.v1alpha1.enums import LaunchConfigurationState, Membership
from drs_operator.api.v1alpha1.limits import (
    LISTED_ACTIVE_EXECUTIONS,
    LISTED_CONFLICTS,
    LISTED_INVALID_SERVERS,
    LISTED_PLANS,
)
from drs_operator.api.v1alpha1.protectiongroup import (
    GroupConflict,
    GroupServerStatus,
    InvalidServer,
    ProtectionGroup,
    ProtectionGroupStatus,
)
from drs_operator.planning import tags
from drs_operator.planning.claims import Owner, Standing
from drs_operator.planning.facts import Inventory, Place, SourceServer
from drs_operator.planning.health import BROKEN, STALLED, recoverable, worst_lag
from drs_operator.planning.launch_progress import Progress
from drs_operator.planning.membership import Members, status_is_lost
from drs_operator.planning.rpo import rpo_state


@dataclass(frozen=True, slots=True)
class Users:
    """Who relies on a group: names of its namespace."""

    plans: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    """Active ones that hold it."""
    rpo_seconds: int | None = None
    """The smallest objective of the plans."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look has found out about a group whose inventory could be read."""

    owner: Owner
    place: Place
    inventory: Inventory
    members: Members
    """Who should belong to it."""
    owned: Collection[str]
    """Ids of the servers that it holds by the ledger."""
    lost: Mapping[str, Standing]
    """By server id: who has those that it should have and has not."""
    frozen: bool = False
    """The ledger failed: the membership stays as it was."""
    with_point: Mapping[str, bool] = field(default_factory=dict)
    """Of each doubtful server, whether a recovery point exists."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """By id: where an unknown server was found instead."""
    settings: Progress = field(default_factory=Progress)


def listed(group: ProtectionGroup, sight: Sight) -> tuple[list[str], frozenset[str]]:
    """Ids of the servers to show, in order, and which of them are Leaving."""
    owned = set(sight.owned)
    if sight.frozen and status_is_lost(group):
        return sorted(owned), frozenset()
    if sight.frozen:
        before = [server for server in group.status.servers if server.membership is None or server.server_id in owned]
        leaving = frozenset(server.server_id for server in before if server.membership == Membership.LEAVING)
        return [server.server_id for server in before], leaving
    wanted = [server.server_id for server in sight.members.servers]
    if group.spec.suspend:
        return wanted, sight.members.leaving
    return [server_id for server_id in wanted if server_id in owned], sight.members.leaving


def seen(group: ProtectionGroup, sight: Sight, users: Users) -> ProtectionGroupStatus:
    """The status but for version and conditions."""
    shown, leaving = listed(group, sight)
    by_id = sight.inventory.by_id()
    before = {server.server_id: server for server in group.status.servers}
    servers = []
    for server_id in shown:
        if (server := by_id.get(server_id)) is None:  # DRS has lost it, and the ledger could not be told
            bare = GroupServerStatus(server_id=server_id, membership=Membership.MEMBER)
            servers.append(before.get(server_id, bare))
            continue
        entry = _server(group, server, server_id in leaving, sight, before.get(server_id), users.rpo_seconds)
        servers.append(entry if server_id in sight.owned else entry.model_copy(update={"membership": None}))
    facts = [by_id[server_id] for server_id in shown if server_id in by_id]
    unhealthy = [server for server in servers if not server.recoverable]
    invalid = [_unknown(server_id, group, sight) for server_id in sight.members.unknown]
    invalid += [
        InvalidServer(server_id=s.server_id, hostname=s.hostname, replication_state=s.replication_state, reason=why(s))
        for s in unhealthy
    ]
    lost = [_conflict(server_id, by_id.get(server_id), sight.lost[server_id]) for server_id in sorted(sight.lost)]
    sources = sorted({server.source_region for server in facts if server.source_region})
    return group.status.model_copy(
        update={
            **_common(group, sight.owner, users),
            "account_id": group.status.account_id if group.spec.suspend else sight.place.account_id,
            "source_regions": sources,
            "source_region_summary": ",".join(sources) or None,
            "server_count": len(servers),
            "healthy_count": len(servers) - len(unhealthy),
            "worst_lag": worst_lag(facts),
            "servers": servers,
            "conflict_count": len(lost),
            "conflicts": lost[:LISTED_CONFLICTS],
            "invalid_server_count": len(invalid),
            "invalid_servers": invalid[:LISTED_INVALID_SERVERS],
        }
    )


def unseen(
    group: ProtectionGroup, owner: Owner, account_id: str | None, owned: Collection[str], users: Users
) -> ProtectionGroupStatus:
    """The same when account or inventory cannot be read: the membership stays as it was.

    A lost status is made anew from what the ledger knows: the account and the servers that the group holds.
    """
    update = _common(group, owner, users)
    if status_is_lost(group) and account_id is not None:
        servers = [GroupServerStatus(server_id=i, membership=Membership.MEMBER) for i in sorted(owned)]
        update |= {"account_id": account_id, "servers": servers, "server_count": len(servers)}
    return group.status.model_copy(update=update)


def _common(group: ProtectionGroup, owner: Owner, users: Users) -> dict[str, object]:
    return {
        "observed_generation": group.metadata.generation or 0,
        "group_id": owner.id,
        "used_by_plans": sorted(users.plans)[:LISTED_PLANS],
        "active_executions": sorted(users.executions)[:LISTED_ACTIVE_EXECUTIONS],
    }


def why(server: GroupServerStatus) -> str:
    """Why a server cannot be recovered, with its code."""
    if server.replication_state in BROKEN:
        return f"INVALID_REPLICATION_STATE: replication is {server.replication_state}; mend the agent or take it out"
    return "NO_RECOVERY_POINT: no recovery point exists yet; wait for the initial sync to end"


def _unknown(server_id: str, group: ProtectionGroup, sight: Sight) -> InvalidServer:
    where = sight.elsewhere.get(server_id)
    reason = f"INVALID_SERVERS: not a DRS source server in {group.spec.region}"
    if where is not None:
        reason += f" but in {where}; list it in a group for that place"
    else:
        reason += "; take it out of spec.sourceServerIds or install its agent"
    return InvalidServer(server_id=server_id, reason=reason)


def _conflict(server_id: str, server: SourceServer | None, standing: Standing) -> GroupConflict:
    holder = standing.owner
    return GroupConflict(
        server_id=server_id,
        hostname=server.hostname or None if server else None,
        current_group_id=holder.id if holder else None,
        current_group_name=holder.display_name if holder else None,
    )


def _server(
    group: ProtectionGroup,
    server: SourceServer,
    leaving: bool,
    sight: Sight,
    before: GroupServerStatus | None,
    rpo_seconds: int | None,
) -> GroupServerStatus:
    can = recoverable(server, sight.with_point.get(server.server_id, False))
    state, message = _settings(server.server_id, sight.settings, before)
    if leaving:
        message = tags.difference(group.spec.server_selection_tags, server.tags) or message
    elif can and server.replication_state == STALLED:
        message = message or "stalled: launches from its newest recovery point"
    return GroupServerStatus(
        server_id=server.server_id,
        hostname=server.hostname or None,
        source_region=server.source_region or None,
        replication_state=server.replication_state or None,
        recoverable=can,
        rpo=rpo_state(server.lag, rpo_seconds, before.rpo if before else None),
        launch_configuration=state,
        membership=Membership.LEAVING if leaving else Membership.MEMBER,
        message=message,
    )


def _settings(
    server_id: str, progress: Progress, before: GroupServerStatus | None
) -> tuple[LaunchConfigurationState | str, str | None]:
    """State and message of a server's launch settings; where AWS did not answer, the state is the last known one."""
    if (found := progress.servers.get(server_id)) is not None:
        return found.state, found.message
    if progress.unread is not None and before is not None and before.launch_configuration is not None:
        return before.launch_configuration, None
    return LaunchConfigurationState.NOT_MANAGED, None


def names(servers: Sequence[GroupServerStatus]) -> list[str]:
    """What messages call servers."""
    return [server.hostname or server.server_id for server in servers]
