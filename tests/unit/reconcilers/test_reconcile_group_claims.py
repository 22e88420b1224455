"""What groups claim: who wins, who waits, and that nothing is leaked."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
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

OUTAGE = ReadFailed("LEDGER_UNREACHABLE", "the ledger in eu-west-1 does not answer")
REFUSED = ReadFailed("DYNAMODB_ERROR", "PutItem on the ledger: AccessDeniedException")


@pytest.fixture
def world() -> World:
    return group_world()


def writes(world: World, *names: str) -> int:
    """How often something of these names was done."""
    return sum(world.effects.done.count(name) for name in names)


def test_to_converge_it_takes_its_claims_one_row_a_finalizer_and_a_status(world: World) -> None:
    create(world, "db")
    settle(world)
    assert ready(world, "db") == ("True", "Ready")
    assert writes(world, "take claim") == 5, "its name, its tags and three servers"
    assert writes(world, "save mirror") == 1
    assert (world.effects.done.count("add finalizer"), seen(world, "db").status.version) == (2, 1), "account and group"
    assert_in_step(world)
    done = len(world.effects.done)
    refresh(world, 10)
    assert len(world.effects.done) == done, "steady state writes nothing"


def test_the_first_claim_wins_and_the_loser_is_told_by_whom(world: World) -> None:
    create(world, "first")
    settle(world)
    create(world, "second", sourceServerIds=[ONE, TWO])
    settle(world)
    assert ready(world, "first") == ("True", "Ready")
    assert ready(world, "second") == ("False", "ServerConflict")
    message = world.condition(ProtectionGroup, "second", "NoConflicts").message
    assert "held by ProtectionGroup dr/first" in message
    status = seen(world, "second").status
    assert (status.conflict_count, status.servers) == (2, [])
    assert [(c.server_id, c.current_group_name) for c in status.conflicts] == [(ONE, "first"), (TWO, "first")]
    assert_in_step(world)


def test_the_loser_becomes_ready_by_itself_when_the_winner_goes(world: World) -> None:
    create(world, "first")
    settle(world)
    create(world, "second", sourceServerIds=[ONE, TWO])
    settle(world)
    delete(world, "first")
    settle(world, 2)
    assert gone(world, "first")
    assert ready(world, "second") == ("True", "Ready"), "within seconds, without a refresh"
    assert holders(world) == {ONE: "test/dr/second", TWO: "test/dr/second"}
    assert_in_step(world)


def test_identical_tags_are_refused_and_the_loser_keeps_to_what_it_has(world: World) -> None:
    create(world, "first", serverSelectionTags={"Tier": "DB "})
    settle(world)
    create(world, "second")
    settle(world)
    assert ready(world, "second") == ("False", "TagConflict")
    assert "dr/first" in world.condition(ProtectionGroup, "second").message
    world.cloud.server(PLACE, server_id(4), Tier="db")
    refresh(world)
    assert holders(world)[server_id(4)] == "test/dr/first", "new servers are those of the group that has the tags"
    delete(world, "first")
    settle(world, 2)
    assert ready(world, "second") == ("True", "Ready")
    assert_in_step(world)


def test_a_name_is_unique_in_its_namespace_whatever_the_case(world: World) -> None:
    create(world, "first", displayName="Databases", sourceServerIds=[ONE])
    settle(world)
    create(world, "second", displayName="DATABASES", sourceServerIds=[TWO])
    create(world, "elsewhere", namespace="other", displayName="databases", sourceServerIds=[THREE])
    settle(world)
    assert ready(world, "second") == ("False", "PgNameExists")
    message = world.condition(ProtectionGroup, "second").message
    assert 'dr/first ("Databases")' in message
    assert "spec.displayName" in message
    assert [c.status for c in seen(world, "elsewhere", "other").status.conditions if c.type == "Ready"] == ["True"]
    edit(world, "second", displayName="Other databases")
    settle(world)
    assert ready(world, "second") == ("True", "Ready")
    assert_in_step(world)


def test_a_rename_moves_the_name_and_tells_others_the_new_one(world: World) -> None:
    create(world, "db", displayName="Old")
    settle(world)
    edit(world, "db", displayName="New")
    settle(world)
    assert {owner.display_name for owner in world.tables.claims.values()} == {"New"}
    assert seen(world, "db").status.version == 2
    assert_in_step(world)


def test_a_server_that_leaves_by_an_edit_goes_to_who_waits_for_it(world: World) -> None:
    create(world, "first", sourceServerIds=[ONE, TWO])
    settle(world)
    create(world, "second", sourceServerIds=[TWO, THREE])
    settle(world)
    edit(world, "first", sourceServerIds=[ONE])
    settle(world, 2)
    assert holders(world) == {ONE: "test/dr/first", TWO: "test/dr/second", THREE: "test/dr/second"}
    assert ready(world, "second") == ("True", "Ready")
    assert_in_step(world)


def test_a_leaving_server_goes_to_another_group_that_selects_it(world: World) -> None:
    create(world, "first")
    settle(world)
    world.cloud.server(PLACE, ONE, Tier="web")
    refresh(world)
    assert members(world, "first")[ONE] == "Leaving"
    create(world, "second", serverSelectionTags={"Tier": "web"})
    settle(world, 2)
    assert members(world, "second") == {ONE: "Member"}
    assert ONE not in members(world, "first")
    assert world.condition(ProtectionGroup, "first", "MembershipStable").status == "True"
    assert_in_step(world)


def test_a_leaving_server_stays_when_who_waited_for_it_does_not_select_it_any_more(world: World) -> None:
    create(world, "first")
    settle(world)
    create(world, "second", serverSelectionTags={"Tier": "DB", "Site": "a"})
    world.cloud.server(PLACE, ONE, Tier="db", Site="a")
    refresh(world)
    assert ready(world, "second") == ("False", "ServerConflict")
    world.cloud.server(PLACE, ONE, Site="a")
    refresh(world, 2)
    assert members(world, "first")[ONE] == "Leaving", "it falls to nobody"
    assert ready(world, "second") == ("False", "TooFewServers")
    assert_in_step(world)


def test_two_installations_on_one_ledger() -> None:
    east = group_world("east")
    west = group_world("west", beside=east)
    create(east, "db")
    settle(east)
    create(west, "db")
    settle(west)
    assert ready(west, "db") == ("False", "TagConflict")
    message = west.condition(ProtectionGroup, "db", "NoConflicts").message
    assert "dr/db of installation east" in message
    assert {owner.installation for owner in east.tables.claims.values() if owner.name == "db"} == {"east", "west"}
    delete(east, "db")
    settle(east, 2)
    assert ready(west, "db") == ("False", "TagConflict"), "nobody has told it yet"
    refresh(west, 2)
    assert ready(west, "db") == ("True", "Ready"), "it looks again with the refresh"
    assert_in_step(east, west)


@pytest.mark.parametrize(
    ("failure", "want"),
    [(OUTAGE, ("Unknown", "LedgerUnreachable")), (REFUSED, ("False", "DynamodbError"))],
    ids=["no answer", "refused"],
)
def test_while_the_ledger_fails_membership_and_claims_stay(
    world: World, failure: ReadFailed, want: tuple[str, str]
) -> None:
    create(world, "db", membership={"onLeave": "Follow"})
    settle(world)
    before = dict(world.tables.claims)
    world.tables.failure = failure
    refresh(world, 2)
    assert ready(world, "db") == ("True", "Ready"), "nothing is to be written, so nothing is missed"
    world.cloud.server(PLACE, ONE, Tier="web")
    world.cloud.server(PLACE, server_id(4), Tier="db")
    refresh(world, 2)
    synced = world.condition(ProtectionGroup, "db", "LedgerSynced")
    assert (synced.status, synced.reason) == want
    assert ready(world, "db") == want
    assert members(world, "db") == {ONE: "Member", TWO: "Member", THREE: "Member"}
    assert (world.tables.claims, seen(world, "db").status.version) == (before, 1)
    world.tables.failure = None
    refresh(world)
    assert members(world, "db") == {TWO: "Member", THREE: "Member", server_id(4): "Member"}
    assert (ready(world, "db"), seen(world, "db").status.version) == (("True", "Ready"), 2)
    assert_in_step(world)


def test_an_edit_during_an_outage_takes_effect_when_it_is_over(world: World) -> None:
    create(world, "db")
    settle(world)
    world.tables.failure = OUTAGE
    world.cloud.server(PLACE, server_id(4), Tier="web")
    edit(world, "db", serverSelectionTags={"Tier": "web"})
    refresh(world, 3)
    assert set(members(world, "db")) == {ONE, TWO, THREE}
    world.tables.failure = None
    refresh(world, 2)
    assert members(world, "db") == {server_id(4): "Member"}, "its own edit holds nobody"
    assert_in_step(world)


def test_a_group_whose_account_is_gone_keeps_its_claims_and_can_be_deleted(world: World) -> None:
    create(world, "db")
    settle(world)
    before = dict(world.tables.claims)
    world.cluster.delete(TargetAccount, None, "production", force=True)
    refresh(world, 3)
    assert ready(world, "db") == ("False", "TargetAccountNotFound")
    assert world.tables.claims == before
    assert set(members(world, "db")) == {ONE, TWO, THREE}
    edit(world, "db", displayName="Renamed meanwhile")
    settle(world)
    assert_in_step(world)
    delete(world, "db")
    settle(world, 2)
    assert gone(world, "db")
    assert (world.tables.claims, world.tables.mirrors) == ({}, {})


@pytest.mark.parametrize("status_lost", [False, True], ids=["status kept", "status lost"])
def test_an_account_whose_id_changes_behind_its_name_moves_nothing(world: World, status_lost: bool) -> None:
    create(world, "db")
    settle(world)
    before = dict(world.tables.claims)
    if status_lost:
        world.cluster.lose_status(ProtectionGroup, NAMESPACE, "db")
    world.cluster.delete(TargetAccount, None, "production", force=True)
    world.cloud.account("999999999999", "unique-external-id-123")
    world.account("production", "999999999999")
    world.start_operator()
    refresh(world, 2)
    assert ready(world, "db") == ("False", "AccountChanged")
    message = world.condition(ProtectionGroup, "db").message
    assert "123456789012" in message
    assert "999999999999" in message
    assert world.tables.claims == before
    assert set(members(world, "db")) == {ONE, TWO, THREE}
    assert_in_step(world)


def test_a_restored_object_without_status_holds_what_the_ledger_says(world: World) -> None:
    create(world, "db")
    settle(world)
    world.cloud.server(PLACE, ONE, Tier="web")
    refresh(world)
    world.cluster.lose_status(ProtectionGroup, NAMESPACE, "db")
    world.start_operator()
    settle(world)
    assert members(world, "db") == {ONE: "Leaving", TWO: "Member", THREE: "Member"}, "nobody falls out silently"
    assert seen(world, "db").status.version == 1, "the row says the same"
    assert_in_step(world)


def test_a_rebuilt_cluster_finds_its_own_claims() -> None:
    old = group_world()
    create(old, "db")
    settle(old)
    rebuilt = group_world(beside=old)
    create(rebuilt, "db")
    settle(rebuilt)
    assert ready(rebuilt, "db") == ("True", "Ready")
    assert writes(rebuilt, "take claim", "save mirror") == 0
    assert_in_step(rebuilt)
