"""A run takes its plan and its servers in the ledger. What a run that has ended still holds is nobody's: it is let go.

A run lets go before it ends. But a leader that has slept through its succession may take something for a run that the
next leader has ended meanwhile: locks are not fenced, rows of runs are.
"""

from __future__ import annotations

from collections.abc import Iterable

from drs_operator.planning.facts import Place
from drs_operator.ports import Holder, LostRace
from drs_operator.reconcilers.displacing import Occupant, occupant
from drs_operator.reconcilers.session import Session

ATTEMPTS = 4


async def plan(session: Session) -> Occupant | None:
    """Takes the plan of a run; returns the active run that has it. Raises LostRace."""
    ledger, run = session.context.ledger, session.run
    for _ in range(ATTEMPTS):
        if await ledger.lock_plan(run.plan_id, run.execution_id, f"{run.namespace}/{run.name}") is None:
            return None
        holder = await ledger.plan_holder(run.plan_id)
        if holder is None:  # let go of since
            continue
        if (found := await occupant(session.context, holder)) is not None:
            return found
        await ledger.unlock_plan(run.plan_id, holder.execution_id)
    raise LostRace(f"plan {run.plan_name} changes hands all the time; it is tried again")


async def servers(session: Session) -> dict[str, Occupant]:
    """Holds the servers of a run; returns the active runs that hold the others, by server id. Raises LostRace."""
    found: dict[str, Occupant] = {}
    for place, server_ids in session.run.servers_by_place().items():
        found |= await _of_place(session, place, server_ids)
    return found


async def _of_place(session: Session, place: Place, server_ids: Iterable[str]) -> dict[str, Occupant]:
    ledger, run = session.context.ledger, session.run
    found: dict[str, Occupant] = {}
    wanted = list(server_ids)
    for _ in range(ATTEMPTS):
        lost = sorted(await ledger.hold_servers(place, wanted, run.execution_id, f"{run.namespace}/{run.name}"))
        if not lost:
            return found
        holders = await ledger.server_holders(place, lost)
        active = await _active(session, holders.values())
        for holder in set(holders.values()) - active.keys():
            left = [server_id for server_id, by in holders.items() if by == holder]
            await ledger.release_servers(place, left, holder.execution_id)
        found |= {server_id: active[holder] for server_id, holder in holders.items() if holder in active}
        wanted = [server_id for server_id in lost if server_id not in found]
        if not wanted:
            return found
    raise LostRace(f"{len(wanted)} servers in {place} change hands all the time; it is tried again")


async def _active(session: Session, holders: Iterable[Holder]) -> dict[Holder, Occupant]:
    known = {holder: await occupant(session.context, holder) for holder in sorted(set(holders), key=str)}
    return {holder: found for holder, found in known.items() if found is not None}
