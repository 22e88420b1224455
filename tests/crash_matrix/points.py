"""What the operator asks of the world, named so that the same step has the same name in every world."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

Side = Literal["before", "after"]
READ_VERBS = ("Describe", "Get", "List", "Query", "Scan", "BatchGet", "Assume", "Head")
CALLING = "CALLING"
"""Marks a write of a run's row that says of a launch that it is being called."""
_SERVER = re.compile(r"s-[0-9a-z]{17}")
_SCOPE = re.compile(r"Credential=[^/, ]+/\d{8}/([^/, ]+)/([^/, ]+)/")
_LONG_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_KEYS = ("pk", "executionId", "groupId", "planId", "item")
"""Key attributes of the ledger's tables."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who is asked, the operation, what it is about, and whether it changes anything."""

    upstream: str
    operation: str
    target: str
    mutation: bool

    @property
    def name(self) -> str:
        """`drs StartRecovery eu-west-1 app-1 app-2`."""
        return " ".join(part for part in (self.upstream, self.operation, self.target) if part)

    @property
    def renewal(self) -> bool:
        """Whether it only keeps the lead, and so goes on for ever."""
        return self.target.startswith(("leases/", "ledger INSTALLATION#"))


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """The n-th call of a name, counted from 1 over all processes of a run, and the side on which to kill."""

    name: str
    ordinal: int
    side: Side

    @property
    def label(self) -> str:
        """For people and as the key of a result."""
        return f"{self.side} {self.name} #{self.ordinal}"


def aws_call(path: str, headers: Mapping[str, str], body: bytes, plain: Callable[[str], str]) -> Call:
    """A request to AWS, DynamoDB included. `plain` takes what only this world has out of a text."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    region, service = scope.groups() if scope else ("", "")
    asked = headers.get("x-amz-target", "")
    if service == "dynamodb":
        operation = asked.rsplit(".", 1)[-1]
        return Call("dynamodb", operation, plain(_item(json.loads(body or b"{}"))), _changes(operation))
    if service == "drs":
        operation = path.split("?")[0].strip("/").split("/")[0]
        servers = sorted(set(_SERVER.findall(body.decode(errors="replace"))))
        return Call("drs", operation, plain(" ".join((region, *servers))), _changes(operation))
    operation = asked.rsplit(".", 1)[-1] or parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0]
    return Call(service, operation, region, _changes(operation))


def kube_call(method: str, path: str, body: bytes, plain: Callable[[str], str]) -> Call:
    """A request to the API server."""
    split = urlsplit(path)
    parts = [part for part in unquote(split.path).split("/") if part]
    kept = parts[3:] if parts[:1] == ["apis"] else parts[2:]
    if kept[:1] == ["namespaces"] and len(kept) > 2:
        kept = kept[2:]
    target = "/".join(kept)
    if method == "POST" and kept[-1:] == ["events"]:
        event = json.loads(body or b"{}")
        target += f"/{event.get('regarding', {}).get('name', '')}/{event.get('reason', '')}"
    return Call("kube", method, plain(target), method not in ("GET", "HEAD", "OPTIONS"))


def _changes(operation: str) -> bool:
    return not operation.startswith(READ_VERBS)


def _item(asked: Mapping[str, Any]) -> str:
    """Table and key of a request to DynamoDB."""
    table = str(asked.get("TableName", "")).removeprefix("drs-")
    where: Mapping[str, Any] = asked.get("Key") or asked.get("Item") or {}
    key = [str(where[name].get("S", "")) for name in _KEYS if name in where]
    # Attributes of these names are keys in one table and plain values in another.
    key = [part for part in key if not part.startswith("plan-")] if table == "execution-history" else key[:1]
    if key[-1:] == ["RUN"] and '"Calling"' in json.dumps(where):
        key.append(CALLING)
    return _LONG_HASH.sub("HASH", " ".join((table, *key)))
