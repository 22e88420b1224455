"""Runs in the ledger: the row `RUN`, which is the unit of atomicity, the servers of each wave, and answers.

`RUN` carries state, verdict, holds and launch intents; each transition is one conditional write of it (`version` and
`epoch`). Servers and their results are in `WAVE#001#A01`, so that a large wave does not make every transition large;
they are a projection of AWS and written before the row that counts on them.
"""

from __future__ import annotations

from typing import Any

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import HISTORY
from drs_operator.planning.run import Answer, Run, RunWave
from drs_operator.ports import Fenced, LostRace

RUN = "RUN"


def _wave_item(wave: RunWave) -> str:
    return f"WAVE#{wave.wave_number:03d}#A{wave.attempt:02d}"


class Runs:
    """Runs of one installation under one leader's epoch."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store = store
        self._epoch = epoch

    async def create_run(self, run: Run) -> Run:
        """Writes a new run, or returns the one that stands under its id."""
        first = run.model_copy(update={"version": 1, "epoch": self._epoch})
        standing = await self._store.put(HISTORY, self._row(first), "attribute_not_exists(#executionId)")
        if standing is None:
            return first
        existing = await self.load_run(run.execution_id)
        if existing is None:
            raise LostRace(f"run {run.execution_id} was there and is gone; somebody deletes rows of the ledger")
        return existing

    async def load_run(self, execution_id: str) -> Run | None:
        """The run by a consistent read, with the epoch moved to ours if an earlier leader wrote it last."""
        items = await self._store.query(HISTORY, "#executionId = :id", {"id": execution_id})
        rows = {str(item["item"]): item for item in items}
        if RUN not in rows:
            return None
        run = _assemble(rows)
        if run.epoch > self._epoch:
            raise Fenced(f"run {execution_id} belongs to epoch {run.epoch}, this process has {self._epoch}")
        if run.epoch < self._epoch and run.state != "Ended":
            return await self._adopt(run)
        return run

    async def _adopt(self, run: Run) -> Run:
        lost = await self._store.update(
            HISTORY,
            {"executionId": run.execution_id, "item": RUN},
            "SET #epoch = :mine, #version = :next",
            "#version = :old",
            {"mine": self._epoch, "next": run.version + 1, "old": run.version},
        )
        if lost is not None:
            raise LostRace(f"run {run.execution_id} moved while it was adopted")
        return run.model_copy(update={"epoch": self._epoch, "version": run.version + 1})

    async def save_run(self, run: Run, before: Run) -> Run:
        """Writes a transition from `before`. Raises LostRace if the row has moved on, Fenced under a newer epoch."""
        known = {wave.wave_number: wave for wave in before.waves}
        for wave in run.waves:
            old = known.get(wave.wave_number)
            if old is None or old.servers != wave.servers or old.attempt != wave.attempt:
                await self._save_wave(run, wave)
        saved = run.model_copy(update={"version": before.version + 1, "epoch": self._epoch})
        standing = await self._store.put(
            HISTORY,
            self._row(saved),
            "#version = :old AND #epoch = :mine",
            {"old": before.version, "mine": self._epoch},
        )
        if standing is None:
            return saved
        if int(standing.get("epoch", 0)) > self._epoch:
            raise Fenced(f"run {run.execution_id}: epoch {standing['epoch']} leads, this process has {self._epoch}")
        raise LostRace(f"run {run.execution_id} is at version {standing.get('version')}, not {before.version}")

    async def _save_wave(self, run: Run, wave: RunWave) -> None:
        servers = [server.model_dump(by_alias=True, mode="json", exclude_none=True) for server in wave.servers]
        values = {
            "executionId": run.execution_id,
            "item": _wave_item(wave),
            "waveNumber": wave.wave_number,
            "attempt": wave.attempt,
            "epoch": self._epoch,
            "servers": servers,
        }
        standing = await self._store.put(
            HISTORY, values, "attribute_not_exists(#item) OR #epoch <= :mine", {"mine": self._epoch}
        )
        if standing is not None:
            raise Fenced(f"run {run.execution_id}: epoch {standing.get('epoch')} leads, not {self._epoch}")

    def _row(self, run: Run) -> dict[str, Any]:
        row = run.model_dump(by_alias=True, mode="json", exclude_none=True)
        row["waves"] = [{key: value for key, value in wave.items() if key != "servers"} for wave in row["waves"]]
        row["item"] = RUN
        row.setdefault("startTime", row["claimedTime"])  # the index on plan and start time needs one
        # Keys of an index must not be empty strings.
        return {key: value for key, value in row.items() if value != ""}

    async def record_answer(self, run: Run, answer: Answer) -> None:
        """Keeps an answer under `COMMAND#key#value` for the record; what was honoured is decided by the row alone."""
        values = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        values |= {"executionId": run.execution_id, "item": f"COMMAND#{answer.type}#{answer.value}"[:1024]}
        await self._store.put(
            HISTORY, values, "attribute_not_exists(#item) OR #outcome = :refused", {"refused": "Refused"}
        )

    async def active_runs(self, installation: str) -> list[str]:
        """Execution ids of this installation's runs that have not ended (through the index: eventually)."""
        found: list[str] = []
        for state in ("Claimed", "Running"):
            items = await self._store.query(
                HISTORY, "#installation = :name AND #state = :state", {"name": installation, "state": state}, "by-state"
            )
            found += [str(item["executionId"]) for item in items]
        return sorted(found)


def _assemble(rows: dict[str, dict[str, Any]]) -> Run:
    row = dict(rows[RUN])
    waves = []
    for wave in row.get("waves", []):
        item = rows.get(f"WAVE#{int(wave['waveNumber']):03d}#A{int(wave.get('attempt', 1)):02d}", {})
        waves.append({**wave, "servers": item.get("servers", [])})
    row["waves"] = waves
    if row.get("state") == "Claimed":
        row.pop("startTime", None)
    return Run.model_validate(row)
