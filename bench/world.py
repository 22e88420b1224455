"""A sandbox with a fleet in it, an operator on top, and the books that are counted in."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.scale import API_VERSION, NAMESPACE, Fleet
from drs_sandbox.kube.client import ApiClient
from drs_sandbox.up import Sandbox
from tests.e2e.harness import Operator, installed

OPERATOR = "system:serviceaccount:drs-system:drs-operator"
READS = ("get", "list", "watch")
LEDGER_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
LEASES = "leases"
CREATORS = 8
LONGEST_SECONDS = 900.0
_PLURALS = {"TargetAccount": "targetaccounts", "ProtectionGroup": "protectiongroups", "RecoveryPlan": "recoveryplans"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the books stood."""

    audit: int
    calls: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What the operator did since a mark."""

    writes: Counter[str]
    """Writes to the API server by `plural/namespace/name`, leases left out."""
    aws: Counter[str]
    """AWS calls by `service:operation`."""

    @property
    def ledger_writes(self) -> int:
        """Writes to DynamoDB that are no renewal of a lease."""
        return sum(self.aws[f"dynamodb:{operation}"] for operation in LEDGER_WRITES)


class Bench:
    """One running world."""

    def __init__(self, fleet: Fleet, sandbox: Sandbox, folder: Path) -> None:
        self.fleet = fleet
        self.sandbox = sandbox
        self.folder = folder
        self.api: ApiClient = sandbox.control_plane.api
        self.beginning = self.mark()

    def operator(self, name: str, **settings: str) -> Operator:
        """An operator, not started yet."""
        return Operator(self.sandbox, self.folder / f"{name}.log", **{"DRS_OPERATOR_LOG_LEVEL": "INFO", **settings})

    def create(self, objects: list[dict[str, Any]]) -> None:
        """Creates objects, several at a time."""

        def one(item: dict[str, Any]) -> None:
            self.api.request("POST", _collection(item["kind"], item["metadata"].get("namespace")), item)

        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(one, objects))

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, from the API server's cache."""
        items: list[dict[str, Any]] = self.api.request("GET", f"{_collection(kind, None)}?resourceVersion=0")["items"]
        return items

    def ready(self, kind: str) -> int:
        """How many objects of a kind are Ready."""
        return sum(1 for item in self.listed(kind) if is_ready(item))

    def converged(self) -> bool:
        """Whether everything is Ready."""
        wanted = (("RecoveryPlan", self.fleet.plans), ("ProtectionGroup", self.fleet.groups))
        return all(self.ready(kind) == count for kind, count in wanted) and (
            self.ready("TargetAccount") == self.fleet.accounts
        )

    def mark(self) -> Mark:
        """Where the books stand now."""
        return Mark(self._audit.stat().st_size, self._calls.stat().st_size)

    def since(self, mark: Mark) -> Counts:
        """What the operator did since then."""
        writes: Counter[str] = Counter()
        for entry in _lines(self._audit, mark.audit):
            if entry["user"]["username"] == OPERATOR and entry["verb"] not in READS:
                ref = entry.get("objectRef", {})
                if ref.get("resource") != LEASES:
                    writes["/".join((ref.get("resource", ""), ref.get("namespace", ""), ref.get("name", "")))] += 1
        aws = Counter(f"{call['service']}:{call['operation']}" for call in self.calls(mark) if not _renewal(call))
        return Counts(writes, aws)

    def await_stillness(self, seconds: float) -> None:
        """Returns when the operator has written nothing, neither to Kubernetes nor to the ledger, for so long."""
        mark, since = self.mark(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(min(1.0, seconds / 10))
            counts = self.since(mark)
            if counts.writes or counts.ledger_writes:
                mark, since = self.mark(), time.monotonic()

    def calls(self, mark: Mark) -> list[dict[str, Any]]:
        """AWS calls since a mark."""
        return list(_lines(self._calls, mark.calls))

    @property
    def _audit(self) -> Path:
        audit = self.sandbox.control_plane.audit_log
        assert audit is not None
        return audit

    @property
    def _calls(self) -> Path:
        return self.sandbox.folder.calls


def _collection(kind: str, namespace: str | None) -> str:
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{API_VERSION}{within}/{_PLURALS[kind]}"


def is_ready(item: dict[str, Any]) -> bool:
    """Whether its condition Ready is True."""
    conditions = item.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _lines(path: Path, offset: int) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        stream.seek(offset)
        for line in stream:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _renewal(call: dict[str, Any]) -> bool:
    """Whether it renews the installation's leader lease."""
    key = json.dumps(call["parameters"].get("Key", call["parameters"].get("Item", {})))
    return call["service"] == "dynamodb" and "INSTALLATION#" in key


def wait(what: str, reached: Callable[[], bool], seconds: float = LONGEST_SECONDS, every: float = 0.5) -> float:
    """Waits until something is the case; returns the seconds it took."""
    began = time.monotonic()
    while not reached():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)
    return time.monotonic() - began


@contextmanager
def running(fleet: Fleet, folder: Path, speed: float = 1.0) -> Iterator[Bench]:
    """A sandbox with the fleet's servers, the operator's types, role and tables, and no objects yet."""
    world = folder / "world.yaml"
    world.write_text(fleet.world())
    with Sandbox(folder / "sandbox", world=world, speed=speed, audit_log=folder / "audit.jsonl") as sandbox:
        bench = Bench(fleet, sandbox, folder)
        installed(sandbox)("create", "namespace", NAMESPACE)
        bench.beginning = bench.mark()
        yield bench
