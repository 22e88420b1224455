"""After the verdict: no wave starts, what has called AWS is followed to its end, and the end comes."""

from typing import Any

import pytest

from drs_operator.planning.ending import DRAIN_LIMIT
from drs_operator.planning.engine import Decision, Finish, Launch, Resolve, plan_next_steps
from drs_operator.planning.facts import Job, Observed
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.run import Cancel, Run, RunWave
from tests import builders as b
from tests.unit.planning.tables import table

ONE, TWO = b.server_id(1), b.server_id(2)
LIMIT = DRAIN_LIMIT.total_seconds()


def _cancelled(*waves: RunWave, **changes: Any) -> Run:
    return b.run(*waves, cancel=Cancel(requested_by="jane", time=b.NOW), **changes)


def _decide(run: Run, *seen: Job, seconds: float = 0) -> Decision:
    return plan_next_steps(run, b.observed(*seen, aws_time=b.at(seconds)), b.at(seconds))


def _wave(*phases: str, **changes: Any) -> RunWave:
    return b.run_wave(1, [b.run_server(n, phase) for n, phase in enumerate(phases, start=1)], **changes)


STARTED = {"phase": "Launching", "start_time": b.NOW}


@pytest.mark.parametrize(
    ("wave", "intents", "want", "servers", "intent_states", "because"),
    table(
        ("pending", _wave("Pending"), (), "Cancelled", ["Skipped"], [], "it can no longer start"),
        ("held", _wave("Pending", phase="Held"), (), "Cancelled", ["Skipped"], [], "it can no longer start"),
        ("queued", _wave("Queued", phase="Queued"), (b.intent(1),), "Cancelled", ["Skipped"], ["Ended"], "not called"),
        ("calling", _wave("Queued", **STARTED), (b.intent(1, state="Calling"),), "Launching", ["Queued"], ["Calling"],
         "a call that may have launched is looked for"),
        ("started", _wave("Launching", **STARTED), (b.intent(1, state="Started"),), "Launching", ["Launching"],
         ["Started"], "a running job cannot be cancelled"),
        ("held while it runs", _wave("Launching", "Queued", phase="Held", start_time=b.NOW),
         (b.intent(1, [1], "Started"), b.intent(1, [2], shard=2)), "Launching", ["Launching", "Skipped"],
         ["Started", "Ended"], "its running job is followed, its next one is never called"),
        ("half done", _wave("Ready", "Queued", phase="Queued", start_time=b.NOW),
         (b.intent(1, [1], "Ended"), b.intent(1, [2], shard=2)), "Cancelled", ["Ready", "Skipped"], ["Ended", "Ended"],
         "it was cut short"),
        ("failed before", _wave("Failed", "Pending"), (), "Cancelled", ["Failed", "Skipped"], [], "it never started"),
        ("waiting", _wave("Ready", wait_after_seconds=600, **STARTED), (b.intent(1, state="Ended"),), "Completed",
         ["Ready"], ["Ended"], "nobody waits any more"),
        ("booting", _wave("Launched", ready_when="InstanceStatusOk", **STARTED), (b.intent(1, state="Ended"),),
         "Completed", ["Launched"], ["Ended"], "launched is a final launch status"),
        ("over", _wave("Failed", phase="Failed", end_time=b.NOW), (), "Failed", ["Failed"], [], "it was over before"),
    ),
)  # fmt: skip
def test_what_a_verdict_makes_of_a_wave(
    wave: RunWave,
    intents: tuple[LaunchIntent, ...],
    want: str,
    servers: list[str],
    intent_states: list[str],
    because: str,
) -> None:
    decision = plan_next_steps(_cancelled(wave, intents=intents), Observed(), b.at(5))

    after = decision.run
    assert after.wave(1).phase == want, because
    assert [server.phase for server in after.wave(1).servers] == servers
    assert [intent.state for intent in after.intents] == intent_states
    assert (after.verdict, after.verdict_time) == ("Cancelled", b.at(5))
    assert not any(isinstance(step, Launch) for step in decision.steps)
    assert (Finish() in decision.steps) is (want != "Launching"), "the end comes when nothing is followed any more"


@pytest.mark.parametrize(
    ("statuses", "optional", "want", "because"),
    table(
        ("all up", ("LAUNCHED", "LAUNCHED"), (), "Completed", "it came up all the same"),
        ("one lost", ("LAUNCHED", "FAILED"), (), "Failed", "a required server did not"),
        ("optional lost", ("LAUNCHED", "FAILED"), (2,), "CompletedWithExceptions", "an optional one did not"),
    ),
)
def test_a_job_is_followed_to_its_end(
    statuses: tuple[str, str], optional: tuple[int, ...], want: str, because: str
) -> None:
    members = [b.run_server(n, "Launching", optional=n in optional) for n in (1, 2)]
    run = _cancelled(b.run_wave(1, members, **STARTED), intents=(b.intent(1, [1, 2], "Started"),))

    running = _decide(run, b.job(1, [ONE, TWO]), seconds=60)
    over = _decide(running.run, b.ended_job(1, dict(zip((ONE, TWO), statuses, strict=True))), seconds=120)

    assert (running.run.wave(1).phase, running.steps) == ("Launching", ())
    assert over.run.wave(1).phase == want, because
    assert over.steps == (Finish(),)
    assert over.run.verdict == "Cancelled", "a verdict is for ever"


def test_the_end_waits_for_the_job_even_if_its_servers_are_decided() -> None:
    run = _cancelled(_wave("Launching", **STARTED), intents=(b.intent(1, [1], "Started"),))

    decided = _decide(run, b.job(1, {ONE: "LAUNCHED"}))
    over = _decide(decided.run, b.ended_job(1, {ONE: "LAUNCHED"}))

    assert (decided.run.wave(1).phase, decided.steps) == ("Completed", ())
    assert over.steps == (Finish(),)


def test_a_lost_call_is_looked_for_after_the_verdict() -> None:
    run = _cancelled(_wave("Queued", **STARTED), intents=(b.intent(1, state="Calling"),))

    decision = _decide(run)

    assert [type(step) for step in decision.steps] == [Resolve]


def test_holds_close_with_the_run() -> None:
    held = _cancelled(_wave("Pending", phase="Held"), holds=(b.hold("1.1"),))
    earlier = held.model_copy(update={"holds": (b.hold("1.1", closed_at=b.at(-5), closed_by="bob"),)})

    closed, kept = _decide(held, seconds=3).run.holds[0], _decide(earlier).run.holds[0]

    assert (closed.closed_at, closed.closed_by) == (b.at(3), "end of the run")
    assert (kept.closed_at, kept.closed_by) == (b.at(-5), "bob")


@pytest.mark.parametrize(
    ("state", "code", "because"),
    table(
        ("started", "Started", "WAVE_TIMED_OUT", "its job never ended"),
        ("calling", "Calling", "LAUNCH_OUTCOME_UNKNOWN", "it was never found out"),
    ),
)
def test_after_a_day_the_run_ends_whatever_aws_does(state: str, code: str, because: str) -> None:
    wave = _wave("Launching" if state == "Started" else "Queued", timeout_seconds=604800, **STARTED)
    run = _cancelled(wave, intents=(b.intent(1, state=state),), verdict="Cancelled", verdict_time=b.NOW)

    before, after = _decide(run, b.job(1, [ONE]), seconds=LIMIT - 1), _decide(run, b.job(1, [ONE]), seconds=LIMIT)

    assert Finish() not in before.steps
    assert before.wake_at == b.at(LIMIT)
    assert after.steps == (Finish(),), because
    assert (after.run.wave(1).phase, after.run.intents[0].state) == ("Failed", "Ended")
    error = after.run.wave(1).servers[0].error
    assert error is not None
    assert error.code == code


def test_without_a_verdict_there_is_no_end() -> None:
    run = b.run(_wave("Launching", **STARTED), intents=(b.intent(1, state="Started"),))

    assert Finish() not in _decide(run, b.job(1, [ONE]), seconds=14000).steps
