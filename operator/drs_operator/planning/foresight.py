"""What a run of a plan would need of AWS's quotas at once, and what would have to queue.

Quotas of DRS per account and Region: jobs in progress (L-D88FAC3A), servers in one job (L-B827C881), servers in all
jobs (L-05AFA8C6). Other plans and foreign jobs are left out: they come and go. So this is a warning, never a refusal;
at run time such a launch waits in the queue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from drs_operator.api.v1alpha1.recoveryplan import WaveSpec
from drs_operator.api.v1alpha1.targetaccount import RegionQuotas
from drs_operator.planning import waves
from drs_operator.planning.engine import SERVERS_PER_JOB
from drs_operator.planning.facts import Place
from drs_operator.planning.naming import few


@dataclass(frozen=True, slots=True)
class Load:
    """What a wave launches, and where."""

    place: Place
    servers: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """More than a quota allows at once."""

    code: str
    message: str


def shortages(
    listed: Sequence[WaveSpec], loads: Mapping[int, Load], quotas: Mapping[Place, RegionQuotas]
) -> list[Shortage]:
    """Every quota that a run alone would exceed; `loads` by wave number. The waves must be without cycles."""
    places: defaultdict[Place, list[WaveSpec]] = defaultdict(list)
    for wave in waves.in_order(listed):
        if (load := loads.get(wave.wave_number)) is not None and load.servers:
            places[load.place].append(wave)
    before = _before(listed)
    found: list[Shortage] = []
    for place, there in sorted(places.items(), key=lambda item: str(item[0])):
        if (quota := quotas.get(place)) is None:
            continue
        servers = {wave.wave_number: loads[wave.wave_number].servers for wave in there}
        job_size = min(SERVERS_PER_JOB, quota.servers_per_job or SERVERS_PER_JOB)
        jobs = {number: -(-count // job_size) for number, count in servers.items()}
        for needed, limit, code, what in (
            (jobs, quota.jobs_in_progress, "CONCURRENT_JOBS_LIMIT_EXCEEDED", "jobs"),
            (servers, quota.servers_in_all_jobs, "SERVERS_IN_JOBS_LIMIT_EXCEEDED", "servers in jobs"),
        ):
            if limit is not None and sum(needed.values()) > limit:
                found += _shortage(place, needed, limit, code, what, before)
    return found


def _shortage(
    place: Place, needed: Mapping[int, int], limit: int, code: str, what: str, before: Mapping[int, frozenset[int]]
) -> list[Shortage]:
    together = side_by_side(needed, lambda first, then: first in before[then])
    total = sum(needed[number] for number in together)
    if total <= limit:
        return []
    reached, late = 0, []
    for number in together:
        reached += needed[number]
        if reached > limit:
            late.append(str(number))
    who = f"waves {few([str(number) for number in together])} may run side by side and need"
    if len(together) == 1:
        who = f"wave {together[0]} needs"
    waits = f"wave{'s' if len(late) > 1 else ''} {few(late)}"
    message = f"{who} {total} {what} at once in {place}, the quota is {limit}: part of {waits} queues until others end"
    return [Shortage(code, message)]


def _before(listed: Sequence[WaveSpec]) -> dict[int, frozenset[int]]:
    """The waves that are surely done when a wave starts."""
    found: dict[int, frozenset[int]] = {}
    for wave in waves.in_order(listed):
        direct = waves.waits_for(wave, listed)
        found[wave.wave_number] = frozenset(direct).union(*(found.get(number, frozenset()) for number in direct))
    return found


def side_by_side(needed: Mapping[int, int], precedes: Callable[[int, int], bool]) -> list[int]:
    """Those of the waves that may run at the same time and need the most together, in the order of `needed`.

    They are the heaviest set in which none precedes another. By Dilworth's theorem, with weights, it is what is left
    uncovered by the smallest cut of the network from each wave to those that come after it.
    """
    after = {first: [then for then in needed if precedes(first, then)] for first in needed}
    spare_as_first, spare_as_then = dict(needed), dict(needed)
    flow: defaultdict[tuple[int, int], int] = defaultdict(int)

    def push(first: int, amount: int, tried: set[int]) -> int:
        """Moves up to `amount` from a wave to those after it, others giving way; returns how much."""
        for then in after[first]:
            if then in tried:
                continue
            tried.add(then)
            moved = min(amount, spare_as_then[then])
            spare_as_then[then] -= moved
            for other in needed:
                if not moved and flow[other, then]:
                    moved = push(other, min(amount, flow[other, then]), tried)
                    flow[other, then] -= moved
            if moved:
                flow[first, then] += moved
                return moved
        return 0

    for first in needed:
        while spare_as_first[first] and (moved := push(first, spare_as_first[first], set())):
            spare_as_first[first] -= moved
    reached = {first for first in needed if spare_as_first[first]}
    todo, covered = list(reached), set[int]()
    while todo:
        for then in after[todo.pop()]:
            covered.add(then)
            more = {other for other in needed if flow[other, then]} - reached
            reached |= more
            todo += more
    return [number for number in needed if number in reached and number not in covered]
