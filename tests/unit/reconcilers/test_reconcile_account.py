"""TargetAccount: what its Regions answered, and what to do when it cannot be entered."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import TargetAccount
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
