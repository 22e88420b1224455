"""The Lease on a real API server, under the operator's own role: elections, conflicts, a wire that is cut."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from drs_operator.kube.client import KubeClient, connect
from drs_operator.kube.identity import cluster_identity
from drs_operator.kube.lease import Elector, Lease, Timings
from drs_operator.kube.ledger_memory import LedgerMemory
from drs_operator.planning.facts import Failure
from drs_operator.planning.leadership import Known
from drs_operator.ports import AccessDenied, Fenced, LostRace
from drs_operator.runtime.fence import uptime
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.kube.wire import wire

PATIENCE_SECONDS = 60
TIMINGS = Timings(lease=3.0, renew=2.0, retry=0.2)


@pytest.fixture
def lease(client: KubeClient) -> Lease:
    """A Lease that no other test uses."""
    return Lease(client, "drs-system", f"drs-operator-{uuid.uuid4().hex[:8]}")


class Candidate:
    """An elector, and until when it may write."""

    def __init__(self, lease: Lease, identity: str) -> None:
        self.until = 0.0
        self.elector = Elector(lease, identity, TIMINGS, uptime, self._renewed)

    def _renewed(self, until: float) -> None:
        self.until = until

    async def elected(self) -> None:
        """Waits until it is."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.elector.campaign(lambda *_: None)


async def test_a_lease_is_made_renewed_and_handed_over(lease: Lease) -> None:
    first, second = Candidate(lease, "one"), Candidate(lease, "two")
    await first.elected()
    holding = asyncio.ensure_future(first.elector.hold())
    waiting = asyncio.ensure_future(second.elected())
    before = first.until
    async with asyncio.timeout(PATIENCE_SECONDS):
        while first.until < before + 2 * TIMINGS.lease:  # noqa: ASYNC110 - the clock is what is waited for
            await asyncio.sleep(0.1)
    assert not waiting.done(), "a lease that is renewed does not end"
    holding.cancel()
    await first.elector.release()
    await waiting
    raw = await lease.read()
    assert raw is not None
    assert (raw["spec"]["holderIdentity"], raw["spec"]["leaseTransitions"]) == ("two", 1)


async def test_a_leader_that_vanishes_is_followed_by_one_other(lease: Lease) -> None:
    await Candidate(lease, "one").elected()
    others = [Candidate(lease, f"c{n}") for n in range(4)]
    tasks = [asyncio.ensure_future(other.elected()) for other in others]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(done) == 1


async def test_a_leader_behind_a_cut_wire_ends_before_another_leads(
    control_plane: ControlPlane, operator_config: Path, lease: Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with wire(control_plane.url) as between:
        monkeypatch.setenv("KUBECONFIG", str(between.kubeconfig(operator_config, tmp_path / "kubeconfig")))
        async with connect() as client:
            cut_off = Candidate(Lease(client, lease.namespace, lease.name), "one")
            await cut_off.elected()
            other = Candidate(lease, "two")
            waiting = asyncio.ensure_future(other.elected())
            holding = asyncio.ensure_future(cut_off.elector.hold())
            await between.cut()
            with pytest.raises(Fenced, match="was not renewed"):
                await holding
            assert not waiting.done()
            await waiting
            assert cut_off.until < other.until - TIMINGS.renew, "the one could write no more when the other could"


async def test_what_is_known_of_the_ledger_is_kept_beside_the_election(lease: Lease) -> None:
    memory, leader = LedgerMemory(lease), Candidate(lease, "one")
    assert await memory.read() is None
    await leader.elected()
    assert await memory.read() == Known()
    known = Known("ledger-1", 7, "cluster-a", Failure("LEDGER_ROLLED_BACK", "what was found\nand what to do"))
    await memory.write(known, Known())
    holding = asyncio.ensure_future(leader.elector.hold())
    await memory.accept("ledger-1", "jane")
    before = leader.until
    async with asyncio.timeout(PATIENCE_SECONDS):
        while leader.until == before:  # noqa: ASYNC110 - the clock is what is waited for
            await asyncio.sleep(0.05)
    holding.cancel()
    accepted = await memory.read()
    assert accepted == Known("ledger-1", 7, "cluster-a", known.problem, "ledger-1")
    await memory.write(Known("ledger-1", 8, "cluster-a"), accepted)
    raw = await lease.read()
    assert raw is not None
    assert raw["metadata"]["annotations"] == {
        "drs-operator.io/ledger-id": "ledger-1",
        "drs-operator.io/ledger-epoch": "8",
        "drs-operator.io/ledger-leader": "cluster-a",
    }


async def test_without_election_the_memory_makes_its_own_lease(lease: Lease) -> None:
    memory = LedgerMemory(lease)
    await memory.write(Known("ledger-1", 1, "cluster-a"), Known())
    assert await memory.read() == Known("ledger-1", 1, "cluster-a")
    await Candidate(lease, "one").elected()
    assert await memory.read() == Known("ledger-1", 1, "cluster-a"), "an election keeps it"


async def test_a_stale_version_is_a_lost_race(lease: Lease) -> None:
    made = await lease.create({"holderIdentity": "one"})
    await lease.replace(made, {"holderIdentity": "two"})
    with pytest.raises(LostRace):
        await lease.replace(made, {"holderIdentity": "three"})
    with pytest.raises(LostRace):
        await lease.create({"holderIdentity": "four"})


async def test_leases_of_other_namespaces_are_none_of_its_business(client: KubeClient) -> None:
    with pytest.raises(AccessDenied, match="give the operator's ServiceAccount this permission"):
        await Lease(client, "kube-system", "kube-scheduler").read()


async def test_a_cluster_is_known_by_a_uid_that_stays(client: KubeClient, control_plane: ControlPlane) -> None:
    uid = control_plane.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}").stdout
    assert await cluster_identity(client) == uid
