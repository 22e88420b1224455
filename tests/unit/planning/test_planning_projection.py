"""The status of an execution as the projection of its run: phase, conditions, holds, progress."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.api.v1alpha1.limits import LISTED_FINDINGS, LISTED_HOLDS, LISTED_JOBS_PER_WAVE, LISTED_REQUESTS
from drs_operator.planning.projection import phase, project, refused
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Answer, Cancel, FindingRecord, Run, RunWave
from tests import builders as b
from tests.unit.planning.tables import table

CANCEL = Cancel(requested_by="jane@example.com", time=b.NOW)


def _wave(number: int, phase: str, *servers: str) -> RunWave:
    members = [b.run_server(10 * number + n, server) for n, server in enumerate(servers or ("Pending",))]
    return b.run_wave(number, members, phase=phase, start_time=b.NOW if phase == "Launching" else None)


BUSY = b.run(_wave(1, "Launching", "Launching"), intents=(b.intent(1, [10], "Started"),))
HELD = b.run(_wave(1, "Held"), _wave(2, "Pending"), holds=(b.hold("1.1"),))
DRAINING = BUSY.model_copy(update={"verdict": "Failed", "verdict_time": b.NOW})


def _ended(verdict: str, **changes: Any) -> Run:
    times = {"verdict_time": b.at(500), "finish_time": b.at(600)}
    return b.run(_wave(1, "Completed", "Ready"), state="Ended", verdict=verdict, **{**times, **changes})


def _project(run: Run, before: DRExecutionStatus | None = None, seconds: float = 0) -> DRExecutionStatus:
    execution = b.execution()
    if before is not None:
        execution = execution.model_copy(update={"status": before})
    return project(run, execution, b.at(seconds))


def _said(status: DRExecutionStatus) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status.value, condition.reason) for condition in status.conditions}


@pytest.mark.parametrize(
    ("run", "want", "because"),
    table(
        ("claimed", b.run(state="Claimed"), "Validating", "nothing is pinned"),
        ("launching", BUSY, "Running", "a wave is under way"),
        ("queued", b.run(_wave(1, "Queued")), "Running", "a wave is under way"),
        ("held", HELD, "Paused", "only a person is waited for"),
        ("held and busy", b.run(*HELD.waves, _wave(3, "Queued"), holds=HELD.holds), "Running", "another wave is"),
        ("between", b.run(_wave(1, "Completed"), _wave(2, "Pending")), "Running", "nobody is waited for"),
        ("cancelled", BUSY.model_copy(update={"cancel": CANCEL}), "Cancelling", "before anything else"),
        ("cancelled on hold", HELD.model_copy(update={"cancel": CANCEL}), "Cancelling", "before anything else"),
        ("draining", DRAINING, "Running", "its jobs are followed"),
        ("completed", _ended("Completed"), "Completed", "the verdict"),
        ("exceptions", _ended("CompletedWithExceptions"), "CompletedWithExceptions", "the verdict"),
        ("failed", _ended("Failed"), "Failed", "the verdict"),
        ("timed out", _ended("TimedOut"), "TimedOut", "the verdict"),
        ("was cancelled", _ended("Cancelled", cancel=CANCEL), "Cancelled", "the verdict"),
    ),
)
def test_phase(run: Run, want: str, because: str) -> None:
    assert phase(run) == want, because
    assert _project(run).phase == want


def _running(reason: str) -> dict[str, tuple[str, str]]:
    open_end = {"Succeeded": ("Unknown", reason), "Finished": ("False", reason), "Ready": ("Unknown", reason)}
    return {**open_end, "Reconciling": ("True", reason)}


@pytest.mark.parametrize(
    ("run", "want", "because"),
    table(
        ("claimed", b.run(state="Claimed"), _running("Validating"), "it has begun"),
        ("running", BUSY, _running("Running"), "it runs"),
        ("paused", HELD, {**_running("Paused"), "Paused": ("True", "PauseBeforeWave")}, "a hold is open"),
        ("held and busy", b.run(*HELD.waves, _wave(3, "Queued"), holds=HELD.holds),
         {**_running("Running"), "Paused": ("True", "PauseBeforeWave")}, "a hold is open while another wave runs"),
        ("draining", DRAINING, _running("Draining"), "it has a verdict and no end"),
        ("cancelling", BUSY.model_copy(update={"cancel": CANCEL}), _running("Cancelling"), "it is being cancelled"),
        ("completed", _ended("Completed"),
         dict.fromkeys(("Succeeded", "Finished", "Ready"), ("True", "Completed")), "good"),
        ("exceptions", _ended("CompletedWithExceptions"),
         dict.fromkeys(("Succeeded", "Finished", "Ready"), ("True", "CompletedWithExceptions")), "good"),
        ("failed", _ended("Failed", error=ErrorRecord(code="WAVE_LAUNCH_FAILED", message="wave 1")),
         {"Succeeded": ("False", "WaveLaunchFailed"), "Finished": ("True", "WaveLaunchFailed"),
          "Ready": ("False", "WaveLaunchFailed"), "Stalled": ("True", "WaveLaunchFailed")}, "the error's code"),
        ("cancelled", _ended("Cancelled", cancel=CANCEL),
         {"Succeeded": ("False", "Cancelled"), "Finished": ("True", "Cancelled"), "Ready": ("False", "Cancelled"),
          "Stalled": ("True", "Cancelled")}, "it ended badly"),
    ),
)  # fmt: skip
def test_conditions(run: Run, want: dict[str, tuple[str, str]], because: str) -> None:
    assert _said(_project(run)) == want, because


@pytest.mark.parametrize("verdict", ["Completed", "CompletedWithExceptions", "Failed", "TimedOut", "Cancelled"])
def test_succeeded_never_flips_and_the_end_never_changes(verdict: str) -> None:
    end = _project(_ended(verdict), _project(HELD, _project(BUSY), 60), 600)

    later = _project(_ended(verdict), end, 90000)

    assert later == end, "also a day later"
    assert "Paused" not in _said(end)
    assert "Reconciling" not in _said(end)
    succeeded = find_condition(end.conditions, "Succeeded")
    assert succeeded is not None
    assert succeeded.last_transition_time == b.at(600)


@pytest.mark.parametrize("run", [b.run(state="Claimed"), BUSY, HELD, DRAINING])
def test_projecting_again_changes_nothing_but_the_sign_of_life(run: Run) -> None:
    first = _project(run)

    soon, later = _project(run, first, 59.9), _project(run, first, 60)

    assert soon == first, "at most one write a minute while nothing happens"
    assert later.last_observed_time == b.at(60)
    assert later.model_copy(update={"last_observed_time": b.NOW, "waiting_for": first.waiting_for}) == first


def test_minutes_move_with_the_sign_of_life() -> None:
    """Else a status write would come for each of them."""
    first = _project(BUSY, seconds=50)

    assert (first.waiting_for, _project(BUSY, first, 70).waiting_for) == ("AWS: 1 server launching, 0 min",) * 2
    assert _project(BUSY, first, 110).waiting_for == "AWS: 1 server launching, 1 min"


def test_a_run_that_has_ended_gives_no_sign_of_life() -> None:
    before = _project(BUSY)

    assert _project(_ended("Completed"), before, 9999).last_observed_time == before.last_observed_time


def test_progress() -> None:
    run = b.run(
        _wave(1, "Completed", "Ready", "Ready"),
        _wave(2, "CompletedWithExceptions", "Launched", "Failed"),
        _wave(3, "Launching", "Conversion", "Skipped"),
        _wave(4, "Pending"),
    )

    status = _project(run)

    assert (status.current_wave, status.total_waves, status.wave_progress) == (3, 4, "2/4")
    assert status.server_progress == "3/7 !1"
    assert _project(_ended("Completed")).current_wave is None
    assert _project(_ended("Completed")).server_progress == "1/1"
    claimed = _project(b.run(state="Claimed"))
    assert (claimed.wave_progress, claimed.server_progress, claimed.total_waves) == (None, None, None)


def test_the_current_wave_is_the_lowest_number_that_is_not_final() -> None:
    run = b.run(_wave(7, "Launching", "Launching"), _wave(3, "Pending"), _wave(1, "Completed"))

    status = _project(run)

    assert status.current_wave == 3
    assert [wave.wave_number for wave in status.waves] == [1, 3, 7], "in the order of their numbers"


# --- holds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "detail", "want", "because"),
    table(
        ("pause", "PauseBeforeWave", "", "kubectl annotate -n dr drx/drill-1 drs-operator.io/resume=1.1", "the line"),
        (
            "account",
            "AccountUnavailable",
            "the role was refused",
            "the role was refused; kubectl annotate -n dr drx/drill-1 drs-operator.io/resume=1.1",
            "what to mend, then the line",
        ),
        (
            "failed",
            "WaveFailed",
            "db-01 did not come up",
            "db-01 did not come up; kubectl annotate -n dr drx/drill-1 drs-operator.io/retry=1.1  # or skip=1.1",
            "resume would be refused",
        ),
    ),
)
def test_a_hold_says_how_to_go_on(reason: str, detail: str, want: str, because: str) -> None:
    (hold,) = _project(b.run(_wave(1, "Held"), holds=(b.hold("1.1", reason, detail=detail),))).holds

    assert (hold.id, hold.wave_number, hold.reason, hold.since) == ("1.1", 1, reason, b.NOW)
    assert hold.message == want, because


def test_a_long_detail_never_cuts_the_line() -> None:
    run = b.run(_wave(1, "Held"), holds=(b.hold("1.1", "AccountUnavailable", detail="because " * 200),))

    written = _project(run).to_json()["holds"][0]["message"]

    assert written.endswith("; kubectl annotate -n dr drx/drill-1 drs-operator.io/resume=1.1")


def test_a_closed_hold_is_not_shown() -> None:
    assert _project(b.run(_wave(1, "Queued"), holds=(b.hold("1.1", closed_at=b.NOW),))).holds == []


# --- the rest -------------------------------------------------------------------------------------------------------


def test_identity_and_requests() -> None:
    given: dict[str, Any] = {"type": "resume", "value": "2.1", "outcome": "Refused", "code": "SUPERSEDED", "count": 3}
    answer = Answer(requested_by="jane", observed_time=b.NOW, **given)

    status = _project(b.run(answers=(answer,), plan_version=7))

    assert (status.execution_id, status.plan_version, status.requested_by) == (b.EXECUTION_ID, 7, "jane@example.com")
    assert [(r.type, r.value, r.outcome, r.code, r.count, r.requested_by) for r in status.requests] == [
        ("resume", "2.1", "Refused", "SUPERSEDED", 3, "jane")
    ]


def test_jobs_and_servers() -> None:
    server = b.run_server(
        1, "Failed", launch_status="FAILED", attempt=1, error=ErrorRecord(code="WAVE_LAUNCH_FAILED", message="capacity")
    )
    wave = b.run_wave(1, [server], phase="Launching", start_time=b.NOW)
    halved = b.intent(1, [1], "Ended", job_id=None)
    started = b.intent(1, [1], "Started", shard=2)

    (shown,) = _project(b.run(wave, intents=(halved, started))).waves

    assert [(j.shard, j.state, j.job_id, j.servers) for j in shown.jobs] == [(2, "Started", b.job_id(2), 1)], (
        "a call that never became a job is none"
    )
    assert (shown.jobs[0].account_id, shown.jobs[0].region) == (b.ACCOUNT, b.REGION)
    assert (shown.servers[0].phase, shown.servers[0].launch_status) == ("Failed", "FAILED")
    assert shown.servers[0].error is not None
    assert shown.servers[0].error.code == "WAVE_LAUNCH_FAILED"


def test_lists_keep_to_the_limits_of_the_schema() -> None:
    intents = tuple(b.intent(1, [1], "Ended", shard=n) for n in range(1, LISTED_JOBS_PER_WAVE + 6))
    answers = tuple(
        Answer(type="resume", value=str(n), requested_by="", observed_time=b.NOW, outcome="Accepted")
        for n in range(LISTED_REQUESTS)
    )
    holds = tuple(b.hold(f"1.{n}") for n in range(1, LISTED_HOLDS + 10))
    finding = FindingRecord(severity="Warning", code="NO_RECOVERY_POINT", message="…")
    found = (finding,) * (LISTED_FINDINGS + 1)
    run = b.run(_wave(1, "Held"), intents=intents, answers=answers, holds=holds, findings=found)

    status = project(run, b.execution(), b.NOW)

    assert (len(status.waves[0].jobs), len(status.holds)) == (LISTED_JOBS_PER_WAVE, LISTED_HOLDS)
    assert status.waves[0].jobs[-1].shard == LISTED_JOBS_PER_WAVE + 5, "the newest"
    assert (len(status.findings), len(status.requests)) == (LISTED_FINDINGS, LISTED_REQUESTS)


def test_findings_come_from_the_run_so_that_a_restored_status_has_them_too() -> None:
    found = FindingRecord(severity="Warning", code="NO_RECOVERY_POINT", wave_number=1, server_ids=("s-1",), count=1)
    run = BUSY.model_copy(update={"findings": (found,)})

    (shown,) = project(run, b.execution(), b.NOW).findings

    assert (shown.severity, shown.code, shown.wave_number) == ("Warning", "NO_RECOVERY_POINT", 1)
    assert (shown.server_ids, shown.count) == (["s-1"], 1)


def test_an_object_whose_run_was_refused_is_final() -> None:
    execution: DRExecution = b.execution()

    status = refused(execution, "ALREADY_EXECUTED", "run id x was executed", "exec-1", b.at(5))

    assert (status.phase, status.finish_time, status.execution_id) == ("Failed", b.at(5), "exec-1")
    assert status.error is not None
    assert status.error.code == "ALREADY_EXECUTED"
    assert _said(status) == {
        "Succeeded": ("False", "AlreadyExecuted"),
        "Finished": ("True", "AlreadyExecuted"),
        "Ready": ("False", "AlreadyExecuted"),
        "Stalled": ("True", "AlreadyExecuted"),
    }
    assert status.observed_generation == 1


def test_a_cancelled_run_says_who_did_it() -> None:
    finished = find_condition(_project(_ended("Cancelled", cancel=CANCEL)).conditions, "Finished")

    assert finished is not None
    assert finished.message == "cancelled by jane@example.com; 1 of 1 servers launched in 1 waves"
