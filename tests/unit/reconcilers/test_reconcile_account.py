"""TargetAccount: what its Regions answered, and what to do when it cannot be entered."""

from __future__ import annotations

from collections import Counter

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.planning.facts import Place
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, PLACE, World


@pytest.fixture
def world() -> World:
    world = World()
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.cloud.server(PLACE, "s-00000000000000001", Tier="db")
    return world


def settle(world: World) -> TargetAccount:
    """Lets the account be looked at, and returns it."""
    world.wait(1, TargetAccount)
    (found,) = [o for o in world.cluster.everything() if isinstance(o, TargetAccount)]
    return found


def test_an_account_says_what_its_regions_have(world: World) -> None:
    world.account("production")
    status = settle(world).status
    assert world.condition(TargetAccount, "production").status == "True"
    assert status.role_arn == f"arn:aws:iam::{ACCOUNT_ID}:role/DRSOrchestrationRole"
    assert [(r.name, r.state, r.source_servers) for r in status.regions] == [("us-east-1", "ACTIVE", 1)]
    assert status.unprotected_servers == 1
    assert world.reasons("production") == ["Ready"]


def test_regions_come_from_the_groups_too(world: World) -> None:
    world.account("production", regions=["eu-central-1"])
    world.group("db", Tier="db")
    status = settle(world).status
    assert [region.name for region in status.regions] == ["eu-central-1", "us-east-1"]
    assert status.used_by_count == 1


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"externalId": "wrong"}, "AWS refuses another external id"),
        ({"accountId": "999999999999"}, "there is no such role"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_role_that_is_refused(world: World, fields: dict[str, str], because: str) -> None:
    world.account("production", fields.pop("accountId", ACCOUNT_ID), **fields)
    settle(world)
    ready = world.condition(TargetAccount, "production")
    assert (ready.status, ready.reason) == ("False", "RoleAssumptionFailed"), because
    assert world.condition(TargetAccount, "production", "Reachable").status == "False"
    assert EXTERNAL_ID not in str(world.cluster.status(TargetAccount, None, "production"))


def test_an_external_id_from_a_secret(world: World) -> None:
    ref = {"namespace": "drs-system", "name": "ids", "key": "production"}
    world.account("production", externalId=None, externalIdSecretRef=ref)
    settle(world)
    ready = world.condition(TargetAccount, "production")
    assert (ready.status, ready.reason) == ("False", "RoleAssumptionFailed")
    assert "kubectl create secret generic ids -n drs-system --from-literal=production=" in ready.message
    world.cluster.secrets[("drs-system", "ids", "production")] = EXTERNAL_ID
    world.wait(120, TargetAccount)
    assert world.condition(TargetAccount, "production").status == "True", "it is looked at again by itself"


def test_a_secret_is_read_once_and_again_when_sts_refuses_what_it_held(world: World) -> None:
    """A rotation heals at the account's next look, and steady state asks the API server for nothing."""
    ref = {"namespace": "drs-system", "name": "ids", "key": "production"}
    world.cluster.secrets[("drs-system", "ids", "production")] = EXTERNAL_ID
    world.account("production", externalId=None, externalIdSecretRef=ref)
    for name in ("db", "app", "web"):
        world.group(name, Tier=name)
    world.wait(3600)
    assert world.condition(TargetAccount, "production").status == "True"
    assert world.cluster.secret_reads == 1
    world.cloud.account(ACCOUNT_ID, "the-next-external-id")
    world.cluster.secrets[("drs-system", "ids", "production")] = "the-next-external-id"
    world.wait(120)
    assert world.condition(TargetAccount, "production").status == "True"
    assert world.condition(ProtectionGroup, "db").status == "True"
    assert world.cluster.secret_reads == 2


def test_a_secret_that_is_wrong_is_read_again_at_every_look_and_no_more(world: World) -> None:
    ref = {"namespace": "drs-system", "name": "ids", "key": "production"}
    world.cluster.secrets[("drs-system", "ids", "production")] = "wrong"
    world.account("production", externalId=None, externalIdSecretRef=ref)
    world.wait(600)
    assert world.condition(TargetAccount, "production").reason == "RoleAssumptionFailed"
    assert world.cluster.secret_reads <= 13
    assert world.reasons("production") == ["RoleAssumptionFailed"], "told once"
    assert "wrong" not in str(world.cluster.status(TargetAccount, None, "production"))


def test_an_api_server_that_is_away_says_nothing_about_the_account(world: World) -> None:
    ref = {"namespace": "drs-system", "name": "ids", "key": "production"}
    world.account("production", externalId=None, externalIdSecretRef=ref)
    world.cluster.failing_secrets = ReadFailed("INTERNAL_ERROR", "the API server does not answer")
    world.wait(120)
    assert world.cluster.status(TargetAccount, None, "production") == {}
    world.cluster.failing_secrets = None
    world.cluster.secrets[("drs-system", "ids", "production")] = EXTERNAL_ID
    world.wait(120)
    assert world.condition(TargetAccount, "production").status == "True"


def test_one_region_that_is_deaf_takes_nothing_from_the_others(world: World) -> None:
    """By counts: the others are read and written as they would be without it."""
    counts = []
    for deaf in (set[Place](), {Place(ACCOUNT_ID, "eu-central-1")}):
        other = World()
        other.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
        other.cloud.server(PLACE, "s-00000000000000001", Tier="db")
        other.cloud.deaf = deaf
        other.account("production", regions=["us-east-1", "eu-central-1"])
        other.group("db", Tier="db")
        other.wait(600)
        assert other.condition(ProtectionGroup, "db").status == "True"
        status = other.cluster.status(TargetAccount, None, "production")
        states = {region["name"]: region["state"] for region in status["regions"]}
        assert states == {"us-east-1": "ACTIVE", "eu-central-1": "UNREACHABLE" if deaf else "ACTIVE"}
        assert other.condition(TargetAccount, "production").status == "True"
        calls = Counter(operation for operation, place in other.cloud.calls if place == PLACE)
        counts.append((calls, Counter(other.effects.done)))
    assert counts[0] == counts[1]


def test_a_region_that_does_not_answer_does_not_hide_the_others(world: World) -> None:
    world.account("production", regions=["us-east-1"])
    settle(world)
    world.cloud.failing["inventory"] = ReadFailed("DRS_ERROR", "us-east-1 does not answer")
    world.wait(120, TargetAccount)
    ready = world.condition(TargetAccount, "production")
    assert (ready.status, ready.reason) == ("False", "AccountUnavailable")
    assert "does not answer" in ready.message
    del world.cloud.failing["inventory"]
    world.wait(120, TargetAccount)
    assert world.condition(TargetAccount, "production").status == "True"
    assert world.reasons("production") == ["Ready", "AccountUnavailable", "Ready"], "each transition is told once"


def test_it_is_read_again_when_asked(world: World) -> None:
    world.account("production")
    settle(world)
    world.cloud.server(PLACE, "s-00000000000000002", Tier="db")
    world.cluster.annotate(TargetAccount, None, "production", "drs-operator.io/reconcile", "now-1")
    status = settle(world).status
    assert status.source_servers == 2
    assert status.last_handled_reconcile == "now-1"
