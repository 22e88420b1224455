"""What a run of a plan would need at once, and what of that would queue."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs_operator.api.v1alpha1.targetaccount import RegionQuotas
from drs_operator.planning.facts import Place
from drs_operator.planning.foresight import Load, shortages, side_by_side
from tests import builders as b
from tests.unit.planning.tables import table

EAST, WEST = b.PLACE, Place(b.ACCOUNT, "us-west-2")
QUOTAS = RegionQuotas(jobs_in_progress=20, servers_per_job=100, servers_in_all_jobs=500)


def _found(
    servers: list[int],
    waves: list[dict[str, Any]] | None = None,
    places: list[Place] | None = None,
    quotas: RegionQuotas | None = QUOTAS,
) -> list[tuple[str, str]]:
    numbers = range(1, len(servers) + 1)
    changes = waves or [{"launchOrder": 1}] * len(servers)
    plan = b.plan(*(b.wave_spec(n, **change) for n, change in zip(numbers, changes, strict=True)))
    where = places or [EAST] * len(servers)
    loads = {n: Load(place, count) for n, place, count in zip(numbers, where, servers, strict=True)}
    known = {EAST: quotas, WEST: quotas} if quotas else {}
    return [(found.code, found.message) for found in shortages(plan.spec.waves, loads, known)]


JOBS, SERVERS = "CONCURRENT_JOBS_LIMIT_EXCEEDED", "SERVERS_IN_JOBS_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("given", "want", "because"),
    table(
        ("small", _found([5, 5]), [], "far from every quota"),
        ("twenty waves", _found([1] * 20), [], "as many jobs as the quota"),
        ("one more", _found([1] * 21), [JOBS], "one job too many at once"),
        ("one after the other", _found([1] * 30, [{}] * 30), [], "never two at once"),
        ("just full", _found([250, 250]), [], "as many servers as the quota"),
        ("too full", _found([250, 251]), [SERVERS], "one server too many at once"),
        ("two Regions", _found([250, 251], places=[EAST, WEST]), [], "each place has its own quotas"),
        ("one wave", _found([501]), [SERVERS], "a wave alone may be too much"),
        ("both", _found([30] * 21), [JOBS, SERVERS], "each quota is looked at"),
        ("split waves", _found([101] * 4, quotas=RegionQuotas(jobs_in_progress=7)), [JOBS], "two jobs for each wave"),
        ("smaller jobs", _found([100, 1], quotas=RegionQuotas(jobs_in_progress=2, servers_per_job=50)), [JOBS],
         "AWS takes fewer in a job, so there are more jobs"),
        ("unknown quotas", _found([1] * 50, quotas=None), [], "nothing is guessed"),
        ("some unknown", _found([1] * 50, quotas=RegionQuotas(servers_in_all_jobs=50)), [], "only what is known"),
        ("empty waves", _found([0] * 30), [], "a wave without servers makes no job"),
        ("dependencies", _found([200] * 3, [{}, {}, {"dependsOnWaves": [1]}]), [], "2 and 3 together, 1 before both"),
        ("chain", _found([300, 1, 300], [{}, {"dependsOnWaves": [1]}, {"dependsOnWaves": [2]}]), [],
         "3 waits for 2, so for 1 as well"),
        ("branches", _found([200, 200, 200, 200], [{}, {"dependsOnWaves": [1]}, {"dependsOnWaves": [1]},
         {"dependsOnWaves": [1]}]), [SERVERS], "three branches after the first"),
        ("chain and aside", _found([400, 400, 101], [{}, {"dependsOnWaves": [1]}, {"launchOrder": 0}]), [],
         "a wave of a lower order goes before the others"),
    ),
)  # fmt: skip
def test_shortages(given: list[tuple[str, str]], want: list[str], because: str) -> None:
    assert [code for code, _ in given] == want, because


def test_the_warning_says_what_queues() -> None:
    waves = [{"launchOrder": 1}, {"launchOrder": 1}, {"launchOrder": 1}, {"launchOrder": 2}]
    ((_, message),) = _found([200, 200, 200, 50], waves)

    assert message == (
        "waves 1, 2, 3 may run side by side and need 600 servers in jobs at once in 123456789012/us-east-1, the quota "
        "is 500: part of wave 3 queues until others end"
    )
    assert "wave 1 needs 600 servers" in _found([600])[0][1]


@given(st.data())
def test_side_by_side_is_the_heaviest_set_without_order(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 7))
    needed = {n: data.draw(st.integers(1, 6)) for n in range(size)}
    before = {n: set[int]() for n in range(size)}
    for then in range(size):
        for first in data.draw(st.sets(st.integers(0, then - 1), max_size=3)) if then else ():
            before[then] |= {first} | before[first]

    found = side_by_side(needed, lambda first, then: first in before[then])

    def free(several: tuple[int, ...]) -> bool:
        return not any(a in before[z] or z in before[a] for a, z in itertools.combinations(several, 2))

    subsets = itertools.chain.from_iterable(itertools.combinations(needed, count) for count in range(size + 1))
    heaviest = max(sum(needed[n] for n in several) for several in subsets if free(several))
    assert free(tuple(found))
    assert sum(needed[n] for n in found) == heaviest
