"""What a process of the operator has, whether it leads or not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from drs_operator.kube.client import KubeClient
from drs_operator.kube.cluster import KubeCluster
from drs_operator.kube.lease import Lease
from drs_operator.ledger.store import Store
from drs_operator.runtime.fence import Fence, FencedClient, uptime
from drs_operator.runtime.hearing import HeardCache
from drs_operator.runtime.namespaces import Namespaces
from drs_operator.runtime.queue import WorkQueue
from drs_operator.runtime.waiting import Readiness
from drs_operator.runtime.wakeups import Wakeups
from drs_operator.settings import Settings


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class Process:
    """What a process has, whether it leads or not."""

    settings: Settings
    client: KubeClient
    """For the elector and reads; the work of a leader goes through the fence."""
    store: Store
    """For leadership; the work of a leader has threads of its own."""
    fence: Fence
    readiness: Readiness
    stop: asyncio.Event
    identity: str
    clock: SystemClock = field(default_factory=SystemClock)
    cache: HeardCache = field(default_factory=lambda: HeardCache(uptime))
    queue: WorkQueue = field(default_factory=WorkQueue)
    labels: Namespaces = field(default_factory=Namespaces)
    books_due: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when what is known of claims and mirrors has to be read anew."""
    wakeups: Wakeups = field(init=False)

    def __post_init__(self) -> None:
        self.wakeups = Wakeups(self.cache, self.queue)
        self.cache.on_change(self.wakeups.changed)
        self.labels.on_change(self.wakeups.relabelled)

    def cluster(self) -> KubeCluster:
        """The API server for work, through the fence."""
        client = FencedClient(self.client, self.fence)
        keep = self.settings.refresh_seconds
        return KubeCluster(client, self.identity, keep, self.labels.labels, self.cache.wrote)

    @property
    def lease(self) -> Lease:
        """The Lease of this installation in this cluster."""
        return lease_of(self.client, self.settings)


def lease_of(client: KubeClient, settings: Settings) -> Lease:
    """The Lease of an installation: who leads in its cluster, and what is known of the ledger."""
    return Lease(client, settings.lease_namespace, f"drs-operator-{settings.installation}")
