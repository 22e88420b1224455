"""How waves and runs end: failures and what they do, time-outs, readiness, waiting, verdicts."""

from collections.abc import Iterable
from typing import Any

import pytest

from drs_operator.planning.engine import Finish, Launch, plan_next_steps
from drs_operator.planning.facts import Job, Observed
from drs_operator.planning.run import Cancel, Run, RunServer
from tests import builders as b
from tests.unit.planning.tables import table

ONE, TWO = b.server_id(1), b.server_id(2)


def _decide(run: Run, *seen: Job, seconds: float = 0, **observed: Any) -> Run:
    return plan_next_steps(run, b.observed(*seen, aws_time=b.at(seconds), **observed), b.at(seconds)).run


def _launching(servers: Iterable[RunServer | int] = (1, 2), **changes: Any) -> Run:
    """A run whose only wave has one job."""
    members = [b.run_server(s, "Launching") if isinstance(s, int) else s for s in servers]
    numbers = [int(member.server_id[2:]) for member in members]
    wave = b.run_wave(1, members, phase="Launching", start_time=b.NOW, **changes)
    return b.run(wave, intents=(b.intent(1, numbers, "Started"),))


def _optional(number: int) -> RunServer:
    return b.run_server(number, "Launching", optional=True)


@pytest.mark.parametrize(
    ("servers", "statuses", "want", "because"),
    table(
        ("both up", (1, 2), ("LAUNCHED", "LAUNCHED"), "Completed", "every required server is ready"),
        ("one pending", (1, 2), ("LAUNCHED", "PENDING"), "Launching", "one is still to come"),
        ("one failed", (1, 2), ("LAUNCHED", "FAILED"), "Failed", "a required server failed, nobody is awaited"),
        ("failed and pending", (1, 2), ("FAILED", "IN_PROGRESS"), "Launching", "the other one is still awaited"),
        ("both failed", (1, 2), ("FAILED", "FAILED"), "Failed", "nothing came up"),
        ("optional failed", (1, _optional(2)), ("LAUNCHED", "FAILED"), "CompletedWithExceptions", "not required"),
        ("optional pending", (1, _optional(2)), ("LAUNCHED", "PENDING"), "Completed", "not awaited"),
        ("optional up", (1, _optional(2)), ("PENDING", "LAUNCHED"), "Launching", "the required one is awaited"),
        ("required failed, optional up", (1, _optional(2)), ("FAILED", "LAUNCHED"), "Failed", "it is required"),
        ("all optional, one up", (_optional(1), _optional(2)), ("LAUNCHED", "FAILED"), "CompletedWithExceptions", "…"),
        ("all optional, one pending", (_optional(1), _optional(2)), ("LAUNCHED", "PENDING"), "Launching",
         "with nobody required, all are awaited"),
        ("all optional, all failed", (_optional(1), _optional(2)), ("FAILED", "FAILED"), "CompletedWithExceptions",
         "the failure of an optional server does not fail the wave"),
    ),
)  # fmt: skip
def test_a_wave_ends_by_its_servers(servers: Any, statuses: tuple[str, str], want: str, because: str) -> None:
    run = _decide(_launching(servers), b.job(1, dict(zip((ONE, TWO), statuses, strict=True))), seconds=60)

    wave = run.wave(1)
    assert wave.phase == want, because
    assert wave.end_time == (b.at(60) if wave.final else None)


def test_the_job_may_still_run_when_its_wave_is_done() -> None:
    run = _launching((1, _optional(2)))
    run = run.model_copy(update={"waves": (*run.waves, b.run_wave(3, waits_for=(1,)))})

    after = _decide(run, b.job(1, {ONE: "LAUNCHED", TWO: "PENDING"}))

    assert [wave.phase for wave in after.waves] == ["Completed", "Queued"]
    assert after.intents[0].state == "Started", "the job is followed to its end"


def test_a_wave_is_not_done_before_the_calls_of_its_optional_servers_are_made() -> None:
    wave = b.run_wave(1, [b.run_server(1, "Launching"), b.run_server(2, "Queued", optional=True)], phase="Launching")
    run = b.run(wave, intents=(b.intent(1, [1], "Started"), b.intent(1, [2], "Planned", shard=2)))

    decision = plan_next_steps(run, b.observed(b.ended_job(1, {ONE: "LAUNCHED"})), b.NOW)

    assert decision.run.wave(1).phase == "Launching"
    assert [step.intent.shard for step in decision.steps if isinstance(step, Launch)] == [2]


# --- onFailure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_failure", "verdict", "holds", "because"),
    table(
        ("fail", "Fail", "Failed", [], "the run fails"),
        ("pause", "Pause", None, ["WaveFailed"], "a person decides"),
        ("continue", "Continue", "CompletedWithExceptions", [], "the run goes on to its end"),
    ),
)
def test_on_failure(on_failure: str, verdict: str | None, holds: list[str], because: str) -> None:
    run = _decide(_launching((1,), on_failure=on_failure), b.ended_job(1, {ONE: "FAILED"}))

    assert run.wave(1).phase == "Failed"
    assert run.verdict == verdict, because
    assert [hold.reason for hold in run.open_holds()] == holds, because


def test_a_failed_run_says_what_failed_and_what_to_do() -> None:
    run = _decide(_launching((1,)), b.ended_job(1, {ONE: "FAILED"}))

    assert run.error is not None
    assert run.error.code == "WAVE_LAUNCH_FAILED"
    assert "host-1" in run.error.message
    assert "Tier 1" in run.error.message


def test_names_in_a_message_are_few() -> None:
    servers = range(1, 101)
    run = _decide(_launching(servers, on_failure="Pause"), b.ended_job(1, {b.server_id(n): "FAILED" for n in servers}))

    assert run.holds[0].detail == "host-1, host-2, host-3, host-4, host-5 and 95 more did not come up"


def test_a_failed_wave_stops_the_others_only_under_fail() -> None:
    failing = _launching((1,), on_failure="Fail")
    other = b.run_wave(2, [2], phase="Launching", start_time=b.NOW)
    third = b.run_wave(3, waits_for=(2,))
    run = failing.model_copy(
        update={
            "waves": (*failing.waves, other, third),
            "intents": (*failing.intents, b.intent(2, [2], "Started", job_id=b.job_id(2))),
        }
    )

    after = _decide(run, b.ended_job(1, {ONE: "FAILED"}), b.job(2, [TWO]))

    assert after.verdict == "Failed"
    assert [wave.phase for wave in after.waves] == ["Failed", "Launching", "Cancelled"]
    assert after.intents[1].state == "Started", "what runs is followed to its end"


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "want", "because"),
    table(
        ("before", 599, "Launching", "still time"),
        ("at", 600, "TimedOut", "the time is over"),
    ),
)
def test_timeout(seconds: float, want: str, because: str) -> None:
    run = _decide(_launching(timeout_seconds=600), b.job(1, [ONE, TWO]), seconds=seconds)

    assert run.wave(1).phase == want, because


def test_evidence_comes_before_the_clock() -> None:
    """The operator was away for a day; when it comes back, all servers have launched."""
    seen = b.ended_job(1, {ONE: "LAUNCHED", TWO: "LAUNCHED"})

    run = _decide(_launching(timeout_seconds=600), seen, seconds=86400)

    assert (run.wave(1).phase, run.verdict) == ("Completed", "Completed")


def test_a_run_that_timed_out_says_so() -> None:
    run = _decide(_launching(timeout_seconds=600), b.job(1, [ONE, TWO]), seconds=600)

    assert (run.verdict, run.error.code if run.error else None) == ("TimedOut", "WAVE_TIMED_OUT")


def test_the_clock_starts_with_the_first_started_job() -> None:
    wave = b.run_wave(1, [1, 2], phase="Launching", timeout_seconds=600)
    queued = b.run(b.run_wave(1, [1, 2], phase="Queued", timeout_seconds=600), intents=(b.intent(1, [1, 2]),))
    unknown = b.run(wave, intents=(b.intent(1, [1, 2], "Calling"),))
    second = b.intent(1, [2], "Started", shard=2, called_at=b.at(500))
    started = b.run(wave, intents=(b.intent(1, [1], "Started", called_at=b.at(300)), second))

    assert _decide(queued, seconds=9999).wave(1).phase == "Queued", "the queue does not count"
    assert _decide(unknown, seconds=9999).wave(1).phase == "Launching", "no job is known to have started"
    seen = (b.job(1, [ONE]), b.job(2, [TWO]))
    assert _decide(started, *seen, seconds=899).wave(1).phase == "Launching"
    assert _decide(started, *seen, seconds=900).wave(1).phase == "TimedOut", "from the first one"


def test_holds_do_not_count() -> None:
    run = _launching(timeout_seconds=600)
    overlapping = (
        b.hold("1.1", "AccountUnavailable", since=b.at(100), closed_at=b.at(400)),
        b.hold("1.2", "Requested", since=b.at(300), closed_at=b.at(500)),
        b.hold("2.1", "Requested", since=b.at(0), closed_at=b.at(600)),
    )
    held = run.model_copy(update={"holds": overlapping})
    still = run.model_copy(update={"holds": (b.hold("1.1", "Requested", since=b.at(100)),)})
    seen = b.job(1, [ONE, TWO])

    assert _decide(held, seen, seconds=999).wave(1).phase == "Launching", "400 s were spent on hold"
    assert _decide(held, seen, seconds=1000).wave(1).phase == "TimedOut"
    assert _decide(still, seen, seconds=9999).wave(1).phase == "Launching", "the clock stands while it is held"


def test_what_was_planned_in_a_wave_that_is_over_is_never_called() -> None:
    """Its second job waited for quota when the first one timed out."""
    wave = b.run_wave(
        1, [b.run_server(1, "Launching"), b.run_server(2, "Queued")], phase="Launching", timeout_seconds=600,
        on_failure="Pause",
    )  # fmt: skip
    run = b.run(wave, intents=(b.intent(1, [1], "Started"), b.intent(1, [2], "Planned", shard=2)))

    decision = plan_next_steps(run, b.observed(b.job(1, [ONE])), b.at(600))

    assert decision.run.wave(1).phase == "TimedOut"
    assert [(i.shard, i.state) for i in decision.run.intents] == [(1, "Started"), (2, "Ended")]
    assert [s.phase for s in decision.run.wave(1).servers] == ["Launching", "Skipped"]
    assert not any(isinstance(step, Launch) for step in decision.steps)


def test_ready_when_the_status_checks_pass() -> None:
    run = _launching((1,), ready_when="InstanceStatusOk")
    up = b.ended_job(1, {ONE: "LAUNCHED"})

    booting = _decide(run, up, instances=[b.instance(1)])
    ready = _decide(booting, up, instances=[b.instance(1)], healthy=[b.instance_id(1)])

    assert (booting.wave(1).phase, booting.wave(1).servers[0].phase) == ("Launching", "Launched")
    assert (ready.wave(1).phase, ready.wave(1).servers[0].phase) == ("Completed", "Ready")


def test_a_server_that_never_becomes_ready_times_out() -> None:
    run = _launching((1,), ready_when="InstanceStatusOk", timeout_seconds=600)
    up = b.ended_job(1, {ONE: "LAUNCHED"})

    after = _decide(_decide(run, up), up, seconds=600)

    assert after.wave(1).phase == "TimedOut"
    assert after.wave(1).servers[0].phase == "Launched", "it is launched nevertheless"


def test_wait_after_the_servers_are_ready() -> None:
    run = _launching((1,), wait_after_seconds=120)
    up = b.ended_job(1, {ONE: "LAUNCHED"})

    first = plan_next_steps(run, b.observed(up), b.at(10))
    early = _decide(first.run, up, seconds=129)
    late = _decide(first.run, up, seconds=130)

    assert (first.run.wave(1).phase, first.run.wave(1).ready_time, first.wake_at) == ("Launching", b.at(10), b.at(130))
    assert (early.wave(1).phase, early.wave(1).ready_time) == ("Launching", b.at(10)), "it counts from the first sight"
    assert late.wave(1).phase == "Completed"


def test_waiting_is_not_cut_by_the_clock() -> None:
    run = _launching((1,), wait_after_seconds=700, timeout_seconds=600)
    up = b.ended_job(1, {ONE: "LAUNCHED"})

    waiting = _decide(run, up, seconds=10)

    assert _decide(waiting, up, seconds=650).wave(1).phase == "Launching", "all servers are ready: evidence"
    assert _decide(waiting, up, seconds=710).wave(1).phase == "Completed"


# --- verdict --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phases", "want", "because"),
    table(
        ("all clean", ["Completed", "Completed"], "Completed", "nothing was left out"),
        ("exceptions", ["Completed", "CompletedWithExceptions"], "CompletedWithExceptions", "an optional server"),
        ("skipped", ["Skipped", "Completed"], "CompletedWithExceptions", "a wave was left out"),
        ("not over", ["Completed", "Launching"], None, "a wave is not over"),
    ),
)
def test_verdict(phases: list[str], want: str | None, because: str) -> None:
    waves = [b.run_wave(n, [b.run_server(n, "Ready")], phase=phase) for n, phase in enumerate(phases, start=1)]
    open_end = {"intents": (b.intent(2, [3], "Calling"),)} if "Launching" in phases else {}

    assert _decide(b.run(*waves, **open_end)).verdict == want, because


def test_a_run_waits_for_the_person_even_if_nothing_else_is_to_come() -> None:
    run = _decide(_launching((1,), on_failure="Pause"), b.ended_job(1, {ONE: "FAILED"}))

    later = plan_next_steps(run, b.observed(), b.at(7 * 86400))

    assert later.run == run
    assert (later.run.verdict, later.steps) == (None, ()), "no verdict while a hold is open, for as long as it takes"


def test_a_verdict_is_for_ever() -> None:
    run = b.run(
        b.run_wave(1, [b.run_server(1, "Ready")], phase="Completed"),
        verdict="Failed",
        verdict_time=b.at(-60),
        cancel=Cancel(requested_by="jane", time=b.NOW),
    )

    after = plan_next_steps(run, Observed(), b.NOW)

    assert (after.run.verdict, after.run.verdict_time) == ("Failed", b.at(-60))
    assert after.steps == (Finish(),)


def test_a_cancel_is_the_verdict() -> None:
    run = _launching().model_copy(update={"cancel": Cancel(requested_by="jane", time=b.NOW)})

    after = _decide(run, b.job(1, [ONE, TWO]), seconds=5)

    assert (after.verdict, after.verdict_time) == ("Cancelled", b.at(5))


@pytest.mark.parametrize(
    "run",
    [
        b.run(b.run_wave(1), b.run_wave(2, waits_for=(1,), pause_before_wave=True)),
        _launching(),
        _launching(on_failure="Pause"),
        b.run(b.run_wave(1, [b.run_server(1, "Failed")]), b.run_wave(2, [])),
        b.run(b.run_wave(1), pause_requested=True),
    ],
)
@pytest.mark.parametrize("statuses", [{}, {ONE: "LAUNCHED", TWO: "FAILED"}, {ONE: "LAUNCHED", TWO: "LAUNCHED"}])
@pytest.mark.parametrize("seconds", [0, 10, 20000])
def test_waking_twice_changes_nothing(run: Run, statuses: dict[str, str], seconds: float) -> None:
    seen = b.observed(b.ended_job(1, statuses), instances=[b.instance(1)], aws_time=b.at(seconds))

    once = plan_next_steps(run, seen, b.at(seconds))
    twice = plan_next_steps(once.run, seen, b.at(seconds))

    assert twice == once
