"""The sandbox's own API beside AWS's, under /_sandbox/: calls, faults, clock, source servers. JSON both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from drs_sandbox.aws.answers import Answer, json_answer
from drs_sandbox.aws.calls import CallLog
from drs_sandbox.aws.faults import FaultBook
from drs_sandbox.aws.wire import Request
from drs_sandbox.clock import Clock
from drs_sandbox.errors import SandboxError
from drs_sandbox.world import WorldError, load_faults

PREFIX = "/_sandbox/"


class DrsControl(Protocol):
    """What can be changed about the DRS simulator from outside AWS."""

    def set_server(self, account: str | None, server_id: str, changes: Mapping[str, str]) -> dict[str, Any]:
        """Changes a source server; returns what it is now. Raises SandboxError."""
        ...

    def release_stuck(self) -> Any:
        """Lets the servers go on that a fault holds."""
        ...


class Control:
    """The control API; safe to use from many threads."""

    def __init__(self, clock: Clock, faults: FaultBook, calls: CallLog, drs: DrsControl) -> None:
        self._clock = clock
        self._faults = faults
        self._calls = calls
        self._drs = drs

    def answer(self, request: Request) -> Answer:
        """Answers a request under PREFIX: 400 with `errors` for what is not right, 404 for what is not there."""
        path = urlsplit(request.target).path.removeprefix(PREFIX).strip("/")
        routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "ready"): lambda _: {"ready": True},
            ("GET", "calls"): lambda call: self._calls.records(_one(call, "service")),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): lambda _: self._clear_faults(),
            ("GET", "clock"): lambda _: self._clock_now(),
            ("POST", "clock"): self._change_clock,
        }
        try:
            if request.method == "POST" and path.startswith("servers/"):
                return json_answer(self._set_server(unquote(path.removeprefix("servers/")), request))
            route = routes.get((request.method, path))
            if route is None:
                return _errors(404, f"{request.method} {PREFIX}{path}: expected {', '.join(_names(routes))}")
            return json_answer(route(request))
        except SandboxError as error:
            return _errors(400, *str(error).splitlines())
        except ValueError as error:
            return _errors(400, *str(error).splitlines())

    def _add_faults(self, request: Request) -> dict[str, int]:
        source = _one(request, "source") or "faults"
        faults = load_faults(request.body.decode(errors="replace"), source)
        with self._clock.lock:
            self._faults.add(faults)
        return {"added": len(faults)}

    def _clear_faults(self) -> dict[str, int]:
        with self._clock.lock:
            ended = self._faults.clear()
            self._drs.release_stuck()
            self._clock.run_due()
        return {"ended": ended}

    def _clock_now(self) -> dict[str, Any]:
        with self._clock.lock:
            self._clock.run_due()
            return {
                "time": self._clock.now().isoformat(),
                "speed": self._clock.speed,
                "offsetSeconds": self._clock.offset_seconds,
            }

    def _change_clock(self, request: Request) -> dict[str, Any]:
        changes = _mapping(request.body)
        if not changes or not set(changes) <= {"speed", "advance"}:
            raise WorldError("clock: expected a mapping with speed or advance")
        for name, value in changes.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise WorldError(f"clock: {name}: expected a number that is not negative, not {value!r}")
        with self._clock.lock:
            if "speed" in changes:
                self._clock.set_speed(changes["speed"])
            if "advance" in changes:
                self._clock.advance(changes["advance"])
            return self._clock_now()

    def _set_server(self, server_id: str, request: Request) -> dict[str, Any]:
        changes = _mapping(request.body)
        if not changes or not all(isinstance(value, str) for value in changes.values()):
            raise WorldError(
                f"{server_id}: expected a mapping of what changes, each value a text, as in replicationState: STALLED"
            )
        with self._clock.lock:
            self._clock.run_due()
            return self._drs.set_server(_one(request, "account"), server_id, changes)


def _one(request: Request, name: str) -> str | None:
    return next(iter(request.query.get(name, [])), None)


def _mapping(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise WorldError("expected a JSON object")
    return document


def _errors(status: int, *lines: str) -> Answer:
    return json_answer({"errors": list(lines)}, status)


def _names(routes: dict[tuple[str, str], Any]) -> list[str]:
    return [*(f"{method} {PREFIX}{path}" for method, path in routes), f"POST {PREFIX}servers/ID"]
