"""Whether the ledger is the one that this cluster knows: asked before every claim and every launch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from drs_operator.kube.ledger_memory import LedgerMemory
from drs_operator.ledger import installation
from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER, TablesMissing
from drs_operator.observability import metrics
from drs_operator.observability.logs import log
from drs_operator.planning.facts import Failure
from drs_operator.planning.leadership import Known, Leader, judge, learned


class LedgerGate:
    """`problem` is what was found at the last look that succeeded; an outage changes nothing."""

    def __init__(self, store: Store, memory: LedgerMemory, installation: str) -> None:
        self._store = store
        self._memory = memory
        self._installation = installation
        self._listeners: list[Callable[[], None]] = []
        self._problem: Failure | None = None
        self.known = Known()
        self.table_is_there = True
        """Whether the table of who leads could be read at the last look."""

    def problem(self) -> Failure | None:
        """Why nothing may be claimed or launched, with the command that goes on; None: go ahead."""
        return self._problem

    def on_change(self, listener: Callable[[], None]) -> None:
        """Registers who is told when the problem comes, changes or goes."""
        self._listeners.append(listener)

    async def look(self) -> Leader | None:
        """Reads the ledger's identity, keeps what is found, and returns who leads in it.

        What is wrong is kept before anybody acts on it: a leader that puts itself back hides a rolled back epoch.
        Raises ReadFailed and LostRace, then nothing is concluded; TablesMissing at the very first start.
        """
        kept = await self._memory.read() or Known()
        # The Lease may have been deleted and made anew: what this process knows stands.
        known = kept if kept.ledger_id is not None else replace(self.known, accepted=kept.accepted)
        found, leader = await installation.find(self._store, self._installation)
        if known.ledger_id is None:
            if found.missing_tables:
                raise TablesMissing(list(found.missing_tables), found.region)
            if found.ledger_id is None:  # the tables were made by CloudFormation, which writes no items
                await installation.make_meta(self._store)
                found, leader = await installation.find(self._store, self._installation)
        problem = judge(known, found)
        self.known = learned(known, found, leader, problem)
        self.table_is_there = LEDGER.name(self._store.prefix) not in found.missing_tables
        await self._memory.write(self.known, kept)
        self._settle(problem)
        return leader

    async def learn(self, leader: Leader) -> None:
        """Keeps who leads now; while something is wrong the ledger that was right stays known."""
        if self._problem is None:
            before, self.known = self.known, replace(self.known, epoch=leader.epoch, leader=leader.cluster)
            await self._memory.write(self.known, before)

    def _settle(self, problem: Failure | None) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        metrics.ledger_problem.set(problem is not None)
        if problem is None:
            log.info("the ledger is right again", ledger=self.known.ledger_id, epoch=self.known.epoch)
        else:
            log.error("the ledger is not the one that is known", code=problem.code, detail=problem.message)
        for listener in self._listeners:
            listener()
