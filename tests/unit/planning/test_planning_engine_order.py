"""Which waves start, and which are held: waiting, side by side, pauses."""

from typing import Any

import pytest

from drs_operator.planning.engine import SERVERS_PER_JOB, Decision, Finish, Launch, Resolve, plan_next_steps
from drs_operator.planning.facts import Observed
from drs_operator.planning.run import Run, RunWave
from tests import builders as b
from tests.unit.planning.tables import table


def _decide(run: Run, seconds: float = 0) -> Decision:
    return plan_next_steps(run, Observed(), b.at(seconds))


def _phases(run: Run) -> list[str]:
    return [wave.phase for wave in run.waves]


def _launches(decision: Decision) -> list[tuple[int, int]]:
    return [(step.intent.wave_number, step.intent.shard) for step in decision.steps if isinstance(step, Launch)]


def _over(number: int, phase: str, **changes: Any) -> RunWave:
    server = "Failed" if phase in ("Failed", "TimedOut") else "Ready"
    return b.run_wave(number, [b.run_server(number, server)], phase=phase, start_time=b.NOW, end_time=b.NOW, **changes)


def _after(number: int, *waits_for: int, **changes: Any) -> RunWave:
    return b.run_wave(number, waits_for=waits_for, **changes)


@pytest.mark.parametrize(
    ("waves", "want", "because"),
    table(
        ("first", [_after(1), _after(2, 1)], [1], "wave 2 waits for wave 1"),
        ("side by side", [_after(1), _after(2), _after(3, 1, 2)], [1, 2], "both wait for nothing"),
        ("second", [_over(1, "Completed"), _after(2, 1)], [2], "Completed satisfies"),
        ("exceptions", [_over(1, "CompletedWithExceptions"), _after(2, 1)], [2], "so does CompletedWithExceptions"),
        ("skipped", [_over(1, "Skipped"), _after(2, 1)], [2], "so does Skipped"),
        ("continue", [_over(1, "Failed", on_failure="Continue"), _after(2, 1)], [2], "Failed with Continue does"),
        ("late", [_over(1, "TimedOut", on_failure="Continue"), _after(2, 1)], [2], "TimedOut with Continue does"),
        ("pause", [_over(1, "Failed", on_failure="Pause"), _after(2, 1)], [], "Failed with Pause does not"),
        ("one of two", [_over(1, "Completed"), _after(2), _after(3, 1, 2)], [2], "all must be satisfied"),
        (
            "branches",
            [_over(1, "Failed", on_failure="Pause"), _over(2, "Completed"), _after(3, 1), _after(4, 2)],
            [4],
            "a failed branch does not stop the other one",
        ),
    ),
)
def test_a_wave_starts_when_all_it_waits_for_is_satisfied(waves: list[RunWave], want: list[int], because: str) -> None:
    held = [b.hold(f"{w.wave_number}.1", "WaveFailed") for w in waves if w.final and not w.satisfied]

    decision = _decide(b.run(*waves, holds=tuple(held)))

    assert [number for number, _ in _launches(decision)] == want, because
    assert [w.wave_number for w in decision.run.waves if w.phase == "Queued"] == want, because


@pytest.mark.parametrize("phase", ["Pending", "Held", "Queued", "Launching"])
def test_a_wave_that_is_not_over_satisfies_nobody(phase: str) -> None:
    first = b.run_wave(1, phase=phase)
    holds = (b.hold("1.1"),) if phase == "Held" else ()
    intents = (b.intent(1, state="Started" if phase == "Launching" else "Planned"),) if phase != "Pending" else ()

    decision = _decide(b.run(first, _after(2, 1), holds=holds, intents=intents))

    assert decision.run.wave(2).phase == "Pending"
    assert all(number == 1 for number, _ in _launches(decision))


def test_the_intents_of_a_wave_name_every_server_once() -> None:
    decision = _decide(b.run(b.run_wave(1, [1, 2, 3])))

    (intent,) = decision.run.intents
    assert (intent.state, intent.attempt, intent.shard, intent.job_id) == ("Planned", 1, 1, None)
    assert intent.server_ids == tuple(b.server_id(n) for n in (1, 2, 3))
    assert [(s.phase, s.attempt) for s in decision.run.wave(1).servers] == [("Queued", 1)] * 3


@pytest.mark.parametrize(
    ("servers", "want", "because"),
    table(
        ("one", 1, [1], "one job"),
        ("full", SERVERS_PER_JOB, [100], "what one job takes"),
        ("one more", SERVERS_PER_JOB + 1, [100, 1], "the rest goes into a second job"),
        ("three jobs", 250, [100, 100, 50], "as many jobs as it takes"),
    ),
)
def test_a_large_wave_is_split_into_several_jobs(servers: int, want: list[int], because: str) -> None:
    run = _decide(b.run(b.run_wave(1, range(1, servers + 1)))).run

    assert [len(intent.server_ids) for intent in run.intents] == want, because
    assert [intent.shard for intent in run.intents] == list(range(1, len(want) + 1))
    assert len({intent.token for intent in run.intents}) == len(want), "each call has its own token"
    named = [server for intent in run.intents for server in intent.server_ids]
    assert sorted(named) == sorted(server.server_id for server in run.wave(1).servers), "each server once"


def test_a_server_that_was_failed_before_the_start_is_not_launched() -> None:
    """As a RECOVERY does with a server that another run holds."""
    decision = _decide(b.run(b.run_wave(1, [b.run_server(1, "Failed"), 2])))

    assert [intent.server_ids for intent in decision.run.intents] == [(b.server_id(2),)]


@pytest.mark.parametrize("phase", ["Pending", "Queued", "Snapshot", "Launching", "Skipped"])
def test_servers_that_a_crash_left_a_step_ahead_are_launched_all_the_same(phase: str) -> None:
    """Servers are recorded before the row: without an intent nobody has called for them, whatever they say."""
    decision = _decide(b.run(b.run_wave(1, [b.run_server(1, phase), b.run_server(2, phase)])))

    assert [intent.server_ids for intent in decision.run.intents] == [(b.server_id(1), b.server_id(2))]
    assert [server.phase for server in decision.run.wave(1).servers] == ["Queued", "Queued"]


@pytest.mark.parametrize(
    ("servers", "want", "because"),
    table(
        ("all lost", [b.run_server(1, "Failed")], "Failed", "every required server failed before the start"),
        ("optional lost", [b.run_server(1, "Failed", optional=True)], "CompletedWithExceptions", "nothing required"),
        ("empty", [], "Completed", "there is nothing to launch"),
    ),
)
def test_a_wave_without_a_server_to_launch_ends_at_once(servers: list[Any], want: str, because: str) -> None:
    run = b.run(b.run_wave(1, servers, on_failure="Continue"), _after(2, 1))

    decision = _decide(run)

    assert _phases(decision.run) == [want, "Queued"], because
    assert _launches(decision) == [(2, 1)]


# --- pauses ---------------------------------------------------------------------------------------------------------


def _paused(number: int, *waits_for: int) -> RunWave:
    return _after(number, *waits_for, pause_before_wave=True)


def test_a_pause_before_a_wave_holds_it_when_its_turn_comes() -> None:
    early = _decide(b.run(_after(1), _paused(2, 1)))
    due = _decide(b.run(_over(1, "Completed"), _paused(2, 1)), 60)

    assert early.run.holds == (), "its turn has not come"
    assert [(h.id, h.reason, h.since, h.open) for h in due.run.holds] == [("2.1", "PauseBeforeWave", b.at(60), True)]
    assert _phases(due.run) == ["Completed", "Held"]
    assert due.steps == (), "a held wave launches nothing and holds no quota"


def test_the_first_wave_can_be_held_too() -> None:
    decision = _decide(b.run(_paused(1), _after(2, 1)))

    assert _phases(decision.run) == ["Held", "Pending"]
    assert decision.steps == ()


def test_a_held_wave_does_not_stop_the_others() -> None:
    decision = _decide(b.run(_paused(1), _after(2), _after(3, 1)))

    assert _phases(decision.run) == ["Held", "Queued", "Pending"]
    assert _launches(decision) == [(2, 1)]


def test_a_hold_that_was_opened_is_not_asked_for_again() -> None:
    held = _decide(b.run(_paused(1))).run
    opened = held.model_copy(update={"holds": (held.holds[0].model_copy(update={"closed_at": b.at(5)}),)})

    decision = _decide(opened, 10)

    assert _phases(decision.run) == ["Queued"]
    assert len(decision.run.holds) == 1
    assert _launches(decision) == [(1, 1)]


@pytest.mark.parametrize(
    ("waves", "intents", "want", "because"),
    table(
        ("turn has come", [_over(1, "Completed"), _after(2, 1)], (), [("2.1", "Requested")],
         "each wave whose turn comes"),
        ("turn has not come", [b.run_wave(1, phase="Launching"), _after(2, 1)], (b.intent(1, state="Started"),), [],
         "wave 1 runs on, wave 2 waits for it anyway"),
        ("both", [_over(1, "Completed"), _paused(2, 1)], (), [("2.1", "PauseBeforeWave")],
         "one hold: a tired person resumes once"),
        ("in the queue", [b.run_wave(1, phase="Queued")], (b.intent(1),), [("1.1", "Requested")],
         "planned and not called yet: starts no other"),
        ("its next job", [b.run_wave(1, [1, 2], phase="Launching")],
         (b.intent(1, [1], "Started"), b.intent(1, [2], shard=2)),
         [("1.1", "Requested")], "the next job of a wave is held, too"),
    ),
)  # fmt: skip
def test_a_requested_pause(
    waves: list[RunWave], intents: tuple[Any, ...], want: list[tuple[str, str]], because: str
) -> None:
    decision = _decide(b.run(*waves, intents=intents, pause_requested=True))

    assert [(hold.id, hold.reason) for hold in decision.run.open_holds()] == want, because
    assert _launches(decision) == [], because


def test_a_wave_with_a_running_job_is_held_without_losing_sight_of_it() -> None:
    intents = (b.intent(1, [1], "Started"), b.intent(1, [2], shard=2))
    run = b.run(b.run_wave(1, [1, 2], phase="Launching"), intents=intents, pause_requested=True)

    held = _decide(run).run

    assert _phases(held) == ["Launching"], "something of it goes on"
    resumed = held.model_copy(
        update={"pause_requested": False, "holds": tuple(h.model_copy(update={"closed_at": b.NOW}) for h in held.holds)}
    )
    assert _launches(_decide(resumed)) == [(1, 2)]


@pytest.mark.parametrize("reason", ["PauseBeforeWave", "Requested", "AccountUnavailable", "NamespaceNotAllowed"])
def test_nothing_of_a_wave_is_called_while_a_hold_of_it_is_open(reason: str) -> None:
    wave = b.run_wave(1, [1, 2], phase="Held")
    intents = (b.intent(1, [1]), b.intent(1, [2], shard=2))

    assert _launches(_decide(b.run(wave, intents=intents, holds=(b.hold("1.1", reason),)))) == []


def test_a_wave_that_was_held_after_it_was_planned_goes_on_where_it_was() -> None:
    intent = b.intent(1, [1, 2], tries=3)
    run = b.run(b.run_wave(1, [1, 2], phase="Held"), intents=(intent,))

    decision = _decide(run)

    assert decision.run.intents == (intent,), "no new intent, no new token"
    assert _phases(decision.run) == ["Queued"]


# --- steps ----------------------------------------------------------------------------------------------------------


def test_a_call_waits_for_its_time() -> None:
    run = b.run(b.run_wave(1, phase="Queued"), intents=(b.intent(1, not_before=b.at(15)),))

    early, due = _decide(run, 14), _decide(run, 15)

    assert (_launches(early), early.wake_at) == ([], b.at(15))
    assert _launches(due) == [(1, 1)]


def test_a_call_that_is_under_way_is_looked_for_and_never_repeated() -> None:
    run = b.run(b.run_wave(1, phase="Launching"), intents=(b.intent(1, state="Calling"),))

    for seconds in (0, 3600, 7 * 86400):
        assert _decide(run, seconds).steps == (Resolve(run.intents[0]),)


@pytest.mark.parametrize("state", ["Claimed", "Ended"])
def test_a_run_that_is_not_running_does_nothing(state: str) -> None:
    run = b.run(b.run_wave(1), state=state)

    assert _decide(run) == Decision(run, (), None)


def test_the_end_is_the_last_step() -> None:
    decision = _decide(b.run(_over(1, "Completed")))

    assert decision.run.verdict == "Completed"
    assert decision.steps == (Finish(),)
