"""The quota queue under everything that comes and goes: order, limits, and a turn for everybody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from drs_operator.api.v1alpha1 import Resource
from drs_operator.planning.facts import Job, Jobs
from drs_operator.planning.launching import Refusal
from drs_operator.planning.quota import Call, Limits, Reserve
from drs_operator.planning.run import Run
from drs_operator.reconcilers.quota_queue import PATIENCE, REACH, QuotaQueue
from tests import builders as b

LIMITS, RESERVE = Limits(jobs=6, servers_per_job=8, servers=16), Reserve(jobs=2, servers=6)


def call(number: int, servers: int, drill: bool = True, **changes: Any) -> Call:
    defaults: dict[str, Any] = {
        "kind": "launch",
        "token": f"t-{number}",
        "place": b.PLACE,
        "servers": servers,
        "execution_id": f"exec-{number}",
        "namespace": b.NAMESPACE,
        "name": f"run-{number}",
        "wave_number": 1,
        "shard": 1,
        "drill": drill,
        "priority": 500,
        "claimed_time": b.at(number),
    }
    return Call(**{**defaults, **changes})


def board(jobs: list[Job], now: datetime) -> Jobs:
    return Jobs(b.PLACE, tuple(jobs), now, now - REACH)


def queue_of(limits: Limits = LIMITS, woken: list[str] | None = None) -> QuotaQueue:
    def wake(kind: type[Resource], namespace: str | None, name: str) -> None:
        if woken is not None:
            woken.append(name)

    queue = QuotaQueue(RESERVE, wake=wake)
    queue.allow(b.PLACE, limits)
    return queue


def running(number: int, servers: int, token: str = "") -> Job:
    return b.job(number, [b.server_id(n) for n in range(servers)], tags={b.TOKEN_TAG: token} if token else {})


def test_what_is_admitted_is_reserved_before_anything_is_recorded() -> None:
    queue = queue_of(Limits(jobs=1))
    assert queue.admit(call(1, 1, drill=False), b.NOW, b.NOW) is None
    assert queue.admit(call(2, 1, drill=False), b.NOW, b.NOW) == Refusal.JOBS_QUOTA


def test_an_older_board_does_not_hide_what_a_newer_one_has_shown() -> None:
    queue = queue_of(Limits(jobs=1))
    queue.look(board([running(1, 1)], b.at(9)), b.at(9))
    queue.look(board([], b.at(0)), b.at(10))
    assert queue.admit(call(2, 1, drill=False), b.at(10), b.at(10)) == Refusal.JOBS_QUOTA


def test_a_board_that_reaches_back_too_little_is_not_counted_by() -> None:
    queue = queue_of(Limits(jobs=1))
    queue.look(board([running(1, 1)], b.at(1)), b.at(1))
    queue.look(Jobs(b.PLACE, (), b.at(9), b.at(minutes=-15)), b.at(9))
    assert queue.admit(call(2, 1, drill=False), b.at(9), b.at(9)) == Refusal.JOBS_QUOTA


def test_whose_turn_it_is_keeps_its_place_until_it_leaves() -> None:
    queue = queue_of(Limits(jobs=1))
    first, second = call(1, 1, drill=False), call(2, 1, drill=False)
    assert queue.ask(first, b.NOW) is None
    assert queue.ask(second, b.NOW) == Refusal.JOBS_QUOTA, "while the guards of the first are read"
    queue.leave(first, b.NOW)
    assert queue.ask(second, b.NOW) is None, "the first did not call, after all"


def test_who_does_not_ask_again_is_not_waited_for() -> None:
    queue = queue_of()
    queue.look(board([running(1, 10)], b.NOW), b.NOW)
    assert queue.ask(call(1, 8, drill=False), b.NOW) == Refusal.SERVERS_QUOTA
    assert queue.ask(call(2, 1, drill=False), b.NOW + PATIENCE) == Refusal.SERVERS_QUOTA, "it may still come"
    assert queue.ask(call(2, 1, drill=False), b.NOW + PATIENCE + timedelta(seconds=1)) is None


def _queued(number: int, **changes: Any) -> Run:
    wave = b.run_wave(1, range(8), phase="Queued", queued_reason="ServersInJobsLimitExceeded")
    planned = b.intent(1, range(8), token=f"t-{number}")
    return b.run(wave, execution_id=f"exec-{number}", name=f"run-{number}", priority=500, intents=(planned,), **changes)


def test_a_new_leader_finds_the_line_and_the_calls_as_they_were() -> None:
    queue = queue_of()
    calling = b.intent(1, range(8), "Calling", token="t-3")
    queue.saw(b.run(b.run_wave(1, range(8), phase="Launching"), execution_id="exec-3", intents=(calling,)), b.NOW)
    queue.saw(_queued(1), b.NOW)
    assert queue.ask(call(2, 1, claimed_time=b.at(1)), b.NOW) == Refusal.SERVERS_QUOTA, "the large one came first"
    assert queue.standings(_queued(1))[1].position == 1


def test_a_run_that_is_only_followed_is_not_waited_for() -> None:
    queue = queue_of()
    queue.look(board([running(1, 9)], b.NOW), b.NOW)
    later = b.NOW + PATIENCE + timedelta(seconds=1)
    for moment in (b.NOW, b.at(60), later - timedelta(seconds=2)):
        queue.saw(_queued(1), moment)
    assert queue.ask(call(2, 1, claimed_time=b.at(1)), later) is None


def test_what_is_held_or_cancelled_or_over_loses_its_place() -> None:
    for changes in (
        {"holds": (b.hold(),)},
        {"cancel": {"requestedBy": "jane", "time": b.NOW}},
        {"state": "Ended", "verdict": "Cancelled"},
    ):
        woken: list[str] = []
        queue = queue_of(woken=woken)
        queue.look(board([running(1, 9)], b.NOW), b.NOW)
        queue.saw(_queued(1), b.NOW)
        late = call(2, 1, claimed_time=b.at(1))
        assert queue.ask(late, b.NOW) == Refusal.SERVERS_QUOTA
        queue.saw(Run.model_validate({**_queued(1).model_dump(), **changes}), b.NOW)
        assert woken == ["run-2"], "the next one is called at once"
        assert queue.ask(late, b.NOW) is None


def test_the_next_in_line_is_called_once_when_there_is_room() -> None:
    woken: list[str] = []
    queue = queue_of(Limits(jobs=2), woken)
    queue.look(board([running(1, 1), running(2, 1)], b.NOW), b.NOW)
    for number in (3, 4):
        assert queue.ask(call(number, 1, drill=False), b.NOW) == Refusal.JOBS_QUOTA
    queue.look(board([running(1, 1)], b.at(15)), b.at(15))
    queue.look(board([running(1, 1)], b.at(30)), b.at(30))
    assert woken == ["run-3"]
    assert queue.admit(call(3, 1, drill=False), b.at(30), b.at(30)) is None
    queue.look(board([running(3, 1, "t-3")], b.at(45)), b.at(45))
    assert woken == ["run-3", "run-4"]


class QueueMachine(RuleBasedStateMachine):
    """Calls come, ask at any time and in any order; jobs of others come and go; boards are older than the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = queue_of()
        self.now = b.NOW
        self.calls: dict[str, Call] = {}
        self.told: dict[str, Refusal] = {}
        """Who was told to wait, and has not gone since."""
        self.jobs: dict[str, Job] = {}
        """What runs in truth, by token or name."""
        self.own: dict[str, Call] = {}
        self.numbers = 0

    def used(self) -> tuple[int, int]:
        return len(self.jobs), sum(len(job.servers) for job in self.jobs.values())

    def look(self) -> None:
        self.queue.look(board(list(self.jobs.values()), self.now), self.now)

    def ask(self, token: str) -> bool:
        wanted = self.calls[token]
        short = self.queue.ask(wanted, self.now)
        if short is None:
            short = self.queue.admit(wanted, self.now, self.now)
            assert short is None, "whose turn it is may go, when nothing has happened in between"
        if short is not None:
            self.told[token] = short
            return False
        ahead = [self.calls[other] for other in self.told if self.calls[other].rank < wanted.rank]
        jobs, servers = self.used()
        spare = RESERVE if wanted.drill else Reserve(0, 0)
        why = "nobody overtakes who waits: whoever stands before it has room, too"
        assert jobs + len(ahead) + 1 <= LIMITS.jobs - spare.jobs, why
        assert servers + sum(c.servers for c in ahead) + wanted.servers <= LIMITS.servers - spare.servers, why
        del self.calls[token]
        self.told.pop(token, None)
        self.numbers += 1
        self.jobs[token] = running(self.numbers, wanted.servers, token)
        self.own[token] = wanted
        return True

    @rule(servers=st.integers(1, 8), drill=st.booleans(), priority=st.sampled_from([0, 500, 500, 1000]))
    def a_call_comes(self, servers: int, drill: bool, priority: int) -> None:
        self.numbers += 1
        new = call(self.numbers, servers, drill, priority=priority)
        self.calls[new.token] = new
        self.ask(new.token)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def somebody_asks(self, data: st.DataObject) -> None:
        self.ask(data.draw(st.sampled_from(sorted(self.calls))))

    @rule(servers=st.integers(1, 4))
    def somebody_else_begins_a_job_and_it_is_seen(self, servers: int) -> None:
        jobs, busy = self.used()
        if jobs < LIMITS.jobs and busy + servers <= LIMITS.servers:  # AWS's own limit
            self.numbers += 1
            self.jobs[f"foreign-{self.numbers}"] = running(self.numbers, servers)
            self.look()

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def a_job_ends(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.jobs))))

    def end(self, token: str) -> None:
        """The job is on no board any more, and its run says that its intent has ended."""
        del self.jobs[token]
        ended = self.own.pop(token, None)
        self.now += timedelta(seconds=1)
        self.look()
        if ended is not None:
            over = b.run(b.run_wave(1, phase="Completed"), execution_id=ended.execution_id)
            self.queue.saw(over, self.now)

    @rule(seconds=st.sampled_from([1, 15]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for token in sorted(self.calls):  # every run that waits polls
            self.ask(token)

    @invariant()
    def the_limits_hold(self) -> None:
        jobs, servers = self.used()
        assert jobs <= LIMITS.jobs
        assert servers <= LIMITS.servers

    def teardown(self) -> None:
        """Everybody gets a turn when jobs end and nobody else comes."""
        while self.calls:
            gone = [token for token in sorted(self.calls, reverse=True) if self.ask(token)]
            if not gone:
                assert self.jobs, "nobody waits for an empty place"
                self.end(min(self.jobs))


TestQuotaQueue = QueueMachine.TestCase
TestQuotaQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
