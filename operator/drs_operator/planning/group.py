"""The membership and status of a ProtectionGroup, from the shared inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.enums import (
    ConditionType,
    LaunchConfigurationState,
    Membership,
    OnLeave,
    ServerSelectionMode,
)
from drs_operator.api.v1alpha1.limits import LISTED_INVALID_SERVERS, LISTED_PLANS
from drs_operator.api.v1alpha1.protectiongroup import (
    GroupServerStatus,
    InvalidServer,
    ProtectionGroup,
    ProtectionGroupStatus,
)
from drs_operator.planning import ids, tags
from drs_operator.planning.aspects import Aspect, bad, conditions, good, unclear
from drs_operator.planning.facts import Failure, Inventory, SourceServer
from drs_operator.planning.health import BROKEN, STALLED, recoverable, surely_recoverable, worst_lag


@dataclass(frozen=True, slots=True)
class Members:
    """Who belongs to a group now."""

    servers: tuple[SourceServer, ...]
    leaving: frozenset[str]
    """Members that no longer match but are kept (`onLeave: Hold`)."""
    unknown: tuple[str, ...]
    """Listed ids that the account's Region does not have."""


def members(group: ProtectionGroup, inventory: Inventory) -> Members:
    """Resolves the selection. A member whose tags changed from outside stays, as Leaving, under `onLeave: Hold`."""
    by_id = inventory.by_id()
    spec = group.spec
    if spec.server_selection_mode is ServerSelectionMode.EXPLICIT:
        found = [by_id[server_id] for server_id in sorted(spec.source_server_ids) if server_id in by_id]
        unknown = tuple(server_id for server_id in sorted(spec.source_server_ids) if server_id not in by_id)
        return Members(tuple(found), frozenset(), unknown)
    matching = {s.server_id: s for s in inventory.servers if tags.matches(spec.server_selection_tags, s.tags)}
    leaving = frozenset[str]()
    if spec.membership is None or spec.membership.on_leave is OnLeave.HOLD:
        # An edit of the selection takes effect at once: only what changed outside is held, also across an edit.
        edited = _resolved_generation(group) != group.metadata.generation
        held = (s for s in group.status.servers if not edited or s.membership == Membership.LEAVING)
        leaving = frozenset(s.server_id for s in held if s.server_id in by_id) - matching.keys()
    servers = {**matching, **{server_id: by_id[server_id] for server_id in leaving}}
    return Members(tuple(servers[key] for key in sorted(servers)), leaving, ())


def _resolved_generation(group: ProtectionGroup) -> int:
    """The generation that the membership in status was resolved for: a read that failed leaves it behind."""
    stable = find_condition(group.status.conditions, ConditionType.MEMBERSHIP_STABLE)
    generation = stable.observed_generation if stable else None
    return group.status.observed_generation if generation is None else generation


def doubtful(found: Members) -> list[SourceServer]:
    """Servers whose recovery points have to be looked for."""
    return [server for server in found.servers if surely_recoverable(server) is None]


def evaluate(
    group: ProtectionGroup,
    installation: str,
    account_id: str,
    found: Members,
    with_point: Mapping[str, bool],
    used_by: Sequence[str],
    now: datetime,
) -> ProtectionGroupStatus:
    """The whole status. `with_point` says of each doubtful server whether a recovery point exists."""
    servers = [_server(group, server, found, with_point) for server in found.servers]
    invalid = [InvalidServer(server_id=i, reason=_UNKNOWN.format(group.spec.region)) for i in found.unknown]
    unhealthy = [server for server in servers if not server.recoverable]
    invalid += [
        InvalidServer(
            server_id=s.server_id, hostname=s.hostname, replication_state=s.replication_state, reason=_reason(s)
        )
        for s in unhealthy
    ]
    status = group.status
    member_ids = [server.server_id for server in servers]
    changed = status.version is None or member_ids != [server.server_id for server in status.servers]
    changed = changed or _resolved_generation(group) != group.metadata.generation
    aspects = [
        _resolved(group, servers, found),
        _stable(group, servers, found),
        _healthy(servers, unhealthy),
    ]
    ready = good(ConditionType.READY, "Ready", f"{len(servers)} servers are protected into {group.spec.region}")
    sources = sorted({server.source_region for server in found.servers if server.source_region})
    return status.model_copy(
        update={
            "observed_generation": group.metadata.generation or 0,
            "group_id": ids.group_id(installation, group.metadata.namespace or "", group.metadata.name),
            "account_id": account_id,
            "version": (status.version or 0) + 1 if changed else status.version,
            "source_regions": sources,
            "source_region_summary": ",".join(sources) or None,
            "server_count": len(servers),
            "healthy_count": len(servers) - len(unhealthy),
            "worst_lag": worst_lag(list(found.servers)),
            "servers": servers,
            "conflict_count": 0,
            "conflicts": [],
            "invalid_server_count": len(invalid),
            "invalid_servers": invalid[:LISTED_INVALID_SERVERS],
            "used_by_plans": sorted(used_by)[:LISTED_PLANS],
            "conditions": conditions(status.conditions, aspects, ready, group.metadata.generation or 0, now),
        }
    )


def unreadable(
    group: ProtectionGroup, failure: Failure, used_by: Sequence[str], now: datetime
) -> ProtectionGroupStatus:
    """The status when account or inventory cannot be read: the condition says so, the membership stays as it was."""
    definite = failure.code in ("TARGET_ACCOUNT_NOT_FOUND", "NAMESPACE_NOT_ALLOWED", "ACCOUNT_CHANGED")
    aspect = (bad if definite else _unclear)(ConditionType.SERVERS_RESOLVED, failure.code, failure.message)
    generation = group.metadata.generation or 0
    kept = (ConditionType.MEMBERSHIP_STABLE, ConditionType.REPLICATION_HEALTHY)  # they describe the membership kept
    ready = good(ConditionType.READY, "Ready", "")
    return group.status.model_copy(
        update={
            "observed_generation": generation,
            "used_by_plans": sorted(used_by)[:LISTED_PLANS],
            "conditions": [
                *conditions(group.status.conditions, [aspect], ready, generation, now),
                *(condition for condition in group.status.conditions if condition.type in kept),
            ],
        }
    )


def _unclear(type: ConditionType, code: str, message: str) -> Aspect:
    return unclear(type, Failure(code, message))


_UNKNOWN = "INVALID_SERVERS: not a DRS source server in {}; take it out of spec.sourceServerIds or install its agent"


def _reason(server: GroupServerStatus) -> str:
    if server.replication_state in BROKEN:
        return f"INVALID_REPLICATION_STATE: replication is {server.replication_state}; mend the agent or take it out"
    return "NO_RECOVERY_POINT: no recovery point exists yet; wait for the initial sync to end"


def _server(
    group: ProtectionGroup, server: SourceServer, found: Members, with_point: Mapping[str, bool]
) -> GroupServerStatus:
    can = recoverable(server, with_point.get(server.server_id, False))
    message = None
    if server.server_id in found.leaving:
        message = tags.difference(group.spec.server_selection_tags, server.tags)
    elif can and server.replication_state == STALLED:
        message = "stalled: launches from its newest recovery point"
    return GroupServerStatus(
        server_id=server.server_id,
        hostname=server.hostname or None,
        source_region=server.source_region or None,
        replication_state=server.replication_state or None,
        recoverable=can,
        launch_configuration=LaunchConfigurationState.NOT_MANAGED,
        membership=Membership.LEAVING if server.server_id in found.leaving else Membership.MEMBER,
        message=message,
    )


def _resolved(group: ProtectionGroup, servers: list[GroupServerStatus], found: Members) -> Aspect:
    type = ConditionType.SERVERS_RESOLVED
    if found.unknown:
        return bad(
            type,
            "INVALID_SERVERS",
            f"{len(found.unknown)} of {len(group.spec.source_server_ids)} listed servers do not exist in "
            f"{group.spec.region}: {', '.join(found.unknown[:5])}; see status.invalidServers",
        )
    wanted = group.spec.membership.min_servers if group.spec.membership else 1
    if len(servers) < wanted and group.spec.server_selection_mode is ServerSelectionMode.EXPLICIT:
        return bad(
            type,
            "TOO_FEW_SERVERS",
            f"{len(servers)} of at least {wanted} servers are listed; extend spec.sourceServerIds, or lower "
            "spec.membership.minServers",
        )
    if len(servers) < wanted:
        selection = ", ".join(f"{key}={value}" for key, value in sorted(group.spec.server_selection_tags.items()))
        return bad(
            type,
            "TOO_FEW_SERVERS",
            f"{len(servers)} of at least {wanted} servers in {group.spec.region} carry the tags {selection}; compare "
            f"with: aws drs describe-source-servers --region {group.spec.region} "
            "--query 'items[].[sourceServerID,tags]'",
        )
    return good(type, "Resolved", f"{len(servers)} servers")


def _stable(group: ProtectionGroup, servers: list[GroupServerStatus], found: Members) -> Aspect:
    if not found.leaving:
        return good(ConditionType.MEMBERSHIP_STABLE, "Stable", "every member matches", needed=False)
    names = ", ".join(s.hostname or s.server_id for s in servers if s.server_id in found.leaving)
    return bad(
        ConditionType.MEMBERSHIP_STABLE,
        "MEMBERSHIP_UNSTABLE",
        f"{names} no longer match the selection and stay protected; put the tags back on the DRS source servers, or "
        "let them go with spec.membership.onLeave: Follow",
        needed=False,
    )


def _healthy(servers: list[GroupServerStatus], unhealthy: list[GroupServerStatus]) -> Aspect:
    type = ConditionType.REPLICATION_HEALTHY
    if not unhealthy:
        return good(type, "Healthy", f"{len(servers)} of {len(servers)} servers are recoverable")
    code = "INVALID_REPLICATION_STATE" if _reason(unhealthy[0]).startswith("INVALID") else "NO_RECOVERY_POINT"
    names = ", ".join(server.hostname or server.server_id for server in unhealthy[:5])
    return bad(
        type,
        code,
        f"{len(unhealthy)} of {len(servers)} servers are not recoverable: {names}; see status.invalidServers",
    )
