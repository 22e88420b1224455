"""From Claimed to Running: plan and servers are locked, everything is validated and pinned, or refused."""

from __future__ import annotations

from dataclasses import replace

from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.enums import Severity
from drs_operator.api.v1alpha1.limits import LISTED_FINDINGS, LISTED_SERVERS_PER_FINDING
from drs_operator.planning import displacing as planning
from drs_operator.planning.findings import findings
from drs_operator.planning.guards import conflict
from drs_operator.planning.pinning import pinned
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.rehearsal import records
from drs_operator.planning.run import Run, RunServer
from drs_operator.reconcilers import displacing, surveying, taking
from drs_operator.reconcilers.context import refuse_unknown_ledger
from drs_operator.reconcilers.session import Session


async def validate_and_pin(session: Session) -> None:
    """From Claimed to Running, or to its end with all findings, or waiting for the drill that it has pushed aside."""
    context = session.context
    refuse_unknown_ledger(context)
    if session.run.waves:  # pinned before a crash or a wait: only the holds are left to take
        await _hold_servers(session)
        return
    occupant = await taking.plan(session)
    if occupant is not None and session.run.blocked_by and await displacing.displace(session, [occupant]):
        return  # validated before; it is done anew when the plan is free
    if occupant is None:
        await session.move(planning.blocked(session.run, ""))
    run = session.run
    ground = await surveying.survey(context, session.execution, _patient(session))
    if occupant is not None:
        ground = replace(ground, plan_held_by=occupant.rival)
    if run.is_drill:  # a recovery asks for each, and waits for drills
        held = await surveying.server_rivals(context, ground, run.execution_id)
        ground = replace(ground, servers_held_by=held)
    found = findings(session.execution, ground)
    if refusals := [finding for finding in found if finding.severity == Severity.REFUSAL]:
        await _refuse(session, refusals[0], found)
        return
    if occupant is not None:
        await displacing.displace(session, [occupant])
        return
    run = pinned(run, session.execution, ground, context.clock.now())
    await session.move(run.model_copy(update={"findings": records(found)}))
    await _hold_servers(session)


def _patient(session: Session) -> bool:
    run = session.run
    return run.is_drill or session.context.clock.now() - run.claimed_time < surveying.PATIENCE


async def _refuse(session: Session, refusal: Finding, found: list[Finding]) -> None:
    run = session.run
    now = session.context.clock.now()
    await session.context.ledger.unlock_plan(run.plan_id, run.execution_id)
    await session.move(
        run.model_copy(
            update={
                "state": "Ended",
                "verdict": "Failed",
                "verdict_time": now,
                "finish_time": now,
                "waves": (),
                "blocked_by": "",
                "error": ErrorRecord(code=refusal.code, message=refusal.message),
                "findings": records(found),
            }
        )
    )


async def _hold_servers(session: Session) -> None:
    context, run = session.context, session.run
    kept = {server.server_id for wave in run.waves for server in wave.servers if server.phase == "Kept"}
    occupants = {i: occupant for i, occupant in (await taking.servers(session)).items() if i not in kept}
    if await displacing.displace(session, occupants.values()):
        return
    run = session.run
    if occupants:
        losses = {server_id: occupant.holder.execution for server_id, occupant in occupants.items()}
        finding = _conflict(run, losses)
        run = run.model_copy(update={"findings": (*records([finding]), *run.findings)[:LISTED_FINDINGS]})
        if run.is_drill:
            for place, server_ids in run.servers_by_place().items():
                await context.ledger.release_servers(place, server_ids, run.execution_id)
            found = [Finding.model_validate(item.model_dump()) for item in run.findings]
            await _refuse(session, finding, found)
            return
        for wave in run.waves:
            run = run.with_servers(wave.wave_number, lambda server: _without(server, losses))
    started = {"state": "Running", "start_time": context.clock.now(), "blocked_by": ""}
    await session.move(run.model_copy(update=started))


def _conflict(run: Run, losses: dict[str, str]) -> Finding:
    holders = ", ".join(sorted(set(losses.values())))
    return Finding(
        severity=Severity.REFUSAL if run.is_drill else Severity.WARNING,
        code="SERVER_CONFLICT",
        server_ids=sorted(losses)[:LISTED_SERVERS_PER_FINDING],
        count=len(losses),
        message=f"{len(losses)} servers are held by {holders} until it ends; wait for it or cancel it",
    )


def _without(server: RunServer, losses: dict[str, str]) -> RunServer:
    if server.server_id not in losses:
        return server
    return server.model_copy(update={"phase": "Failed", "error": conflict(losses[server.server_id])})
