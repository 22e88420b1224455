"""Who uses an account: its deletion while it is used, several objects for one account, another account by the name."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.planning.facts import Failure
from drs_operator.reconcilers.access import entry
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World

OTHER_ID = "210987654321"


@pytest.fixture
def world() -> World:
    world = World()
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.cloud.server(PLACE, "s-00000000000000001", Tier="db")
    return world


def account_of(world: World, name: str = "production") -> TargetAccount | None:
    return world.cluster.now(TargetAccount, None, name)


# --- deletion -------------------------------------------------------------------------------------------------------


def test_an_account_that_nobody_uses_goes_at_once(world: World) -> None:
    world.account("production")
    world.wait(60)
    world.cluster.delete(TargetAccount, None, "production")
    world.wait(1)
    assert account_of(world) is None


def test_an_account_in_use_stays_usable_until_the_last_group_is_gone(world: World) -> None:
    world.account("production")
    for name in ("db", "db-copy"):
        world.group(name, Tier="db")
    world.wait(300)
    world.cluster.delete(TargetAccount, None, "production")
    world.wait(3600)
    ready = world.condition(TargetAccount, "production")
    assert ready.status == "True"
    assert "being deleted, and 2 protection groups use it" in ready.message
    assert "db-copy" not in str(world.cluster.status(TargetAccount, None, "production")), "names would leak"
    told = [event for event in world.cluster.events if event.reason == "InUse"]
    assert [(event.warning, event.name) for event in told] == [(True, "production")], "once, in an hour"
    assert "2 protection groups use it" in told[0].message
    world.cloud.server(PLACE, "s-00000000000000002", Tier="db")
    world.wait(300)
    found = world.cluster.now(ProtectionGroup, NAMESPACE, "db")
    assert found is not None
    assert found.status.server_count == 2, "groups on it are looked at as ever"
    world.cluster.delete(ProtectionGroup, NAMESPACE, "db")
    world.wait(120)
    assert "1 protection group uses it" in world.condition(TargetAccount, "production").message
    world.cluster.delete(ProtectionGroup, NAMESPACE, "db-copy")
    world.wait(1)
    assert account_of(world) is None


def test_the_finalizer_is_put_on_before_anything_is_read(world: World) -> None:
    """A deletion right after the creation would otherwise leave groups with nothing."""
    world.account("production")
    world.wait(60)
    assert world.effects.done[:2] == ["add finalizer", "write status"]
    assert world.effects.done.count("add finalizer") == 1


def test_the_deletion_of_an_account_that_was_never_seen_is_not_held_up(world: World) -> None:
    world.account("production")
    world.cluster.delete(TargetAccount, None, "production")
    world.wait(1)
    assert account_of(world) is None
    assert world.cloud.calls == []


# --- one id, several objects ----------------------------------------------------------------------------------------


def test_the_younger_of_two_objects_for_one_account_is_not_used_and_heals_by_itself(world: World) -> None:
    world.account("production")
    world.clock.advance(5)
    world.account("copy")
    world.group("db", Tier="db")
    world.group("stranded", account="copy", Tier="db")
    world.wait(300)
    ready = world.condition(TargetAccount, "copy")
    assert (ready.status, ready.reason) == ("False", "AlreadyExists")
    assert all(part in ready.message for part in (ACCOUNT_ID, "TargetAccount production", "kubectl delete drta copy"))
    assert world.condition(TargetAccount, "production").status == "True"
    assert world.condition(ProtectionGroup, "db").status == "True"
    stranded = world.condition(ProtectionGroup, "stranded")
    assert (stranded.status == "True", stranded.reason) == (False, "AlreadyExists")
    found = world.cluster.now(ProtectionGroup, NAMESPACE, "stranded")
    assert found is not None
    assert found.status.servers == [], "it is not evaluated"
    world.cluster.delete(ProtectionGroup, NAMESPACE, "db")
    world.cluster.delete(TargetAccount, None, "production")
    world.wait(300)
    assert account_of(world, "production") is None
    assert world.condition(TargetAccount, "copy").status == "True"
    assert world.condition(ProtectionGroup, "stranded").status == "True"


def test_the_younger_object_costs_no_call(world: World) -> None:
    world.account("production")
    world.clock.advance(5)
    world.account("copy", externalId="whatever")
    world.wait(600)
    calls = len(world.cloud.calls)
    assert [event.reason for event in world.cluster.events if event.name == "copy"] == ["AlreadyExists"]
    alone = World()
    alone.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    alone.cloud.server(PLACE, "s-00000000000000001", Tier="db")
    alone.account("production")
    alone.wait(605)
    assert abs(calls - len(alone.cloud.calls)) <= 1


# --- another account behind the name --------------------------------------------------------------------------------


async def test_a_name_that_leads_to_another_account_than_before_is_refused(world: World) -> None:
    world.account("production", OTHER_ID)
    world.objects.catch_up()
    found = await entry(world.context, "production", NAMESPACE, ACCOUNT_ID)
    assert isinstance(found, Failure)
    assert found.code == "ACCOUNT_CHANGED"
    assert all(part in found.message for part in ("production", ACCOUNT_ID, OTHER_ID))
    for remembered in (OTHER_ID, None):
        assert not isinstance(await entry(world.context, "production", NAMESPACE, remembered), Failure)


# --- namespaces -----------------------------------------------------------------------------------------------------


def test_a_namespace_whose_labels_change_is_let_in_and_out(world: World) -> None:
    selector = {"matchLabels": {"tenant": "payments"}}
    world.account("production", allowedNamespaces={"from": "Selector", "selector": selector})
    world.group("db", Tier="db")
    world.wait(300)
    refused = world.condition(ProtectionGroup, "db")
    assert (refused.status, refused.reason) == ("False", "NamespaceNotAllowed")
    assert all(part in refused.message for part in ("production", NAMESPACE, "kubectl label namespace"))
    world.cluster.labels[NAMESPACE] = {"tenant": "payments"}
    world.wait(300)
    assert world.condition(ProtectionGroup, "db").status == "True"
    world.cluster.labels[NAMESPACE] = {"tenant": "web"}
    world.wait(300)
    assert world.condition(ProtectionGroup, "db").reason == "NamespaceNotAllowed"
