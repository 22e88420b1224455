"""The crash matrix's own books: names of calls, the choice of points, results that are kept, and copies of the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.crash_matrix.breaks import BREAKS, copied, fingerprint
from tests.crash_matrix.gate import Gate
from tests.crash_matrix.points import Call, Point, aws_call, kube_call
from tests.crash_matrix.proxy import Dropped
from tests.crash_matrix.report import summary
from tests.crash_matrix.runner import Book, Result, points_of
from tests.crash_matrix.world import World

LAUNCH = "drs StartRecovery us-east-1 s-0db0000000001"


def scope(service: str, region: str = "us-east-1") -> dict[str, str]:
    return {"authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/{region}/{service}/aws4_request, x"}


def dynamodb(world: World, operation: str, table: str, **item: str) -> Call:
    body = json.dumps({"TableName": table, "Item": {name: {"S": value} for name, value in item.items()}})
    headers = {**scope("dynamodb"), "x-amz-target": f"DynamoDB_20120810.{operation}"}
    return aws_call("/", headers, body.encode(), world.plain)


@pytest.mark.parametrize("number", [1, 23])
def test_a_call_has_the_same_name_in_every_world(number: int) -> None:
    world = World(number)
    execution = f"exec-{number:017x}"
    row = {"executionId": execution, "item": "RUN", "planId": f"plan-{number:017x}"}
    server = json.dumps({"sourceServers": [{"sourceServerID": world.server_id("db", 1)}]}).encode()
    calls = [
        aws_call("/StartRecovery", scope("drs"), server, world.plain),
        aws_call("/DescribeJobs", scope("drs", "eu-west-1"), b"{}", world.plain),
        dynamodb(world, "PutItem", "drs-execution-history", **row),
        dynamodb(world, "PutItem", "drs-execution-history", **row, intents="Calling"),
        dynamodb(world, "PutItem", "drs-ledger", pk=f"RUN#{world.name}/drill", executionId=execution),
        kube_call(
            "PATCH", f"/apis/drs-operator.io/v1alpha1/namespaces/{world.name}/drexecutions/drill", b"", world.plain
        ),
        kube_call("PATCH", f"/apis/drs-operator.io/v1alpha1/targetaccounts/{world.name}/status", b"", world.plain),
        kube_call("GET", "/api/v1/namespaces/drs-system", b"", world.plain),
    ]
    assert [(call.name, call.mutation) for call in calls] == [
        (LAUNCH, True),
        ("drs DescribeJobs eu-west-1", False),
        ("dynamodb PutItem execution-history exec-ID RUN", True),
        ("dynamodb PutItem execution-history exec-ID RUN CALLING", True),
        ("dynamodb PutItem ledger RUN#WORLD/drill", True),
        ("kube PATCH drexecutions/drill", True),
        ("kube PATCH targetaccounts/WORLD/status", True),
        ("kube GET namespaces/drs-system", False),
    ]


def test_both_sides_of_every_mutation_are_points_and_launches_come_first() -> None:
    mutations, reads = [("kube PATCH x", 1), (LAUNCH, 1), ("kube PATCH x", 2)], ["kube GET y"]
    labels = [point.label for point in points_of(mutations, reads)]
    assert set(labels[:2]) == {f"before {LAUNCH} #1", f"after {LAUNCH} #1"}
    assert sorted(labels[2:]) == [
        "after kube PATCH x #1",
        "after kube PATCH x #2",
        "before kube GET y #1",
        "before kube PATCH x #1",
        "before kube PATCH x #2",
    ]
    assert labels == [point.label for point in points_of(reversed(mutations), reads)], "the order is always the same"


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_gate_kills_once_at_its_point(side: str) -> None:
    gate, killed = Gate(Point("kube PATCH x", 2, "before" if side == "before" else "after")), []
    gate.kill = lambda: killed.append(gate.mutations)
    call = Call("kube", "PATCH", "x", mutation=True)

    def ask() -> bool:
        try:
            gate.after(call, gate.before(call))
        except Dropped:
            return False
        return True

    assert [ask(), ask(), ask()] == [True, False, True]
    assert (len(killed), gate.fired) == (1, True)


def test_keeping_the_lead_is_no_sign_of_life() -> None:
    gate = Gate()
    began = gate.last_change
    for target in ("leases/drs-operator-WORLD", "ledger INSTALLATION#WORLD"):
        gate.before(Call("any", "PATCH", target, mutation=True))
    assert gate.last_change == began
    gate.before(Call("kube", "PATCH", "drexecutions/drill", mutation=True))
    assert gate.last_change > began


def test_a_result_is_kept_and_what_did_not_come_up_is_tried_again(tmp_path: Path) -> None:
    book = Book(tmp_path / "results.jsonl")
    book.add(Result("point", "one", True, 1.0, 2, ["lost"]))
    book.add(Result("point", "two", False, 1.0, 1))
    later = Book(tmp_path / "results.jsonl")
    assert (later.has("one"), later.has("two"), later.has("three")) == (True, False, False)
    later.add(Result("point", "two", True, 1.0, 2))
    told = summary(Book(tmp_path / "results.jsonl").results)
    assert (told["pointsKilled"], told["notReached"], told["violations"]) == (2, [], 1)


def test_a_broken_copy_is_other_code(tmp_path: Path) -> None:
    codes = {fingerprint(copied(tmp_path / (name or "sound"), name)) for name in ("", *BREAKS)}
    assert len(codes) == 1 + len(BREAKS)
    assert fingerprint(copied(tmp_path / "again")) in codes
