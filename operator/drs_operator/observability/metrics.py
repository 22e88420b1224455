"""Metrics of the operator, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

reconciles = Counter("drs_operator_reconciles", "Reconciles by kind and result.", ("kind", "result"))
reconcile_seconds = Histogram("drs_operator_reconcile_seconds", "How long a reconcile took.", ("kind",))
