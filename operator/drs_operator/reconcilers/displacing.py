"""The drills that a recovery meets: cancelled in their rows of the ledger, which is safe to repeat, then waited for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning import displacing
from drs_operator.planning.ground import Rival
from drs_operator.planning.run import Run
from drs_operator.ports import Holder, LostRace
from drs_operator.reconcilers.context import Context
from drs_operator.reconcilers.session import RECORD_ATTEMPTS, Session


@dataclass(frozen=True, slots=True)
class Occupant:
    """An active run that holds what another one asks for."""

    holder: Holder
    drill: Run | None
    """The drill that has to give way to a recovery; None: it gives way to nobody."""

    @property
    def rival(self) -> Rival:
        """The same for the findings."""
        return Rival(self.holder.execution, self.drill is not None)


async def occupant(context: Context, holder: Holder) -> Occupant | None:
    """The run that holds something; None: it has ended, so what it holds is nobody's. Changes nothing."""
    run = await context.ledger.read_run(holder.execution_id)
    if run is not None and run.state == "Ended":
        return None
    drill = run if run is not None and displacing.in_the_way(run, context.installation) else None
    return Occupant(holder, drill)


async def displace(session: Session, occupants: Iterable[Occupant]) -> bool:
    """Cancels the drills among those that a recovery meets; returns whether it has to wait for one. Raises LostRace."""
    found = {occupant.drill.execution_id: occupant.drill for occupant in occupants if occupant.drill is not None}
    drills = sorted(found.values(), key=lambda drill: (drill.namespace, drill.name))
    if session.run.is_drill or not drills:
        return False
    # First what it waits for, so that a status can say it, then the cancel: after a crash both are done again.
    await session.move(displacing.blocked(session.run, f"{drills[0].namespace}/{drills[0].name}"))
    for drill in drills:
        await _cancel(session, drill.execution_id)
    return True


async def _cancel(session: Session, execution_id: str) -> None:
    context, recovery = session.context, session.run
    for _ in range(RECORD_ATTEMPTS):
        drill = await context.ledger.load_run(execution_id)
        if drill is None or not displacing.in_the_way(drill, context.installation):
            return
        cancelled = displacing.cancelled_for(drill, recovery, context.clock.now())
        if cancelled is drill:
            return
        try:
            await context.ledger.save_run(cancelled, drill)
        except LostRace:
            continue
        context.wake(DRExecution, drill.namespace, drill.name)  # its own look tells who has cancelled it, and ends it
        return
    raise LostRace(f"drill {execution_id} moves faster than it can be cancelled; it is tried again")
