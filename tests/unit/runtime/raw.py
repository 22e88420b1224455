"""Objects as the API server sends them."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]


def account(name: str = "production", version: int = 1, uid: str = "u1", **spec: Any) -> Raw:
    """A TargetAccount."""
    wanted = {"accountId": "123456789012", "allowedNamespaces": {"from": "All"}, **spec}
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": str(version)}, "spec": wanted, "status": {}}


def group(name: str = "db", version: int = 1, uid: str = "u1", used_by: tuple[str, ...] = ()) -> Raw:
    """A ProtectionGroup in namespace `dr`, of account `production`."""
    return {
        "metadata": {"name": name, "namespace": "dr", "uid": uid, "resourceVersion": str(version)},
        "spec": {
            "targetAccountRef": {"name": "production"},
            "region": "us-east-1",
            "serverSelectionMode": "tags",
            "serverSelectionTags": {"Tier": name},
        },
        "status": {"usedByPlans": list(used_by)},
    }


def plan(name: str = "production", groups: tuple[str, ...] = ("db",), version: int = 1) -> Raw:
    """A RecoveryPlan in namespace `dr`."""
    waves = [{"waveNumber": n, "name": g, "protectionGroupRef": {"name": g}} for n, g in enumerate(groups, start=1)]
    return {
        "metadata": {"name": name, "namespace": "dr", "uid": "u1", "resourceVersion": str(version)},
        "spec": {"waves": waves},
        "status": {},
    }


def execution(name: str = "drill", of: str = "production", version: int = 1) -> Raw:
    """A DRExecution in namespace `dr`."""
    return {
        "metadata": {"name": name, "namespace": "dr", "uid": "u1", "resourceVersion": str(version)},
        "spec": {"recoveryPlanRef": {"name": of}, "executionType": "DRILL"},
        "status": {},
    }
