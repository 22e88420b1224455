"""Metrics of the operator, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

reconciles = Counter("drs_operator_reconciles", "Reconciles by kind and result.", ("kind", "result"))
reconcile_seconds = Histogram("drs_operator_reconcile_seconds", "How long a reconcile took.", ("kind",))
role = Gauge("drs_operator_role", "1 for what this process is now: candidate, standby or leader.", ("role",))
leader_epoch = Gauge("drs_operator_leader_epoch", "Epoch under which this process leads its installation.")
ledger_problem = Gauge(
    "drs_operator_ledger_problem", "1 while the ledger is not the one that is known: nothing is claimed or launched."
)
ledger_renewals = Counter(
    "drs_operator_ledger_renewals", "Renewals of the leadership in the ledger, by result.", ("result",)
)
orphaned_runs = Gauge(
    "drs_operator_orphaned_runs", "Active runs without an object: they are followed and launch nothing."
)
ROLES = ("candidate", "standby", "leader")


def becomes(now: str) -> None:
    """Says which of `ROLES` this process has now."""
    for name in ROLES:
        role.labels(name).set(name == now)
