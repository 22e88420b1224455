"""Runs of ledger tests: each under an id of its own."""

from __future__ import annotations

from typing import Any

from drs_operator.ledger.tables import HISTORY
from drs_operator.planning.run import Run
from tests import builders
from tests.builders import NOW
from tests.contract.ledger.setting import Setting


def claimed(setting: Setting, **changes: Any) -> Run:
    """A run that nobody has written yet, under an id of its own."""
    run_id = setting.new("run")
    fields = {"execution_id": f"exec-{run_id}", "run_id": run_id, "state": "Claimed", "start_time": None}
    return builders.run(**{**fields, "version": 0, "epoch": 0, **changes})


def pinned(run: Run, waves: int = 3, servers: int = 4) -> Run:
    """The run with its waves."""
    members = [
        builders.run_wave(wave, [builders.run_server(wave * 1000 + number) for number in range(servers)])
        for wave in range(1, waves + 1)
    ]
    return run.model_copy(update={"state": "Running", "start_time": NOW, "waves": tuple(members)})


async def stored(setting: Setting, run: Run, item: str) -> dict[str, Any] | None:
    """An item of the run as it stands in DynamoDB."""
    return await setting.store().get(HISTORY, {"executionId": run.execution_id, "item": item})


def relaunched(run: Run, number: int = 1) -> Run:
    """A transition that changes the servers of a wave."""
    return run.with_servers(number, lambda server: server.model_copy(update={"phase": "Launching"}))
