"""What `drs-operator ledger timeline` prints: for people, and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from drs_operator.planning.run import Run
from drs_operator.planning.timeline import Moment, timeline


def lines(run: Run) -> Iterator[str]:
    """A heading, then a line for each moment: time, seconds since the claim, wave, what."""
    yield f"{run.execution_id}  {run.namespace}/{run.name}  run id {run.run_id}  installation {run.installation}"
    for moment in timeline(run):
        wave = f"wave {moment.wave}" if moment.wave is not None else "run"
        yield f"{_stamp(moment.time)}  {_since(run, moment):>8}  {wave:<8}  {moment.what}"
    yield f"now: {run.state}, {run.verdict}" if run.verdict else f"now: {run.state}"


def _since(run: Run, moment: Moment) -> str:
    seconds = int((moment.time - run.claimed_time).total_seconds())
    return f"+{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def as_json(run: Run) -> dict[str, Any]:
    """The same as data; times in RFC 3339."""
    return {
        "executionId": run.execution_id,
        "namespace": run.namespace,
        "name": run.name,
        "runId": run.run_id,
        "installation": run.installation,
        "state": run.state,
        "verdict": run.verdict,
        "moments": [{"time": _stamp(m.time), "waveNumber": m.wave, "message": m.what} for m in timeline(run)],
    }
