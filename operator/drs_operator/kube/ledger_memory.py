"""What this cluster knows of its ledger, in annotations of the Lease: it outlives the process, not the cluster."""

from __future__ import annotations

from collections.abc import Mapping

from drs_operator.api.v1alpha1 import GROUP
from drs_operator.kube.lease import Lease
from drs_operator.planning.facts import Failure
from drs_operator.planning.leadership import Known

LEDGER_ID = f"{GROUP}/ledger-id"
EPOCH = f"{GROUP}/ledger-epoch"
LEADER = f"{GROUP}/ledger-leader"
PROBLEM = f"{GROUP}/ledger-problem"
PROBLEM_DETAIL = f"{GROUP}/ledger-problem-detail"
ACCEPTED = f"{GROUP}/adopt-ledger"
ACCEPTED_BY = f"{GROUP}/adopt-ledger-by"


class LedgerMemory:
    """Reads and writes it. Raises ReadFailed, LostRace."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    async def read(self) -> Known | None:
        """What is known; None where no operator of this installation has ever run."""
        raw = await self._lease.read()
        return None if raw is None else _known(raw["metadata"].get("annotations") or {})

    async def write(self, known: Known, before: Known) -> None:
        """Keeps what has changed; nothing is written when nothing has."""
        old, new = _annotations(before), _annotations(known)
        changed = {key: value for key, value in new.items() if old[key] != value}
        if before.accepted is not None and known.accepted is None:
            changed[ACCEPTED_BY] = None
        if changed:
            await self._lease.annotate(changed)

    async def accept(self, ledger_id: str, by: str) -> None:
        """Records that a person accepts this ledger; the operator sees it at its next look."""
        await self._lease.annotate({ACCEPTED: ledger_id, ACCEPTED_BY: by})


def _known(annotations: Mapping[str, str]) -> Known:
    code = annotations.get(PROBLEM)
    epoch = annotations.get(EPOCH, "")
    return Known(
        ledger_id=annotations.get(LEDGER_ID),
        epoch=int(epoch) if epoch.isdecimal() else 0,
        leader=annotations.get(LEADER),
        problem=Failure(code, annotations.get(PROBLEM_DETAIL, "")) if code else None,
        accepted=annotations.get(ACCEPTED),
    )


def _annotations(known: Known) -> dict[str, str | None]:
    return {
        LEDGER_ID: known.ledger_id,
        EPOCH: str(known.epoch) if known.epoch else None,
        LEADER: known.leader,
        PROBLEM: known.problem.code if known.problem else None,
        PROBLEM_DETAIL: known.problem.message if known.problem else None,
        ACCEPTED: known.accepted,
    }
