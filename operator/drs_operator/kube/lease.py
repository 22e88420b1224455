"""Who leads within the cluster: a Lease of coordination.k8s.io, and the elector that takes and renews it.

The official client's elector cannot be used: it fails to create its Lease, lets the work of a deposed leader run on,
and waits minutes for a connection that hangs. Here every step has a deadline, any failure counts as a missed renewal,
time is taken from a clock that cannot be set, and another's lease is waited out by the own clock from the moment when
it was last seen to change, so that clocks that differ do no harm.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from drs_operator.kube.client import MERGE_PATCH, KubeClient
from drs_operator.observability.logs import log
from drs_operator.ports import Fenced, LostRace, ReadFailed

Raw = dict[str, Any]
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. A leader gives up `renew` after its last renewal, earlier than others take over (`lease`)."""

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


class Lease:
    """One Lease object, as plain requests."""

    def __init__(self, client: KubeClient, namespace: str, name: str) -> None:
        self._client = client
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self.namespace = namespace
        self.name = name

    async def read(self) -> Raw | None:
        """The object; None if there is none."""
        return await self._client.request("GET", f"{self._collection}/{self.name}")

    async def create(self, spec: Raw, annotations: dict[str, str] | None = None) -> Raw:
        """Makes it. Raises LostRace if somebody was quicker, ReadFailed, also without its namespace."""
        meta = {"name": self.name, "namespace": self.namespace, "annotations": annotations or {}}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
        made = await self._client.request("POST", self._collection, body)
        if made is None:
            raise ReadFailed(
                "NOT_FOUND", f"namespace {self.namespace} does not exist; set DRS_OPERATOR_LEASE_NAMESPACE"
            )
        return made

    async def replace(self, before: Raw, spec: Raw) -> Raw:
        """Writes the spec over the version that was read. Raises LostRace if it has changed or is gone."""
        body = {**before, "spec": spec}
        written = await self._client.request("PUT", f"{self._collection}/{self.name}", body)
        if written is None:
            raise LostRace(f"Lease {self.namespace}/{self.name} is gone")
        return written

    async def annotate(self, annotations: dict[str, str | None]) -> None:
        """Sets annotations, or takes them off with None; makes the object where there is none."""
        body = {"metadata": {"annotations": annotations}}
        path = f"{self._collection}/{self.name}"
        if await self._client.request("PATCH", path, body, content_type=MERGE_PATCH) is None:
            await self.create({}, {key: value for key, value in annotations.items() if value is not None})


class Elector:
    """Takes the Lease for a process and renews it. `renewed` is told until when this process may write."""

    def __init__(
        self,
        lease: Lease,
        identity: str,
        timings: Timings,
        clock: Callable[[], float],
        renewed: Callable[[float], None],
    ) -> None:
        self._lease = lease
        self._identity = identity
        self._timings = timings
        self._clock = clock
        self._renewed = renewed
        self._seen: Raw | None = None
        self._seen_at = clock()
        self._until = 0.0
        self._trouble: str | None = None

    async def campaign(self, waits: Callable[[str, str | None], None]) -> None:
        """Waits until the Lease is this process's. `waits` is told who has it meanwhile, and what is wrong, if so."""
        while not await self._attempt():
            waits(self.holder, self._trouble)
            await asyncio.sleep(self._timings.retry * random.uniform(1, 1 + JITTER))

    async def hold(self) -> None:
        """Renews until that fails for too long, or was asleep for too long; then raises Fenced."""
        while True:
            await asyncio.sleep(self._timings.retry)
            if self._clock() >= self._until:
                why = self._trouble or "this process was asleep"
                raise Fenced(f"{self.name} was not renewed for {self._timings.renew:.0f} s: {why}")
            if await self._attempt():
                continue
            if self.holder != self._identity and self._trouble is None:
                raise Fenced(f"{self.name} was taken by {self.holder}")
            log.warning("lease not renewed", lease=self.name, problem=self._trouble)

    async def release(self) -> None:
        """Lets another process take over at once."""
        if self.holder != self._identity or self._seen is None:
            return
        spec = {**self._seen["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro_time()}
        self._renewed(self._clock())
        try:
            async with asyncio.timeout(self._timings.retry):
                await self._lease.replace(self._seen, spec)
        except (ReadFailed, LostRace, TimeoutError) as error:
            log.warning("lease not released", error=str(error))  # it ends by itself

    async def _attempt(self) -> bool:
        began, self._trouble = self._clock(), None
        # What is left of the own lease, so that a connection that hangs cannot outlast it.
        left = self._until - began if self._until > began else self._timings.renew
        try:
            async with asyncio.timeout(left):
                taken = await self._take(began)
        except TimeoutError:
            self._trouble = "the API server did not answer in time"
            return False
        except (ReadFailed, LostRace) as error:
            self._trouble = str(error)
            return False
        if taken:
            self._until = began + self._timings.renew
            self._renewed(self._until)
        return taken

    async def _take(self, now: float) -> bool:
        if self.holder == self._identity:
            assert self._seen is not None
            try:
                self._see(await self._lease.replace(self._seen, self._spec(self._seen, now)), now)
            except LostRace:  # annotated meanwhile, or taken: look at it
                self._see(await self._lease.read(), now)
                return await self._take(now) if self.holder == self._identity else await self._take_free(now)
            return True
        self._see(await self._lease.read(), now)
        return await self._take_free(now)

    async def _take_free(self, now: float) -> bool:
        if self._seen is None:
            self._see(await self._lease.create(self._spec(None, now)), now)
            return True
        spec = self._seen.get("spec") or {}
        if self.holder not in ("", self._identity):
            duration = float(spec.get("leaseDurationSeconds") or self._timings.lease)
            if now < self._seen_at + duration:
                return False
        self._see(await self._lease.replace(self._seen, self._spec(self._seen, now)), now)
        return True

    def _see(self, found: Raw | None, now: float) -> None:
        if (found or {}).get("spec") != (self._seen or {}).get("spec"):  # annotations are no sign of life
            self._seen_at = now
        self._seen = found

    @property
    def holder(self) -> str:
        """Who had it when it was last seen."""
        return str(((self._seen or {}).get("spec") or {}).get("holderIdentity") or "")

    def _spec(self, before: Raw | None, now: float) -> Raw:
        old = (before or {}).get("spec") or {}
        stays = old.get("holderIdentity") == self._identity
        time = _micro_time()
        transitions = int(old.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._timings.lease)),
            "acquireTime": old.get("acquireTime", time) if stays else time,
            "renewTime": time,
            "leaseTransitions": transitions if stays or before is None else transitions + 1,
        }

    @property
    def name(self) -> str:
        """For messages."""
        return f"Lease {self._lease.namespace}/{self._lease.name}"


def _micro_time() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
