"""Version v1alpha1 of the API: the root models of the five kinds."""

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.drschedule import DRSchedule
from drs_operator.api.v1alpha1.meta import API_VERSION, GROUP, VERSION, Resource
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan
from drs_operator.api.v1alpha1.targetaccount import TargetAccount

KINDS: tuple[type[Resource], ...] = (TargetAccount, ProtectionGroup, RecoveryPlan, DRExecution, DRSchedule)

__all__ = [
    "API_VERSION",
    "GROUP",
    "KINDS",
    "VERSION",
    "DRExecution",
    "DRSchedule",
    "ProtectionGroup",
    "RecoveryPlan",
    "Resource",
    "TargetAccount",
]
