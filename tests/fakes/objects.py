"""The operator's cache in a test: what the watch has brought so far."""

from __future__ import annotations

from typing import TypeVar

from drs_operator.api.v1alpha1 import DRExecution, RecoveryPlan, Resource
from tests.fakes.cluster import FakeCluster

R = TypeVar("R", bound=Resource)


class FakeObjects:
    """Port Objects. It lags behind the cluster until `catch_up`."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self._seen: list[Resource] = []

    def catch_up(self) -> None:
        """The watch brings everything that has happened."""
        self._seen = self._cluster.everything()

    def everything(self) -> list[Resource]:
        """All objects of all kinds, as last seen."""
        return list(self._seen)

    def get(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """One object."""
        return next((found for found in self.all(kind, namespace) if found.metadata.name == name), None)

    def all(self, kind: type[R], namespace: str | None = None) -> list[R]:
        """All objects of a kind, of one namespace or of all."""
        return [
            found
            for found in self._seen
            if isinstance(found, kind) and (namespace is None or found.metadata.namespace == namespace)
        ]

    def plans_using(self, namespace: str | None, group: str) -> list[RecoveryPlan]:
        """The plans that have a wave with this group."""
        return [
            plan
            for plan in self.all(RecoveryPlan, namespace)
            if any(wave.protection_group_ref.name == group for wave in plan.spec.waves)
        ]

    def executions_of(self, namespace: str | None, plan: str) -> list[DRExecution]:
        """The executions of a plan."""
        return [e for e in self.all(DRExecution, namespace) if e.spec.recovery_plan_ref.name == plan]
