"""A fleet converges, stays still, and is found again by the next operator."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bench.rows import Row
from bench.scale import Fleet
from bench.world import Bench, Counts, wait
from tests.e2e.harness import Operator

QUIET_REFRESHES = 10
RESTART_REFRESH_SECONDS = 600.0
KUBE_WRITES_PER_OBJECT = 2
MEGABYTES = 300.0
PAGE = 200
CLAIMS_PER_GROUP = 2
"""Its name and its tag set, besides its servers."""


@contextmanager
def running_operator(bench: Bench, name: str, refresh_seconds: float) -> Iterator[Operator]:
    """An operator that is killed at the end: whatever it left open, the next one mends."""
    operator = bench.operator(name, DRS_OPERATOR_REFRESH_SECONDS=str(refresh_seconds))
    operator.start()
    try:
        yield operator
    finally:
        operator.kill()


def pages(fleet: Fleet) -> int:
    """Calls of one sweep over every account and Region, each at least one."""
    groups = Counter(fleet.place_of(group) for group in range(fleet.groups))
    full = sum(-(-count * fleet.servers_per_group // PAGE) for count in groups.values())
    return full + fleet.places - len(groups)


def claims_and_mirrors(fleet: Fleet) -> int:
    """What the ledger holds for the fleet: claims of groups and plans, and a row for each."""
    of_a_group = CLAIMS_PER_GROUP + fleet.servers_per_group + 1
    return fleet.groups * of_a_group + fleet.plans * 2


def sweep_calls(counts: Counts) -> int:
    """Pages of inventories that were read."""
    return counts.aws["drs:DescribeSourceServers"]


def converge(bench: Bench, refresh_seconds: float) -> list[Row]:
    """From nothing to Ready, quiet for ten refreshes, then a new process."""
    bench.create(bench.fleet.objects())
    bare = _bare_kopf(bench)
    with running_operator(bench, "first", refresh_seconds) as operator:
        return [
            *_to_ready(bench, refresh_seconds, bare),
            *_quiet(bench, refresh_seconds),
            Row("resident memory, MB", round(operator.resident_megabytes), most=MEGABYTES, count=False),
        ]


def restart(bench: Bench, quiet_seconds: float) -> list[Row]:
    """A new process finds everything as it is: one sweep, no write. Its refresh is longer than all this takes."""
    begun = bench.mark()
    with running_operator(bench, "second", RESTART_REFRESH_SECONDS):
        wait("the first sweep", lambda: sweep_calls(bench.since(begun)) >= pages(bench.fleet))
        bench.await_stillness(quiet_seconds)
        after = bench.since(begun)
    return [
        Row("restart: pages read per page of one sweep", sweep_calls(after) / pages(bench.fleet), most=1.0),
        Row("restart: Kubernetes writes", sum(after.writes.values()), most=0),
        Row("restart: ledger writes", after.ledger_writes, most=0),
    ]


def _to_ready(bench: Bench, refresh_seconds: float, bare: float) -> list[Row]:
    fleet, begun = bench.fleet, bench.beginning
    took = wait("everything is Ready", bench.converged)
    ready = bench.since(begun)
    bench.await_stillness(refresh_seconds / 2)
    still = bench.since(begun)
    busiest = max((n for key, n in still.writes.items() if not key.startswith("events/")), default=0)
    refreshes = 1 + took / refresh_seconds
    return [
        Row("converge: pages read per page of a sweep and refresh", sweep_calls(ready) / pages(fleet) / refreshes, 1.0),
        Row("converge: AssumeRole calls", ready.aws["sts:AssumeRole"], most=fleet.accounts),
        Row("converge: Kubernetes writes of the busiest object", busiest, most=KUBE_WRITES_PER_OBJECT),
        Row("converge: ledger writes", still.ledger_writes, most=claims_and_mirrors(fleet)),
        Row("converge: time as a ratio to bare kopf that only looks", round(took / bare, 1), count=False),
    ]


def _quiet(bench: Bench, refresh_seconds: float) -> list[Row]:
    begun = bench.mark()
    wanted = QUIET_REFRESHES * pages(bench.fleet)
    wait("ten refreshes", lambda: sweep_calls(bench.since(begun)) >= wanted, every=refresh_seconds / 10)
    counts = bench.since(begun)
    others = {call: n for call, n in counts.aws.items() if not call.startswith("dynamodb:")}
    del others["drs:DescribeSourceServers"]
    return [
        Row("ten refreshes: Kubernetes writes", sum(counts.writes.values()), most=0),
        Row("ten refreshes: ledger writes", counts.ledger_writes, most=0),
        Row("ten refreshes: AWS calls besides the sweep", sum(others.values()), most=0),
    ]


def _bare_kopf(bench: Bench) -> float:
    """Seconds that kopf alone needs to see every group on this API server."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.bare_kopf", str(bench.fleet.groups)],
        env={**os.environ, **bench.sandbox.environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])
