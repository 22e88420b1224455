"""Servers of a plan that somebody else is using now."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, RecoveryPlan
from drs_operator.planning.facts import Inventory, Place
from drs_operator.planning.plan_conflicts import Member, conflicts, held, told
from tests import builders as b
from tests.unit.planning.tables import table

MEMBERS = [Member(b.server_id(n), f"host-{n}", b.PLACE) for n in (1, 2, 3)]


def _run(name: str, *servers: int, plan: str = "other", jobs: tuple[int, ...] = (), **status: Any) -> DRExecution:
    wave = {
        "waveNumber": 1,
        "phase": "Launching",
        "servers": [{"serverId": b.server_id(n), "phase": "Launching"} for n in servers],
        "jobs": [{"jobId": b.job_id(n)} for n in jobs],
    }
    return b.execution(name, status={"phase": "Running", "waves": [wave], **status}, recoveryPlanRef={"name": plan})


def _in_jobs(**jobs: int) -> dict[Place, Inventory]:
    """An inventory; `host_1=9`: job 9 works on server 1."""
    numbers = {int(name.split("_")[1]): b.job_id(job) for name, job in jobs.items()}
    servers = [b.source_server(n, active_job_id=numbers.get(n)) for n in (1, 2, 3)]
    return {b.PLACE: b.inventory(*servers)}


ENDED: dict[str, Any] = {"phase": "Completed", "finishTime": b.NOW.isoformat()}


@pytest.mark.parametrize(
    ("executions", "inventories", "want", "because"),
    table(
        ("nobody", [], _in_jobs(), [], "all are free"),
        ("another plan's run", [_run("x", 2)], _in_jobs(), [(2, "x", "other", None)], "it holds the server"),
        ("with its job", [_run("x", 2, jobs=(9,))], _in_jobs(host_2=9), [(2, "x", "other", 9)], "and launches it"),
        ("not its servers", [_run("x", 7)], _in_jobs(), [], "other servers are no matter"),
        ("ended", [_run("x", 2, **ENDED)], _in_jobs(), [], "it has let go"),
        ("ended, seen late", [_run("x", 2, jobs=(9,), **ENDED)], _in_jobs(host_2=9), [], "the inventory is older"),
        ("nothing pinned", [_run("x", phase="Validating", waves=[])], _in_jobs(), [], "it holds nothing yet"),
        ("its own run", [_run("x", 1, 2, plan="production")], _in_jobs(), [], "that is no conflict"),
        ("its own run's job", [_run("x", 1, plan="production")], _in_jobs(host_1=9), [], "the run looks after it"),
        ("foreign job", [], _in_jobs(host_3=9), [(3, None, None, 9)], "somebody else launches it"),
        ("beside its own run", [_run("x", 1, plan="production")], _in_jobs(host_3=9), [(3, None, None, 9)],
         "a server that the run does not have"),
        ("two runs", [_run("y", 1), _run("x", 1)], _in_jobs(), [(1, "x", "other", None)], "always the same one"),
        ("several", [_run("x", 3, 1)], _in_jobs(host_2=9),
         [(1, "x", "other", None), (2, None, None, 9), (3, "x", "other", None)], "by server"),
    ),
)  # fmt: skip
def test_conflicts(
    executions: list[DRExecution],
    inventories: dict[Place, Inventory],
    want: list[tuple[int, str | None, str | None, int | None]],
    because: str,
) -> None:
    found = conflicts(b.plan(), MEMBERS, executions, inventories)

    assert [(c.server_id, c.conflicting_execution, c.conflicting_plan, c.conflicting_job_id) for c in found] == [
        (b.server_id(n), execution, plan, b.job_id(job) if job else None) for n, execution, plan, job in want
    ], because
    assert [c.hostname for c in found] == [f"host-{n}" for n, _, _, _ in want]


def _with(*found: dict[str, Any]) -> RecoveryPlan:
    return b.plan(status={"conflicts": list(found)})


def test_before_the_first_inventory_what_was_said_of_jobs_stands() -> None:
    plan = _with({"serverId": b.server_id(2), "conflictingJobId": b.job_id(9)})

    (kept,) = conflicts(plan, MEMBERS, [], {})

    assert (kept.server_id, kept.conflicting_job_id) == (b.server_id(2), b.job_id(9))
    assert conflicts(plan, MEMBERS, [], _in_jobs()) == [], "an inventory decides"
    gone = {b.PLACE: b.inventory()}
    assert conflicts(plan, MEMBERS, [], gone) == [], "so does one that does not have the server any more"


def test_a_run_holds_what_it_has_pinned_until_it_ends() -> None:
    """The ledger lets go of a server at the end of the run, not when the server is up."""
    run = _run("x", 1, 2)
    done = run.status.waves[0].model_copy(update={"phase": "Completed"})
    later = run.model_copy(update={"status": run.status.model_copy(update={"waves": [done]})})

    assert held(run) == held(later) == {b.server_id(1), b.server_id(2)}
    assert held(_run("x", 1, **ENDED)) == frozenset()


def test_what_is_told() -> None:
    found = conflicts(b.plan(), MEMBERS, [_run("x", 1, 2)], _in_jobs(host_3=9))

    assert told([]) is None
    assert told(found) == (
        "host-1, host-2 are held by x (plan other) until it ends: a drill is refused, a recovery goes without; "
        f"host-3 is in DRS job {b.job_id(9)} of somebody else: their waves queue until it ends; see status.conflicts"
    )
