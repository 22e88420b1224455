"""What every reconciler is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from drs_operator.api.v1alpha1 import Resource
from drs_operator.api.v1alpha1.meta import ResourceStatus
from drs_operator.planning.facts import Failure
from drs_operator.ports import Clock, Cloud, Cluster, LaunchSettings, Ledger, Objects, ReadFailed
from drs_operator.reconcilers.claiming import ClaimBook
from drs_operator.reconcilers.job_logs import JobLogs
from drs_operator.reconcilers.mirroring import MirrorBook
from drs_operator.reconcilers.quota_queue import QuotaQueue
from drs_operator.reconcilers.settings_book import SettingsBook

RECONCILE = "drs-operator.io/reconcile"
FINALIZER = "drs-operator.io/operator"
LEDGER_FAILURES = frozenset({"LEDGER_UNREACHABLE", "DYNAMODB_ERROR"})
"""Codes of what DynamoDB fails with: it may be gone in a moment."""
"""Ours, on objects that hold something outside of the cluster."""


@dataclass(frozen=True, slots=True)
class Context:
    """The ports and the few settings that decisions depend on."""

    objects: Objects
    cluster: Cluster
    cloud: Cloud
    ledger: Ledger
    claims: ClaimBook
    """What groups and plans have claimed in the ledger."""
    mirrors: MirrorBook
    """Their rows in the ledger."""
    launch_settings: LaunchSettings
    settings: SettingsBook
    """What is known of the launch settings of servers."""
    clock: Clock
    installation: str
    caller: str
    """Names this process: only it may still be waiting for the answer of a call of its own."""
    refresh_seconds: float
    poll_seconds: float
    settle: timedelta
    observation_gap: timedelta = timedelta(hours=1)
    """A run that nobody has observed for longer holds its next wave."""
    ledger_problem: Callable[[], Failure | None] = lambda: None
    """Why nothing may be claimed or launched (LEDGER_REPLACED, LEDGER_ROLLED_BACK); asked before both."""
    quota: QuotaQueue = field(default_factory=QuotaQueue)
    """Who stands in line for the quotas of each account and Region."""
    logs: JobLogs = field(default_factory=JobLogs)
    """Job logs as they were read last."""
    wake: Callable[[type[Resource], str | None, str], None] = lambda kind, namespace, name: None
    """Has an object looked at now: something was written for it that its watch does not tell."""

    async def load_books(self) -> None:
        """Reads anew what the ledger has of claims, rows and launch settings. Raises ReadFailed."""
        await self.claims.load()
        await self.mirrors.load()
        await self.settings.load()


@dataclass(frozen=True, slots=True)
class Outcome:
    """When to look again, in seconds; None: when something changes."""

    again_in: float | None = None


def asked_now(resource: Resource, status: ResourceStatus) -> str | None:
    """The token of a `reconcile` annotation that was not served yet."""
    token = resource.metadata.annotations.get(RECONCILE)
    return token if token and token != status.last_handled_reconcile else None


def refuse_unknown_ledger(context: Context) -> None:
    """Raises ReadFailed where nothing may be claimed or launched: it is shown, and tried again until it may."""
    if (problem := context.ledger_problem()) is not None:
        raise ReadFailed(problem.code, problem.message)


async def record(context: Context, resource: Resource, before: ResourceStatus, after: ResourceStatus) -> bool:
    """The one status write, at the end, and none when nothing has changed. Returns whether there was one."""
    token = resource.metadata.annotations.get(RECONCILE)
    if token:
        after = after.model_copy(update={"last_handled_reconcile": token})
    wanted = after.to_json()
    if wanted == before.to_json():
        return False
    await context.cluster.write_status(resource, wanted)
    return True


async def tell(context: Context, resource: Resource, before: ResourceStatus, after: ResourceStatus) -> None:
    """Events for conditions that have changed their status: Warning when one is lost, Normal when it is won."""
    known = {condition.type: condition for condition in before.conditions}
    for condition in after.conditions:
        old = known.get(condition.type)
        if old is not None and old.status == condition.status and old.reason == condition.reason:
            continue
        if condition.type == "Ready":
            warning = condition.status == "False"
            await context.cluster.event(resource, warning, condition.reason, condition.message)
