"""The elector on leases in memory and a clock that the test moves: never two leaders, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from drs_operator.kube.lease import Elector, Lease, Timings
from drs_operator.ports import Fenced, ReadFailed
from tests.fakes.leases import FakeLeases

NAME = "drs-operator-test"
TIMINGS = Timings(lease=15.0, renew=10.0, retry=2.0)
DOWN = ReadFailed("INTERNAL_ERROR", "the API server does not answer")


class Stage:
    """Leases, a clock, and electors whose pauses move it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leases = FakeLeases()
        self.now = 1000.0
        self.until: dict[str, float] = {}
        self.waited: list[tuple[str, str | None]] = []
        self.on_pause: Callable[[], None] = lambda: None
        self._sleep = asyncio.sleep
        monkeypatch.setattr("drs_operator.kube.lease.asyncio.sleep", self.pause)
        monkeypatch.setattr("drs_operator.kube.lease.random.uniform", lambda low, high: low)

    async def pause(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.on_pause()
        await self._sleep(0)

    def elector(self, identity: str) -> Elector:
        """A candidate."""

        def renewed(until: float) -> None:
            self.until[identity] = until

        return Elector(Lease(self.leases, "drs-system", NAME), identity, TIMINGS, lambda: self.now, renewed)

    async def elected(self, identity: str) -> Elector:
        """A leader."""
        elector = self.elector(identity)
        await within(elector.campaign(lambda *told: self.waited.append(told)))
        return elector


async def within(work: Awaitable[None]) -> None:
    """Nothing here waits for real time."""
    await asyncio.wait_for(work, 10)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An empty one."""
    return Stage(monkeypatch)


async def test_the_first_one_makes_the_lease_and_may_write_for_less_than_it_lasts(stage: Stage) -> None:
    await stage.elected("one")
    spec = stage.leases.spec(NAME)
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("one", 15, 0)
    assert spec["renewTime"].endswith("Z")
    assert stage.until == {"one": 1010.0}


async def test_a_leader_renews_and_the_other_waits_as_long_as_it_does(stage: Stage) -> None:
    await stage.elected("one")
    rounds = 0

    def another_minute() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 30:
            raise asyncio.CancelledError

    stage.on_pause = another_minute
    first = stage.elector("one")
    await first.campaign(lambda *_: None)  # it knows its own name, as after a restart of the elector
    other = stage.elector("two")
    with pytest.raises(asyncio.CancelledError):
        await asyncio.gather(first.hold(), other.campaign(lambda *told: stage.waited.append(told)))
    assert set(stage.waited) == {("one", None)}
    assert stage.leases.spec(NAME)["holderIdentity"] == "one"


async def test_a_dead_leader_is_waited_out_by_the_own_clock(stage: Stage) -> None:
    await stage.elected("one")
    stage.leases.objects[NAME]["spec"]["renewTime"] = "2099-01-01T00:00:00.000000Z"  # its clock was wrong
    stage.now += 100  # when the other was not there yet: it proves nothing
    began = stage.now
    await stage.elected("two")
    assert stage.now - began >= 15, "from the moment when it was first seen"
    assert stage.now - began <= 15 + 2
    spec = stage.leases.spec(NAME)
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("two", 1)
    assert spec["acquireTime"] == spec["renewTime"]


async def test_annotations_are_no_sign_of_life_and_stay(stage: Stage) -> None:
    await stage.elected("one")
    memory = Lease(stage.leases, "drs-system", NAME)
    notes = iter(range(1000))
    pending: list[asyncio.Task[None]] = []
    stage.on_pause = lambda: pending.append(asyncio.ensure_future(memory.annotate({"note": str(next(notes))})))
    began = stage.now
    await stage.elected("two")
    assert stage.now - began <= 15 + 2
    await asyncio.gather(*pending)
    assert "note" in stage.leases.annotations(NAME)


async def test_an_annotation_between_two_renewals_does_not_end_a_leader(stage: Stage) -> None:
    leader = await stage.elected("one")
    memory = Lease(stage.leases, "drs-system", NAME)
    await memory.annotate({"note": "x"})
    renewals = 0

    def count() -> None:
        nonlocal renewals
        renewals += 1
        if renewals == 4:
            raise asyncio.CancelledError

    stage.on_pause = count
    with pytest.raises(asyncio.CancelledError):
        await leader.hold()
    assert stage.until["one"] == 1016.0, "three renewals, the first of them after a conflict"
    assert stage.leases.annotations(NAME) == {"note": "x"}


async def test_a_leader_that_cannot_renew_ends_before_another_may_lead(stage: Stage) -> None:
    leader = await stage.elected("one")
    stage.leases.failure = DOWN
    with pytest.raises(Fenced, match=r"was not renewed for 10 s: .*does not answer"):
        await within(leader.hold())
    assert 1010 <= stage.now < 1015


async def test_an_outage_shorter_than_that_is_lived_through(stage: Stage) -> None:
    leader = await stage.elected("one")
    stage.leases.failure = DOWN

    def outage() -> None:
        if stage.now >= 1008:
            stage.leases.failure = None
        if stage.now >= 1100:
            raise asyncio.CancelledError

    stage.on_pause = outage
    with pytest.raises(asyncio.CancelledError):
        await leader.hold()
    assert stage.until["one"] >= 1100


async def test_a_leader_that_slept_does_not_renew_but_ends(stage: Stage) -> None:
    leader = await stage.elected("one")
    writes = stage.leases.writes
    stage.now += 3600
    with pytest.raises(Fenced, match="was asleep"):
        await within(leader.hold())
    assert stage.leases.writes == writes


async def test_a_leader_whose_lease_was_taken_ends(stage: Stage) -> None:
    leader = await stage.elected("one")
    stage.leases.objects[NAME]["spec"]["holderIdentity"] = "two"
    stage.leases.objects[NAME]["metadata"]["resourceVersion"] = "999"
    with pytest.raises(Fenced, match="was taken by two"):
        await within(leader.hold())
    assert stage.leases.spec(NAME)["holderIdentity"] == "two"


async def test_a_deleted_lease_is_made_again(stage: Stage) -> None:
    leader = await stage.elected("one")
    del stage.leases.objects[NAME]

    def enough() -> None:
        if stage.now >= 1010:
            raise asyncio.CancelledError

    stage.on_pause = enough
    with pytest.raises(asyncio.CancelledError):
        await leader.hold()
    assert stage.leases.spec(NAME)["holderIdentity"] == "one"


async def test_a_leader_that_ends_lets_go_and_the_next_takes_over_at_once(stage: Stage) -> None:
    leader = await stage.elected("one")
    await leader.release()
    assert stage.until["one"] <= stage.now, "and writes nothing from then on"
    began = stage.now
    await stage.elected("two")
    assert stage.now == began


async def test_candidates_that_come_together_make_one_leader(stage: Stage) -> None:
    candidates = [stage.elector(f"c{number}") for number in range(8)]
    pauses = 0

    def bounded() -> None:
        nonlocal pauses
        pauses += 1
        if pauses > 40:
            raise asyncio.CancelledError

    stage.on_pause = bounded
    stage.now, start = 1000.0, 1000.0
    tasks = [asyncio.ensure_future(c.campaign(lambda *told: stage.waited.append(told))) for c in candidates]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(done) == 1
    assert stage.now - start < 15, "decided without waiting for a lease to end"


async def test_who_cannot_reach_the_api_server_says_so_and_goes_on_trying(stage: Stage) -> None:
    stage.leases.failure = DOWN

    def back() -> None:
        if stage.now > 1010:
            stage.leases.failure = None

    stage.on_pause = back
    await stage.elected("one")
    assert {trouble for _, trouble in stage.waited} == {str(DOWN)}


async def test_a_namespace_that_does_not_exist_is_named_with_the_setting(stage: Stage) -> None:
    stage.leases.namespace_exists = False

    def made() -> None:
        stage.leases.namespace_exists = True

    stage.on_pause = made
    await stage.elected("one")
    ((_, trouble),) = stage.waited
    assert trouble is not None
    assert "namespace drs-system does not exist; set DRS_OPERATOR_LEASE_NAMESPACE" in trouble


async def test_a_connection_that_hangs_counts_as_a_missed_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    """With real time, because it is a time-out of asyncio that ends the request."""
    leases, until = FakeLeases(), list[float]()
    loop = asyncio.get_running_loop()
    quick = Timings(lease=3.0, renew=0.2, retry=0.05)
    leader = Elector(Lease(leases, "drs-system", NAME), "one", quick, loop.time, until.append)
    await leader.campaign(lambda *_: None)
    leases.hangs = True
    with pytest.raises(Fenced, match="did not answer in time"):
        await within(leader.hold())
    assert loop.time() < until[-1] + 2.5, "before the lease ends"
