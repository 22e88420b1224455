"""The ledger that a cluster knows against the one that is there, and who leads meanwhile: on a real DynamoDB."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from drs_operator.kube.lease import Lease
from drs_operator.kube.ledger_memory import LedgerMemory
from drs_operator.ledger import installation
from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import HISTORY, LEDGER, TABLES, TablesMissing
from drs_operator.planning.leadership import Leader, Wish
from drs_operator.ports import Fenced, ReadFailed
from drs_operator.runtime.gate import LedgerGate
from drs_operator.runtime.leadership import Leadership
from tests.contract.ledger.setting import QUICK, Setting
from tests.fakes.leases import FakeLeases

NAME = "prod"
META = {"pk": "META"}
ROW = {"pk": f"INSTALLATION#{NAME}"}


class Cluster:
    """A cluster's memory, which outlives its operators."""

    def __init__(self, setting: Setting, name: str = "cluster-a") -> None:
        self.name = name
        self.leases = FakeLeases()
        self.memory = LedgerMemory(Lease(self.leases, "drs-system", "drs-operator-prod"))
        self._setting = setting

    def operator(self, process: str = "pod-1", store: Store | None = None) -> Operator:
        """A new process."""
        return Operator(self, process, store or self._setting.store())


class Operator:
    """The part of a process that knows who leads."""

    def __init__(self, cluster: Cluster, process: str, store: Store) -> None:
        self.gate = LedgerGate(store, cluster.memory, NAME)
        self.told: list[str | None] = []
        self.gate.on_change(lambda: self.told.append(self.code()))
        self.leadership = Leadership(store, self.gate, NAME, cluster.name, process, 0.05)

    def code(self) -> str | None:
        """What stands against claims and launches."""
        problem = self.gate.problem()
        return problem.code if problem else None


async def until_fenced(operator: Operator, leader: Leader) -> str:
    """Keeps leading until another one does; returns why that was."""
    with pytest.raises(Fenced) as fenced:
        await asyncio.wait_for(operator.leadership.keep(leader), 30)
    return str(fenced.value)


async def _looks(count: int, setting: Setting) -> None:
    wanted = setting.writes("DescribeTable") + count * len(TABLES)
    async with asyncio.timeout(30):
        while setting.writes("DescribeTable") < wanted:  # noqa: ASYNC110 - the calls are counted in another process
            await asyncio.sleep(0.05)


class Keeping:
    """An operator that leads in the background."""

    def __init__(self, operator: Operator, leader: Leader) -> None:
        self._operator = operator
        self._task = asyncio.ensure_future(operator.leadership.keep(leader))

    async def until(self, code: str | None) -> None:
        """Waits for what the gate says."""
        async with asyncio.timeout(30):
            while self._operator.code() != code:
                assert not self._task.done(), self._task
                await asyncio.sleep(0.01)

    async def looks(self, count: int, setting: Setting) -> None:
        """Waits for so many more looks at the ledger."""
        await _looks(count, setting)
        assert not self._task.done(), self._task

    async def stop(self) -> None:
        """Ends it; it has not ended by itself."""
        assert not self._task.done(), self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def replace_meta(setting: Setting, ledger_id: str | None) -> None:
    """Another ledger stands under the same names; None: without META."""
    store = setting.store()
    await store.delete(LEDGER, META, "attribute_exists(#pk)")
    if ledger_id is not None:
        await store.put(LEDGER, {**META, "ledgerId": ledger_id}, "attribute_not_exists(#pk)")


async def row(setting: Setting) -> dict[str, Any]:
    """The item of who leads."""
    found = await setting.store().get(LEDGER, ROW)
    assert found is not None
    return found


def drop(setting: Setting, suffix: str) -> None:
    """Deletes a table."""
    client, name = setting.store().client, f"{setting.prefix}-{suffix}"
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    with suppress(client.exceptions.ResourceNotFoundException):  # the answer to the first try can be lost
        client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


async def test_the_very_first_start_without_tables_says_which_and_how(bare: Setting) -> None:
    with pytest.raises(TablesMissing, match="drs-operator init-ledger"):
        await Cluster(bare).operator().leadership.stand()


async def test_the_very_first_start_gives_bare_tables_their_id(fresh: Setting) -> None:
    cluster = Cluster(fresh)
    leader = await cluster.operator().leadership.stand()
    known = await cluster.memory.read()
    assert known is not None
    assert known.ledger_id == await installation.ledger_id(fresh.store())
    assert (known.epoch, known.leader, leader.epoch) == (1, "cluster-a", 1)


async def test_steady_state_writes_nothing_into_the_lease(fresh: Setting) -> None:
    cluster = Cluster(fresh)
    operator = cluster.operator()
    leader = await operator.leadership.stand()
    writes = cluster.leases.writes
    keeping = Keeping(operator, leader)
    await keeping.looks(5, fresh)
    await keeping.stop()
    assert cluster.leases.writes == writes


@pytest.mark.parametrize("now", ["ledger-other", None], ids=["another id", "no META"])
async def test_a_replaced_ledger_is_noticed_kept_in_mind_and_adopted(fresh: Setting, now: str | None) -> None:
    cluster = Cluster(fresh)
    operator = cluster.operator()
    keeping = Keeping(operator, await operator.leadership.stand())
    await replace_meta(fresh, now)
    await keeping.until("LEDGER_REPLACED")
    await keeping.stop()

    restarted = cluster.operator("pod-2")
    leader = await restarted.leadership.stand()
    assert leader.process == "pod-2", "it leads, to follow jobs"
    assert restarted.code() == "LEDGER_REPLACED", "a restart changes nothing"
    keeping = Keeping(restarted, leader)
    await cluster.memory.accept(now or await installation.make_meta(fresh.store()), "jane")
    await keeping.until(None)
    await keeping.looks(3, fresh)
    await keeping.stop()
    assert list(dict.fromkeys(restarted.told)) == ["LEDGER_REPLACED", None], "META without and with an id"
    known = await cluster.memory.read()
    assert known is not None
    assert known.ledger_id == await installation.ledger_id(fresh.store())
    assert (known.problem, known.accepted) == (None, None), "acceptance is used up"


async def test_a_rolled_back_ledger_is_noticed_while_the_leader_puts_itself_back(fresh: Setting) -> None:
    cluster = Cluster(fresh)
    await cluster.operator("pod-1").leadership.stand()
    earlier = await row(fresh)
    operator = cluster.operator("pod-2")
    leader = await operator.leadership.stand()
    keeping = Keeping(operator, leader)
    await fresh.store().put(LEDGER, earlier, "attribute_exists(#pk)")
    await keeping.until("LEDGER_ROLLED_BACK")
    await keeping.looks(3, fresh)
    await keeping.stop()
    assert operator.told == ["LEDGER_ROLLED_BACK"], "and it stays so"
    assert ((await row(fresh))["epoch"], (await row(fresh))["process"]) == (2, "pod-2")

    restarted = cluster.operator("pod-3")
    again = await restarted.leadership.stand()
    assert (again.epoch, restarted.code()) == (3, "LEDGER_ROLLED_BACK"), "epochs never go back"
    ledger_id = await installation.ledger_id(fresh.store())
    assert ledger_id is not None
    await cluster.memory.accept(ledger_id, "jane")
    keeping = Keeping(restarted, again)
    await keeping.until(None)
    await keeping.stop()


async def test_what_is_wrong_is_kept_before_the_leader_puts_itself_back(fresh: Setting) -> None:
    """The API server is away just then: the row must stay as it was found, or nobody would ever know."""
    cluster = Cluster(fresh)
    await cluster.operator("pod-1").leadership.stand()
    earlier = await row(fresh)
    operator = cluster.operator("pod-2")
    await operator.leadership.stand()
    await fresh.store().put(LEDGER, earlier, "attribute_exists(#pk)")
    read = cluster.memory.read

    async def read_then_down() -> Any:
        known = await read()
        cluster.leases.failure = ReadFailed("INTERNAL_ERROR", "the API server does not answer")
        return known

    cluster.memory.read = read_then_down  # type: ignore[method-assign]
    with pytest.raises(ReadFailed):
        await operator.leadership.stand()
    assert (await row(fresh))["epoch"] == 1
    cluster.memory.read = read  # type: ignore[method-assign]
    cluster.leases.failure = None
    await operator.leadership.stand()
    assert operator.code() == "LEDGER_ROLLED_BACK"


@pytest.mark.parametrize("suffix", [HISTORY.suffix, LEDGER.suffix])
async def test_a_table_that_goes_missing_later_never_ends_the_operator(fresh: Setting, suffix: str) -> None:
    cluster = Cluster(fresh)
    operator = cluster.operator()
    leader = await operator.leadership.stand()
    keeping = Keeping(operator, leader)
    drop(fresh, suffix)
    await keeping.until("LEDGER_REPLACED")
    await keeping.stop()
    assert suffix in (problem.message if (problem := operator.gate.problem()) else "")
    restarted = cluster.operator("pod-2")
    leader = await restarted.leadership.stand()
    assert (leader.cluster, restarted.code()) == ("cluster-a", "LEDGER_REPLACED")
    assert leader.epoch == 2

    keeping = Keeping(restarted, leader)
    fresh.make()
    ledger_id = await installation.make_meta(fresh.store())
    await keeping.looks(3, fresh)
    assert restarted.code() == "LEDGER_REPLACED", "an empty table is no reason to go on"
    await cluster.memory.accept(ledger_id, "jane")
    await keeping.until(None)
    await keeping.stop()
    assert (await row(fresh))["epoch"] >= 2


async def test_without_its_table_a_standby_stays_one(fresh: Setting) -> None:
    first, second = Cluster(fresh), Cluster(fresh, "cluster-b")
    await first.operator().leadership.stand()
    await second.operator().leadership.stand()
    drop(fresh, LEDGER.suffix)
    leader = await second.operator("pod-b2").leadership.stand()
    assert leader.cluster == "cluster-a"


@pytest.mark.parametrize("code", ["InternalServerError", "ThrottlingException"])
async def test_an_outage_of_dynamodb_changes_nothing(fresh: Setting, code: str) -> None:
    store = fresh.store(QUICK)
    cluster = Cluster(fresh)
    operator = cluster.operator(store=store)
    keeping = Keeping(operator, await operator.leadership.stand())
    for operation in ("GetItem", "UpdateItem", "DescribeTable"):
        fresh.inject(operation, "error", code=code)
    await keeping.looks(4, fresh)
    fresh.aws.clear()
    await keeping.looks(4, fresh)
    await keeping.stop()
    assert operator.told == []


async def test_a_deleted_lease_loses_nothing_while_the_operator_runs(fresh: Setting) -> None:
    cluster = Cluster(fresh)
    operator = cluster.operator()
    keeping = Keeping(operator, await operator.leadership.stand())
    cluster.leases.objects.clear()
    await replace_meta(fresh, "ledger-other")
    await keeping.until("LEDGER_REPLACED")
    await keeping.stop()
    assert cluster.leases.annotations("drs-operator-prod")["drs-operator.io/ledger-problem"] == "LEDGER_REPLACED"


async def test_another_process_of_the_cluster_deposes_the_one_that_led(fresh: Setting) -> None:
    cluster = Cluster(fresh)
    first = cluster.operator("pod-1")
    leader = await first.leadership.stand()
    await cluster.operator("pod-2").leadership.stand()
    why = await until_fenced(first, leader)
    assert "pod-2 of cluster cluster-a leads installation prod now, with epoch 2" in why


async def test_a_second_cluster_stands_by_until_it_is_wanted(fresh: Setting) -> None:
    first, second = Cluster(fresh), Cluster(fresh, "cluster-b")
    old = first.operator("pod-a")
    leader = await old.leadership.stand()
    new = second.operator("pod-b")
    assert await new.leadership.stand() == await installation.leader(fresh.store(), NAME)
    standing_by = asyncio.ensure_future(new.leadership.stand_by(leader))
    await _looks(5, fresh)
    assert not standing_by.done(), "a leader that is silent may be at work"
    await installation.wish_for(fresh.store(), NAME, Wish("cluster-b", "jane", "now"), leader)
    await asyncio.wait_for(standing_by, 30)
    taken = await new.leadership.stand()
    assert (taken.cluster, taken.epoch) == ("cluster-b", 2)
    assert "pod-b of cluster cluster-b leads" in await until_fenced(old, leader)


async def test_a_wish_in_a_ledger_that_was_rolled_back_is_not_followed(fresh: Setting) -> None:
    first, second = Cluster(fresh), Cluster(fresh, "cluster-b")
    leader = await first.operator("pod-a").leadership.stand()
    await second.operator("pod-b").leadership.stand()
    await installation.wish_for(fresh.store(), NAME, Wish("cluster-b", "jane", "now"), leader)
    earlier = await row(fresh)
    await first.operator("pod-a2").leadership.stand()
    await second.operator("pod-b").leadership.stand()  # which takes over, and so knows epoch 3
    await fresh.store().put(LEDGER, earlier, "attribute_exists(#pk)")
    restarted = second.operator("pod-b2")
    assert (await restarted.leadership.stand()).cluster == "cluster-a"
    assert restarted.code() == "LEDGER_ROLLED_BACK"
