"""One account hangs, one Region answers 500, one group is garbage: everybody else converges as without them."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.convergence import running_operator
from bench.rows import Row
from bench.scale import NAMESPACE, REGIONS, Fleet, account_id
from bench.world import Bench, is_ready, running, wait

HANGING, FAILING = 0, 1
"""Accounts: one that does not answer in any Region, one that fails in the first Region."""
FAULTS = f"""
faults:
  - {{operation: DescribeSourceServers, account: "{account_id(HANGING)}", effect: hang}}
  - {{operation: DescribeSourceServers, account: "{account_id(FAILING)}", region: {REGIONS[0]}, effect: error,
      code: InternalServerException}}
"""


def garbage(fleet: Fleet) -> dict[str, Any]:
    """A group that the schema accepts and that means nothing: servers that nobody has."""
    group = fleet.group(fleet.places - 1)
    spec = {key: value for key, value in group["spec"].items() if key != "serverSelectionTags"}
    ids = [f"s-garbage{number:010d}" for number in range(1, 400)]
    return {
        **group,
        "metadata": {"name": "garbage", "namespace": NAMESPACE},
        "spec": {**spec, "serverSelectionMode": "explicit", "sourceServerIds": ids},
    }


def others(fleet: Fleet) -> set[tuple[str, str]]:
    """Kind and name of every object that does not need what is broken."""
    broken = {group for group in range(fleet.groups) if _is_broken(fleet.place_of(group))}
    named = {("ProtectionGroup", f"group-{group}") for group in range(fleet.groups) if group not in broken}
    named |= {("TargetAccount", f"account-{number}") for number in range(fleet.accounts) if number != HANGING}
    for plan in range(fleet.plans):
        first = plan * fleet.groups_per_plan
        if not broken & set(range(first, first + fleet.groups_per_plan)):
            named.add(("RecoveryPlan", f"plan-{plan}"))
    return named


def _is_broken(place: tuple[int, str]) -> bool:
    return place[0] == HANGING or place == (FAILING, REGIONS[0])


def others_ready(bench: Bench) -> bool:
    """Whether all of the others are Ready."""
    ready = {
        (kind, item["metadata"]["name"])
        for kind in ("TargetAccount", "ProtectionGroup", "RecoveryPlan")
        for item in bench.listed(kind)
        if is_ready(item)
    }
    return others(bench.fleet) <= ready


def measure(fleet: Fleet, folder: Path, refresh_seconds: float) -> list[Row]:
    """Seconds until the others are Ready, with the troubles as a ratio to without."""
    smaller = replace(fleet, groups=max(10, fleet.groups // 2))
    seconds: dict[bool, float] = {}
    for troubled in (False, True):
        place = folder / ("troubled" if troubled else "calm")
        place.mkdir()
        with running(smaller, place) as bench:
            bench.create([*smaller.objects(), *([garbage(smaller)] if troubled else [])])
            if troubled:
                bench.sandbox.control.add_faults(FAULTS, "bench")
            with running_operator(bench, "operator", refresh_seconds):
                reached = functools.partial(others_ready, bench)
                seconds[troubled] = wait("the others are Ready", reached, every=0.2)
    ratio = round(seconds[True] / seconds[False], 2)
    return [Row("troubles of others: time to converge as a ratio to without them", ratio, count=False)]
