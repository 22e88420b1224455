"""Past its time a former leader reads at most; every write of it fails before it leaves the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.kube.cluster import KubeCluster
from drs_operator.kube.lease import Lease
from drs_operator.ledger.tables import LEDGER
from drs_operator.ports import Fenced
from drs_operator.runtime.fence import Fence, FencedClient, FencedStore, uptime
from tests.fakes.leases import FakeLeases
from tests.unit.runtime import raw

GROUP = ProtectionGroup.model_validate(raw.group())


def test_a_fence_is_open_until_its_time_and_shut_afterwards() -> None:
    Fence().check()
    Fence(until=uptime() + 60).check()
    with pytest.raises(Fenced):
        Fence(until=uptime()).check()
    closed = Fence()
    closed.close()
    with pytest.raises(Fenced):
        closed.check()


@pytest.mark.parametrize(
    "write",
    [
        lambda cluster: cluster.write_status(GROUP, {}),
        lambda cluster: cluster.add_finalizer(GROUP),
        lambda cluster: cluster.event(GROUP, True, "Reason", "message"),
    ],
    ids=["status", "finalizer", "event"],
)
async def test_nothing_goes_to_the_api_server(write: Callable[[KubeCluster], Coroutine[Any, Any, None]]) -> None:
    leases = FakeLeases()
    cluster = KubeCluster(FencedClient(leases, Fence(until=0.0)), "pod-1")
    with pytest.raises(Fenced):
        await write(cluster)
    assert leases.requests == 0


async def test_reads_go_through() -> None:
    leases, fence = FakeLeases(), Fence()
    lease = Lease(FencedClient(leases, fence), "drs-system", "one")
    await lease.create({"holderIdentity": "pod-1"})
    fence.close()
    found = await lease.read()
    assert found is not None
    with pytest.raises(Fenced):
        await lease.replace(found, {})
    assert leases.spec("one") == {"holderIdentity": "pod-1"}


async def test_a_call_to_the_ledger_that_waited_for_a_thread_asks_when_it_leaves() -> None:
    fence = Fence()
    store = FencedStore("t", "us-east-1", fence)
    reached = []

    class Client:
        def put_item(self, **arguments: Any) -> dict[str, Any]:
            reached.append(arguments["Item"]["pk"]["S"])
            fence.close()  # the lease ends while the others wait
            return {}

    store.client = Client()
    store._threads._max_workers = 1
    puts = [store.put(LEDGER, {"pk": f"PLAN#{n}"}, "attribute_not_exists(#pk)") for n in range(3)]
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    store.close()
    assert reached == ["PLAN#0"]
    assert [type(outcome) for outcome in outcomes] == [type(None), Fenced, Fenced]
