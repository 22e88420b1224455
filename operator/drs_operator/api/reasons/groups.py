"""Source servers, the groups that protect them, and their launch settings."""

from drs_operator.api.reasons.record import (
    RUN_FINDING,
    RUN_REFUSED,
    RUN_SERVER,
    Area,
    Reason,
    coded,
    condition,
    event,
    field,
    policy,
    schema,
    word,
)
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.GROUPS
_GROUP = "ProtectionGroup"
_INVALID = field(_GROUP, "invalidServers[].reason")

GROUPS: tuple[Reason, ...] = (
    coded(
        Code.INVALID_TAGS,
        _AREA,
        schema(_GROUP),
        "The tags of a selection are missing, none, or have an impossible key.",
        "Name at least one tag; keys have 1 to 128 characters.",
    ),
    coded(
        Code.INVALID_SERVERS,
        _AREA,
        (*schema(_GROUP), *condition(_GROUP, "ServersResolved"), *_INVALID),
        "Listed servers are not DRS source servers of the group's account and Region, or none is listed.",
        "Correct spec.sourceServerIds, or install the replication agent on the servers that are missing.",
    ),
    coded(
        Code.INVALID_REPLICATION_STATE,
        _AREA,
        (*condition(_GROUP, "ReplicationHealthy"), *_INVALID),
        "Replication of a member is stopped or disconnected: it cannot be recovered.",
        "Get the replication agent of that server going again.",
    ),
    coded(
        Code.NO_RECOVERY_POINT,
        _AREA,
        (
            *condition(_GROUP, "ReplicationHealthy"),
            *condition("RecoveryPlan", "Recoverable"),
            *_INVALID,
            *RUN_FINDING,
            *RUN_REFUSED,
            *RUN_SERVER,
        ),
        "A server has no recovery point that it could be launched from.",
        "Wait for its initial sync to end; if it does not move, look at the replication error.",
    ),
    coded(
        Code.UNHEALTHY_SERVER_REPLICATION,
        _AREA,
        (*RUN_FINDING, *RUN_REFUSED),
        "Servers of a run are not replicating, have no usable recovery point, or are stalled.",
        "A drill: mend replication first. A recovery: it goes on with the others; decide about these.",
    ),
    coded(
        Code.TOO_FEW_SERVERS,
        _AREA,
        (*condition(_GROUP, "ServersResolved"), *condition("RecoveryPlan", "Recoverable"), *RUN_FINDING, *RUN_REFUSED),
        "The selection finds fewer servers than membership.minServers, which is 1 by default.",
        "Compare the tags of the selection with those of the DRS source servers.",
    ),
    coded(
        Code.MEMBERSHIP_UNSTABLE,
        _AREA,
        (*condition(_GROUP, "MembershipStable"), *event(_GROUP)),
        "Members no longer match the selection; they stay protected until somebody decides.",
        "Put the tags back, or let the servers go on purpose.",
    ),
    coded(
        Code.SERVER_CONFLICT,
        _AREA,
        (
            *condition(_GROUP, "NoConflicts"),
            *condition("RecoveryPlan", "WavesValid"),
            *RUN_FINDING,
            *RUN_REFUSED,
            *RUN_SERVER,
        ),
        "A server is held by another group or another run; the first claim wins.",
        "See who holds it, and decide which of the two shall have it.",
    ),
    coded(
        Code.TAG_CONFLICT,
        _AREA,
        condition(_GROUP, "NoConflicts"),
        "Another group selects by the very same tags in the same account and Region.",
        "Delete one of the two groups, or give them different tags.",
    ),
    coded(
        Code.PG_NAME_EXISTS,
        _AREA,
        condition(_GROUP, "NoConflicts"),
        "Another group of the namespace has this display name, whatever the case.",
        "Choose another spec.displayName.",
    ),
    coded(
        Code.PG_IN_ACTIVE_EXECUTION,
        _AREA,
        policy(_GROUP),
        "A group was to be deleted that a running execution holds.",
        "Wait for the execution to end, or cancel it.",
    ),
    word(
        "Suspended",
        _AREA,
        condition(_GROUP, "Ready", "LaunchConfigurationSynced"),
        "spec.suspend is true: servers are resolved and shown, nothing is claimed and nothing written.",
        "Set spec.suspend to false when the group shall protect its servers.",
    ),
    word("Resolved", _AREA, condition(_GROUP, "ServersResolved"), "The selection was resolved."),
    word("Stable", _AREA, condition(_GROUP, "MembershipStable"), "Every member matches the selection."),
    word("Healthy", _AREA, condition(_GROUP, "ReplicationHealthy"), "Every member is recoverable."),
    word("NoConflicts", _AREA, condition(_GROUP, "NoConflicts"), "Name, tags and servers are the group's own."),
    word(
        "MembersChanged",
        _AREA,
        event(_GROUP),
        "Servers have joined or left the group.",
    ),
)
