"""A change wakes those whom it concerns, each once, and nobody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.planning.facts import Inventory
from drs_operator.reconcilers.context import Outcome
from drs_operator.runtime.cache import Cache, Key
from drs_operator.runtime.queue import WorkQueue
from drs_operator.runtime.wakeups import Wakeups
from drs_operator.runtime.workers import Workers
from tests import builders as b
from tests.unit.runtime import raw

GROUPS, PLANS = 60, 20
"""Plan n has the groups 3n, 3n+1 and 3n+2; plan `both` has group 0 and group 3."""


def _group(number: int, version: int = 1, **status: Any) -> dict[str, Any]:
    made = raw.group(f"g{number}", version)
    made["status"] = {"accountId": b.ACCOUNT, "servers": [{"serverId": b.server_id(number)}], **status}
    return made


class Operator:
    """Cache, queue and workers, with reconcilers that only count."""

    def __init__(self) -> None:
        self.cache, self.queue = Cache(), WorkQueue()
        self.wakeups = Wakeups(self.cache, self.queue)
        self.cache.on_change(self.wakeups.changed)
        self.looked = Counter[str]()

    def fill(self) -> None:
        """An account, groups and plans."""
        self.cache.observe(TargetAccount, raw.account(), gone=False)
        for number in range(GROUPS):
            self.cache.observe(ProtectionGroup, _group(number), gone=False)
        for number in range(PLANS):
            groups = tuple(f"g{3 * number + n}" for n in range(3))
            self.cache.observe(RecoveryPlan, raw.plan(f"p{number}", groups), gone=False)
        self.cache.observe(RecoveryPlan, raw.plan("both", ("g0", "g3")), gone=False)

    async def work(self) -> dict[str, int]:
        """Works until the queue is empty; who was looked at, and how often."""
        self.looked.clear()
        last = asyncio.Event()

        async def look(resource: Resource) -> Outcome:
            self.looked[resource.metadata.name] += 1
            if resource.metadata.name == "end":
                last.set()
            return Outcome()

        kinds = (TargetAccount, ProtectionGroup, RecoveryPlan, DRExecution)
        workers = asyncio.create_task(Workers(self.cache, self.queue, dict.fromkeys(kinds, look)).run())
        end = Key(DRExecution, "dr", "end")
        self.cache.observe(DRExecution, raw.execution("end", of="none"), gone=False)
        self.queue.add(end)
        await last.wait()  # the queue is first in, first out: what was before it is done by now
        workers.cancel()
        await asyncio.gather(workers, return_exceptions=True)
        self.cache.observe(DRExecution, raw.execution("end", of="none"), gone=True)
        return {name: count for name, count in self.looked.items() if name != "end"}


def _woken_by(change: Callable[[Operator], None]) -> dict[str, int]:
    async def play() -> dict[str, int]:
        operator = Operator()
        operator.fill()
        await operator.work()
        change(operator)
        return await operator.work()

    return asyncio.run(play())


def test_a_change_of_a_group_wakes_it_and_the_plans_that_use_it() -> None:
    def change(operator: Operator) -> None:
        operator.cache.observe(ProtectionGroup, _group(3, version=2, healthyCount=1), gone=False)

    assert _woken_by(change) == {"g3": 1, "p1": 1, "both": 1}


def test_a_change_of_a_plan_wakes_the_groups_that_it_has_won_or_lost() -> None:
    def change(operator: Operator) -> None:
        operator.cache.observe(RecoveryPlan, raw.plan("p1", ("g3", "g4", "g59"), version=2), gone=False)

    assert _woken_by(change) == {"p1": 1, "g5": 1, "g59": 1}


def test_a_status_written_for_a_plan_wakes_that_plan_alone() -> None:
    def change(operator: Operator) -> None:
        written = raw.plan("p1", ("g3", "g4", "g5"), version=2)
        written["status"] = {"totalServers": 3}
        operator.cache.observe(RecoveryPlan, written, gone=False)

    assert _woken_by(change) == {"p1": 1}


def test_a_run_wakes_plans_that_share_servers_when_it_takes_them_and_not_while_it_goes_on() -> None:
    def execution(version: int, phase: str) -> dict[str, Any]:
        made = raw.execution("drill", of="p1", version=version)
        servers = [{"serverId": b.server_id(number), "phase": phase} for number in (3, 4, 5)]
        waves = [{"waveNumber": 1, "phase": "Launching", "servers": servers}]
        made["status"] = {"phase": "Running", "waves": waves}
        return made

    def begins(operator: Operator) -> None:
        operator.cache.observe(DRExecution, execution(1, "Pending"), gone=False)

    assert _woken_by(begins) == {"drill": 1, "p1": 1, "both": 1, "g3": 1, "g4": 1, "g5": 1}

    async def play() -> dict[str, int]:
        operator = Operator()
        operator.fill()
        begins(operator)
        await operator.work()
        operator.cache.observe(DRExecution, execution(2, "Launching"), gone=False)
        return await operator.work()

    assert asyncio.run(play()) == {"drill": 1}


def test_an_inventory_wakes_the_groups_of_its_place_and_plans_only_for_jobs() -> None:
    def seen(**changes: Any) -> Inventory:
        return b.inventory(*(b.source_server(n, **(changes if n == 3 else {})) for n in range(GROUPS)))

    groups = {f"g{number}": 1 for number in range(GROUPS)}
    assert _woken_by(lambda operator: operator.wakeups.refreshed(seen())) == groups

    def job_begins(operator: Operator) -> None:
        operator.wakeups.refreshed(seen())
        operator.wakeups.refreshed(seen(active_job_id=b.job_id(9)))

    assert _woken_by(job_begins) == {**groups, "p1": 1, "both": 1}

    async def job_goes_on() -> dict[str, int]:
        operator = Operator()
        operator.fill()
        operator.wakeups.refreshed(seen(active_job_id=b.job_id(9)))
        await operator.work()
        operator.wakeups.refreshed(seen(active_job_id=b.job_id(9)))
        return await operator.work()

    assert asyncio.run(job_goes_on()) == groups
