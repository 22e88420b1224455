"""The operator's loop over the real decisions: it decides, records and acts. AWS and the record are simulated.

It remembers nothing but the record and the status. Every write and every call is checked, with what AWS knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import strategies as st

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus
from drs_operator.planning import (
    cleanup,
    commands,
    engine,
    gaps,
    guards,
    holds,
    last_launch,
    launching,
    pinning,
    projection,
    retrying,
    terminating,
)
from drs_operator.planning.facts import Observed, Place, RecoveryPoint
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launching import Refusal, Refused, Unknown
from drs_operator.planning.requests import Command, Evidence
from drs_operator.planning.run import Answer, Run
from drs_operator.planning.terminating import Sight
from tests import builders as b
from tests.unit.planning.aws_rules import check_adopted, check_cleaned, check_evidence, check_termination
from tests.unit.planning.cleanup_rules import OVER, check_cleanup
from tests.unit.planning.run_rules import check_call, check_run, check_servers, check_waves
from tests.unit.planning.simulated_drs import FATES, TERMINATE_FATES, UNTRACEABLE, SimulatedDrs
from tests.unit.planning.simulated_jobs import SimulatedJob
from tests.unit.planning.tally import note

SETTLE, GAP = timedelta(minutes=6), timedelta(hours=1)
OTHER = "dr/other"
"""The run that holds what this one could not get."""
ONE_IN_MANY = st.sampled_from([False] * 9 + [True])


class Died(Exception):
    """The process is gone; the next look is another process's."""


class SimulatedOperator:
    """A run, its status, and what a person outside knows of both."""

    def __init__(self, run: Run, aws: SimulatedDrs) -> None:
        self.run, self.aws = run, aws
        self.status, self._object = DRExecutionStatus(), b.execution()
        self.without_point: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()
        """Servers that another run holds."""
        self.clean_after: int | None = None
        """`terminateDrillInstancesAfterSeconds`, as it is now."""
        self.last_fates: list[str] = []
        """What becomes of terminate calls after all else is over, the last one first."""
        self._data: st.DataObject | None = None
        self._unknown: set[str] = set()
        """Servers of calls that were not answered."""
        self._seen = aws.now
        """When somebody has looked at the run and said so."""
        self._overslept: set[int] = set()
        """Waves that had not begun when nobody looked for long, until a person has."""
        self._show()

    # --- the record -------------------------------------------------------------------------------------------------

    def record(self, after: Run, answers: Iterable[Answer] = ()) -> None:
        """Writes a transition, if it is one that may be, and reads it anew: the operator remembers nothing else."""
        if after == self.run:
            return
        accepted = {answer.type for answer in answers if answer.outcome == "Accepted"}
        check_waves(self.run, after, bool(accepted))
        check_servers(self.run, after)
        check_run(self.run, after)
        check_cleanup(self.run, after, "terminate-instances" in accepted, self.aws.now)
        check_evidence(after, self.aws)
        check_cleaned(self.run, after, self.aws)
        after = after.model_copy(update={"observed_time": self.aws.now})
        if self._data is not None and self._data.draw(ONE_IN_MANY):
            self._die(after)
        self._tell(after)
        self.run = Run.model_validate(after.model_dump(by_alias=True, mode="json"))
        assert self.run == after, "the record loses nothing"
        self._seen = self.aws.now
        self._show()

    def _die(self, after: Run) -> None:
        """The process dies while it writes: servers are written wave by wave, and before the row that counts."""
        assert self._data is not None
        old = {wave.wave_number: wave for wave in self.run.waves}
        # The servers of a new attempt are an item of their own, which the row does not name yet.
        same = [wave for wave in after.waves if wave.attempt == old[wave.wave_number].attempt]
        changed = [wave for wave in same if wave.servers != old[wave.wave_number].servers]
        for wave in changed[: self._data.draw(st.integers(0, len(changed)))]:
            torn = self.run.wave(wave.wave_number).model_copy(update={"servers": wave.servers})
            self.run = self.run.with_wave(torn)
        raise Died

    def _show(self) -> None:
        """The status, which must be a projection: the same whenever it is made anew."""
        old = self.status
        written = self._projected()
        if written == old:
            return
        self.status = DRExecutionStatus.model_validate(written.to_json())
        assert self._projected() == self.status, "projecting twice changes nothing"
        if old.finish_time is not None:
            assert _result(self.status) == _result(old), "what has ended never changes"
        succeeded = find_condition(self.status.conditions, "Succeeded")
        assert succeeded is not None
        assert (succeeded.status == "Unknown") == (self.run.state != "Ended")

    def _projected(self) -> DRExecutionStatus:
        shown = self._object.model_copy(update={"status": self.status})
        return projection.project(self.run, shown, self.aws.now)

    def _tell(self, after: Run) -> None:
        """What the machine has really met."""
        before = self.run
        opened = {hold.reason for hold in after.holds} - {hold.reason for hold in before.holds}
        note(*(f"held: {reason}" for reason in opened))
        if after.cleanup is not None and after.cleanup.phase in OVER:
            note(f"clean-up: {after.cleanup.phase}")
        if after.state == "Ended" and before.state != "Ended":
            note(f"{after.execution_type} {after.verdict}")

    # --- commands ---------------------------------------------------------------------------------------------------

    def take(self, given: list[Command]) -> list[Answer]:
        """Takes commands that were read together."""
        before, now, evidence = self.run, self.aws.now, self._evidence()
        after, answers = commands.take(before, given, evidence, now)
        self._believe(before, after, answers)
        self.record(after, answers)
        done = {(answer.type, answer.value) for answer in answers if answer.outcome == "Accepted"}
        again = [command for command in given if (command.type, command.value) in done]
        assert commands.take(after, again, evidence, now) == (after, []), "a value is honoured once"
        note(*(f"{answer.outcome}: {answer.type}" for answer in answers))
        return answers

    def _evidence(self) -> Evidence:
        seen = self.aws.observe(wave.place for wave in self.run.waves)
        return Evidence(seen.instances, dict.fromkeys(self.held, OTHER), seen.jobs)

    def _believe(self, before: Run, after: Run, answers: list[Answer]) -> None:
        """A person who retries has looked, one who adopts has told: what they say counts."""
        accepted = [answer for answer in answers if answer.outcome == "Accepted"]
        for job in self.aws.jobs:
            if any((answer.type, answer.value) == ("adopt", job.job_id) for answer in accepted):
                check_adopted(after, job, self.aws)
                job.adopted = True
        for wave in after.waves:
            if wave.attempt > before.wave(wave.wave_number).attempt:
                self._unknown -= {server.server_id for server in wave.servers if server.attempt == wave.attempt}
        if any(answer.type in ("resume", "skip", "retry", "adopt") for answer in accepted):
            self._overslept = set()

    # --- one look ---------------------------------------------------------------------------------------------------

    def look(self, data: st.DataObject | None) -> None:
        """One reconcile: decide, record, act. `data` chooses what happens to calls and writes; None: all is well."""
        self._data = data
        try:
            if self.run.state == "Ended":
                self._clean()
            else:
                self._notice()
                self._rounds()
            self._show()
            self._seen = self.aws.now
        except Died:
            note("died while writing")
        finally:
            self._data = None

    def _notice(self) -> None:
        """Nobody has looked for long."""
        if self.run.deciding and self.aws.now - self._seen > GAP:
            waiting = {w.wave_number for w in self.run.waves if w.phase in ("Pending", "Held", "Queued")}
            called = {i.wave_number for i in self.run.intents if i.job_id or i.state == "Calling"}
            self._overslept |= waiting - called
        self.record(gaps.noticed(self.run, self.status.last_observed_time, self.aws.now, GAP))

    def _rounds(self) -> None:
        for _ in range(8):
            before = self.run
            seen = self.aws.observe(wave.place for wave in self.run.waves)
            decision = engine.plan_next_steps(self.run, seen, self.aws.now)
            self._check_decision(decision, seen)
            self.record(decision.run)
            for step in decision.steps:
                match step:
                    case engine.Launch(intent):
                        self._launch(intent)
                    case engine.Resolve(intent):
                        self._resolve(intent)
                    case engine.Finish():
                        end = {"state": "Ended", "finish_time": self.aws.now}
                        self.record(self.run.model_copy(update=end))
            if self.run == before or self.run.state == "Ended":
                return

    def _check_decision(self, decision: engine.Decision, seen: Observed) -> None:
        again = engine.plan_next_steps(decision.run, seen, self.aws.now)
        assert again == decision, "waking twice in the same moment changes nothing"
        decided = decision.run.verdict is not None or decision.run.cancel is not None
        assert not (decided and any(isinstance(step, engine.Launch) for step in decision.steps))
        assert decision.wake_at is None or decision.wake_at > self.aws.now

    def _launch(self, intent: LaunchIntent) -> None:
        current = launching.find(self.run, intent)
        wave, now = self.run.wave(intent.wave_number), self.aws.now
        board = self.aws.board(wave.place)
        if current is None or not launching.may_call(self.run, current) or board is None:
            return
        instances = self.aws.instances(wave.place)
        self.record(retrying.with_found(self.run, wave.wave_number, instances))
        run, points = self.run, {s: self._points(s) for s in current.server_ids}
        guarded = guards.guarded(run, wave.wave_number, current.server_ids, instances, points)
        if guarded.barred:
            barrier = guards.barrier(guarded.barred)
            self.record(holds.opened(run, wave.wave_number, "LiveRecoveryInstance", now, barrier))
            return
        decided = {s.server_id for s in run.wave(wave.wave_number).servers if s.decided}
        to_launch = set(current.server_ids) - guarded.excluded.keys() - guarded.kept.keys() - decided
        if guards.foreign_job(to_launch, board) is not None:
            busy = Refused(Refusal.SERVER_IN_JOB, "SERVER_IN_JOB", "busy")
            self.record(launching.refused(run, current, busy, now))
            return
        excluded = {**guarded.excluded, **{s: guards.conflict(OTHER) for s in to_launch & self.held}}
        run = pinning.keeping(run, wave.wave_number, guarded.kept)
        self.record(launching.call(run, current, "me", now, self.aws.time, {}, excluded))
        calling = launching.find(self.run, intent)
        if calling is None or calling.state != "Calling":
            return
        self._check_call(calling)
        fates = FATES if run.ambiguous_launch_policy == "Reissue" else (*FATES, *[UNTRACEABLE] * 5)
        fate = self._data.draw(st.sampled_from(fates)) if self._data else "started"
        match self.aws.call(wave.place, calling, fate):
            case Refused() as answer:
                self.record(launching.refused(self.run, calling, answer, now))
            case SimulatedJob() as job:
                self.record(launching.started(self.run, calling, job.job_id, "PENDING", job.created_at))
            case Unknown():
                self._unknown |= set(calling.server_ids)

    def _points(self, server: str) -> tuple[RecoveryPoint, ...]:
        return () if server in self.without_point else (b.point(),)

    def _check_call(self, intent: LaunchIntent) -> None:
        run, wave = self.run, self.run.wave(intent.wave_number)
        check_call(run, intent)
        servers = set(intent.server_ids)
        assert not servers & self.held, "no server is launched that another run holds"
        begun = any(i.job_id for i in run.intents_of(intent.wave_number))
        assert begun or wave.wave_number not in self._overslept, "no wave begins before somebody has looked at the run"
        there = [instance for instance in self.aws.there() if instance.server in servers]
        assert not any(instance.job.ours for instance in there), "no instance of this run is launched over"
        replaced = {server.replaces for server in wave.servers} if run.live_recovery_instances == "Replace" else set()
        real = {instance.instance_id for instance in there if not instance.job.is_drill}
        assert real <= (set() if run.is_drill else replaced), "no recovered server is destroyed"
        open_ = {server for job in self.aws.running() if job.ours for server in job.servers}
        assert not servers & open_, "no server is launched while a job of this run works on it"
        assert all(self.aws.launches[server] < wave.attempt for server in servers), "no server is launched twice"
        if run.ambiguous_launch_policy == "Hold":
            assert not self._unknown & servers, "what may have launched is never launched again"

    def _resolve(self, intent: LaunchIntent) -> None:
        run = self.run
        current = launching.find(run, intent)
        board = self.aws.board(run.wave(intent.wave_number).place)
        if current is None or current.state != "Calling" or board is None:
            return
        tagged = board.by_token(b.TOKEN_TAG, current.token)
        servers = self.aws.source_servers(current.server_ids)
        job = tagged or last_launch.job_of(run, current, servers, board)
        after = launching.resolved(run, current, job, board.aws_time, SETTLE, self.aws.now)
        if tagged is None and job is not None:
            note("found by its servers' last launch")
            (found,) = [simulated for simulated in self.aws.jobs if simulated.job_id == job.job_id]
            check_adopted(after, found, self.aws)
            found.adopted = True  # whoever made it: it has replaced ours, if there was one
        self.record(after)

    # --- the clean-up -----------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        self.record(cleanup.scheduled(self.run, self.clean_after))
        self.record(cleanup.begun(self.run, self.aws.now))
        for _ in range(3):
            before = self.run
            if before.cleanup is None or before.cleanup.phase != "Running":
                return
            sights, troubles = self._sights()
            decided = cleanup.decided(before, sights, troubles, SETTLE, self.aws.now)
            again = cleanup.decided(decided, sights, troubles, SETTLE, self.aws.now)
            assert again == decided, "waking twice in the same moment changes nothing"
            self.record(decided)
            for intent in decided.cleanup.intents if decided.cleanup else ():
                if intent.state == "Planned" and (intent.not_before is None or intent.not_before <= self.aws.now):
                    self._terminate(intent)
            if self.run == before:
                return

    def _sights(self) -> tuple[dict[Place, Sight], dict[Place, str]]:
        places = terminating.launched(self.run)
        heard = {place: board for place in places if (board := self.aws.board(place)) is not None}
        sights = {p: Sight(terminating.own(self.run, p, self.aws.instances(p)), heard[p]) for p in heard}
        return sights, {place: "no answer" for place in places if place not in heard}

    def _terminate(self, intent: TerminateIntent) -> None:
        run = self.run
        assert run.cleanup is not None
        current = terminating.find(run.cleanup, intent.shard)
        if current is None or current.state != "Planned" or intent.place in self.aws.silent:
            return
        own = terminating.own(run, intent.place, self.aws.instances(intent.place))
        there = {i.instance_id: i.server_id for i in own if i.state not in terminating.GOING}
        called = terminating.call(run.cleanup, current, there, "me", self.aws.now, self.aws.time)
        self._recorded(called)
        calling = terminating.find(called, intent.shard)
        if calling is None or calling.state != "Calling":
            return
        check_termination(self.run, calling, self.aws)
        if self._data is not None:
            fate = self._data.draw(st.sampled_from(TERMINATE_FATES))
        else:
            fate = self.last_fates.pop() if self.last_fates else "started"
        match self.aws.terminate(intent.place, calling, fate):
            case Refused() as answer:
                self._recorded(terminating.refused(run, called, calling, answer, self.aws.now))
            case SimulatedJob() as job:
                self._recorded(terminating.started(called, calling, job.job_id, "PENDING", job.created_at))
            case Unknown():
                note("a termination is not answered")

    def _recorded(self, cleaned: object) -> None:
        self.record(self.run.model_copy(update={"cleanup": cleaned}))

    # --- for whoever waits for it -----------------------------------------------------------------------------------

    def stands_still(self) -> bool:
        """Nothing changes any more until a person says something."""
        if self.run.state == "Ended" or any(i.state in ("Calling", "Started") for i in self.run.intents):
            return self.run.state == "Ended" and (self.run.cleanup is None or self.run.cleanup.phase in OVER)
        seen = self.aws.observe(wave.place for wave in self.run.waves)
        return engine.plan_next_steps(self.run, seen, self.aws.now) == engine.Decision(self.run, (), None)


def _result(status: DRExecutionStatus) -> DRExecutionStatus:
    """The status without what may change after the end: answers, the clean-up, and Terminated."""
    waves = []
    for wave in status.waves:
        up = {"phase": "up"}
        servers = [
            s.model_copy(update=up) if s.phase in ("Launched", "Ready", "Terminated") else s for s in wave.servers
        ]
        waves.append(wave.model_copy(update={"servers": servers}))
    return status.model_copy(update={"requests": [], "cleanup": None, "waves": waves})
