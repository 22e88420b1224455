"""Several runs and the quotas of one account and Region: nobody goes beyond them, nobody overtakes, nobody fails."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, RecoveryPlan
from drs_operator.planning.facts import Jobs
from drs_operator.planning.intents import Cleanup, TerminateIntent
from drs_operator.planning.launching import Refusal, Refused
from drs_operator.planning.quota import Reserve
from drs_operator.reconcilers import execution
from drs_operator.reconcilers.queueing import admit_termination
from drs_operator.reconcilers.session import Session
from tests import builders as b
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World

JOBS, SERVERS = "ConcurrentJobsLimitExceeded", "ServersInJobsLimitExceeded"


def estate(sizes: dict[str, int], jobs: int = 20, servers: int = 500, reserve: Reserve | None = None) -> World:
    """A plan of one wave for each name, with so many servers."""
    world = World()
    world.reserve = reserve or Reserve(0, 0)
    world.start_operator()
    world.cloud.quotas |= {"jobsInProgress": jobs, "serversInAllJobs": servers}
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.account("production")
    for name, size in sizes.items():
        for number in range(size):
            world.cloud.server(PLACE, server(name, number), Estate=name)
        world.group(name, Estate=name)
        world.plan(name, name)
    world.wait(1)
    return world


def server(name: str, number: int) -> str:
    return f"s-{name:0>13}{number:04d}"


def run(world: World, name: str, **fields: Any) -> None:
    """Runs the plan of an estate; no other run is as old."""
    world.execute(name, recoveryPlanRef={"name": name}, **fields)
    world.clock.advance(0.1)
    world.wait(0.1)


def launched(world: World) -> list[str]:
    """The names of the estates in the order of their launches."""
    return [re.sub(r"^s-0*", "", servers[0])[:-4] for _, servers in world.cloud.launches()]


def waits(world: World, name: str) -> str | None:
    return world.seen(name).status.waiting_for


def assert_all_completed(world: World, names: Iterable[str]) -> None:
    names = list(names)
    world.until(lambda: all(world.finished(name) for name in names))
    assert {name: world.phase(name) for name in names} == dict.fromkeys(names, "Completed")
    assert sorted(launched(world)) == sorted(set(launched(world))), "each once"
    assert world.cloud.over_quota == [], "AWS never had to refuse"


def test_drills_wait_for_their_turn_leave_a_reserve_and_a_recovery_goes_at_once() -> None:
    drills = [f"d{number:02}" for number in range(1, 26)]
    world = estate(dict.fromkeys([*drills, "rec"], 1), jobs=8, reserve=Reserve(jobs=3, servers=10))
    for name in drills:
        run(world, name)
    world.wait(5)
    assert world.cloud.usage(PLACE) == (5, 5), "three jobs are left free"
    assert launched(world) == drills[:5], "who came first goes first"
    assert waits(world, "d06") == f"quota: 1st in us-east-1 ({JOBS})"
    assert waits(world, "d08") == f"quota: 3rd in us-east-1 ({JOBS})"
    assert waits(world, "d25") == f"quota: 20th in us-east-1 ({JOBS})"
    (wave,) = world.seen("d08").status.waves
    assert (wave.phase, wave.jobs[0].state) == ("Queued", "Planned")
    run(world, "rec", executionType="RECOVERY")
    world.wait(2)
    assert launched(world)[5:] == ["rec"], "what drills left is there for it"
    assert_all_completed(world, [*drills, "rec"])
    order = [name for name in launched(world) if name != "rec"]
    assert [sorted(order[n : n + 5]) for n in range(0, 25, 5)] == [drills[n : n + 5] for n in range(0, 25, 5)]


def test_time_in_line_is_counted_as_queued() -> None:
    world = estate({"d1": 1, "d2": 1}, jobs=1)
    run(world, "d1")
    run(world, "d2")
    assert_all_completed(world, ["d1", "d2"])
    first, second = (world.cluster.status(DRExecution, NAMESPACE, name)["durations"] for name in ("d1", "d2"))
    assert first["queuedSeconds"] == 0
    assert second["queuedSeconds"] >= 75, "a job of 60 s, ended after 20 s more"
    assert second["totalSeconds"] == second["queuedSeconds"] + second["activeSeconds"]


def test_small_runs_do_not_starve_a_large_one() -> None:
    small = [f"a{number}" for number in range(1, 5)]
    late = [f"z{number}" for number in range(1, 9)]
    world = estate({**dict.fromkeys([*small, *late], 2), "large": 9}, servers=10)
    for name in small:
        run(world, name)
    world.wait(2)
    run(world, "large")
    world.wait(2)
    for name in late:
        run(world, name)
        world.wait(5)
    assert launched(world) == small, "there is room for a small one, and it is not its turn"
    assert waits(world, "large") == f"quota: 1st in us-east-1 ({SERVERS})"
    assert waits(world, "z1") == f"quota: 2nd in us-east-1 ({SERVERS})"
    assert_all_completed(world, [*small, "large", *late])
    order = launched(world)
    assert order[:5] == [*small, "large"]
    assert (sorted(order[5:10]), sorted(order[10:])) == (late[:5], late[5:])


def test_recovery_before_drill_then_priority_then_age() -> None:
    world = estate(dict.fromkeys(["first", "drill", "old", "new", "vital"], 1), jobs=1)
    world.cluster.edit(RecoveryPlan, NAMESPACE, "vital", priority=900)
    run(world, "first")
    for name in ("drill", "old", "new", "vital"):
        world.wait(2)
        run(world, name, executionType="DRILL" if name == "drill" else "RECOVERY")
    assert_all_completed(world, ["first", "drill", "old", "new", "vital"])
    assert launched(world) == ["first", "vital", "old", "new", "drill"]


def test_jobs_of_others_are_counted() -> None:
    world = estate({"mine": 1, "theirs": 3}, jobs=2, servers=3)
    world.cloud.foreign_job(PLACE, [server("theirs", n) for n in range(3)], timedelta(hours=2))
    world.clock.advance(3000)  # longer ago than a lost launch is looked for
    run(world, "mine")
    world.wait(600)
    assert launched(world) == []
    assert waits(world, "mine") == f"quota: 1st in us-east-1 ({SERVERS})"
    assert world.phase("mine") == "Running"
    assert_all_completed(world, ["mine"])


def test_a_split_wave_goes_job_by_job_and_says_how_far_it_is() -> None:
    world = estate({"huge": 250, "mine": 1}, servers=240)
    run(world, "huge", executionType="RECOVERY")
    run(world, "mine", executionType="RECOVERY")
    world.wait(5)
    assert world.cloud.usage(PLACE) == (2, 200)
    assert (waits(world, "huge") or "").endswith(f"; quota: 1st in us-east-1 ({SERVERS})")
    assert waits(world, "mine") == f"quota: 2nd in us-east-1 ({SERVERS})"
    world.until(lambda: world.finished("huge") and world.finished("mine"))
    assert [len(servers) for _, servers in world.cloud.launches()] == [100, 100, 50, 1]
    assert world.cloud.over_quota == []


def test_a_drill_too_large_for_what_the_reserve_leaves_goes_in_smaller_jobs() -> None:
    world = estate({"big": 10}, servers=20, reserve=Reserve(jobs=5, servers=17))
    run(world, "big")
    world.until(lambda: world.finished("big"))
    assert world.phase("big") == "Completed"
    assert [len(servers) for _, servers in world.cloud.launches()] == [2, 3, 2, 3]


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_a_run_that_is_held_or_cancelled_keeps_nobody_waiting(command: str) -> None:
    world = estate({"a": 2, "large": 9, "small": 2}, servers=10)
    world.plan("two", "large", "small")
    world.cloud.launch_takes = timedelta(hours=1)
    run(world, "a")
    world.wait(2)
    world.execute("large", recoveryPlanRef={"name": "two"})
    world.wait(2)
    world.group("other", Estate="other")
    world.cloud.server(PLACE, server("other", 0), Estate="other")
    world.plan("other", "other")
    world.wait(61)
    run(world, "other")
    world.wait(5)
    assert waits(world, "other") == f"quota: 2nd in us-east-1 ({SERVERS})"
    world.command(command, "token", "large")
    world.wait(20)
    assert launched(world) == ["a", "other"]


def test_the_next_in_line_is_called_when_a_run_gives_up() -> None:
    world = estate({"a": 2, "large": 9, "small": 1}, servers=10)
    world.cloud.launch_takes = timedelta(hours=1)
    for name in ("a", "large", "small"):
        run(world, name)
        world.wait(2)
    assert waits(world, "small") == f"quota: 2nd in us-east-1 ({SERVERS})"
    world.command("cancel", "token", "large")
    before = world.clock.now()
    world.until(lambda: launched(world) == ["a", "small"])
    assert world.woken == ["small"]
    assert world.clock.now() == before, "at once, not when it polls"


def test_an_object_that_is_gone_by_force_keeps_nobody_waiting() -> None:
    world = estate({"a": 2, "large": 9, "small": 1}, servers=10)
    world.cloud.launch_takes = timedelta(hours=1)
    for name in ("a", "large", "small"):
        run(world, name)
        world.wait(2)
    world.cluster.delete(DRExecution, NAMESPACE, "large", force=True)
    world.until(lambda: launched(world) == ["a", "small"], hours=0.05)


def test_a_quota_that_aws_knows_better_queues_and_fails_nobody() -> None:
    world = estate({"a": 5, "b": 1})
    world.cloud.answers += [Refused(Refusal.SERVERS_QUOTA, "ServiceQuotaExceededException", "500 servers")] * 3
    run(world, "a")
    world.wait(2)
    assert waits(world, "a") == f"quota: 1st in us-east-1 ({SERVERS})"
    run(world, "b")
    world.wait(10)
    assert launched(world) == [], "nobody overtakes who was refused"
    assert_all_completed(world, ["a", "b"])
    assert launched(world) == ["a", "b"]


def test_a_new_leader_goes_on_with_the_line_as_it_was() -> None:
    world = estate({"a": 2, "large": 9, "small": 1}, servers=10)
    for name in ("a", "large", "small"):
        run(world, name)
        world.wait(2)
    world.start_operator()
    world.wait(5)
    assert launched(world) == ["a"]
    assert waits(world, "small") == f"quota: 2nd in us-east-1 ({SERVERS})"
    assert_all_completed(world, ["a", "large", "small"])
    assert launched(world) == ["a", "large", "small"]


def test_who_stands_still_in_line_writes_nothing_but_the_sign_of_life() -> None:
    world = estate({"a": 1, "b": 1, "c": 1}, jobs=1)
    world.cloud.launch_takes = timedelta(hours=3)
    for name in ("a", "b", "c"):
        run(world, name)
    world.wait(120)
    row = world.run_of("c").version
    done = len(world.effects.done)
    world.wait(600, DRExecution)
    written = world.effects.done[done:]
    assert set(written) == {"write status"}
    assert len(written) <= 3 * 11, "three runs, once a minute each"
    assert world.run_of("c").version == row


def test_the_last_word_is_said_right_before_the_call() -> None:
    world = estate({"mine": 1}, jobs=1)

    def somebody_is_quicker() -> None:
        now = world.clock.now()
        world.cloud.foreign_job(PLACE, [server("theirs", 0)], timedelta(minutes=5))
        board = Jobs(PLACE, (b.job(1, [server("theirs", 0)]),), now, now - timedelta(days=2))
        world.context.quota.look(board, now)  # as another run has read it meanwhile

    world.execute("mine", recoveryPlanRef={"name": "mine"})
    world.effects.meanwhile["recovery instances"] = somebody_is_quicker
    world.wait(0)
    assert launched(world) == []
    assert waits(world, "mine") == f"quota: 1st in us-east-1 ({JOBS})"
    assert_all_completed(world, ["mine"])


def test_a_termination_goes_last_and_counts_as_a_job() -> None:
    world = estate({"done": 1, "a": 1, "b": 1, "c": 1}, jobs=1)
    run(world, "done")
    world.until(lambda: world.finished("done"))
    intent = TerminateIntent(
        shard=1,
        token="termination",
        account_name="production",
        account_id=ACCOUNT_ID,
        region="us-east-1",
        instance_ids=("i-0001-000",),
    )
    cleanup = Cleanup(phase="Running", intents=(intent,))
    session = Session(world.context, world.seen("done"), world.run_of("done").model_copy(update={"cleanup": cleanup}))

    def admitted() -> Refusal | None:
        return asyncio.run(admit_termination(session, intent))

    run(world, "a")
    world.wait(2)
    assert admitted() == Refusal.JOBS_QUOTA
    run(world, "b")  # younger than the termination, and before it all the same
    world.wait(2)
    assert waits(world, "b") == f"quota: 1st in us-east-1 ({JOBS})"
    world.until(lambda: world.finished("a") and world.finished("b"))
    assert admitted() is None
    run(world, "c")
    world.wait(2)
    assert waits(world, "c") == f"quota: 1st in us-east-1 ({JOBS})", "the termination has the only job"


class _Slow:
    """A port whose every answer takes a turn of the event loop, so that runs get into each other's way."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def slow(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            answer = await found(*args, **kwargs)
            await asyncio.sleep(0)
            return answer

        return slow


def test_runs_that_are_looked_at_at_once_do_not_share_the_last_slot() -> None:
    names = [f"d{number}" for number in range(1, 9)]
    world = estate(dict.fromkeys(names, 1), jobs=3)
    for name in names:
        run(world, name)
    at_once = replace(
        world.context, cloud=_Slow(world.cloud), ledger=_Slow(world.context.ledger), cluster=_Slow(world.cluster)
    )

    async def look() -> None:
        world.objects.catch_up()
        await asyncio.gather(*(execution.reconcile(at_once, world.seen(name)) for name in names))

    for _ in range(4):
        asyncio.run(look())
    assert len(launched(world)) == 3
    assert world.cloud.over_quota == []
