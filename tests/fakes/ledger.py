"""The ledger in memory: single items, each write conditional, as the one in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable

from drs_operator.planning.facts import Place
from drs_operator.planning.run import Answer, Run, RunWave
from drs_operator.ports import Fenced, Holder, LostRace, RunIdClaim
from tests.fakes.claims import FakeClaims
from tests.fakes.effects import Effects
from tests.fakes.tables import Tables

__all__ = ["FakeLedger", "Tables"]


class FakeLedger(FakeClaims):
    """Ports Ledger and ClaimStore, as one leader sees them."""

    def __init__(self, tables: Tables, epoch: int, effects: Effects) -> None:
        super().__init__(tables, effects)
        self._epoch = epoch

    async def claim_run_id(self, claim: RunIdClaim) -> RunIdClaim:
        """Takes the run id, or returns who has it."""
        taken = self._reach().run_ids
        if claim.run_id not in taken:
            self._effect("claim run id", lambda: taken.setdefault(claim.run_id, claim))
        return taken[claim.run_id]

    async def create_run(self, run: Run) -> Run:
        """Writes a new run, or returns the one that exists."""
        self._reach()
        if run.execution_id in self._tables.rows:
            standing = await self.load_run(run.execution_id)
            assert standing is not None
            return standing
        first = run.model_copy(update={"version": 1, "epoch": self._epoch})
        self._effect("create run", lambda: self._put(first))
        return first

    async def load_run(self, execution_id: str) -> Run | None:
        """The run; an active one of an earlier leader becomes ours. Raises Fenced."""
        if execution_id not in self._reach().rows:
            return None
        run = self._tables.run(execution_id)
        self._fence(run.epoch)
        if run.epoch < self._epoch and run.state != "Ended":
            # The waves first: once the epoch is on the row, the earlier leader can write nothing at all.
            for key in [key for key in self._tables.waves if key[0] == execution_id]:
                self._tables.waves[key] = (self._epoch, self._tables.waves[key][1])
            adopted = run.model_copy(update={"version": run.version + 1, "epoch": self._epoch})
            self._effect("adopt run", lambda: self._put(adopted))
            return adopted
        return run

    async def read_run(self, execution_id: str) -> Run | None:
        """The run, left to whoever leads it."""
        return self._tables.run(execution_id) if execution_id in self._reach().rows else None

    async def save_run(self, run: Run, before: Run) -> Run:
        """Writes the waves whose servers changed, then the row. Raises LostRace, Fenced."""
        self._reach()
        known = {wave.wave_number: wave for wave in before.waves}
        for wave in run.waves:
            old = known.get(wave.wave_number)
            if old is None or (old.servers, old.attempt) != (wave.servers, wave.attempt):
                self._put_wave(run.execution_id, wave)
        stored = self._tables.rows[run.execution_id]
        self._fence(stored["epoch"])
        if stored["version"] != before.version:
            raise LostRace(f"run {run.execution_id} is at version {stored['version']}, not {before.version}")
        saved = run.model_copy(update={"version": before.version + 1, "epoch": self._epoch})
        self._effect("save run", lambda: self._put(saved))
        return saved

    def _put(self, run: Run) -> None:
        row = run.model_dump(by_alias=True, mode="json", exclude_none=True)
        row["waves"] = [{k: v for k, v in wave.items() if k != "servers"} for wave in row["waves"]]
        self._tables.rows[run.execution_id] = row

    def _put_wave(self, execution_id: str, wave: RunWave) -> None:
        key = (execution_id, wave.wave_number, wave.attempt)
        epoch, _ = self._tables.waves.get(key, (0, []))
        self._fence(epoch)
        servers = [server.model_dump(by_alias=True, mode="json", exclude_none=True) for server in wave.servers]
        self._effect("save wave", lambda: self._tables.waves.update({key: (self._epoch, servers)}))

    def _fence(self, epoch: int) -> None:
        if epoch > self._epoch:
            raise Fenced(f"epoch {epoch} leads, this process has {self._epoch}")

    async def lock_plan(self, plan_id: str, execution_id: str, execution: str) -> str | None:
        """Takes the plan, or returns which execution holds it."""
        holder = self._reach().plans.get(plan_id, (execution_id, execution))
        if holder[0] != execution_id:
            return holder[1]
        self._effect("lock plan", lambda: self._tables.plans.update({plan_id: (execution_id, execution)}))
        return None

    async def plan_holder(self, plan_id: str) -> Holder | None:
        """Who has taken the plan."""
        holder = self._reach().plans.get(plan_id)
        return Holder(*holder) if holder else None

    async def unlock_plan(self, plan_id: str, execution_id: str) -> None:
        """Lets go of the plan, if this run holds it."""
        if self._reach().plans.get(plan_id, ("", ""))[0] == execution_id:
            self._effect("unlock plan", lambda: self._tables.plans.pop(plan_id))

    async def hold_servers(
        self, place: Place, server_ids: Iterable[str], execution_id: str, execution: str
    ) -> dict[str, str]:
        """Holds servers, one item after the other; returns the executions that hold the others."""
        losses = {}
        for server_id in server_ids:
            holder = self._reach().holds.get((place, server_id), (execution_id, execution))
            if holder[0] != execution_id:
                losses[server_id] = holder[1]
                continue
            held = {(place, server_id): (execution_id, execution)}
            self._effect("hold server", lambda held=held: self._tables.holds.update(held))  # type: ignore[misc]
        return losses

    async def server_holders(self, place: Place, server_ids: Iterable[str]) -> dict[str, Holder]:
        """Who holds which of these servers."""
        holds = self._reach().holds
        return {server_id: Holder(*holds[place, server_id]) for server_id in server_ids if (place, server_id) in holds}

    async def release_servers(self, place: Place, server_ids: Iterable[str], execution_id: str) -> None:
        """Lets go of the servers that this run holds."""
        for server_id in server_ids:
            key = (place, server_id)
            if self._reach().holds.get(key, ("", ""))[0] == execution_id:
                self._effect("release server", lambda key=key: self._tables.holds.pop(key))  # type: ignore[misc]

    async def active_runs(self, installation: str) -> list[str]:
        """Execution ids of this installation's runs that have not ended."""
        rows = self._reach().rows
        return sorted(i for i, row in rows.items() if row["installation"] == installation and row["state"] != "Ended")

    async def record_answer(self, run: Run, answer: Answer) -> None:
        """Keeps an answer; an accepted one is never replaced."""
        kept = self._reach().answers
        key = (run.execution_id, answer.type, answer.value)
        if key not in kept or kept[key].outcome == "Refused":
            self._effect("record answer", lambda: kept.update({key: answer}))
