"""A drill that stands in the way of a recovery, and what is to be seen of both."""

from __future__ import annotations

from typing import Any

from tests.unit.reconcilers.world import World, server_ids

RECOVERY: dict[str, Any] = {"executionType": "RECOVERY"}
WAVES = [server_ids(tier) for tier in ("db", "app", "web")]
WEB = server_ids("web")


def prepared(pause_before: tuple[int, ...] = (2,), **wave_fields: Any) -> World:
    """A settled world; beside `production` a plan `other` with only its last tier."""
    world = World()
    world.quickstart(pause_before, **wave_fields)
    world.plan("other", "web", **wave_fields)
    world.wait(1)
    return world


def drilling(world: World, launched: int = 1, **fields: Any) -> None:
    """A drill whose jobs of so many waves are under way."""
    world.execute("drill", **fields)
    world.until(lambda: len(world.cloud.launches()) == launched)


def paused(world: World) -> None:
    """A drill that waits for a person; no job of it is under way."""
    world.execute("drill")
    world.until(lambda: world.phase("drill") == "Paused")
    world.wait(60)


def codes(world: World, name: str) -> list[tuple[str, str]]:
    return [(str(finding.severity), finding.code) for finding in world.seen(name).status.findings]


def conditions(world: World, name: str) -> dict[str, tuple[str, str]]:
    return {c.type: (str(c.status), c.reason) for c in world.seen(name).status.conditions}


def kinds(world: World) -> list[tuple[bool, tuple[str, ...]]]:
    """Every launch in order: whether it is a drill, and its servers."""
    return [(job.is_drill, job.server_ids) for jobs in world.cloud._jobs.values() for job in jobs]


def assert_nothing_left(world: World, *names: str) -> None:
    """No lock, no hold, no finalizer; nothing that runs as a real recovery was launched over."""
    assert (world.tables.plans, world.tables.holds) == ({}, {})
    assert all(world.seen(name).metadata.finalizers == [] for name in names)
    assert world.cloud.conflicts == []
    assert len([is_drill for is_drill, _ in kinds(world) if not is_drill]) == len(
        {servers for is_drill, servers in kinds(world) if not is_drill}
    ), "a server was recovered twice"
