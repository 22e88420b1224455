"""Runs in the ledger: the row `RUN`, which is the unit of atomicity, the servers of each wave, and answers.

`RUN` carries state, verdict, holds and launch intents; each transition is one conditional write of it (`version` and
`epoch`). Servers and their results are in `WAVE#001#A01`, so that a large wave does not make every transition large;
they are a projection of AWS and written before the row that counts on them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from drs_operator.api.v1alpha1.fields import clip
from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import HISTORY
from drs_operator.planning import ids
from drs_operator.planning.run import Answer, Run, RunServer, RunWave
from drs_operator.ports import Fenced, LostRace, ReadFailed

RUN = "RUN"
KEY_BYTES = 1024
ERROR_CHARACTERS = 400
"""Of a server's error: so an item of 500 servers, each with one, stays within DynamoDB's 400 KB."""
NOT_STARTED = "notStarted"
"""Marks a row whose `startTime` only stands in for one, because the index on plan and start time needs it."""


def _wave_item(number: int, attempt: int) -> str:
    return f"WAVE#{number:03d}#A{attempt:02d}"


class Runs:
    """Runs of one installation under one leader's epoch."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store = store
        self._epoch = epoch

    async def create_run(self, run: Run) -> Run:
        """Writes a new run, or returns the one that stands under its id. Waves come later, by `save_run`."""
        if run.waves:
            raise ValueError("a new run has no waves: two creators would mix theirs")
        first = run.model_copy(update={"version": 1, "epoch": self._epoch})
        standing = await self._store.put(HISTORY, _row(first), "attribute_not_exists(#executionId)")
        if standing is None:
            return first
        existing = await self.load_run(run.execution_id)
        if existing is None:
            raise LostRace(f"run {run.execution_id} was there and is gone; somebody deletes rows of the ledger")
        return existing

    async def load_run(self, execution_id: str) -> Run | None:
        """The run by a consistent read, with the epoch moved to ours if an earlier leader wrote it last."""
        rows = await _rows(self._store, execution_id)
        if RUN not in rows:
            return None
        epoch = int(rows[RUN]["epoch"])
        if epoch > self._epoch:
            raise self._fenced(execution_id, epoch)
        if epoch < self._epoch and rows[RUN]["state"] != "Ended":
            await self._adopt(execution_id, rows)
            return await self.load_run(execution_id)
        return _assemble(execution_id, rows)

    async def read_run(self, execution_id: str) -> Run | None:
        """The run by a consistent read, left to whoever leads it."""
        return await assembled(self._store, execution_id)

    async def _adopt(self, execution_id: str, rows: dict[str, dict[str, Any]]) -> None:
        """Moves the epoch on, on the waves first: once it is on `RUN`, the earlier leader can write nothing at all."""
        key = {"executionId": execution_id}
        mine = {"mine": self._epoch}
        behind = [name for name, row in rows.items() if name != RUN and int(row["epoch"]) < self._epoch]
        stands = await asyncio.gather(
            *(
                self._store.update(HISTORY, {**key, "item": name}, "SET #epoch = :mine", "#epoch < :mine", mine)
                for name in behind
            )
        )
        for standing in stands:
            if standing and int(standing["epoch"]) > self._epoch:
                raise self._fenced(execution_id, standing["epoch"])
        version = int(rows[RUN]["version"])
        lost = await self._store.update(
            HISTORY,
            {**key, "item": RUN},
            "SET #epoch = :mine, #version = :next",
            "#version = :old",
            {**mine, "next": version + 1, "old": version},
        )
        if lost is not None:
            raise LostRace(f"run {execution_id} moved while it was adopted")

    async def save_run(self, run: Run, before: Run) -> Run:
        """Writes a transition from `before`. Raises LostRace if the row has moved on, Fenced under a newer epoch.

        Returns the run as it stands: with its new version, and overlong messages of servers cut.
        """
        saved = _fitting(run.model_copy(update={"version": before.version + 1, "epoch": self._epoch}))
        known = {wave.wave_number: wave for wave in before.waves}
        for wave in saved.waves:
            old = known.get(wave.wave_number)
            if old is None or old.servers != wave.servers or old.attempt != wave.attempt:
                await self._save_wave(saved, wave)
        standing = await self._store.put(
            HISTORY,
            _row(saved),
            "#version = :old AND #epoch <= :mine",
            {"old": before.version, "mine": self._epoch},
        )
        if standing is None:
            return saved
        if int(standing.get("epoch", 0)) > self._epoch:
            raise self._fenced(run.execution_id, standing["epoch"])
        raise LostRace(f"run {run.execution_id} is at version {standing.get('version')}, not {before.version}")

    async def _save_wave(self, run: Run, wave: RunWave) -> None:
        servers = [server.model_dump(by_alias=True, mode="json", exclude_none=True) for server in wave.servers]
        values = {
            "executionId": run.execution_id,
            "item": _wave_item(wave.wave_number, wave.attempt),
            "waveNumber": wave.wave_number,
            "attempt": wave.attempt,
            "epoch": self._epoch,
            "servers": servers,
        }
        standing = await self._store.put(
            HISTORY, values, "attribute_not_exists(#item) OR #epoch <= :mine", {"mine": self._epoch}
        )
        if standing is not None:
            raise self._fenced(run.execution_id, standing.get("epoch"))

    def _fenced(self, execution_id: str, epoch: object) -> Fenced:
        return Fenced(f"run {execution_id}: epoch {epoch} leads, this process has {self._epoch}")

    async def record_answer(self, run: Run, answer: Answer) -> None:
        """Keeps an answer under `COMMAND#key#value` for the record; what was honoured is decided by the row alone."""
        item = f"COMMAND#{answer.type}#{answer.value}"
        if len(item.encode()) > KEY_BYTES:
            item = f"COMMAND#{answer.type}#{ids.command_mark(answer.type, answer.value)}"
        values = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        values |= {"executionId": run.execution_id, "item": item}
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


async def assembled(store: Store, execution_id: str) -> Run | None:
    """The run by a consistent read, as it stands: for whoever does not lead."""
    rows = await _rows(store, execution_id)
    return _assemble(execution_id, rows) if RUN in rows else None


async def _rows(store: Store, execution_id: str) -> dict[str, dict[str, Any]]:
    """The row and the waves, by the name of their item; answers to commands sort before them."""
    bound = {"id": execution_id, "run": RUN}
    items = await store.query(HISTORY, "#executionId = :id AND #item >= :run", bound)
    return {str(item["item"]): item for item in items}


def _fitting(run: Run) -> Run:
    for wave in run.waves:
        if any(server.error and len(server.error.message) > ERROR_CHARACTERS for server in wave.servers):
            run = run.with_servers(wave.wave_number, _cut)
    return run


def _cut(server: RunServer) -> RunServer:
    if server.error is None or len(server.error.message) <= ERROR_CHARACTERS:
        return server
    message = clip(server.error.message, ERROR_CHARACTERS)
    return server.model_copy(update={"error": server.error.model_copy(update={"message": message})})


def _row(run: Run) -> dict[str, Any]:
    row = run.model_dump(by_alias=True, mode="json", exclude_none=True)
    row["waves"] = [{key: value for key, value in wave.items() if key != "servers"} for wave in row["waves"]]
    row["item"] = RUN
    if "startTime" not in row:
        row |= {"startTime": row["claimedTime"], NOT_STARTED: True}
    # Keys of an index must not be empty strings.
    return {key: value for key, value in row.items() if value != ""}


def _assemble(execution_id: str, rows: dict[str, dict[str, Any]]) -> Run:
    row = dict(rows[RUN])
    waves = []
    for wave in row.get("waves", []):
        name = _wave_item(int(wave["waveNumber"]), int(wave["attempt"]))
        if name not in rows:  # a wave without servers would count as done
            raise ReadFailed(
                "DYNAMODB_ERROR",
                f"run {execution_id}: item {name} is missing in the ledger; restore it from a point-in-time recovery",
            )
        waves.append({**wave, "servers": rows[name]["servers"]})
    row["waves"] = waves
    if row.pop(NOT_STARTED, False):
        del row["startTime"]
    return Run.model_validate(row)
