"""The client side of the simulated AWS's control API, ``/_sandbox/…`` at its endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from drs_sandbox.errors import SandboxError

# Moving the clock does all the work that becomes due, before it answers.
_TIMEOUT_SECONDS = 120.0


class ControlRefused(Exception):
    """The control API found something wrong with a request; ``str()`` is one line for each finding."""


class ControlClient:
    """Faults, clock and source servers of a running sandbox."""

    def __init__(self, aws_url: str) -> None:
        self._url = f"{aws_url}/_sandbox"

    def ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self._url}/ready", retries=False, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def calls(self, service: str | None = None) -> list[dict[str, Any]]:
        """Records of AWS calls, oldest first."""
        records: list[dict[str, Any]] = self._ask("GET", "calls", {"service": service} if service else {})
        return records

    def add_faults(self, text: str, source: str) -> int:
        """Adds the faults of a YAML mapping with the key ``faults``; findings call it ``source``. Returns how many."""
        return int(self._ask("POST", "faults", {"source": source}, body=text.encode())["added"])

    def clear_faults(self) -> int:
        """Ends all faults and lets stuck jobs go on; returns how many faults there were."""
        return int(self._ask("DELETE", "faults")["ended"])

    def clock(self) -> dict[str, Any]:
        """``{time, speed, offsetSeconds}``; time is AWS's, ISO 8601."""
        now: dict[str, Any] = self._ask("GET", "clock")
        return now

    def change_clock(self, *, speed: float | None = None, advance: float | None = None) -> dict[str, Any]:
        """Sets the speed, or moves AWS's time on by seconds; what became due is done when it returns."""
        changes = {key: value for key, value in (("speed", speed), ("advance", advance)) if value is not None}
        now: dict[str, Any] = self._ask("POST", "clock", body=json.dumps(changes).encode())
        return now

    def set_server(self, server: str, changes: Mapping[str, str], account: str | None = None) -> dict[str, Any]:
        """Changes a source server; returns it as it is then."""
        query = {"account": account} if account else {}
        shown: dict[str, Any] = self._ask(
            "POST", f"servers/{quote(server, safe='')}", query, json.dumps(dict(changes)).encode()
        )
        return shown

    def _ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes | None = None) -> Any:
        url = f"{self._url}/{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = urllib3.request(method, url, body=body, retries=False, timeout=_TIMEOUT_SECONDS)
        except urllib3.exceptions.HTTPError as error:
            raise SandboxError(
                "NoAnswer",
                f"the simulated AWS does not answer: {error}",
                "drs-sandbox status tells what runs, logs/aws.log what happened.",
            ) from None
        document = json.loads(answer.data)
        if answer.status >= 400:
            raise ControlRefused("\n".join(document["errors"]))
        return document
