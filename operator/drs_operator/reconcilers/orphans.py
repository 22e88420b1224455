"""Runs without an object: deleted by force, gone with their namespace, or not yet brought back to a rebuilt cluster.

Such a run is followed and ends as it would, but launches nothing: nobody asks for it now. An object with the same run
id and digest adopts it (`starting.claim`); `drs-operator abandon-run` cancels it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning import engine, ids
from drs_operator.planning.run import Run
from drs_operator.ports import LostRace, ReadFailed
from drs_operator.reconcilers import launching
from drs_operator.reconcilers.context import Context
from drs_operator.reconcilers.execution import ROUNDS, finish, give_up
from drs_operator.reconcilers.observing import observe
from drs_operator.reconcilers.session import Session

PATIENCE = timedelta(minutes=5)
"""How long an object may be away before its run is an orphan."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found, by execution id."""

    orphans: dict[str, Run] = field(default_factory=dict)
    """Active runs that are followed without an object."""
    missing: frozenset[str] = frozenset()
    """Active runs whose object is away, orphans included."""
    troubles: dict[str, ReadFailed] = field(default_factory=dict)
    """What could not be read. Nothing is concluded from it."""


class Orphans:
    """Remembers since when each object is away: a new leader begins to count anew."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._away: dict[str, datetime] = {}

    async def look(self) -> Look:
        """Finds active runs without an object and takes each a step on. Raises ReadFailed, Fenced.

        Writes nothing unless a run has moved.
        """
        context = self._context
        active = await context.ledger.active_runs(context.installation)
        shown = {
            ids.execution_id(context.installation, execution.run_id)
            for execution in context.objects.all(DRExecution)
            if execution.status.finish_time is None
        }
        away = [execution_id for execution_id in active if execution_id not in shown]
        self._away = {execution_id: since for execution_id, since in self._away.items() if execution_id in away}
        orphans: dict[str, Run] = {}
        troubles: dict[str, ReadFailed] = {}
        for execution_id in away:
            try:
                run = await self._without_object(execution_id)
                if run is not None and self._is_orphan(run):
                    orphans[execution_id] = run
                    await self._follow(run)
            except ReadFailed as error:
                troubles[execution_id] = error
            except LostRace:
                continue  # somebody else has moved it: the next look sees what it is now
        return Look(orphans, frozenset(self._away), troubles)

    async def _without_object(self, execution_id: str) -> Run | None:
        """The run, if it is active and the API server has no object of it now."""
        context = self._context
        run = await context.ledger.load_run(execution_id)
        if run is None or run.state == "Ended":  # the list of active runs is a moment old
            self._away.pop(execution_id, None)
            return None
        found = await context.cluster.fresh(DRExecution, run.namespace, run.name)
        if found is not None and (found.metadata.uid == run.uid or found.status.finish_time is None):
            # Its own, or one that is looked at soon: it adopts the run, or is refused.
            self._away.pop(execution_id, None)
            return None
        return run

    def _is_orphan(self, run: Run) -> bool:
        """Long enough without an object; what launches nothing any more need not wait for that."""
        now = self._context.clock.now()
        since = self._away.setdefault(run.execution_id, now)
        return now - since >= PATIENCE or run.cancel is not None or run.verdict is not None

    async def _follow(self, run: Run) -> None:
        session = Session(self._context, _stand_in(run), run)
        try:
            if run.state == "Claimed":
                if run.cancel is not None:
                    await give_up(session)
            else:
                await self._rounds(session)
        finally:
            for item in session.told:
                await self._context.cluster.event(session.execution, item.warning, item.reason, item.message)
        if session.troubles:
            raise ReadFailed(session.troubles[0].code, session.troubles[0].message)

    async def _rounds(self, session: Session) -> None:
        context = self._context
        for _ in range(ROUNDS):
            before = session.run
            sight = await observe(context, before)
            session.troubles = list(sight.troubles)
            decision = engine.plan_next_steps(before, sight.observed(), context.clock.now(), starts=False)
            if decision.run != before:
                await session.move(decision.run)
            for step in decision.steps:
                match step:
                    case engine.Resolve(intent):
                        await launching.resolve(session, intent)
                    case engine.Finish():
                        await finish(session)
            if session.run.version == before.version or session.run.state == "Ended":
                return


def _stand_in(run: Run) -> DRExecution:
    """The object that is gone, as far as Events name it: they can be told of it as long as its namespace is there."""
    return DRExecution.model_validate(
        {
            "metadata": {"namespace": run.namespace, "name": run.name, "uid": run.uid},
            "spec": {"recoveryPlanRef": {"name": run.plan_name}, "executionType": run.execution_type},
        }
    )
