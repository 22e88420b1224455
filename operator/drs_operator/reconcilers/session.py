"""One reconcile of a run: the run as recorded, and the only way to move it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning.facts import Failure
from drs_operator.planning.news import News, news
from drs_operator.planning.requests import Command
from drs_operator.planning.run import Run
from drs_operator.ports import LostRace
from drs_operator.reconcilers.context import Context
from drs_operator.reconcilers.tracing import trace

RECORD_ATTEMPTS = 5


@dataclass(slots=True)
class Session:
    """`run` is what the ledger holds, as far as this process knows."""

    context: Context
    execution: DRExecution
    run: Run
    told: list[News] = field(default_factory=list)
    troubles: list[Failure] = field(default_factory=list)
    """What could not be read or done in this look. Nothing is concluded from it; it is shown, and tried again."""
    answered: list[Command] = field(default_factory=list)
    """Commands that this look has answered: they are taken off the object after the status write."""
    postponed: list[Failure] = field(default_factory=list)
    """Why commands wait on the object: what they need could not be read."""

    async def move(self, run: Run) -> None:
        """Records a transition; nothing is written when nothing has changed. Raises LostRace, Fenced, ReadFailed."""
        if run != self.run:
            before = self.run
            run = run.model_copy(update={"observed_time": self.context.clock.now()})
            self.run = await self.context.ledger.save_run(run, before)
            told = news(before, self.run)
            trace(before, self.run, told)
            self.told += told
        self.context.quota.saw(self.run, self.context.clock.now())

    async def must_move(self, transition: Callable[[Run], Run]) -> None:
        """Records what AWS has answered, whatever else has moved the run meanwhile: it is read again and applied."""
        for _ in range(RECORD_ATTEMPTS):
            try:
                await self.move(transition(self.run))
            except LostRace:
                await self.reload()
            else:
                return
        raise LostRace(f"run {self.run.execution_id} moves faster than an answer can be recorded")

    async def reload(self) -> None:
        """Reads the run anew, consistently."""
        run = await self.context.ledger.load_run(self.run.execution_id)
        if run is None:
            raise LostRace(f"run {self.run.execution_id} is gone from the ledger")
        self.run = run
        self.context.quota.saw(run, self.context.clock.now())


async def as_it_is(context: Context, execution: DRExecution) -> DRExecution | None:
    """The object as the API server has it now; None if it is gone, or another one of the same name has come."""
    meta = execution.metadata
    fresh = await context.cluster.fresh(DRExecution, meta.namespace, meta.name)
    return fresh if fresh is not None and fresh.metadata.uid == meta.uid else None
