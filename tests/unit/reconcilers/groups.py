"""A world with an account and free servers, and what tests of groups look at."""

from __future__ import annotations

from typing import Any

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.planning.mirrors import group_mirror, implied_by_group, implied_by_plan, plan_mirror
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World

KINDS = (TargetAccount, ProtectionGroup, RecoveryPlan)


def server_id(number: int) -> str:
    """`s-00000000000000001` for 1."""
    return f"s-{number:017}"


ONE, TWO, THREE = server_id(1), server_id(2), server_id(3)


def group_world(installation: str = "test", beside: World | None = None, servers: int = 3) -> World:
    """An account, and servers with `Tier=db`."""
    world = World(installation, beside)
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.account("production")
    for number in range(1, servers + 1):
        world.cloud.server(PLACE, server_id(number), Tier="db")
    return world


def create(world: World, name: str, namespace: str = NAMESPACE, **spec: Any) -> None:
    """A group by tags `Tier=db`, or by what `spec` (JSON names) says instead."""
    defaults: dict[str, Any] = {"targetAccountRef": {"name": "production"}, "region": PLACE.region}
    mode = "explicit" if "sourceServerIds" in spec else "tags"
    tags = {} if mode == "explicit" else {"serverSelectionTags": {"Tier": "db"}}
    world.cluster.create(ProtectionGroup, namespace, name, {**defaults, "serverSelectionMode": mode, **tags, **spec})


def seen(world: World, name: str, namespace: str = NAMESPACE) -> ProtectionGroup:
    """A group as a user sees it."""
    found = world.cluster.now(ProtectionGroup, namespace, name)
    assert found is not None, f"{name} is gone"
    return found


def gone(world: World, name: str, namespace: str = NAMESPACE) -> bool:
    """Whether a group does not exist any more."""
    return world.cluster.now(ProtectionGroup, namespace, name) is None


def edit(world: World, name: str, **spec: Any) -> None:
    """Changes fields of a group's spec (JSON names)."""
    world.cluster.edit(ProtectionGroup, NAMESPACE, name, **spec)


def delete(world: World, name: str) -> None:
    """kubectl delete."""
    world.cluster.delete(ProtectionGroup, NAMESPACE, name)


def members(world: World, name: str, namespace: str = NAMESPACE) -> dict[str, str | None]:
    """Servers of a group by id, with their membership."""
    return {s.server_id: s.membership and str(s.membership) for s in seen(world, name, namespace).status.servers}


def ready(world: World, name: str) -> tuple[str, str]:
    """Status and reason of Ready."""
    condition = world.condition(ProtectionGroup, name)
    return str(condition.status), condition.reason


def holders(world: World) -> dict[str, str]:
    """Who holds each server in the ledger: `installation/namespace/name` by server id."""
    return {
        key.rsplit("#", 1)[1]: f"{owner.installation}/{owner}"
        for key, owner in world.tables.claims.items()
        if key.startswith("SERVER#")
    }


def settle(world: World, seconds: float = 1) -> None:
    """Lets the operator look at everything."""
    world.wait(seconds, *KINDS)


def refresh(world: World, times: int = 1) -> None:
    """Lets so many refreshes of the inventory pass."""
    settle(world, 61 * times)


def assert_in_step(*worlds: World) -> None:
    """The ledger holds exactly what the objects imply, and nobody shares a server."""
    claims, mirrors = worlds[0].tables.claims, worlds[0].tables.mirrors
    implied: dict[str, set[str]] = {}
    wanted = {}
    for world in worlds:
        for found in world.cluster.everything():
            if isinstance(found, ProtectionGroup):
                mirror, keys = group_mirror(found, world.installation), implied_by_group(found, world.installation)
            elif isinstance(found, RecoveryPlan) and plan_mirror(found, world.installation).owner.id in mirrors:
                mirror, keys = plan_mirror(found, world.installation), implied_by_plan(found, world.installation)
            else:
                continue
            if keys:
                wanted[mirror.owner.id] = mirror
            for key in keys:
                implied.setdefault(key, set()).add(mirror.owner.id)
    assert claims.keys() == implied.keys()
    assert {key: owner.id for key, owner in claims.items() if owner.id not in implied[key]} == {}
    shared = [key for key, owners in implied.items() if key.startswith("SERVER#") and len(owners) > 1]
    assert shared == [], "two groups show the same server as theirs"
    assert {i: row.mirror.digest for i, row in mirrors.items()} == {i: m.digest for i, m in wanted.items()}
