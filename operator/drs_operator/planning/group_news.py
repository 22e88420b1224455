"""What a change of a group is worth telling: one Event for each kind of change, with counts and the first names."""

from __future__ import annotations

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.enums import ConditionType, Membership
from drs_operator.api.v1alpha1.protectiongroup import GroupServerStatus, ProtectionGroupStatus
from drs_operator.planning.group import names
from drs_operator.planning.naming import few
from drs_operator.planning.news import News

CHANGED = "MembersChanged"


def news(before: ProtectionGroupStatus, after: ProtectionGroupStatus) -> list[News]:
    """Who has joined or left, who is Leaving or back again; nothing about health, which the conditions tell."""
    old, new = _held(before), _held(after)
    told = []
    changes = [
        ("joined", [server for key, server in new.items() if key not in old]),
        ("left", [server for key, server in old.items() if key not in new]),
    ]
    parts = [f"{_count(servers)} {verb}: {few(names(servers))}" for verb, servers in changes if servers]
    if parts:
        text = f"{'; '.join(parts)}; the group has {len(new)}"
        told.append(News(bool(changes[1][1]), CHANGED, f"{text}, version {after.version}" if after.version else text))
    leaving = [s for key, s in new.items() if _leaves(s) and not (key in old and _leaves(old[key]))]
    back = [s for key, s in new.items() if not _leaves(s) and key in old and _leaves(old[key])]
    if leaving:
        stable = find_condition(after.conditions, ConditionType.MEMBERSHIP_STABLE)
        why = ", ".join(f"{s.hostname or s.server_id}: {s.message}" for s in leaving[:3] if s.message)
        text = f"{_count(leaving)} Leaving ({why})" if why else f"{_count(leaving)} Leaving"
        told.append(News(True, "MembershipUnstable", f"{text}; {stable.message}" if stable else text))
    if back:
        told.append(News(False, CHANGED, f"{_count(back)} no longer Leaving: {few(names(back))}"))
    return told


def _held(status: ProtectionGroupStatus) -> dict[str, GroupServerStatus]:
    return {server.server_id: server for server in status.servers if server.membership is not None}


def _leaves(server: GroupServerStatus) -> bool:
    return server.membership == Membership.LEAVING


def _count(servers: list[GroupServerStatus]) -> str:
    return f"{len(servers)} server{'' if len(servers) == 1 else 's'}"
