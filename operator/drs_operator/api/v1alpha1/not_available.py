"""What the schema knows but this version does not act on yet. It is refused when used, never ignored.

To lift an entry, delete its line, act on the field, and generate the CRDs.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """A node that is refused unless `accepts` (CEL on that node) holds; an absent one is accepted."""

    kind: str
    path: str
    accepts: str
    advice: str


NOT_AVAILABLE = (
    NotAvailable("TargetAccount", "spec.stagingAccounts", "size(self) == 0", "leave it out"),
    NotAvailable("TargetAccount", "spec.extendSourceServers.enabled", "!self", "leave it false"),
    NotAvailable("TargetAccount", "spec.tagSync.enabled", "!self", "leave it false"),
    NotAvailable("ProtectionGroup", "spec.drillLaunchConfiguration", "false", "leave it out"),
    NotAvailable("DRSchedule", "spec", "false", "start drills by creating a DRExecution"),
)
