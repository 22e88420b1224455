"""`drs-operator ledger verify` as a person runs it, with the operator's role: a real API server, a real DynamoDB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.ledger import installation
from drs_operator.ledger.dynamo import DynamoLedger
from drs_operator.ledger.store import Store
from drs_operator.planning.claims import Owner, server_key
from drs_operator.planning.facts import Place
from drs_operator.planning.leadership import Known
from drs_operator.planning.mirrors import group_mirror, implied_by_group, owner_of
from drs_sandbox.up import Sandbox
from tests.builders import NOW
from tests.e2e.harness import Kubectl, Operator, group

NAMESPACE = "verify"
NAME = "e2e-verify"
PLACE = Place("123456789012", "us-east-1")
SERVERS = [f"s-verify00000000{number:03d}" for number in range(3)]
GONE = Owner("pg-gone", NAME, NAMESPACE, "gone", "gone")


@pytest.fixture
def store(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The ledger, where this cluster leads the installation."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    with closing(Store("drs", None)) as opened:
        yield opened


@pytest.fixture
def web(kubectl: Kubectl, store: Store) -> Iterator[ProtectionGroup]:
    """A group of two servers that an operator has looked at, with everything that it has in the ledger."""
    kubectl("create", "namespace", NAMESPACE)
    kubectl.apply(group(NAMESPACE, "web", "web"))
    status = {
        "observedGeneration": 1,
        "accountId": PLACE.account_id,
        "servers": [{"serverId": server_id, "membership": "Member"} for server_id in SERVERS[:2]],
    }
    patch = json.dumps({"status": status})
    kubectl("patch", "drpg", "web", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch)
    resource = ProtectionGroup.model_validate(kubectl.get("drpg", "web", NAMESPACE))
    cluster = kubectl.get("namespace", "kube-system")["metadata"]["uid"]

    async def fill() -> None:
        ledger = DynamoLedger(store, 0)
        await installation.take(store, NAME, cluster, "test", Known())
        for key in implied_by_group(resource, NAME):
            assert await ledger.take(key, owner_of(resource, NAME)) is None
        await ledger.save_mirror(group_mirror(resource, NAME), None, NOW)

    asyncio.run(fill())
    yield resource
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_what_differs_is_told_and_mended(sandbox: Sandbox, store: Store, web: ProtectionGroup, tmp_path: Path) -> None:
    command = Operator(
        sandbox, tmp_path / "log", DRS_OPERATOR_INSTALLATION=NAME, DRS_OPERATOR_NAMESPACES=NAMESPACE
    ).command
    ledger, mine = DynamoLedger(store, 0), owner_of(web, NAME)
    lost, held, surplus = (server_key(PLACE, server_id) for server_id in SERVERS)

    def told(*arguments: str, code: int) -> dict[str, Any]:
        done = command("ledger", "verify", "-o", "json", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def kinds(differences: list[dict[str, Any]]) -> set[tuple[str, str]]:
        return {(difference["kind"], difference["key"]) for difference in differences}

    assert told(code=0) == {
        "installation": NAME,
        "same": True,
        "claims": 4,
        "rows": 1,
        "note": None,
        "repairs": [],
        "differences": [],
        "notCompared": [],
    }

    async def disturb() -> None:
        await ledger.let_go(lost, mine.id)
        await ledger.take(surplus, GONE)
        await ledger.delete_mirror(mine.id)
        await ledger.hold_servers(PLACE, [SERVERS[1]], "exec-1", "dr/drill")

    asyncio.run(disturb())
    wrong = {("ClaimMissing", lost), ("ClaimSurplus", surplus), ("MirrorMissing", mine.id)}
    assert kinds(told(code=1)["differences"]) == wrong
    mended = told("--repair", code=0)
    assert kinds(mended["repairs"]) == wrong
    assert all(repair["done"] for repair in mended["repairs"])
    assert mended["differences"] == []
    table = command("ledger", "verify")
    assert table.returncode == 0
    assert table.stdout == f"installation {NAME}: 4 claims and 1 row in the ledger; nothing differs\n"

    async def stands() -> Any:
        standings = [await ledger.standing(key) for key in (lost, held, surplus)]
        return [(standing.owner, standing.held_by) if standing else None for standing in standings]

    assert asyncio.run(stands()) == [(mine, None), (mine, "exec-1"), None]


def test_a_cluster_that_does_not_lead_repairs_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    command = Operator(sandbox, tmp_path / "log", DRS_OPERATOR_INSTALLATION="nobody").command
    done = command("ledger", "verify", "--repair")
    assert done.returncode == 2
    assert "nothing was repaired: nobody has led installation nobody" in done.stderr
