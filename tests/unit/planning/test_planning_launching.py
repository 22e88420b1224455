"""The life of a launch intent: what each answer of AWS makes of it, and that no server is ever in two calls."""

from collections import Counter
from typing import Any

import pytest

from drs_operator.planning import launching
from drs_operator.planning.launching import QUEUE_WAIT, Refusal, Refused
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Cancel, Run
from tests import builders as b
from tests.unit.planning.tables import table

LOST = ErrorRecord(code="NO_RECOVERY_POINT", message="no usable recovery point")


def _queued(*servers: int, **changes: Any) -> Run:
    """A wave whose only call is planned."""
    members = [b.run_server(n, "Queued") for n in servers]
    return b.run(b.run_wave(1, members, phase="Queued"), intents=(b.intent(1, servers),), **changes)


def _call(run: Run, excluded: dict[str, ErrorRecord] | None = None, **snapshots: str) -> Run:
    return launching.call(run, run.intents[-1], "me", b.at(5), b.at(4), snapshots, excluded or {})


def _calling(*servers: int, **changes: Any) -> Run:
    return _call(_queued(*servers, **changes))


def _refuse(run: Run, kind: Refusal, *names: int, seconds: float = 10) -> Run:
    answer = Refused(kind, "SomeException", "because", tuple(b.server_id(n) for n in names))
    calling = next(intent for intent in run.intents if intent.state == "Calling")
    return launching.refused(run, calling, answer, b.at(seconds))


def _phases(run: Run) -> list[str]:
    return [server.phase for server in run.wave(1).servers]


def _active(run: Run) -> Counter[str]:
    return Counter(server for intent in run.intents if intent.active for server in intent.server_ids)


# --- may it be called -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wave", "intent", "want", "because"),
    table(
        ("planned", {}, {}, {}, True, "nothing is in the way"),
        ("calling", {}, {}, {"state": "Calling"}, False, "a call is made once"),
        ("started", {}, {}, {"state": "Started"}, False, "it is done"),
        ("ended", {}, {}, {"state": "Ended"}, False, "it is over"),
        ("older attempt", {}, {"attempt": 2}, {}, False, "another attempt is on"),
        ("verdict", {"verdict": "Failed"}, {}, {}, False, "after the verdict nothing starts"),
        ("cancelled", {"cancel": Cancel(requested_by="jane", time=b.NOW)}, {}, {}, False, "somebody has cancelled it"),
        ("ended run", {"state": "Ended"}, {}, {}, False, "the run is over"),
        ("claimed run", {"state": "Claimed"}, {}, {}, False, "the run has not started"),
        ("hold", {"holds": (b.hold("1.1", "AccountUnavailable"),)}, {}, {}, False, "a person has to decide"),
        ("opened hold", {"holds": (b.hold("1.1", closed_at=b.NOW),)}, {}, {}, True, "the person has decided"),
        ("hold elsewhere", {"holds": (b.hold("2.1"),)}, {}, {}, True, "another wave is held"),
        ("timed out", {}, {"phase": "TimedOut"}, {}, False, "the wave is over"),
        ("skipped", {}, {"phase": "Skipped"}, {}, False, "the wave is over"),
    ),
)
def test_may_call(
    changes: dict[str, Any], wave: dict[str, Any], intent: dict[str, Any], want: bool, because: str
) -> None:
    run = b.run(b.run_wave(1, **{"phase": "Queued", **wave}), intents=(b.intent(1, **intent),), **changes)

    assert launching.may_call(run, run.intents[0]) is want, because


# --- the call and its answers ---------------------------------------------------------------------------------------


def test_a_call_is_written_before_it_is_made() -> None:
    run = _call(_queued(1, 2), None, **{b.server_id(1): "pit-1", b.server_id(9): "pit-9"})

    intent = run.intents[0]
    assert (intent.state, intent.caller, intent.tries) == ("Calling", "me", 1)
    assert (intent.called_at, intent.called_at_aws) == (b.at(5), b.at(4)), "both clocks"
    assert intent.snapshots == {b.server_id(1): "pit-1"}, "only of its servers"
    assert intent.token == _queued(1, 2).intents[0].token, "the token was there before"
    assert (run.wave(1).phase, run.wave(1).start_time) == ("Launching", b.at(5))


def test_a_server_that_a_guard_excludes_fails_alone() -> None:
    run = _call(_queued(1, 2), {b.server_id(1): LOST})

    assert run.intents[0].server_ids == (b.server_id(2),)
    assert _phases(run) == ["Failed", "Queued"]
    assert run.wave(1).servers[0].error == LOST


def test_nothing_is_called_when_every_server_is_excluded() -> None:
    run = _call(_queued(1, 2), {b.server_id(1): LOST, b.server_id(2): LOST})

    assert (run.intents[0].state, run.intents[0].job_id, run.intents[0].called_at) == ("Ended", None, None)
    assert _phases(run) == ["Failed", "Failed"]
    assert run.wave(1).start_time is None, "nothing was started"


@pytest.mark.parametrize(
    ("phase", "called", "because"),
    table(
        ("failed", "Failed", False, "a refusal was recorded of it, the row was not"),
        ("launched", "Launched", False, "never over an instance of this run"),
        ("ready", "Ready", False, "never over an instance of this run"),
        ("skipped", "Skipped", True, "its call was to be dropped, but it was not"),
        ("launching", "Launching", True, "the intent says that it was not called"),
    ),
)
def test_what_a_crash_left_a_step_ahead_of_the_row(phase: str, called: bool, because: str) -> None:
    wave = b.run_wave(1, [b.run_server(1, "Queued"), b.run_server(2, phase)], phase="Queued")

    run = _call(b.run(wave, intents=(b.intent(1, [1, 2]),)))

    assert (b.server_id(2) in run.intents[0].server_ids) is called, because
    assert _phases(run) == ["Queued", "Queued" if called else phase]


def test_started() -> None:
    run = _calling(1, 2)

    run = launching.started(run, run.intents[0], b.job_id(7), "PENDING", b.at(6))

    intent = run.intents[0]
    assert (intent.state, intent.job_id, intent.job_status, intent.start_time) == (
        "Started",
        b.job_id(7),
        "PENDING",
        b.at(6),
    )
    assert _phases(run) == ["Launching", "Launching"]


@pytest.mark.parametrize("phase", ["Skipped", "TimedOut", "CompletedWithExceptions"])
def test_a_late_answer_does_not_open_a_wave_that_is_over(phase: str) -> None:
    calling = _calling(1)
    over = calling.with_wave(calling.wave(1).model_copy(update={"phase": phase}))

    started = launching.started(over, over.intents[0], b.job_id(7), "PENDING", b.at(6))
    refused = _refuse(over, Refusal.JOBS_QUOTA)
    denied = _refuse(over, Refusal.DENIED)

    assert [run.wave(1).phase for run in (started, refused, denied)] == [phase] * 3
    assert started.intents[0].job_id == b.job_id(7), "a job is never lost"
    assert not launching.may_call(refused, refused.intents[0])


WAIT = QUEUE_WAIT.total_seconds()


@pytest.mark.parametrize(
    ("kind", "wait", "phase", "because"),
    table(
        ("402 jobs", Refusal.JOBS_QUOTA, WAIT, "Queued", "too many jobs: queue"),
        ("402 servers", Refusal.SERVERS_QUOTA, WAIT, "Queued", "too many servers: queue"),
        ("409", Refusal.SERVER_IN_JOB, WAIT, "Queued", "a server is in a job: queue"),
        ("429", Refusal.THROTTLED, WAIT, "Queued", "queue"),
        ("expired token", Refusal.NOT_SENT, 0, "Queued", "it did nothing, so it may be made at once"),
        ("403", Refusal.DENIED, WAIT, "Held", "only a person can mend that"),
    ),
)
def test_a_definite_refusal_goes_back_to_planned(kind: Refusal, wait: float, phase: str, because: str) -> None:
    calling = _calling(1, 2)

    run = _refuse(calling, kind)

    intent = run.intents[0]
    assert (intent.state, intent.not_before, intent.caller) == ("Planned", b.at(10 + wait), None), because
    assert (intent.key, intent.server_ids) == (calling.intents[0].key, calling.intents[0].server_ids)
    assert (run.wave(1).phase, run.wave(1).queued_reason) == (phase, kind.value)
    assert _phases(run) == ["Queued", "Queued"], "nobody failed"
    assert run.wave(1).start_time is None, "no job was started: the time does not count as launching"
    assert [hold.reason for hold in run.open_holds()] == (["AccountUnavailable"] if phase == "Held" else [])


def test_what_is_not_sent_again_and_again_waits() -> None:
    run = _refuse(_calling(1), Refusal.NOT_SENT)

    again = _refuse(_call(run), Refusal.NOT_SENT)

    assert again.intents[0].not_before == b.at(10) + QUEUE_WAIT, "the cause may last"


@pytest.mark.parametrize(
    ("kind", "queued", "because"),
    table(
        ("quota", Refusal.JOBS_QUOTA, True, "it waits for quota"),
        ("in job", Refusal.SERVER_IN_JOB, True, "it waits for a server"),
        ("denied", Refusal.DENIED, False, "it waits for a person"),
        ("not sent", Refusal.NOT_SENT, False, "it waits for nobody"),
        ("invalid", Refusal.INVALID, False, "it waits for nobody"),
    ),
)
def test_the_time_in_the_queue_is_known(kind: Refusal, queued: bool, because: str) -> None:
    run = _refuse(_calling(1, 2), kind)
    later = _refuse(_call(run), Refusal.JOBS_QUOTA, seconds=99)

    assert run.wave(1).queued_from == (b.at(10) if queued else None), because
    assert later.wave(1).queued_from == (b.at(10) if queued else b.at(99)), "from the first refusal"


def test_a_guard_may_queue_a_call_that_was_not_made() -> None:
    run = _queued(1)

    after = launching.refused(run, run.intents[0], Refused(Refusal.SERVER_IN_JOB, "SERVER_IN_JOB", "…"), b.NOW)

    assert (after.intents[0].state, after.intents[0].tries) == ("Planned", 0)
    assert after.wave(1).queued_reason == "ServerInJob"


def test_a_refused_job_does_not_queue_a_wave_of_which_another_job_runs() -> None:
    wave = b.run_wave(1, [1, 2], phase="Launching", start_time=b.NOW)
    run = b.run(wave, intents=(b.intent(1, [1], "Started"), b.intent(1, [2], "Calling", shard=2)))

    queued, held = _refuse(run, Refusal.JOBS_QUOTA), _refuse(run, Refusal.DENIED)

    assert [r.wave(1).phase for r in (queued, held)] == ["Launching", "Launching"]
    assert [r.wave(1).start_time for r in (queued, held)] == [b.NOW, b.NOW]
    assert len(held.open_holds(1)) == 1


# --- 400 ------------------------------------------------------------------------------------------------------------


def test_a_named_server_fails_and_the_others_are_asked_for_again() -> None:
    run = _refuse(_calling(1, 2, 3), Refusal.INVALID, 2)

    assert _phases(run) == ["Queued", "Failed", "Queued"]
    assert [(i.state, i.server_ids) for i in run.intents] == [("Planned", (b.server_id(1), b.server_id(3)))]
    error = run.wave(1).servers[1].error
    assert error is not None
    assert (error.code, error.message) == ("DRS_ERROR", "SomeException: because")


@pytest.mark.parametrize(
    ("servers", "named", "because"),
    table(
        ("all named", (1, 2), (1, 2), "nobody is left"),
        ("a single one", (1,), (), "who else could it be"),
        ("single, stranger named", (1,), (9,), "who else could it be"),
    ),
)
def test_nobody_left(servers: tuple[int, ...], named: tuple[int, ...], because: str) -> None:
    run = _refuse(_calling(*servers), Refusal.INVALID, *named)

    assert {server.phase for server in run.wave(1).servers} == {"Failed"}, because
    assert [i.state for i in run.intents] == ["Ended"]


def test_a_call_that_is_wrong_in_a_way_that_names_nobody_is_halved() -> None:
    run = _refuse(_calling(1, 2, 3), Refusal.INVALID, 9)

    assert [(i.shard, i.state, i.server_ids) for i in run.intents] == [
        (1, "Ended", tuple(b.server_id(n) for n in (1, 2, 3))),
        (2, "Planned", (b.server_id(1),)),
        (3, "Planned", (b.server_id(2), b.server_id(3))),
    ]
    assert len({i.token for i in run.intents}) == 3, "a token never serves for another set of servers"
    assert _phases(run) == ["Queued"] * 3


@pytest.mark.parametrize("bad", [1, 50, 100])
def test_halving_finds_the_bad_one_and_launches_the_others_once(bad: int) -> None:
    run, calls, launched = _queued(*range(1, 101)), 0, Counter[str]()
    while planned := [intent for intent in run.intents if intent.state == "Planned"]:
        assert max(_active(run).values()) == 1, "never two active calls for a server"
        run = launching.call(run, planned[0], "me", b.NOW, b.NOW, {}, {})
        intent = launching.find(run, planned[0])
        assert intent is not None
        calls += 1
        if b.server_id(bad) in intent.server_ids:
            run = launching.refused(run, intent, Refused(Refusal.INVALID, "ValidationException", "…"), b.NOW)
        else:
            run = launching.started(run, intent, b.job_id(calls), "PENDING", b.NOW)
            launched.update(intent.server_ids)

    assert calls <= 15, "as many calls as it takes to halve a hundred"
    assert {server.server_id for server in run.wave(1).servers if server.phase == "Failed"} == {b.server_id(bad)}
    assert launched == Counter({b.server_id(n): 1 for n in range(1, 101) if n != bad})


def test_find_is_by_wave_attempt_and_shard() -> None:
    run = _queued(1)
    stale = run.intents[0].model_copy(update={"state": "Ended"})

    assert launching.find(run, stale) == run.intents[0]
    assert launching.find(run, b.intent(1, shard=2)) is None
    assert launching.find(run, b.intent(2)) is None
