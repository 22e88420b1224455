"""Requests that are refused before anything is done."""

from drs_operator.api.reasons.record import (
    GATEWAY,
    PROCESS,
    RUN_FINDING,
    RUN_REFUSED,
    RUN_TROUBLE,
    Area,
    Reason,
    answer,
    coded,
    condition,
    event,
    policy,
    schema,
    word,
)
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.REQUESTS
_ALL = ("TargetAccount", "ProtectionGroup", "RecoveryPlan", "DRExecution", "DRSchedule")

REQUESTS: tuple[Reason, ...] = (
    coded(
        Code.INVALID_PARAMETER,
        _AREA,
        (
            *schema(*_ALL),
            *policy("DRExecution", "ProtectionGroup"),
            *condition("ProtectionGroup", "LaunchConfigurationSynced"),
        ),
        "A value, or values together, cannot be right; an immutable field or a stamp was to be changed.",
        "Read which field the message names, correct it in the manifest and apply again.",
    ),
    coded(
        Code.MISSING_PARAMETER,
        _AREA,
        schema("TargetAccount", "DRExecution"),
        "A field is missing that another field, or the kind of run, makes necessary.",
        "Add the field that the message names and apply again.",
    ),
    coded(
        Code.INVALID_NAME,
        _AREA,
        schema(*_ALL),
        "metadata.name is too long, or a display name is blank or has control characters or blanks at its ends.",
        "Choose another name.",
    ),
    coded(
        Code.INVALID_EXECUTION_TYPE,
        _AREA,
        schema("DRSchedule"),
        "A schedule was to start something else than a drill.",
        "Set executionType to DRILL; create recoveries by hand.",
    ),
    coded(
        Code.NOT_AVAILABLE,
        _AREA,
        (*schema(*_ALL), *answer()),
        "The field or command exists in the API, but this version does not act on it yet.",
        "Leave the field out, or do by hand what the command would do.",
    ),
    coded(
        Code.ALREADY_EXISTS,
        _AREA,
        condition("TargetAccount", "Reachable"),
        "Another, older TargetAccount has the same accountId.",
        "Use the older one, and delete this one.",
    ),
    coded(
        Code.NOT_FOUND,
        _AREA,
        PROCESS,
        "The operator waits for its CRDs: at least one is not installed.",
        "Install them: kubectl apply --server-side -f crds/.",
    ),
    coded(
        Code.PROTECTION_GROUP_NOT_FOUND,
        _AREA,
        (*condition("RecoveryPlan", "GroupsReady"), *RUN_FINDING, *RUN_REFUSED),
        "A wave names a ProtectionGroup that does not exist in the plan's namespace.",
        "Create the group, or correct protectionGroupRef of the wave.",
    ),
    coded(
        Code.RECOVERY_PLAN_NOT_FOUND,
        _AREA,
        (*RUN_FINDING, *RUN_REFUSED),
        "The execution names a RecoveryPlan that does not exist in its namespace.",
        "Create a new execution that names an existing plan.",
    ),
    coded(
        Code.TARGET_ACCOUNT_NOT_FOUND,
        _AREA,
        (*condition("ProtectionGroup", "ServersResolved"), *RUN_FINDING, *RUN_REFUSED),
        "A group names a TargetAccount that does not exist.",
        "Create the TargetAccount; a group's reference is immutable, so a wrong name needs a new group.",
    ),
    coded(
        Code.EXECUTION_NOT_FOUND,
        _AREA,
        GATEWAY,
        "No execution has this id.",
        "List them: kubectl get drx -A.",
        missing="gateway",
    ),
    coded(
        Code.IN_USE,
        _AREA,
        (*policy("TargetAccount"), *event("TargetAccount")),
        "A TargetAccount was to be deleted that groups still point to.",
        "Delete the groups first.",
    ),
    coded(
        Code.PG_IN_USE,
        _AREA,
        (*policy("ProtectionGroup"), *event("ProtectionGroup")),
        "A ProtectionGroup was to be deleted that recovery plans still use.",
        "Take it out of the plans first.",
    ),
    coded(
        Code.VERSION_MISMATCH,
        _AREA,
        GATEWAY,
        "The object has changed since the caller read it.",
        "Read it again and repeat the change.",
        missing="gateway",
    ),
    coded(
        Code.INTERNAL_ERROR,
        _AREA,
        (*condition("TargetAccount", "Reachable"), *condition("ProtectionGroup", "ServersResolved"), *RUN_TROUBLE),
        "The API server does not answer the operator, or refuses it.",
        "Read the message: a 403 names the permission that the operator's ServiceAccount lacks.",
    ),
    word(
        "Pending",
        _AREA,
        (
            *condition("RecoveryPlan", "GroupsReady", "Ready"),
            *condition("ProtectionGroup", "LaunchConfigurationSynced"),
        ),
        "A group that the plan uses was not evaluated yet, or launch settings wait to be written.",
        "Wait for a refresh; if it stays, look whether the operator runs.",
    ),
    word("Ready", _AREA, tuple(s for k in _ALL[:3] for s in condition(k, "Ready")), "Everything is as it should be."),
)
