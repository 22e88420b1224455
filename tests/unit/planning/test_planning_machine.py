"""A run under everything that can happen to it: random waves, outcomes, commands, lost answers, wake-ups at any time.

What must hold is checked on every write of the record, on every call, and at the end.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from drs_operator.api.v1alpha1 import DRExecution
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.planning import commands, engine, launching, projection
from drs_operator.planning.commands import Command
from drs_operator.planning.ending import DRAIN_LIMIT
from drs_operator.planning.facts import Observed, Place
from drs_operator.planning.guards import foreign_job
from drs_operator.planning.holds import PERSONS_ONLY
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.planning.run import ErrorRecord, LaunchIntent, Run
from tests import builders as b
from tests.unit.planning.random_runs import PLACES, runs
from tests.unit.planning.run_rules import check_call, check_run, check_servers, check_waves
from tests.unit.planning.simulated_drs import FATES, SimulatedDrs, SimulatedJob

SETTLE, GRACE = timedelta(minutes=6), timedelta(minutes=5)
SERVERS_PER_JOB = 2
"""So small that waves of three servers are split into two jobs."""
NO_POINT = ErrorRecord(code="NO_RECOVERY_POINT", message="no usable recovery point")


COMMANDS = (*commands.ORDER, *("pause", "resume", "resume", "resume", "skip") * 4)
"""Cancel is rare, or no run would come far."""


ANSWERS = 20
"""How often a person may have to answer in the end: each hold of each wave once, and then again."""
ONE_IN_MANY = st.sampled_from([False] * 9 + [True])
SOON = st.sampled_from([0, 1, 15, 15, 60, 301, 400])


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
        self.unknown: set[str] = set()
        """Servers of calls that were not answered."""
        self._show()

    def teardown(self) -> None:
        if hasattr(self, "run"):
            try:
                self._end()
            finally:
                engine.SERVERS_PER_JOB = self.split

    # --- the record -------------------------------------------------------------------------------------------------

    def record(self, after: Run, command: bool = False) -> None:
        """Writes a transition, if it is one that may be, and reads it anew: the operator remembers nothing else."""
        if after == self.run:
            return
        check_waves(self.run, after, command)
        check_servers(self.run, after)
        check_run(self.run, after)
        self._check_evidence(after)
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
        written = projection.project(self.run, self._object(old), self.now).to_json()
        self.status = DRExecutionStatus.model_validate(written)
        again = projection.project(self.run, self._object(self.status), self.now).to_json()
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
        self._check_call(calling)
        fate = self.data.draw(st.sampled_from(FATES)) if self.data else "started"
        match self.aws.call(wave.place, calling, fate, self.now):
            case Refused() as answer:
                self.record(launching.refused(self.run, calling, answer, self.now))
            case SimulatedJob() as job:
                self.record(launching.started(self.run, calling, job.job_id, "PENDING", job.created_at))
            case Unknown():
                self.unknown |= set(calling.server_ids)

    def _check_call(self, intent: LaunchIntent) -> None:
        check_call(self.run, intent)
        again = {server for server in intent.server_ids if self.aws.launches[server]}
        assert not again, "no server is launched twice"
        if self.run.ambiguous_launch_policy == "Hold":
            assert not self.unknown & set(intent.server_ids), "what may have launched is never launched again"

    def _resolve(self, intent: LaunchIntent) -> None:
        run = self.run
        current = launching.find(run, intent)
        board = self.aws.board(run.wave(intent.wave_number).place, self.now)
        if current is None or current.state != "Calling" or board is None:
            return
        job = board.by_token(b.TOKEN_TAG, current.token)
        self.record(launching.resolved(run, current, job, board.aws_time, SETTLE, self.now))

    def _check_evidence(self, after: Run) -> None:
        """What is said of a server is what AWS has said of it, or left of it."""
        ours = [job for job in self.aws.jobs if job.token is not None]
        said = {word for job in ours for word in job.said}
        alive = {server for job in ours for server in job.instances}
        over = {
            s for job in ours if job.ended_at and self.aws.time(self.now) - job.ended_at > GRACE for s in job.servers
        }
        for wave in after.waves:
            for server in wave.servers:
                name = server.server_id
                if server.launched:
                    assert (name, "LAUNCHED") in said or name in alive, "what is said to be up is up"
                elif server.error is not None and server.error.code == "WAVE_LAUNCH_FAILED":
                    assert (name, "FAILED") in said or name in over, "nobody is given up before its time"

    # --- what happens -----------------------------------------------------------------------------------------------

    def then(self, seconds: int, data: st.DataObject) -> None:
        """Whatever has happened: after a while the operator looks."""
        self.now += timedelta(seconds=seconds)
        self.look(data)

    @rule(data=st.data(), seconds=SOON)
    def nothing_happens(self, data: st.DataObject, seconds: int) -> None:
        self.then(seconds, data)

    @rule(data=st.data(), seconds=st.sampled_from([601, 3600, 15000, 90000]))
    def nothing_happens_for_long(self, data: st.DataObject, seconds: int) -> None:
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def somebody_gives_a_command(self, data: st.DataObject, seconds: int) -> None:
        run = self.run
        values = ["true", *(str(wave.wave_number) for wave in run.waves), *(hold.id for hold in run.holds)]
        types = data.draw(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=2))
        given = [Command(type, self._value(type, data, values), "jane") for type in types]
        after, answers = commands.take(run, given, self.now)
        self.record(after, command=True)
        done = {(answer.type, answer.value) for answer in answers if answer.outcome == "Accepted"}
        again = [command for command in given if (command.type, command.value) in done]
        assert commands.take(after, again, self.now) == (after, []), "a value is honoured once"
        self.then(seconds, data)

    def _value(self, type: str, data: st.DataObject, values: list[str]) -> str:
        if type in ("pause", "cancel"):
            self.tokens += 1
            return f"token-{self.tokens}"
        return data.draw(st.sampled_from(values))

    @precondition(lambda self: self.aws.running())
    @rule(data=st.data(), seconds=SOON)
    def aws_says_something_of_a_server(self, data: st.DataObject, seconds: int) -> None:
        job = data.draw(st.sampled_from(self.aws.running()))
        server = data.draw(st.sampled_from(job.servers))
        job.say(server, data.draw(st.sampled_from(["IN_PROGRESS", "LAUNCHED", "LAUNCHED", "FAILED", "NEVER_SEEN"])))
        self.then(seconds, data)

    @precondition(lambda self: self.aws.running())
    @rule(data=st.data(), seconds=SOON, how=st.sampled_from(["all up", "without a word", "without a trace"]))
    def a_job_ends(self, data: st.DataObject, seconds: int, how: str) -> None:
        job = data.draw(st.sampled_from(self.aws.running()))
        job.ended_at = self.aws.time(self.now)
        for server in job.undecided():
            if how == "all up":
                job.say(server, "LAUNCHED")
            elif how == "without a word":
                job.instances.add(server)
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def a_status_trails_its_job(self, data: st.DataObject, seconds: int) -> None:
        late = [(job, server) for job in self.aws.jobs if job.ended_at for server in job.undecided()]
        if late:
            job, server = data.draw(st.sampled_from(late))
            job.say(server, data.draw(st.sampled_from(["LAUNCHED", "FAILED"])))
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def participants_vanish(self, data: st.DataObject, seconds: int) -> None:
        for job in self.aws.jobs:
            if job.ended_at is not None and data.draw(st.booleans()):
                job.statuses.clear()
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def instances_pass_their_checks(self, data: st.DataObject, seconds: int) -> None:
        up = sorted({server for job in self.aws.jobs for server in job.instances})
        self.aws.healthy |= {server for server in up if data.draw(st.booleans())}
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON, place=st.sampled_from(PLACES))
    def somebody_else_starts_a_job(self, data: st.DataObject, seconds: int, place: Place) -> None:
        servers = [s.server_id for wave in self.run.waves if wave.place == place for s in wave.servers]
        if servers:
            self.aws.foreign(place, [data.draw(st.sampled_from(servers))], self.now)
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON, places=st.sets(st.sampled_from(PLACES)))
    def places_fall_silent(self, data: st.DataObject, seconds: int, places: set[Place]) -> None:
        self.aws.silent = places
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON, places=st.sets(st.sampled_from(PLACES)))
    def places_refuse(self, data: st.DataObject, seconds: int, places: set[Place]) -> None:
        self.aws.denied = places
        self.then(seconds, data)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """AWS answers again and ends every job: then the run ends or asks; answered or cancelled, it ends."""
        self.aws.silent, self.aws.denied = set(), set()
        self._let_it_run()
        for _ in range(ANSWERS if self.patient else 0):
            for hold in self.run.open_holds():
                if hold in self.run.open_holds():  # an answer may have closed another hold of its wave
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
                for server in job.undecided():
                    job.say(server, "LAUNCHED")
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


RunMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestRun = RunMachine.TestCase
