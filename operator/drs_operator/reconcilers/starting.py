"""How a run begins: claimed in the ledger before anything else, by its run id, once for ever."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.planning import start
from drs_operator.planning.facts import Failure
from drs_operator.planning.run import Run
from drs_operator.ports import RunIdClaim
from drs_operator.reconcilers.context import Context, refuse_unknown_ledger


async def claim(context: Context, execution: DRExecution) -> Run | Failure:
    """The run of this object: claimed now, claimed earlier, adopted, or refused with the reason why."""
    now = context.clock.now()
    wanted = start.claimed(execution, context.installation, now)
    run = await context.ledger.load_run(wanted.execution_id)
    if run is None:
        refuse_unknown_ledger(context)
        if (late := expired(context, execution)) is not None:
            return late
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
    return await _take_over(context, execution, wanted, run)


def expired(context: Context, execution: DRExecution) -> Failure | None:
    """Why it is too late to start."""
    limit = start.expires_at(execution)
    if context.clock.now() <= limit:
        return None
    return Failure("REQUEST_EXPIRED", f"the run could start until {limit:%Y-%m-%dT%H:%M:%SZ}; create a new execution")


async def _take_over(context: Context, execution: DRExecution, wanted: Run, run: Run) -> Run | Failure:
    """Another object has claimed this run id: it goes on only if it asks for the same and the other one is gone.

    A run that has ended is shown again, where its id was given on purpose: so a rebuilt cluster shows its history.
    """
    where = f"{run.namespace}/{run.name}"
    if run.digest != wanted.digest:
        return _used(wanted, run.digest, where)
    if run.state == "Ended" and execution.spec.run_id is None:
        return _used(wanted, run.digest, where)
    other = await context.cluster.fresh(DRExecution, run.namespace, run.name)
    if other is not None and other.metadata.uid == run.uid:
        if run.state == "Ended":
            return _used(wanted, run.digest, where)
        return Failure("RUN_ID_CONFLICT", f"run id {run.run_id} is running as {where}; watch that one")
    await context.cluster.add_finalizer(execution)  # of one that has ended, too: its clean-up may be to come
    restored = run.restored or run.state == "Ended"
    adopted = {"uid": wanted.uid, "namespace": wanted.namespace, "name": wanted.name, "restored": restored}
    return await context.ledger.save_run(run.model_copy(update=adopted), run)


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
