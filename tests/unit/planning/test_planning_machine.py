"""A run under everything that can happen to it: random waves, outcomes, commands, lost answers, wake-ups at any time.

What must hold is checked on every write of the record, on every call, and at the end.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.planning import commands, engine, launching, projection, waves
from drs_operator.planning.commands import Command
from drs_operator.planning.ending import DRAIN_LIMIT
from drs_operator.planning.facts import Observed, Place
from drs_operator.planning.guards import foreign_job
from drs_operator.planning.holds import PERSONS_ONLY
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.planning.run import FINAL_WAVE_PHASES, ErrorRecord, LaunchIntent, Run, RunWave
from tests import builders as b
from tests.unit.planning.simulated_drs import FATES, SimulatedDrs, SimulatedJob

SETTLE = timedelta(minutes=6)
PLACES = (Place(b.ACCOUNT, "us-east-1"), Place("210987654321", "us-west-2"))
SERVERS_PER_JOB = 2
"""So small that waves of three servers are split into two jobs."""
DECIDED = {"Ready", "Failed"}
SKIPPED = {"Skipped", "CompletedWithExceptions"}
NO_POINT = ErrorRecord(code="NO_RECOVERY_POINT", message="no usable recovery point")


COMMANDS = (*commands.ORDER, *("pause", "resume", "resume", "resume", "skip") * 4)
"""Cancel is rare, or no run would come far."""


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """A run that has just started, with a valid graph of waves."""
    count = draw(st.integers(1, 4))
    orders = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    specs = []
    for number, order in enumerate(orders, start=1):
        earlier = [other for other, its in enumerate(orders, start=1) if its < order]
        depends = draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else []
        specs.append(b.wave_spec(number, launchOrder=order, dependsOnWaves=depends))
    pinned = b.plan(*specs).spec.waves
    made: list[RunWave] = []
    for spec in pinned:
        place = draw(st.sampled_from(PLACES))
        servers = [
            b.run_server(10 * spec.wave_number + n, optional=draw(st.sampled_from([False, False, True])))
            for n in range(draw(st.sampled_from([0, 1, 2, 3, 3])))
        ]
        made.append(
            b.run_wave(
                spec.wave_number,
                servers,
                waits_for=waves.waits_for(spec, pinned),
                launch_order=waves.order(spec),
                account_id=place.account_id,
                region=place.region,
                pause_before_wave=draw(st.sampled_from([False, False, True])),
                on_failure=draw(st.sampled_from(["Fail", "Pause", "Continue"])),
                ready_when=draw(st.sampled_from(["Launched", "InstanceStatusOk"])),
                wait_after_seconds=draw(st.sampled_from([0, 60])),
                timeout_seconds=draw(st.sampled_from([60, 600, 14400])),
            )
        )
    return b.run(*made, ambiguous_launch_policy=draw(st.sampled_from(["Hold", "Reissue"])))


ANSWERS = 20
"""How often a person may have to answer in the end: each hold of each wave once, and then again."""
ONE_IN_MANY = st.sampled_from([False] * 15 + [True])


class Died(Exception):
    """The process is gone; the next look is another process's."""


class RunMachine(RuleBasedStateMachine):
    """The operator's loop over the real decisions; the record and AWS are simulated, and the operator has no memory."""

    @initialize(run=runs(), data=st.data(), skew=st.integers(-120, 120), names=st.booleans(), patient=st.booleans())
    def start(self, run: Run, data: st.DataObject, skew: int, names: bool, patient: bool) -> None:
        servers = [server.server_id for wave in run.waves for server in wave.servers]
        some = st.frozensets(st.sampled_from(servers), max_size=2) if servers else st.just(frozenset[str]())
        self.split = engine.SERVERS_PER_JOB
        engine.SERVERS_PER_JOB = SERVERS_PER_JOB
        self.now = b.NOW
        self.aws = SimulatedDrs(timedelta(seconds=skew), invalid=data.draw(some), names_invalid=names)
        self.without_point = data.draw(some)
        self.run = run
        self.data: st.DataObject | None = None
        self.patient = patient
        """Whether a person answers every hold in the end, or cancels."""
        self.execution = b.execution()
        self.status = DRExecutionStatus()
        self.tokens = 0
        self._show()

    def teardown(self) -> None:
        if hasattr(self, "run"):
            self._end()
            engine.SERVERS_PER_JOB = self.split

    # --- the record -------------------------------------------------------------------------------------------------

    def record(self, after: Run, command: bool = False) -> None:
        """Writes a transition, if it is one that may be, and reads it anew: the operator remembers nothing else."""
        if after == self.run:
            return
        _check_waves(self.run, after, command)
        _check_servers(self.run, after)
        _check_run(self.run, after)
        if self.data is not None and self.data.draw(ONE_IN_MANY):
            self._die(after)
        self.run = Run.model_validate(after.model_dump(by_alias=True, mode="json"))
        assert self.run == after, "the record loses nothing"
        self._show()

    def _die(self, after: Run) -> None:
        """The process dies while it writes: servers are written wave by wave, and before the row that counts."""
        assert self.data is not None
        changed = [wave for wave in after.waves if wave.servers != self.run.wave(wave.wave_number).servers]
        for wave in changed[: self.data.draw(st.integers(0, len(changed)))]:
            torn = self.run.wave(wave.wave_number).model_copy(update={"servers": wave.servers})
            self.run = self.run.with_wave(torn)
        raise Died

    def _show(self) -> None:
        """The status, which must be a projection: the same whenever it is made anew."""
        old = self.status
        written = projection.project(self.run, self._object(old), None, self.now).to_json()
        self.status = DRExecutionStatus.model_validate(written)
        again = projection.project(self.run, self._object(self.status), None, self.now).to_json()
        assert again == written, "projecting twice changes nothing"
        if old.finish_time is not None:
            assert self.status.model_copy(update={"requests": old.requests}) == old, "what has ended never changes"
        succeeded = find_condition(self.status.conditions, "Succeeded")
        assert succeeded is not None
        assert (succeeded.status == "Unknown") == (self.run.state != "Ended")

    def _object(self, status: DRExecutionStatus) -> DRExecution:
        return self.execution.model_copy(update={"status": status})

    # --- the operator -----------------------------------------------------------------------------------------------

    def look(self, data: st.DataObject | None) -> None:
        """One reconcile: decide, record, act. `data` chooses what happens to calls and writes; None: all is well."""
        self.data = data
        try:
            self._rounds()
        except Died:
            pass
        finally:
            self.data = None

    def _rounds(self) -> None:
        for _ in range(8):
            before = self.run
            seen = self.aws.observe((wave.place for wave in self.run.waves), self.now)
            decision = engine.plan_next_steps(self.run, seen, self.now)
            self._check_decision(decision, seen)
            self.record(decision.run)
            for step in decision.steps:
                match step:
                    case engine.Launch(intent):
                        self._launch(intent)
                    case engine.Resolve(intent):
                        self._resolve(intent)
                    case engine.Finish():
                        end = {"state": "Ended", "finish_time": self.now}
                        self.record(self.run.model_copy(update=end))
            if self.run == before or self.run.state == "Ended":
                return

    def _check_decision(self, decision: engine.Decision, seen: Observed) -> None:
        again = engine.plan_next_steps(decision.run, seen, self.now)
        assert again == decision, "waking twice in the same moment changes nothing"
        decided = decision.run.verdict is not None or decision.run.cancel is not None
        assert not (decided and any(isinstance(step, engine.Launch) for step in decision.steps))
        assert decision.wake_at is None or decision.wake_at > self.now

    def _launch(self, intent: LaunchIntent) -> None:
        run = self.run
        current = launching.find(run, intent)
        wave = run.wave(intent.wave_number)
        board = self.aws.board(wave.place, self.now)
        if current is None or not launching.may_call(run, current) or board is None:
            return
        lost = {server: NO_POINT for server in current.server_ids if server in self.without_point}
        if foreign_job(set(current.server_ids) - lost.keys(), board) is not None:
            busy = Refused(Refusal.SERVER_IN_JOB, "SERVER_IN_JOB", "busy")
            self.record(launching.refused(run, current, busy, self.now))
            return
        self.record(launching.call(run, current, "me", self.now, self.aws.time(self.now), {}, lost))
        calling = launching.find(self.run, intent)
        if calling is None or calling.state != "Calling":
            return
        self._check_call(self.run, calling)
        fate = self.data.draw(st.sampled_from(FATES)) if self.data else "started"
        match self.aws.call(wave.place, calling, fate, self.now):
            case Refused() as answer:
                self.record(launching.refused(self.run, calling, answer, self.now))
            case SimulatedJob() as job:
                self.record(launching.started(self.run, calling, job.job_id, "PENDING", job.created_at))
            case Unknown():
                pass

    def _check_call(self, run: Run, intent: LaunchIntent) -> None:
        wave = run.wave(intent.wave_number)
        assert run.state == "Running"
        assert run.verdict is None, "no launch after a verdict"
        assert run.cancel is None, "no launch after a cancel"
        assert not run.pause_requested, "no launch while a pause is asked for"
        assert all(_satisfies(run.wave(number)) for number in wave.waits_for), "no wave before what it waits for"
        asked = any(h.wave_number == wave.wave_number and h.reason == "PauseBeforeWave" for h in run.holds)
        assert asked or not wave.pause_before_wave, "no wave that a person was to be asked about"
        assert not run.open_holds(wave.wave_number), "no launch of what is held"
        assert not wave.final, "no launch of what is over"
        assert not any(self.aws.launches[server] for server in intent.server_ids), "no server is launched twice"

    def _resolve(self, intent: LaunchIntent) -> None:
        run = self.run
        current = launching.find(run, intent)
        board = self.aws.board(run.wave(intent.wave_number).place, self.now)
        if current is None or current.state != "Calling" or board is None:
            return
        job = board.by_token(b.TOKEN_TAG, current.token)
        self.record(launching.resolved(run, current, job, board.aws_time, SETTLE, self.now))

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(data=st.data(), seconds=st.sampled_from([0, 1, 15, 15, 60, 60, 301, 400]))
    def wake_soon(self, data: st.DataObject, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.look(data)

    @rule(data=st.data(), seconds=st.sampled_from([601, 601, 3600, 15000, 90000]))
    def wake_late(self, data: st.DataObject, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.look(data)

    @rule(data=st.data())
    def somebody_gives_a_command(self, data: st.DataObject) -> None:
        run = self.run
        values = ["true", *(str(wave.wave_number) for wave in run.waves), *(hold.id for hold in run.holds)]
        types = data.draw(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=2))
        given = [Command(type, self._value(type, data, values), "jane") for type in types]
        after, answers = commands.take(run, given, self.now)
        self.record(after, command=True)
        done = {(answer.type, answer.value) for answer in answers if answer.outcome == "Accepted"}
        again = [command for command in given if (command.type, command.value) in done]
        assert commands.take(after, again, self.now) == (after, []), "a value is honoured once"

    def _value(self, type: str, data: st.DataObject, values: list[str]) -> str:
        if type in ("pause", "cancel"):
            self.tokens += 1
            return f"token-{self.tokens}"
        return data.draw(st.sampled_from(values))

    @precondition(lambda self: self.aws.running())
    @rule(data=st.data())
    def aws_says_something_of_a_server(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.aws.running()))
        server = data.draw(st.sampled_from(sorted(job.statuses)))
        if job.statuses[server] in ("LAUNCHED", "FAILED"):
            return
        job.statuses[server] = data.draw(
            st.sampled_from(["IN_PROGRESS", "LAUNCHED", "LAUNCHED", "FAILED", "NEVER_SEEN"])
        )
        if job.statuses[server] == "LAUNCHED":
            job.instances.add(server)

    @precondition(lambda self: self.aws.running())
    @rule(data=st.data(), silently=st.booleans())
    def a_job_ends(self, data: st.DataObject, silently: bool) -> None:
        """Silently: without a last word on its servers, whose instances exist all the same."""
        job = data.draw(st.sampled_from(self.aws.running()))
        job.ended_at = self.aws.time(self.now)
        for server, status in job.statuses.items():
            if status not in ("LAUNCHED", "FAILED"):
                if not silently:
                    job.statuses[server] = "LAUNCHED"
                job.instances.add(server)

    @rule(data=st.data())
    def participants_vanish(self, data: st.DataObject) -> None:
        for job in self.aws.jobs:
            if job.ended_at is not None and data.draw(st.booleans()):
                job.statuses.clear()

    @rule(data=st.data())
    def instances_pass_their_checks(self, data: st.DataObject) -> None:
        up = sorted({server for job in self.aws.jobs for server in job.instances})
        self.aws.healthy |= {server for server in up if data.draw(st.booleans())}

    @rule(place=st.sampled_from(PLACES), data=st.data())
    def somebody_else_starts_a_job(self, place: Place, data: st.DataObject) -> None:
        servers = [s.server_id for wave in self.run.waves if wave.place == place for s in wave.servers]
        if servers:
            self.aws.foreign(place, [data.draw(st.sampled_from(servers))], self.now)

    @rule(places=st.sets(st.sampled_from(PLACES)))
    def places_fall_silent(self, places: set[Place]) -> None:
        self.aws.silent = places

    @rule(places=st.sets(st.sampled_from(PLACES)))
    def places_refuse(self, places: set[Place]) -> None:
        self.aws.denied = places

    # --- the end ----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """AWS answers again and ends every job: then the run ends or asks; answered or cancelled, it ends."""
        self.aws.silent, self.aws.denied = set(), set()
        self._let_it_run()
        for _ in range(ANSWERS if self.patient else 0):
            for hold in self.run.open_holds():
                self._say("skip" if hold.reason in PERSONS_ONLY else "resume", hold.id)
            self._let_it_run()
        assert self.run.state == "Ended" or self.run.open_holds(), "a run that waits for nobody ends when AWS does"
        assert self.run.state == "Ended" or not self.patient, "a run whose every question is answered ends"
        if self.run.state != "Ended":
            self._say("cancel", "the end")
            self._let_it_run()
        run = self.run
        assert run.state == "Ended", "a run that is cancelled ends when AWS does"
        assert all(wave.final for wave in run.waves), "nothing of it is left open"
        assert not any(intent.active for intent in run.intents)
        assert not run.open_holds()
        self._check_launches(run)

    def _say(self, type: str, value: str) -> None:
        after, (answer,) = commands.take(self.run, [Command(type, value, "jane")], self.now)
        assert answer.outcome == "Accepted", f"{type}={value}: {answer.code}: {answer.message}"
        self.record(after, command=True)

    def _let_it_run(self) -> None:
        for seconds in (*[61] * 10, *[1801] * 60):  # longer than four waves that time out one after the other
            for job in self.aws.running():
                job.ended_at = self.aws.time(self.now)
                for server, status in job.statuses.items():
                    if status not in ("LAUNCHED", "FAILED"):
                        job.statuses[server] = "LAUNCHED"
                        job.instances.add(server)
            self.look(None)
            if self.run.state == "Ended":
                return
            self.now += timedelta(seconds=seconds)

    def _check_launches(self, run: Run) -> None:
        assert run.finish_time is not None
        assert run.verdict_time is not None
        assert max(self.aws.launches.values(), default=0) <= 1, "no server was launched twice"
        ours = {job.job_id for job in self.aws.jobs if job.token is not None}
        known = [intent.job_id for intent in run.intents if intent.job_id]
        assert len(known) == len(set(known)), "no job was taken twice"
        if run.finish_time - run.verdict_time < DRAIN_LIMIT:
            assert set(known) == ours, "no launch was lost"


def _satisfies(wave: RunWave) -> bool:
    """The contract's words, apart from the code's."""
    if wave.phase in ("Failed", "TimedOut"):
        return wave.on_failure == "Continue"
    return wave.phase in ("Completed", "CompletedWithExceptions", "Skipped")


def _check_waves(before: Run, after: Run, command: bool) -> None:
    for old, new in zip(before.waves, after.waves, strict=True):
        if old.phase in FINAL_WAVE_PHASES and old.phase != new.phase:
            allowed = command and old.phase in ("Failed", "TimedOut") and new.phase in SKIPPED
            assert allowed, f"a final wave phase is for ever: {old.phase} -> {new.phase}"
        if old.phase == "Pending" and new.phase in ("Held", "Queued", "Launching"):
            assert all(_satisfies(after.wave(n)) for n in new.waits_for), "no wave before what it waits for"
        assert new.final or not old.final
        if new.phase in ("Completed", "CompletedWithExceptions") and not old.final and not command:
            assert all(s.launched for s in new.servers if not s.optional), "what is required came up"


def _check_servers(before: Run, after: Run) -> None:
    for old, new in zip(before.waves, after.waves, strict=True):
        for was, now in zip(old.servers, new.servers, strict=True):
            assert was.server_id == now.server_id
            if was.phase in DECIDED or (was.phase == "Skipped" and old.final):
                assert now.phase == was.phase, f"a final server phase is for ever: {was.phase} -> {now.phase}"
            if was.launched:
                assert now.launched, "what came up came up"
    active = Counter(server for intent in after.intents if intent.active for server in intent.server_ids)
    assert max(active.values(), default=0) <= 1, "at most one active attempt for a server"


def _check_run(before: Run, after: Run) -> None:
    if before.verdict is not None:
        assert (after.verdict, after.verdict_time) == (before.verdict, before.verdict_time), "a verdict is for ever"
    if before.cancel is not None:
        assert after.cancel == before.cancel
    if before.state == "Ended":
        assert after.model_copy(update={"answers": before.answers}) == before, "what has ended never changes"
    assert set(before.honoured) <= set(after.honoured)
    kept = {hold.id: hold for hold in after.holds}
    assert len(kept) == len(after.holds), "ids of holds are unique"
    for hold in before.holds:
        assert kept[hold.id] == hold or hold.open, "a hold that was closed stays closed"
    jobs = {intent.key: intent.job_id for intent in after.intents}
    for intent in before.intents:
        assert intent.key in jobs, "no intent is forgotten"
        assert intent.job_id in (None, jobs[intent.key]), "a job that is known is never forgotten"


RunMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRun = RunMachine.TestCase
