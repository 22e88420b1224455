"""Runs read by somebody who does not lead: nothing is moved, not even the epoch."""

from __future__ import annotations

from drs_operator.ledger.runs import assembled
from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.run import Run


async def find_run(store: Store, run_id: str) -> Run | None:
    """The run that has used a run id, of whatever installation; None if the id was never used. Raises ReadFailed."""
    claim = await store.get(LEDGER, {"pk": f"RUN#{run_id}"})
    return await assembled(store, str(claim["executionId"])) if claim is not None else None
