"""Closed vocabularies of the API. In spec other values are refused; in status newer versions may add values."""

from enum import StrEnum


class ConditionStatus(StrEnum):
    """Status of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """Types of conditions, of all kinds."""

    READY = "Ready"
    # TargetAccount
    REACHABLE = "Reachable"
    DRS_INITIALIZED = "DRSInitialized"
    CAPACITY_OK = "CapacityOK"
    STAGING_ACCOUNTS_READY = "StagingAccountsReady"
    TAGS_SYNCED = "TagsSynced"
    # ProtectionGroup
    SERVERS_RESOLVED = "ServersResolved"
    NO_CONFLICTS = "NoConflicts"
    MEMBERSHIP_STABLE = "MembershipStable"
    REPLICATION_HEALTHY = "ReplicationHealthy"
    LAUNCH_CONFIGURATION_SYNCED = "LaunchConfigurationSynced"
    LEDGER_SYNCED = "LedgerSynced"
    # RecoveryPlan
    GROUPS_READY = "GroupsReady"
    WAVES_VALID = "WavesValid"
    RECOVERABLE = "Recoverable"
    # DRExecution
    SUCCEEDED = "Succeeded"
    FINISHED = "Finished"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PAUSED = "Paused"


class ManagementPolicy(StrEnum):
    """Whether the operator may change anything in an account."""

    MANAGE = "Manage"
    OBSERVE = "Observe"


class NamespacesFrom(StrEnum):
    """Which namespaces may use a TargetAccount."""

    ALL = "All"
    SELECTOR = "Selector"


class RegionState(StrEnum):
    """What a Region of an account answered."""

    ACTIVE = "ACTIVE"
    NOT_INITIALIZED = "NOT_INITIALIZED"
    ACCESS_DENIED = "ACCESS_DENIED"
    NOT_OPTED_IN = "NOT_OPTED_IN"
    THROTTLED = "THROTTLED"
    UNREACHABLE = "UNREACHABLE"
    ERROR = "ERROR"


class ServerSelectionMode(StrEnum):
    """How a ProtectionGroup chooses its servers."""

    TAGS = "tags"
    EXPLICIT = "explicit"


class OnLeave(StrEnum):
    """What happens to a member that no longer matches."""

    HOLD = "Hold"
    FOLLOW = "Follow"


class RightSizingMethod(StrEnum):
    """How DRS chooses the instance type; CUSTOM is NONE with an instanceType."""

    NONE = "NONE"
    BASIC = "BASIC"
    IN_AWS = "IN_AWS"
    CUSTOM = "CUSTOM"


class LaunchDisposition(StrEnum):
    """State of an instance after its launch."""

    STARTED = "STARTED"
    STOPPED = "STOPPED"


class Membership(StrEnum):
    """Whether a server belongs to a group or is about to leave it."""

    MEMBER = "Member"
    LEAVING = "Leaving"


class LaunchConfigurationState(StrEnum):
    """How the launch settings on AWS compare with the wanted ones."""

    NOT_MANAGED = "NotManaged"
    PENDING = "Pending"
    SYNCED = "Synced"
    DRIFTED = "Drifted"
    WOULD_CHANGE = "WouldChange"
    FAILED = "Failed"


class RpoState(StrEnum):
    """Whether a server's data is fresh enough."""

    MET = "Met"
    AT_RISK = "AtRisk"
    MISSED = "Missed"
    UNKNOWN = "Unknown"


class WorstLag(StrEnum):
    """Buckets of replication lag."""

    UNDER_1_MINUTE = "<1m"
    UNDER_15_MINUTES = "<15m"
    UNDER_1_HOUR = "<1h"
    OVER_1_HOUR = ">1h"


class OnFailure(StrEnum):
    """What the failure of a wave does to the run."""

    FAIL = "Fail"
    PAUSE = "Pause"
    CONTINUE = "Continue"


class ReadyWhen(StrEnum):
    """When a launched server counts as ready."""

    LAUNCHED = "Launched"
    INSTANCE_STATUS_OK = "InstanceStatusOk"


class ExecutionType(StrEnum):
    """Whether a run is a rehearsal or the real thing."""

    DRILL = "DRILL"
    RECOVERY = "RECOVERY"


class InvocationSource(StrEnum):
    """Where a run was asked for."""

    CLI = "CLI"
    API = "API"
    SSM = "SSM"
    STEPFUNCTIONS = "STEPFUNCTIONS"
    EVENTBRIDGE = "EVENTBRIDGE"
    LAMBDA = "LAMBDA"
    SCHEDULE = "SCHEDULE"
    GITOPS = "GITOPS"


class RecoveryPointPolicy(StrEnum):
    """Which recovery point servers are launched from."""

    LATEST = "Latest"
    EXISTING_LATEST = "ExistingLatest"
    AT = "At"


class LiveRecoveryInstances(StrEnum):
    """What to do with servers that already run as a real recovery."""

    REFUSE = "Refuse"
    KEEP = "Keep"
    REPLACE = "Replace"


class AmbiguousLaunchPolicy(StrEnum):
    """What to do with a launch whose outcome cannot be found out."""

    HOLD = "Hold"
    REISSUE = "Reissue"


class PausePolicy(StrEnum):
    """Whether a run honours pauseBeforeWave."""

    HONOR = "Honor"
    SKIP = "Skip"


class ExecutionPhase(StrEnum):
    """Summary of a run. Unknown phases are not final; final means that finishTime is set."""

    PENDING = "Pending"
    VALIDATING = "Validating"
    QUEUED = "Queued"
    RUNNING = "Running"
    PAUSED = "Paused"
    CANCELLING = "Cancelling"
    COMPLETED = "Completed"
    COMPLETED_WITH_EXCEPTIONS = "CompletedWithExceptions"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    TIMED_OUT = "TimedOut"


class WavePhase(StrEnum):
    """State of one wave of a run."""

    PENDING = "Pending"
    HELD = "Held"
    QUEUED = "Queued"
    LAUNCHING = "Launching"
    COMPLETED = "Completed"
    COMPLETED_WITH_EXCEPTIONS = "CompletedWithExceptions"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    SKIPPED = "Skipped"
    CANCELLED = "Cancelled"


class ServerPhase(StrEnum):
    """State of one server of a run, in our words; launchStatus has AWS's word."""

    PENDING = "Pending"
    QUEUED = "Queued"
    SNAPSHOT = "Snapshot"
    CONVERSION = "Conversion"
    LAUNCHING = "Launching"
    LAUNCHED = "Launched"
    READY = "Ready"
    KEPT = "Kept"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    TERMINATED = "Terminated"


class JobState(StrEnum):
    """How far the intent of one call to AWS got; the job's own status is AWS's."""

    PLANNED = "Planned"
    CALLING = "Calling"
    STARTED = "Started"
    ENDED = "Ended"


class HoldReason(StrEnum):
    """Why a run waits for a person."""

    PAUSE_BEFORE_WAVE = "PauseBeforeWave"
    REQUESTED = "Requested"
    WAVE_FAILED = "WaveFailed"
    LAUNCH_OUTCOME_UNKNOWN = "LaunchOutcomeUnknown"
    LIVE_RECOVERY_INSTANCE = "LiveRecoveryInstance"
    ACCOUNT_UNAVAILABLE = "AccountUnavailable"
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    LEDGER_UNREACHABLE = "LedgerUnreachable"
    OBSERVATION_GAP = "ObservationGap"


class Severity(StrEnum):
    """Whether a finding stopped the run."""

    REFUSAL = "Refusal"
    WARNING = "Warning"


class ObjectiveState(StrEnum):
    """Whether an objective of the plan was met."""

    MET = "Met"
    MISSED = "Missed"
    UNKNOWN = "Unknown"


class CleanupPhase(StrEnum):
    """State of the clean-up of a drill's instances."""

    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    COMPLETED = "Completed"
    COMPLETED_WITH_EXCEPTIONS = "CompletedWithExceptions"


class RequestOutcome(StrEnum):
    """The answer to a command."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"


class ConcurrencyPolicy(StrEnum):
    """Whether a schedule starts a drill while an earlier one of it is active."""

    ALLOW = "Allow"
    FORBID = "Forbid"
