"""The append-only log of every AWS call, in memory and as JSON lines in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drs_sandbox.aws.redaction import redacted
from drs_sandbox.clock import Clock

LOST_ANSWER = "LostAnswer"
HANGS = "Hangs"


class CallLog:
    """Records of calls: `{time, realTime, account, region, principal, service, operation, parameters, outcome}`.

    `time` is AWS's, `realTime` the machine's. `account` and `principal` are None when nobody could be made out.
    `outcome` is `{status, code?}`: HTTP status and, when it went wrong, the error's code. A call that was done but
    whose answer was lost has its status and the code `LostAnswer`; one that hangs, undone, has status 0 and `Hangs`.
    """

    def __init__(self, clock: Clock, file: Path) -> None:
        self._clock = clock
        self._muted = False
        self._records: list[dict[str, Any]] = []
        self._file = file.open("a", encoding="utf-8", buffering=1)

    def append(
        self,
        *,
        account: str | None,
        region: str | None,
        principal: str | None,
        service: str | None,
        operation: str | None,
        parameters: dict[str, Any],
        status: int,
        code: str | None = None,
    ) -> None:
        """Adds a record; secrets among the parameters are hidden."""
        outcome: dict[str, Any] = {"status": status}
        if code is not None:
            outcome["code"] = code
        with self._clock.lock:  # the order of the log is the order of the clock
            if self._muted:
                return
            real_time = datetime.now(UTC)
            record = {
                "time": self._clock.now().isoformat(),
                "realTime": real_time.isoformat(),
                "account": account,
                "region": region,
                "principal": principal,
                "service": service,
                "operation": operation,
                "parameters": redacted(parameters),
                "outcome": outcome,
            }
            self._records.append(record)
            self._file.write(json.dumps(record) + "\n")

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Nothing is logged meanwhile: for what was done before the world began."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def records(self, service: str | None = None) -> list[dict[str, Any]]:
        """All records, or those of one service, oldest first."""
        with self._clock.lock:
            return [record for record in self._records if service in (None, record["service"])]
