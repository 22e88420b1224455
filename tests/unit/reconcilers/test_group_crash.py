"""The operator dies around every side effect of a group's life; afterwards all is as if it had not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.groups import (
    ONE,
    THREE,
    TWO,
    assert_in_step,
    create,
    delete,
    edit,
    gone,
    group_world,
    holders,
    members,
    ready,
    refresh,
    seen,
    settle,
)
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World


def created(world: World) -> None:
    """Two groups, one of which selects a server of the other."""
    create(world, "db", sourceServerIds=[ONE, TWO])
    refresh(world)
    create(world, "late", sourceServerIds=[TWO, THREE])


def renamed_and_reselected(world: World) -> None:
    """Name and selection change at once."""
    create(world, "db", displayName="Old")
    settle(world)
    edit(world, "db", displayName="New", serverSelectionTags={"Tier": "db", "Site": "b"})
    world.cloud.server(PLACE, ONE, Tier="db", Site="b")
    refresh(world)


def deleted_for_another(world: World) -> None:
    """The winner goes, the loser gets everything."""
    create(world, "db")
    settle(world)
    create(world, "late", sourceServerIds=[ONE, TWO])
    settle(world)
    delete(world, "db")


def released(world: World) -> None:
    """A Leaving server is let go."""
    create(world, "db")
    settle(world)
    world.cloud.server(PLACE, ONE, Tier="web")
    refresh(world)
    world.cluster.annotate(ProtectionGroup, NAMESPACE, "db", "drs-operator.io/release-servers", "all")


def handed_over(world: World) -> None:
    """A Leaving server goes to another group."""
    create(world, "db")
    settle(world)
    world.cloud.server(PLACE, ONE, Tier="web")
    refresh(world)
    create(world, "late", serverSelectionTags={"Tier": "web"})


def want(world: World) -> dict[str, Any]:
    """What is to be the same whatever happened."""
    groups = [found for found in world.cluster.everything() if isinstance(found, ProtectionGroup)]
    return {
        "holders": holders(world),
        "claims": {key: owner.id for key, owner in world.tables.claims.items()},
        "groups": {g.metadata.name: (members(world, g.metadata.name), ready(world, g.metadata.name)) for g in groups},
        "annotations": {g.metadata.name: g.metadata.annotations for g in groups},
        "versions": {g.metadata.name: g.status.version for g in groups},
    }


STORIES = [created, renamed_and_reselected, deleted_for_another, released, handed_over]


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_crash_around_any_side_effect_changes_nothing(story: Callable[[World], None], applied: bool) -> None:
    calm = group_world()
    story(calm)
    refresh(calm, 4)
    assert_in_step(calm)
    effects, wanted = len(calm.effects.done), want(calm)
    assert effects > 8
    for number in range(effects):
        world = group_world()
        world.effects.kill_at(number, applied)
        story(world)
        refresh(world, 4)
        assert world.deaths == 1, f"effect {number}"
        assert want(world) == wanted, f"killed around effect {number}: {calm.effects.done[number]}"
        assert_in_step(world)


def test_after_a_restart_nothing_is_written() -> None:
    world = group_world()
    created(world)
    refresh(world, 2)
    done = len(world.effects.done)
    world.start_operator()
    refresh(world, 3)
    assert len(world.effects.done) == done


def test_a_crash_during_a_deletion_leaks_nothing() -> None:
    calm = group_world()
    create(calm, "db")
    settle(calm)
    first = len(calm.effects.done)
    delete(calm, "db")
    settle(calm, 5)
    for number in range(first, len(calm.effects.done)):
        for applied in (False, True):
            world = group_world()
            create(world, "db")
            settle(world)
            world.effects.kill_at(number, applied)
            delete(world, "db")
            settle(world, 5)
            assert gone(world, "db"), number
            assert (world.tables.claims, world.tables.mirrors) == ({}, {})


def test_a_write_whose_answer_is_lost_is_read_again_before_it_is_believed() -> None:
    """The claim is taken, but the operator hears nothing of it, and then the group is told to let it be."""
    world = group_world()
    create(world, "db", sourceServerIds=[ONE, TWO])
    settle(world)
    lose_answer(world, lambda: edit(world, "db", sourceServerIds=[ONE, TWO]))
    edit(world, "db", sourceServerIds=[ONE, TWO, THREE])
    refresh(world)
    assert world.effects.done.count("take claim") == 4, "its name, two servers, and the one that was not answered"
    assert THREE not in holders(world), "it is read again, and let go"
    assert seen(world, "db").status.version == 1
    assert_in_step(world)


def lose_answer(world: World, meanwhile: Callable[[], None]) -> None:
    """The next claim is taken and not answered, and something happens before the next look."""

    def fail() -> None:
        meanwhile()
        raise ReadFailed("LEDGER_UNREACHABLE", "the connection was lost")

    world.effects.meanwhile["take claim"] = fail
