"""Who leads an installation, and whether the ledger is still the one that this cluster knows.

Two clusters of one installation share a ledger; only one of them leads, and the other never takes over by itself: a
leader that is silent may still be at work. Within a cluster a Kubernetes Lease decides, which also keeps what is known
of the ledger, so that a lost, replaced or rolled back ledger is told from a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drs_operator.api.v1alpha1 import Resource
from drs_operator.api.v1alpha1.conditions import set_condition
from drs_operator.api.v1alpha1.enums import ConditionStatus, ConditionType
from drs_operator.api.v1alpha1.meta import ResourceStatus
from drs_operator.planning.facts import Failure

STANDBY = "StandbyInstallation"
"""Reason of Ready in a cluster that does not lead."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A person wants a cluster to lead."""

    cluster: str
    by: str
    time: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads an installation, as the ledger has it (`INSTALLATION#name`)."""

    cluster: str
    """Uid of the cluster's namespace kube-system."""
    process: str
    epoch: int
    renewed: str
    """When it was last heard of: RFC 3339, UTC."""
    wish: Wish | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a cluster knows of its ledger; kept in the Lease."""

    ledger_id: str | None = None
    epoch: int = 0
    leader: str | None = None
    """Uid of the cluster that led when the ledger was right."""
    problem: Failure | None = None
    """Found earlier and not accepted since."""
    accepted: str | None = None
    """The ledger that a person has accepted, until the operator has seen that."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger says of itself now."""

    region: str
    missing_tables: Sequence[str]
    ledger_id: str | None
    """None: it has no META item."""
    epoch: int
    """0: it has no item of this installation."""


def may_lead(leader: Leader | None, cluster: str) -> bool:
    """Whether this cluster leads: nobody has led yet, it led before, or a person wants it to."""
    if leader is None or leader.cluster == cluster:
        return True
    return leader.wish is not None and leader.wish.cluster == cluster


def next_epoch(leader: Leader | None, known: Known) -> int:
    """An epoch above every one that was ever given out, as far as ledger and cluster know."""
    return max(leader.epoch if leader else 0, known.epoch) + 1


def judge(known: Known, found: Ledger) -> Failure | None:
    """What is wrong with the ledger: found now, or earlier and not accepted since."""
    if known.ledger_id is None:  # this cluster has never seen one
        return None
    if found.missing_tables:
        return Failure(
            "LEDGER_REPLACED",
            f"tables of the ledger are missing in {found.region}: {', '.join(found.missing_tables)}. Nothing is "
            "claimed or launched. Restore them from a point-in-time recovery, or make new ones with: drs-operator "
            "init-ledger; then accept what is there with: drs-operator adopt-ledger",
        )
    if known.accepted is not None and known.accepted == found.ledger_id:
        return None
    if found.ledger_id != known.ledger_id:
        is_now = f"now it is {found.ledger_id}" if found.ledger_id else "now it has no META item"
        return Failure(
            "LEDGER_REPLACED",
            f"the ledger in {found.region} was {known.ledger_id}, {is_now}. Nothing is claimed or launched. Put the "
            "right one back (DRS_OPERATOR_TABLE_PREFIX, DRS_OPERATOR_LEDGER_REGION, or a restore), or accept this one "
            "with: drs-operator adopt-ledger",
        )
    if found.epoch < known.epoch:
        return Failure(
            "LEDGER_ROLLED_BACK",
            f"ledger {found.ledger_id} in {found.region} is at epoch {found.epoch}, {known.epoch} was known: an "
            "earlier state was restored, later runs and claims are not in it. Nothing is claimed or launched. Look for "
            "launches that it does not know, then accept it with: drs-operator adopt-ledger",
        )
    return known.problem


def learned(known: Known, found: Ledger, leader: Leader | None, problem: Failure | None) -> Known:
    """What is known from now on. While something is wrong, the ledger that was right stays known, until accepted."""
    if problem is not None:
        return replace(known, problem=problem)
    return Known(found.ledger_id, found.epoch, leader.cluster if leader else None)


def without_table(known: Known, cluster: str, process: str) -> Leader:
    """Who leads while the table that says so is missing: whoever did. Nobody can launch meanwhile."""
    if known.leader is None or known.leader == cluster:
        return Leader(cluster, process, known.epoch + 1, renewed="")
    return Leader(known.leader, process="", epoch=known.epoch, renewed="")


def standby_message(installation: str, leader: Leader) -> str:
    """Why an object is not looked at here. Changes only when another cluster leads."""
    return (
        f"installation {installation} is led by cluster {leader.cluster}; this cluster stands by and does nothing. It "
        "never takes over by itself; to let it lead: drs-operator take-over"
    )


def standing_by(resource: Resource, message: str, now: datetime) -> ResourceStatus:
    """The status of an object in a cluster that stands by: Ready is Unknown, everything else stays as it was."""
    status: ResourceStatus = resource.status
    generation = resource.metadata.generation or 0
    listed = set_condition(
        status.conditions, ConditionType.READY, ConditionStatus.UNKNOWN, STANDBY, message, generation, now
    )
    return status.model_copy(update={"conditions": listed})
