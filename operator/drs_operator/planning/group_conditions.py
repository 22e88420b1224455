"""The conditions of a ProtectionGroup."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from drs_operator.api.v1alpha1.conditions import Condition, find_condition, set_condition
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType, ServerSelectionMode
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup, ProtectionGroupStatus
from drs_operator.planning import launch_progress
from drs_operator.planning.aspects import Aspect, bad, conditions, good, unclear
from drs_operator.planning.claims import Owner, Standing
from drs_operator.planning.facts import Failure
from drs_operator.planning.group import Sight, Users, names, why
from drs_operator.planning.naming import few
from drs_operator.planning.release import Release

DEFINITE = ("TARGET_ACCOUNT_NOT_FOUND", "ALREADY_EXISTS", "NAMESPACE_NOT_ALLOWED", "ACCOUNT_CHANGED")
"""Failures of an account that are surely so; the others are reads that failed."""
GOING = "it is being deleted and waits for"


@dataclass(frozen=True, slots=True)
class InLedger:
    """How the group stands in the ledger, but for the servers that it should have."""

    name_holder: Standing | None = None
    tags_holder: Standing | None = None
    kept: Mapping[str, Standing] = field(default_factory=dict)
    """By server id: what it does not want any more, and a run holds until it ends."""
    failure: Failure | None = None


def concluded(
    group: ProtectionGroup,
    status: ProtectionGroupStatus,
    sight: Sight,
    ledger: InLedger,
    answered: Release | None,
    now: datetime,
) -> list[Condition]:
    """All conditions of a group that could be looked at; `status` is what was seen."""
    stable = _stable(group, status, sight, ledger)
    aspects = [_resolved(group, sight), _no_conflicts(group, status, sight, ledger)]
    aspects += [] if sight.frozen else [replace(stable, message=_with_answer(group, stable, answered))]
    aspects += [_healthy(status)]
    if (settings := launch_progress.aspect(sight.settings, sight.inventory.by_id())) is not None:
        aspects.append(settings)
    count = len(status.servers)
    if group.spec.suspend:
        held = sum(1 for server in status.servers if server.membership is not None)
        message = (
            f"suspended: {count} servers are selected, {held} of them are held since before; to protect them, set "
        )
        ready = Aspect(ConditionType.READY, None, "Suspended", message + "spec.suspend to false")
        aspects = [replace(aspect, needed=False) for aspect in aspects]
    else:
        aspects.append(_synced(ledger.failure))
        ready = good(ConditionType.READY, "Ready", f"{count} servers are protected into {group.spec.region}")
    generation = group.metadata.generation or 0
    result = conditions(group.status.conditions, aspects, ready, generation, now)
    return result + (_kept(group, ConditionType.MEMBERSHIP_STABLE) if sight.frozen else [])


def unread(
    group: ProtectionGroup, failure: Failure, ledger: Failure | None, accepted: bool, now: datetime
) -> list[Condition]:
    """The conditions when account or inventory cannot be read: what describes the membership stays with it."""
    aspects = [(bad if failure.code in DEFINITE else _unclear)(ConditionType.SERVERS_RESOLVED, *_words(failure))]
    if accepted and not group.spec.suspend:
        aspects.append(_synced(ledger))
    ready = good(ConditionType.READY, "Ready", "")
    kept = (
        ConditionType.NO_CONFLICTS,
        ConditionType.MEMBERSHIP_STABLE,
        ConditionType.REPLICATION_HEALTHY,
        ConditionType.LAUNCH_CONFIGURATION_SYNCED,
    )
    found = conditions(group.status.conditions, aspects, ready, group.metadata.generation or 0, now)
    return found + _kept(group, *kept)


def waiting(
    group: ProtectionGroup, status: ProtectionGroupStatus, text: str, now: datetime, failure: Failure | None = None
) -> list[Condition]:
    """The conditions of a group that is being deleted: Ready says what it waits for, LedgerSynced what has failed."""
    found, generation = list(status.conditions), group.metadata.generation or 0
    if failure is not None:
        synced = _synced(failure)
        state = ConditionStatus.UNKNOWN if synced.met is None else ConditionStatus.FALSE
        for type in (ConditionType.LEDGER_SYNCED, ConditionType.READY):
            found = set_condition(found, type, state, synced.reason, synced.message, generation, now)
    ready = find_condition(found, ConditionType.READY)
    before = ready.message.partition(f"; {GOING}")[0] if ready else "not evaluated yet"
    state = ready.status if ready else ConditionStatus.UNKNOWN
    reason = ready.reason if ready else "Pending"
    return set_condition(found, ConditionType.READY, state, reason, f"{before}; {GOING} {text}", generation, now)


def users_text(users: Users) -> str:
    """Who uses a group that is to go, and what to do about that."""
    parts = []
    if users.plans:
        parts.append(f"RecoveryPlan {few(sorted(users.plans))} (take the group out of its waves, or delete the plan)")
    if users.executions:
        parts.append(f"DRExecution {few(sorted(users.executions))} (it ends by itself, or cancel it)")
    return " and ".join(parts)


def held_text(kept: Mapping[str, Standing]) -> str:
    """Which runs hold servers that the group lets go of."""
    return f"run {few(sorted({standing.held_by_name or standing.held_by or '' for standing in kept.values()}))}"


def holder_text(group: ProtectionGroup, holder: Owner, installation: str) -> str:
    """What a holder is called: its namespace, and its installation where that is another one."""
    name = f"ProtectionGroup {holder}"
    if holder.display_name != holder.name:
        name += f' ("{holder.display_name}")'
    return name if holder.installation == installation else f"{name} of installation {holder.installation}"


def _kept(group: ProtectionGroup, *types: ConditionType) -> list[Condition]:
    return [condition for condition in group.status.conditions if condition.type in types]


def _words(failure: Failure) -> tuple[str, str]:
    return failure.code, failure.message


def _unclear(type: ConditionType, code: str, message: str) -> Aspect:
    return unclear(type, Failure(code, message))


def _synced(failure: Failure | None) -> Aspect:
    type = ConditionType.LEDGER_SYNCED
    if failure is None:
        return good(type, "Synced", "claims and row are in the ledger")
    message = f"{failure.message}; membership and claims stay as they were until then"
    if failure.code == "LEDGER_UNREACHABLE":
        return _unclear(type, failure.code, message)
    return bad(type, failure.code, message)


def _resolved(group: ProtectionGroup, sight: Sight) -> Aspect:
    type = ConditionType.SERVERS_RESOLVED
    spec, found = group.spec, sight.members
    explicit = spec.server_selection_mode is ServerSelectionMode.EXPLICIT
    if found.unknown:
        told = [f"{i} (it is in {sight.elsewhere[i]})" if i in sight.elsewhere else i for i in found.unknown]
        message = f"{len(told)} of {len(spec.source_server_ids)} listed servers do not exist in {spec.region}: "
        return bad(type, "INVALID_SERVERS", f"{message}{few(told)}; see status.invalidServers")
    wanted = spec.membership.min_servers if spec.membership else 1
    count = len(found.servers)
    if count >= wanted:
        return good(type, "Resolved", f"{count} servers")
    if explicit:
        message = f"{count} of at least {wanted} servers are listed; extend spec.sourceServerIds, or lower "
        return bad(type, "TOO_FEW_SERVERS", message + "spec.membership.minServers")
    selection = ", ".join(f"{key}={value}" for key, value in sorted(spec.server_selection_tags.items()))
    return bad(
        type,
        "TOO_FEW_SERVERS",
        f"{count} of at least {wanted} servers in {spec.region} carry the tags {selection}; compare with: "
        f"aws drs describe-source-servers --region {spec.region} --query 'items[].[sourceServerID,tags]'",
    )


def _no_conflicts(group: ProtectionGroup, status: ProtectionGroupStatus, sight: Sight, ledger: InLedger) -> Aspect:
    type, installation = ConditionType.NO_CONFLICTS, sight.owner.installation
    found: list[tuple[str, str]] = []
    if ledger.name_holder is not None and ledger.name_holder.owner is not None:
        holder = holder_text(group, ledger.name_holder.owner, installation)
        text = f'the name "{group.display_name}" belongs to {holder}; choose another spec.displayName'
        found.append(("PG_NAME_EXISTS", text))
    if ledger.tags_holder is not None and ledger.tags_holder.owner is not None:
        holder = holder_text(group, ledger.tags_holder.owner, installation)
        text = f"{holder} selects by the same tags; no further server is taken until one of the two has other tags"
        found.append(("TAG_CONFLICT", text))
    if sight.lost:
        found.append(("SERVER_CONFLICT", _lost(group, sight, installation)))
    if not found:
        return good(type, "NoConflicts", "name, tags and servers are the group's own")
    return bad(type, found[0][0], "; ".join(text for _, text in found))


def _lost(group: ProtectionGroup, sight: Sight, installation: str) -> str:
    by_id, by_holder = sight.inventory.by_id(), defaultdict[str, list[str]](list)
    for server_id, standing in sorted(sight.lost.items()):
        server = by_id.get(server_id)
        holder = (
            holder_text(group, standing.owner, installation)
            if standing.owner is not None
            else f"run {standing.held_by_name or standing.held_by} until it ends"
        )
        by_holder[holder].append(server.hostname if server and server.hostname else server_id)
    parts = [
        f"{few(servers, 3)} {'is' if len(servers) == 1 else 'are'} held by {holder}"
        for holder, servers in by_holder.items()
    ]
    return (
        f"{few(parts, 4)}; this group gets what the holder lets go of: take it out of the one selection or the other; "
        "see status.conflicts"
    )


def _stable(group: ProtectionGroup, status: ProtectionGroupStatus, sight: Sight, ledger: InLedger) -> Aspect:
    type = ConditionType.MEMBERSHIP_STABLE
    leaving = [server for server in status.servers if server.server_id in sight.members.leaving]
    held = ""
    if ledger.kept:
        by_id = sight.inventory.by_id()
        gone = [by_id[i].hostname or i if i in by_id else i for i in sorted(ledger.kept)]
        held = f"{few(gone)} leave when {held_text(ledger.kept)} ends"
    if not leaving:
        return good(type, "Stable", held or "every member matches", needed=False)
    verb = (
        "no longer matches the selection and stays" if len(leaving) == 1 else "no longer match the selection and stay"
    )
    text = (
        f"{few(names(leaving))} {verb} protected; put the tags back on the DRS source servers, or let them go: "
        f"kubectl annotate -n {group.metadata.namespace} drpg/{group.metadata.name} "
        f"drs-operator.io/release-servers={','.join(server.server_id for server in leaving[:5])}"
    )
    return bad(type, "MEMBERSHIP_UNSTABLE", f"{text}; {held}" if held else text, needed=False)


def _with_answer(group: ProtectionGroup, stable: Aspect, answered: Release | None) -> str:
    """The message with the answer to a command, which stands until there is something else to say."""
    if answered is not None:
        return f"{stable.message}; {answered}"
    before = find_condition(group.status.conditions, ConditionType.MEMBERSHIP_STABLE)
    kept = before is not None and before.reason == stable.reason and before.message.startswith(f"{stable.message}; ")
    return before.message if before is not None and kept else stable.message


def _healthy(status: ProtectionGroupStatus) -> Aspect:
    type, total = ConditionType.REPLICATION_HEALTHY, len(status.servers)
    unhealthy = [server for server in status.servers if not server.recoverable]
    if not unhealthy:
        return good(type, "Healthy", f"{total} of {total} servers are recoverable")
    code = why(unhealthy[0]).partition(":")[0]
    text = f"{len(unhealthy)} of {total} servers are not recoverable: {few(names(unhealthy))}"
    return bad(type, code, f"{text}; see status.invalidServers")
