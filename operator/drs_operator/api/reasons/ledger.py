"""The ledger in DynamoDB, and who leads."""

from drs_operator.api.reasons.record import (
    PROCESS,
    RUN_HOLD,
    RUN_TROUBLE,
    Area,
    Reason,
    coded,
    condition,
    word,
)
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.LEDGER
_SYNCED = (*condition("ProtectionGroup", "LedgerSynced"), *condition("RecoveryPlan", "LedgerSynced"))

LEDGER: tuple[Reason, ...] = (
    coded(
        Code.DYNAMODB_ERROR,
        _AREA,
        (*_SYNCED, *RUN_TROUBLE, *PROCESS),
        "DynamoDB refused a request: a permission is missing, a table is gone, or the request was not valid.",
        "Read the message; a missing permission or table is named in it.",
    ),
    coded(
        Code.LEDGER_UNREACHABLE,
        _AREA,
        (*_SYNCED, *RUN_TROUBLE, *RUN_HOLD, *PROCESS),
        "DynamoDB does not answer, or throttles beyond the retries; nothing is lost, the operator keeps trying.",
        "Check the network path to DynamoDB and the AWS Health Dashboard.",
    ),
    coded(
        Code.LEDGER_REPLACED,
        _AREA,
        _SYNCED,
        "The tables are not those that this installation used before: another ledger, or a new, empty one.",
        "Stop and find out which tables are the right ones; nothing is claimed or launched until then.",
    ),
    coded(
        Code.LEDGER_ROLLED_BACK,
        _AREA,
        _SYNCED,
        "The ledger is older than what this installation wrote last: a backup was restored.",
        "Stop and compare the runs in the ledger with AWS; nothing is claimed or launched until then.",
    ),
    word(
        "StandbyInstallation",
        _AREA,
        tuple(
            seen
            for kind in ("TargetAccount", "ProtectionGroup", "RecoveryPlan", "DRExecution")
            for seen in condition(kind, "Ready")
        ),
        "Another cluster leads this installation; this one only watches.",
        "Work in the cluster that leads; take over only if that one is lost.",
    ),
    word(
        "Synced",
        _AREA,
        (*_SYNCED, *condition("ProtectionGroup", "LaunchConfigurationSynced")),
        "The ledger holds what this object implies; AWS has the launch settings of the group.",
    ),
)
