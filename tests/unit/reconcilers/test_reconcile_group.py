"""ProtectionGroup: who belongs to it, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World

FIRST, SECOND = "s-00000000000000001", "s-00000000000000002"


@pytest.fixture
def world() -> World:
    world = World()
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.cloud.server(PLACE, FIRST, Tier="db")
    return world


def settle(world: World, seconds: float = 1) -> ProtectionGroup:
    """Lets everything be looked at, and returns the group `db`."""
    world.wait(seconds, TargetAccount, ProtectionGroup)
    (found,) = [o for o in world.cluster.everything() if isinstance(o, ProtectionGroup)]
    return found


def members(group: ProtectionGroup) -> list[tuple[str, str]]:
    """Servers and whether they are members or leaving."""
    return [(server.server_id, str(server.membership)) for server in group.status.servers]


def test_tags_are_resolved(world: World) -> None:
    world.account("production")
    world.group("db", Tier="DB ")
    group = settle(world)
    assert members(group) == [(FIRST, "Member")]
    assert group.status.account_id == ACCOUNT_ID
    assert group.status.group_id is not None
    assert world.condition(ProtectionGroup, "db").status == "True"


@pytest.mark.parametrize(
    ("account", "labels", "reason", "says"),
    [
        (None, {}, "TargetAccountNotFound", "create it"),
        ({"externalId": "wrong"}, {}, "RoleAssumptionFailed", "could not be assumed"),
        (
            {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"tenant": "payments"}}}},
            {"tenant": "orders"},
            "NamespaceNotAllowed",
            "label the namespace",
        ),
    ],
    ids=["unknown account", "role refused", "namespace not allowed"],
)
def test_a_group_whose_account_cannot_be_used(
    world: World, account: dict[str, Any] | None, labels: dict[str, str], reason: str, says: str
) -> None:
    world.cluster.labels[NAMESPACE] = labels
    if account is not None:
        world.account("production", **account)
    world.group("db", Tier="db")
    group = settle(world)
    ready = world.condition(ProtectionGroup, "db")
    assert ready.status != "True"
    assert ready.reason == reason
    assert says in ready.message
    assert group.status.servers == []
    assert reason in world.reasons("db")


def test_tags_that_match_nothing(world: World) -> None:
    world.account("production")
    world.group("db", Tier="nothing")
    settle(world)
    ready = world.condition(ProtectionGroup, "db")
    assert (ready.status, ready.reason) == ("False", "TooFewServers")
    assert "aws drs describe-source-servers --region us-east-1" in ready.message


def test_an_allowed_namespace_is_let_in(world: World) -> None:
    world.account(
        "production", allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {"tenant": "payments"}}}
    )
    world.group("db", Tier="db")
    world.cluster.labels[NAMESPACE] = {"tenant": "payments"}
    settle(world)
    assert world.condition(ProtectionGroup, "db").status == "True"


def test_an_account_that_comes_later_is_found_without_any_change_of_the_group(world: World) -> None:
    world.group("db", Tier="db")
    settle(world)
    assert world.condition(ProtectionGroup, "db").reason == "TargetAccountNotFound"
    world.account("production", externalId="wrong")
    settle(world, 300)
    assert world.condition(ProtectionGroup, "db").reason == "RoleAssumptionFailed", "what stands in the way now"
    world.cluster.edit(TargetAccount, None, "production", externalId=EXTERNAL_ID)
    settle(world, 300)
    assert world.condition(ProtectionGroup, "db").status == "True"


def test_a_group_keeps_its_members_while_the_account_does_not_answer(world: World) -> None:
    world.account("production")
    world.group("db", Tier="db")
    settle(world)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "us-east-1 does not answer")
    group = settle(world, 300)
    ready = world.condition(ProtectionGroup, "db")
    assert (ready.status, ready.reason) == ("Unknown", "DrsError"), "nothing is concluded from a failed read"
    assert members(group) == [(FIRST, "Member")]


def test_a_server_whose_tags_change_stays_and_is_named(world: World) -> None:
    world.account("production")
    world.cloud.server(PLACE, SECOND, Tier="db")
    world.group("db", Tier="db")
    settle(world)
    world.cloud.server(PLACE, FIRST, Tier="web")
    group = settle(world, 300)
    assert members(group) == [(FIRST, "Leaving"), (SECOND, "Member")]
    assert world.condition(ProtectionGroup, "db", "MembershipStable").status == "False"
    assert world.condition(ProtectionGroup, "db").status == "True", "a leaving server is still a member"


def test_a_server_in_doubt_is_judged_by_its_recovery_points(world: World) -> None:
    world.account("production")
    world.cloud.server(PLACE, FIRST, state="STALLED", points=1, Tier="db")
    world.cloud.server(PLACE, SECOND, state="INITIAL_SYNC", points=0, Tier="db")
    world.group("db", Tier="db")
    group = settle(world)
    assert [server.recoverable for server in group.status.servers] == [True, False]
    ready = world.condition(ProtectionGroup, "db")
    assert (ready.status, ready.reason) == ("False", "NoRecoveryPoint")


def test_it_knows_who_uses_it_and_what_runs() -> None:
    world = World()
    world.quickstart()
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.wait(1)
    status = next(
        o.status for o in world.cluster.everything() if isinstance(o, ProtectionGroup) and o.metadata.name == "db"
    )
    assert status.used_by_plans == ["production"]
    assert status.active_executions == ["drill"]
    world.command("resume", "2.1")
    world.until(world.finished)
    world.wait(120)
    assert world.cluster.status(ProtectionGroup, NAMESPACE, "db")["activeExecutions"] == []
