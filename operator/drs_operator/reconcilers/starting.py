"""How a run begins: claimed in the ledger before anything else, validated, pinned."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.enums import Severity
from drs_operator.api.v1alpha1.limits import LISTED_SERVERS_PER_FINDING
from drs_operator.planning import membership, start
from drs_operator.planning.facts import Failure, Inventory, Place, RecoveryInstance, SourceServer
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.run import ErrorRecord, FindingRecord, Run, RunServer
from drs_operator.ports import Access, ReadFailed, RunIdClaim
from drs_operator.reconcilers.access import access_of, is_allowed
from drs_operator.reconcilers.context import Context, refuse_unknown_ledger
from drs_operator.reconcilers.group_ledger import others_have
from drs_operator.reconcilers.points import has_points
from drs_operator.reconcilers.session import Session

PASSING = frozenset({"DRS_ERROR", "LEDGER_UNREACHABLE", "DYNAMODB_ERROR", "INTERNAL_ERROR"})
"""Failures that may be gone in a moment: they never refuse a run, it waits."""


async def claim(context: Context, execution: DRExecution) -> Run | Failure:
    """The run of this object: claimed now, claimed earlier, adopted, or refused with the reason why."""
    now = context.clock.now()
    wanted = start.claimed(execution, context.installation, now)
    run = await context.ledger.load_run(wanted.execution_id)
    if run is None:
        refuse_unknown_ledger(context)
        if now > start.expires_at(execution):
            return Failure(
                "REQUEST_EXPIRED",
                f"the run could start until {start.expires_at(execution):%Y-%m-%dT%H:%M:%SZ}; create a new execution",
            )
        await context.cluster.add_finalizer(execution)
        holder = await context.ledger.claim_run_id(
            RunIdClaim(
                wanted.run_id, wanted.execution_id, wanted.digest, wanted.installation, wanted.namespace, wanted.name
            )
        )
        if holder.execution_id != wanted.execution_id:
            return _used(wanted, holder.digest, f"installation {holder.installation}, {holder.namespace}/{holder.name}")
        if holder.digest != wanted.digest:
            return _used(wanted, holder.digest, f"{holder.namespace}/{holder.name}")
        run = await context.ledger.create_run(wanted)
    if run.uid == wanted.uid:
        return run
    return await _take_over(context, wanted, run)


async def _take_over(context: Context, wanted: Run, run: Run) -> Run | Failure:
    """Another object has claimed this run id: it goes on only if it asks for the same and the other one is gone."""
    where = f"{run.namespace}/{run.name}"
    if run.digest != wanted.digest:
        return _used(wanted, run.digest, where)
    if run.state == "Ended":
        return _used(wanted, run.digest, where)
    other = await context.cluster.fresh(DRExecution, run.namespace, run.name)
    if other is not None and other.metadata.uid == run.uid:
        return Failure("RUN_ID_CONFLICT", f"run id {run.run_id} is running as {where}; watch that one")
    adopted = run.model_copy(update={"uid": wanted.uid, "namespace": wanted.namespace, "name": wanted.name})
    return await context.ledger.save_run(adopted, run)


def _used(wanted: Run, digest: str, where: str) -> Failure:
    if digest != wanted.digest:
        return Failure(
            "RUN_ID_CONFLICT",
            f"run id {wanted.run_id} was used by {where} for something else; choose another spec.runId or name",
        )
    return Failure(
        "ALREADY_EXECUTED",
        f"run id {wanted.run_id} was executed by {where}; nothing was launched. To run again, choose another name",
    )


async def is_claimed(context: Context, execution: DRExecution) -> bool:
    """Whether the ledger has a run of this very object."""
    wanted = start.claimed(execution, context.installation, context.clock.now())
    run = await context.ledger.load_run(wanted.execution_id)
    return run is not None and run.uid == wanted.uid


async def validate_and_pin(session: Session) -> None:
    """From Claimed to Running, or to its end with all findings."""
    context, run = session.context, session.run
    refuse_unknown_ledger(context)
    if run.waves:  # pinned before a crash: only the holds are left to take
        await _hold_servers(session)
        return
    holder = await context.ledger.lock_plan(run.plan_id, run.execution_id, f"{run.namespace}/{run.name}")
    ground = await _ground(context, session.execution)
    found = start.findings(session.execution, ground)
    if holder is not None:
        message = f"RecoveryPlan {run.plan_name} is being run by {holder}; wait for it or cancel it"
        found.insert(0, Finding(severity=Severity.REFUSAL, code="PLAN_ALREADY_EXECUTING", message=message))
    if refusals := [finding for finding in found if finding.severity == Severity.REFUSAL]:
        await _refuse(session, refusals[0], found)
        return
    pinned = start.pinned(run, session.execution, ground)
    await session.move(pinned.model_copy(update={"findings": _kept(found)}))
    await _hold_servers(session)


def _kept(found: list[Finding]) -> tuple[FindingRecord, ...]:
    return tuple(FindingRecord.model_validate(finding.model_dump(mode="json")) for finding in found)


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
                "error": ErrorRecord(code=refusal.code, message=refusal.message),
                "findings": _kept(found),
            }
        )
    )


async def _hold_servers(session: Session) -> None:
    context, run = session.context, session.run
    by_place = run.servers_by_place()
    losses: dict[str, str] = {}
    for place, server_ids in by_place.items():
        losses |= await context.ledger.hold_servers(place, server_ids, run.execution_id, f"{run.namespace}/{run.name}")
    if losses:
        holders = ", ".join(sorted(set(losses.values())))
        message = f"{len(losses)} servers are held by {holders} until it ends; wait for it or cancel it"
        severity = Severity.REFUSAL if run.is_drill else Severity.WARNING
        conflict = Finding(
            severity=severity,
            code="SERVER_CONFLICT",
            server_ids=sorted(losses)[:LISTED_SERVERS_PER_FINDING],
            count=len(losses),
            message=message,
        )
        run = run.model_copy(update={"findings": (*_kept([conflict]), *run.findings)})
        if run.is_drill:
            for place, server_ids in by_place.items():
                await context.ledger.release_servers(place, server_ids, run.execution_id)
            found = [Finding.model_validate(kept.model_dump()) for kept in run.findings]
            await _refuse(session, conflict, found)
            return
        for wave in run.waves:
            run = run.with_servers(wave.wave_number, lambda server: _without(server, losses))
    await session.move(run.model_copy(update={"state": "Running", "start_time": context.clock.now()}))


def _without(server: RunServer, losses: dict[str, str]) -> RunServer:
    if server.server_id not in losses:
        return server
    error = ErrorRecord(code="SERVER_CONFLICT", message=f"held by {losses[server.server_id]}; retry when it has ended")
    return server.model_copy(update={"phase": "Failed", "error": error})


async def _ground(context: Context, execution: DRExecution) -> start.Ground:
    """Reads everything that validation looks at, fresh. Raises ReadFailed for what may pass."""
    namespace = execution.metadata.namespace or ""
    plan = await context.cluster.fresh(RecoveryPlan, namespace, execution.spec.recovery_plan_ref.name)
    groups: dict[str, ProtectionGroup] = {}
    accounts: dict[str, TargetAccount] = {}
    for wave in plan.spec.waves if plan else []:
        name = wave.protection_group_ref.name
        if (group := await context.cluster.fresh(ProtectionGroup, namespace, name)) is not None:
            groups[name] = group
            account_name = group.spec.target_account_ref.name
            if account_name not in accounts:
                account = await context.cluster.fresh(TargetAccount, None, account_name)
                if account is not None:
                    accounts[account_name] = account
    allowed = {name: await is_allowed(context, account, namespace) for name, account in accounts.items()}
    inventories: dict[Place, Inventory] = {}
    failures: dict[Place, str] = {}
    instances: list[RecoveryInstance] = []
    with_point: dict[str, bool] = {}
    taken: dict[str, frozenset[str]] = {}
    for group in groups.values():
        owner = accounts.get(group.spec.target_account_ref.name)
        if owner is None:
            continue
        place = Place(owner.spec.account_id, group.spec.region)
        if place in failures:
            continue
        try:
            access = await access_of(context, owner)
            if place not in inventories:
                inventories[place] = await context.cloud.inventory(access, place.region, context.clock.now())
            selected = membership.members(group, inventories[place]).servers
            claims = owner_of(group, context.installation)
            others = others_have(context, claims, place, selected)
            taken[group.metadata.name] = frozenset(i for i, standing in others.items() if standing.owner is not None)
            members = membership.members(group, inventories[place], taken[group.metadata.name])
            instances += await _instances(context, access, place.region, members.servers)
            with_point |= await has_points(context, access, place.region, membership.doubtful(members))
        except ReadFailed as error:
            if error.code in PASSING:
                raise
            failures[place] = f"{error.code}: {error.message}"
    return start.Ground(plan, groups, accounts, allowed, inventories, failures, tuple(instances), with_point, taken)


async def _instances(
    context: Context, access: Access, region: str, servers: tuple[SourceServer, ...]
) -> tuple[RecoveryInstance, ...]:
    """Recovery instances of the servers that have one: those of the others need no call."""
    having = [server.server_id for server in servers if server.recovery_instance_id]
    return await context.cloud.recovery_instances(access, region, having) if having else ()
