"""Target accounts: entering them, their Regions, their quotas."""

from drs_operator.api.reasons.record import (
    RUN_FINDING,
    RUN_HOLD,
    RUN_REFUSED,
    RUN_SERVER,
    RUN_TROUBLE,
    Area,
    Reason,
    coded,
    condition,
    word,
)
from drs_operator.api.v1alpha1.codes import Code

_AREA = Area.ACCOUNTS

ACCOUNTS: tuple[Reason, ...] = (
    coded(
        Code.ROLE_ASSUMPTION_FAILED,
        _AREA,
        (*condition("TargetAccount", "Reachable"), *condition("ProtectionGroup", "ServersResolved"), *RUN_TROUBLE),
        "The operator could not assume the role in the account, or has no external id or no credentials for it.",
        "Look at the role's trust policy: it must trust the operator's role and expect this external id.",
    ),
    coded(
        Code.NAMESPACE_NOT_ALLOWED,
        _AREA,
        (*condition("ProtectionGroup", "ServersResolved"), *RUN_FINDING, *RUN_REFUSED, *RUN_HOLD),
        "The account's allowedNamespaces do not admit the namespace, by the labels that it has now.",
        "Have the owner of the account label the namespace as the selector asks, or extend the selector.",
    ),
    coded(
        Code.ACCOUNT_CHANGED,
        _AREA,
        (*condition("TargetAccount", "Reachable"), *condition("ProtectionGroup", "ServersResolved")),
        "The account behind a name or behind the credentials is another one than before.",
        "Find out who changed it, and put the right account back before anything else.",
    ),
    coded(
        Code.ACCOUNT_OBSERVE_ONLY,
        _AREA,
        (*RUN_FINDING, *RUN_REFUSED),
        "The account is in managementPolicy Observe: nothing may be launched there.",
        "Ask who set Observe and why; set Manage, then create a new execution.",
    ),
    coded(
        Code.ACCOUNT_UNAVAILABLE,
        _AREA,
        (
            *condition("TargetAccount", "Reachable"),
            *condition("ProtectionGroup", "ServersResolved", "LaunchConfigurationSynced"),
            *RUN_FINDING,
            *RUN_HOLD,
            *RUN_TROUBLE,
        ),
        "AWS refuses the operator in the account or Region, or the account's object is gone.",
        "Read the message: it names the permission, the Region that is not enabled, or the object.",
    ),
    coded(
        Code.DRS_NOT_INITIALIZED,
        _AREA,
        (*condition("TargetAccount", "DRSInitialized"), *condition("ProtectionGroup", "ServersResolved")),
        "DRS was never initialised in that account and Region, so no server can replicate into it.",
        "Initialise it once: aws drs initialize-service --region REGION.",
    ),
    coded(
        Code.DRS_ERROR,
        _AREA,
        (
            *condition("ProtectionGroup", "ServersResolved", "LaunchConfigurationSynced"),
            *RUN_TROUBLE,
            *RUN_SERVER,
        ),
        "AWS did not answer, throttled, answered with an error, or called a launch request wrong.",
        "Wait for the next refresh; if it stays, check the AWS Health Dashboard and the Region's state.",
    ),
    coded(
        Code.SYNC_FAILED,
        _AREA,
        condition("ProtectionGroup", "LaunchConfigurationSynced"),
        "AWS refuses launch settings, or has others after they were written.",
        "Read what the message quotes of AWS, and correct the launch settings.",
    ),
    coded(
        Code.NO_STAGING_ACCOUNTS,
        _AREA,
        condition("TargetAccount", "StagingAccountsReady"),
        "Source servers are to be extended, but no staging account is listed.",
        "List one in spec.stagingAccounts.",
        missing="staging accounts",
    ),
    word(
        "NoRegion",
        _AREA,
        condition("TargetAccount", "Reachable", "DRSInitialized"),
        "The account lists no Region and no group names one, or no Region answers, so nothing is known.",
        "List a Region in spec.regions.",
    ),
    word(
        "PartlyReachable",
        _AREA,
        condition("TargetAccount", "Reachable"),
        "Some Regions of the account answer and others do not.",
        "See state and message of each Region in status.regions.",
    ),
    word(
        "PartlyInitialized",
        _AREA,
        condition("TargetAccount", "DRSInitialized"),
        "DRS is initialised in some Regions of the account and not in others.",
        "Initialise the named Regions, or take them out of spec.regions.",
    ),
    word(
        "CapacityExhausted",
        _AREA,
        condition("TargetAccount", "CapacityOK"),
        "At least 83 % of the servers that may replicate into a Region of the account do.",
        "Plan another account or staging account now: the quota of 300 cannot be raised.",
    ),
    word(
        "CapacityLow",
        _AREA,
        condition("TargetAccount", "CapacityOK"),
        "At least 75 % of the servers that may replicate into a Region of the account do.",
        "Plan another account or staging account before the next servers are added.",
    ),
    word(
        "Observing",
        _AREA,
        condition("TargetAccount", "Ready"),
        "The account is evaluated and shown, and nothing is changed in it.",
        "Set managementPolicy to Manage when the operator may act again.",
    ),
    word("Reachable", _AREA, condition("TargetAccount", "Reachable"), "The account can be entered and answers."),
    word(
        "Initialized",
        _AREA,
        condition("TargetAccount", "DRSInitialized"),
        "DRS is initialised in every Region that answers.",
    ),
    word("CapacityOK", _AREA, condition("TargetAccount", "CapacityOK"), "Enough servers may still be added."),
)
