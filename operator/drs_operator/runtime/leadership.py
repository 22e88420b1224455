"""Who leads across clusters: one of an installation works, the others stand by until a person says otherwise."""

from __future__ import annotations

import asyncio
import os
import threading

from drs_operator.ledger import installation
from drs_operator.ledger.store import Store
from drs_operator.observability import metrics
from drs_operator.observability.logs import log
from drs_operator.planning.leadership import Leader, may_lead, without_table
from drs_operator.ports import Fenced, LostRace, ReadFailed
from drs_operator.runtime.gate import LedgerGate

GRACE_SECONDS = 3.0
"""From the loss of leadership to the end of the process: shorter than what is left of its lease."""


class Leadership:
    """The part of one cluster in an installation."""

    def __init__(
        self, store: Store, gate: LedgerGate, installation: str, cluster: str, process: str, renew_seconds: float
    ) -> None:
        self._store = store
        self._gate = gate
        self._installation = installation
        self._cluster = cluster
        self._process = process
        self._renew_seconds = renew_seconds

    def leads(self, leader: Leader) -> bool:
        """Whether this cluster is the one that leads."""
        return leader.cluster == self._cluster

    async def stand(self) -> Leader:
        """Leads if it may, under a new epoch; returns who leads. Raises what `LedgerGate.look` raises."""
        seen = await self._gate.look()
        if not self._gate.table_is_there:
            return without_table(self._gate.known, self._cluster, self._process)
        if seen is not None and not self._may_lead(seen):
            return seen
        leader = await installation.take(
            self._store, self._installation, self._cluster, self._process, self._gate.known
        )
        if self.leads(leader):
            await self._gate.learn(leader)
        return leader

    async def keep(self, mine: Leader) -> None:
        """Renews for ever; a ledger that does not answer changes nothing. Raises Fenced when another leads."""
        while True:
            await asyncio.sleep(self._renew_seconds)
            try:
                seen = await self._gate.look()
                other = await self._renew(mine, seen)
            except (ReadFailed, LostRace) as error:
                metrics.ledger_renewals.labels("failed").inc()
                log.warning("leadership not renewed in the ledger", detail=str(error))
                continue
            metrics.ledger_renewals.labels("done").inc()
            if other is not None:
                raise Fenced(
                    f"{other.process} of cluster {other.cluster} leads installation {self._installation} now, with "
                    f"epoch {other.epoch} (this process had {mine.epoch})"
                )

    async def _renew(self, mine: Leader, seen: Leader | None) -> Leader | None:
        if not self._gate.table_is_there:
            return None
        return await installation.renew(self._store, self._installation, mine, seen)

    async def stand_by(self, leader: Leader) -> None:
        """Returns when this cluster may lead, or another one than `leader` does. Never takes over by itself."""
        while True:
            await asyncio.sleep(self._renew_seconds)
            try:
                seen = await self._gate.look()
            except (ReadFailed, LostRace) as error:
                log.warning("the ledger cannot be read", detail=str(error))
                continue
            if seen is not None and (self._may_lead(seen) or seen.cluster != leader.cluster):
                return

    def _may_lead(self, seen: Leader) -> bool:
        """A wish in a ledger that is not the known one is not trusted: it may be an old one."""
        if seen.cluster == self._cluster:
            return True
        return may_lead(seen, self._cluster) and self._gate.problem() is None


def end_process_soon(code: int = 1, seconds: float = GRACE_SECONDS) -> None:
    """Ends the process after a grace, whatever still waits in it: threads that wait for AWS cannot be taken back.

    What was under way is in the ledger as an intent; the next process looks what has become of it.
    """
    ending = threading.Timer(seconds, os._exit, (code,))
    ending.daemon = True
    ending.start()
