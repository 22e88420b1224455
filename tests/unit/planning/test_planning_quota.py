"""Who may call when the quotas of an account and Region are short."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from drs_operator.api.v1alpha1.targetaccount import RegionQuotas
from drs_operator.planning import quota
from drs_operator.planning.facts import Job
from drs_operator.planning.intents import Cleanup, TerminateIntent
from drs_operator.planning.launching import Refusal
from drs_operator.planning.quota import Call, Limits, Made, Reserve, Standing, Usage, Waiting
from drs_operator.planning.run import Run
from tests import builders as b
from tests.unit.planning.tables import table

JOBS, SERVERS = Refusal.JOBS_QUOTA, Refusal.SERVERS_QUOTA
SETTLE = timedelta(minutes=6)
LIMITS, RESERVE = Limits(jobs=10, servers_per_job=100, servers=100), Reserve(jobs=2, servers=20)


def call(token: str = "t", servers: int = 1, **changes: Any) -> Call:
    """A drill's call."""
    defaults: dict[str, Any] = {
        "kind": "launch",
        "token": token,
        "place": b.PLACE,
        "servers": servers,
        "execution_id": f"exec-{token}",
        "namespace": b.NAMESPACE,
        "name": token,
        "wave_number": 1,
        "shard": 1,
        "drill": True,
        "priority": 500,
        "claimed_time": b.NOW,
    }
    return Call(**{**defaults, **changes})


def recovery(token: str = "r", servers: int = 1, **changes: Any) -> Call:
    return call(token, servers, drill=False, **changes)


def termination(token: str = "x", servers: int = 1, **changes: Any) -> Call:
    return call(token, servers, kind="terminate", wave_number=0, **changes)


@pytest.mark.parametrize(
    ("first", "then", "because"),
    table(
        ("type", recovery(priority=0, claimed_time=b.at(hours=9)), call(priority=1000), "RECOVERY before DRILL"),
        ("termination", call(priority=0, claimed_time=b.at(hours=9)), termination(priority=1000), "terminations last"),
        ("priority", recovery(priority=501, claimed_time=b.at(9)), recovery("s"), "then priority, higher first"),
        ("age", call("z"), call("a", claimed_time=b.at(1)), "then who was claimed first"),
        ("wave", call("z", execution_id="e"), call("a", execution_id="e", wave_number=2), "then its waves in order"),
        ("shard", call("z", execution_id="e"), call("a", execution_id="e", shard=2), "then the jobs of a wave"),
    ),
)
def test_the_order_of_the_line(first: Call, then: Call, because: str) -> None:
    assert [w.call for w in quota.ordered([Waiting(then), Waiting(first)])] == [first, then], because


@pytest.mark.parametrize(
    ("wanted", "used", "want", "because"),
    table(
        ("free", recovery(servers=100), Usage(), None, "there is room for all"),
        ("last job", recovery(), Usage(9, 0), None, "the last job of the quota"),
        ("no job", recovery(), Usage(10, 0), JOBS, "20 jobs, say"),
        ("last servers", recovery(servers=10), Usage(1, 90), None, "the last servers of the quota"),
        ("no servers", recovery(servers=11), Usage(1, 90), SERVERS, "one too many"),
        ("both", recovery(servers=11), Usage(10, 90), JOBS, "the jobs are named first"),
        ("drill", call(), Usage(7, 0), None, "the last job that drills may have"),
        ("drill's jobs", call(), Usage(8, 0), JOBS, "the reserve of jobs is left free"),
        ("drill's servers", call(servers=10), Usage(1, 71), SERVERS, "the reserve of servers is left free"),
        ("termination", termination(), Usage(8, 0), JOBS, "so it is by terminations"),
        ("larger than all", recovery(servers=101), Usage(), None, "AWS may say what it thinks of it"),
        ("larger, later", recovery(servers=101), Usage(1, 1), SERVERS, "but not while anything runs"),
    ),
)
def test_what_a_call_waits_for(wanted: Call, used: Usage, want: Refusal | None, because: str) -> None:
    assert quota.shortage(wanted, used, LIMITS, RESERVE) == want, because


def test_a_reserve_as_large_as_the_quota_does_not_shut_drills_out() -> None:
    assert quota.shortage(call(), Usage(), LIMITS, Reserve(100, 1000)) is None
    assert quota.shortage(call(), Usage(1, 1), LIMITS, Reserve(100, 1000)) == JOBS


@pytest.mark.parametrize(
    ("wanted", "want", "because"),
    table(
        ("recovery", recovery(), 50, "what AWS takes in one job"),
        ("drill", call(), 30, "what is left beside the reserve"),
    ),
)
def test_how_large_a_call_may_be(wanted: Call, want: int, because: str) -> None:
    assert quota.largest(wanted, Limits(20, 50, 60), Reserve(0, 30)) == want, because


def _told(line: Iterable[Waiting], used: Usage, now: datetime = b.NOW) -> dict[str, Refusal | None]:
    return quota.answers(line, used, LIMITS, RESERVE, now)


@pytest.mark.parametrize(
    ("line", "used", "want", "because"),
    table(
        ("all", [call("a"), call("b")], Usage(), {"a": None, "b": None}, "room for both"),
        ("last slot", [call("a"), call("b")], Usage(7, 7), {"a": None, "b": JOBS}, "the first takes the last slot"),
        (
            "large first",
            [call("a", 50), call("b", 1)],
            Usage(4, 40),
            {"a": SERVERS, "b": SERVERS},
            "a small one does not pass a large one that waits, though there is room for it",
        ),
        (
            "recovery",
            [call("a", 50), recovery("r")],
            Usage(4, 40),
            {"r": None, "a": SERVERS},
            "a recovery passes a drill that waits",
        ),
        (
            "reserve",
            [call("a"), recovery("r")],
            Usage(8, 8),
            {"r": None, "a": JOBS},
            "what drills leave is there for recoveries",
        ),
        (
            "recovery waits",
            [recovery("r", 90), call("a"), termination("x")],
            Usage(1, 20),
            {"r": SERVERS, "a": SERVERS, "x": SERVERS},
            "while a recovery waits no drill goes and nothing is cleaned up",
        ),
        (
            "together",
            [call("a", 40), call("b", 40), call("c", 1)],
            Usage(),
            {"a": None, "b": None, "c": SERVERS},
            "who goes must have room together with all before it",
        ),
    ),
)
def test_whose_turn_it_is(line: list[Call], used: Usage, want: dict[str, Refusal | None], because: str) -> None:
    assert _told(map(Waiting, line), used) == want, because


def test_who_was_refused_by_aws_keeps_its_place_until_it_asks_again() -> None:
    line = [Waiting(call("a"), SERVERS, b.at(15)), Waiting(call("b")), Waiting(recovery("r"))]
    assert _told(line, Usage()) == {"r": None, "a": SERVERS, "b": SERVERS}
    assert _told(line, Usage(), b.at(15)) == {"r": None, "a": None, "b": None}


def _running(number: int, servers: int, **changes: Any) -> Job:
    return b.job(number, [b.server_id(n) for n in range(servers)], **changes)


@pytest.mark.parametrize(
    ("jobs", "made", "want", "because"),
    table(
        ("nothing", [], [], Usage(), "nothing runs"),
        ("foreign", [_running(1, 3), _running(2, 2)], [], Usage(2, 5), "jobs count whoever began them"),
        ("type", [_running(1, 3, type="TERMINATE")], [], Usage(1, 3), "terminations count"),
        ("unknown", [_running(1, 3, status="PAUSED_SOMEHOW")], [], Usage(1, 3), "so does what is not known to be over"),
        ("ended", [_running(1, 3, status="COMPLETED")], [], Usage(), "what has ended is free again"),
        ("calling", [], [Made(call("t", 4), b.NOW)], Usage(1, 4), "an own call that the board does not show yet"),
        (
            "by token",
            [_running(1, 4, tags={b.TOKEN_TAG: "t"})],
            [Made(call("t", 4), b.NOW)],
            Usage(1, 4),
            "once its job is on the board the call is not counted twice",
        ),
        (
            "by id",
            [_running(1, 4, status="COMPLETED")],
            [Made(call("t", 4), b.NOW, b.job_id(1))],
            Usage(),
            "a termination has no tag: its job's id tells",
        ),
    ),
)
def test_what_is_used(jobs: list[Job], made: list[Made], want: Usage, because: str) -> None:
    assert quota.usage(b.jobs(*jobs), made, SETTLE) == want, because


@pytest.mark.parametrize(
    ("since", "aws_time", "want", "because"),
    table(
        ("early", b.at(hours=-24), b.at(minutes=5.9), 1, "its job may still turn up"),
        ("settled", b.at(hours=-24), b.at(minutes=6), 0, "it would have turned up"),
        ("short sight", b.at(1), b.at(minutes=60), 1, "a board that begins later does not tell"),
    ),
)
def test_a_call_without_a_job_is_counted_until_it_is_settled(
    since: datetime, aws_time: datetime, want: int, because: str
) -> None:
    board = b.jobs(since=since, aws_time=aws_time)
    assert quota.usage(board, [Made(call(), b.NOW)], SETTLE).jobs == want, because


def test_without_a_board_only_own_calls_are_counted() -> None:
    assert quota.usage(None, [Made(call("t", 7), b.NOW)], SETTLE) == Usage(1, 7)


@pytest.mark.parametrize(
    ("known", "want", "because"),
    table(
        ("none", None, Limits(20, 100, 500), "the published quotas"),
        ("some", RegionQuotas(jobs_in_progress=7), Limits(7, 100, 500), "what is known, and the published rest"),
        ("zero", RegionQuotas(jobs_in_progress=0), Limits(20, 100, 500), "no quota is zero"),
        (
            "all",
            RegionQuotas(jobs_in_progress=40, servers_per_job=200, servers_in_all_jobs=3000),
            Limits(40, 200, 3000),
            "an older account may have more",
        ),
    ),
)
def test_the_limits(known: RegionQuotas | None, want: Limits, because: str) -> None:
    assert quota.limits_of(known) == want, because


# --- what the row of a run tells ------------------------------------------------------------------------------------

QUEUED = b.run_wave(1, phase="Queued", queued_reason="ServersInJobsLimitExceeded")


@pytest.mark.parametrize(
    ("run", "want", "because"),
    table(
        ("queued", b.run(QUEUED, intents=(b.intent(),)), 1, "it waits for quota"),
        ("fresh", b.run(b.run_wave(1, phase="Queued"), intents=(b.intent(),)), 0, "it has not asked yet"),
        (
            "in a job",
            b.run(b.run_wave(1, phase="Queued", queued_reason="ServerInJob"), intents=(b.intent(),)),
            0,
            "what waits for its own servers keeps nobody waiting",
        ),
        ("held", b.run(QUEUED, intents=(b.intent(),), holds=(b.hold(),)), 0, "a held wave holds no quota"),
        ("decided", b.run(QUEUED, intents=(b.intent(),), verdict="Cancelled"), 0, "nor does one that is over"),
        ("called", b.run(QUEUED, intents=(b.intent(state="Calling"),)), 0, "it has called"),
    ),
)
def test_who_stands_in_line_as_the_row_tells(run: Run, want: int, because: str) -> None:
    assert len(quota.in_line(run)) == want, because


def test_a_refusal_is_found_in_the_row() -> None:
    (waiting,) = quota.in_line(b.run(QUEUED, intents=(b.intent(servers=(1, 2), not_before=b.at(15)),)))
    assert (waiting.refused, waiting.not_before, waiting.call.servers) == (SERVERS, b.at(15), 2)


def _cleaning(state: str) -> Run:
    intent = TerminateIntent.model_validate(
        {
            "shard": 1,
            "token": "term",
            "accountName": "production",
            "accountId": b.ACCOUNT,
            "region": b.REGION,
            "instanceIds": ["i-1", "i-2"],
            "state": state,
            "calledAtAws": b.NOW,
        }
    )
    return b.run(state="Ended", verdict="Completed", cleanup=Cleanup(phase="Running", intents=(intent,)))


def test_what_a_run_has_called() -> None:
    intents = tuple(b.intent(n, (n,), state) for n, state in enumerate(("Planned", "Calling", "Started", "Ended"), 1))
    run = b.run(*(b.run_wave(n) for n in range(1, 5)), intents=intents)
    assert [(m.call.wave_number, m.job_id) for m in quota.made_by(run)] == [(2, None), (3, b.job_id(1))]
    assert quota.may_wait(run) == {intents[0].token}
    (made,) = quota.made_by(_cleaning("Calling"))
    assert (made.call.kind, made.call.servers, made.call.place) == ("terminate", 2, b.PLACE)
    assert quota.made_by(_cleaning("Ended")) == []
    assert quota.may_wait(_cleaning("Planned")) == {"term"}


def test_positions_count_waves_and_not_their_jobs() -> None:
    def large(n: int) -> Call:
        return call(f"a{n}", execution_id="a", shard=n)

    line = [Waiting(c) for c in (call("c", claimed_time=b.at(2)), large(2), large(1), recovery("r"))]
    told = {"c": JOBS, "a1": SERVERS, "a2": JOBS}
    assert quota.standings(line, told) == {
        ("a", 1): Standing(1, SERVERS),
        ("exec-c", 1): Standing(2, JOBS),
    }, "whose turn it is does not wait any more"
