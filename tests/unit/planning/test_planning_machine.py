"""A run under everything that can happen to it: random waves, outcomes, commands, lost answers, wake-ups at any time.

What must hold is checked on every write of the record, on every call, and at the end; then its drill is cleaned up.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from drs_operator.planning import adopting, commands, engine
from drs_operator.planning.ending import DRAIN_LIMIT
from drs_operator.planning.facts import Place
from drs_operator.planning.requests import Command
from drs_operator.planning.run import Answer, Hold, Run
from tests.unit.planning.aws_rules import own_instances
from tests.unit.planning.cleanup_rules import OVER
from tests.unit.planning.random_runs import PLACES, runs
from tests.unit.planning.simulated_drs import TERMINATE_FATES, SimulatedDrs
from tests.unit.planning.simulated_jobs import SimulatedInstance, SimulatedJob
from tests.unit.planning.simulated_operator import SimulatedOperator
from tests.unit.planning.tally import MET

SERVERS_PER_JOB = 2
"""So small that waves of three servers are split into two jobs."""
COMMANDS = (*commands.ORDER, *("pause", "resume", "skip", "retry", "adopt") * 3)
"""Cancel is rare, or no run would come far."""
AT_THE_END = ("terminate-instances", *commands.ORDER)
ANSWERS = 30
"""How often a person may have to answer in the end: each hold of each wave once, and then again."""
SOON = st.sampled_from([0, 1, 15, 15, 60, 301, 400])
TO_BE_MET = (
    *("Accepted: retry", "Accepted: adopt", "Accepted: skip", "Accepted: resume", "Accepted: terminate-instances"),
    *("held: ObservationGap", "held: LaunchOutcomeUnknown", "held: WaveFailed", "held: LiveRecoveryInstance"),
    *("DRILL Completed", "DRILL Cancelled", "RECOVERY CompletedWithExceptions", "found by its servers' last launch"),
    *("clean-up: Completed", "clean-up: CompletedWithExceptions", "a termination is not answered"),
    "died while writing",
)
"""Without these the machine would say nothing of what was built for them."""
EXAMPLES, BATCHES = 40, range(3, 11)
"""Of random runs: at least three batches, and more until all of it was met."""


class RunMachine(RuleBasedStateMachine):
    """What happens around a run, and a person who answers it."""

    @initialize(run=runs(), data=st.data(), skew=st.integers(-120, 120), patient=st.booleans())
    def start(self, run: Run, data: st.DataObject, skew: int, patient: bool) -> None:
        self.split = engine.SERVERS_PER_JOB
        engine.SERVERS_PER_JOB = SERVERS_PER_JOB
        servers = [server.server_id for wave in run.waves for server in wave.servers]
        few = st.frozensets(st.sampled_from(servers), max_size=2) if servers else st.just(frozenset[str]())
        self.aws = SimulatedDrs(timedelta(seconds=skew), run.is_drill)
        self.aws.invalid, self.aws.names_invalid = data.draw(few), data.draw(st.booleans())
        self.aws.names_instances, self.aws.forgets = data.draw(st.booleans()), data.draw(st.booleans())
        self.aws.protected, self.aws.stubborn = data.draw(few), data.draw(few)
        self.operator = SimulatedOperator(self._beside_elders(run, data.draw(few)), self.aws)
        self.operator.without_point, self.operator.held = data.draw(few), data.draw(few)
        self.operator.last_fates = data.draw(st.lists(st.sampled_from(TERMINATE_FATES), max_size=4))
        self.patient = patient
        """Whether a person answers every hold in the end, or cancels."""
        self.tokens = 0

    def _beside_elders(self, run: Run, servers: frozenset[str]) -> Run:
        """Some servers run as a real recovery of before; a run that may replace has been told of them."""
        for wave in run.waves:
            for server in wave.servers:
                if server.server_id in servers:
                    self.aws.foreign(wave.place, [server.server_id], False, "tags")
                    elder = self.aws.jobs[-1]
                    elder.say(server.server_id, "LAUNCHED")
                    self.aws.end(elder)
        there = {instance.server: instance.instance_id for instance in self.aws.there()}
        for wave in run.waves if run.live_recovery_instances == "Replace" else ():
            run = run.with_servers(
                wave.wave_number, lambda s: s.model_copy(update={"replaces": there.get(s.server_id)})
            )
        return run

    def teardown(self) -> None:
        if hasattr(self, "operator"):
            try:
                self._end()
                self._clean_up()
            finally:
                engine.SERVERS_PER_JOB = self.split

    def then(self, seconds: int, data: st.DataObject) -> None:
        """Whatever has happened: after a while the operator looks."""
        self.aws.now += timedelta(seconds=seconds)
        self.operator.look(data)

    @property
    def run(self) -> Run:
        """The run as it is recorded."""
        return self.operator.run

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(data=st.data(), seconds=SOON)
    def nothing_happens(self, data: st.DataObject, seconds: int) -> None:
        self.then(seconds, data)

    @rule(data=st.data(), seconds=st.sampled_from([601, 3600, 15000, 90000]))
    def nothing_happens_for_long(self, data: st.DataObject, seconds: int) -> None:
        self.then(seconds, data)

    @precondition(lambda self: self.run.state != "Ended" and not self.aws.silent)
    @rule(data=st.data(), seconds=SOON, soon=st.sampled_from([False, False, True]))
    def all_goes_well(self, data: st.DataObject, seconds: int, soon: bool) -> None:
        if soon:
            self._let_it_run()
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def somebody_gives_a_command(self, data: st.DataObject, seconds: int) -> None:
        offered = AT_THE_END if self.run.state == "Ended" else COMMANDS
        types = data.draw(st.lists(st.sampled_from(offered), min_size=1, max_size=2))
        given = [Command(type, self._value(type, data), "jane") for type in types]
        if self.aws.silent:  # what they need cannot be read: they wait on the object
            given = [command for command in given if command.type not in ("retry", "adopt")]
        self.operator.take(given)
        self.then(seconds, data)

    @precondition(lambda self: self.run.open_holds() and not self.aws.silent)
    @rule(data=st.data(), seconds=SOON)
    def somebody_answers_a_hold(self, data: st.DataObject, seconds: int) -> None:
        hold = data.draw(st.sampled_from(self.run.open_holds()))
        others = [("skip", hold.id)]
        if hold.reason == adopting.REASON:
            others = [("adopt", job.job_id) for job in self.aws.jobs] or others
        self.operator.take([Command(*data.draw(st.sampled_from([self._way_on(hold), *others])), "jane")])
        self.then(seconds, data)

    @precondition(lambda self: self.run.state == "Ended" and bool(own_instances(self.run, self.aws)))
    @rule(data=st.data(), seconds=SOON)
    def somebody_asks_for_the_clean_up(self, data: st.DataObject, seconds: int) -> None:
        self.tokens += 1
        self.operator.take([Command("terminate-instances", f"token-{self.tokens}", "jane")])
        self.then(seconds, data)

    def _value(self, type: str, data: st.DataObject) -> str:
        hidden = [job.job_id for job in self.aws.jobs if job.trace == "none"]
        jobs = hidden or [job.job_id for job in self.aws.jobs]
        if type == "adopt" and jobs:
            return data.draw(st.sampled_from(jobs))
        if type in ("pause", "cancel", "terminate-instances"):
            self.tokens += 1
            return f"token-{self.tokens}"
        numbers = [str(wave.wave_number) for wave in self.run.waves]
        return data.draw(st.sampled_from(["true", *numbers, *(hold.id for hold in self.run.holds)]))

    def _too_late(self, job: SimulatedJob) -> bool:
        """A day after the verdict the run does not wait any more, and AWS launches nothing any more."""
        return self.run.state == "Ended" and job.ours

    @precondition(lambda self: self.aws.launching())
    @rule(data=st.data(), seconds=SOON)
    def aws_says_something_of_a_server(self, data: st.DataObject, seconds: int) -> None:
        job = data.draw(st.sampled_from(self.aws.launching()))
        server = data.draw(st.sampled_from(job.servers))
        words = ["IN_PROGRESS", "LAUNCHED", "LAUNCHED", "FAILED", "NEVER_SEEN"]
        job.say(server, "FAILED" if self._too_late(job) else data.draw(st.sampled_from(words)))
        self.then(seconds, data)

    @precondition(lambda self: self.aws.running())
    @rule(data=st.data(), seconds=SOON, how=st.sampled_from(["all up", "without a word", "without a trace"]))
    def a_job_ends(self, data: st.DataObject, seconds: int, how: str) -> None:
        job = data.draw(st.sampled_from(self.aws.running()))
        self.aws.end(job)
        for server in [] if self._too_late(job) else job.undecided():
            if how == "all up":
                job.say(server, "LAUNCHED")
            elif how == "without a word":
                job.launch(server)
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def a_status_trails_its_job(self, data: st.DataObject, seconds: int) -> None:
        ended = [job for job in self.aws.jobs if job.ended_at and job.launches]
        late = [(job, server) for job in ended for server in job.undecided() if self.aws.newest(server) is job]
        if late:
            job, server = data.draw(st.sampled_from(late))
            job.say(server, "FAILED" if self._too_late(job) else data.draw(st.sampled_from(["LAUNCHED", "FAILED"])))
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def participants_vanish(self, data: st.DataObject, seconds: int) -> None:
        for job in self.aws.jobs:
            if job.ended_at is not None and job.trace == "tags" and data.draw(st.booleans()):
                job.statuses.clear()
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def instances_pass_their_checks(self, data: st.DataObject, seconds: int) -> None:
        self.aws.healthy |= {i.instance_id for i in self.aws.there() if data.draw(st.booleans())}
        self.then(seconds, data)

    @precondition(lambda self: self.aws.there())
    @rule(data=st.data(), seconds=SOON, state=st.sampled_from(["SHUTTING-DOWN", "TERMINATED"]))
    def somebody_terminates_an_instance(self, data: st.DataObject, seconds: int, state: str) -> None:
        data.draw(st.sampled_from(self.aws.there())).state = state
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON, place=st.sampled_from(PLACES), drill=st.booleans(), shown=st.booleans())
    def somebody_else_starts_a_job(
        self, data: st.DataObject, seconds: int, place: Place, drill: bool, shown: bool
    ) -> None:
        servers = [s.server_id for wave in self.run.waves if wave.place == place for s in wave.servers]
        if servers:
            self.aws.foreign(place, [data.draw(st.sampled_from(servers))], drill, "tags" if shown else "none")
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON)
    def another_run_ends(self, data: st.DataObject, seconds: int) -> None:
        self.operator.held = frozenset()
        self.then(seconds, data)

    @rule(data=st.data(), seconds=SOON, after=st.sampled_from([None, 0, 600, 100000]))
    def somebody_edits_when_to_clean_up(self, data: st.DataObject, seconds: int, after: int | None) -> None:
        self.operator.clean_after = after
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
        self.aws.silent, self.aws.denied, self.operator.held = set(), set(), frozenset()
        self._let_it_run()
        for _ in range(ANSWERS if self.patient else 0):
            for hold in self.run.open_holds():
                if hold in self.run.open_holds():  # an answer may have closed another hold of its wave
                    self._say(*self._way_on(hold))
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

    def _way_on(self, hold: Hold) -> tuple[str, str]:
        """A failed wave has one more chance; a launch that nobody else can find is told."""
        assert hold.wave_number is not None
        if hold.reason == "WaveFailed" and self.run.wave(hold.wave_number).attempt == 1:
            return "retry", hold.id
        calls = [i for i in self.run.intents_of(hold.wave_number) if i.state == "Calling"]
        lost = [job.job_id for job in self.aws.jobs for call in calls if job.token == call.token and not job.adopted]
        if hold.reason == adopting.REASON and lost:
            return "adopt", lost[0]
        return "resume" if hold.reason in ("PauseBeforeWave", "Requested", "ObservationGap") else "skip", hold.id

    def _say(self, type: str, value: str) -> Answer:
        (answer,) = self.operator.take([Command(type, value, "jane")])
        assert answer.outcome == "Accepted", f"{type}={value}: {answer.code}: {answer.message}"
        return answer

    def _let_it_run(self) -> None:
        for seconds in (*[61] * 10, *[1801] * 60):  # longer than four waves that time out one after the other
            for job in self.aws.running():
                self.aws.end(job)
                for server in [] if self._too_late(job) else job.undecided():
                    job.say(server, "LAUNCHED")
            self.operator.look(None)
            if self.run.state == "Ended" or self.operator.stands_still():
                return
            self.aws.now += timedelta(seconds=seconds)

    def _check_launches(self, run: Run) -> None:
        assert run.finish_time is not None
        assert run.verdict_time is not None
        attempts = {server.server_id: wave.attempt for wave in run.waves for server in wave.servers}
        assert all(count <= attempts[server] for server, count in self.aws.launches.items()), "one launch an attempt"
        known = [intent.job_id for intent in run.intents if intent.job_id]
        assert len(known) == len(set(known)), "no job was taken twice"
        ours = {job.job_id for job in self.aws.jobs if job.ours}
        assert set(known) <= ours, "no job was taken that is not ours"
        if run.finish_time - run.verdict_time < DRAIN_LIMIT:
            lost = [job for job in self.aws.jobs if job.ours and job.job_id not in known]
            left = [job.job_id for job in lost if any(self.aws.newest(server) is job for server in job.servers)]
            assert not left, "no launch was lost, unless all of it was replaced"

    # --- and after it -----------------------------------------------------------------------------------------------

    def _clean_up(self) -> None:
        """Whatever became of the clean-up until now: asked for, it ends when AWS does, and leaves what others have."""
        begun = self.run.cleanup is not None and self.run.cleanup.phase != "Scheduled"
        others = self._others()
        (answer,) = self.operator.take([Command("terminate-instances", "the end", "jane")])
        assert (answer.outcome == "Accepted") == self.run.is_drill, "what a recovery launched may serve users"
        for seconds in (*[61] * 10, *[601] * 20):
            for job in self.aws.running():
                self.aws.end(job)
            self.aws.shut_down()
            self.operator.look(None)
            if self.operator.stands_still():
                break
            self.aws.now += timedelta(seconds=seconds)
        cleaned = self.run.cleanup
        assert all(instance.there for instance in others), "what is not of this run stays"
        if cleaned is None:
            assert not begun
            assert not (self.run.is_drill and own_instances(self.run, self.aws)), "it leaves nothing"
            return
        assert cleaned.phase in OVER, "a clean-up ends when AWS does"
        obstinate = self.aws.protected | self.aws.stubborn
        left = {i.server for i in self.aws.there() if i.instance_id in own_instances(self.run, self.aws)}
        assert left <= obstinate, "what can be terminated is"
        assert (cleaned.phase == "Completed") == (not left), f"{cleaned.phase}: {cleaned.message}; left: {left}"

    def _others(self) -> list[SimulatedInstance]:
        own = own_instances(self.run, self.aws)
        return [instance for instance in self.aws.there() if instance.instance_id not in own]


def test_the_run() -> None:
    MET.clear()
    chosen = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
    for batch in range(1, BATCHES.stop):
        run_state_machine_as_test(RunMachine, settings=chosen)
        missing = [what for what in TO_BE_MET if not MET[what]]
        if batch >= BATCHES.start and not missing:
            return
    raise AssertionError(f"never met in {BATCHES[-1] * EXAMPLES} runs: {missing}")
