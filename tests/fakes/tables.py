"""What the ledger in memory stores: it outlives every operator that works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drs_operator.planning.claims import Mirror, Owner, Standing, server_key
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import SettingsRecord
from drs_operator.planning.run import Answer, Run
from drs_operator.ports import ReadFailed, RunIdClaim

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A stored mirror."""

    mirror: Mirror
    version: int
    created: datetime
    updated: datetime


class Tables:
    """What is stored. It outlives every operator that works on it."""

    def __init__(self) -> None:
        self.run_ids: dict[str, RunIdClaim] = {}
        self.rows: dict[str, Item] = {}
        """The row RUN by execution id; servers are in `waves`."""
        self.waves: dict[tuple[str, int, int], tuple[int, list[Item]]] = {}
        """Epoch and servers by execution id, wave and attempt."""
        self.plans: dict[str, tuple[str, str]] = {}
        self.holds: dict[tuple[Place, str], tuple[str, str]] = {}
        """Execution id and `namespace/name` of the run that holds a server."""
        self.claims: dict[str, Owner] = {}
        """Who has claimed what, by the ledger's key. A hold on a server is in `holds`, whoever claims it."""
        self.mirrors: dict[str, Row] = {}
        """Rows of groups and plans by their owner's id."""
        self.answers: dict[tuple[str, str, str], Answer] = {}
        self.settings: dict[tuple[Place, str], SettingsRecord] = {}
        """What is remembered of launch settings, by place and server."""
        self.failure: ReadFailed | None = None
        """Every request fails with this while it is set."""

    def run(self, execution_id: str) -> Run:
        """The run as it is stored."""
        row = self.rows[execution_id]
        waves = []
        for wave in row["waves"]:
            _, servers = self.waves.get((execution_id, wave["waveNumber"], wave["attempt"]), (0, []))
            waves.append({**wave, "servers": servers})
        return Run.model_validate({**row, "waves": waves})

    def standing(self, key: str) -> Standing | None:
        """A claim with the hold on it, as one item has both."""
        owner, holder = self.claims.get(key), None
        if key.startswith("SERVER#"):
            _, account_id, region, server_id = key.split("#")
            holder = self.holds.get((Place(account_id, region), server_id))
        if owner is None and holder is None:
            return None
        return Standing(key, owner, *(holder or (None, None)))

    def claimed_keys(self) -> list[str]:
        """Keys of everything that is claimed or held, in order."""
        return sorted({*self.claims, *(server_key(place, server_id) for place, server_id in self.holds)})
