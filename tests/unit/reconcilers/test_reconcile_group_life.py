"""A group that is suspended, deleted, or told to let servers go."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
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
    server_id,
    settle,
)
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World

RELEASE = "drs-operator.io/release-servers"
BY = "requested-by.drs-operator.io/release-servers"


@pytest.fixture
def world() -> World:
    return group_world()


def told(world: World, reason: str, name: str = "db") -> list[str]:
    """Messages of a group's Events with this reason."""
    return [event.message for event in world.cluster.events if event.name == name and event.reason == reason]


# --- membership -------------------------------------------------------------------------------------------------------


def test_a_change_of_membership_is_told_once_with_counts_and_names(world: World) -> None:
    create(world, "db", membership={"onLeave": "Follow"})
    settle(world)
    for number in range(4, 12):
        world.cloud.server(PLACE, server_id(number), Tier="db")
    world.cloud.server(PLACE, ONE, Tier="web")
    refresh(world)
    joined, changed = told(world, "MembersChanged")
    assert joined == "3 servers joined: host-001, host-002, host-003; the group has 3, version 1"
    assert changed.startswith("8 servers joined: host-004, host-005, host-006, host-007, host-008 and 3 more; 1 server")
    assert changed.endswith("left: host-001; the group has 10, version 2")


def test_somebody_is_told_of_a_tag_that_was_removed_by_mistake(world: World) -> None:
    create(world, "db")
    settle(world)
    world.cloud.server(PLACE, ONE)
    refresh(world)
    (message,) = told(world, "MembershipUnstable")
    assert "host-001: Tier is gone" in message
    assert f"drpg/db {RELEASE}={ONE}" in message
    assert ready(world, "db") == ("True", "Ready"), "it is still protected"
    assert holders(world)[ONE] == "test/dr/db"
    world.cloud.server(PLACE, ONE, Tier="db")
    refresh(world)
    assert told(world, "MembersChanged")[-1] == "1 server no longer Leaving: host-001"


def test_ids_that_are_somewhere_else_are_said_to_be_there(world: World) -> None:
    world.cluster.edit(type(world.cluster.everything()[0]), None, "production", regions=["us-east-1", "us-west-2"])
    elsewhere = type(PLACE)(PLACE.account_id, "us-west-2")
    world.cloud.server(elsewhere, server_id(7), Tier="db")
    settle(world)
    create(world, "db", sourceServerIds=[ONE, server_id(7), server_id(8)])
    settle(world)
    assert ready(world, "db") == ("False", "InvalidServers")
    invalid = {found.server_id: found.reason or "" for found in seen(world, "db").status.invalid_servers}
    assert "in us-west-2 of TargetAccount production" in invalid[server_id(7)]
    assert "install its agent" in invalid[server_id(8)]
    assert members(world, "db") == {ONE: "Member"}


# --- suspended --------------------------------------------------------------------------------------------------------


def test_a_suspended_group_shows_its_servers_and_claims_nothing(world: World) -> None:
    create(world, "db", suspend=True)
    refresh(world, 2)
    assert ready(world, "db") == ("Unknown", "Suspended")
    assert members(world, "db") == {ONE: None, TWO: None, THREE: None}
    assert (world.tables.claims, world.tables.mirrors) == ({}, {})
    assert seen(world, "db").metadata.finalizers == []
    edit(world, "db", suspend=False)
    settle(world)
    assert ready(world, "db") == ("True", "Ready")
    assert_in_step(world)


def test_what_a_group_holds_it_keeps_while_it_is_suspended(world: World) -> None:
    create(world, "db")
    settle(world)
    before = dict(world.tables.claims)
    edit(world, "db", suspend=True, displayName="Other", serverSelectionTags={"Tier": "web"})
    world.cloud.server(PLACE, server_id(4), Tier="web")
    refresh(world, 2)
    assert world.tables.claims == before
    assert members(world, "db") == {server_id(4): None}
    assert seen(world, "db").status.version == 1
    edit(world, "db", suspend=False)
    settle(world)
    assert members(world, "db") == {server_id(4): "Member"}, "edits take effect now"
    assert_in_step(world)


def test_a_server_that_leaves_from_outside_during_a_suspension_is_held(world: World) -> None:
    create(world, "db")
    settle(world)
    edit(world, "db", suspend=True)
    refresh(world)
    world.cloud.server(PLACE, ONE, Tier="web")
    refresh(world)
    assert members(world, "db")[ONE] == "Leaving"
    edit(world, "db", suspend=False)
    settle(world)
    assert members(world, "db")[ONE] == "Leaving"
    assert_in_step(world)


# --- deleted ----------------------------------------------------------------------------------------------------------


def test_a_group_in_use_stays_usable_until_its_last_user_is_gone(world: World) -> None:
    create(world, "db")
    world.plan("production", "db")
    settle(world)
    delete(world, "db")
    refresh(world, 2)
    condition = world.condition(ProtectionGroup, "db")
    assert condition.status == "True"
    assert "waits for RecoveryPlan production (take the group out" in condition.message
    assert len(told(world, "PgInUse")) == 1, "said once"
    world.cloud.server(PLACE, server_id(4), Tier="db")
    refresh(world)
    assert server_id(4) in members(world, "db"), "it works as before"
    world.cluster.delete(RecoveryPlan, NAMESPACE, "production")
    settle(world, 3)
    assert gone(world, "db")
    assert not [key for key in world.tables.claims if key.startswith(("SERVER#", "TAGS#"))]
    assert_in_step(world)


def test_a_group_stays_while_a_run_holds_its_servers_though_no_plan_uses_it() -> None:
    world = World()
    world.quickstart()
    settle(world)
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    plan = world.cluster.now(RecoveryPlan, NAMESPACE, "production")
    assert plan is not None
    world.cluster.edit(RecoveryPlan, NAMESPACE, "production", waves=[w.to_json() for w in plan.spec.waves[1:]])
    delete(world, "db")
    refresh(world, 3)
    assert "DRExecution drill" in world.condition(ProtectionGroup, "db").message
    assert holders(world)["s-000000000000db001"] == "test/dr/db"
    world.command("cancel", "now")
    world.until(world.finished)
    world.wait(180)
    assert gone(world, "db")
    assert_in_step(world)


def test_a_deletion_waits_while_the_ledger_does_not_answer(world: World) -> None:
    create(world, "db")
    settle(world)
    world.tables.failure = ReadFailed("LEDGER_UNREACHABLE", "the ledger does not answer")
    delete(world, "db")
    refresh(world, 3)
    assert ready(world, "db") == ("Unknown", "LedgerUnreachable")
    assert "waits for the ledger" in world.condition(ProtectionGroup, "db").message
    world.tables.failure = None
    refresh(world, 2)
    assert gone(world, "db")
    assert (world.tables.claims, world.tables.mirrors) == ({}, {})


def test_a_suspended_group_that_is_deleted_leaves_nothing(world: World) -> None:
    create(world, "db")
    settle(world)
    edit(world, "db", suspend=True)
    settle(world)
    delete(world, "db")
    settle(world, 2)
    assert gone(world, "db")
    assert (world.tables.claims, world.tables.mirrors) == ({}, {})


def test_a_claim_that_a_run_holds_stays_until_the_run_ends(world: World) -> None:
    create(world, "db")
    settle(world)
    world.tables.holds[(PLACE, ONE)] = ("exec-1", "dr/drill-1")
    edit(world, "db", serverSelectionTags={"Tier": "db", "Site": "b"})
    refresh(world, 2)
    assert members(world, "db") == {}
    assert holders(world) == {ONE: "test/dr/db"}
    assert (
        "host-001 leave when run dr/drill-1 ends" in world.condition(ProtectionGroup, "db", "MembershipStable").message
    )
    del world.tables.holds[(PLACE, ONE)]
    refresh(world, 2)
    assert_in_step(world)


# --- release-servers --------------------------------------------------------------------------------------------------


@pytest.fixture
def leaving(world: World) -> World:
    """Servers 1 and 2 are Leaving."""
    create(world, "db")
    settle(world)
    for server in (ONE, TWO):
        world.cloud.server(PLACE, server, Tier="web")
    refresh(world)
    return world


def release(world: World, value: str) -> None:
    """kubectl annotate, stamped by the API server."""
    world.cluster.annotate(ProtectionGroup, NAMESPACE, "db", BY, "jane")
    world.cluster.annotate(ProtectionGroup, NAMESPACE, "db", RELEASE, value)
    settle(world)


@pytest.mark.parametrize(
    ("value", "stay", "says"),
    [
        ("all", {THREE: "Member"}, "let go: host-001, host-002"),
        (ONE, {TWO: "Leaving", THREE: "Member"}, "let go: host-001"),
        (f"{ONE}, {TWO}", {THREE: "Member"}, "let go: host-001, host-002"),
        (f"{ONE},{THREE}", {TWO: "Leaving", THREE: "Member"}, f"let go: host-001; not Leaving: {THREE}"),
    ],
    ids=["all", "one", "two", "one is no Leaving server"],
)
def test_released_servers_go(leaving: World, value: str, stay: dict[str, str], says: str) -> None:
    release(leaving, value)
    assert members(leaving, "db") == stay
    assert told(leaving, "CommandAccepted") == [f"release-servers={value} by jane: {says}"]
    assert says in leaving.condition(ProtectionGroup, "db", "MembershipStable").message
    assert set(seen(leaving, "db").metadata.annotations) == set()
    assert seen(leaving, "db").status.version == 2
    assert_in_step(leaving)
    refresh(leaving)  # the account counts who is unprotected now
    done = len(leaving.effects.done)
    refresh(leaving, 3)
    assert len(leaving.effects.done) == done


@pytest.mark.parametrize("value", [THREE, server_id(9), "", "everything"])
def test_a_release_of_nobody_is_refused(leaving: World, value: str) -> None:
    release(leaving, value)
    assert members(leaving, "db") == {ONE: "Leaving", TWO: "Leaving", THREE: "Member"}
    (message,) = told(leaving, "CommandRefused")
    assert "NOTHING_TO_RELEASE: Leaving are: " in message
    assert "NOTHING_TO_RELEASE" in leaving.condition(ProtectionGroup, "db", "MembershipStable").message
    assert set(seen(leaving, "db").metadata.annotations) == set()


def test_a_value_is_honoured_once_though_the_operator_was_started_anew(leaving: World) -> None:
    release(leaving, "all")
    leaving.cloud.server(PLACE, THREE, Tier="web")
    refresh(leaving)
    leaving.start_operator()
    release(leaving, "all")
    assert members(leaving, "db") == {THREE: "Leaving"}
    assert len(told(leaving, "CommandAccepted")) == 1, "ignored silently"
    assert set(seen(leaving, "db").metadata.annotations) == set()


def test_a_release_waits_for_the_ledger(leaving: World) -> None:
    leaving.tables.failure = ReadFailed("LEDGER_UNREACHABLE", "the ledger does not answer")
    release(leaving, "all")
    assert members(leaving, "db")[ONE] == "Leaving"
    assert RELEASE in seen(leaving, "db").metadata.annotations
    leaving.tables.failure = None
    refresh(leaving, 2)
    assert members(leaving, "db") == {THREE: "Member"}
    assert len(told(leaving, "CommandAccepted")) == 1


def test_a_suspended_group_lets_nobody_go(leaving: World) -> None:
    edit(leaving, "db", suspend=True)
    settle(leaving)
    release(leaving, "all")
    assert members(leaving, "db") == {ONE: "Leaving", TWO: "Leaving", THREE: "Member"}
    assert "suspended" in told(leaving, "CommandRefused")[0]
