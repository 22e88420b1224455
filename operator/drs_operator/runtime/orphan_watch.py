"""The leader's loop that looks after runs without an object."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drs_operator.observability import metrics
from drs_operator.observability.logs import log
from drs_operator.planning.facts import Failure
from drs_operator.planning.run import Run
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers.orphans import Orphans


class OrphanWatch:
    """Looks at every refresh, and at every poll while the object of a run is away."""

    def __init__(
        self, orphans: Orphans, poll_seconds: float, refresh_seconds: float, problem: Callable[[], Failure | None]
    ) -> None:
        self._orphans = orphans
        self._poll_seconds = poll_seconds
        self._refresh_seconds = max(poll_seconds, refresh_seconds)
        self._problem = problem
        self._known: dict[str, Run] = {}
        self._troubles: dict[str, str] = {}

    async def run(self) -> None:
        """Works until cancelled, or fenced."""
        while True:
            pause = await self.once()
            await asyncio.sleep(pause)

    async def once(self) -> float:
        """One look; returns after how many seconds the next one is due.

        In a ledger that is not the known one the runs of others would look like orphans: nobody looks.
        """
        if self._problem() is not None:
            return self._refresh_seconds
        try:
            look = await self._orphans.look()
        except ReadFailed as error:
            self._say({"": error})
            return self._poll_seconds
        self._say(look.troubles)
        # One that could not be read stays what it was.
        self._tell(look.orphans | {i: run for i, run in self._known.items() if i in look.troubles})
        return self._poll_seconds if look.missing or look.troubles else self._refresh_seconds

    def _tell(self, orphans: dict[str, Run]) -> None:
        for execution_id, run in orphans.items():
            if execution_id not in self._known:
                log.warning(
                    "a run has no object: it is followed and launches nothing",
                    execution_id=execution_id,
                    run_id=run.run_id,
                    object=f"{run.namespace}/{run.name}",
                    state=run.state,
                    way_on=f"create the object again, or: drs-operator abandon-run {run.run_id}",
                )
        for execution_id, run in self._known.items():
            if execution_id not in orphans:
                log.info("no orphan any more: adopted or ended", execution_id=execution_id, run_id=run.run_id)
        self._known = orphans
        metrics.orphaned_runs.set(len(orphans))

    def _say(self, troubles: dict[str, ReadFailed]) -> None:
        """Each trouble once, until it changes."""
        said = {execution_id: str(error) for execution_id, error in troubles.items()}
        for execution_id, error in troubles.items():
            if self._troubles.get(execution_id) != said[execution_id]:
                log.warning(
                    "not seen whether or how far a run without an object is",
                    execution_id=execution_id,
                    code=error.code,
                    detail=error.message,
                )
        self._troubles = said
