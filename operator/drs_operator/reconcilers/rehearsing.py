"""A dry run: what a run would find and launch. Nothing is claimed, locked, held or called that changes anything."""

from __future__ import annotations

from dataclasses import replace

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.api.v1alpha1.enums import ExecutionType, Severity
from drs_operator.planning import projection, start
from drs_operator.planning.facts import Failure
from drs_operator.planning.findings import findings
from drs_operator.planning.pinning import pinned, plannable
from drs_operator.planning.rehearsal import rehearsed
from drs_operator.ports import ReadFailed
from drs_operator.reconcilers import starting, surveying
from drs_operator.reconcilers.context import Context, Outcome, record
from drs_operator.reconcilers.recording import troubled


async def rehearse(context: Context, execution: DRExecution) -> Outcome:
    """The whole life of a dry run, in one look. Raises ReadFailed, after showing it, when something is not readable."""
    if execution.metadata.deletion_timestamp is not None:
        return Outcome()
    now = context.clock.now()
    if (late := starting.expired(context, execution)) is not None:
        status = projection.refused(execution, late.code, late.message, None, now)
        return await _end(context, execution, status, True, reason(Code(late.code)), late.message)
    try:
        run = start.claimed(execution, context.installation, now)
        ground = await surveying.survey(context, execution, patient=_patient(context, execution))
        plan_held_by = await surveying.plan_rival(context, execution, run.execution_id)
        servers_held_by = await surveying.server_rivals(context, ground, run.execution_id)
    except ReadFailed as error:
        trouble = Failure(error.code, error.message)
        await record(context, execution, execution.status, troubled(context, execution, execution.status, trouble))
        raise
    ground = replace(ground, plan_held_by=plan_held_by, servers_held_by=servers_held_by)
    found = findings(execution, ground)
    if plannable(execution, ground):
        run = pinned(run, execution, ground, now)
    run = rehearsed(run, found, now)
    status = projection.project(run, execution, now)
    refusal = next((finding for finding in found if finding.severity == Severity.REFUSAL), None)
    text = refusal.message if refusal else projection.summary(run)
    return await _end(context, execution, status, refusal is not None, "DryRun", text)


def _patient(context: Context, execution: DRExecution) -> bool:
    """As long as a run would wait: a drill always."""
    created = execution.metadata.creation_timestamp
    drill = execution.spec.execution_type is ExecutionType.DRILL
    return drill or created is None or context.clock.now() - created < surveying.PATIENCE


async def _end(
    context: Context,
    execution: DRExecution,
    status: DRExecutionStatus,
    warning: bool,
    word: str,
    message: str,
) -> Outcome:
    if await record(context, execution, execution.status, status):
        await context.cluster.event(execution, warning, word, message)
    return Outcome()
