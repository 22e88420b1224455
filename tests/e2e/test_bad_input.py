"""What the API server cannot catch ends in a condition with a reason and a next step, and hurts nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import Kubectl, Operator, account, eventually, group, plan


def _condition(kubectl: Kubectl, kind: str, name: str, namespace: str | None, type: str, reason: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        condition = kubectl.condition(kind, name, namespace, type)
        return condition if condition.get("reason") == reason else None

    return dict(eventually(f"{kind}/{name} {type} {reason}", found))


@pytest.mark.parametrize(
    ("name", "tier", "account_name", "type", "reason", "says"),
    [
        ("orphan", "database", "nobody", "ServersResolved", "TargetAccountNotFound", "TargetAccount nobody"),
        ("typo", "databse", "production", "ServersResolved", "TooFewServers", "Tier=databse"),
        ("unsynced", "new", "production", "ReplicationHealthy", "NoRecoveryPoint", "new-1"),
    ],
)
def test_groups_that_cannot_work_say_why(
    kubectl: Kubectl,
    operator: Operator,
    namespace: str,
    name: str,
    tier: str,
    account_name: str,
    type: str,
    reason: str,
    says: str,
) -> None:
    kubectl.apply(group(namespace, name, tier, account_name), plan(namespace, "bad", "db", name))
    condition = _condition(kubectl, "drpg", name, namespace, type, reason)
    assert says in condition["message"]
    ready = _condition(kubectl, "drpg", name, namespace, "Ready", reason)
    assert ready["status"] != "True"
    assert name in _condition(kubectl, "drplan", "bad", namespace, "Ready", reason)["message"]
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")


def test_a_plan_names_the_group_that_does_not_exist(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl.apply(plan(namespace, "hole", "db", "nothing"))
    condition = _condition(kubectl, "drplan", "hole", namespace, "Ready", "ProtectionGroupNotFound")
    assert "nothing" in condition["message"]


def test_an_account_that_refuses_says_so_and_others_work(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl.apply(account("refusing", "210987654321", "not-the-external-id", ["us-east-1"]))
    try:
        condition = _condition(kubectl, "drta", "refusing", None, "Ready", "RoleAssumptionFailed")
        assert "external id" in condition["message"]
        assert "not-the-external-id" not in condition["message"]
        kubectl("wait", "-n", namespace, "--for=condition=Ready", "drplan/three", "--timeout=60s")
        assert "not-the-external-id" not in operator.log
        assert "unique-external-id-123" not in operator.log
    finally:
        kubectl("delete", "drta/refusing")


def test_a_region_that_is_not_initialised_says_how_and_the_other_works(kubectl: Kubectl, operator: Operator) -> None:
    def regions() -> dict[str, Any] | None:
        found = {r["name"]: r for r in kubectl.status("drta", "production").get("regions", [])}
        return found if len(found) == 2 else None

    found = eventually("both Regions", regions)
    assert found["us-east-1"]["state"] == "ACTIVE"
    assert found["us-east-1"]["quotas"]["jobsInProgress"] == 20
    assert found["eu-west-1"]["state"] == "NOT_INITIALIZED"
    assert "aws drs initialize-service --region eu-west-1" in found["eu-west-1"]["message"]
    assert kubectl.condition("drta", "production", None, "Ready")["status"] == "True"
