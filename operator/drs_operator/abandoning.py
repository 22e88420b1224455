"""`drs-operator abandon-run RUNID`: ends a run whose object is gone, so that plan and servers are free again.

It only records the cancel in the ledger. The operator does the rest, as for every cancelled run: DRS jobs that run are
followed to their end, then the locks are let go.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.kube.client import connect
from drs_operator.kube.cluster import KubeCluster
from drs_operator.lead_commands import Agrees, Declined
from drs_operator.ledger.dynamo import DynamoLedger
from drs_operator.ledger.reading import find_run
from drs_operator.ledger.store import Store
from drs_operator.planning import holds
from drs_operator.planning.run import Cancel, Run
from drs_operator.ports import Fenced, LostRace
from drs_operator.settings import Settings
from drs_operator.verify import trouble

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Reach:
    """What the command reads and writes."""

    find: Callable[[str], Awaitable[Run | None]]
    """The run of a run id, whatever installation it is of, as it stands. Raises ReadFailed."""
    save: Callable[[Run, Run], Awaitable[object]]
    """Writes a run over the one that was found, under its epoch. Raises LostRace, Fenced, ReadFailed."""
    fresh: Callable[[str, str], Awaitable[DRExecution | None]]
    """The execution of a namespace and name as it is now. Raises ReadFailed."""


async def abandon(settings: Settings, run_id: str, agrees: Agrees, by: str) -> str:
    """Cancels the run in the ledger. Returns what to say. Raises Declined, ReadFailed, LostRace, NoCluster."""
    with closing(Store(settings.table_prefix, settings.ledger_region)) as store:
        async with connect() as client:
            if (why := await trouble(store, client, settings)) is not None:
                raise Declined(f"this cluster cannot tell whether the run has an object: {why}")
            cluster = KubeCluster(client, "drs-operator-abandon-run")
            reach = Reach(
                find=functools.partial(find_run, store),
                save=lambda run, before: DynamoLedger(store, before.epoch).save_run(run, before),
                fresh=functools.partial(cluster.fresh, DRExecution),
            )
            return await abandon_in(reach, settings.installation, run_id, agrees, by)


async def abandon_in(reach: Reach, installation: str, run_id: str, agrees: Agrees, by: str) -> str:
    """The same, where ledger and cluster are known to belong together. Raises Declined, ReadFailed, LostRace."""
    agreed = False
    for _ in range(ATTEMPTS):
        run = await _without_object(reach, installation, run_id)
        if (already := _said_before(run)) is not None:
            return already
        if not agreed and not agrees(_question(run), run_id):
            raise Declined("not confirmed; nothing was changed")
        agreed = True
        cancel = Cancel(requested_by=f"abandon-run by {by}", time=datetime.now(UTC))
        try:
            await reach.save(run.model_copy(update={"cancel": cancel}), run)
        except (LostRace, Fenced):
            continue  # the operator has moved it meanwhile
        return (
            f"recorded for {by}: run {run_id} ({run.execution_id}) is cancelled; the operator follows its running DRS "
            f"jobs to their end, then frees plan {run.plan_name} and its servers. Instances that were launched stay"
        )
    raise LostRace(f"run {run_id} moves faster than it can be cancelled; try again")


async def _without_object(reach: Reach, installation: str, run_id: str) -> Run:
    """The run, if it is this installation's and has no object. Raises Declined."""
    run = await reach.find(run_id)
    if run is None:
        raise Declined(
            f"run id {run_id} was never used in this ledger; by default it is NAMESPACE/NAME of the execution. "
            "Nothing was changed"
        )
    if run.installation != installation:
        raise Declined(
            f"run {run_id} is of installation {run.installation}, not {installation}; set "
            "DRS_OPERATOR_INSTALLATION and KUBECONFIG to that one. Nothing was changed"
        )
    if run.state == "Ended":
        return run
    found = await reach.fresh(run.namespace, run.name)
    if found is not None and (found.metadata.uid == run.uid or found.status.finish_time is None):
        raise Declined(
            f"run {run_id} has its object, {run.namespace}/{run.name}; cancel it instead: "
            f"{holds.annotate(run, 'cancel', 'now')}"
        )
    return run


def _said_before(run: Run) -> str | None:
    """What there is to say of a run that ends, or has ended, without this command."""
    if run.state == "Ended":
        return f"run {run.run_id} has ended already ({run.verdict}); there is nothing to abandon"
    if run.verdict is not None:
        return f"run {run.run_id} has its verdict, {run.verdict}; the operator follows its jobs and ends it by itself"
    if run.cancel is not None:
        who = run.cancel.requested_by or "unknown"
        return f"run {run.run_id} was cancelled by {who} already; the operator follows its jobs and ends it"
    return None


def _question(run: Run) -> str:
    jobs = sum(1 for intent in run.intents if intent.state in ("Calling", "Started"))
    servers = sum(1 for wave in run.waves for server in wave.servers if server.launched)
    to_come = sum(1 for wave in run.waves if wave.phase in ("Pending", "Held", "Queued"))
    return (
        f"{run.execution_type} {run.run_id} of plan {run.namespace}/{run.plan_name} ({run.execution_id}) is active and "
        f"its object does not exist.\nIt shall be cancelled: {to_come} of {len(run.waves)} waves are never launched, "
        f"{jobs} running DRS jobs are followed to their end, {servers} launched servers stay as they are.\nTo let it "
        "go on instead, create the object again as it was."
    )
