"""The largest object of each kind that the limits admit, every field filled to its length.

What people write counts two bytes a character; what AWS and Kubernetes name is ASCII. Servers of a plan are spread
over its waves, since a plan has 1000 of them in all.
"""

from collections.abc import Callable

from drs_operator.api.v1alpha1 import DRExecution, DRSchedule, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from tests.unit.api.filling import Object
from tests.unit.api.largest_groups import protection_group, target_account
from tests.unit.api.largest_runs import execution, recovery_plan, schedule

LARGEST: dict[type[Resource], Callable[[], Object]] = {
    TargetAccount: target_account,
    ProtectionGroup: protection_group,
    RecoveryPlan: recovery_plan,
    DRExecution: execution,
    DRSchedule: schedule,
}
